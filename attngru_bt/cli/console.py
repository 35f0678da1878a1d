"""What the commands write where: results to stdout, the log and errors to stderr."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import typer
from rich.console import Console
from rich.markup import escape

from attngru_bt.cli import scripts

out = Console()
err = Console(stderr=True)

_HANDLER = "attngru-bt"


def log_to_stderr(level: int) -> None:
    """Show the package's log on stderr; the root logger is left alone."""
    package = logging.getLogger("attngru_bt")
    package.setLevel(level)
    for old in [h for h in package.handlers if h.get_name() == _HANDLER]:
        package.removeHandler(old)
    handler = logging.StreamHandler()
    handler.set_name(_HANDLER)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    # that nothing was traded is an error here, with a sentence of its own
    handler.addFilter(lambda record: record.name != "attngru_bt.analyzers.record")
    handler.addFilter(_Once())
    package.addHandler(handler)


class _Once(logging.Filter):
    """Show a warning once: training, backtest and baseline of one command read the same data."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: set[str] = set()

    def filter(self, record: logging.LogRecord) -> bool:
        if record.levelno < logging.WARNING:
            return True
        new = (text := record.getMessage()) not in self._shown
        self._shown.add(text)
        return new


@contextmanager
def sentences(debug: bool) -> Iterator[None]:
    """Turn the errors a user can mend into one sentence on stderr and exit code 2.

    These are bad data, bad parameters, missing files, and whatever goes wrong in the user's own
    factor file: then the sentence says where.
    """
    try:
        yield
    except Exception as error:
        text = scripts.told(error)
        if text is None and isinstance(error, (ValueError, TypeError, OSError, ImportError)):
            text = str(error)
        if debug or text is None:
            raise
        text = " ".join(text.split())
        err.print(f"[bold red]Error:[/] {escape(text)}", highlight=False, soft_wrap=True)
        raise typer.Exit(2) from error
