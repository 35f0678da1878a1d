"""The promise: same data and parameters, same bits; in another process, with other threads too.

A program as well, whose hashes and threads the environment says.
"""

import hashlib
import json
import os
import subprocess
import sys

import pytest
from conftest import TIME_LIMIT

import attngru_bt
from attngru_bt.models.estimators import AttentionGRUClassifier


def digest(random_state=0):
    """What a run with a network says of itself: all its scores and trades, in one number."""
    strategy = attngru_bt.backtest.run(
        attngru_bt.make_market(n_assets=8, n_days=150, seed=4, signal=0.3),
        signal=AttentionGRUClassifier(hidden_size=4, max_epochs=3),
        topk=3,
        min_months=3,
        lookback=2,
        refit=2,
        random_state=random_state,
    )
    assert len(strategy.decisions) >= 3
    said = strategy.signal.labels()["score"].to_numpy().tobytes()
    said += strategy.trade_log.frame().to_csv().encode()
    return hashlib.sha256(said).hexdigest()


def circumstances():
    """What may differ from process to process."""
    import torch

    return {"hash": hash("attngru_bt"), "threads": torch.get_num_threads()}


@pytest.fixture(scope="module")
def want():
    return digest()


@pytest.mark.slow
def test_another_process_with_other_hashes_and_threads_gives_the_same_bits(want):
    here = circumstances()
    threads = 2 if here["threads"] == 1 else 1
    seed = "1" if os.environ.get("PYTHONHASHSEED") != "1" else "2"
    done = subprocess.run(
        [sys.executable, "-W", "ignore", __file__],
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(sys.path),
            "PYTHONHASHSEED": seed,
            "OMP_NUM_THREADS": str(threads),
        },
    )
    assert done.returncode == 0, done.stderr
    there = json.loads(done.stdout)
    assert there["hash"] != here["hash"] and there["threads"] == threads != here["threads"]
    assert there["digest"] == want


@pytest.mark.slow
def test_another_random_state_gives_other_scores(want):
    assert digest(1) != want


if __name__ == "__main__":
    print(json.dumps({"digest": digest(), **circumstances()}))
