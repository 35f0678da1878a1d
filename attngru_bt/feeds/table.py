"""From a DataFrame to the columns of a feed: checks, and one float64 array per line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.data.bars import DataError, first
from attngru_bt.data.rows import FILLABLE
from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.sessions import DAY, EPOCH


def columns_of(frame: Any, name: str, lines: tuple[str, ...]) -> list[np.ndarray]:
    """Return the float64 column of every line, in the order of the lines."""
    where = f"feed {name!r}" if name else "PanelFeed"
    if not isinstance(frame, pd.DataFrame):
        raise DataError(f"{where}: `dataname` must be a DataFrame; got {type(frame).__name__}.")
    index: Any = frame.index
    for i in first(index.isna()) if isinstance(index, pd.DatetimeIndex) else ():
        raise DataError(
            f"{where}: row {i + 1} has no date (NaT); write it, or drop the row with "
            "frame[frame.index.notna()]."
        )
    if not isinstance(index, pd.DatetimeIndex) or index.tz is not None:
        raise DataError(
            f"{where}: the DataFrame must be indexed by naive timestamps, every row with one "
            f"(set_index, tz_localize(None)); got {type(index).__name__}"
            f"{'' if getattr(index, 'tz', None) is None else f' in zone {index.tz}'}."
        )
    for i in first(np.diff(index.asi8) <= 0):
        raise DataError(
            f"{where} on {index[i + 1]:%Y-%m-%d}: rows are not sorted or a date is there twice; "
            "use frame.sort_index() and keep one row per day."
        )
    by_name = {str(column): i for i, column in enumerate(frame.columns)}
    by_lower_case = {name.lower(): i for name, i in by_name.items()}
    # the exact spelling has priority: there may be lines BIAS5 and bias5
    matches = {line: by_name.get(line, by_lower_case.get(line.lower())) for line in lines}
    position = {line: i for line, i in matches.items() if i is not None}
    names = [str(column) for column in frame.columns]
    for line in position if len(by_lower_case) < len(names) else ():
        exact, alike = names.count(line), [n for n in names if n.lower() == line.lower()]
        if exact > 1 or (not exact and len(alike) > 1):
            raise DataError(
                f"{where}: column {line!r} is there twice ({', '.join(alike)}); drop or rename one."
            )
    if "close" not in position:
        raise DataError(
            f"{where}: column 'close' is missing; got {', '.join(map(str, frame.columns))}."
        )
    table: np.ndarray | None = (
        frame.to_numpy()
    )  # all columns at once: faster, often not even a copy
    if table is not None and table.dtype != np.float64:
        try:
            table = frame.to_numpy(dtype=np.float64, na_value=np.nan)
        except (TypeError, ValueError):
            table = None  # some column is text, perhaps none that is needed
    columns = []
    for line in lines:
        if line == "datetime":
            columns.append(_ordinals(index))
        elif line in position or line in FILLABLE:
            at = position.get(line, position["close"])
            try:
                column = table[:, at] if table is not None else frame.iloc[:, at].to_numpy(float)
            except (TypeError, ValueError) as error:
                raise DataError(f"{where}: column {line!r} must be numbers ({error}).") from error
            for i in first(np.isnan(column)) if line in FILLABLE else ():
                raise DataError(
                    f"{where} on {index[i]:%Y-%m-%d}: column {line!r} is empty, and an order "
                    "could be filled there; drop days without trade with "
                    f"frame.dropna(subset=[{line!r}])."
                )
            columns.append(column)
        else:
            columns.append(np.full(len(index), 0.0 if line == "volume" else np.nan))
    return columns


def _ordinals(index: pd.DatetimeIndex) -> np.ndarray:
    """Return backtrader's numbers for timestamps: days since year 1, as floats."""
    micro = index.as_unit("us").asi8
    days = micro / DAY + EPOCH
    # at midnight the division is exact; at other times backtrader's own rounding is needed
    for i in np.flatnonzero(micro % DAY).tolist():
        days[i] = bt.date2num(index[i].to_pydatetime())
    return days
