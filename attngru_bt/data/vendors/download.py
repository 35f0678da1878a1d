"""The whole job: who is wanted, their bars one by one, the index, and the panel folder."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from attngru_bt import checks
from attngru_bt.data.bars import DataError, DateLike
from attngru_bt.data.lock import sole_use
from attngru_bt.data.membership import Membership
from attngru_bt.data.rows import checked
from attngru_bt.data.vendors.base import Members, Vendor, VendorError
from attngru_bt.data.vendors.parts import Parts
from attngru_bt.data.vendors.wanted import wanted

log = logging.getLogger(__name__)

FORMATS = ("csv.gz", "parquet")
IN_A_ROW = 3  # failed symbols after which the vendor, not the symbol, is to blame
ORDER = ("date", "symbol", "open", "high", "low", "close", "preclose", "volume", "amount")


@dataclass
class Report:
    """What a fetch did.

    Parameters
    ----------
    symbols : tuple of str
        All that were wanted.
    point_in_time : bool
        Whether it is known who was a member when; if not, a backtest is one of survivors.
    skipped, fetched : list of str
        Finished by an earlier start, and by this one.
    empty : list of str
        Without a bar between start and end.
    failed : dict of str to str
        Symbol to the reason why there are no bars.
    files : list of Path
        What was written; empty if symbols failed.
    """

    symbols: tuple[str, ...]
    point_in_time: bool
    skipped: list[str] = field(default_factory=list)
    fetched: list[str] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)


def download(
    vendor: Vendor,
    universe: str,
    start: DateLike,
    end: DateLike,
    folder: str | Path,
    *,
    index: str | None = None,
    form: str = "parquet",
    allow_missing: bool = False,
    fresh: bool = False,
    begin: Callable[[Report], None] | None = None,
    progress: Callable[[Report, str], None] | None = None,
) -> Report:
    """Fetch a universe into a panel folder that `attngru_bt.load` reads.

    Each symbol is written to ``.parts`` in the folder as soon as it has arrived and has passed
    the checks of `read_table`. Started again with the same arguments, finished symbols are not
    asked for again; so an interruption loses one symbol at most. What was written is verified
    first: a damaged piece is named in a warning and fetched again.

    Parameters
    ----------
    vendor : Vendor
    universe : str
        See `wanted`.
    start, end : date
        Both included.
    folder : path
        Made if it is not there.
    index : str, optional
        The index to write as ``index.csv``, in the vendor's symbols; by default that of the
        universe, and none for symbols and files.
    form : {'parquet', 'csv.gz'}
        Of the panel.
    allow_missing : bool, default False
        Write the panel even if some symbols failed.
    fresh : bool, default False
        Forget what an earlier fetch left in the folder.
    begin, progress : callable, optional
        Called once members are known, and after each symbol.

    Returns
    -------
    Report

    Raises
    ------
    VendorError
        The vendor failed for the members, the index, or three symbols in a row.
    DataError
        The folder holds another fetch or a panel of other origin; no symbol has a bar.
    ValueError
        A parameter that cannot be.
    BlockingIOError
        If another fetch works in the folder.
    """
    first, last = checks.date("start", start), checks.date("end", end)
    with sole_use(folder) as place:
        return _download(
            vendor, universe, first, last, place, index=index, form=form,
            allow_missing=allow_missing, fresh=fresh, begin=begin, progress=progress,
        )  # fmt: skip


def _download(
    vendor: Vendor,
    universe: str,
    first: pd.Timestamp,
    last: pd.Timestamp,
    folder: Path,
    *,
    index: str | None,
    form: str,
    allow_missing: bool,
    fresh: bool,
    begin: Callable[[Report], None] | None,
    progress: Callable[[Report, str], None] | None,
) -> Report:
    """Do what `download` says, in a folder of one's own."""
    checks.one_of("form", form, FORMATS)
    if first > last:
        raise ValueError(f"`start` {first:%Y-%m-%d} is after `end` {last:%Y-%m-%d}.")
    asked = wanted(universe, vendor.symbol, first, last)
    if fresh:
        Parts.forget(folder)
    plan = {"source": vendor.name, "universe": universe}
    plan |= {"start": f"{first:%Y-%m-%d}", "end": f"{last:%Y-%m-%d}"}
    if asked.members is not None:
        plan["symbols"] = ",".join(asked.members.symbols)
    parts = Parts(folder, plan)
    members = asked.members or _members(parts, vendor, str(asked.index), first, last)
    report = Report(members.symbols, members.stays is not None)
    report.skipped = [symbol for symbol in members.symbols if parts.has(symbol)]
    if begin is not None:
        begin(report)
    row = 0
    skipped = set(report.skipped)
    for symbol in members.symbols:
        if symbol in skipped:
            continue
        try:
            frame = _bars(vendor, symbol, first, last)
        except (VendorError, DataError) as error:
            report.failed[symbol] = str(error)
            row += 1
            if row == IN_A_ROW:
                raise VendorError(
                    f"{vendor.name}: {IN_A_ROW} symbols in a row failed, so the rest was not asked "
                    f"for ({error}) {_kept(report)}"
                ) from error
        else:
            row = 0
            if frame.empty:
                report.empty.append(symbol)
            else:
                parts.put(symbol, frame)
                report.fetched.append(symbol)
        if progress is not None:
            progress(report, symbol)
    if report.failed and not allow_missing:
        return report
    name = index or asked.index
    benchmark = vendor.index(name, first, last) if name else None
    _assemble(parts, members, benchmark, name, form, report)
    return report


def _kept(report: Report) -> str:
    done = len(report.skipped) + len(report.fetched)
    return f"{done} of {len(report.symbols)} are finished and kept; start again to go on."


def _members(
    parts: Parts, vendor: Vendor, universe: str, start: pd.Timestamp, end: pd.Timestamp
) -> Members:
    """Return the members, those of an earlier start if there are."""
    kept = parts.note("members")
    if kept is None:
        found = vendor.members(universe, start, end)
        stays = None if found.stays is None else found.stays.to_dict("list")
        kept = {"symbols": found.symbols, "stays": stays}
        parts.note("members", kept)
    known = None if kept["stays"] is None else pd.DataFrame(kept["stays"])
    return Members(tuple(kept["symbols"]), known)


def _bars(vendor: Vendor, symbol: str, start: pd.Timestamp, end: pd.Timestamp) -> pd.DataFrame:
    """Return a symbol's rows in the panel's columns, checked."""
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
    report: Report,
) -> None:
    """Write panel, membership and index from the finished parts."""
    finished = {*report.skipped, *report.fetched}
    frames = [parts.get(symbol) for symbol in members.symbols if symbol in finished]
    if not frames:
        raise DataError(
            f"{parts.folder}: none of the {len(members.symbols)} symbols has a bar between start "
            "and end; check the symbols and the dates."
        )
    panel = pd.concat(frames, ignore_index=True)
    panel = panel.sort_values(["symbol", "date"], kind="stable", ignore_index=True)
    report.files.append(parts.write(f"panel.{form}", panel))
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
