"""The promise: same data and parameters, same bits; in another process, with other threads too."""

import os
import subprocess
import sys

import pytest
from conftest import TIME_LIMIT

RUN = """
import hashlib, sys
import attngru_bt
from attngru_bt.models.estimators import AttentionGRUClassifier

market = attngru_bt.make_market(n_assets=8, n_days=200, seed=4, signal=0.3)
strategy = attngru_bt.backtest.run(
    market,
    signal=AttentionGRUClassifier(hidden_size=4, max_epochs=3),
    topk=3,
    min_months=4,
    lookback=2,
    refit=2,
    random_state=int(sys.argv[1]),
)
assert len(strategy.decisions) >= 4
said = strategy.signal.labels()["score"].to_numpy().tobytes()
said += strategy.trade_log.frame().to_csv().encode()
print(hashlib.sha256(said).hexdigest())
"""


def digest(random_state=0, **env):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", RUN, str(random_state)],
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        env={**os.environ, **env},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def want():
    return digest(PYTHONHASHSEED="1", OMP_NUM_THREADS="1")


@pytest.mark.slow
def test_another_process_with_other_hashes_gives_the_same_bits(want):
    assert digest(PYTHONHASHSEED="2", OMP_NUM_THREADS="1") == want


@pytest.mark.slow
def test_the_number_of_threads_changes_nothing(want):
    assert digest(PYTHONHASHSEED="1", OMP_NUM_THREADS="2") == want


@pytest.mark.slow
def test_another_random_state_gives_other_scores(want):
    assert digest(1, PYTHONHASHSEED="1", OMP_NUM_THREADS="1") != want
