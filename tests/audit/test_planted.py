"""Leaks planted one by one: in strategy, signal, universe, index, caches; and clean look-alikes."""

from dataclasses import replace
from functools import partial

import audit_plants as plants
import numpy as np
import pandas as pd
import pytest

from attngru_bt import audit, backtest
from attngru_bt.audit import accuracy, calibration, datedness, factors, members, replay
from attngru_bt.audit.altered import cut_dates, reopened, scrambled_bars
from attngru_bt.audit.history import history
from attngru_bt.audit.members import next_month
from attngru_bt.audit.sameday import blindfolded
from attngru_bt.data import make_market
from attngru_bt.data.bars import Bars
from attngru_bt.data.membership import Membership
from attngru_bt.evaluation.outcomes import outcomes_of
from attngru_bt.factors import factor, ops
from attngru_bt.features.foresight import ic_limit
from attngru_bt.models.baselines import MomentumScores, RandomScores
from attngru_bt.trading.monthly import MonthlyTopK


@pytest.fixture(scope="module")
def market():
    return make_market(n_assets=10, n_days=300, seed=4, signal=0.1, late=1, delisted=1)


@pytest.fixture(scope="module")
def scores(market):
    return calibration.random_scores(market.bars, seed=1)


def month_ahead(market):
    """Scores that are the return of the coming month, noise added so that some are wrong."""
    bars = market.bars
    table = pd.DataFrame(next_month(bars), index=bars.dates, columns=list(bars.assets))
    return table + np.random.default_rng(0).normal(0, 0.03, table.shape)


def replayed(market, strategy, scores, cuts=2, **more):
    def run(kind, market, members, **options):
        options |= more
        return backtest.run(market, kind, signal=scores, topk=3, universe=members, **options)

    whole = run(strategy, market, None)
    blind = partial(run, blindfolded(strategy), market, None, stream=True)
    dates = cut_dates(market.bars.dates, cuts, 100, 0)
    return replay.check(market, whole, partial(run, strategy), dates, blind=blind)


class TestSameDay:
    @pytest.mark.slow
    @pytest.mark.parametrize("strategy", [plants.CheatOnOpen, plants.CheatOnce, plants.Own])
    def test_the_close_of_the_day_whose_open_is_traded(self, market, scores, strategy):
        check = replayed(market, strategy, scores)[2]
        assert check.status == "fail", check.summary
        assert check.first.date in market.bars.dates
        assert any("only what is known at its open" in f.sentence for f in check.findings)

    @pytest.mark.slow
    def test_the_replay_alone_sees_it_in_the_data(self, market, scores):
        """Scores of today's close, made of the very data, are hidden by no blindfold."""

        def run(market, members):
            by_day = (market.bars.frame("close") / market.bars.frame("open")).shift(-1)
            return backtest.run(market, MonthlyTopK, signal=by_day, topk=3)

        dates = [
            market.bars.dates[i] for i in np.flatnonzero(np.diff(market.bars.dates.month))[6:8]
        ]
        check = replay.check(market, run(market, None), run, dates)[2]
        assert check.status == "fail" and "closes elsewhere" in check.first.sentence

    @pytest.mark.slow
    def test_bars_of_later_on_one_day_a_year(self, market, scores):
        dates = market.bars.dates
        far = [d for d in cut_dates(dates, 2, 100, 0) if d.month not in (2, 3)]
        assert far, "no cut is near the leak, so it is the blindfold that finds it"
        check = replayed(market, plants.NextClose, scores)[2]
        assert check.status == "fail" and check.first.date.month == 3

    @pytest.mark.slow
    @pytest.mark.parametrize("strategy", [MonthlyTopK, plants.Plain])
    def test_clean_strategies_pass(self, market, scores, strategy):
        three = replayed(market, strategy, scores)
        assert [c.status for c in three] == ["skipped", "pass", "pass"]
        assert "1 of 2 dates were followed by orders" in three[2].summary

    @pytest.mark.slow
    def test_rules_and_retries_are_no_leak(self, market):
        bars = market.bars
        names = tuple(f"6000{i:02d}.SH" for i in range(len(bars.assets)))
        wild = {name: line.copy() for name, line in bars.lines.items()}
        for line in ("open", "high", "low", "close"):  # opens at the limit, here and there
            wild[line][100::7, ::2] = wild["preclose"][100::7, ::2] * 1.1
        china = replace(market, bars=Bars(bars.dates, names, wild))
        table = calibration.random_scores(china.bars, seed=1)
        check = replayed(china, MonthlyTopK, table, rules="ashare")[2]
        assert check.status == "pass", check.findings

    @pytest.mark.slow
    def test_a_market_of_closes_cannot_tell(self, market, scores):
        closes = Bars(market.bars.dates, market.bars.assets, {"close": market.bars["close"]})
        check = replayed(replace(market, bars=closes, benchmark=None), MonthlyTopK, scores)[2]
        assert check.status == "skipped" and "no open" in check.summary

    def test_what_a_session_shows_at_its_open(self, market):
        bars, date = market.bars, market.bars.dates[200]
        other = reopened(scrambled_bars(bars, date, np.random.default_rng(0)), bars, date)
        known = bars.traded[201]
        assert other.until(date).digest() == bars.until(date).digest()
        np.testing.assert_array_equal(other["open"][201], bars["open"][201])
        np.testing.assert_array_equal(other.traded[201], known)
        for name in ("close", "volume", "pb"):
            assert (other[name][201, known] != bars[name][201, known]).all(), name
        assert (other["high"][201, known] >= other["low"][201, known]).all()

    @pytest.mark.slow
    def test_bars_one_by_one_give_the_same(self, market, scores):
        a, b = (
            history(backtest.run(market, MonthlyTopK, signal=scores, topk=3, stream=stream))
            for stream in (False, True)
        )
        assert a.log == b.log and a.placed == b.placed and len(a.placed) > 20


class TestScoresFromTheFuture:
    """What no replay can cut, as it was made elsewhere, is held against the bars."""

    ASKED = dict(topk=3, cuts=1, skip=set(audit.CHECKS) - {"accuracy"})

    @pytest.mark.slow
    def test_a_table(self, market):
        report = audit.run(market, signal=month_ahead(market), strategy=MonthlyTopK, **self.ASKED)
        check = report["accuracy"]
        assert check.status == "fail" and "rank IC" in check.summary
        assert check.first.symbol in market.bars.assets

    @pytest.mark.slow
    def test_an_object(self, market):
        table = month_ahead(market)

        class Oracle:
            def scores(self, bars):
                return table.loc[bars.dates[-1]].dropna()

        report = audit.run(market, signal=Oracle(), strategy=MonthlyTopK, **self.ASKED)
        assert report["accuracy"].status == "fail"

    @pytest.mark.slow
    @pytest.mark.parametrize("signal", [RandomScores(2), MomentumScores(2)])
    def test_honest_ones_are_measured_and_pass(self, market, signal):
        report = audit.run(market, signal=signal, strategy=MonthlyTopK, **self.ASKED)
        check = report["accuracy"]
        assert check.status == "pass" and "rank IC" in check.summary

    @pytest.mark.slow
    def test_outcomes_are_those_of_the_generator(self, market):
        from sklearn.linear_model import LogisticRegression

        run = backtest.run(
            market, signal=LogisticRegression(), topk=3, min_months=4, lookback=1,
            factors=("BIAS5", "PB"),
        )  # fmt: skip
        want = run.signal.labels().dropna()
        got = outcomes_of(history(run).scores, market.bars, 3).dropna()
        both = want.index.intersection(got.index)
        assert len(both) > 50
        pd.testing.assert_frame_equal(got.loc[both], want.loc[both], check_index_type=False)

    @pytest.mark.slow
    def test_the_rank_ic_has_a_limit_of_its_own(self):
        """.302 with a t of 16, spread over all stocks: of ten picks precision is not enough."""
        rng = np.random.default_rng(3)
        n, months = 300, 60
        r = 2 * np.sin(np.pi * 0.3 / 6)
        score, noise = rng.standard_normal((2, months, n))
        returns = r * score + np.sqrt(1 - r * r) * noise
        label = (np.argsort(np.argsort(-returns)) < 10).astype(float)
        dates = pd.date_range("2015-01-31", periods=months, freq="ME")
        index = pd.MultiIndex.from_product([dates, range(n)], names=["month_end", "asset"])
        columns = dict(score=score.ravel(), label=label.ravel(), forward_return=returns.ravel())
        table = pd.DataFrame(columns, index=index)
        check = accuracy.check(table)
        assert check.status == "fail" and check.first.subject == "rank IC"
        assert accuracy.check(table.drop(columns="forward_return")).status == "pass"

    def test_the_limit_is_known_skill_and_three_errors(self):
        ics = [0.1, 0.3] * 20
        error = np.std(ics, ddof=1) / np.sqrt(40)
        assert ic_limit(ics, [1000] * 40) == pytest.approx(0.15 + 3.0902 * error, abs=1e-4)
        few = ic_limit([0.2] * 6, [11] * 6)
        assert few == pytest.approx(0.15 + 3.0902 * np.sqrt(1 / 10 / 6), abs=1e-4)
        with pytest.raises(ValueError, match="at least one rank IC"):
            ic_limit([], [])


def chosen_members(market, pick, n=4):
    """Members of each month: the `n` best by a table of numbers at the month-end."""
    dates = market.bars.dates
    ends = np.flatnonzero(np.diff(dates.month))
    rows = []
    for end, until in zip(ends[:-1], ends[1:], strict=True):
        best = pick.loc[dates[end]].dropna().nlargest(n).index
        rows += [(a, dates[end], dates[until]) for a in best]
    return Membership.from_frame(pd.DataFrame(rows, columns=["symbol", "in_date", "out_date"]))


class TestMembers:
    @pytest.fixture(scope="class")
    @staticmethod
    def wide():
        return make_market(n_assets=30, n_days=400, seed=7, signal=0.1)

    def test_winners_of_the_month_to_come(self, wide):
        ahead = pd.DataFrame(
            next_month(wide.bars), index=wide.bars.dates, columns=list(wide.bars.assets)
        )
        check = members.check(wide.bars, chosen_members(wide, ahead))
        assert check.status == "fail" and check.first.symbol in wide.bars.assets
        assert "chosen by somebody who knew" in check.summary

    @pytest.mark.parametrize("days", [21, 63])
    def test_winners_of_the_past_pass(self, wide, days):
        past = wide.bars.frame("close").pct_change(days, fill_method=None)
        check = members.check(wide.bars, chosen_members(wide, past))
        assert check.status == "pass", check.summary

    def test_few_entries_and_no_members_cannot_tell(self, wide):
        always = pd.DataFrame({"symbol": wide.bars.assets, "in_date": "2015-01-01", "out_date": ""})
        assert members.check(wide.bars, Membership.from_frame(always)).status == "skipped"
        assert members.check(wide.bars, None).status == "skipped"

    def test_a_universe_object_is_asked_too(self, wide):
        ahead = next_month(wide.bars)

        class Best:
            def at(self, date):
                row = int(wide.bars.dates.searchsorted(pd.Timestamp(date), side="right")) - 1
                order = np.argsort(-np.nan_to_num(ahead[row], nan=-9))[:6]
                return frozenset(wide.bars.assets[j] for j in order)

        report = audit.run(
            wide, universe=Best(), topk=2, cuts=1, skip=set(audit.CHECKS) - {"members"}
        )
        assert report["members"].status == "fail"


class TestDates:
    @pytest.fixture(scope="class")
    @staticmethod
    def wide():
        return make_market(n_assets=20, n_days=520, seed=8)

    def test_clean_ones_pass(self, wide):
        check = datedness.check(wide)
        assert check.status == "pass" and "20 stocks" in check.summary

    @pytest.mark.parametrize(("days", "word"), [(1, "early"), (3, "early"), (-2, "late")])
    def test_an_index_dated_days_off(self, wide, days, word):
        index = wide.benchmark.shift(-days).dropna()
        check = datedness.check(replace(wide, benchmark=index))
        assert check.status == "fail" and check.first.subject == "benchmark"
        assert f"{abs(days)} session" in check.first.sentence and word in check.first.sentence

    def test_one_year_of_it(self, wide):
        index = wide.benchmark.copy()
        late = index.index.year == 2016
        index[late] = index.shift(-1)[late].ffill()
        check = datedness.check(replace(wide, benchmark=index))
        assert [f.date.year for f in check.findings] == [2016]

    def test_a_stock_stamped_in_another_zone(self, wide):
        lines = {name: line.copy() for name, line in wide.bars.lines.items()}
        for line in lines.values():
            line[:-1, 5], line[-1, 5] = line[1:, 5].copy(), np.nan
        bars = Bars(wide.bars.dates, wide.bars.assets, lines)
        check = datedness.check(replace(wide, bars=bars))
        assert [f.symbol for f in check.findings] == [wide.bars.assets[5]]


class TestAccount:
    @pytest.mark.slow
    def test_random_scores_hug_the_stocks(self):
        wide = make_market(n_assets=40, n_days=500, seed=9, signal=0.2)
        report = audit.run(wide, cuts=1, topk=10, skip=set(audit.CHECKS) - {"account"})
        check = report["account"]
        assert check.status == "pass" and "standard error 0." in check.summary

    @pytest.mark.slow
    def test_all_stocks_are_the_stocks(self):
        """With every name held there is no chance left: plain arithmetic equals the account."""
        market = make_market(10, 300, late=0, gaps=0, delisted=0)
        table = pd.DataFrame(1.0, index=market.bars.dates[:1], columns=list(market.bars.assets))
        run = backtest.run(
            market, MonthlyTopK, signal=table, topk=10, rebalance="full", lot=0, commission=0.0
        )
        decisions = [(d["date"], d["month_end"]) for d in run.decisions]
        assert len(decisions) > 10
        want = calibration.equal_weight_values(market.bars, None, decisions)
        got = run.analyzers.performance.values / 1e6
        # an equal weight is a share of the value at the close before, so a little cash is left
        np.testing.assert_allclose(got, want, rtol=3e-3)
        assert got[-1] != pytest.approx(1, abs=0.05), "it is invested"

    @pytest.mark.slow
    def test_a_strategy_that_earns_more_than_its_scores(self):
        wide = make_market(n_assets=40, n_days=500, seed=9)
        report = audit.run(
            wide, strategy=plants.CheatOnOpen, signal=RandomScores(), topk=5, cuts=1,
            skip=set(audit.CHECKS) - {"account"},
        )  # fmt: skip
        check = report["account"]
        assert check.status == "fail" and "cannot earn that" in check.summary

    @pytest.mark.slow
    def test_one_that_holds_cash_is_told_and_no_fail(self):
        class Half(MonthlyTopK):
            params = dict(reserve=0.5)

        rising = make_market(n_assets=20, n_days=500, seed=1)
        growth = np.exp(0.005 * np.arange(500))[:, None]
        lines = {n: line * (growth if n in ("open", "high", "low", "close", "preclose") else 1)
                 for n, line in rising.bars.lines.items()}  # fmt: skip
        bars = Bars(rising.bars.dates, rising.bars.assets, lines)

        def run(table):
            return backtest.run(
                replace(rising, bars=bars), Half, signal=table, topk=5, rebalance="full", lot=0,
                commission=0.0,
            )  # fmt: skip

        told = calibration.check(bars, None, run, ours=False, seeds=2)
        assert told.status == "pass" and "less than the stocks" in told.summary
        assert calibration.check(bars, None, run, seeds=2).status == "fail"


class TestKeptFromCallToCall:
    """Caches filled by all bars: only a process that never saw them tells."""

    QUICK = dict(topk=3, cuts=2, min_months=4)

    @pytest.mark.slow
    def test_a_factor_with_a_module_level_cache_beside_an_honest_one(self, market, clean_registry):
        kept, honest = {}, {}

        @factor("mine")
        def Remembered(close):
            key = close.shape[1]
            if key not in kept:
                kept[key] = np.nanmean(close, axis=0)
            return close / kept[key]

        @factor("mine")
        def Memoised(close, n=9):
            key = close.tobytes()
            if key not in honest:
                honest[key] = close / ops.mean(close, n)
            return honest[key]

        skip, names = set(audit.CHECKS) - {"factors"}, ("BIAS5", "Memoised", "Remembered")
        check = audit.run(market, factors=names, skip=skip, **self.QUICK)["factors"]
        assert check.status == "fail" and {f.subject for f in check.findings} == {"Remembered"}
        assert any("something is kept from one call" in f.sentence for f in check.findings)
        assert "a process of its own" in check.summary

    @pytest.mark.slow
    def test_a_signal_that_keeps_the_first_bars_it_saw(self, market):
        plants.Remembering().scores(market.bars)  # somewhere, before the audit
        skip = set(audit.CHECKS) - {"scores", "orders"}
        report = audit.run(
            market, signal=plants.Remembering(), strategy=MonthlyTopK, skip=skip, **self.QUICK
        )
        assert report["scores"].status == report["orders"].status == "fail"
        assert "in a process of its own" in report["scores"].first.sentence

    @pytest.mark.slow
    def test_what_cannot_travel_stays_and_says_so(self, market):
        class Local(MonthlyTopK):
            pass

        skip = set(audit.CHECKS) - {"orders"}
        report = audit.run(market, signal=RandomScores(), strategy=Local, skip=skip, **self.QUICK)
        check = report["orders"]
        assert check.status == "pass"
        assert "all in this process" in check.summary and "top of a module" in check.summary


class TestTables:
    @pytest.mark.slow
    def test_a_factor_that_reads_the_future_from_a_table(self, clean_registry, no_fresh_process):
        """No cut changes it, and the model may not even use it: its own rank IC tells."""
        market = make_market(12, 400, seed=2, late=0, gaps=0, delisted=0)
        table = np.nan_to_num(next_month(market.bars))
        table += np.random.default_rng(0).normal(0, 0.05, table.shape)

        @factor("mine", memory="cumulative")
        def Table(close):
            return 0 * close - table[: len(close), : close.shape[1]]

        skip = set(audit.CHECKS) - {"factors", "foresight"}
        report = audit.run(
            market, factors=("BIAS5", "PB", "Table"), topk=3, cuts=1, min_months=4, skip=skip
        )
        assert report["factors"].status == "pass"
        check = report["foresight"]
        assert check.status == "fail" and [f.subject for f in check.findings] == ["Table"]
        assert check.first.symbol in market.bars.assets

    @pytest.mark.slow
    def test_all_of_the_librarys_pass(self):
        market = make_market(20, 500, seed=6, signal=0.15)
        report = audit.run(market, topk=4, cuts=1, skip=set(audit.CHECKS) - {"foresight"})
        check = report["foresight"]
        assert check.status == "pass" and "lines of" in check.summary


class TestOneDayAYear:
    @pytest.mark.slow
    def test_a_factor_is_looked_at_on_many_dates(self, market, clean_registry):
        @factor("mine")
        def Christmas(close):
            """Row 200 knows row 201."""
            out = close / ops.lag(close, 1)
            if len(close) > 201:
                out[200] = close[201]
            return out

        cuts = cut_dates(market.bars.dates, 3, 100, 0)
        assert market.bars.dates[200] not in cuts
        check = factors.check(market.bars, cuts, factors=["Christmas"])
        assert check.status == "fail" and check.first.date == market.bars.dates[200]
        assert "stock by stock at 230" in check.summary

    @pytest.mark.slow
    @pytest.mark.parametrize("seed", range(3))
    def test_a_warm_up_filled_from_the_first_value(self, market, clean_registry, seed):
        """Only the first twenty rows know anything: none of the cuts is there."""

        @factor("mine")
        def WarmedUp(close):
            return pd.DataFrame(close).rolling(20).mean().bfill().to_numpy()

        cuts = cut_dates(market.bars.dates, 2, 100, seed)
        check = factors.check(market.bars, cuts, factors=["WarmedUp"], seed=seed)
        assert check.status == "fail" and check.first.date < market.bars.dates[20]

    @pytest.mark.slow
    @pytest.mark.parametrize("tricky", ["rank", "cumulative", "expanding", "gap"])
    def test_clean_but_tricky_ones_pass(self, market, clean_registry, tricky):
        @factor("mine")
        def Tricky(close, volume):
            frame = pd.DataFrame(close)
            if tricky == "rank":  # among the stocks computed beside it
                return frame.rank(axis=1, pct=True).to_numpy()
            if tricky == "cumulative":
                return np.nancumsum(volume, axis=0)
            if tricky == "expanding":
                return (frame / frame.expanding().max()).to_numpy()
            return frame.diff().ffill().to_numpy()

        if tricky == "rank":  # with gaps the rows of two stocks are not of one day
            market = make_market(10, 300, late=0, gaps=0, delisted=0)
        cuts = cut_dates(market.bars.dates, 3, 100, 0)
        check = factors.check(market.bars, cuts, factors=["Tricky"])
        assert check.status == "pass", check.findings
