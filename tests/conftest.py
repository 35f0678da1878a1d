"""Fixtures shared by the tests: a synthetic market, the real panels, small hand-made feeds."""

import logging
import os
from pathlib import Path

import pytest

from attngru_bt.datasets import Market, load, make_market

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


@pytest.fixture(autouse=True)
def logging_as_it_was():
    """Commands set the log level, in fixtures of whole modules too: each test starts anew."""
    package = logging.getLogger("attngru_bt")
    package.setLevel(logging.NOTSET)
    package.handlers.clear()
