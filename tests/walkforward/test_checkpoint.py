"""Finished months on disk: the files run no code, are what their names say, and hold every bit."""

import dataclasses
import hashlib
import importlib.metadata
import json
import logging
import shutil

import hostile_files
import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from attngru_bt.data import make_market
from attngru_bt.models.estimators import AttentionGRUClassifier
from attngru_bt.walkforward import checkpoint, walk_forward
from attngru_bt.walkforward import kept as kept_files
from attngru_bt.walkforward.checkpoint import Checkpoints
from attngru_bt.walkforward.generator import SignalGenerator
from attngru_bt.walkforward.record import MonthRecord
from attngru_bt.walkforward.record_file import from_bytes, read, to_bytes

SETTINGS = dict(topk=2, min_months=2, lookback=2, factors=["ROC6", "BIAS5"], n_components=None)


@pytest.fixture(scope="module")
def market():
    return make_market(n_assets=8, n_days=150, seed=5)


def walk(market, folder=None, **changed):
    model = changed.pop("model", Ridge())
    return walk_forward(market, {"one": model}, folder=folder, **(SETTINGS | changed))


def bits(walks):
    return [
        (r.month_end, tuple(r.scores.index), r.scores.dtype, r.scores.to_numpy().tobytes())
        for w in walks
        for r in w.records
    ]


def files(folder):
    return sorted(folder.rglob("20*"))


@pytest.fixture(scope="module")
def finished(market, tmp_path_factory):
    """The files of a finished run, and its scores."""
    folder = tmp_path_factory.mktemp("finished")
    want = bits(walk(market, folder))
    return {path.relative_to(folder): path.read_bytes() for path in files(folder)}, want


@pytest.fixture
def kept(finished, tmp_path):
    """A copy of the finished run, to be harmed."""
    for path, data in finished[0].items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(data)
    return tmp_path


def check_recomputed(market, folder, want, caplog, harmed, reason=""):
    """The harmed files, and no others, are computed again with one warning each."""
    before = {path: path.stat().st_mtime_ns for path in files(folder)}
    with caplog.at_level(logging.WARNING):
        assert bits(walk(market, folder)) == want
    warned = [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(warned) == len(harmed)
    for path in harmed:
        assert any(str(path) in text and reason in text for text in warned), warned
    after = {path: path.stat().st_mtime_ns for path in files(folder)}
    assert {path for path in before if before[path] != after[path]} == set(harmed)
    caplog.clear()
    assert bits(walk(market, folder)) == want and not caplog.records


class TestHostileFiles:
    @pytest.mark.slow
    @pytest.mark.parametrize("write", hostile_files.ALL, ids=lambda write: write.__name__)
    def test_runs_no_code_and_the_month_is_computed_again(
        self, market, kept, finished, caplog, write, tmp_path_factory
    ):
        mark = tmp_path_factory.mktemp("mark") / "code ran"
        harmed = files(kept)[1]
        write(harmed, mark)
        check_recomputed(market, kept, finished[1], caplog, [harmed])
        assert not mark.exists()

    @pytest.mark.parametrize("write", hostile_files.PICKLES, ids=lambda write: write.__name__)
    def test_the_pickles_are_armed(self, write, tmp_path):
        write(tmp_path / "file", tmp_path / "code ran")
        hostile_files.PICKLES[write](tmp_path / "file")
        assert (tmp_path / "code ran").exists()

    @pytest.mark.slow
    def test_in_a_backtest_of_the_plug_in_too(self, market, tmp_path, caplog):
        folder = tmp_path / "checkpoints"
        want = ask(generator(Ridge()), market)
        ask(generator(Ridge(), folder), market)
        for path in files(folder):
            hostile_files.skops_eval(path, tmp_path / "code ran")
        assert ask(generator(Ridge(), folder), market) == want
        assert len(caplog.records) == len(files(folder)) > 2
        assert not (tmp_path / "code ran").exists()

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "changed",
        [
            {"scores": None},
            {"scores": {"assets": [["A"], ["B"]], "values": "x"}},
            {"scores": {"assets": ["A"], "values": {"dtype": "object", "shape": [1]}}},
            {"scores": {"assets": ["A"], "values": {"dtype": "O", "shape": [1], "base64": "AA=="}}},
            {"loadings": {"components": ["a"], "factors": [1], "values": []}},
            {"month_end": "now"},
            {"month_end": None},
            {"n_rows": float("inf")},
            {"n_months": {"__class__": "eval"}},
            {"losses": 3},
            {"dropped": {"ROC6": "__import__('os')"}},
            {"attention": [1]},
            {"found": False},
            {"__class__": "eval", "__module__": "builtins"},
            {"about": None},
            {"about": {"settings": {}, "data": "", "versions": {}, "code": "1"}},
            {"about": {"settings": {"topk": 3}, "data": "", "versions": {}}},
            {"about": {"settings": {}, "data": ["x"], "versions": {}}},
            {"about": {"settings": {}, "data": "", "versions": None}},
        ],
        ids=str,
    )
    def test_a_record_of_another_form_with_a_right_checksum(
        self, market, kept, finished, caplog, changed
    ):
        harmed = files(kept)[1]
        body = json.loads(harmed.read_bytes().partition(b"\n")[2])
        seal(harmed, json.dumps(body | changed).encode())
        check_recomputed(market, kept, finished[1], caplog, [harmed])

    @pytest.mark.slow
    @pytest.mark.parametrize(
        "body",
        [b"", b"null", b"[]", b'"x"', b"[" * 100_000, b"9" * 10_000, b"\xff", b"{}"],
        ids=lambda body: repr(body[:4]),
    )
    def test_no_record_at_all_with_a_right_checksum(self, market, kept, finished, caplog, body):
        harmed = files(kept)[1]
        seal(harmed, body)
        check_recomputed(market, kept, finished[1], caplog, [harmed], "no record of a month")


def seal(path, body):
    """Write a body under the header that belongs to it, as anyone can who has read the code."""
    path.write_bytes(f"{path.stem} {hashlib.sha256(body).hexdigest()}\n".encode() + body)


class TestAFileIsWhatItsNameSays:
    def test_two_months_swapped(self, market, kept, finished, caplog):
        first, second = files(kept)[:2]
        swap(first, second)
        check_recomputed(market, kept, finished[1], caplog, [first, second], "it holds '2015-")

    @pytest.mark.slow
    def test_two_settings_swapped(self, market, kept, finished, caplog):
        mine = set(files(kept))
        walk(market, kept, model=Ridge(alpha=100.0))
        harmed = files(kept)[0:2]
        assert len(mine & set(harmed)) == 1 and harmed[0].name[:10] == harmed[1].name[:10]
        swap(*harmed)
        own = [path for path in harmed if path in mine]
        check_recomputed(market, kept, finished[1], caplog, own, "it holds '2015-")

    def test_a_record_of_another_month_under_the_right_name(self, market, kept, finished, caplog):
        harmed, other = files(kept)[:2]
        seal(harmed, other.read_bytes().partition(b"\n")[2])
        check_recomputed(market, kept, finished[1], caplog, [harmed], "its record is that of 2015-")

    @pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.999])
    def test_truncated(self, market, kept, finished, caplog, share):
        harmed = files(kept)[1]
        data = harmed.read_bytes()
        harmed.write_bytes(data[: int(share * len(data))])
        check_recomputed(market, kept, finished[1], caplog, [harmed], "its checksum")

    def test_a_flipped_bit(self, market, kept, finished, caplog):
        harmed = files(kept)[1]
        data = bytearray(harmed.read_bytes())
        data[len(data) // 2] ^= 1
        harmed.write_bytes(data)
        check_recomputed(market, kept, finished[1], caplog, [harmed], "its checksum")

    def test_any_flipped_bit_is_seen(self, finished):
        path, content = next(iter(finished[0].items()))
        assert from_bytes(content, path.stem).n_months == 2
        rng = np.random.default_rng(0)
        places = [*range(120), *rng.integers(0, len(content), 400)]  # the header, and the rest
        for place, bit in zip(places, rng.integers(0, 8, len(places)), strict=True):
            data = bytearray(content)
            data[place] ^= 1 << bit
            with pytest.raises(ValueError, match="its checksum|it holds"):
                from_bytes(bytes(data), path.stem)

    def test_an_old_form_is_left_alone(self, market, kept, finished, caplog):
        hostile_files.skops_exec(files(kept)[0].with_suffix(".skops"), kept / "code ran")
        assert bits(walk(market, kept)) == finished[1]
        assert not caplog.records and not (kept / "code ran").exists()


def swap(first, second):
    content = first.read_bytes()
    shutil.copyfile(second, first)
    second.write_bytes(content)


def full_record():
    """A record none of whose fields has its default."""
    rng = np.random.default_rng(0)
    index = pd.Index(["A", "=B", "上证\u202e"], name="asset")
    odd = np.array([0.1, -0.0, np.nan], dtype=np.float32)
    return MonthRecord(
        month_end=pd.Timestamp("2015-03-31"),
        scores=pd.Series(odd, index=index, name="score"),
        n_rows=7,
        n_months=3,
        refit=True,
        fit_seconds=0.1,
        score_seconds=1e-9,
        explained_variance=rng.normal(size=2),
        attention={"factor": rng.normal(size=2), "temporal": np.ones(3, dtype=np.float32)},
        losses=[[{"epoch": 1, "loss": np.float32(0.1), "val_loss": None}], [{"loss": 1e-300}]],
        in_sample={"auc": float("nan"), "accuracy": 1 / 3},
        loadings=pd.DataFrame(
            rng.normal(size=(2, 3)),
            index=pd.Index(["c0", "c1"], name="component"),
            columns=["ROC6", "timestamp", "assets"],
        ),
        factors=("ROC6", "timestamp"),
        dropped={"values": 0.25},
        shuffled={"momentum": rng.random((2, 3)).astype(np.float32)},
        by_network=rng.random((2, 3)).astype(np.float32),
        found=True,
    )


class TestRoundTrip:
    def test_every_field_to_the_bit(self):
        record = full_record()
        read = from_bytes(to_bytes(record, "2015-03-31-ab"), "2015-03-31-ab")
        empty = MonthRecord(record.month_end, pd.Series(dtype=float))
        for field in dataclasses.fields(MonthRecord):
            want, got = getattr(record, field.name), getattr(read, field.name)
            default = getattr(empty, field.name)
            assert field.name == "month_end" or repr(want) != repr(default), field.name
            if isinstance(want, pd.Series):
                pd.testing.assert_series_equal(got, want, check_exact=True)
                assert want.to_numpy().tobytes() == got.to_numpy().tobytes()
            elif isinstance(want, pd.DataFrame):
                pd.testing.assert_frame_equal(got, want, check_exact=True)
            elif isinstance(want, np.ndarray):
                assert want.dtype == got.dtype and want.tobytes() == got.tobytes()
            elif field.name in ("attention", "shuffled"):
                assert list(want) == list(got)
                for name in want:
                    assert want[name].dtype == got[name].dtype
                    assert want[name].tobytes() == got[name].tobytes()
            else:
                np.testing.assert_equal(got, want)
                assert type(got) is type(want)

    def test_what_it_comes_from_beside_the_record(self):
        about = {"settings": {"topk": "3"}, "data": "ab", "versions": {"numpy": "2"}}
        for stored in (about, {}):
            content = to_bytes(full_record(), "2015-03-31-ab", stored or None)
            record, found = read(content, "2015-03-31-ab")
            assert found == stored
            assert repr(record) == repr(from_bytes(content, "2015-03-31-ab"))

    def test_what_is_not_there_stays_away(self):
        record = MonthRecord(pd.Timestamp("2015-03-31"), pd.Series(dtype=float))
        read = from_bytes(to_bytes(record, "2015-03-31-ab"), "2015-03-31-ab")
        for field in ("explained_variance", "attention", "in_sample", "loadings", "by_network"):
            assert getattr(read, field) is None

    def test_what_cannot_be_stored_is_said_and_not_kept(self, tmp_path, caplog):
        record = dataclasses.replace(full_record(), losses=[object()])
        Checkpoints(tmp_path).save(tmp_path / "2015-03-31-ab.month", record)
        assert "is not kept (object cannot be stored as JSON)" in caplog.text
        assert not files(tmp_path)


class Own(RegressorMixin, BaseEstimator):
    """A model of a user's, of a class that no list knows; counts its fits."""

    fits = 0

    def fit(self, X, y):
        type(self).fits += 1
        self.coef_ = X.T @ y
        self.secret_ = lambda x: x @ self.coef_  # nothing that could be stored
        return self

    def predict(self, X):
        return self.secret_(X)


def xgboost():
    return pytest.importorskip("xgboost").XGBClassifier(n_estimators=4, n_jobs=1, subsample=0.5)


MODELS = {
    "network": lambda: AttentionGRUClassifier(max_epochs=2, hidden_size=3, n_networks=2),
    "forest": lambda: RandomForestClassifier(n_estimators=4, n_jobs=1),
    "boosting": lambda: HistGradientBoostingClassifier(max_iter=4),
    "xgboost": xgboost,
    "pipeline": lambda: make_pipeline(
        FunctionTransformer(expit), StandardScaler(), LogisticRegression()
    ),
    "own": Own,
}


def generator(model, folder=None, **changed):
    return SignalGenerator(model, checkpoints=folder, **(SETTINGS | {"refit": 3} | changed))


def ends_of(market):
    dates = pd.Series(market.bars.dates)
    return dates.groupby(market.bars.dates.to_period("M")).max()


def ask(signal, market, months=None):
    """Scores of the first months, as bits."""
    every = [signal.scores(market.bars.until(end)) for end in ends_of(market).iloc[:months]]
    return [(tuple(s.index), s.dtype, s.to_numpy().tobytes()) for s in every]


class TestAnyModelGoesOn:
    @pytest.mark.slow
    @pytest.mark.parametrize("name", MODELS)
    def test_stopped_between_two_fits(self, market, tmp_path, name, caplog):
        """Months 3 and 6 are fitted at; the first run ends after month 4."""
        alone = generator(MODELS[name]())
        want = ask(alone, market)
        ask(generator(MODELS[name](), tmp_path), market, 4)
        stopped = generator(MODELS[name](), tmp_path)
        assert ask(stopped, market) == want
        found = [r.found for r in stopped.records_]
        assert found == [False, False, True, True, False, False, False]
        again = generator(MODELS[name](), tmp_path)
        assert ask(again, market) == want
        assert [r.found for r in again.records_] == [False, False] + 5 * [True]
        assert again.fit_.month_end == alone.fit_.month_end
        rows = np.random.default_rng(0).normal(size=(5, 2, 2))
        if name != "network":
            rows = rows[:, -1]
        ask_model = "predict" if name == "own" else "predict_proba"
        got, fresh = (getattr(g.model_, ask_model)(rows) for g in (again, alone))
        assert got.tobytes() == fresh.tobytes()
        assert not caplog.records

    @pytest.mark.slow
    def test_nothing_is_fitted_unless_it_is_asked_for(self, market, tmp_path):
        ask(generator(Own(), tmp_path), market)
        again, before = generator(Own(), tmp_path), Own.fits
        ask(again, market)
        assert Own.fits == before
        assert again.model_ is again.fit_.model
        assert Own.fits == before + 1


class TestWhatAMonthComesFrom:
    """Settings, data and versions stand in the file, for `attngru-bt models show`."""

    @pytest.mark.slow
    def test_are_those_of_the_walk(self, market, tmp_path):
        (done,) = walk(market, tmp_path, model=xgboost())
        digests = dict(zip([s.date for s in done.sections], done.panel.digests(), strict=True))
        months = kept_files.find(tmp_path)
        assert len(months) == len(files(tmp_path)) > 3
        for month in months:
            (record,) = month.records
            assert month.about["data"] == digests[record.month_end]
            assert month.about["settings"]["topk"] == "2"
            assert month.about["settings"]["factors"] == "['ROC6', 'BIAS5']"
            assert "progress" not in month.about["settings"]
            own = {"xgboost": importlib.metadata.version("xgboost-cpu")}
            assert month.about["versions"] == checkpoint.package_versions() | own

    def test_functions_by_name_and_each_setting_on_one_line(self):
        told = checkpoint.settings_of({"row_weights": walk, "model": Ridge(), "text": "a\nb  c"})
        assert told == {
            "row_weights": f"{__name__}.walk", "model": "Ridge()", "text": r"'a\nb c'",
        }  # fmt: skip

    def test_a_file_without_them_is_gone_on_from(self, market, kept, finished, caplog):
        """As an earlier version has written it."""
        for path in files(kept):
            body = json.loads(path.read_bytes().partition(b"\n")[2])
            assert body.pop("about")
            seal(path, json.dumps(body).encode())
        before = {path: path.stat().st_mtime_ns for path in files(kept)}
        assert bits(walk(market, kept)) == finished[1]
        assert before == {path: path.stat().st_mtime_ns for path in files(kept)}
        assert not caplog.records
        assert all(not month.problem and not month.about for month in kept_files.find(kept))


class TestDigest:
    def test_names_the_version_of_pandas(self, monkeypatch):
        before = checkpoint.recipe_digest(generator(Ridge()))
        real = importlib.metadata.version
        monkeypatch.setattr(
            "importlib.metadata.version", lambda name: "9" if name == "pandas" else real(name)
        )
        checkpoint.package_versions.cache_clear()
        try:
            assert checkpoint.recipe_digest(generator(Ridge())) != before
        finally:
            checkpoint.package_versions.cache_clear()

    def test_names_the_version_of_the_models_package(self, monkeypatch):
        module = pytest.importorskip("xgboost")
        models = [make_pipeline(StandardScaler(), xgboost()), Ridge()]
        before = [checkpoint.recipe_digest(generator(model)) for model in models]
        monkeypatch.setattr(module, "__version__", "9")
        after = [checkpoint.recipe_digest(generator(model)) for model in models]
        assert after[0] != before[0] and after[1] == before[1]
