"""Walking many models through the months: same bits whoever does the work, and after any stop."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from conftest import TIME_LIMIT
from csv_market import write_table
from dying_model import Dying
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.linear_model import LogisticRegression, Ridge

from attngru_bt import backtest, load
from attngru_bt.data import make_market
from attngru_bt.data.bars import DataError
from attngru_bt.data.membership import Membership
from attngru_bt.factors import history
from attngru_bt.factors.engine import values_at
from attngru_bt.models.contract import fits_at_once
from attngru_bt.models.estimators import AttentionGRUClassifier
from attngru_bt.walkforward import Blend, panels, walk_forward
from attngru_bt.walkforward.fit import fit, score
from attngru_bt.walkforward.generator import SignalGenerator
from attngru_bt.walkforward.panels import take_panels
from attngru_bt.walkforward.recipe import Recipe
from attngru_bt.walkforward.tasks import Task, bundles, perform
from attngru_bt.walkforward.training_set import training_set
from attngru_bt.walkforward.walk import Walk

FACTORS = ["ROC6", "BIAS5", "VOL20", "MACD", "RSI", "OBV", "PB", "HBETA"]
SETTINGS = dict(topk=3, min_months=4, refit=2, lookback=3, factors=FACTORS, n_components=4)


def net():
    return AttentionGRUClassifier(max_epochs=3, hidden_size=4)


class Interrupted(RegressorMixin, BaseEstimator):
    """Has Ctrl-C pressed while it is fitted for the second time."""

    def __init__(self, mark=None):
        self.mark = mark

    def fit(self, X, y):
        with open(self.mark, "a") as file:
            file.write("x")
        if Path(self.mark).stat().st_size == 2:
            os.kill(os.getpid(), signal.SIGINT)
        self.coef_ = X.T @ y
        return self

    def predict(self, X):
        return X @ self.coef_


@pytest.fixture(scope="module")
def market():
    return make_market(n_assets=12, n_days=300, seed=3)


@pytest.fixture(scope="module")
def models():
    return {"net": net(), "ridge": Ridge(), "logistic": LogisticRegression()}


@pytest.fixture(scope="module")
def serial(market, models):
    return walk_forward(market, models, seeds={"net": 2}, **SETTINGS)


def bits(walks):
    return [
        (w.model, w.seed, r.month_end, tuple(r.scores.index), r.scores.to_numpy().tobytes())
        for w in walks
        for r in w.records
    ]


@pytest.mark.slow
def test_a_walk_says_what_the_backtest_would_have_asked(market, serial):
    generator = SignalGenerator(net(), **SETTINGS)
    strategy = backtest.run(market, signal=generator, topk=3)
    asked = [r for r in strategy.signal.records_ if len(r.scores)]
    walked = [r for r in serial[0].records if len(r.scores)]
    assert [r.month_end for r in asked] == [r.month_end for r in walked]
    for want, got in zip(asked, walked, strict=True):
        pd.testing.assert_series_equal(want.scores, got.scores, check_exact=True)
        assert want.refit == got.refit
    scores = serial[0].scores()
    assert scores.index[0] == walked[0].month_end
    assert scores.shape == (len(walked), 12)


@pytest.mark.slow
def test_a_table_and_a_file_are_taken_as_a_market_is(tmp_path):
    market = make_market(n_assets=6, n_days=140, seed=2, gaps=0, late=0, delisted=0)
    write_table(tmp_path / "panel.csv", market)
    table = pd.read_csv(tmp_path / "panel.csv", dtype={"symbol": str})
    how = dict(topk=2, min_months=2, lookback=1, factors=["BIAS5"], n_components=None)
    given = load(tmp_path / "panel.csv"), table, tmp_path / "panel.csv", str(tmp_path / "panel.csv")
    walks = [walk_forward(data, {"ridge": Ridge()}, **how) for data in given]
    assert len(bits(walks[0])) > 2
    assert all(bits(walk) == bits(walks[0]) for walk in walks)


@pytest.mark.slow
def test_seeds_differ_and_models_share_their_rows(serial):
    assert [(w.model, w.seed) for w in serial] == [
        ("net", 0),
        ("net", 1),
        ("ridge", 0),
        ("logistic", 0),
    ]
    assert not serial[0].scores().equals(serial[1].scores())
    labels = [w.labels()["label"] for w in serial]
    for other in labels[1:]:
        pd.testing.assert_series_equal(labels[0], other)
    assert labels[0].groupby(level=0).sum().iloc[:-1].eq(3).all()


@pytest.mark.slow
def test_cut_data_change_nothing_before_the_cut(market, models, serial):
    cut = market.bars.dates[220]
    walks = walk_forward(market.until(cut), models, seeds={"net": 2}, **SETTINGS)
    early = [b for b in bits(serial) if b[2] <= walks[0].records[-1].month_end]
    assert bits(walks) == early
    assert len(early) >= 8


@pytest.mark.slow
def test_the_panel_ends_where_a_month_surely_ends(market):
    whole = walk_forward(market, {"ridge": Ridge()}, **SETTINGS)[0]
    last = market.bars.dates[-1]
    known = whole.labels()["label"].groupby(level=0).count()
    assert last < (last + pd.offsets.BMonthEnd(0))  # the market ends within a month
    assert known.iloc[-1] == 0 and known.iloc[-2] > 0


@pytest.mark.slow
def test_start_is_the_first_session_traded_on(market):
    start = market.bars.dates[150]
    walk = walk_forward(market, {"ridge": Ridge()}, start=start, **SETTINGS)[0]
    first = walk.records[0].month_end
    sessions = market.bars.dates
    assert sessions[sessions.get_loc(first) + 1] >= start
    assert walk.records[0].n_months >= 4


@pytest.mark.slow
def test_fits_are_in_the_order_of_time_and_counted_by_model(market):
    seen = []
    walk_forward(
        market,
        {"often": Ridge(), "seldom": Recipe(Ridge(), **(SETTINGS | {"refit": 3}))},
        seeds={"often": 2},
        progress=lambda done, total, task, records: seen.append((records[0].month_end, task)),
        **SETTINGS,
    )
    assert [date for date, _ in seen] == sorted(date for date, _ in seen)
    models = [task.model for _, task in seen]
    assert {task.model: task.n_fits for _, task in seen} == Counter(models)
    assert models.count("often") > 2 * models.count("seldom") > 2


@pytest.mark.slow
def test_a_walk_that_is_traded_fits_nothing_again(market, monkeypatch):
    walk = walk_forward(market, {"one": Ridge()}, **SETTINGS)[0]
    monkeypatch.setattr("attngru_bt.walkforward.walk.fit", lambda *_: pytest.fail("fitted again"))
    assert backtest.run(market, signal=walk, topk=3).decisions


@pytest.mark.slow
def test_every_refit_is_a_task_of_its_own(market):
    generator = SignalGenerator(Ridge(), **SETTINGS)
    for end in pd.Series(market.bars.dates).groupby(market.bars.dates.to_period("M")).max():
        generator.scores(market.bars.until(end))
    fits = Walk(generator.recipe, generator.walk_.panel).fits_for(range(len(generator.sections_)))
    assert list(fits) == [i for i, r in enumerate(generator.records_) if r.refit]
    assert all(months[0] == fit_at and len(months) <= 2 for fit_at, months in fits.items())


@pytest.mark.slow
def test_more_processes_give_the_same_bits(market, models, serial):
    """Of networks too: test_two_processes of test_same_bits.py, as torch loads long."""
    models = {name: model for name, model in models.items() if name != "net"}
    want = [row for row in bits(serial) if row[0] != "net"]
    assert bits(walk_forward(market, models, jobs=2, **SETTINGS)) == want


@pytest.mark.slow
def test_a_killed_worker_costs_only_its_task(market, tmp_path):
    seen = []
    walks = walk_forward(
        market,
        {"one": Dying(str(tmp_path / "mark"))},
        jobs=2,
        folder=tmp_path,
        progress=lambda done, total, task, records: seen.append((done, total)),
        **SETTINGS,
    )
    assert (tmp_path / "mark").exists()
    assert seen == [(i + 1, len(seen)) for i in range(len(seen))]  # each task once
    alone = walk_forward(market, {"one": Dying(str(tmp_path / "mark"))}, **SETTINGS)
    assert bits(walks) == bits(alone)


@pytest.mark.slow
def test_a_dask_cluster_gives_the_same_bits_even_if_it_loses_a_worker(
    market, models, serial, cluster
):
    """Cross-sections first. TestDask of test_crew.py has networks, and loses every worker."""
    from distributed import Client

    pids = []
    models = {name: model for name, model in models.items() if name != "net"}  # torch loads long

    def lose_one(done, total, task, records):
        if done == 2:
            os.kill(pids[0], signal.SIGKILL)

    with Client(cluster) as client:
        pids += list(client.run(os.getpid).values())
        assert len(set(pids)) == 2
        few = Membership(market.bars.assets[:9], market.bars.dates[np.arange(9) * 20], [None] * 9)
        signals = [
            SignalGenerator(factors=FACTORS),
            SignalGenerator(factors=FACTORS, universe=few, step="day", lookback=10),
        ]
        got = take_panels(market, signals, client=client)
        want = take_panels(market, signals)
        assert list(got) == list(want) and len(want) == 2
        assert all(got[key].digests() == panel.digests() for key, panel in want.items())
    walks = walk_forward(
        market, models, client=cluster.scheduler_address, progress=lose_one, **SETTINGS
    )
    assert bits(walks) == [row for row in bits(serial) if row[0] != "net"]


@pytest.mark.slow
class TestSideBySide:
    """Networks of a month's seeds, then of further months, are trained in one set of products."""

    def plan(self, serial, model, seeds=3, **changed):
        sections = serial[0].sections
        recipe = Recipe(model, **(SETTINGS | changed))
        fits = Walk(recipe, serial[0].panel).fits_for(range(len(sections)))
        tasks = [
            Task("one", seed, clone(recipe).set_params(random_state=seed), fit_at, tuple(months))
            for seed in range(seeds)
            for fit_at, months in fits.items()
        ]
        return dict(enumerate(tasks)), sections

    def grouped(self, tasks, sections, n_workers=1):
        found = bundles(tasks, sections, n_workers)
        assert sorted(n for bundle in found for n in bundle) == sorted(tasks)
        return [[(tasks[n].fit_at, tasks[n].seed) for n in bundle] for bundle in found]

    def test_seeds_of_a_month_go_first_as_many_as_pay(self, serial):
        tasks, sections = self.plan(serial, net().set_params(n_networks=4))
        assert fits_at_once(net().set_params(n_networks=4)) == 5  # of 22 networks of 4 units
        months = sorted({task.fit_at for task in tasks.values()})
        order = [(month, seed) for month in months for seed in range(3)]
        assert self.grouped(tasks, sections) == [order[i : i + 5] for i in range(0, len(order), 5)]

    def test_what_is_no_network_is_a_task_by_itself(self, serial):
        tasks, sections = self.plan(serial, Ridge())
        assert all(len(bundle) == 1 for bundle in self.grouped(tasks, sections))
        for model in (net().set_params(cell="lstm"), net().set_params(dropout=0.5)):
            tasks, sections = self.plan(serial, model)
            assert max(len(bundle) for bundle in self.grouped(tasks, sections)) > 1

    def test_a_fit_of_its_own_is_not_passed_over(self, serial):
        asked = []

        class Mine(AttentionGRUClassifier):
            def fit(self, X, y, sample_weight=None, groups=None, progress=None):
                asked.append(len(y))
                return super().fit(X, y, sample_weight, groups, progress)

        tasks, sections = self.plan(serial, Mine(max_epochs=1, hidden_size=4))
        assert all(len(bundle) == 1 for bundle in self.grouped(tasks, sections))
        perform(list(tasks.values()), sections)
        assert len(asked) == len(tasks)

    @pytest.mark.parametrize("name", ["n_networks", "hidden_size", "max_epochs"])
    def test_a_bad_parameter_is_said_as_by_fit(self, market, name):
        with pytest.raises(ValueError, match=f"`{name}` must be a whole number of at least 1"):
            walk_forward(market, {"net": net().set_params(**{name: 0})}, **SETTINGS)

    def test_each_worker_gets_some(self, serial):
        tasks, sections = self.plan(serial, net(), seeds=6)
        assert max(map(len, self.grouped(tasks, sections))) == 22
        shared = self.grouped(tasks, sections, n_workers=2)
        assert max(map(len, shared)) == len(tasks) // 8 >= 2
        assert {len(b) for b in self.grouped(tasks, sections, n_workers=100)} == {1}

    def test_rows_at_once_are_bounded(self, serial, monkeypatch):
        tasks, sections = self.plan(serial, net())
        monkeypatch.setattr("attngru_bt.walkforward.tasks.MAX_ROWS", 150)
        sizes = []
        for bundle in self.grouped(tasks, sections):
            rows = [sum(len(s) for s in sections[:month]) for month, _ in bundle]
            assert len(bundle) == 1 or sum(rows) <= 150
            sizes.append(len(bundle))
        assert sizes[0] > 1 == sizes[-1]

    def test_the_bits_are_those_of_a_fit_by_itself(self, serial):
        tasks, sections = self.plan(serial, net(), seeds=2)
        together = perform(list(tasks.values()), sections)
        for task, done in zip(tasks.values(), together, strict=True):
            fitted = fit(task.recipe, sections[: task.fit_at + 1])
            assert len(done) == len(task.months)
            for now, record in zip(task.months, done, strict=True):
                alone = score(fitted, sections[now])
                pd.testing.assert_series_equal(record.scores, alone.scores, check_exact=True)
                assert record.in_sample == alone.in_sample
                assert record.refit == (now == task.fit_at)

    def test_seeds_share_the_training_set_and_its_time(self, serial, monkeypatch):
        tasks, sections = self.plan(serial, net())
        taken = []
        monkeypatch.setattr(
            "attngru_bt.walkforward.tasks.training_set",
            lambda recipe, known: taken.append(len(known)) or training_set(recipe, known),
        )
        began = time.perf_counter()
        done = perform(list(tasks.values()), sections)
        elapsed = time.perf_counter() - began
        assert len(taken) == len(set(taken)) == len(tasks) / 3
        assert 0 < sum(record.fit_seconds for months in done for record in months) < elapsed


@pytest.mark.slow
class TestResume:
    def test_nothing_finished_is_repeated(self, market, models, serial, tmp_path):
        walk_forward(market, {"net": net()}, folder=tmp_path, **SETTINGS)
        before = {p: p.stat().st_mtime_ns for p in tmp_path.rglob("*.month")}
        again = walk_forward(market, models, seeds={"net": 2}, folder=tmp_path, **SETTINGS)
        assert {p: p.stat().st_mtime_ns for p in before} == before
        assert bits(again) == bits(serial)
        assert [{r.found for r in w.records if len(r.scores)} for w in again] == [
            {True},
            {False},
            {False},
            {False},
        ]
        third = walk_forward(market, models, seeds={"net": 2}, folder=tmp_path, **SETTINGS)
        got, want = third[0].records[-1], serial[0].records[-1]
        assert got.in_sample == want.in_sample
        assert got.losses[0][0]["loss"] == want.losses[0][0]["loss"]
        pd.testing.assert_frame_equal(got.loadings, want.loadings, check_exact=True)

    def test_other_settings_or_data_are_another_run(self, market, tmp_path):
        walk_forward(market, {"ridge": Ridge()}, folder=tmp_path, **SETTINGS)
        n = len(list(tmp_path.rglob("*.month")))
        for other in ({"ridge": Ridge(alpha=2.0)},):
            walk_forward(market, other, folder=tmp_path, **SETTINGS)
        assert len(list(tmp_path.rglob("*.month"))) == 2 * n
        changed = make_market(n_assets=12, n_days=300, seed=4)
        walk_forward(changed, {"ridge": Ridge()}, folder=tmp_path, **SETTINGS)
        assert len(list(tmp_path.rglob("*.month"))) == 3 * n

    def test_longer_data_only_add_months(self, market, tmp_path):
        early = market.until(market.bars.dates[200])
        walk_forward(early, {"r": Ridge()}, folder=tmp_path, **SETTINGS)
        before = set(tmp_path.rglob("*.month"))
        walk_forward(market, {"r": Ridge()}, folder=tmp_path, **SETTINGS)
        assert before < set(tmp_path.rglob("*.month"))

    def test_ctrl_c_finishes_the_task_at_hand_and_says_how_to_go_on(self, market, tmp_path):
        model = Interrupted(str(tmp_path / "fits"))
        with pytest.raises(KeyboardInterrupt, match=r"^Stopped after 2 of \d fits.* goes on from"):
            walk_forward(market, {"one": model}, folder=tmp_path, **SETTINGS)
        assert len({p.name[:10] for p in tmp_path.rglob("*.month")}) == 4  # two fits, two months
        handler = signal.getsignal(signal.SIGINT)
        walks = walk_forward(market, {"one": model}, folder=tmp_path, **SETTINGS)
        assert signal.getsignal(signal.SIGINT) is handler
        assert bits(walks) == bits(walk_forward(market, {"one": model}, **SETTINGS))

    def test_sigkill_at_any_moment_changes_nothing(self, tmp_path):
        """Three processes in a row are killed at random moments of the same run."""
        script = tmp_path / "killed.py"
        script.write_text(
            textwrap.dedent(
                """
                import os, shutil, signal, sys, time
                from pathlib import Path
                import numpy as np, torch
                from sklearn.linear_model import Ridge
                from attngru_bt.models.estimators import AttentionGRUClassifier
                from attngru_bt.data import make_market
                from attngru_bt.walkforward import Blend, panels, walk_forward

                torch.set_num_threads(1)
                folder = sys.argv[1]
                market = make_market(n_assets=8, n_days=160, seed=5)
                models = {"net": AttentionGRUClassifier(max_epochs=2, hidden_size=3), "r": Ridge()}

                def go(where, delay=None):
                    walks = walk_forward(
                        market, models, seeds={"net": 2}, folder=where, topk=2, min_months=2,
                        lookback=2, factors=["ROC6", "BIAS5", "VOL20"], n_components=None)
                    return [r.scores.to_numpy().tobytes() for w in walks for r in w.records]

                def finished():
                    paths = Path(folder).rglob("[0-9]*.month")
                    return {str(path): path.stat().st_mtime_ns for path in paths}

                began = time.monotonic()
                want = go(None)
                seconds = time.monotonic() - began
                rng = np.random.default_rng(0)
                times, kills = {}, 0
                while kills < 3:
                    child = os.fork()
                    if child == 0:
                        go(folder)
                        os._exit(0)
                    # one in three at any moment, the others soon after something was finished
                    moment = time.monotonic() + rng.uniform(0, 0.5) * seconds
                    if kills % 3:
                        moment = None
                    pid = 0
                    while not pid:
                        if moment is None and len(finished()) > len(times):
                            moment = time.monotonic() + rng.uniform(0, 0.05)
                        if moment is not None and time.monotonic() >= moment:
                            os.kill(child, signal.SIGKILL)
                            pid, status = os.waitpid(child, 0)
                        else:
                            time.sleep(0.01)
                            pid, status = os.waitpid(child, os.WNOHANG)
                    if not os.WIFSIGNALED(status):  # it was done before: another round
                        assert status == 0
                        shutil.rmtree(folder)
                        times = {}
                        continue
                    kills += 1
                    now = finished()
                    for path, stamp in times.items():
                        assert now[path] == stamp, f"{path} was computed again"
                    times = now
                assert go(folder) == want
                print(len(times))
                """
            )
        )
        done = subprocess.run(
            [sys.executable, script, tmp_path / "walks"],
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
        )
        assert done.returncode == 0, done.stderr
        assert int(done.stdout) > 0  # the killed runs had got somewhere


class TestErrors:
    @pytest.mark.slow
    def test_too_few_months(self, market):
        with pytest.raises(DataError, match=r"^ridge: the data have 13 month-ends .*min_months=40"):
            walk_forward(market, {"ridge": Ridge()}, **(SETTINGS | {"min_months": 40}))

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("changed", "message"),
        [
            (dict(jobs=0), r"`jobs` must be at least 1, or -1"),
            (dict(seeds=0), r"`seeds` must be a whole number of at least 1; got 0"),
            (dict(topk=0), r"`topk` must be a whole number"),
            (dict(client="tcp://127.0.0.1:1"), r"no Dask scheduler answers at tcp://127.0.0.1:1"),
        ],
    )
    def test_bad_parameters(self, market, changed, message, monkeypatch):
        monkeypatch.setattr("attngru_bt.walkforward.cluster.PATIENCE", 0.5)
        with pytest.raises(ValueError, match=message):
            walk_forward(market, {"ridge": Ridge()}, **(SETTINGS | changed))

    def test_one_name_is_no_list_of_names(self, market):
        with pytest.raises(TypeError, match="must be a list of names"):
            walk_forward(market, "ridge")


@pytest.mark.slow
def test_rank_targets_reach_the_regressor(market):
    class Keep(RegressorMixin, BaseEstimator):
        def fit(self, X, y):
            self.y_ = y
            return self

        def predict(self, X):
            return X[:, 0]

    generator = SignalGenerator(Keep(), **SETTINGS)
    ends = pd.Series(market.bars.dates).groupby(market.bars.dates.to_period("M")).max()
    for end in ends.iloc[:6]:
        generator.scores(market.bars.until(end))
    returns = generator.sections_[0].returns
    n = len(returns)
    want = 2 * returns.argsort().argsort() / (n - 1) - 1
    np.testing.assert_allclose(generator.model_.y_[:n], want)


class TestWithoutFactors:
    """Baselines are judged on what came of their scores, for which no factor is needed."""

    @pytest.fixture
    def counted(self, monkeypatch):
        """Count the factors that are computed."""
        names = []

        def spy(bars, days, planned, **how):
            names.extend(planned.columns)
            return values_at(bars, days, planned, **how)

        monkeypatch.setattr(panels, "values_at", spy)
        monkeypatch.setattr(history, "values_at", spy)
        return names

    @pytest.mark.parametrize("models", [["momentum", "random"], {"both": Blend(["momentum"])}])
    def test_baselines_alone_compute_none(self, market, counted, models):
        walks = walk_forward(market, models, topk=3)
        assert not counted
        assert any(record.scores.notna().any() for record in walks[0].records)

    @pytest.mark.slow
    def test_what_came_of_their_scores_is_what_it_is_beside_a_model(self, market):
        (alone,) = walk_forward(market, ["random"], topk=3)
        settings = SETTINGS | {"factors": ["ROC6"], "n_components": None}
        beside, _ = walk_forward(market, ["random", "ridge"], **settings)
        want = beside.labels()
        assert len(want) > 50
        pd.testing.assert_frame_equal(alone.labels().loc[want.index], want)

    @pytest.mark.slow
    def test_a_blend_of_baselines_along_a_backtest(self, market, counted):
        strategy = backtest.run(market, signal=Blend(["momentum", "random"]), topk=3)
        assert not counted and any(len(r.scores) for r in strategy.signal.records_)

    def test_what_cannot_be_cloned_is_copied(self, market):
        """docs/runs.md: anything with ``scores(bars)``; each seed and each walk starts afresh."""

        class Counts:
            asked = 0

            def scores(self, bars):
                self.asked += 1
                return pd.Series(float(self.asked), index=list(bars.assets))

        given = Counts()
        for _ in range(2):
            for walk in walk_forward(market, {"mine": given}, seeds=2):
                assert [r.scores.iloc[0] for r in walk.records] == [
                    *range(1, len(walk.records) + 1)
                ]
        assert given.asked == 0

    def test_what_a_signal_cannot_give_is_told(self, market):
        """Texts were ranked by the alphabet; `MonthlyTopK` refused them."""

        class Texts:
            def scores(self, bars):
                return pd.Series("high", index=list(bars.assets))

        for models in ({"mine": Texts()}, {"both": Blend([Texts(), "momentum"])}):
            with pytest.raises(TypeError, match="Texts.scores.bars. must return real numbers"):
                walk_forward(market, models)

    def test_a_model_needs_some(self, market):
        with pytest.raises(ValueError, match="`factors` must name at least one"):
            walk_forward(market, ["ridge"], factors=[])
