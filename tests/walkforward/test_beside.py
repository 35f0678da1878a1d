"""Training on a market beside the feeds: joined by hand, cut with them, and never counted twice."""

import logging

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge

from attngru_bt import Blend, MonthlyTopK, SignalGenerator, backtest, walk_forward
from attngru_bt.data import make_market
from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.beside import Beside
from attngru_bt.data.market import Market
from attngru_bt.data.membership import Membership
from attngru_bt.features.roster import Roster
from attngru_bt.walkforward import Recipe

pytestmark = pytest.mark.slow  # whole walks and backtests

SETTINGS = dict(
    topk=2, min_months=3, lookback=2, n_components=3, factors=["ROC6", "BIAS5", "REVS10"]
)
FED = ("S000", "S003", "S004", "S007", "S008", "S011")


def cut(market, names, first, lines=None):
    """Some stocks of a market, from a day on."""
    bars = market.bars.select(names)
    rows = bars.dates >= first
    kept = {name: bars[name][rows] for name in lines or bars.lines}
    return Market(Bars(bars.dates[rows], names, kept), None, None, "cut")


@pytest.fixture(scope="module")
def wide():
    return make_market(n_assets=16, n_days=330, seed=3, late=0, gaps=0, delisted=0)


@pytest.fixture(scope="module")
def feeds(wide):
    """Six of its stocks, five months later, under other prices, and one stock more."""
    market = cut(wide, FED, pd.Timestamp("2015-06-10"))
    rng = np.random.default_rng(0)
    noise = np.exp(rng.normal(0, 0.001, size=(len(market.bars), 1)))
    lines = {
        name: np.hstack([line * 1.5, line[:, :1] * noise])
        for name, line in market.bars.lines.items()
    }
    lines["extra"] = lines["close"]
    return Market(Bars(market.bars.dates, (*FED, "NEW"), lines), None, None, "feeds")


def bits(walk):
    return [
        (r.month_end, tuple(r.scores.index), r.scores.to_numpy().tobytes()) for r in walk.records
    ]


def scored(walk):
    return [part for part in bits(walk) if part[1]]


class TestJoin:
    def test_rows_are_those_of_both(self, wide, feeds, caplog):
        with caplog.at_level(logging.INFO):
            bars = Beside(wide).join(feeds.bars)
        assert caplog.text.count("6 of them fed") == 1 and "without extra" in caplog.text
        assert set(bars.lines) == set(wide.bars.lines)
        assert bars.assets == (*wide.bars.assets, "NEW")
        first = feeds.bars.dates[0]
        for name in ("close", "volume"):
            table = wide.bars.frame(name)
            table = table[table.index <= feeds.bars.dates[-1]]
            table = table.drop(columns=list(FED)).join(feeds.bars.frame(name), how="outer")
            table = table[list(bars.assets)]
            table[table.index >= first] = table[table.index >= first].loc[feeds.bars.dates]
            assert bars.dates.equals(table.index.as_unit("us"))
            np.testing.assert_array_equal(bars[name], table.to_numpy())

    def test_it_ends_with_the_feeds_and_grows_with_them(self, wide, feeds):
        beside = Beside(wide)
        whole = Beside(wide).join(feeds.bars)
        for day in (feeds.bars.dates[3], feeds.bars.dates[40], feeds.bars.dates[41]):
            known = beside.join(feeds.bars.until(day))
            assert known.dates[-1] == day
            for name in whole.lines:
                np.testing.assert_array_equal(known[name], whole.until(day)[name])

    def test_sessions_of_the_feeds_alone_count_once_they_have_begun(self, wide, feeds, caplog):
        kept = np.ones(len(feeds.bars), dtype=bool)
        kept[10] = False
        lines = {name: line[kept] for name, line in feeds.bars.lines.items()}
        bars = Bars(feeds.bars.dates[kept], feeds.bars.assets, lines)
        joined = Beside(wide).join(bars)
        assert feeds.bars.dates[10] not in joined.dates
        day = feeds.bars.dates[10].date()
        assert caplog.text.count(f"has sessions that the feeds lack (the first is {day})") == 1
        assert len(joined) == len(wide.bars.before(bars.dates[0])) + len(bars)

    def test_no_session_is_missed_as_the_feeds_grow(self, wide, feeds, caplog):
        beside = Beside(wide)
        for n in (1, 2, 30, 60):
            beside.join(feeds.bars.until(feeds.bars.dates[n]))
        assert "sessions that the feeds lack" not in caplog.text
        kept = np.arange(len(feeds.bars)) != 61
        lines = {name: line[kept] for name, line in feeds.bars.lines.items()}
        beside.join(Bars(feeds.bars.dates[kept], feeds.bars.assets, lines))
        assert f"the first is {feeds.bars.dates[61].date()}" in caplog.text

    def test_a_stock_is_the_same_in_whatever_spelling(self, wide, feeds):
        codes = tuple(f"{600000 + i}.SH" for i in range(len(wide.bars.assets)))
        bars = Bars(wide.bars.dates, codes, dict(wide.bars.lines))
        market = Market(bars, None, Membership(codes[:4], ["2010-01-01"] * 4, [None] * 4), "codes")
        fed = feeds.bars.select(FED)
        fed = Bars(fed.dates, ("sh.600000", "600003", *FED[2:]), dict(fed.lines))
        beside = Beside(market)
        joined = beside.join(fed)
        assert joined.assets == ("sh.600000", *codes[1:3], "600003", *codes[4:], *FED[2:])
        alone = Beside(wide).join(feeds.bars.select(FED))
        np.testing.assert_array_equal(joined["close"][:, 0], alone["close"][:, 0])
        assert beside.at(fed.dates[0]) == {"sh.600000", codes[1], codes[2], "600003"}
        for names, told in (
            (("600000.SH", "SH600000"), "may be 600000.SH or SH600000"),
            (("sh.600000",), "600000.SH and SH600000 are two spellings of sh.600000"),
        ):
            two = bars.select(codes[:2])
            of_market = (codes[0], "SH600000") if len(names) == 1 else ("600000.SS", "B")
            two = Bars(two.dates, of_market, dict(two.lines))
            own = fed.select(fed.assets[: len(names)])
            with pytest.raises(DataError, match=told):
                Beside(Market(two, None, None, "two")).join(Bars(own.dates, names, dict(own.lines)))

    def test_who_may_be_held_is_fed_and_a_member(self, wide, feeds):
        beside = Beside(wide)
        bars = beside.join(feeds.bars)
        universe = Membership(("S000", "S001", "S003"), ["2010-01-01"] * 3, [None] * 3)
        held = Roster(universe, "all").members(bars, len(bars) - 1, beside.fed)
        assert {bars.assets[i] for i in np.flatnonzero(held)} == {"S000", "S003"}

    def test_the_benchmark_meets_that_of_the_feeds(self, wide, feeds):
        index = wide.benchmark * 2
        both = Market(feeds.bars, index[index.index >= feeds.bars.dates[0]], None, "feeds")
        joined = Beside(wide).join(both.bars)
        want = index["close"].reindex(joined.dates).to_numpy()
        np.testing.assert_allclose(joined.benchmark, want)
        assert Beside(wide).join(feeds.bars).benchmark is None

    def test_wrong_prices_and_other_bars_are_told(self, wide):
        """A market made by hand was checked by nobody."""
        lines = dict(wide.bars.lines) | {"close": wide.bars["close"].copy()}
        lines["close"][5, 3] = -1.0
        wrong = Market(Bars(wide.bars.dates, wide.bars.assets, lines), None, None, "wrong")
        with pytest.raises(DataError, match="`train_on`: wrong: S003 on 2015-01-08: close must be"):
            Beside(wrong)
        dates = pd.date_range("2015-01-02", periods=len(wide.bars), freq="W-FRI")
        weekly = Bars(dates, wide.bars.assets, dict(wide.bars.lines))
        with pytest.raises(DataError, match="`train_on`: weekly: the bars are weekly"):
            Beside(Market(weekly, None, None, "weekly"))

    def test_a_market_that_has_ended_or_begins_later(self, wide, feeds):
        early = wide.until("2015-03-31")
        joined = Beside(early).join(feeds.bars)
        assert len(joined) == len(early.bars) + len(feeds.bars)
        late = cut(wide, ("S001", "S002"), feeds.bars.dates[30])
        joined = Beside(late).join(feeds.bars)
        assert joined.dates.equals(feeds.bars.dates)
        assert np.isnan(joined["close"][:30, :2]).all()


class TestWalk:
    def test_more_is_trained_on_and_feeds_alone_are_scored(self, wide, feeds):
        plain, walk = walk_forward(
            feeds, {"plain": Ridge(), "wide": SignalGenerator(Ridge(), train_on=wide, **SETTINGS)},
            **SETTINGS,
        )  # fmt: skip
        # month-ends before the first bar of the feeds are trained on
        assert len(scored(walk)) == len(scored(plain)) + 3
        assert walk.sections[0].date < feeds.bars.dates[0]
        assert len(walk.sections[3]) == 10 and not walk.sections[3].member.any()
        for record in walk.records:
            assert set(record.scores.index) <= {*FED, "NEW"}
        last = walk.sections[-1]
        assert len(last.assets) == len(set(last.assets)) == 17
        assert sorted(last.members().assets) == sorted([*FED, "NEW"])
        close = dict(zip(last.assets, last.close, strict=True))
        at = feeds.bars.dates.get_loc(last.date)
        assert close["S003"] == feeds.bars["close"][at, 1]
        both = plain.labels().index
        pd.testing.assert_frame_equal(
            walk.labels().loc[both].drop(columns="score"), plain.labels().drop(columns="score")
        )

    def test_rows_are_those_of_one_joined_market(self, wide, feeds):
        """The same as one market that was put together before, traded in part."""
        joined = Beside(wide).join(feeds.bars)

        class Fed:
            def at(self, date):
                return frozenset(feeds.bars.assets)

        (walk,) = walk_forward(feeds, {"one": Ridge()}, train_on=wide, **SETTINGS)
        (other,) = walk_forward(
            Market(joined, None, None, "joined"), {"one": Ridge()}, universe=Fed(),
            train_on="all", start=feeds.bars.dates[0], **SETTINGS,
        )  # fmt: skip
        assert len(scored(walk)) > 5
        for one, two in zip(walk.records[-5:], other.records[-5:], strict=True):
            pd.testing.assert_series_equal(one.scores, two.scores)
            assert one.n_rows == two.n_rows

    @pytest.mark.parametrize("model", [Ridge(), LogisticRegression(), Blend([Ridge(), "random"])])
    def test_both_drivers_agree(self, wide, feeds, model):
        how = SETTINGS | dict(train_on=wide, within="size", row_weights="size")
        (walk,) = walk_forward(feeds, {"one": model}, **how)
        along = backtest.run(feeds, signal=model, **how)
        assert scored(along.signal.walk_) == scored(walk) and len(scored(walk)) > 5

    def test_members_of_that_market_are_trained_on(self, wide, feeds):
        names = ["S001", "S002", "S003"]
        members = Membership(names, ["2010-01-01"] * 3, [None] * 3)
        some = Market(wide.bars, None, members, "some")
        (walk,) = walk_forward(feeds, {"one": Ridge()}, train_on=some, **SETTINGS)
        assert set(walk.sections[-1].assets) == {*FED, "NEW", "S001", "S002"}
        assert set(walk.sections[1].assets) == {"S001", "S002"}

    def test_later_rows_of_it_change_nothing(self, wide, feeds):
        end = pd.Timestamp("2015-12-31")
        lines = {name: line.copy() for name, line in wide.bars.lines.items()}
        for line in lines.values():
            line[wide.bars.dates > end] *= 1.9
        other = Market(Bars(wide.bars.dates, wide.bars.assets, lines), None, None, "changed")
        known = feeds.until("2016-01-20")
        walks = [
            walk_forward(known, {"one": Ridge()}, train_on=market, **SETTINGS)[0]
            for market in (wide, other, wide.until(end))
        ]
        assert bits(walks[0]) == bits(walks[1]) == bits(walks[2]) and len(scored(walks[0])) > 5
        signal = SignalGenerator(Ridge(), train_on=other, **SETTINGS)
        along = backtest.run(known, MonthlyTopK, signal=signal, topk=2)
        assert scored(along.signal.walk_) == scored(walks[0])
        (late,) = walk_forward(feeds, {"one": Ridge()}, train_on=other, **SETTINGS)
        (was,) = walk_forward(feeds, {"one": Ridge()}, train_on=wide, **SETTINGS)
        assert bits(late) != bits(was)

    def test_a_path_and_a_run_that_goes_on(self, wide, feeds, tmp_path):
        table = pd.concat({name: wide.bars.frame(name).stack() for name in wide.bars.lines}, axis=1)
        table.index.names = ["date", "symbol"]
        table.reset_index().to_csv(tmp_path / "panel.csv", index=False, float_format="%.17g")
        walks = [
            walk_forward(feeds, {"one": Ridge()}, folder=tmp_path / "w", train_on=place, **SETTINGS)
            for place in (wide, tmp_path, str(tmp_path))
        ]
        assert bits(walks[0][0]) == bits(walks[1][0]) == bits(walks[2][0])
        assert all(record.found for record in walks[2][0].records if len(record.scores))
        other = wide.until("2015-12-31")
        (walk,) = walk_forward(
            feeds, {"one": Ridge()}, folder=tmp_path / "w", train_on=other, **SETTINGS
        )
        found = [record.found for record in walk.records if len(record.scores)]
        assert any(found) and not all(found)

    @pytest.mark.slow
    def test_processes_get_rows_and_no_market(self, wide, feeds):
        one, two = (
            walk_forward(feeds, {"one": Ridge()}, jobs=jobs, train_on=wide, **SETTINGS)[0]
            for jobs in (1, 2)
        )
        assert bits(one) == bits(two)

    def test_members_of_a_blend_share_it(self, wide, feeds, monkeypatch):
        made = []
        monkeypatch.setattr(Beside, "_log_join", lambda self, *_: made.append(self))
        few = SETTINGS | {"train_on": wide}
        blend = Blend([Recipe(Ridge(), **few), Recipe(Ridge(), **few | {"lookback": 1})])
        (walk,) = walk_forward(feeds, {"both": blend})
        assert len(made) == 1 and len({id(m.panel) for m in walk.members.values()}) == 2
        strategy = backtest.run(feeds, MonthlyTopK, signal=blend, topk=2)
        assert len(made) == 2 and scored(strategy.signal.walk_) == scored(walk)

    def test_it_is_not_copied(self, wide):
        assert clone(SignalGenerator(train_on=wide)).train_on is wide
        assert len(repr(SignalGenerator(train_on=wide))) < 500

    @pytest.mark.parametrize(
        ("place", "why"),
        [("al", "there is no file al; did you mean 'all'"), (3, "`train_on`")],
    )
    def test_what_it_cannot_be_is_told(self, feeds, place, why):
        with pytest.raises((ValueError, TypeError), match=why):
            SignalGenerator(Ridge(), train_on=place).scores(feeds.bars)
