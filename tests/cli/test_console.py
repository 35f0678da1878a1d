"""Tables on a terminal: no cell is cut, whatever the width."""

import io
import subprocess
import sys

import pytest
from rich.console import Console

from attngru_bt.cli import console, main
from attngru_bt.reports.tables import Cell, Column, Row, Table


def table(n_columns):
    columns = tuple(Column(f"heading of {i}") for i in range(n_columns))
    rows = tuple(
        Row(name, tuple(Cell(f"{row}{i:02}.25%", "0.12") for i in range(n_columns)))
        for row, name in enumerate(
            ("Attention-GRU on ranks", "Ridge", "A very long name of a model")
        )
    )
    return Table("Model", columns, rows)


@pytest.mark.parametrize("width", [60, 80, 200])
@pytest.mark.parametrize("n_columns", [1, 5, 20])
def test_every_cell_is_whole_and_every_line_fits(monkeypatch, width, n_columns):
    file = io.StringIO()
    monkeypatch.setattr(console, "out", Console(file=file, width=width))
    wide = table(n_columns)
    console.print_table("Title", wide)
    text = file.getvalue()
    assert all(len(line) <= width for line in text.splitlines())
    assert "…" not in text
    for row in wide.rows:
        for cell in row.cells:
            assert text.count(str(cell)) == 1
    if width == 200 and n_columns < 20:
        assert "continued" not in text
    elif n_columns == 20:
        assert "Title, continued" in text and text.count("Ridge") > 1


def test_what_is_known_of_nothing_is_left_out(monkeypatch):
    file = io.StringIO()
    monkeypatch.setattr(console, "out", Console(file=file, width=80))
    console.print_table("Title", Table.of(["", "known", "not"], [["a", "1", "–"]]))
    assert "known" in file.getvalue() and "not" not in file.getvalue()


def test_a_terminal_without_a_character_still_shows_the_rest(monkeypatch):
    """After hours of fits a dash that it lacks was an error, and no table was shown."""
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    monkeypatch.setattr(sys, "argv", ["attngru-bt", "--version"])
    with pytest.raises(SystemExit):
        main()
    console.say("Zürich – Köln")
    stream.flush()
    assert stream.buffer.getvalue().decode("ascii").endswith("Z?rich ? K?ln\n")


INTERRUPTED = """
import os, signal, sys

class Interrupt:
    def find_spec(self, name, *_):
        if name == "attngru_bt.cli.commands":
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupt())
# a job in the background has inherited that Ctrl-C is ignored
signal.signal(signal.SIGINT, signal.default_int_handler)
from attngru_bt.cli import main

main()
"""


@pytest.mark.slow
def test_ctrl_c_while_the_commands_are_loaded_is_a_sentence():
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED], capture_output=True, text=True, check=False
    )
    assert done.returncode == 130
    assert done.stderr.strip() == "Interrupted before anything was begun."
