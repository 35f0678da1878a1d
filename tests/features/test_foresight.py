"""Columns that know the next month or session are told from honest ones, as early as can be."""

import logging
import re

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression

import attngru_bt
from attngru_bt import Bars, SignalGenerator, audit, backtest, make_market
from attngru_bt.audit import foresight as check
from attngru_bt.cli.console import log_to_stderr
from attngru_bt.data.market import Market
from attngru_bt.factors import compute
from attngru_bt.features.cross_section import month_ends
from attngru_bt.features.foresight import Watch, rank_correlations, returns_between, spans
from attngru_bt.features.labels import top_labels


@pytest.fixture(scope="module")
def market():
    return make_market(12, 460, seed=4, signal=0.1, late=1, gaps=1, delisted=0)


def ahead(bars):
    """Return from each session to the end of the next month, and to the next session."""
    close = bars.frame("close").ffill().to_numpy()
    ends = month_ends(bars.dates)
    month = np.searchsorted(ends, np.arange(len(bars)))
    later = ends[np.minimum(month + 1, len(ends) - 1)]
    tomorrow = np.minimum(np.arange(len(bars)) + 1, len(bars) - 1)
    return close[later] / close - 1, close[tomorrow] / close - 1, close[tomorrow]


def planted(bars):
    """Columns that know the future, by name."""
    month, day, tomorrow = ahead(bars)
    rng = np.random.default_rng(0)
    return {
        "future_return": month,
        "target": np.array([top_labels(row, 3) for row in month]),
        "next_day_return": day,
        "close_of_tomorrow": tomorrow,
        "turned_round": -month,
        "noisy": month / np.nanstd(month) + rng.normal(0, 1.2, month.shape),
    }


def honest(bars):
    """Columns that know the past very well."""
    close = bars.frame("close").ffill()
    rng = np.random.default_rng(1)
    columns = {f"noise{i}": rng.normal(size=bars["close"].shape) for i in range(40)}
    return columns | {
        "last_month": close.pct_change(21).to_numpy(),
        "yesterday": close.pct_change(1).to_numpy(),
        "mean20": close.rolling(20).mean().to_numpy(),
        "constant": np.ones(bars["close"].shape),
        "empty": np.full(bars["close"].shape, np.nan),
        "tradestatus": (rng.random(bars["close"].shape) > 0.01).astype(float),
    }


def with_lines(bars, columns):
    lines = {name: np.where(bars.traded, line, np.nan) for name, line in columns.items()}
    return Bars(bars.dates, bars.assets, {**bars.lines, **lines})


@pytest.fixture(scope="module")
def leaky(market):
    return with_lines(market.bars, planted(market.bars) | honest(market.bars))


class TestWatch:
    @pytest.mark.slow
    def test_all_that_know_the_future_are_found_and_no_other(self, leaky, market):
        found = {foresight.name: foresight for foresight in Watch().extend(leaky)}
        assert set(found) == set(planted(market.bars))
        assert found["future_return"].ic == pytest.approx(1, abs=0.02)
        assert found["future_return"].horizon == "month"
        assert found["next_day_return"].horizon == "session"
        assert found["turned_round"].ic < -0.9
        assert found["close_of_tomorrow"].divided
        assert "close_of_tomorrow divided by the close has a mean rank IC of 1.000 with the return "
        assert "to the next session (" in found["next_day_return"].sentence

    @pytest.mark.slow
    def test_month_by_month_it_is_the_same_each_named_once(self, market):
        some = dict(list(honest(market.bars).items())[-8:])
        leaky = with_lines(market.bars, planted(market.bars) | some)
        watch, at_once = Watch(), Watch()
        found = []
        for end in month_ends(leaky.dates):
            found += watch.extend(leaky.rows(0, int(end) + 1))
        whole = at_once.extend(leaky)
        assert sorted(f.name for f in found) == sorted(f.name for f in whole)
        assert len(found) == len(planted(market.bars))

    @pytest.mark.slow
    def test_what_is_found_rests_on_bars_known_by_then(self, leaky):
        """With another future the same is found by the same day."""
        cut = int(month_ends(leaky.dates)[14]) + 1
        other = {name: line.copy() for name, line in leaky.lines.items()}
        for line in other.values():
            line[cut:] = np.random.default_rng(3).permutation(line[cut:], axis=1)
        changed = Bars(leaky.dates, leaky.assets, other)
        assert Watch().extend(leaky.rows(0, cut)) == Watch().extend(changed.rows(0, cut)) != []

    def test_too_little_cannot_tell(self, market):
        few = with_lines(market.bars, planted(market.bars)).rows(0, 60)
        assert Watch().extend(few) == []
        two = market.bars.select(market.bars.assets[:3])
        assert Watch().extend(with_lines(two, planted(two))) == []

    def test_rank_correlations_are_spearmans(self):
        rng = np.random.default_rng(0)
        a, b = rng.normal(size=(2, 30, 9)).round(1)  # with ties
        a[rng.random(a.shape) < 0.2] = np.nan
        ics, stocks = rank_correlations(a, b)
        want = [
            attngru_bt.evaluation.rank_ic(pd.Series(x), pd.Series(y))
            for x, y in zip(a, b, strict=True)
        ]
        n = (~np.isnan(a)).sum(axis=1)
        np.testing.assert_allclose(ics, np.array(want)[n >= 5], rtol=1e-12)
        np.testing.assert_array_equal(stocks, n[n >= 5])


class TestRun:
    def warned(self, caplog):
        return [r.getMessage() for r in caplog.records if "knows the future" in r.getMessage()]

    @pytest.mark.slow
    def test_a_backtest_warns_once_by_name(self, market, caplog):
        month, _, _ = ahead(market.bars)
        columns = {"target": month, "noise": honest(market.bars)["noise0"]}
        leaky = Market(with_lines(market.bars, columns), None, None, "leaky")
        strategy = backtest.run(
            leaky, signal=LogisticRegression(), topk=3, lookback=1, min_months=4, refit=6,
            factors=["BIAS5", "target", "noise"],
        )  # fmt: skip
        (line,) = self.warned(caplog)
        assert line.startswith(
            "target has a mean rank IC of 1.000 with the return to the next month"
        )
        assert "--ignore target" in line
        assert strategy.decisions

    @pytest.mark.slow
    def test_a_generator_warns_when_twelve_months_have_ended(self, market, caplog):
        month, _, _ = ahead(market.bars)
        bars = with_lines(market.bars, {"target": month})
        generator = SignalGenerator(LogisticRegression(), topk=3, lookback=1, min_months=30)
        told = []
        for end in month_ends(bars.dates):
            generator.scores(bars.rows(0, int(end) + 1))
            told.append(len(self.warned(caplog)))
        assert told[12] == 0 and told[-1] == 1  # the months 0 to 12 have twelve outcomes at 13

    def test_a_column_that_is_no_factor_is_left_alone(self, market, caplog):
        month, _, _ = ahead(market.bars)
        bars = with_lines(market.bars, {"target": month})
        generator = SignalGenerator(
            LogisticRegression(), topk=3, lookback=1, min_months=30, factors=["BIAS5"]
        )
        generator.scores(bars)
        assert not self.warned(caplog)

    @pytest.mark.slow
    def test_a_walk_warns_once(self, market, caplog):
        month, _, _ = ahead(market.bars)
        leaky = Market(with_lines(market.bars, {"target": month}), None, None, "leaky")
        attngru_bt.walk_forward(
            leaky, {"a": LogisticRegression(), "b": LogisticRegression(C=0.1)},
            factors=["BIAS5", "target"], topk=3, lookback=1, min_months=12, refit=6,
        )  # fmt: skip
        assert len(self.warned(caplog)) == 1

    def test_commands_show_a_warning_once(self, capsys):
        log_to_stderr(logging.INFO)
        for _ in range(3):
            logging.getLogger("attngru_bt.x").warning("it is so")
            logging.getLogger("attngru_bt.x").info("each time")
        text = capsys.readouterr().err
        assert text.count("it is so") == 1 and text.count("each time") == 3


class TestAudit:
    @pytest.mark.slow
    def test_fails_by_name(self, leaky, market):
        result = check.check(leaky)
        assert result.status == "fail"
        assert {f.subject for f in result.findings} == set(planted(market.bars))
        assert "--ignore " in result.summary
        for finding in result.findings:
            assert finding.symbol in leaky.assets and finding.date in leaky.dates
            assert re.search("the (high|low)est, then returned [+-]", finding.sentence)

    @pytest.mark.slow
    def test_a_clean_market_passes(self, market):
        clean = with_lines(market.bars, honest(market.bars))
        assert check.check(clean).status == "pass"
        assert check.check(market.bars.rows(0, 40)).status == "skipped"

    @pytest.mark.slow
    @pytest.mark.usefixtures("clean_registry")
    def test_a_factor_that_reads_the_future_beside_the_bars(self, market):
        """Computed anew without the future it is the same, since it has it from elsewhere."""
        month = pd.DataFrame(ahead(market.bars)[0], market.bars.dates, market.bars.assets)
        close = market.bars.frame("close").to_numpy()
        flat = {value: month.to_numpy().ravel()[i] for i, value in enumerate(close.ravel())}

        @attngru_bt.factor(family="mine")
        def Prophet(close):
            return np.vectorize(lambda value: flat.get(value, np.nan))(close)

        result = check.check(market.bars)
        assert result.status == "fail" and result.first.subject == "Prophet"
        assert "1 factors of your own" in result.summary

    def test_is_part_of_the_whole(self, market):
        month, _, _ = ahead(market.bars)
        leaky = Market(with_lines(market.bars, {"target": month}), None, None, "leaky")
        skip = [name for name in audit.CHECKS if name != "foresight"]
        report = audit.run(leaky, skip=skip, cuts=1)
        assert not report.passed and report["foresight"].first.subject == "target"


def clean(bars):
    """What of the lines and of the library's own factors is taken for a leak."""
    watch = Watch(bars.lines)
    found = watch.extend(bars)
    for horizon, (rows, after) in spans(bars).items():
        if horizon == "session":
            rows, after = rows[:: max(1, len(rows) // 60)], after[:: max(1, len(rows) // 60)]
        values, names = compute(bars, at=bars.dates[rows])
        returns = returns_between(bars, rows, after)
        for k, name in enumerate(names):
            watch.take(name, horizon, False, values[:, :, k], returns)
    return found + watch.new_findings()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_no_factor_of_a_made_up_market_is_taken_for_a_leak(seed):
    assert not clean(make_market(20, 420, seed=seed).bars)


@pytest.mark.slow
def test_no_factor_of_a_real_panel_is_taken_for_a_leak(sse50):
    assert not clean(sse50.bars)
