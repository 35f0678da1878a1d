"""At most so many names of one group: in the plan, in orders, and by chance."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngru_bt import MonthlyTopK, backtest, make_market
from attngru_bt.compare.chance import against_chance, chosen, month_groups, month_returns
from attngru_bt.data.bars import Bars, DataError
from attngru_bt.evaluation.random_portfolios import random_portfolios
from attngru_bt.trading.groups import GroupCap, groups_at, read_groups, summarized
from attngru_bt.trading.rebalance import decide

pytestmark = pytest.mark.slow  # whole walks and backtests

NAMES = list("ABCDEFGHIJ")
GROUP = {name: "xyz"[i % 3] for i, name in enumerate(NAMES)}  # x: A D G J, y: B E H, z: C F I


def plan(ranked, held, topk, most=1, **how):
    cap = GroupCap(most, GROUP.__getitem__)
    return decide(ranked, set(held), set(ranked) | set(held), topk, cap=cap, **how)


class TestPlan:
    def test_who_has_no_room_makes_room_for_the_next(self):
        todo = plan("ADBGCF", "", 3)
        assert todo.entrants == ("A", "B", "C")
        assert todo.capped == ("D", "G") and todo.passed == ()

    def test_so_it_does_without_substitutes(self):
        assert plan("ADBGCF", "", 3, substitute=False).entrants == ("A", "B", "C")

    def test_who_is_held_stays_before_a_better_one_of_its_group(self):
        todo = plan("ADBC", "D", 2, keep=3)
        assert (todo.stayers, todo.entrants, todo.capped) == (("D",), ("B",), ("A",))

    def test_a_held_name_that_the_cap_brings_among_the_best_stays(self):
        todo = plan("ADGBC", "B", 2)
        assert (todo.stayers, todo.entrants, todo.exits) == (("B",), ("A",), ())

    def test_held_names_beyond_the_cap_leave_last_in_rank_first(self):
        todo = plan("ADGBC", "ADG", 3, most=2, keep=5)
        assert (todo.stayers, todo.exits, todo.entrants) == (("A", "D"), ("G",), ("B",))

    def test_what_cannot_be_sold_takes_room(self):
        cap = GroupCap(1, GROUP.__getitem__)
        todo = decide("ABCD", {"J"}, set("ABCD"), 2, cap=cap)
        assert (todo.stuck, todo.entrants, todo.capped) == (("J",), ("B",), ("A",))

    @given(
        ranked=st.permutations(NAMES),
        held=st.sets(st.sampled_from(NAMES), max_size=6),
        tradable=st.sets(st.sampled_from(NAMES)),
        topk=st.integers(1, 8),
        most=st.integers(1, 4),
        keep=st.none() | st.integers(8, 10),
        substitute=st.booleans(),
    )
    def test_no_group_is_larger_and_nobody_with_room_is_left_out(
        self, ranked, held, tradable, topk, most, keep, substitute
    ):
        cap = GroupCap(most, GROUP.__getitem__)
        todo = decide(
            ranked, held, tradable, topk, keep=keep, cap=cap, substitute=substitute
        )  # fmt: skip
        after = [*todo.stayers, *todo.entrants, *todo.stuck]
        counts = pd.Series([GROUP[name] for name in after]).value_counts()
        stuck = pd.Series([GROUP[name] for name in todo.stuck]).value_counts()
        for group, count in counts.items():
            # what cannot be sold may be too many, and stays beside what stays
            assert count <= most + stuck.get(group, 0)
        assert len(set(after)) == len(after)
        assert {*todo.stayers, *todo.exits, *todo.stuck} == held
        if substitute and len(todo.entrants) < todo.slots:
            for name in tradable - held:
                assert name in todo.entrants or counts.get(GROUP[name], 0) >= most
        roomy = decide(ranked, held, tradable, topk, keep=keep, substitute=substitute)
        assert decide(
            ranked, held, tradable, topk, keep=keep, substitute=substitute,
            cap=GroupCap(10, GROUP.__getitem__),
        ) == roomy  # fmt: skip


@pytest.fixture(scope="module")
def market():
    made = make_market(n_assets=12, n_days=200, seed=4, late=0, gaps=0, delisted=0)
    bars = made.bars
    industry = np.tile(np.arange(12.0) % 3, (len(bars), 1))
    lines = {
        **bars.lines,
        "industry": industry,
        "owner": np.tile(np.arange(12.0) // 4, (len(bars), 1)),
    }
    return type(made)(Bars(bars.dates, bars.assets, lines), made.benchmark, None, "grouped")


@pytest.fixture(scope="module")
def by_name(market):
    return {name: "abc"[i % 3] for i, name in enumerate(market.bars.assets)}


@pytest.fixture(scope="module")
def scores(market):
    dates = market.bars.dates
    ends = dates[np.flatnonzero(dates.month[1:] != dates.month[:-1])]
    values = np.random.default_rng(0).normal(size=(len(ends), len(market.bars.assets)))
    return pd.DataFrame(values, index=ends, columns=list(market.bars.assets))


def run(market, scores, **params):
    return backtest.run(market, MonthlyTopK, signal=scores, topk=5, **params)


def decisions(strategy):
    return [(d["stayers"], d["entrants"], d["exits"], d["capped"]) for d in strategy.decisions]


class TestBacktest:
    def test_no_more_of_a_group_are_ever_held(self, market, scores, by_name):
        strategy = run(market, scores, max_per_group=2, keep=8)
        log = strategy.trade_log.frame()
        held = pd.Series(0.0, index=scores.columns)
        full = 0
        for row in log[log["event"] == "fill"].sort_values("date", kind="stable").itertuples():
            held[row.asset] += row.size if row.side == "buy" else -row.size
            groups = pd.Series({n: by_name[n] for n in held.index[held > 1e-9]})
            assert groups.value_counts().max() <= 2
            full = max(full, len(groups))
        assert full == 5
        reasons = log.loc[log["event"] == "passed", "reason"]
        assert (reasons == "its group is full").sum() > 2
        assert any(d["why"].get(n) == "its group is full"
                   for d in strategy.decisions for n in d["capped"])  # fmt: skip

    def test_a_mapping_a_function_and_a_line_say_the_same(self, market, scores, by_name):
        asked = []

        def at(date):
            asked.append(date)
            return pd.Series(by_name)

        first, *others = (
            decisions(run(market, scores, max_per_group=2, groups=groups))
            for groups in (None, "industry", by_name, at)
        )
        assert all(other == first for other in others) and asked == list(scores.index)
        owners = decisions(run(market, scores, max_per_group=2, groups="owner"))
        assert owners != first

    def test_the_line_is_no_factor(self, market):
        from attngru_bt.factors.plan import plan as planned

        assert "owner" in planned(market.bars).columns
        assert "industry" not in planned(market.bars).columns

    def test_who_enters_later_has_room(self, market, scores, by_name):
        """The best two have no bar on the day; the cap holds for who takes their place."""
        day = market.bars.dates[market.bars.dates.get_loc(scores.index[0]) + 1]
        best = list(scores.iloc[0].sort_values(ascending=False).index)
        row = market.bars.dates.get_loc(day)
        lines = {name: values.copy() for name, values in market.bars.lines.items()}
        for values in lines.values():
            values[row, [market.bars.assets.index(name) for name in best[:2]]] = np.nan
        holes = type(market)(Bars(market.bars.dates, market.bars.assets, lines), None, None, "h")
        strategy = run(holes, scores.iloc[:1], max_per_group=2, substitute=False)
        bought = strategy.trade_log.frame().query("event == 'fill'")
        assert set(best[:2]) < set(bought["asset"]) and len(bought) == 5
        assert pd.Series([by_name[n] for n in bought["asset"]]).value_counts().max() == 2

    @pytest.mark.parametrize(
        ("params", "error", "message"),
        [
            (dict(groups="industry"), ValueError, "no effect without `max_per_group`"),
            (dict(max_per_group=0), ValueError, "must be a whole number of at least 1, or None"),
            (dict(max_per_group=1, groups=3), TypeError, "must be a mapping.*got int"),
            (dict(max_per_group=1, groups="industri"), DataError, "did you mean 'industry'"),
            (dict(max_per_group=1, groups={"S000": 1}), DataError, "S001 has no group; give it"),
            (dict(max_per_group=1, groups=lambda d: {}), DataError, "has no group on 2015-01-30"),
            (
                dict(max_per_group=1, groups=lambda d: {f"S{i:03}": pd.NaT for i in range(12)}),
                DataError,
                "has no group on 2015-01-30",
            ),
            (dict(max_per_group=1, groups=lambda d: 5), TypeError, "returned int"),
        ],
    )
    def test_what_is_no_group_is_a_sentence(self, market, scores, params, error, message):
        with pytest.raises(error, match=message):
            run(market, scores, **params)

    def test_data_without_groups_say_what_to_do(self, scores):
        plain = make_market(n_assets=12, n_days=60, seed=4)
        with pytest.raises(DataError, match="no line industry or sector: give `groups`"):
            run(plain, scores, max_per_group=2)
        with pytest.raises(DataError, match="no line industry or sector: give `groups`"):
            backtest.run(plain, model="ridge", max_per_group=2, progress=pytest.fail)

    def test_a_group_that_is_not_told_anew_is_the_last_one_told(self):
        dates = pd.bdate_range("2020-01-01", periods=3)
        close = np.ones((3, 1))
        bars = Bars(dates, ("A",), {"close": close, "sector": close * [[7], [np.nan], [8]]})
        told = [groups_at(None, day, lambda day=day: bars.until(day))("A") for day in dates]
        assert told == [7, 7, 8]


class TestChance:
    def test_the_names_are_those_of_the_backtest(self, market, scores):
        returns = month_returns(market, scores.index, scores.notna())
        groups = month_groups(market, returns, None)
        marks = chosen(scores, 5, keep=7, groups=groups, max_per_group=2)
        for decision in run(market, scores, max_per_group=2, keep=7).decisions:
            row = marks.loc[decision["month_end"]]
            assert set(row.index[row]) == {*decision["stayers"], *decision["entrants"]}

    def test_random_names_are_under_the_same_cap(self):
        """Of each group one name earns 1, 10 or 100: with one of each, everybody earns 111."""
        returns = pd.DataFrame([[1.0, 1.0, 10.0, 10.0, 100.0, 100.0, np.nan]] * 4)
        groups = pd.DataFrame([[0, 0, 1, 1, 2, 2, -1]] * 4)
        how = dict(entrants=[3, 1, 2, 0], draws=40)
        capped = random_portfolios(returns, 3, groups=groups, max_per_group=1, **how)
        assert capped[:, 0] == pytest.approx(np.full(40, 37))
        free = random_portfolios(returns, 3, **how)
        assert np.ptp(free[:, 0]) > 1
        wide = random_portfolios(returns, 3, groups=groups, max_per_group=3, **how)
        assert (wide == free).all()

    def test_places_that_no_group_can_fill_are_cash(self):
        returns, groups = pd.DataFrame([[1.0, 1.0, 1.0]]), pd.DataFrame([[0, 0, 0]])
        drawn = random_portfolios(returns, 3, groups=groups, max_per_group=2, draws=5)
        assert drawn == pytest.approx(np.full((5, 1), 2 / 3))

    def test_chosen_and_random_names_have_the_cap(self, market, scores):
        returns = month_returns(market, scores.index, scores.notna())
        groups = month_groups(market, returns, "owner")
        plain, capped = (
            against_chance(scores, returns, 5, cost=0.0, years=1.0, draws=60, **how)
            for how in ({}, dict(groups=groups, max_per_group=2))
        )
        assert all(plain[name] != capped[name] for name in ("simple_return", "chance_median"))


def test_a_report_counts_the_names_of_a_mapping(by_name):
    assert summarized({"groups": by_name, "keep": 3}) == {
        "groups": "3 groups of 12 names",
        "keep": 3,
    }
    assert summarized({"groups": "industry"}) == {"groups": "industry"} and summarized({}) == {}


def test_a_file_of_groups(tmp_path):
    file = tmp_path / "groups.csv"
    file.write_text("Symbol,Group\n000001, banks\n'=A,steel\n", encoding="utf-8")
    assert read_groups(file) == {"000001": "banks", "=A": "steel"}
    for text, message in (
        ("symbol,industry\nA,b\n", "column 'group' is missing"),
        ("symbol,group\nA,b\nA,c\n", "symbol 'A' is there twice"),
        ("symbol,group\nA,b\nB,\nC,\n", "line 3: B has no group; give it one"),
    ):
        file.write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match=message):
            read_groups(file)
    with pytest.raises(DataError, match="there is no such file of groups"):
        read_groups(tmp_path / "none.csv")
    with pytest.raises(DataError, match="cannot be read as CSV"):
        read_groups(tmp_path)
