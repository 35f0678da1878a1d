"""The scores of a run that is not finished, in a file that grows with each fit."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from attngru_bt.data.names import to_cell

if TYPE_CHECKING:
    from attngru_bt.walkforward import MonthRecord

NAME = "scores.partial.csv"


class PartialScores:
    """A CSV file (month_end, symbol, score) that an interrupted run leaves behind.

    Parameters
    ----------
    folder : path
        Folder of the run.

    Attributes
    ----------
    path : Path
    """

    def __init__(self, folder: str | Path) -> None:
        self.path = Path(folder) / NAME

    def remove(self) -> None:
        """Remove the file, if there is one: before the first fit, and after the last."""
        self.path.unlink(missing_ok=True)

    def append(self, records: Iterable[MonthRecord]) -> None:
        """Append the scores of some months."""
        new = not self.path.exists()
        with self.path.open("a", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            if new:
                writer.writerow(["month_end", "symbol", "score"])
            for record in records:
                date = record.month_end.date()
                for name, score in record.scores.items():
                    writer.writerow([date, to_cell(str(name)), repr(float(score))])
