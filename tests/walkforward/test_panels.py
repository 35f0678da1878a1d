"""Cross-sections: of members only, by any crew, and the bits are those of all assets at once."""

import os
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from attngru_bt.data import Market, make_market
from attngru_bt.data.bars import Bars
from attngru_bt.data.membership import Membership
from attngru_bt.data.schedule import Schedule
from attngru_bt.factors import compute, factor, history, load_script, registry
from attngru_bt.factors.engine import values_at
from attngru_bt.factors.plan import plan
from attngru_bt.features.cross_section import month_ends, step_positions
from attngru_bt.features.panel import Panel
from attngru_bt.walkforward import panels
from attngru_bt.walkforward.generator import SignalGenerator
from attngru_bt.walkforward.panels import CHUNKS, MONTH_ENDS, take_panels

FACTORS = ["MA5", "ROC6", "EMA10", "VOL20", "HBETA", "TOBT", "BIAS20", "RSI"]


@pytest.fixture(scope="module")
def market() -> Market:
    made = make_market(13, 420, seed=7, late=4, gaps=9, delisted=2)
    order = np.random.default_rng(0).permutation(made.bars.assets)  # feeds are seldom sorted
    return replace(made, bars=made.bars.select(order.tolist()))


@pytest.fixture
def own():
    """Put the registry back as it was."""
    before = registry.snapshot()
    yield registry
    registry.restore(before)


def one(market: Market, *, jobs: int = 1, client=None, **parameters) -> Panel:
    generator = SignalGenerator(**({"universe": market.membership} | parameters))
    (panel,) = take_panels(market, [generator], jobs=jobs, client=client).values()
    return panel


def whole(bars: Bars, ends, names, lookback: int, step: str) -> dict:
    """Factors of every asset at the steps, month after month: (date of the step, asset) -> row."""
    found, before = {}, -1
    for end in map(int, ends):
        known = bars.until(bars.dates[end])
        steps = step_positions(bars.dates, end, lookback, step)
        days = steps[steps > before]
        for date, values in zip(
            bars.dates[days], np.moveaxis(values_at(known, days, plan(known, names)), 0, -1),
            strict=True,
        ):  # fmt: skip
            found |= {(date, asset): values[i] for i, asset in enumerate(bars.assets)}
        before = end
    return found


def same(a, b) -> bool:
    """Whether all bits are the same; one NaN is like another."""
    return np.array_equal(np.isnan(a), np.isnan(b)) and np.array_equal(
        a[~np.isnan(a)], b[~np.isnan(b)]
    )


def check(panel: Panel, market: Market, members, *, raw_names=FACTORS) -> None:
    """Compare cross-sections with factors of all assets, picked by hand."""
    bars = market.bars
    ends = month_ends(bars.dates)
    ends = ends if Schedule().complete(bars.dates) else ends[:-1]
    rows = whole(bars, ends, raw_names, panel.lookback, panel.step)
    assert [s.date for s in panel.sections] == list(bars.dates[ends])
    for end, section in zip(map(int, ends), panel.sections, strict=True):
        steps = step_positions(bars.dates, end, panel.lookback, panel.step)
        want = {}
        for i, asset in enumerate(bars.assets):
            if asset in members(section.date) and np.isfinite(bars["close"][end, i]):
                nothing = np.full(len(panel.history.columns), np.nan)
                want[asset] = np.array(
                    [rows[bars.dates[k], asset] if k >= 0 else nothing for k in steps]
                ).astype(np.float32)
        want = {asset: v for asset, v in want.items() if not np.isnan(v[-1]).all()}
        assert section.assets == tuple(sorted(want))
        for asset, values in zip(section.assets, section.values, strict=True):
            assert values.tobytes() == want[asset].tobytes(), (section.date, asset)
            kept = panel.history.dates
            dates = bars.dates[steps[steps >= 0]]
            assert section is not panel.sections[-1] or dates.isin(kept).all()
            for date in dates.intersection(kept):  # before they are rounded to 32 bits
                stored = panel.history.values[kept.get_loc(date)]
                assert same(stored[bars.assets.index(asset)], rows[date, asset]), (date, asset)


@pytest.mark.slow
class TestMembersOnly:
    # not shrunk: that would take minutes
    @settings(max_examples=6, phases=[Phase.generate])
    @given(data=st.data(), lookback=st.integers(1, 30), step=st.sampled_from(["month", "day"]))
    def test_bits_are_those_of_all_assets(self, market, data, lookback, step) -> None:
        dates = market.bars.dates
        stays = []
        for asset in market.bars.assets:
            cuts = sorted(data.draw(st.lists(st.integers(0, 419), max_size=4, unique=True)))
            for come, go in zip(cuts[::2], [*cuts[1::2], None], strict=False):
                stays.append((asset, dates[come], None if go is None else dates[go]))
        stays.append(("no such stock", dates[0], None))
        membership = Membership(*zip(*stays, strict=True))
        panel = one(market, universe=membership, lookback=lookback, step=step, factors=FACTORS)
        check(panel, market, membership.at)

    def test_everyone_without_a_universe(self, market) -> None:
        check(one(market, factors=FACTORS), market, lambda date: market.bars.assets)

    def test_a_single_member(self, market) -> None:
        asset = market.bars.assets[5]
        membership = Membership([asset], [market.bars.dates[0]], [None])
        check(one(market, universe=membership, factors=FACTORS), market, membership.at)

    def test_others_are_not_computed(self, market, own) -> None:
        widths = []

        @factor("mine")
        def Wide(close):
            widths.append(close.shape[1])
            return close

        stays = Membership(market.bars.assets[:3], [market.bars.dates[0]] * 3, [None] * 3)
        panel = one(market, universe=stays, factors=["Wide"])
        assert set(widths) <= {2, 3}  # an asset by itself is taken twice
        assert np.isnan(panel.history.values[:, 3:]).all()

    def test_all_months_in_one_call_have_the_bits_of_everyone(self, market) -> None:
        late = Membership(market.bars.assets, market.bars.dates[np.arange(13) * 30], [None] * 13)
        ends = month_ends(market.bars.dates)[:-1]
        first, last = (market.bars.until(market.bars.dates[ends[k]]) for k in (12, 16))
        some = SignalGenerator(universe=late, factors=FACTORS, lookback=5).make_panel()
        every = SignalGenerator(factors=FACTORS, lookback=5).make_panel()
        for bars in (first, last):
            some.extend(bars)
            every.extend(bars)
        for a, b in zip(some.sections, every.sections, strict=True):
            rows = [b.assets.index(asset) for asset in a.assets]
            assert a.values.tobytes() == b.values[rows].tobytes()
        asked = [market.bars.assets.index(asset) for asset in some.sections[-1].assets]
        steps = [some.history.dates.get_loc(s.date) for s in some.sections[-5:]]
        got, want = (h.values[np.ix_(steps, asked)] for h in (some.history, every.history))
        assert same(got, want) and np.isfinite(want).any(axis=(0, 1)).all()

    @pytest.mark.real
    def test_the_real_panel(self, sse50) -> None:
        cut = sse50.until("2015-12-31")
        panel = one(cut)
        assert len(panel.history.columns) > 100
        check(panel, cut, cut.membership.at, raw_names=None)


class TestWhatIsComputed:
    """Each factor of a stock and session once, however often a later step looks back on it."""

    @pytest.fixture
    def computed(self, monkeypatch):
        """Collect the stocks and sessions whose factors are computed."""
        pairs = []

        def spy(bars, days, planned, **how):
            assets = how.get("assets")
            for day in bars.dates[days]:
                asked = range(len(bars.assets)) if assets is None else assets
                pairs.extend((day, bars.assets[i]) for i in asked)
            return values_at(bars, days, planned, **how)

        monkeypatch.setattr(panels, "values_at", spy)
        monkeypatch.setattr(history, "values_at", spy)
        return pairs

    @pytest.mark.slow
    @pytest.mark.parametrize("schedule", ["month", "month+5"])
    def test_nothing_twice_and_rebalancing_days_only(self, market, computed, schedule) -> None:
        panel = one(market, factors=["ROC6"], lookback=4, schedule=schedule)
        ends = {section.date for section in panel.sections}
        assert len(computed) == len(set(computed))
        assert {day for day, _ in computed} == ends and len(ends) > 15
        asked = {(section.date, asset) for section in panel.sections for asset in section.assets}
        assert asked < set(computed)  # earlier steps of those that come late as well

    @pytest.mark.slow
    def test_those_who_are_only_trained_on_too(self, market, computed) -> None:
        stays = Membership(market.bars.assets[:3], [market.bars.dates[0]] * 3, [None] * 3)
        one(market, universe=stays, factors=["ROC6"], lookback=4, train_on="all")
        assert len(computed) == len(set(computed)) > 100


class TestTheBacktestsWay:
    @pytest.mark.slow
    def test_bars_that_grow_give_the_same_digests(self, market) -> None:
        membership = Membership(
            market.bars.assets[:9], market.bars.dates[np.arange(9) * 20], [None] * 9
        )
        generator = SignalGenerator(universe=membership, factors=FACTORS, min_months=99)
        walked = one(market, universe=membership, factors=FACTORS)
        for section in walked.sections:
            seen = market.bars.until(section.date)
            generator.scores(Bars(seen.dates, seen.assets, seen.lines, seen.benchmark))
        assert generator.walk_.panel.digests() == walked.digests()

    def test_a_feed_that_comes_later_has_no_steps_before(self, market) -> None:
        bars, ends = market.bars, month_ends(market.bars.dates)
        panel = SignalGenerator(factors=["MA5"], lookback=2).make_panel()
        asset = bars.assets[-1]
        for end in ends[6:8]:
            panel.extend(bars.rows(0, end + 1).select(bars.assets[:-1]))
        section = panel.extend(bars.rows(0, ends[8] + 1))
        values = section.values[section.assets.index(asset), :, 0]
        assert np.isfinite(bars["close"][ends[7], -1])
        assert np.isnan(values[0]) and np.isfinite(values[1])
        section = panel.extend(bars.rows(0, ends[9] + 1))
        assert np.isfinite(section.values[section.assets.index(asset)]).all()


@pytest.fixture(scope="module")
def signals(market):
    few = Membership(market.bars.assets[:9], market.bars.dates[np.arange(9) * 20], [None] * 9)
    return {
        "all": SignalGenerator(factors=FACTORS),
        "same": SignalGenerator(factors=FACTORS, topk=2),
        "few": SignalGenerator(factors=FACTORS, universe=few, standardize="date"),
        "days": SignalGenerator(factors=["ROC6"], universe=few, step="day", lookback=30),
    }


@pytest.fixture(scope="module")
def serial(market, signals):
    return take_panels(market, signals.values())


class TestCrews:
    """A cluster and lost workers are in test_run.py and test_crew.py."""

    @staticmethod
    def agree(got, want) -> None:
        assert list(got) == list(want) and len(want) == 3
        for key, panel in want.items():
            assert len(panel.sections) == 19
            assert got[key].digests() == panel.digests()

    @pytest.mark.slow
    def test_processes_give_the_same_bits(self, market, signals, serial) -> None:
        self.agree(take_panels(market, signals.values(), jobs=2), serial)

    @pytest.mark.slow
    def test_chunks_are_small(self, market, signals, monkeypatch) -> None:
        seen = []

        def note(todo, store, **crew):
            seen.extend(len(given[-1]) for _, given in todo.values())
            return True

        monkeypatch.setattr("attngru_bt.walkforward.panels.work", note)
        for workers, longest in ((2, min(MONTH_ENDS, -(-57 // (2 * CHUNKS)))), (100, 1)):
            seen.clear()
            monkeypatch.setattr(
                "attngru_bt.walkforward.panels.n_workers", lambda jobs, client, n=workers: n
            )
            take_panels(market, signals.values(), jobs=2)
            assert sum(seen) == 57 and max(seen) == longest

    @pytest.mark.slow
    @pytest.mark.parametrize(("jobs", "done"), [(1, "2 of 19"), (2, r"\d+ of 19")])
    def test_ctrl_c_says_that_nothing_is_kept(self, market, own, tmp_path, jobs, done) -> None:
        mark, parent = str(tmp_path / "mark"), os.getpid()

        @factor("mine")
        def Interrupting(close):
            if len(close) > 30 and not os.path.exists(mark):
                open(mark, "w").close()
                os.kill(parent, signal.SIGINT)
            return 1 / close

        handler = signal.getsignal(signal.SIGINT)
        with pytest.raises(
            KeyboardInterrupt, match=f"^Stopped after {done} cross-sections.*are not kept"
        ):
            one(market, factors=["Interrupting"], jobs=jobs)
        assert signal.getsignal(signal.SIGINT) is handler


class TestNothingLaterIsSeen:
    @pytest.mark.parametrize("jobs", [1, pytest.param(2, marks=pytest.mark.slow)])
    def test_not_even_by_a_factor_that_looks_at_the_last_bar(self, market, own, jobs) -> None:
        @factor("mine", lookback=1)
        def Peek(close):
            return np.where(np.isnan(close), np.nan, close[~np.isnan(close).all(axis=1)][-1])

        even = make_market(6, 200, seed=1, late=0, gaps=0, delisted=0)
        ends = month_ends(even.bars.dates)[:-1]
        panel = one(even, factors=["Peek"], lookback=1, jobs=jobs)
        for end, section in zip(ends, panel.sections, strict=True):
            got = dict(zip(section.assets, section.values[:, 0, 0], strict=True))
            want = dict(zip(even.bars.assets, even.bars["close"][end], strict=True))
            assert got == {asset: np.float32(close) for asset, close in want.items()}
        at_once, _ = compute(even.bars, ["Peek"], at=even.bars.dates[ends])
        assert not np.allclose(at_once[0, :, 0], even.bars["close"][ends[0]])  # it would peek

    @pytest.mark.slow
    def test_bars_after_the_month_end_change_no_factor(self, market) -> None:
        bars = market.bars
        cut = int(month_ends(bars.dates)[10]) + 1
        lines = {}
        for name, line in bars.lines.items():
            lines[name] = line.copy()
            lines[name][cut:] *= 3
        other = Market(Bars(bars.dates, bars.assets, lines), market.benchmark, None, "other")
        for jobs in (1, 2):
            a, b = (one(m, factors=FACTORS, jobs=jobs).digests() for m in (market, other))
            assert a[:11] == b[:11] and a[11] != b[11]


@pytest.mark.slow
def test_factors_of_a_file_reach_the_workers(market, own, tmp_path: Path) -> None:
    (tmp_path / "beside_the_factors.py").write_text("def half(x):\n    return x / 2\n")
    file = tmp_path / "mine.py"
    file.write_text(
        "import attngru_bt\nfrom beside_the_factors import half\n\n"
        "@attngru_bt.factor(family='mine', degree=1)\n"
        "def Half(close):\n    return half(close)\n\n"
        "@attngru_bt.factor(family='mine', replace=True, lookback=1)\n"
        "def MA5(close):\n    return 7 + 0 * close\n"
    )
    load_script(file)
    panel = one(market, factors=["Half", "MA5"], jobs=2)
    assert panel.digest() == one(market, factors=["Half", "MA5"]).digest()
    assert set(np.unique(panel.sections[-1].values[:, :, 0]).tolist()) - {0.5} <= set()


def test_months_that_have_not_ended_are_left_out(market) -> None:
    assert not Schedule().complete(pd.DatetimeIndex(["2020-01-30"]))
    assert Schedule().complete(pd.DatetimeIndex(["2020-01-31"]))
    assert one(market, factors=["MA5"]).sections[-1].date < market.bars.dates[-1]
