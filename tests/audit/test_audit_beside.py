"""The audit of training on a market beside the feeds: its future is altered as well."""

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import Ridge

from attngru_bt import Blend, SignalGenerator, audit
from attngru_bt.audit import beside
from attngru_bt.data import make_market
from attngru_bt.data.bars import Bars
from attngru_bt.data.market import Market
from attngru_bt.features import roster
from attngru_bt.walkforward import Recipe

SETTINGS = dict(topk=2, min_months=3, lookback=1, n_components=None)
SCORES = [name for name in audit.CHECKS if name != "scores"]  # what is left out


@pytest.fixture(scope="module")
def wide():
    return make_market(n_assets=12, n_days=260, seed=3, late=0, gaps=0, delisted=0)


@pytest.fixture(scope="module")
def feeds(wide):
    bars = wide.bars.select([f"S{i:03d}" for i in range(5)])
    return Market(bars, None, None, "feeds")


def audited(feeds, place):
    signal = SignalGenerator(Ridge(), factors=["ROC6", "BIAS5"], train_on=place, **SETTINGS)
    return audit.run(feeds, signal=signal, topk=2, min_months=3, cuts=1, skip=SCORES)


def looking_ahead(monkeypatch, days):
    """Have the rows of a market beside the feeds come some days early."""
    honest = roster.Beside

    def early(market):
        bars = market.bars
        lines = {
            name: np.vstack([line[days:], np.full((min(days, len(line)), line.shape[1]), np.nan)])
            for name, line in bars.lines.items()
        }
        return honest(Market(Bars(bars.dates, bars.assets, lines), None, None, market.name))

    monkeypatch.setattr(roster, "Beside", early)


@pytest.mark.slow
def test_honest_training_beside_the_feeds_passes(wide, feeds, tmp_path):
    report = audited(feeds, wide)
    (check,) = [check for check in report.checks if check.name == "scores"]
    assert check.status == "pass", check.summary


@pytest.mark.slow
def test_rows_that_come_early_are_found(wide, feeds, monkeypatch):
    looking_ahead(monkeypatch, 15)
    (check,) = [c for c in audited(feeds, wide).checks if c.name == "scores"]
    assert check.status == "fail"
    assert "with other bars after" in " ".join(finding.sentence for finding in check.findings)


class TestAltered:
    @pytest.mark.parametrize("place", ["members", "all", None])
    def test_without_a_market_nothing_changes(self, place):
        signal = SignalGenerator(Ridge(), train_on=place)
        params = {"signal": signal, "train_on": "all", "topk": 3}
        assert not beside.has_any(params)
        assert beside.altered(params, lambda market: 1 / 0) == params
        blend = Blend(["ridge", Recipe(Ridge())])
        assert beside.altered({"signal": blend}, lambda market: 1 / 0)["signal"] is blend

    def test_a_market_is_found_wherever_it_is_given(self, wide):
        day = wide.bars.dates[100]
        one = SignalGenerator(Ridge(), train_on=wide)
        for params, get in (
            ({"train_on": wide}, lambda p: p["train_on"]),
            ({"signal": one}, lambda p: p["signal"].train_on),
            (
                {"signal": Blend({"a": "ridge", "b": Recipe(Ridge(), train_on=wide)})},
                lambda p: p["signal"].members()["b"].train_on,
            ),
        ):
            assert beside.has_any(params)
            new = get(beside.altered(params, lambda market: beside.changed(market, day, 1)))
            assert get(params) is wide and new is not wide
            close, was = new.bars["close"], wide.bars["close"]
            np.testing.assert_array_equal(close[:101], was[:101])
            assert not (close[101:] == was[101:]).any()
        assert one.train_on is wide

    def test_a_path_is_read_once(self, wide, tmp_path):
        table = wide.bars.frame("close").stack().rename("close").rename_axis(["date", "symbol"])
        table.reset_index().to_csv(tmp_path / "panel.csv", index=False)
        read = beside.read({"train_on": str(tmp_path)})
        assert isinstance(read["train_on"], Market)
        assert beside.read(read)["train_on"] is read["train_on"]

    def test_a_market_that_begins_later_is_all_future(self, wide):
        day = wide.bars.dates[0] - pd.Timedelta(days=3)
        ended = beside.ended(wide, day)
        assert len(ended.bars) == len(wide.bars)
        assert not (ended.bars["close"] == wide.bars["close"]).any()
        assert beside.ended(wide, wide.bars.dates[7]).bars.dates[-1] == wide.bars.dates[7]
