"""Fixtures shared by the tests: a synthetic market, the real panels, small hand-made feeds."""

import logging
import os
import sys
from pathlib import Path

import pytest
import vendor_modules

from attngru_bt.cli import scripts
from attngru_bt.datasets import Market, load, make_market
from attngru_bt.factors import registry

ROOT = Path(__file__).resolve().parent.parent
REAL = Path(os.environ.get("ATTNGRU_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def market() -> Market:
    """Small market with late listings, a delisting and suspensions. Do not change it."""
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
    return load(sse50_path)


@pytest.fixture(scope="session")
def csi300_path() -> Path:
    return _real("csi300")


@pytest.fixture
def ak(monkeypatch):
    """The akshare library, as far as it is asked."""
    module = vendor_modules.make_akshare()
    monkeypatch.setitem(sys.modules, "akshare", module)
    return module


@pytest.fixture
def bs(monkeypatch):
    """The baostock library, as far as it is asked."""
    module = vendor_modules.make_baostock()
    monkeypatch.setitem(sys.modules, "baostock", module)
    return module


@pytest.fixture
def clean_registry(monkeypatch):
    """Factors that a test registers, in scripts or itself, do not outlive it."""
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
