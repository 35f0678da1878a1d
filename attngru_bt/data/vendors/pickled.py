"""A pickled table, read without running anything that is in it.

A pickle is a program: it names functions and calls them. Here each name that a pickled table of
pandas contains becomes an inert object, which keeps the arguments it is called with and does
nothing; any other name is refused. The file creates no object of pandas or numpy: the columns are
taken out of the arguments that the inert objects have kept.
"""

from __future__ import annotations

import io
import pickle
import pickletools
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from attngru_bt.data.bars import DataError

LARGEST = 1 << 24  # bytes
MOST_ROWS = 1 << 20
_KEEPS = ("PUT", "BINPUT", "LONG_BINPUT")
NAMES = {
    ("builtins", "slice"),
    ("numpy", "dtype"),
    ("numpy", "ndarray"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("pandas", "DataFrame"),
    ("pandas", "Index"),
    ("pandas", "RangeIndex"),
    ("pandas", "StringDtype"),
    ("pandas._libs.arrays", "__pyx_unpickle_NDArrayBacked"),
    ("pandas._libs.internals", "_unpickle_block"),
    ("pandas.arrays", "DatetimeArray"),
    ("pandas.arrays", "StringArray"),
    ("pandas.core.arrays.datetimes", "DatetimeArray"),
    ("pandas.core.arrays.string_", "StringArray"),
    ("pandas.core.arrays.string_", "StringDtype"),
    ("pandas.core.frame", "DataFrame"),
    ("pandas.core.indexes.base", "Index"),
    ("pandas.core.indexes.base", "_new_Index"),
    ("pandas.core.indexes.range", "RangeIndex"),
    ("pandas.core.internals.managers", "BlockManager"),
}
"""The names that a table of text and dates contains, in the versions of pandas since 2."""


class _Inert:
    """Stands for an object that is not created, and keeps its arguments and its state."""

    args: tuple[Any, ...]
    state: Any

    def __new__(cls, *args: Any) -> _Inert:
        made = object.__new__(cls)
        made.args, made.state = args, None
        return made

    def __init__(self, *args: Any) -> None:
        pass

    def __setstate__(self, state: Any) -> None:
        self.state = state


class _Reader(pickle.Unpickler):
    """Unpickles the names of a table as inert objects, and refuses all others."""

    def find_class(self, module: str, name: str) -> type[_Inert]:
        if (module, name) not in NAMES:
            raise DataError(f"it names {module}.{name}, which is no part of a table")
        return type(name, (_Inert,), {})


def read_pickled_table(path: str | Path) -> pd.DataFrame:
    """Read a table of text and dates that pandas has pickled.

    Parameters
    ----------
    path : path
        Not compressed.

    Returns
    -------
    pandas.DataFrame
        Columns of text (object, missing is None) and dates (datetime64); the index is not read.

    Raises
    ------
    DataError
        If it is no such table, or names anything else.
    """
    path = Path(path)
    data = path.read_bytes()[: LARGEST + 1]
    try:
        if len(data) > LARGEST:
            raise DataError(f"it has more than {LARGEST:,} bytes")
        _check_places(data)
        return _table(_Reader(io.BytesIO(data)).load())
    except DataError as error:
        raise DataError(
            f"{path}: is no pickled table of text and dates ({error}); nothing of it was run. "
            "Install the package it belongs to anew."
        ) from None
    except Exception as error:  # whatever a damaged or hostile file leads to
        raise DataError(
            f"{path}: is no pickled table of text and dates ({type(error).__name__}); nothing of "
            "it was run. Install the package it belongs to anew."
        ) from error


def _check_places(data: bytes) -> None:
    """Refuse a memo index beyond the length of the file, which no honest pickle has.

    The unpickler allocates all indexes up to it, so that nine bytes could ask for 32 GB.
    """
    for operation, index, _ in pickletools.genops(data):
        if operation.name in _KEEPS and index is not None and int(index) > len(data):
            raise DataError(f"it has the memo index {index}")


def _table(root: Any) -> pd.DataFrame:
    """Put the columns together that the blocks of a pickled DataFrame hold."""
    manager = root.state["_mgr"]
    blocks, axes = manager.args
    names = _values(axes[0].args[1]["data"])
    columns: dict[int, np.ndarray] = {}
    for block in blocks:
        values, placement = block.args[:2]
        rows = np.atleast_2d(_values(values))
        for row, position in zip(rows, range(*placement.args), strict=True):
            columns[position] = row
    if sorted(columns) != list(range(len(names))) or len({len(c) for c in columns.values()}) != 1:
        raise DataError("its columns do not fit its header")
    if not all(isinstance(name, str) for name in names):
        raise DataError("its header is not text")
    return pd.DataFrame({str(name): columns[i] for i, name in enumerate(names)})


def _values(array: _Inert) -> np.ndarray:
    """Return the values of an array of text or dates."""
    while type(array).__name__ == "__pyx_unpickle_NDArrayBacked":
        array = next(part for part in array.state if type(part).__name__ == "_reconstruct")
    _, shape, dtype, by_columns, content = array.state
    if int(np.prod(shape)) > MOST_ROWS:
        raise DataError(f"it has more than {MOST_ROWS:,} values")
    kind = dtype.args[0]
    order: Literal["C", "F"] = "F" if by_columns else "C"
    if kind == "O8":
        texts = [text if isinstance(text, str) else None for text in content]
        return np.array(texts, dtype=object).reshape(shape, order=order)
    unit = dtype.state[8][1][0].decode() if kind == "M8" else ""
    if unit not in ("s", "ms", "us", "ns") or dtype.state[1] != "<":
        raise DataError(f"it has values of kind {kind}")
    dates = np.frombuffer(content, dtype=f"<M8[{unit}]")
    return dates.reshape(shape, order=order)
