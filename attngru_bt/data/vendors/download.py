"""Downloads: members, their bars symbol by symbol, the index, and the data folder they make."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from attngru_bt import checks
from attngru_bt.data.bars import DataError, DateLike
from attngru_bt.data.codes import CHINESE
from attngru_bt.data.lock import sole_use
from attngru_bt.data.membership import Membership
from attngru_bt.data.rows import checked
from attngru_bt.data.vendors import constituents
from attngru_bt.data.vendors.base import Members, Vendor, VendorError
from attngru_bt.data.vendors.parts import Parts
from attngru_bt.data.vendors.wanted import wanted

log = logging.getLogger(__name__)

FORMATS = ("csv.gz", "parquet")
IN_A_ROW = 3  # symbols that may fail in a row before the vendor is to blame
ORDER = ("date", "symbol", "open", "high", "low", "close", "preclose", "volume", "amount")


@dataclass
class Downloaded:
    """The result of a download.

    Parameters
    ----------
    symbols : tuple of str
        All symbols of the universe.
    point_in_time : bool
        Whether the dates of membership are known; if not, a backtest has survivorship bias.
    skipped, fetched : list of str
        Symbols finished by an earlier start, and by this one.
    empty : list of str
        Symbols without a bar between start and end.
    failed : dict of str to str
        Symbols without bars, and the reason.
    files : list of Path
        Files that were written; none if symbols failed.
    """

    symbols: tuple[str, ...]
    point_in_time: bool
    skipped: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)


def last_day(folder: str | Path, *, fresh: bool = False) -> pd.Timestamp:
    """Return the last day of a download without an `end`.

    It is that of the download that was begun in the folder, so that it can be resumed on another
    day, or else (or if that is `fresh`) yesterday.
    """
    begun = None if fresh else Parts.planned(Path(folder), "end")
    if begun is not None:
        return pd.Timestamp(begun)
    return pd.Timestamp.now().normalize() - pd.Timedelta(days=1)


def download(
    vendor: Vendor,
    universe: str,
    start: DateLike,
    end: DateLike | None,
    folder: str | Path,
    *,
    index: str | None = None,
    form: str = "parquet",
    allow_missing: bool = False,
    fresh: bool = False,
    begin: Callable[[Downloaded], None] | None = None,
    progress: Callable[[Downloaded, str], None] | None = None,
) -> Downloaded:
    """Download a universe into a folder that `attngru_bt.load` reads.

    Each symbol is written to ``.parts`` in the folder as soon as it has arrived and has passed the
    checks of `read_table`. A second start with the same arguments skips finished symbols, so that
    an interruption loses one symbol at most. It verifies them first: a damaged one is named in a
    warning and downloaded again.

    Parameters
    ----------
    vendor : Vendor
    universe : str
        See `wanted`.
    start, end : date
        Both included. None for `end`: see `last_day`.
    folder : path
        Created if it does not exist.
    index : str, optional
        Symbol of the index to write as ``index.csv``; default: that of the universe, or none if
        this is a file or a list of symbols.
    form : {'parquet', 'csv.gz'}
        Format of the table.
    allow_missing : bool, default False
        Write the table even if some symbols failed.
    fresh : bool, default False
        Remove what an earlier download left in the folder.
    begin, progress : callable, optional
        Called once the members are known, and after each symbol.

    Returns
    -------
    Downloaded

    Raises
    ------
    VendorError
        If the vendor fails for the members, the index, or three symbols in a row.
    DataError
        If the folder has another download or a table of other origin, or no symbol has a bar.
    ValueError
        If a parameter is out of range.
    BlockingIOError
        If another download works in the folder.
    """
    first = checks.date("start", start)
    last = last_day(folder, fresh=fresh) if end is None else checks.date("end", end)
    with sole_use(folder) as path:
        checks.one_of("form", form, FORMATS)
        if first > last:
            raise ValueError(f"`start` {first:%Y-%m-%d} is after `end` {last:%Y-%m-%d}.")
        asked = wanted(universe, vendor.symbol, first, last)
        # what a second start must ask for as well, to go on with this download
        if fresh:
            Parts.forget(path)
        plan = {"source": vendor.name, "universe": universe}
        plan |= {"start": f"{first:%Y-%m-%d}", "end": f"{last:%Y-%m-%d}"}
        if asked.members is not None:
            plan["symbols"] = ",".join(asked.members.symbols)
        parts = Parts(path, plan)
        members = asked.members or _members(parts, vendor, str(asked.index), first, last)
        report = Downloaded(members.symbols, members.stays is not None)
        report.skipped = [symbol for symbol in members.symbols if parts.has(symbol)]
        if begin is not None:
            begin(report)
        _fetch(vendor, parts, report, first, last, progress)
        if report.failed and not allow_missing:
            return report
        # last of all, so that a vendor without the index does not keep the bars from arriving
        name = index or asked.index
        benchmark = vendor.index(name, first, last) if name else None
        _assemble(parts, members, benchmark, name, form, report)
    return report


def _fetch(
    vendor: Vendor,
    parts: Parts,
    report: Downloaded,
    first: pd.Timestamp,
    last: pd.Timestamp,
    progress: Callable[[Downloaded, str], None] | None,
) -> None:
    """Download the symbols that are not finished, one by one."""
    failed_in_a_row = 0
    skipped = set(report.skipped)
    for symbol in report.symbols:
        if symbol in skipped:
            continue
        try:
            frame = _bars(vendor, symbol, first, last)
        except (VendorError, DataError) as error:
            report.failed[symbol] = str(error)
            failed_in_a_row += 1
            if failed_in_a_row == IN_A_ROW:
                n_finished = len(report.skipped) + len(report.fetched)
                raise VendorError(
                    f"{vendor.name}: {IN_A_ROW} symbols in a row failed, so the rest was not asked "
                    f"for ({str(error).rstrip('.')}). {n_finished} of {len(report.symbols)} are "
                    "finished and kept; start again to go on."
                ) from error
        else:
            failed_in_a_row = 0
            if frame.empty:
                report.empty.append(symbol)
            else:
                parts.put(symbol, frame)
                report.fetched.append(symbol)
        if progress is not None:
            progress(report, symbol)


def _members(
    parts: Parts, vendor: Vendor, universe: str, start: pd.Timestamp, end: pd.Timestamp
) -> Members:
    """Return the members that an earlier start has kept, or ask the vendor for them."""
    note = parts.note("members")
    if note is None:
        members = _ask_members(vendor, universe, start, end)
        stays = None if members.stays is None else members.stays.to_dict("list")
        note = {"symbols": members.symbols, "stays": stays}
        parts.note("members", note)
    kept_stays = None if note["stays"] is None else pd.DataFrame(note["stays"])
    return Members(tuple(note["symbols"]), kept_stays)


def _ask_members(vendor: Vendor, universe: str, start: pd.Timestamp, end: pd.Timestamp) -> Members:
    """Return members over time from the vendor, else from the package index-constitution."""
    if universe not in CHINESE:
        try:
            vendor.symbol("AAPL")
        except ValueError:
            raise ValueError(
                f"{vendor.name} has no American stocks, of which {universe} consists; take another "
                "source, such as yfinance."
            ) from None
    elsewhere = universe in constituents.SIZES and constituents.is_installed()
    if not elsewhere or universe in getattr(vendor, "point_in_time", (universe,)):
        return vendor.members(universe, start, end)
    stays = constituents.index_members(universe, start, end)
    stays["symbol"] = [vendor.symbol(name) for name in stays["symbol"]]
    return Members(tuple(sorted(set(stays["symbol"]))), stays)


def _bars(vendor: Vendor, symbol: str, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Return the checked rows of a symbol."""
    frame = vendor.bars(symbol, start, end)
    if frame.empty or not frame["close"].notna().any():
        return frame.iloc[:0]
    frame = frame.assign(symbol=symbol)
    checked(frame, vendor.name)
    frame["date"] = frame["date"].dt.as_unit("us")
    first = [name for name in ORDER if name in frame]
    return frame[first + [name for name in frame if name not in first]]


def _assemble(
    parts: Parts,
    members: Members,
    benchmark: pd.DataFrame | None,
    name: str | None,
    form: str,
    report: Downloaded,
) -> None:
    """Write table, membership and index from the finished parts."""
    finished = {*report.skipped, *report.fetched}
    frames = [parts.get(symbol) for symbol in members.symbols if symbol in finished]
    if not frames:
        raise DataError(
            f"{parts.folder}: none of the {len(members.symbols)} symbols has a bar between start "
            "and end; check the symbols and the dates."
        )
    table = pd.concat(frames, ignore_index=True)
    table = table.sort_values(["symbol", "date"], kind="stable", ignore_index=True)
    report.files.append(parts.write(f"panel.{form}", table))
    for other in FORMATS:
        if other != form:
            (parts.folder / f"panel.{other}").unlink(missing_ok=True)
    if members.stays is not None:
        Membership.from_frame(members.stays, "the vendor's membership")
        report.files.append(parts.write("membership.csv", members.stays))
    else:
        (parts.folder / "membership.csv").unlink(missing_ok=True)
    if benchmark is not None:
        if benchmark.empty:
            raise DataError(f"the index {name} has no day between start and end; check its symbol.")
        checked(benchmark.assign(symbol="INDEX"), f"index {name}")
        report.files.append(parts.write("index.csv", benchmark))
