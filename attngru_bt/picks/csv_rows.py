"""The rows of a CSV file that a person or a broker has written, each with its place in the file."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from attngru_bt.data.bars import DataError
from attngru_bt.data.raw import encoding_of

SHOWN = 5  # faulty rows that a message names

Row = tuple[str, Mapping[str, Any]]  # its place, such as "fills.csv, line 3", and cells by column


def read_rows(path: Path) -> tuple[list[str], list[Row]]:
    """Return the columns of a file, and its rows; empty ones are left out.

    Raises
    ------
    DataError
        If it cannot be read, or a row has not one cell per column.
    """
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; check the path.")
    try:
        with path.open(newline="", encoding=encoding_of(path)) as file:
            lines = list(csv.reader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: cannot be read as CSV ({error}); save it as UTF-8.") from error
    header = [cell.strip() for cell in lines[0]] if lines else []
    rows: list[Row] = []
    for number, cells in enumerate(lines[1:], start=2):
        if not any(cell.strip() for cell in cells):
            continue
        if len(cells) != len(header):
            raise DataError(
                f"{path}, line {number}: has {len(cells)} cells, and the first line "
                f"{len(header)}; write one cell per column (12000, not 12,000)."
            )
        rows.append((f"{path}, line {number}", dict(zip(header, cells, strict=True))))
    return header, rows


def refuse(problems: Sequence[str]) -> None:
    """Raise DataError that names the first of the faulty rows, if there are any."""
    if problems:
        more = f" ({len(problems) - SHOWN} more lines are wrong.)" if len(problems) > SHOWN else ""
        raise DataError("; ".join(problems[:SHOWN]) + "." + more)
