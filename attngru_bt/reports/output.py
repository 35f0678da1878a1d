"""How files are written: JSON, CSV, and the versions of the packages that made them."""

from __future__ import annotations

import importlib.metadata
import json
import logging
import platform
from pathlib import Path

import pandas as pd

from attngru_bt.data.atomic import replacing
from attngru_bt.data.names import to_cells
from attngru_bt.reports.plain import plain

logger = logging.getLogger(__name__)

PACKAGES = (
    "attngru_bt", "backtrader", "numpy", "pandas", "scikit-learn", "torch", "pyfolio-reloaded",
)  # fmt: skip


def write(path: Path, text: str) -> Path:
    """Write a text file in one step and return its path; a missing folder is made."""
    with replacing(path) as rough:
        rough.write_text(text, encoding="utf-8", newline="")
    logger.info("wrote %s", path)
    return path


def as_json(value: object) -> str:
    """Write a value as JSON; NaN and infinities become null."""
    return json.dumps(plain(value), indent=2, allow_nan=False, ensure_ascii=False) + "\n"


def as_csv(frame: pd.DataFrame) -> str:
    """Write a table as CSV without its index: dates as 2019-12-31, names as in `names.to_cell`."""
    cells = to_cells(frame)
    return str(cells.to_csv(index=False, date_format="%Y-%m-%d", lineterminator="\n"))


def versions() -> dict[str, str | None]:
    """Versions of Python and of the packages that a run depends on; None: not installed."""
    installed: dict[str, str | None] = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            installed[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            installed[package] = None
    return installed
