"""What a fetch has finished so far, on disk: one file per symbol, each written at once."""

from __future__ import annotations

import gzip
import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pandas as pd

from attngru_bt.atomic import replacing
from attngru_bt.bars.names import to_cells
from attngru_bt.bars.panel import DataError

FOLDER = ".parts"


class Parts:
    """The folder ``.parts`` of a fetch.

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
        self._plan = self._parts / "plan.json"
        plan = dict(plan)
        if self._plan.exists():
            old = json.loads(self._plan.read_text(encoding="utf-8"))
            differs = [name for name in plan if plan[name] != old.get(name)]
            if differs:
                name = differs[0]
                raise DataError(
                    f"{folder}: holds a fetch with {name} {old.get(name)}, not {plan[name]}; "
                    "choose another folder, or start afresh (--fresh)."
                )
            return
        for panel in sorted(folder.glob("panel.*")):
            raise DataError(
                f"{panel}: is there already and no fetch has written it; choose another folder."
            )
        _write_json(self._plan, plan)

    @staticmethod
    def planned(folder: Path, name: str) -> str | None:
        """Return an entry of the plan of the fetch in a folder, if there is one."""
        plan = folder / FOLDER / "plan.json"
        value = json.loads(plan.read_text(encoding="utf-8")).get(name) if plan.exists() else None
        return None if value is None else str(value)

    @staticmethod
    def forget(folder: Path) -> None:
        """Remove the parts in a folder, and what was assembled from them."""
        if (folder / FOLDER / "plan.json").exists():
            for name in ("panel.csv.gz", "panel.parquet", "membership.csv", "index.csv"):
                (folder / name).unlink(missing_ok=True)
            shutil.rmtree(folder / FOLDER)

    def has(self, symbol: str) -> bool:
        """Tell whether a symbol is finished."""
        return self._file(symbol).exists()

    def put(self, symbol: str, frame: pd.DataFrame) -> None:
        """Keep a finished symbol."""
        with replacing(self._file(symbol)) as rough:
            frame.to_parquet(rough, index=False)

    def get(self, symbol: str) -> pd.DataFrame:
        """Return a finished symbol."""
        return pd.read_parquet(self._file(symbol))

    def note(self, name: str, value: Any = None) -> Any:
        """Keep a JSON value under a name, or return what is kept there; None if nothing is."""
        file = self._parts / f"{name}.json"
        if value is not None:
            _write_json(file, value)
            return value
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None

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

    def _file(self, symbol: str) -> Path:
        # quoted: ^GSPC and BRK/B are no file names everywhere, and CON is none on Windows
        return self._parts / f"bars-{quote(symbol, safe='')}.parquet"


def _write_json(file: Path, value: Any) -> None:
    with replacing(file) as rough:
        rough.write_text(json.dumps(value), encoding="utf-8")
