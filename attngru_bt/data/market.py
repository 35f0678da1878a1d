"""Markets: bars, benchmark and membership together, read from files or embedded."""

from __future__ import annotations

import hashlib
import html
import importlib.util
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from attngru_bt import checks
from attngru_bt.data.bars import Bars, DataError, DateLike
from attngru_bt.data.files import read_folder, read_index, read_table, symbol_files
from attngru_bt.data.membership import Membership, Universe
from attngru_bt.data.raw import SUFFIXES, split_suffix


@dataclass(frozen=True)
class Market:
    """Everything a backtest needs to know about a market.

    Members in another spelling than the bars (``SH600000``, ``600000.SS``) get that of the bars.
    The closes of the index replace the ``benchmark`` of the bars, and its opens their
    ``benchmark_open`` if they differ from the closes; both are NaN on sessions that the index
    lacks. Without an index the bars have no benchmark.

    Parameters
    ----------
    bars : Bars
        The assets' daily lines.
    benchmark : pandas.DataFrame or None
        The index, indexed by increasing naive dates, with at least a column ``close``.
    membership : Membership or None
        The members over time; None means that every asset may always be held.
    name : str
        Name in reports.
    """

    bars: Bars
    benchmark: pd.DataFrame | None
    membership: Membership | None
    name: str

    def __post_init__(self) -> None:
        """Attach the lines of the index to the bars, and spell the members as they do."""
        if self.membership is not None:
            object.__setattr__(self, "membership", self.membership.spelled(self.bars.assets))
        close = opening = None
        if self.benchmark is not None:
            close, opening = _benchmark_lines(self.benchmark, self.bars.dates)
        if close is not None or self.bars.benchmark is not None:
            bars = replace(self.bars, benchmark=close, benchmark_open=opening)
            object.__setattr__(self, "bars", bars)

    def __repr__(self) -> str:
        """Return name, stocks and days in one line."""
        return f"Market({self.name!r}, {self.bars!r})"

    def _repr_html_(self) -> str:
        """Show name, benchmark and members, above a row per line of the bars."""
        benchmark = "with a benchmark" if self.benchmark is not None else "no benchmark"
        members = "all stocks" if self.membership is None else "point-in-time members"
        name = html.escape(self.name)
        return f"<p><b>{name}</b>: {benchmark}, {members}</p>{self.bars._repr_html_()}"

    def __deepcopy__(self, memo: object) -> Market:
        """Return the market itself: nothing changes it, and it may fill the memory."""
        return self

    def digests(self) -> dict[str, str]:
        """Digest of bars, benchmark and members, so that a change of any of them shows."""
        digests = {"bars": self.bars.digest()}
        if self.benchmark is not None:
            digests["benchmark"] = _digest(self.benchmark.to_csv())
        if self.membership is not None:
            stays = [(day, sorted(self.membership.at(day))) for day in self.bars.dates]
            digests["members"] = _digest(repr(stays))
        return digests

    def until(self, end: DateLike) -> Market:
        """Return the market as it was known on `end`, so that later data cannot change a run.

        Raises
        ------
        ValueError
            If `end` is not a date.
        DataError
            If `end` is before the first session.
        """
        date = checks.date("end", end)
        bars, index = self.bars.until(date), self.benchmark
        if not len(bars):
            begin = self.bars.dates[0].date() if len(self.bars) else "no date at all"
            raise DataError(
                f"`end` {date.date()} is before the first session of {self.name}, {begin}."
            )
        if index is not None:
            index = index[index.index <= date]
        return replace(self, bars=bars, benchmark=index)

    def of(self, universe: Universe | None) -> Market:
        """Return the market of the stocks that are ever members, if it is known who they are.

        A model may have been trained on many more stocks, none of which is ever held.
        """
        if not isinstance(universe, Membership):
            return self
        members = set(universe.symbols)
        held = [asset for asset in self.bars.assets if asset in members]
        if len(held) in (0, len(self.bars.assets)):
            return self
        return replace(self, bars=self.bars.select(held))


def _benchmark_lines(
    index: pd.DataFrame, dates: pd.DatetimeIndex
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return closes and opens of the index on the dates of the bars, NaN where it has none."""
    days = index.index
    if not isinstance(days, pd.DatetimeIndex) or days.tz is not None or "close" not in index:
        raise DataError(
            "`benchmark` must be a DataFrame indexed by naive dates with a column 'close'; got "
            f"columns {', '.join(map(str, index.columns))} and an index of {days.dtype}."
        )
    days = days.normalize()
    wrong = np.flatnonzero(~(np.diff(days.asi8) > 0))
    if len(wrong):
        raise DataError(
            f"`benchmark` on {days[wrong[0] + 1].date()}: rows are not sorted or a date is there "
            "twice; use sort_index() and keep one row per day."
        )
    rows = index.set_axis(days).reindex(dates)
    close = rows["close"].to_numpy(dtype=np.float64)
    # opens that only repeat the closes are no opens
    if "open" not in index or not (index["open"].notna() & (index["open"] != index["close"])).any():
        return close, None
    return close, rows["open"].to_numpy(dtype=np.float64)


def load(
    data: str | os.PathLike[str] | pd.DataFrame,
    *,
    ignore: Iterable[str] = (),
    columns: Mapping[str, str] | None = None,
) -> Market:
    """Read a market from a DataFrame, from a table or from a folder.

    Tables of akshare, baostock, Qlib, Stooq, tushare and yfinance, and closes with a column per
    symbol, are recognized as they are: see ``read_table`` and docs/data.md.

    Parameters
    ----------
    data : DataFrame or path
        A table (see ``read_table``); or a folder with such a table as ``panel.csv``,
        ``panel.csv.gz`` or ``panel.parquet``; or a folder with one file per symbol. A folder's
        ``membership.csv`` and ``index.csv`` (or ``.csv.gz``, ``.parquet``) are read as well.
    ignore : iterable of str, default ()
        Columns to leave out. Any other numeric column that is not known becomes a factor, and a
        warning names it.
    columns : mapping of str to str, default None
        Our names of columns and those of the data, where they are not recognized, with a factor if
        the unit is another: ``{"date": "day", "volume": "vol*100"}``.

    Raises
    ------
    DataError
        See ``read_table``.
    """
    if isinstance(data, pd.DataFrame):
        return Market(read_table(data, ignore=ignore, columns=columns), None, None, "DataFrame")
    if not isinstance(data, (str, os.PathLike)):
        raise TypeError(
            f"`data` must be a DataFrame, or the path of a table or folder; got a "
            f"{type(data).__name__}."
        )
    path = Path(data)
    if not path.is_dir():
        name = split_suffix(path)[0]
        bars = read_table(path, ignore=ignore, columns=columns)
        return Market(bars, None, None, Path(name).name)
    # a folder: a table called panel, or else a file per symbol
    tables, indexes = _named(path, "panel"), _named(path, "index")
    if len(tables) > 1:
        raise DataError(
            f"{path}: {tables[0].name} and {tables[1].name} are both there; remove one."
        )
    if tables:
        bars = read_table(tables[0], ignore=ignore, columns=columns)
    elif symbol_files(path):
        bars = read_folder(path, ignore=ignore, columns=columns)
    else:
        raise DataError(
            f"{path}: no data in this folder; expected panel.csv.gz, panel.csv or panel.parquet, "
            "or one CSV or Parquet file per symbol."
        )
    membership = path / "membership.csv"
    return Market(
        bars,
        read_index(indexes[0]) if indexes else None,
        Membership.from_csv(membership) if membership.exists() else None,
        path.resolve().name,
    )


def as_market(data: Market | str | os.PathLike[str] | pd.DataFrame) -> Market:
    """Return a market as it is, and anything else as `load` reads it."""
    return data if isinstance(data, Market) else load(data)


def _named(folder: Path, stem: str) -> list[Path]:
    """Return the tables in a folder that are called `stem`, whatever their suffix."""
    files = [folder / f"{stem}{suffix}" for suffix in SUFFIXES]
    return [file for file in files if file.exists()]


def load_sp500() -> Market:
    """Return 20 S&P 500 stocks and the index, daily closes 1990-2022 (USD, adjusted).

    The files ship with skfolio; skfolio itself is not imported. The stocks were chosen with
    hindsight (all survived until 2022), so absolute returns mean little.

    Raises
    ------
    ModuleNotFoundError
        If skfolio is not installed.
    """
    spec = importlib.util.find_spec("skfolio")
    if spec is None or not spec.submodule_search_locations:
        raise ModuleNotFoundError(
            "the embedded data are files of the skfolio package, which is not installed; install "
            'them with pip install "attngru_bt[examples]".'
        )
    folder = Path(spec.submodule_search_locations[0]) / "datasets" / "data"
    frames = []
    for name in ("sp500_dataset.csv.gz", "sp500_index.csv.gz"):
        file = folder / name
        if not file.exists():
            raise DataError(f"{file}: is missing from this skfolio; install skfolio 1.12.")
        frames.append(pd.read_csv(file, index_col=0, parse_dates=True, date_format="%Y-%m-%d"))
    stocks, index = frames
    bars = Bars(
        pd.DatetimeIndex(stocks.index),
        tuple(map(str, stocks.columns)),
        {"close": stocks.to_numpy(dtype=np.float64)},
    )
    benchmark = index.iloc[:, :1].astype(np.float64)
    benchmark.columns = pd.Index(["close"])
    benchmark.index = pd.DatetimeIndex(benchmark.index, name="date").as_unit("us")
    return Market(bars, benchmark, None, "sp500")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
