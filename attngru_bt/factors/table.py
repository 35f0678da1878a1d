"""Factor values as a table in a file: a row per stock and day of trade, a column per factor."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np
import pandas as pd

from attngru_bt.data.atomic import replacing
from attngru_bt.data.bars import Bars
from attngru_bt.data.names import to_cells
from attngru_bt.factors.engine import compute
from attngru_bt.factors.plan import plan

if TYPE_CHECKING:
    import pyarrow.parquet as pq

AT_ONCE = 32_000_000
"""Values that are computed and written at a time, about a quarter of a gigabyte."""

Write = Callable[[pd.DataFrame], None]


def write_table(
    bars: Bars,
    path: str | Path,
    names: Sequence[str] | None = None,
    *,
    dates: pd.DatetimeIndex | None = None,
    raw: bool = False,
) -> int:
    """Write the values of factors as a table with the columns date, symbol and one per factor.

    Memory does not grow with the history of the market. The file appears once it is complete.

    Parameters
    ----------
    bars : Bars
    path : path
        A name that ends in .parquet, .csv or .csv.gz.
    names : sequence of str, default None
        None: all factors that the bars allow and that are on by default.
    dates : DatetimeIndex, default None
        Sessions to write, all of them in the bars; earlier bars are looked back on. None: all.
    raw : bool, default False
        Values in their published definition, not divided by close or usual volume.

    Returns
    -------
    int
        How many rows were written.

    Raises
    ------
    ValueError
        If `path` has another ending or is a folder, or a factor cannot be computed.
    """
    path = check_path("path", path)
    columns = plan(bars, names).columns
    n_rows = 0
    with replacing(path) as unfinished, _WRITERS[_suffix(path)](unfinished) as write:
        for table in _tables(bars, columns, bars.dates if dates is None else dates, raw):
            write(table)
            n_rows += len(table)
    return n_rows


def check_path(name: str, path: str | Path) -> Path:
    """Refuse a path that no table can be written to; `name` is what the user calls it."""
    path = Path(path)
    if not _suffix(path) or path.is_dir():
        quoted = name if name.startswith("--") else f"`{name}`"
        raise ValueError(
            f"{quoted} must be a file that ends in .parquet, .csv or .csv.gz; got {path}."
        )
    return path


def _suffix(path: Path) -> str:
    return next((suffix for suffix in _WRITERS if path.name.lower().endswith(suffix)), "")


def _tables(
    bars: Bars, columns: Sequence[str], dates: pd.DatetimeIndex, raw: bool
) -> Iterator[pd.DataFrame]:
    """Yield the rows of a few sessions at a time."""
    n_days = max(21, AT_ONCE // max(1, len(bars.assets) * len(columns)))
    assets = np.array(bars.assets, dtype=object)
    for first in range(0, len(dates), n_days):
        days = dates[first : first + n_days]
        values, names = compute(bars, columns, at=days, raw=raw)  # (days, assets, factors)
        day, asset = np.nonzero(bars.traded[bars.dates.get_indexer(days)])
        keys = pd.DataFrame({"date": days[day], "symbol": assets[asset]})
        yield pd.concat([keys, pd.DataFrame(values[day, asset], columns=list(names))], axis=1)


@contextmanager
def _csv(path: Path) -> Iterator[Write]:
    """Open a CSV file to write tables to, one below the other."""
    with path.open("w", encoding="utf-8", newline="") as file:
        yield _appending(file)


@contextmanager
def _csv_gz(path: Path) -> Iterator[Write]:
    """Open a compressed CSV file to write tables to, one below the other."""
    # Without a name and a time in its header, the same table gives the same bytes.
    with path.open("wb") as file, gzip.GzipFile("", "wb", 6, file, mtime=0) as compressed:
        yield _appending(compressed)


def _appending(file: IO[str] | gzip.GzipFile) -> Write:
    """Return what writes tables to an open file, the first with a header."""
    first = True

    def write(table: pd.DataFrame) -> None:
        nonlocal first
        to_cells(table).to_csv(
            file,  # type: ignore[arg-type]
            header=first,
            index=False,
            date_format="%Y-%m-%d",
            lineterminator="\n",
        )
        first = False

    return write


@contextmanager
def _parquet(path: Path) -> Iterator[Write]:
    """Open a Parquet file to write tables to; the first one sets the types."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    writer: pq.ParquetWriter | None = None

    def write(table: pd.DataFrame) -> None:
        nonlocal writer
        rows = pa.Table.from_pandas(table, preserve_index=False)
        if writer is None:
            writer = pq.ParquetWriter(path, rows.schema)
        writer.write_table(rows)

    try:
        yield write
    finally:
        if writer is not None:
            writer.close()


_WRITERS = {".parquet": _parquet, ".csv": _csv, ".csv.gz": _csv_gz}
