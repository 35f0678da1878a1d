"""Fixtures shared by the tests: a synthetic market, the real panels, vendors that are not asked.

The package is imported by the fixtures that need it: the process that hands the tests out loads
this file, too.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from attngru_bt import Market

if os.environ.get("ATTNGRU_BACKTRADER"):
    import engines

    def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
        """Mark what fails on this engine without the package, too."""
        engines.mark(items)


gc.disable()  # while modules are imported and tests are collected, of which nothing is garbage


def pytest_collection_finish() -> None:
    """Look for garbage again, but not among all that was imported."""
    gc.freeze()
    gc.enable()


ROOT = Path(__file__).resolve().parent.parent
# Seconds after which a process that a test has started counts as hung, not as slow. Tests have no
# other time limit (test_speed.py): a machine that is slower still needs this variable only.
TIME_LIMIT = float(os.environ.get("ATTNGRU_TIME_LIMIT", 1200))
settings.register_profile(
    "slow", max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("slow")
REAL = Path(os.environ.get("ATTNGRU_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def market() -> Market:
    """Small market with late listings, a delisting and suspensions. Do not change it."""
    from attngru_bt import make_market

    return make_market(n_assets=15, n_days=420, seed=3, signal=0.3)


def _real(name: str) -> Path:
    folder = REAL / name
    if not folder.is_dir():
        pytest.skip(f"no real panel at {folder}: set ATTNGRU_DATA to the folder that holds {name}/")
    return folder


@pytest.fixture(scope="session")
def sse50_path() -> Path:
    return _real("sse50")


@pytest.fixture(scope="session")
def sse50(sse50_path: Path) -> Market:
    from attngru_bt import load

    return load(sse50_path)


@pytest.fixture(scope="session")
def csi300_path() -> Path:
    return _real("csi300")


@pytest.fixture
def cluster(monkeypatch):
    """A Dask cluster of two processes on this machine that waits as long as a test may take."""
    distributed = pytest.importorskip("distributed")
    dask = pytest.importorskip("dask")
    monkeypatch.setattr("attngru_bt.walkforward.cluster.PATIENCE", TIME_LIMIT)
    # port 0 is any free one: the usual 8787 may be taken by another run of the tests
    limits = {"distributed.comm.timeouts.connect": TIME_LIMIT}
    with (
        dask.config.set(limits),
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0",
            silence_logs=50,
        ) as cluster,
    ):  # fmt: skip
        yield cluster


@pytest.fixture
def ak(monkeypatch):
    """The akshare library, as far as it is asked."""
    import vendor_modules

    module = vendor_modules.make_akshare()
    monkeypatch.setitem(sys.modules, "akshare", module)
    return module


@pytest.fixture
def bs(monkeypatch):
    """The baostock library, as far as it is asked."""
    import vendor_modules

    module = vendor_modules.make_baostock()
    monkeypatch.setitem(sys.modules, "baostock", module)
    return module


@pytest.fixture
def no_fresh_process(monkeypatch):
    """The audit computes the past in this process, for a start of Python takes longer than that."""
    from attngru_bt.audit.fresh import CannotTravel

    def refuse(*code):
        raise CannotTravel("not in this test")

    monkeypatch.setattr("attngru_bt.audit.processes.Fresh", refuse)


@pytest.fixture
def clean_registry(monkeypatch):
    """Factors that a test registers, in scripts or itself, do not outlive it."""
    from attngru_bt.factors import registry, scripts

    before = registry.snapshot()
    monkeypatch.setattr(scripts, "_loaded", {})
    yield
    registry.restore(before)


@pytest.fixture(autouse=True)
def logging_as_it_was():
    """Commands set the log level, in fixtures of whole modules too: each test starts anew."""
    package = logging.getLogger("attngru_bt")
    package.setLevel(logging.NOTSET)
    package.handlers.clear()
