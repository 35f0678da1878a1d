"""What a fetch has finished so far, on disk: one piece per symbol, written at once and verified."""

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
CHECKSUM = "checksum"  # of the other entries of a JSON file
SHOWN = 60  # characters of a list of symbols that a message shows


class Parts:
    """The folder ``.parts`` of a fetch.

    A piece is a Parquet file and, beside it and written after it, a record: a JSON file with
    symbol, rows, SHA-256 of the Parquet file, and the plan's checksum. The JSON files hold a
    checksum of their own. What does not agree counts as not fetched, with a warning.

    Parameters
    ----------
    folder : path
        The folder the panel will be in.
    plan : mapping of str to str
        What is fetched; parts of another plan are not mixed with these.

    Raises
    ------
    DataError
        If there are parts of another plan, or a panel that no fetch has written.
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
            for panel in sorted(folder.glob("panel.*")):
                raise DataError(
                    f"{panel}: is there already and no fetch has written it; choose another folder."
                )
        _write_json(file, plan)

    @staticmethod
    def planned(folder: Path, name: str) -> str | None:
        """Return an entry of the plan of the fetch in a folder; None if there is no whole plan."""
        value = (_read_json(folder / FOLDER / PLAN) or {}).get(name)
        return None if value is None else str(value)

    @staticmethod
    def forget(folder: Path) -> None:
        """Remove the parts in a folder, and what was assembled from them."""
        if (folder / FOLDER).exists():
            for name in ("panel.csv.gz", "panel.parquet", "membership.csv", "index.csv"):
                (folder / name).unlink(missing_ok=True)
            shutil.rmtree(folder / FOLDER)

    def has(self, symbol: str) -> bool:
        """Tell whether a symbol is finished; a warning names a piece that cannot be used."""
        if not self._record(symbol).exists():
            return False  # never written, or killed between the piece and its record
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
            The piece is not what was put there.
        """
        fault = self._fault(symbol)
        if fault:
            raise DataError(
                f"{self._piece(symbol)}: {fault}; start the fetch again, and {symbol} is asked for "
                "once more."
            )
        return pd.read_parquet(self._piece(symbol))

    def note(self, name: str, value: dict[str, Any] | None = None) -> dict[str, Any] | None:
        """Keep a JSON value under a name, or return what is kept there; None if nothing is."""
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
                # neither name nor time: the same rows give the same bytes
                with rough.open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
                    to_cells(frame).to_csv(packed, **form)
            else:
                to_cells(frame).to_csv(rough, compression=None, **form)
        return file

    def _fault(self, symbol: str) -> str:
        """Why a symbol's piece cannot be used; empty if it can."""
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
        # quoted: ^GSPC and BRK/B are no file names everywhere, and CON is none on Windows
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
