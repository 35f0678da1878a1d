"""Every check of the audit: a clean market passes, a planted leak of each kind is caught."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from csv_market import write_table
from scipy.stats import multivariate_normal, norm
from sklearn.linear_model import LogisticRegression

from attngru_bt import audit, backtest, load
from attngru_bt.audit import (
    Check,
    Finding,
    Report,
    accuracy,
    adjustment,
    factors,
    label_shift,
    replay,
    revisions,
    survivorship,
)
from attngru_bt.audit.altered import cut_dates
from attngru_bt.audit.limit import precision_limit, precision_moments
from attngru_bt.audit.report import failed as fail
from attngru_bt.data import Market, load_sp500, make_market
from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.membership import Membership
from attngru_bt.evaluation.quality import monthly_quality, rank_ic
from attngru_bt.factors import factor
from attngru_bt.trading.monthly import MonthlyTopK

NAMES = ("BIAS5", "BIAS20", "ROC20", "MACD", "VOL20", "PB", "ATR14")
QUICK = dict(topk=3, min_months=5, cuts=1, factors=NAMES)


@pytest.fixture(scope="module")
def market():
    return make_market(n_assets=12, n_days=360, seed=3, signal=0.1, delisted=2)


def with_lines(market, **lines):
    bars = market.bars
    return replace(market, bars=Bars(bars.dates, bars.assets, {**bars.lines, **lines}))


def next_month(market):
    """Return of each stock over the month after its own: what no line of the data may hold."""
    close = market.bars.frame("close").ffill()
    month = close.index.to_period("M")
    last = close.groupby(month).last()
    ahead = last.shift(-1).reindex(month).to_numpy() / last.reindex(month).to_numpy() - 1
    return np.where(market.bars.traded, ahead, np.nan)


def until(market, n_days):
    return market.until(market.bars.dates[n_days - 1])


@pytest.mark.slow
class TestWhole:
    @pytest.fixture(scope="class")
    @staticmethod
    def report(market):
        told = []
        report = audit.run(market, against=until(market, 300), tell=told.append, **QUICK)
        assert tuple(told) == report.checks
        return report

    def test_a_clean_market_passes_all(self, report):
        assert [c.name for c in report.checks] == list(audit.CHECKS)
        want = dict.fromkeys(audit.CHECKS, "pass") | {"members": "skipped"}
        assert {c.name: c.status for c in report.checks} == want
        n = len(audit.CHECKS)
        assert report.passed and report.verdict == f"{n - 1} passed, 0 failed, 1 skipped"

    def test_is_the_same_again(self, market, report):
        skip = ("scores", "orders", "same day", "account")
        again = audit.run(market, against=until(market, 300), skip=skip, **QUICK)
        for check in again.checks:
            assert check == report[check.name] or check.name in skip

    def test_compares_something(self, report):
        for name in ("scores", "orders"):
            assert int(report[name].summary.split()[0]) > 40, report[name].summary

    def test_a_leaking_line_is_caught_by_accuracy_and_label_shift(self, market):
        """Values computed elsewhere cannot be cut, but they cannot hide either."""
        leaking = with_lines(market, oracle=next_month(market))
        report = audit.run(
            leaking,
            skip=("factors", "scores", "orders", "same day", "account"),
            **QUICK | dict(factors=(*NAMES, "oracle")),
        )
        assert [c.name for c in report.failed] == ["foresight", "label shift", "accuracy"]
        for check in report.failed:
            assert check.first.symbol in market.bars.assets
            assert check.first.date in market.bars.dates

    def test_a_leaking_factor_is_caught(self, market, clean_registry, no_fresh_process):
        @factor("mine")
        def Centered(close):
            return np.vstack([close[5:], close[-5:]]) / close - 1

        skip = set(audit.CHECKS) - {"factors"}
        report = audit.run(market, **QUICK | dict(factors=("BIAS5", "Centered")), skip=skip)
        assert [c.name for c in report.failed] == ["factors"]
        assert [f.subject for f in report["factors"].findings] == ["Centered"]
        assert [c.name for c in report.checks if c.status == "skipped"] == list(audit.CHECKS[1:])

    def test_scores_given(self, market):
        good = pd.DataFrame({"label": np.tile([1.0] * 3 + [0.0] * 9, 12)})
        good.insert(0, "score", np.tile(np.arange(12.0)[::-1], 12))
        dates = pd.date_range("2015-01-31", periods=12, freq="ME")
        good.index = pd.MultiIndex.from_product([dates, list(market.bars.assets)])
        skip = set(audit.CHECKS) - {"accuracy"}
        report = audit.run(market, scores=good, skip=skip, **QUICK)
        assert [c.name for c in report.failed] == ["accuracy of the scores given"]
        assert report["accuracy"].status == "pass"

    def test_data_too_short_to_trade_are_skipped_with_the_reason(self):
        report = audit.run(make_market(4, 70), topk=2, min_months=9, cuts=1)
        assert "min_months=9" in report["scores"].summary
        assert {report[n].status for n in ("scores", "orders", "accuracy")} == {"skipped"}

    def test_a_signal_of_ones_own(self, market):
        """One that keeps no cross-sections is replayed all the same."""
        table = pd.DataFrame(
            np.random.default_rng(0).random((17, 12)),
            index=market.bars.dates[::22],
            columns=list(market.bars.assets),
        )
        skip = ("factors", "survivorship")
        report = audit.run(market, signal=table, strategy=MonthlyTopK, topk=3, cuts=2, skip=skip)
        assert report["orders"].status == "pass"
        assert {report[n].status for n in ("scores", "label shift")} == {"skipped"}
        assert report["accuracy"].status == "pass", "it is measured from scores and bars"

    def test_the_network_sees_no_future_either(self):
        small = make_market(n_assets=6, n_days=100, seed=1)
        asked = dict(topk=2, min_months=2, cuts=1, factors=("BIAS5", "PB"), model="network")
        report = audit.run(small, skip=("factors", "accuracy"), **asked)
        assert report["scores"].status == report["orders"].status == "pass"

    @pytest.mark.parametrize(
        ("options", "words"),
        [
            (dict(model="slow"), "`model` must be 'fast' or 'network'; got 'slow'"),
            (dict(cuts=0), "`cuts` must be a whole number"),
            (dict(skip=["label shif"]), "got 'label shif'; did you mean 'label shift'?"),
        ],
    )
    def test_wrong_parameters(self, market, options, words):
        with pytest.raises(ValueError) as caught:
            audit.run(market, **options)
        assert words in str(caught.value)

    def test_three_sessions(self):
        with pytest.raises(DataError, match="too few to audit"):
            audit.run(make_market(2, 3), skip=["factors"])


class TestFactors:
    @pytest.mark.slow
    def test_blocks_of_stocks_change_nothing(self, market, monkeypatch, clean_registry):
        @factor("mine")
        def Ahead(close):
            return np.vstack([close[2:], close[-2:]]) / close

        cuts = cut_dates(market.bars.dates, 2, 200, 0)
        whole = factors.check(market.bars, cuts, factors=("BIAS5", "Ahead"))
        monkeypatch.setattr(factors, "AT_ONCE", 5 * 360)  # two stocks of two factors
        parts = factors.check(market.bars, cuts, factors=("BIAS5", "Ahead"))
        assert whole.status == parts.status == "fail"
        blocks = [part.assets for part in factors.blocks(market.bars, 2)]
        assert len(blocks) == 6 and sum(blocks, ()) == market.bars.assets
        # which numbers come after a cut differs by block; what is cut off does not
        assert whole.first.date == parts.first.date
        assert "looks 2 sessions ahead" in whole.first.sentence

    @pytest.mark.slow
    def test_a_factor_across_stocks_is_called_so(self, clean_registry):
        bars = make_market(30, 900, late=0, gaps=0, delisted=0).bars

        @factor("mine")
        def Relative(close):
            return close / close.mean(axis=1, keepdims=True)

        from attngru_bt.factors import engine

        before = engine.BLOCK
        try:
            engine.BLOCK = 900 * 16
            found = factors.check(bars, [bars.dates[400]], factors=["Relative"])
        finally:
            engine.BLOCK = before
        assert "computed stock by stock" in found.first.sentence


class TestReplay:
    @staticmethod
    def run(market, members=None):
        return backtest.run(
            market,
            signal=LogisticRegression(max_iter=200),
            universe=members,
            topk=3,
            min_months=4,
            lookback=1,
            refit=3,
            factors=NAMES[:3] + (("peek",) if "peek" in market.bars else ()),
        )

    @classmethod
    def peeking(cls, market, members=None):
        """A line smoothed over the whole file before the backtest begins."""
        peek = (
            market.bars.frame("close")
            .pct_change(fill_method=None)
            .rolling(21, center=True, min_periods=1)
        )
        return cls.run(with_lines(market, peek=peek.mean().to_numpy()), members)

    @staticmethod
    def foreseen(market, members=None):
        """Scores that were computed on the whole file."""
        table = pd.DataFrame(
            next_month(market), index=market.bars.dates, columns=list(market.bars.assets)
        )
        return backtest.run(market, MonthlyTopK, signal=table, topk=3, universe=members)

    @pytest.mark.slow
    def test_scores_and_orders_of_a_line_that_saw_the_whole_file(self, market):
        cuts = cut_dates(market.bars.dates, 2, 220, 1)
        whole = self.peeking(market)
        scores, orders, _ = replay.check(market, whole, self.peeking, cuts)
        assert scores.status == orders.status == "fail"
        assert scores.first.symbol in market.bars.assets
        assert scores.first.date <= cuts[-1]

    @pytest.mark.slow
    def test_orders_on_scores_that_were_made_on_the_whole_file(self, market):
        cuts = cut_dates(market.bars.dates, 2, 220, 0)
        whole = self.foreseen(market)
        scores, orders, _ = replay.check(market, whole, self.foreseen, cuts)
        assert scores.status == orders.status == "fail"
        assert orders.first.symbol in market.bars.assets and orders.first.date <= cuts[-1]
        assert str(orders.first.date.date()) in orders.first.sentence

    @pytest.mark.slow
    def test_members_of_later_are_not_known(self, market):
        """A universe that asks who will be in at the end is caught."""
        names = market.bars.assets
        stays = pd.DataFrame({"symbol": names, "in_date": "2015-01-01", "out_date": ""})
        stays.loc[:3, "in_date"] = str(market.bars.dates[-15].date())
        foreseeing = replace(market, membership=Membership.from_frame(stays))

        class Final:
            def __init__(self, members):
                self.members = members

            def at(self, date):
                return self.members.at(pd.Timestamp("2030-01-01"))

        def run(m, members):
            return self.run(m, Final(members))

        cuts = [market.bars.dates[250]]
        whole = run(foreseeing, foreseeing.membership)
        scores, orders, _ = replay.check(foreseeing, whole, run, cuts)
        assert scores.status == "fail" and "is" in scores.first.sentence


class TestLabelShift:
    @pytest.fixture(scope="class")
    @staticmethod
    def sections(market):
        return TestReplay.run(market).signal.sections_

    @pytest.mark.slow
    def test_a_leak_looks_like_a_leak(self, sections):
        check = label_shift.check(sections, topk=3, min_months=4)
        assert check.status == "pass"
        labels = [np.full(len(s), np.nan) if s.returns is None else s.returns for s in sections]
        honest, leaked = (
            label_shift.walk(sections, which, 3, 4)["rank_ic"].mean()
            for which in (labels, label_shift.last_month(sections))
        )
        assert leaked > 0.5 > 0.25 > honest
        assert f"{honest:.3f}" in check.summary and f"{leaked:.3f}" in check.summary

    @pytest.mark.slow
    def test_labels_of_the_month_before(self, sections):
        labels = label_shift.last_month(sections)
        assert np.isnan(labels[0]).all()
        for t in (1, 7):
            before = dict(zip(sections[t - 1].assets, sections[t - 1].returns, strict=True))
            want = [before.get(a, np.nan) for a in sections[t].assets]
            np.testing.assert_array_equal(labels[t], want)

    @pytest.mark.slow
    def test_sections_that_hold_their_own_future_are_caught(self, sections):
        rng = np.random.default_rng(0)
        leaking = []
        for s in sections:
            returns = np.zeros(len(s)) if s.returns is None else np.nan_to_num(s.returns)
            values = s.values.copy()
            spread = returns.std() or 1.0
            values[:, -1, 0] = returns / spread + rng.normal(0, 0.5, len(s))
            leaking.append(replace(s, values=values))
        check = label_shift.check(leaking, topk=3, min_months=4)
        assert check.status == "fail"
        assert check.first.symbol in leaking[-1].assets

    @pytest.mark.slow
    def test_factors_without_the_past_cannot_show_it(self, sections):
        rng = np.random.default_rng(1)
        blind = [
            replace(s, values=rng.normal(size=s.values.shape).astype(np.float32)) for s in sections
        ]
        check = label_shift.check(blind, topk=3, min_months=4)
        assert check.status == "skipped" and "cannot show" in check.summary


class TestLimit:
    """What rank IC .15 allows, against formulas where there are any."""

    def test_without_skill_it_is_hypergeometric(self):
        n, k, hits = 40, 8, 10
        mean, variance = precision_moments(n, k, hits, ic=0.0, spread=0.0, volatility=0.0)
        p = hits / n
        want = p * (1 - p) * (n - k) / (n - 1) / k
        assert mean == pytest.approx(p, abs=4 * np.sqrt(want / 4000))
        assert variance == pytest.approx(want, rel=0.1)

    @pytest.mark.slow
    def test_of_many_stocks_it_is_the_orthant_probability(self):
        q, ic = 0.1, 0.15
        r = 2 * np.sin(np.pi * ic / 6)
        edge = norm.ppf(q)  # both below it is as likely as both above the other
        want = multivariate_normal([0, 0], [[1, r], [r, 1]]).cdf([edge, edge]) / q
        mean, variance = precision_moments(1000, 100, 100, ic=ic, spread=0.0, volatility=0.0)
        assert mean == pytest.approx(want, abs=4 * np.sqrt(variance / 4000) + 0.002)

    @pytest.mark.slow
    def test_the_allowances_leave_the_rank_ic_where_it_is(self):
        """The volatility a score may know makes it right more often, not better at ordering."""
        rng = np.random.default_rng(0)
        score, noise = rng.standard_normal((2, 200_000))
        r = 2 * np.sin(np.pi * 0.15 / 6)
        returns = pd.Series(np.exp(0.3 * score) * (r * score + np.sqrt(1 - r * r) * noise))
        assert rank_ic(pd.Series(score), returns) == pytest.approx(0.15, abs=0.015)
        plain, wide = (precision_moments(50, 10, 10, volatility=v)[0] for v in (0.0, 0.3))
        assert 0.2 < plain < wide < 0.45

    def test_more_months_bring_it_down_and_more_skill_up(self):
        month = (50, 10, 10)
        limits = [precision_limit([month] * n) for n in (6, 24, 240)]
        assert limits == sorted(limits, reverse=True)
        mean = precision_moments(*month)[0]
        assert limits[-1] == pytest.approx(mean, abs=0.03)
        assert precision_limit([month] * 24, ic=0.3) > limits[1]

    def test_is_passed_by_chance_once_in_a_thousand(self):
        """Of 400 tracks of two years as good as allowed, at most a few exceed it."""
        rng = np.random.default_rng(5)
        n, k, months = 50, 10, 24
        limit = precision_limit([(n, k, k)] * months)
        score, noise = rng.standard_normal((2, 400, months, n))
        r = 2 * np.sin(np.pi * np.clip(rng.normal(0.15, 0.1, (400, months, 1)), -0.9, 0.9) / 6)
        returns = np.exp(0.3 * score) * (r * score + np.sqrt(1 - r * r) * noise)
        top = np.argsort(-score)[..., :k]
        rank = np.argsort(np.argsort(-returns))
        precision = (np.take_along_axis(rank, top, -1) < k).mean(axis=(1, 2))
        assert (precision > limit).sum() <= 3
        assert (precision > limit - 0.03).sum() > 3, "so wide a limit catches nothing"

    @pytest.mark.slow
    def test_large_markets_are_rounded_down(self):
        assert precision_limit([(318, 10, 10)]) == precision_limit([(315, 10, 10)])

    def test_picks_of_more_than_there_are(self):
        with pytest.raises(ValueError, match="stocks=5"):
            precision_moments(5, 6, 2)


class TestAccuracy:
    @staticmethod
    def table(ic, months=24, n=50, k=10, seed=0):
        rng = np.random.default_rng(seed)
        r = 2 * np.sin(np.pi * ic / 6)
        score, noise = rng.standard_normal((2, months, n))
        returns = r * score + np.sqrt(1 - r * r) * noise
        label = (np.argsort(np.argsort(-returns)) < k).astype(float)
        dates = pd.date_range("2015-01-31", periods=months, freq="ME")
        index = pd.MultiIndex.from_product([dates, [f"S{i:02d}" for i in range(n)]])
        columns = dict(score=score.ravel(), label=label.ravel(), forward_return=returns.ravel())
        return pd.DataFrame(columns, index=index.set_names(["month_end", "asset"]))

    @pytest.mark.slow
    @pytest.mark.parametrize("ic", [0.0, 0.05, 0.1, 0.15])
    def test_real_skill_passes(self, ic):
        assert accuracy.check(self.table(ic)).status == "pass"

    @pytest.mark.slow
    @pytest.mark.parametrize("ic", [0.6, 0.9])
    def test_more_than_that_fails_and_names_month_and_stock(self, ic):
        table = self.table(ic)
        check = accuracy.check(table)
        assert check.status == "fail"
        first = check.first
        month = table.xs(first.date)
        assert first.symbol == month[month["label"] == 1]["score"].idxmax()
        quality = monthly_quality(table, 10)["precision"]
        assert f"{quality.mean():.3f}" in check.summary
        alone = quality[quality > precision_limit([(50, 10, 10)])]
        assert first.date == (alone.index[0] if len(alone) else quality.idxmax())
        assert (ic == 0.9) == bool(len(alone)), "one of the cases each"

    @pytest.mark.slow
    def test_scores_of_weeks_are_held_against_the_week_after_them(self, market, monkeypatch):
        close = market.bars.frame("close")
        days = close.index
        ends = days[np.flatnonzero(np.diff(days.to_period("W").asi8, append=0))]
        signal = pd.DataFrame(
            np.random.default_rng(0).random((len(ends), 12)), index=ends, columns=close.columns
        )
        measured = []
        monkeypatch.setattr(
            accuracy,
            "check",
            lambda table, k: measured.append(table) or Check("accuracy", "pass", ""),
        )
        audit.run(
            market,
            signal=signal,
            strategy=MonthlyTopK,
            schedule="week",
            topk=3,
            skip=set(audit.CHECKS) - {"accuracy"},
        )
        forward = measured[0]["forward_return"].unstack()
        after = close.ffill().loc[ends].shift(-1)
        weeks = (after / close.loc[ends] - 1).loc[forward.index[:-1]]
        assert len(forward) > 40
        np.testing.assert_allclose(forward[:-1], weeks, rtol=1e-12)

    def test_too_few_months_or_labels_cannot_tell(self):
        assert accuracy.check(self.table(0.8, months=5)).status == "skipped"
        without = self.table(0.8)[["score", "label"]]
        assert accuracy.check(without.assign(label=np.nan)).status == "skipped"
        assert accuracy.check(without.assign(label=1.0)).status == "skipped"

    @pytest.mark.slow
    def test_file_round_trip(self, tmp_path):
        table = self.table(0.8)[["score", "label"]]
        table.loc[table.index[:3], "label"] = np.nan
        flat = table.rename_axis(["month_end", "symbol"]).reset_index()
        flat["label"] = flat["label"].astype("Int64")
        flat.to_csv(tmp_path / "scores.csv", index=False, date_format="%Y-%m-%d")
        read = accuracy.read_scores(tmp_path / "scores.csv")
        pd.testing.assert_frame_equal(read, table, check_index_type=False)
        assert accuracy.check(read).status == "fail"

    @pytest.mark.parametrize(
        ("text", "words"),
        [
            ("month_end,symbol,score\n", "column 'label' is missing"),
            ("month_end,symbol,score,label\n2015-01-31,A,x,1\n", "'score' must be a number"),
            ("month_end,symbol,score,label\n2015-01-31,A,1,2\n", "'label' must be 0, 1 or empty"),
            ("month_end,symbol,score,label\nsoon,A,1,1\n", "'month_end' must be a date"),
            ("month_end,symbol,score,label\n2015-01-31,A,1,1\n2015-01-31,A,2,1\n", "two rows"),
        ],
    )
    def test_files_that_cannot_be_used(self, tmp_path, text, words):
        (tmp_path / "scores.csv").write_text(text)
        with pytest.raises(DataError) as caught:
            accuracy.read_scores(tmp_path / "scores.csv")
        assert words in str(caught.value)


class TestSurvivorship:
    def test_stocks_that_leave_pass(self):
        check = survivorship.check(make_market(20, 400, late=2, delisted=2))
        assert check.status == "pass" and "2 came later and 1 left before the end" in check.summary

    def test_a_universe_that_never_changes_fails(self):
        check = survivorship.check(make_market(20, 400, late=0, gaps=5, delisted=0))
        assert check.status == "fail"
        assert (check.first.symbol, str(check.first.date.date())) == ("S000", "2015-01-01")

    def test_the_embedded_data_fail_truthfully(self):
        check = survivorship.check(load_sp500())
        assert check.status == "fail" and "the 20 stocks are the same on all dates" in check.summary

    def test_nobody_leaves_though_some_come(self):
        few = survivorship.check(make_market(20, 400, late=3, delisted=0))
        assert few.status == "skipped" and "often happens by chance" in few.summary
        many = survivorship.check(make_market(200, 600, late=3, delisted=0))
        assert many.status == "fail"

    def test_a_year_is_needed(self):
        assert survivorship.check(make_market(20, 200)).status == "skipped"

    @staticmethod
    def members(market, rows):
        frame = pd.DataFrame(rows, columns=["symbol", "in_date", "out_date"])
        return replace(market, membership=Membership.from_frame(frame))

    def test_members_who_change_pass(self):
        market = make_market(6, 400)
        rows = [(a, "2015-01-01", "") for a in market.bars.assets[:4]]
        rows += [("S004", "2015-01-01", "2015-08-01"), ("S005", "2015-08-01", "")]
        assert survivorship.check(self.members(market, rows)).status == "pass"

    def test_members_who_never_change_fail(self):
        market = make_market(6, 400)
        check = survivorship.check(
            self.members(market, [(a, "2015-01-01", "") for a in market.bars.assets])
        )
        assert check.status == "fail" and check.first.symbol == "S000"

    def test_members_who_left_and_have_no_bars_fail(self):
        market = make_market(6, 400)
        rows = [(a, "2015-01-01", "") for a in market.bars.assets]
        rows += [("GONE", "2015-03-10", "2015-09-01")]
        check = survivorship.check(self.members(market, rows))
        assert check.status == "fail"
        assert (check.first.symbol, str(check.first.date.date())) == ("GONE", "2015-03-31")
        assert "1 of them had left" in check.summary

    def test_members_of_other_times(self):
        market = make_market(6, 400)
        check = survivorship.check(self.members(market, [("S001", "2030-01-01", "")]))
        assert check.status == "fail" and "does not cover" in check.summary


def split(market, day, asset=0, ratio=2.0):
    """Cumulative backward factor of a split on a day: 1 before, `ratio` from it on."""
    factor = np.ones(market.bars["close"].shape)
    factor[day:, asset] = ratio
    return factor


class TestAdjustment:
    """A two-for-one split of S000 on day 250, told in every way that vendors have."""

    @pytest.fixture(scope="class")
    @staticmethod
    def raw():
        """Whole cents, halved at the split, amounts as paid."""
        market = make_market(5, 400, late=0, gaps=0, delisted=0)
        factor = split(market, 250)
        close = np.round(market.bars["close"] / factor, 2)
        volume = np.round(market.bars["volume"] * factor)
        lines = {"close": close, "volume": volume, "amount": close * volume}
        return replace(market, bars=Bars(market.bars.dates, market.bars.assets, lines))

    @staticmethod
    def lines(market, *keep, **lines):
        kept = {name: market.bars[name] for name in keep}
        return Bars(market.bars.dates, market.bars.assets, {**kept, **lines})

    def test_raw_prices_know_nothing_but_take_the_split_for_a_loss(self, raw):
        check = adjustment.check(raw.bars)
        assert check.status == "fail" and "look split and are not adjusted" in check.summary
        assert (check.first.symbol, check.first.date) == ("S000", raw.bars.dates[250])
        # of closes alone half the price is no proof
        assert adjustment.check(self.lines(raw, "close")).status == "pass"

    def test_a_backward_factor_passes_and_a_forward_one_fails(self, raw):
        factor = split(raw, 250)
        close = raw.bars["close"]
        good = self.lines(raw, close=close * factor, adjfactor=factor)
        check = adjustment.check(good)
        assert check.status == "pass" and "1 of 5 stocks are adjusted from" in check.summary
        forward = np.where(np.arange(5) == 0, factor / 2, 1.0)
        check = adjustment.check(self.lines(raw, close=close * forward, adjfactor=forward))
        assert check.status == "fail"
        assert (check.first.symbol, check.first.date) == ("S000", raw.bars.dates[0])
        assert str(raw.bars.dates[250].date()) in check.first.sentence

    @pytest.mark.parametrize("unit", [1.0, 0.01, 1000.0])
    def test_amounts_tell_forward_adjusted_closes(self, raw, unit):
        forward = split(raw, 250) / np.where(np.arange(5) == 0, 2.0, 1.0)
        kept = dict(amount=raw.bars["amount"], volume=raw.bars["volume"] * unit)
        check = adjustment.check(self.lines(raw, close=raw.bars["close"] * forward * 1.0, **kept))
        assert check.status == "fail", check.summary
        assert check.first.symbol == "S000"
        assert str(raw.bars.dates[249].date())[:7] in check.first.sentence
        backward = raw.bars["close"] * split(raw, 250)
        assert adjustment.check(self.lines(raw, close=backward, **kept)).status == "pass"

    def test_cents_tell_forward_adjusted_closes(self, raw):
        forward = np.ones((400, 5))
        forward[:250, 0] = 1 / 1.37
        check = adjustment.check(self.lines(raw, close=raw.bars["close"] * forward))
        assert check.status == "fail" and check.first.symbol == "S000"
        assert str(raw.bars.dates[249].date()) in check.first.sentence

    def test_prices_without_any_grid_cannot_tell(self, market):
        bars = Bars(market.bars.dates, market.bars.assets, {"close": market.bars["close"]})
        check = adjustment.check(bars)
        assert check.status == "skipped" and "--against" in check.summary
        one_in_cents = adjustment.check(load_sp500().bars)
        assert one_in_cents.status == "skipped", "one raw stock of twenty says nothing of the rest"

    def test_two_files_tell_exactly(self, raw):
        """The file of before the split has none of it; of after it, all prices are halved."""
        then = raw.bars.rows(0, 240)
        forward = split(raw, 250) / np.where(np.arange(5) == 0, 2.0, 1.0)
        now = self.lines(raw, close=np.round(raw.bars["close"] * forward, 2))
        for a, b in ((then, now), (now, then)):
            check = adjustment.check(a, b)
            assert check.status == "fail", check.summary
            assert [f.symbol for f in check.findings] == ["S000"]
            assert check.first.date == raw.bars.dates[0]
        assert adjustment.check(then, raw.bars).status == "pass"

    def test_two_files_of_one_vendor_before_and_after(self, raw):
        """Both adjusted forward, only the later by the split."""
        forward = split(raw, 250) / np.where(np.arange(5) == 0, 2.0, 1.0)
        now = self.lines(raw, close=raw.bars["close"] * forward)
        other = self.lines(raw, close=raw.bars["close"] * forward * 1.0)
        assert adjustment.check(now, other).status == "pass"


class TestRevisions:
    def test_more_days_and_new_stocks_of_later_are_no_change(self, market):
        assert revisions.check(market, until(market, 300)).status == "pass"
        assert revisions.check(until(market, 300), market).status == "pass"
        assert revisions.check(market, market).status == "pass"

    def test_without_another_file(self, market):
        assert revisions.check(market, None).status == "skipped"

    @pytest.mark.parametrize("line", ["close", "volume", "pb"])
    def test_a_value_that_changed(self, market, line):
        values = market.bars[line].copy()
        values[120, 4] *= 1.001
        values[200, 4] *= 1.001
        check = revisions.check(with_lines(market, **{line: values}), until(market, 300))
        assert check.status == "fail" and len(check.findings) == 1
        first = check.first
        want = ("S004", market.bars.dates[120], line)
        assert (first.symbol, first.date, first.subject) == want
        assert "2 days differ" in first.sentence

    def test_the_last_digit_is_no_change(self, market):
        close = market.bars["close"] * (1 + 1e-12)
        assert revisions.check(with_lines(market, close=close), market).status == "pass"

    def test_a_bar_that_came_later(self, market):
        lines = {k: v.copy() for k, v in market.bars.lines.items()}
        for line in lines.values():
            line[100, 2] = np.nan
        check = revisions.check(until(with_lines(market, **lines), 300), market)
        assert check.status == "fail"
        assert {(f.symbol, f.date) for f in check.findings} == {("S002", market.bars.dates[100])}
        assert "was empty in the older data set" in check.first.sentence

    def test_a_stock_that_vanished(self, market):
        kept = replace(market, bars=market.bars.select(market.bars.assets[1:]))
        check = revisions.check(kept, until(market, 300))
        assert (check.status, check.first.symbol) == ("fail", "S000")
        assert "is not in the newer one" in check.first.sentence

    def test_index_and_members(self, market):
        index = market.benchmark.copy()
        index.iloc[50, index.columns.get_loc("close")] += 1
        check = revisions.check(market, replace(market, benchmark=index))
        assert (check.first.subject, check.first.date) == ("benchmark", index.index[50])
        stays = pd.DataFrame({"symbol": ["S001", "S002"], "in_date": "2015-01-01", "out_date": ""})
        a = replace(market, membership=Membership.from_frame(stays))
        stays.loc[1, "in_date"] = "2015-05-04"
        b = replace(market, membership=Membership.from_frame(stays))
        check = revisions.check(a, b)
        assert (check.first.symbol, check.first.subject) == ("S002", "membership")

    def test_no_day_in_common(self, market):
        later = make_market(3, 30).bars
        dates = later.dates + pd.DateOffset(years=20)
        other = Market(Bars(dates, later.assets, later.lines), None, None, "later")
        assert revisions.check(market, other).status == "skipped"


class TestReport:
    def test_findings_come_in_order_of_date(self):
        late, early = (Finding(d, "A", pd.Timestamp(d), "x") for d in ("2016-01-04", "2015-01-05"))
        check = fail("x", "wrong", [late, Finding("?"), early])
        assert [f.sentence for f in check.findings] == ["2015-01-05", "2016-01-04", "?"]

    def test_json_and_text(self):
        bad = fail("x", "wrong", [Finding("s", "A", pd.Timestamp("2015-01-05"), "close")])
        report = Report("mine", (Check("y", "pass", "fine"), bad))
        assert report.as_dict()["checks"][1] == {
            "name": "x",
            "status": "fail",
            "summary": "wrong",
            "n_findings": 1,
            "findings": [
                {"symbol": "A", "date": "2015-01-05", "subject": "close", "sentence": "s"}
            ],
        }
        assert report.as_dict()["passed"] is False and "first: s" in str(report)
        with pytest.raises(KeyError, match="there are y, x"):
            report["z"]

    def test_a_fail_has_findings_and_nothing_else_has(self):
        with pytest.raises(ValueError):
            Check("x", "fail", "wrong")
        with pytest.raises(ValueError):
            Check("x", "pass", "fine", (Finding("s"),))
        with pytest.raises(ValueError):
            Check("x", "perhaps", "?")


@pytest.mark.slow
def test_tables_and_files_are_taken_as_a_market_is(tmp_path):
    market = make_market(n_assets=6, n_days=140, seed=2)
    write_table(tmp_path / "panel.csv", market)
    table = pd.read_csv(tmp_path / "panel.csv", dtype={"symbol": str})
    told = []
    for data in (load(tmp_path / "panel.csv"), table, str(tmp_path / "panel.csv")):
        report = audit.run(
            data, against=data, skip=set(audit.CHECKS) - {"dates", "changed history"}
        )
        told.append([(c.name, c.status, c.summary) for c in report.checks])
    assert told[0] == told[1] == told[2]
    assert {("dates", "pass"), ("changed history", "pass")} <= {check[:2] for check in told[0]}


@pytest.mark.slow
@pytest.mark.real
def test_the_real_panel_passes_what_needs_no_replay(sse50):
    skip = {"scores", "orders", "same day", "label shift", "foresight", "accuracy", "account"}
    report = audit.run(sse50, cuts=1, skip=skip, factors=NAMES)
    assert report.passed
    assert [c.name for c in report.checks if c.status == "pass"] == [
        "factors", "survivorship", "members", "dates", "adjustment",
    ]  # fmt: skip
