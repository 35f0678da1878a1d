"""The command line, ``attngru-bt``; its commands are loaded when it is called."""

from __future__ import annotations

import io
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


def __getattr__(name: str) -> Any:
    if name != "app":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from attngru_bt.cli.commands import app

    return app


def main() -> None:
    """Entry point of the ``attngru-bt`` command."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        # a terminal without a dash or an umlaut shows "?" instead of losing the result
        sys.stdout.reconfigure(errors="replace")
    with _left_on_interrupt():  # it takes seconds, in which somebody may think again
        from typer.main import get_command

        from attngru_bt.cli.commands import app

        command = get_command(app)
    command()


@contextmanager
def _left_on_interrupt() -> Iterator[None]:
    """Leave with a sentence on Ctrl-C, where nothing is begun that has to be ended."""
    usual = signal.getsignal(signal.SIGINT)
    if usual is not signal.default_int_handler or (
        threading.current_thread() is not threading.main_thread()
    ):
        yield  # whoever calls has other wishes, or cannot have any
        return
    signal.signal(signal.SIGINT, _leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


def _leave(*_: object) -> None:
    os.write(2, b"\nInterrupted before anything was begun.\n")
    os._exit(130)
