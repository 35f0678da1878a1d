"""The verdict in one sentence, from its figures."""

import re
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from attngru_bt.data.schedule import Schedule
from attngru_bt.reports.verdict import verdict


def sheet(mean=0.05, t=3.0, t_hac=2.5, months=60, ahead=0.01, noise=1e-5, **given):
    rng = np.random.default_rng(0)
    index = pd.bdate_range("2015-01-01", periods=1000)
    returns = pd.Series(rng.normal(0, 0.01, 1000), index=index)
    other = returns - ahead / 252 + rng.normal(0, noise, 1000)
    quality = pd.DataFrame(
        {"mean": mean, "t": t, "t_hac": t_hac, "months": months}, index=["rank_ic"]
    )
    made = dict(
        quality_summary=quality,
        baseline={"name": "equal weight"},
        baseline_returns=other,
        benchmark=None,
        benchmark_returns=None,
        returns=returns,
        difference=lambda _: ahead,
    )
    made |= {"evidence": "out-of-sample", "schedule": Schedule()}
    return SimpleNamespace(**(made | given))


@pytest.mark.parametrize(
    ("figures", "begins"),
    [
        ({}, "The scores rank better than chance: rank IC 0.050, t 2.5;"),
        (dict(t_hac=1.9), "No skill beyond chance: rank IC 0.050, t 1.9;"),
        (dict(mean=-0.009, t=-0.4, t_hac=-0.5), "No skill beyond chance: rank IC −0.009, t −0.4;"),
        (dict(mean=-0.1, t=-4, t_hac=-3), "The scores rank worse than chance: rank IC −0.100"),
        (dict(months=12), "Too early to tell skill from chance: rank IC 0.050, t 2.5, 12 months;"),
    ],
)
def test_skill(figures, begins):
    assert verdict(sheet(**figures)).startswith(begins)


@pytest.mark.parametrize(("unit", "least"), [("week", 52), ("month", 24), ("quarter", 12)])
def test_how_many_it_takes_depends_on_the_schedule(unit, least):
    def text(count):
        return verdict(sheet(months=count, schedule=Schedule(unit)))

    assert text(least).startswith("The scores rank better than chance")
    assert f"Too early to tell skill from chance: rank IC 0.050, t 2.5, {least - 1} {unit}s" in (
        text(least - 1)
    )


def test_what_it_earned():
    text = verdict(sheet(ahead=0.02))
    assert re.search(
        r"; ahead of equal weight by 2.0 points a year after costs \(t \d+\.\d\)\.$", text
    )
    noisy = verdict(sheet(ahead=-0.02, noise=0.01))
    assert (
        "; behind equal weight by 2.0 points a year after costs, which could be luck (t " in noisy
    )


def test_without_a_baseline_it_is_the_index_and_without_either_nothing():
    alone = dict(baseline=None, baseline_returns=None)
    index = sheet().baseline_returns
    assert "the index by 1.0 points" in verdict(
        sheet(**alone, benchmark={"name": "index"}, benchmark_returns=index)
    )
    assert verdict(sheet(**alone)) == "The scores rank better than chance: rank IC 0.050, t 2.5."
    assert verdict(sheet(**alone, quality_summary=None)) == ""
