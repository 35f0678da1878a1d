"""Where the commands write: results to stdout, the log and errors to stderr."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table as TerminalTable

from attngru_bt.cli import trouble
from attngru_bt.factors.scripts import blame
from attngru_bt.reports.tables import Table

# Without emoji, a name such as :smile: in a path is printed as it is.
out = Console(emoji=False)
err = Console(stderr=True, emoji=False)

_HANDLER = "attngru-bt"


class _Handler(logging.Handler):
    """Print records through the console, which puts them above the bar of a run."""

    def emit(self, record: logging.LogRecord) -> None:
        tell(self.format(record))


def log_to_stderr(level: int, without: str = "") -> None:
    """Show the package's log on stderr; the root logger is left alone.

    Messages of the logger `without` are left out, where the command says the same itself.
    """
    package = logging.getLogger("attngru_bt")
    package.setLevel(level)
    for old in [h for h in package.handlers if h.get_name() == _HANDLER]:
        package.removeHandler(old)
    handler = _Handler()
    handler.set_name(_HANDLER)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    handler.addFilter(lambda record: record.name != without)
    handler.addFilter(_Once())
    package.addHandler(handler)


class _Once(logging.Filter):
    """Let each warning pass once, as training, backtest and baseline read the same data."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        new = (text := record.getMessage()) not in self._shown
        self._shown.add(text)
        return new


def say(text: object) -> None:
    """Print a result on stdout, as it is."""
    out.print(str(text), highlight=False, markup=False, soft_wrap=True)


def tell(text: object) -> None:
    """Print a message on stderr, as it is."""
    err.print(str(text), highlight=False, markup=False, soft_wrap=True)


@contextmanager
def sentences(debug: bool, out_path: Path | None = None) -> Iterator[None]:
    """Turn an error that the user can fix into one sentence on stderr and exit code 2.

    Such errors are bad data, bad parameters, files that cannot be read or written, and any error in
    the user's own file of factors, which is named with its line.

    Parameters
    ----------
    debug : bool
        Whether the error is raised instead, with its traceback.
    out_path : Path or None
        What the command writes; it is named if the error of the system names no file.
    """
    try:
        yield
    except Exception as error:
        text = blame(error)
        if text is None and isinstance(error, OSError) and error.errno is not None:
            text = trouble.explanation(error, out_path)
        if text is None and isinstance(error, (ValueError, TypeError, OSError, ImportError)):
            text = str(error)
        if debug or text is None:
            raise
        text = " ".join(text.split())
        err.print(f"[bold red]Error:[/] {escape(text)}", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error


def print_table(title: str, table: Table) -> None:
    """Print a table on stdout, without the columns in which nothing is known.

    What is wider than the terminal is continued in a second table with the same rows, so that no
    cell is cut.
    """
    for i, part in enumerate(_fitting(table.known(), out.width)):
        shown = TerminalTable(title=f"{title}, continued" if i else title, title_justify="left")
        shown.add_column(part.corner, min_width=_LEAST_NAME)
        whole = sum(max(_needed(part, i), len(c.name)) for i, c in enumerate(part.columns))
        names = max((len(row.name) for row in part.rows), default=0)
        broken = whole + _BORDER * len(part.columns) + max(names, _LEAST_NAME) + 4 > out.width
        for j, column in enumerate(part.columns):
            # otherwise rich would narrow the first column, although headings can be broken
            most = _needed(part, j) if broken else None
            shown.add_column(column.name, justify="right", overflow="fold", max_width=most)
        for row in part.rows:
            shown.add_row(row.name, *map(str, row.cells))
        out.print(shown)


_LEAST_NAME = 12  # characters of a row's name
_BORDER = 3  # two spaces and a line per column


def _needed(table: Table, i: int) -> int:
    """Characters of a column: headings may be broken between words, cells may not."""
    cells = (len(str(row.cells[i])) for row in table.rows if row.cells)
    return max([0, *map(len, table.columns[i].name.split()), *cells])


def _fitting(table: Table, width: int) -> list[Table]:
    """Split the columns of a table into tables that fit the terminal."""
    names = max((len(row.name) for row in table.rows), default=0)
    room = width - min(max(names, _LEAST_NAME), width // 3) - _BORDER - 1
    # columns from the left until the width is full; each part repeats the names of the rows
    parts: list[list[int]] = [[]]
    left = room
    for i in range(len(table.columns)):
        needed = _needed(table, i) + _BORDER
        if needed > left and parts[-1]:
            parts.append([])
            left = room
        parts[-1].append(i)
        left -= needed
    if len(parts) == 1:
        return [table]
    return [table.select(lambda i, part=part: i in part) for part in parts]  # type: ignore[misc]
