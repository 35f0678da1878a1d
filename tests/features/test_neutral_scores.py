"""Exposures of a month-end by hand, and scores that no longer depend on them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LinearRegression, Ridge

from attngru_bt import Blend, MonthlyTopK, SignalGenerator, backtest, make_market, walk_forward
from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.market import Market
from attngru_bt.features.exposures import EXPOSURES, exposures, neutral

pytestmark = pytest.mark.slow  # whole walks and backtests

SETTINGS = dict(
    topk=3, min_months=4, lookback=1, n_components=None, factors=["BIAS5", "ROC6", "VOL20"]
)


@pytest.fixture(scope="module")
def market():
    return make_market(n_assets=14, n_days=260, seed=5)


def bits(walk):
    return [(r.month_end, r.scores.to_json(double_precision=15)) for r in walk.records]


def without(market, *lines):
    kept = {name: line for name, line in market.bars.lines.items() if name not in lines}
    return Market(Bars(market.bars.dates, market.bars.assets, kept), None, None, "fewer lines")


def by_hand(bars, end, member):
    """The exposures of all stocks, one by one, as their definitions read."""
    frame = {name: pd.DataFrame(line[: end + 1]) for name, line in bars.lines.items()}
    returns = (np.log(frame["close"]) - np.log(frame["close"].shift(1))).iloc[1:]
    index = returns.loc[:, member].mean(axis=1)
    table = pd.DataFrame(index=frame["close"].columns, columns=EXPOSURES, dtype=float)
    for stock in table.index:
        table.loc[stock, "size"] = np.log(frame["market_cap"][stock].iloc[-1])
        own = returns[stock].iloc[-60:].dropna()
        table.loc[stock, "volatility"] = own.std(ddof=0) if len(own) >= 20 else np.nan
        own = frame["turnover"][stock].iloc[-20:].dropna()
        table.loc[stock, "turnover"] = own.mean() if len(own) >= 7 else np.nan
        both = pd.DataFrame({"x": index, "y": returns[stock]}).iloc[-120:].dropna()
        slope = np.polyfit(both["x"], both["y"], 1)[0] if len(both) >= 40 else np.nan
        table.loc[stock, "beta"] = slope
    return table


class TestExposures:
    @pytest.mark.parametrize("end", [50, 130, 259])
    def test_they_are_what_they_are_called(self, market, end):
        bars = market.bars
        columns, member = np.arange(14), np.arange(14) % 3 > 0
        got = pd.DataFrame(exposures(EXPOSURES, bars, end, columns, member))
        pd.testing.assert_frame_equal(got, by_hand(bars, end, member), rtol=1e-9)
        some = np.array([7, 2])
        part = exposures(["beta", "size"], bars, end, some, member[some])
        assert list(part) == ["size", "beta"] and len(part["size"]) == 2

    def test_later_bars_are_not_looked_at(self, market):
        columns, member = np.arange(14), np.ones(14, dtype=bool)
        known = exposures(EXPOSURES, market.bars, 130, columns, member)
        cut = exposures(EXPOSURES, market.bars.rows(0, 131), 130, columns, member)
        for name in EXPOSURES:
            assert known[name].tobytes() == cut[name].tobytes()

    def test_turnover_without_its_line_is_amount_over_value(self, market):
        bars = without(market, "turnover").bars
        columns, member = np.arange(14), np.ones(14, dtype=bool)
        got = exposures(["turnover"], bars, 200, columns, member)["turnover"]
        amount, size = (bars[name][181:201] for name in ("amount", "market_cap"))
        want = np.log(np.nanmean(amount, axis=0) / np.nanmean(size, axis=0))
        np.testing.assert_allclose(got, want)

    @pytest.mark.parametrize(
        ("lines", "why"),
        [
            (["market_cap", "float_cap"], "'size' needs the line market_cap or float_cap"),
            (["turnover", "amount"], "'turnover' needs the line turnover or amount"),
            (
                ["turnover", "market_cap", "float_cap"],
                "'turnover' needs the line turnover or market_cap or float_cap",
            ),
        ],
    )
    def test_a_line_that_is_missing_is_told(self, market, lines, why):
        name = why.split("'")[1]
        of_closes = SETTINGS | {"factors": ["BIAS5", "ROC6"]}
        signal = SignalGenerator(Ridge(), neutralize=[name], **of_closes)
        with pytest.raises(DataError, match=f"`neutralize`: {why}"):
            signal.scores(without(market, *lines).bars)


class TestNeutral:
    @settings(max_examples=30, deadline=None)
    @given(st.integers(0, 2**32 - 1), st.integers(8, 40), st.integers(1, 4), st.floats(0, 1))
    def test_it_is_a_regression(self, seed, n, k, share):
        rng = np.random.default_rng(seed)
        scores = pd.Series(rng.normal(size=n), index=[f"S{i}" for i in range(n)])
        table = pd.DataFrame(rng.normal(size=(n, k)), index=scores.index)
        table[rng.random((n, k)) < 0.1] = np.nan
        got = neutral(scores, {str(c): table[c].to_numpy() for c in table}, share)
        ranks = 2 * (scores.rank() - 1) / (n - 1) - 1
        x = (2 * (table.rank() - 1) / (table.count() - 1) - 1).fillna(0.0)
        left = ranks - LinearRegression().fit(x, ranks).predict(x)
        want = (1 - share) * ranks + share * left * ranks.std() / left.std()
        pd.testing.assert_series_equal(got, want, check_names=False, atol=1e-9)
        if share == 1:
            assert np.abs(np.corrcoef(got, x.T)[0, 1:]).max() < 1e-7

    def test_nothing_is_left_of_few_stocks(self):
        scores = pd.Series([1.0, 2.0, 3.0], index=list("abc"))
        assert neutral(scores, {"a": [1, 5, 2], "b": [2, 1, 4]}, 1.0).empty
        assert neutral(scores, {"a": [1.0, 2.0, 3.0]}, 1.0).tolist() == [0, 0, 0]
        assert neutral(scores, {"a": [1.0, 2.0, 3.0]}, 0.0).tolist() == [-1, 0, 1]
        assert neutral(scores, {"a": [np.nan] * 3}, 1.0).tolist() == pytest.approx([-1, 0, 1])


class TestWalk:
    @pytest.mark.parametrize("blend", [False, True])
    def test_scores_do_not_depend_on_the_exposures(self, market, blend):
        how = dict(neutralize=EXPOSURES)
        model = Blend([Ridge(), "random"], **how) if blend else Ridge()
        raw, walk = walk_forward(
            market, {"raw": SignalGenerator(Ridge(), **SETTINGS), "own": model}, **SETTINGS | how
        )
        months = [record for record in walk.records if len(record.scores)]
        assert len(months) > 5
        dates, assets = market.bars.dates, np.array(market.bars.assets)
        dependence = []
        for record in months:
            table = by_hand(market.bars, dates.get_loc(record.month_end), np.ones(14, bool))
            table = table.set_index(assets).loc[record.scores.index].rank()
            table = table.fillna(table.mean())
            table = table.loc[:, table.std() > 0]
            assert np.abs(np.corrcoef(record.scores, table.T)[0, 1:]).max() < 0.2
            before = np.corrcoef(raw.at(record.month_end)[record.scores.index], table.T)[0, 1:]
            dependence.append(np.abs(before).max())
        assert np.mean(dependence) > 0.3

    @pytest.mark.parametrize("blend", [False, True])
    def test_both_drivers_and_a_run_that_goes_on(self, market, tmp_path, blend):
        how = SETTINGS | dict(neutralize=["size", "beta"], neutral_share=0.5)
        model = Blend([Ridge(), Ridge(9.0)]) if blend else Ridge()
        walk, again = (
            walk_forward(market, {"own": model}, folder=tmp_path, **how)[0] for _ in range(2)
        )
        assert bits(walk) == bits(again) and again.records[-1].found
        (other,) = walk_forward(
            market, {"own": model}, folder=tmp_path, **how | {"neutral_share": 1.0}
        )
        assert bits(other) != bits(walk)
        along = backtest.run(market, signal=model, **how)
        assert bits(along.signal.walk_) == bits(walk)
        # another market value changes neutral scores, and no other file is taken for them
        lines = dict(market.bars.lines)
        lines["market_cap"] = lines["market_cap"][:, ::-1]
        turned = Market(Bars(market.bars.dates, market.bars.assets, lines), None, None, "turned")
        (other,) = walk_forward(turned, {"own": model}, folder=tmp_path, **how)
        assert bits(other) != bits(walk)

    @pytest.mark.parametrize(
        ("how", "why"),
        [
            ({"neutralize": ["sise"]}, "did you mean 'size'"),
            ({"neutralize": "size"}, "`neutralize` must be a list"),
            ({"neutralize": ["size"], "neutral_share": 1.5}, "`neutral_share` must be a number"),
        ],
    )
    def test_what_cannot_be_is_told(self, market, how, why):
        for signal in (SignalGenerator(Ridge(), **how), Blend([Ridge()], **how)):
            with pytest.raises((ValueError, TypeError), match=why):
                signal.scores(market.bars)

    def test_a_universe_too_small_has_no_scores(self, market):
        few = market.bars.assets[:4]
        columns = [market.bars.assets.index(name) for name in few]
        lines = {name: line[:, columns] for name, line in market.bars.lines.items()}
        small = Market(Bars(market.bars.dates, few, lines), None, None, "small")
        how = SETTINGS | {"topk": 1, "neutralize": EXPOSURES}
        strategy = backtest.run(small, MonthlyTopK, signal=SignalGenerator(Ridge(), **how), topk=1)
        assert "no score" in strategy.why_not_traded


def test_known_are_those_whose_lines_the_data_have(tmp_path):
    market = make_market(n_assets=12, n_days=200, seed=2)
    bars = market.bars

    def cut(*lines):
        of_bars = {line: bars[line] for line in lines}
        return Market(Bars(bars.dates, bars.assets, of_bars), None, None, "cut")

    for data, expected in (
        (market, ["size", "volatility", "turnover", "beta"]),
        (cut("close"), ["volatility", "beta"]),
        (cut("close", "amount"), ["volatility", "beta"]),  # of what share is not known
        (cut("close", "turnover"), ["volatility", "turnover", "beta"]),
    ):
        known, named = (
            walk_forward(
                data, {"r": Ridge()}, factors=["ROC6", "BIAS5"], n_components=None, min_months=3,
                neutralize=names, neutral_share=0.5, folder=tmp_path / str(len(expected)),
            )[0]
            for names in (["known"], expected)
        )  # fmt: skip
        assert len(known.scores()) > 3
        pd.testing.assert_frame_equal(known.scores(), named.scores())
