"""A promise: the same bits, whoever computes what beside whom, on any processor.

That a network does not feel its company follows from the construction, which `TestConstruction`
holds; the other tests look at what comes out.
"""

import os
import subprocess
import sys

import company
import pytest
import torch
from sklearn.linear_model import Ridge

from attngru_bt import backtest, make_market
from attngru_bt.models.estimators import AttentionGRUClassifier, AttentionGRURegressor
from attngru_bt.models.networks import attention, gru, members
from attngru_bt.walkforward import tasks, walk_forward
from attngru_bt.walkforward.generator import SignalGenerator

FACTORS = ["ROC6", "BIAS5", "VOL20", "MACD", "RSI", "OBV", "PB", "HBETA"]
SETTINGS = {
    "topk": 3, "min_months": 4, "lookback": 2, "refit": 2, "factors": FACTORS, "n_components": 5,
}  # fmt: skip
SMALL = {"max_epochs": 2, "hidden_size": 4}
MODELS = {
    "one": AttentionGRUClassifier(attention=None, **SMALL),
    "five": AttentionGRURegressor(n_networks=5, **SMALL),
    "lstm": AttentionGRUClassifier(cell="lstm", dropout=0.2, **SMALL),
    "ridge": Ridge(),
}
SEEDS = {"one": 2}


@pytest.fixture(scope="module")
def market():
    return make_market(n_assets=9, n_days=220, seed=5)


def bits(walks):
    return {
        (w.model, w.seed, r.month_end): (tuple(r.scores.index), r.scores.to_numpy().tobytes())
        for w in walks
        for r in w.records
    }


def walked(market, **how):
    return bits(walk_forward(market, MODELS, seeds=SEEDS, **SETTINGS, **how))


@pytest.fixture(scope="module")
def reference(market):
    return walked(market)


class TestWalks:
    @pytest.mark.slow
    def test_two_processes(self, market, reference):
        assert walked(market, jobs=2) == reference

    @pytest.mark.slow
    @pytest.mark.parametrize("n", [3, 16])
    def test_bundles_as_for_more_processes(self, market, reference, n, monkeypatch):
        """Of how many there are only the bundles take notice."""
        monkeypatch.setattr("attngru_bt.walkforward.run.n_workers", lambda jobs, client: n)
        assert walked(market) == reference

    @pytest.mark.slow
    @pytest.mark.parametrize("rows", [1, 10**9])
    def test_bundles_of_one_and_of_many(self, market, reference, rows, monkeypatch):
        monkeypatch.setattr(tasks, "MAX_ROWS", rows)
        assert walked(market) == reference

    @pytest.mark.slow
    def test_a_model_without_the_others_and_a_seed_without_the_rest(self, market, reference):
        for name, model in MODELS.items():
            alone = bits(walk_forward(market, {name: model}, **SETTINGS))
            assert alone == {key: reference[key] for key in alone}

    @pytest.mark.slow
    @pytest.mark.parametrize(("k", "jobs"), [(1, 1), (6, 2)])
    def test_stopped_after_k_fits_and_gone_on(self, market, reference, tmp_path, k, jobs):
        class Stopped(Exception):
            pass

        def stop(done, *_):
            if done == k:
                raise Stopped

        with pytest.raises(Stopped):
            walked(market, folder=tmp_path, progress=stop)
        assert walked(market, folder=tmp_path, jobs=jobs) == reference

    @pytest.mark.slow
    @pytest.mark.parametrize("name", MODELS)
    def test_the_plug_in_along_a_backtest(self, market, reference, name):
        signal = SignalGenerator(MODELS[name], **SETTINGS)
        records = backtest.run(market, signal=signal, topk=3).signal.records_
        for record in records:
            if len(record.scores):
                scores = (tuple(record.scores.index), record.scores.to_numpy().tobytes())
                assert scores == reference[name, 0, record.month_end]


class TestConstruction:
    @pytest.mark.slow
    @pytest.mark.parametrize("options", company.KINDS, ids=str)
    def test_every_product_is_of_one_network_laid_out_alike(self, options, monkeypatch):
        """Nothing that a BLAS may choose its kernel by tells how many networks there are."""
        seen: list[set] = []

        def laid_out(matrix):
            return tuple(matrix.shape), matrix.stride(), matrix.data_ptr() % 64

        def spy(name, product):
            def watched(*operands, **options):
                matrices = [*operands, *options.values()]
                assert all(matrix.ndim == 2 for matrix in matrices)
                seen[-1].add((name, *map(laid_out, matrices)))
                return product(*operands, **options)

            return watched

        def batched(*args, **kwargs):
            raise AssertionError("a product of many networks at once")

        for owner, name in ((torch, "mm"), (torch, "addmm"), (torch.Tensor, "addmm_")):
            monkeypatch.setattr(owner, name, spy(name, getattr(owner, name)))
        for owner, name in (
            (torch, "bmm"),
            (torch, "baddbmm"),
            (torch, "matmul"),
            (torch, "einsum"),
            (torch.Tensor, "bmm"),
            (torch.Tensor, "baddbmm_"),
            (torch.Tensor, "matmul"),
            (torch.Tensor, "__matmul__"),
            (torch.nn.functional, "linear"),
        ):
            monkeypatch.setattr(owner, name, batched)
        for sizes in ([64], [64, 65], [64, 65, 66, 67, 68]):
            seen.append(set())
            company.trained(sizes, **options)
        assert len(seen[0]) >= 2
        assert seen[0] == seen[1] == seen[2]

    @pytest.mark.slow
    def test_it_is_what_the_networks_of_a_fit_go_through(self, market, monkeypatch):
        """A network by itself is a stack of one, not a case of its own."""
        calls = []

        def spy(left, right, out):
            calls.append(len(left))
            members.mm(left, right, out)

        for module in (attention, gru):
            monkeypatch.setattr(module, "mm", spy)
        walk_forward(market, {"one": MODELS["one"]}, **SETTINGS, end=market.bars.dates[140])
        SignalGenerator(MODELS["one"], **SETTINGS).scores(market.bars.until(market.bars.dates[140]))
        assert set(calls) == {1}


PROCESSORS = [
    {"ATEN_CPU_CAPABILITY": "default", "MKL_CBWR": "COMPATIBLE"},
    {"ATEN_CPU_CAPABILITY": "avx2"},
    {"ATEN_CPU_CAPABILITY": "avx512"},
]
CAPABILITIES = ["DEFAULT", "AVX2", "AVX512"]  # torch's names, each has what those before it have


def _up_to(capability):
    return CAPABILITIES[: CAPABILITIES.index(capability) + 1] if capability in CAPABILITIES else []


@pytest.mark.slow
@pytest.mark.parametrize("processor", PROCESSORS, ids=lambda p: "-".join(p.values()))
def test_company_on_other_processors(processor):
    """As far as torch lets one processor stand in for another."""
    here, wanted = torch.backends.cpu.get_cpu_capability(), processor["ATEN_CPU_CAPABILITY"].upper()
    if wanted != "DEFAULT" and wanted not in _up_to(here):
        pytest.skip(f"this processor has {here}, not {wanted}")
    if wanted == here:
        company.check()
        return
    ended = subprocess.run(
        [sys.executable, company.__file__],
        env=os.environ | processor | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout == "the same\n", ended.stderr
