"""The members of indexes over time, from the package index-constitution, for bars of any vendor.

Its lists come from the announcements of China Securities Index and from Wikipedia. They are pickled
tables, which are read without running them (`pickled`); the package itself is not imported.
"""

from __future__ import annotations

import importlib.util
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt import checks
from attngru_bt.data.bars import DataError, DateLike
from attngru_bt.data.codes import CHINESE, code
from attngru_bt.data.vendors.pickled import read_pickled_table

log = logging.getLogger(__name__)

PACKAGE = "index_constitution"
SIZES = {"csi300": 300, "csi500": 500, "sp500": 500, "nasdaq100": 100, "dow30": 30}
"""The universes there are, and how many members each has by its rules (some have two shares)."""
COLUMNS = ["symbol", "opt-in", "opt-out"]
SHORT = 0.98  # share of the size below which members are missing
LONG = 1.05  # and above which some have left


def is_installed() -> bool:
    """Tell whether the package is there."""
    return importlib.util.find_spec(PACKAGE) is not None


def index_members(
    universe: str, start: DateLike | None = None, end: DateLike | None = None
) -> pd.DataFrame:
    """Return who was in an index when.

    Parameters
    ----------
    universe : {"csi300", "csi500", "sp500", "nasdaq100", "dow30"}
    start, end : date, optional
        Stays that touch the days between them, both included; default: all.

    Returns
    -------
    pandas.DataFrame
        symbol, in_date, out_date as text YYYY-MM-DD, sorted; an empty out_date means still in. It
        is what `Membership.from_frame` and a ``membership.csv`` take. Chinese symbols are written
        ``600000.SH``, American ones as today, ``BRK.B``.

    Raises
    ------
    ModuleNotFoundError
        If the package is not installed.
    DataError
        If its file cannot be used, or it knows no member at `start`.
    """
    checks.one_of("universe", universe, SIZES)
    frame = _history(universe)
    first = frame["opt-in"].min() if start is None else checks.date("start", start)
    last = frame["opt-in"].max() if end is None else checks.date("end", end)
    if not _count(frame, pd.DatetimeIndex([first]))[0]:
        raise DataError(
            f"{universe}: its members are known from {frame['opt-in'].min():%Y-%m-%d} on, not on "
            f"{first:%Y-%m-%d}; begin later."
        )
    _warn_of_size(frame, universe, first, last)
    frame = frame[(frame["opt-in"] <= last) & ~(frame["opt-out"] <= first)]
    text = {
        "symbol": frame["symbol"],
        "in_date": frame["opt-in"].dt.strftime("%Y-%m-%d"),
        "out_date": frame["opt-out"].dt.strftime("%Y-%m-%d").fillna(""),
    }
    return pd.DataFrame(text).sort_values(["symbol", "in_date"], ignore_index=True)


def _history(universe: str) -> pd.DataFrame:
    """Return all stays in our spelling, those that overlap joined."""
    spec = importlib.util.find_spec(PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            f"the members of {universe} over time are in the package index-constitution, which is "
            "not installed; install it with pip install 'attngru_bt[members]'."
        )
    path = Path(spec.submodule_search_locations[0]) / "_data" / "history" / f"{universe}.pkl"
    if not path.is_file():
        raise DataError(f"{path}: is missing; install index-constitution 1.0.1.")
    frame = read_pickled_table(path)
    wrong = [name for name in COLUMNS if name not in frame]
    if wrong or any(frame[name].dtype.kind != "M" for name in COLUMNS[1:]):
        raise DataError(
            f"{path}: has columns {', '.join(frame.columns)}, expected {', '.join(COLUMNS)}; "
            "install index-constitution 1.0.1."
        )
    frame = frame[COLUMNS].dropna(subset=COLUMNS[:2])
    # a symbol that enters and leaves on the same day is never a member
    frame = frame[frame["opt-out"].isna() | (frame["opt-out"] > frame["opt-in"])]
    if universe in CHINESE:
        frame["symbol"] = [code(name) for name in frame["symbol"]]
    return _joined(frame)


def _joined(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the stays of a symbol in order, those that overlap or touch as one."""
    rows: list[list[Any]] = []
    for symbol, into, out in frame.sort_values(COLUMNS[:2]).itertuples(index=False):
        before = rows[-1] if rows and rows[-1][0] == symbol else None
        if before is not None and (pd.isna(before[2]) or into <= before[2]):
            before[2] = pd.NaT if pd.isna(before[2]) or pd.isna(out) else max(before[2], out)
        else:
            rows.append([symbol, into, out])
    return pd.DataFrame(rows, columns=COLUMNS).astype(dict.fromkeys(COLUMNS[1:], "datetime64[us]"))


def _count(frame: pd.DataFrame, days: pd.DatetimeIndex) -> np.ndarray:
    """Return how many members there are on each day."""
    into, out = np.sort(frame["opt-in"]), np.sort(frame["opt-out"].dropna())
    entered: np.ndarray = into.searchsorted(days, "right")
    return entered - out.searchsorted(days, "right")


def _warn_of_size(
    frame: pd.DataFrame, universe: str, first: pd.Timestamp, last: pd.Timestamp
) -> None:
    """Warn where the lists have too few members or too many, as those of early years do."""
    size = SIZES[universe]
    days = pd.DatetimeIndex([first, *pd.date_range(first, last, freq="QS")])
    counts = _count(frame, days)
    low, high = int(counts.argmin()), int(counts.argmax())
    if counts[low] < SHORT * size:
        log.warning(
            "%s: on %s only %d of %d members are known, so that survivors have more weight than "
            "they had; begin later for a fair universe.",
            universe, f"{days[low]:%Y-%m-%d}", counts[low], size,
        )  # fmt: skip
    if counts[high] > LONG * size:
        log.warning(
            "%s: on %s it lists %d members where %d are meant: some had left before.",
            universe, f"{days[high]:%Y-%m-%d}", counts[high], size,
        )  # fmt: skip
