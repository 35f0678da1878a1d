"""Training on more stocks than are traded: who is fitted on, who is scored, and by what rank."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge

from attngru_bt import backtest, make_market
from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.membership import Membership
from attngru_bt.features.cross_section import CrossSection
from attngru_bt.features.labels import GROUPS, rank_targets, size_groups, top_share
from attngru_bt.features.roster import Roster
from attngru_bt.walkforward import Recipe, SignalGenerator, walk_forward
from attngru_bt.walkforward.training_set import training_set

SETTINGS = dict(
    topk=2, min_months=3, lookback=2, n_components=3, factors=["ROC6", "BIAS5", "VOL20"]
)
WIDE = dict(train_on="all", within="size", row_weights="size")


class Half:
    """The first half of the names may be held."""

    def __init__(self, names):
        self.names = frozenset(sorted(names)[: len(names) // 2])

    def at(self, date):
        return self.names


@pytest.fixture(scope="module")
def market():
    return make_market(n_assets=16, n_days=260, seed=3, late=0, gaps=0, delisted=0)


@pytest.fixture(scope="module")
def half(market):
    return Half(market.bars.assets)


def walked(market, half, **settings):
    return walk_forward(market, {"r": Ridge()}, universe=half, **{**SETTINGS, **settings})[0]


@pytest.mark.slow
def test_more_is_trained_on_and_members_alone_are_scored_and_judged(market, half):
    narrow, wide = walked(market, half), walked(market, half, **WIDE)
    assert [r.n_months for r in narrow.records] == [r.n_months for r in wide.records]
    for few, many in zip(narrow.records[-3:], wide.records[-3:], strict=True):
        assert many.n_rows > 1.5 * few.n_rows
        assert set(many.scores.index) == set(few.scores.index) == half.names
        assert not many.scores.equals(few.scores)
    pd.testing.assert_frame_equal(
        narrow.labels()[["label", "forward_return"]], wide.labels()[["label", "forward_return"]]
    )


def test_a_stock_is_trained_on_once_it_has_had_its_first_sessions(market, half):
    """At the second month-end none has had sixty; members are there all the same."""
    panel = Recipe(universe=half, train_on="all", **SETTINGS).make_panel()
    panel.extend(market.bars.until(pd.Timestamp("2015-04-30")))
    sizes = [len(section) for section in panel.sections]
    assert sizes[:2] == [8, 8] and sizes[-1] == 16
    roster = Roster(half, "all")
    assert not roster.trained_on(market.bars, 58).any()
    assert roster.trained_on(market.bars, 59).all()  # the sixtieth session
    assert panel.sections[-1].member.sum() == 8
    assert len(panel.sections[-1].members()) == 8


def test_members_are_found_in_another_spelling(market):
    """They were left out without a word, beside others that were spelled as the bars are."""
    bars = market.bars.until(pd.Timestamp("2015-04-30"))
    names = [f"{600000 + i}.SH" for i in range(16)]
    bars = Bars(bars.dates, tuple(names), dict(bars.lines))
    spelled = [f"sh.{name[:6]}" for name in names]

    def members(first, last):
        n = last - first
        given = [*spelled[first : first + 2], *names[first + 2 : last]]
        return Membership(given, ["2010-01-01"] * n, [None] * n)

    panel = Recipe(universe=members(0, 4), train_on=members(4, 8), **SETTINGS).make_panel()
    panel.extend(bars)
    assert panel.sections[-1].assets == tuple(names[:8])
    assert panel.sections[-1].members().assets == tuple(names[:4])


@pytest.mark.slow
def test_others_than_all_are_whom_a_universe_names(market, half):
    names = frozenset(sorted(market.bars.assets)[-3:])

    class Others:
        def at(self, date):
            return names

    walk = walked(market, half, train_on=Others())
    assert set(walk.sections[-1].assets) == half.names | names


@pytest.mark.slow
def test_both_drivers_agree(market, half):
    generator = SignalGenerator(Ridge(), universe=half, **SETTINGS, **WIDE)
    along = backtest.run(market, signal=generator, universe=half, topk=2).signal.walk_
    ahead = walked(market, half, **WIDE)
    for a, b in zip(along.records, ahead.records, strict=True):
        pd.testing.assert_series_equal(a.scores, b.scores, check_exact=True)


@pytest.mark.slow
def test_the_future_changes_nothing(market, half):
    cut = market.bars.dates[200]
    whole, early = walked(market, half, **WIDE), walked(market.until(cut), half, **WIDE)
    assert len(early.records) > 5
    for a, b in zip(whole.records, early.records, strict=False):
        assert a.month_end == b.month_end
        pd.testing.assert_series_equal(a.scores, b.scores, check_exact=True)


@pytest.mark.slow
def test_a_kept_month_is_found_by_the_same_training_universe_alone(market, half, tmp_path):
    kept = dict(folder=tmp_path, **WIDE)
    first = walked(market, half, **kept)
    again = walked(market, half, **kept)
    other = walked(market, half, **{**kept, "train_on": "members"})
    scored = [i for i, r in enumerate(first.records) if len(r.scores)]
    assert all(again.records[i].found for i in scored)
    assert not any(other.records[i].found for i in scored)


class TestTargets:
    def test_ranks_are_within_groups_of_equal_number(self):
        rng = np.random.default_rng(0)
        returns, size = rng.normal(size=103), rng.normal(size=103)
        returns[5], size[[7, 8]] = np.nan, np.nan
        groups = size_groups(returns, size)
        assert len(groups) == GROUPS + 1 and {len(g) for g in groups[:-1]} == {10}
        assert sorted(groups[-1]) == [7, 8] and 5 not in np.concatenate(groups)
        ranks = rank_targets(returns, size)
        for group in groups:
            assert sorted(ranks[group]) == pytest.approx(np.linspace(-1, 1, len(group)))
            assert np.argsort(ranks[group]).tolist() == np.argsort(returns[group]).tolist()

    def test_the_same_share_of_each_group_is_best(self):
        rng = np.random.default_rng(1)
        returns, size = rng.normal(size=100), rng.normal(size=100)
        labels = top_share(returns, 0.2, size)
        assert [labels[group].sum() for group in size_groups(returns, size)] == [2] * GROUPS
        assert top_share(returns, 0.2).sum() == 20

    def test_members_weigh_most(self, market, half):
        recipe = Recipe(Ridge(), universe=half, **SETTINGS, **WIDE)
        panel = recipe.make_panel()
        panel.extend(market.bars)
        rows = training_set(recipe, panel.sections)
        assert rows.weight.mean() == pytest.approx(1) and rows.weight.min() > 0
        section = panel.sections[-1]
        order = np.argsort(-section.size)
        assert (np.diff(section.row_weights()[order]) < 0).all()
        assert section.row_weights()[order][7] == pytest.approx(1)  # the eighth of eight members
        # beside the two largest alone, the smallest count too little to be trained on
        few = [replace(s, member=np.argsort(np.argsort(-s.size)) < 2) for s in panel.sections]
        kept = training_set(recipe, few)
        assert kept.weight.min() > 0 and len(kept) < len(rows)
        assert kept.weight.mean() == pytest.approx(1)


def section_of(returns, **given):
    """Stocks of which the returns of a month are known, and no factors."""
    n = len(returns)
    return CrossSection(
        date=pd.Timestamp("2020-01-31"),
        assets=tuple("abcdefgh"[:n]),
        columns=(),
        values=np.empty((n, 1, 0), dtype=np.float32),
        close=np.ones(n),
        returns=np.array(returns),
        **given,
    )


class TestAmongMembers:
    """`within="members"`: all that are trained on stand where they would among the members."""

    section = section_of(
        [0.1, 0.0, -0.1, 0.05, 0.2, 0.0, np.nan], member=np.arange(7) < 3, among_members=True
    )

    def test_members_have_their_own_ranks_and_others_stand_between_them(self):
        unknown = np.nan
        expected = [1, 0, -1, 1 / 3, 1, 0, unknown]
        np.testing.assert_allclose(self.section.ranks(), expected)

    def test_as_good_as_the_members_that_are_best(self):
        expected = [1, 0, 0, 0, 1, 0, np.nan]
        np.testing.assert_array_equal(self.section.top_targets(1), expected)

    def test_among_all_before_there_are_members(self):
        early = replace(self.section, member=np.zeros(7, dtype=bool))
        np.testing.assert_array_equal(early.ranks(), rank_targets(self.section.returns))

    def test_a_walk_is_fitted_on_them(self, market, half):
        recipe = Recipe(Ridge(), universe=half, train_on="all", within="members", **SETTINGS)
        panel = recipe.make_panel()
        panel.extend(market.bars)
        rows, section = training_set(recipe, panel.sections), panel.sections[-2]
        last = rows.rank[-len(section) :]
        members = section.member
        np.testing.assert_array_equal(last[members], rank_targets(section.returns[members]))
        for name, rank in zip(section.returns[~members], last[~members], strict=True):
            assert rank == 2 * (section.returns[members] < name).mean() - 1


class TestOwnWeights:
    """Rows weighed by a function of the members' names and the bars known."""

    @staticmethod
    def by_volume(members, bars):
        """Twice as much for a member; nothing for the least traded stock."""
        volume = pd.Series(bars["volume"][-1], index=list(bars.assets))
        weights = pd.Series(1.0, index=volume.index)
        weights[members] = 2.0
        weights[volume.idxmin()] = 0.0
        return weights

    def rows(self, market, half, **settings):
        recipe = Recipe(Ridge(), universe=half, **SETTINGS, **{**WIDE, **settings})
        panel = recipe.make_panel()
        panel.extend(market.bars)
        return panel.sections, training_set(recipe, panel.sections)

    @pytest.mark.parametrize("sample", ["month", "week"])
    def test_each_row_has_the_weight_of_its_date(self, market, half, sample):
        sections, rows = self.rows(market, half, row_weights=self.by_volume, sample=sample)
        expected = []
        dated = sections[:-1] if sample == "month" else [t for s in sections for t in s.samples]
        for section in dated:
            bars = market.bars.until(section.date)
            expected.append(self.by_volume(sorted(half.names), bars)[list(section.assets)])
        expected = pd.concat(expected)
        expected = expected[expected > 0]
        np.testing.assert_allclose(rows.weight, expected / expected.mean())
        assert {0.5, 1.0} == {w / rows.weight.max() for w in rows.weight}

    def test_nothing_later_is_handed_over(self, market, half):
        last = []

        def weights(members, bars):
            last.append(bars.dates[-1])
            return dict.fromkeys(bars.assets, 1.0)

        sections, _ = self.rows(market, half, row_weights=weights)
        assert last == [section.date for section in sections]

    @pytest.mark.slow
    def test_walks_in_processes_and_kept_months(self, market, half, tmp_path):
        def first_half_alone(members, bars):
            return {name: float(name in members) for name in bars.assets}

        own = {**WIDE, "within": None, "row_weights": first_half_alone, "refit": 2}
        walk = walked(market, half, folder=tmp_path, jobs=2, **own)
        narrow = walked(market, half, refit=2)
        for a, b in zip(walk.records, narrow.records, strict=True):
            assert len(a.scores) == len(b.scores) and a.n_rows == b.n_rows
        again = walked(market, half, folder=tmp_path, **own)
        assert all(r.found for r in again.records if len(r.scores))
        own["row_weights"] = lambda members, bars: dict.fromkeys(bars.assets, 1.0)
        assert not any(r.found for r in walked(market, half, folder=tmp_path, **own).records)

    @pytest.mark.parametrize(
        ("answer", "error", "message"),
        [
            (lambda n, b: [1.0] * 16, TypeError, "must return a Series or a dict .* got list"),
            (lambda n, b: {"S000": 1.0}, ValueError, "gave no weight to 'S001'; give 0"),
            (lambda n, b: pd.Series(1.0, ["S000"] * 2), ValueError, "two weights to 'S000'"),
            (lambda n, b: dict.fromkeys(b.assets, -1), ValueError, "of S000 at 2015.* at least 0"),
            (lambda n, b: dict.fromkeys(b.assets, np.nan), ValueError, "at least 0; got nan"),
            (lambda n, b: dict.fromkeys(b.assets, 0), ValueError, "all rows .* have the weight 0"),
        ],
    )
    def test_one_sentence(self, market, half, answer, error, message):
        with pytest.raises(error, match=message):
            self.rows(market, half, row_weights=answer)


def test_rows_from_before_there_were_members_count_as_if_there_had_been_as_many():
    section = section_of(np.arange(8.0), member=np.zeros(8, dtype=bool), size=np.arange(8, 0, -1.0))
    later = replace(section, member=np.arange(8) < 4)
    np.testing.assert_array_equal(section.row_weights(4), later.row_weights())
    assert section.top_targets(1, 4).sum() == later.top_targets(1).sum() == 2


class TestMistakes:
    @pytest.mark.parametrize(
        ("settings", "message"),
        [
            (dict(train_on="al"), "`train_on` must be .* no file al; did you mean"),
            (dict(row_weights="volume"), "`row_weights` must be 'auto', 'size' or None"),
            (dict(within="sector"), r"`within='sector'` needs the line sector; .*volume\.$"),
            (dict(within="member"), "needs the line member; .*; did you mean 'members'?"),
        ],
    )
    def test_one_sentence(self, market, half, settings, message):
        with pytest.raises((ValueError, DataError), match=message):
            walked(market, half, **settings)

    def test_a_model_that_cannot_weigh_rows(self, market, half):
        class Plain(RegressorMixin, BaseEstimator):
            def fit(self, X, y):
                return self

            def predict(self, X):
                return X[:, 0]

        with pytest.raises(ValueError, match="no effect on Plain.*give row_weights=None"):
            walk_forward(market, {"p": Plain()}, universe=half, row_weights="size", **SETTINGS)
