"""Several finished runs on one page, one beside the other: what skill looks like and what not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from attngru_bt.reports import charts, html, metrics, score_charts
from attngru_bt.reports.collect import collect
from attngru_bt.reports.html import Picture, picture
from attngru_bt.reports.sheet import TearSheet
from attngru_bt.reports.tables import three
from attngru_bt.reports.verdict import verdict

_LIKELY = 1.96  # standard errors on either side, of an interval of 95%


@dataclass(frozen=True)
class Side:
    """A run as its column of the page shows it. It can be sent between processes.

    Attributes
    ----------
    title, about : str
        What it is called, and what it is, in a sentence or two.
    verdict : str
        That of its tear sheet.
    strength : str
        How strong its scores are, with an interval.
    mean_rank_ic, low, high : float
        Mean monthly rank IC, and the ends of an interval of 95% around it.
    cards : list of Card
    pictures : list of Picture
    link : str
        Where the whole tear sheet is, as seen from the page.
    """

    title: str
    about: str
    verdict: str
    strength: str
    mean_rank_ic: float
    low: float
    high: float
    cards: list[metrics.Card]
    pictures: list[Picture]
    link: str


def side(
    strategy: Any, title: str, about: str, link: str, *, planted: float | None = None, **how: Any
) -> Side:
    """Return what the page shows of a finished run.

    Parameters
    ----------
    strategy : Strategy
        With a `Performance` analyzer and a signal that made scores.
    title, about, link : str
        See `Side`.
    planted : float, default None
        Mean monthly rank IC of the signal that was planted in the data; None: not known.
    **how
        `baseline`, `baseline_name`, `name`, `market` as of `attngru_bt.tearsheet.save`.
    """
    sheet = collect(strategy, **how)
    mean, low, high = interval(sheet)
    return Side(
        title=title,
        about=about,
        verdict=verdict(sheet),
        strength=_strength(mean, low, high, planted),
        mean_rank_ic=mean,
        low=low,
        high=high,
        cards=metrics.cards(sheet),
        pictures=[
            picture(f"Cumulative return: {title}", partial(_cumulative, sheet)),
            picture(f"Rank IC per month: {title}", partial(_rank_ic, sheet)),
        ],
        link=link,
    )


def interval(sheet: TearSheet) -> tuple[float, float, float]:
    """Return the mean monthly rank IC and an interval of 95% around it; NaN without scores."""
    if sheet.quality is None:
        return np.nan, np.nan, np.nan
    values = sheet.quality["rank_ic"].dropna().to_numpy()
    if len(values) < 2:
        return np.nan, np.nan, np.nan
    mean, error = float(values.mean()), float(values.std(ddof=1) / np.sqrt(len(values)))
    return mean, mean - _LIKELY * error, mean + _LIKELY * error


def _strength(mean: float, low: float, high: float, planted: float | None) -> str:
    if np.isnan(mean):
        return ""
    text = f"Mean rank IC {three(mean)}, likely between {three(low)} and {three(high)} (95%)"
    if planted is None:
        where = "within" if low <= 0 <= high else "outside"
        return f"{text}: 0, which is no skill, is {where} that range."
    where = "within" if low <= planted <= high else "outside"
    return f"{text}: the {three(planted)} that was planted is {where} that range."


def _cumulative(sheet: TearSheet) -> Any:
    """Return the chart on a log scale, on which two runs can be compared."""
    return next(iter(charts.cumulative(sheet).values()))


def _rank_ic(sheet: TearSheet) -> Any:
    assert sheet.quality is not None
    return score_charts.monthly_rank_ic(sheet.quality["rank_ic"].dropna())


def render(sides: Sequence[Side], title: str, about: str) -> str:
    """Build the page.

    Parameters
    ----------
    sides : sequence of Side
        From left to right; two fit beside each other.
    title, about : str
        Heading, and what the page is for.
    """
    return html.fill("side_by_side.html", title, sides=list(sides), about=about)
