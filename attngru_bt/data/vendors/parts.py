"""Finished parts of a download on disk: one piece per symbol, written on arrival and verified."""

from __future__ import annotations

import gzip
import hashlib
import json
import logging
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from attngru_bt.data.atomic import replacing
from attngru_bt.data.bars import DataError
from attngru_bt.data.names import to_cells

log = logging.getLogger(__name__)

FOLDER = ".parts"
PLAN = "plan.json"
CHECKSUM = "checksum"  # entry of a JSON file: the checksum of its other entries
SHOWN = 60  # characters of a list of symbols that a message shows


class Parts:
    """The folder ``.parts`` of a download.

    A piece is a Parquet file and a record that is written after it: a JSON file with symbol, number
    of rows, SHA-256 of the Parquet file and checksum of the plan. Every JSON file has a checksum of
    its own. A piece that does not match its record counts as not fetched, with a warning.

    Parameters
    ----------
    folder : path
        Data folder of the download.
    plan : mapping of str to str
        Source, universe and dates; parts of different plans are never mixed.

    Raises
    ------
    DataError
        If there are parts of another plan, or a table that no download has written.
    """

    def __init__(self, folder: Path, plan: Mapping[str, str]) -> None:
        self.folder = folder
        self._parts = folder / FOLDER
        plan = dict(plan)
        self._fetch = _checksum(plan)
        file = self._parts / PLAN
        if self._parts.exists():
            old = _read_json(file)
            if old is not None:
                _same_plan(folder, plan, old)
                return
            log.warning(
                "%s: is not what the fetch wrote; it is written anew, and what is there of another "
                "fetch is not used.",
                file,
            )
        else:
            for table in sorted(folder.glob("panel.*")):
                raise DataError(
                    f"{table}: is there already and no fetch has written it; choose another folder."
                )
        _write_json(file, plan)

    @staticmethod
    def planned(folder: Path, name: str) -> str | None:
        """Return an entry of the plan in a folder; None if there is no intact plan."""
        value = (_read_json(folder / FOLDER / PLAN) or {}).get(name)
        return None if value is None else str(value)

    @staticmethod
    def forget(folder: Path) -> None:
        """Remove the parts in a folder, and the files that were made of them."""
        if (folder / FOLDER).exists():
            for name in ("panel.csv.gz", "panel.parquet", "membership.csv", "index.csv"):
                (folder / name).unlink(missing_ok=True)
            shutil.rmtree(folder / FOLDER)

    def has(self, symbol: str) -> bool:
        """Tell whether a symbol is finished; a warning names a piece that cannot be used."""
        if not self._record(symbol).exists():
            return False  # not written, or interrupted before the record
        fault = self._fault(symbol)
        if fault:
            log.warning("%s: %s; %s is fetched again.", self._piece(symbol), fault, symbol)
        return not fault

    def put(self, symbol: str, frame: pd.DataFrame) -> None:
        """Keep a finished symbol."""
        with replacing(self._piece(symbol)) as rough:
            frame.to_parquet(rough, index=False)
            digest = _sha256(rough)
        record = {"symbol": symbol, "rows": len(frame), "sha256": digest, "fetch": self._fetch}
        _write_json(self._record(symbol), record)

    def get(self, symbol: str) -> pd.DataFrame:
        """Return a finished symbol.

        Raises
        ------
        DataError
            If the piece does not match its record.
        """
        fault = self._fault(symbol)
        if fault:
            raise DataError(
                f"{self._piece(symbol)}: {fault}; start the fetch again, and {symbol} is asked for "
                "once more."
            )
        return pd.read_parquet(self._piece(symbol))

    def note(self, name: str, value: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """Keep a JSON value under a name, or return the value that is kept there, or None."""
        file = self._parts / f"{name}.json"
        if value is not None:
            _write_json(file, {**value, "fetch": self._fetch})
            return value
        if not file.exists():
            return None
        kept = _read_json(file)
        if kept is None or kept.get("fetch") != self._fetch:
            fault = "is not what the fetch wrote" if kept is None else "is of another fetch"
            log.warning("%s: %s; it is fetched again.", file, fault)
            return None
        return kept

    def write(self, name: str, frame: pd.DataFrame) -> Path:
        """Write a table of the finished folder, CSV, CSV.gz or Parquet by its name."""
        file = self.folder / name
        form: Any = {"index": False, "date_format": "%Y-%m-%d", "lineterminator": "\n"}
        with replacing(file) as rough:
            if name.endswith(".parquet"):
                frame.to_parquet(rough, index=False)
            elif name.endswith(".gz"):
                # without name and time in the header, the same rows give the same bytes
                with rough.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
                    to_cells(frame).to_csv(packed, **form)
            else:
                to_cells(frame).to_csv(rough, compression=None, **form)
        return file

    def _fault(self, symbol: str) -> str:
        """Return why the piece of a symbol cannot be used; empty if it can."""
        import pyarrow.parquet as pq

        piece, record = self._piece(symbol), _read_json(self._record(symbol))
        if record is None:
            return "its record is not what the fetch wrote"
        if record.get("symbol") != symbol:
            return f"holds {record.get('symbol')}"
        if record.get("fetch") != self._fetch:
            return "is of another fetch"
        if not piece.exists():
            return "is missing"
        if _sha256(piece) != record.get("sha256"):
            return "is not what the fetch wrote"
        rows = pq.read_metadata(piece).num_rows
        return "" if 0 < rows == record.get("rows") else f"has {rows} rows, not {record['rows']}"

    def _piece(self, symbol: str) -> Path:
        # quoted and with a prefix: ^GSPC, BRK/B and (on Windows) CON are no valid file names
        return self._parts / f"bars-{quote(symbol, safe='')}.parquet"

    def _record(self, symbol: str) -> Path:
        return self._piece(symbol).with_suffix(".json")


def _same_plan(folder: Path, plan: dict[str, str], old: dict[str, Any]) -> None:
    for name in plan:
        if plan[name] != old.get(name):
            raise DataError(
                f"{folder}: holds a fetch with {name} {_short(str(old.get(name)))}, not "
                f"{_short(plan[name])}; choose another folder, or start afresh (--fresh)."
            )


def _short(text: str) -> str:
    if len(text) <= SHOWN or "," not in text:
        return text
    return f"{text[:SHOWN]}… ({text.count(',') + 1} symbols)"


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _checksum(content: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def _write_json(file: Path, content: dict[str, Any]) -> None:
    with replacing(file) as rough:
        whole = {**content, CHECKSUM: _checksum(content)}
        rough.write_text(json.dumps(whole), encoding="utf-8")


def _read_json(file: Path) -> dict[str, Any] | None:
    """Return what `_write_json` wrote; None if the file is missing or holds anything else."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # ValueError: neither JSON nor UTF-8
        return None
    if not isinstance(content, dict):
        return None
    checksum = content.pop(CHECKSUM, None)
    return content if checksum == _checksum(content) else None
