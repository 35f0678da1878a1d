"""Numbers and tables as text: one form for the pages, for Markdown and for the terminal."""

from __future__ import annotations

import datetime
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import pandas as pd

DASH = "–"
_PHONE = 44  # characters that a phone shows side by side
_FEW = 3  # columns that fit a phone, broken into lines
_NAME = 12  # characters at which the name of a row is broken


def decimals(value: float | None, places: int) -> str:
    """Show a number with so many decimals; a dash if it is not known."""
    if value is None or math.isnan(value):
        return DASH
    # adding zero turns -0.0 into 0.0
    text = f"{round(value, places) + 0.0:,.{places}f}"
    return text.replace("-", "\u2212").replace("inf", "\u221e")


whole = partial(decimals, places=0)
one = partial(decimals, places=1)
number = partial(decimals, places=2)
three = partial(decimals, places=3)
four = partial(decimals, places=4)


def per_cent(value: float | None, places: int = 1) -> str:
    """Show a fraction as a percentage; a dash if it is not known."""
    text = decimals(None if value is None else 100.0 * value, places)
    return text if text == DASH else f"{text}%"


def points(value: float | None) -> str:
    """Show a difference of fractions in points of per cent, with its sign."""
    text = decimals(None if value is None else 100.0 * value, 1)
    return f"+{text}" if value is not None and value > 0 and text.strip("0.,") else text


def date(value: str | datetime.date | None) -> str:
    """Show a date as 2019-12-31; a dash if there is none."""
    return DASH if value is None or pd.isna(value) else f"{pd.Timestamp(value):%Y-%m-%d}"


def recovery(value: str | datetime.date | None) -> str:
    """Show the date on which a loss was made good; "not yet" if it was not."""
    return "not yet" if value is None or pd.isna(value) else date(value)


def short(name: str, most: int = 36) -> str:
    """Name a model where there is little room: a blend without its members, others cut."""
    if len(name) <= most:
        return name
    return "Blend" if name.startswith("Blend of ") else f"{name[: most - 1].rstrip()}…"


@dataclass(frozen=True)
class Column:
    """A column of figures: which figure it shows, in which form, and under which heading.

    Attributes
    ----------
    heading : str
    key : str
        Name of the figure.
    show : callable
        Turns the figure into text.
    group : str
        Heading above those of several neighboring columns; empty: none.
    alone : str
        Heading where the group's is not shown; empty: the same.
    """

    heading: str
    key: str = ""
    show: Callable[[Any], str] = str
    group: str = ""
    alone: str = ""

    @property
    def name(self) -> str:
        """Heading that stands by itself."""
        return self.alone or self.heading

    @property
    def in_sample(self) -> bool:
        """Whether the figures are of the rows that the model was fitted on."""
        return "in-sample" in self.group


@dataclass(frozen=True)
class Cell:
    """A figure as text.

    Attributes
    ----------
    text : str
    spread : str
        Its deviation over the seeds; empty if there is none.
    tone : float or None
        From -1 to 1: how strongly the cell is shaded as a loss or a gain; None: not at all.
    """

    text: str
    spread: str = ""
    tone: float | None = None

    def __str__(self) -> str:
        return f"{self.text} ± {self.spread}" if self.spread else self.text


@dataclass(frozen=True)
class Row:
    """A row: its name and a cell per column.

    Attributes
    ----------
    name : str
    cells : tuple of Cell
        A row without cells is a heading.
    reference : bool
        Whether the row is only there to compare the others with, such as an index.
    """

    name: str
    cells: tuple[Cell, ...] = ()
    reference: bool = False


@dataclass(frozen=True)
class Table:
    """Rows of text under headings.

    Attributes
    ----------
    corner : str
        Heading of the row names.
    columns : tuple of Column
    rows : tuple of Row
    """

    corner: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    @classmethod
    def of(cls, headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Table:
        """Make a table of texts; the first text of each row is its name."""
        corner, *others = headings
        return cls(
            corner,
            tuple(Column(heading) for heading in others),
            tuple(Row(name, tuple(map(Cell, texts))) for name, *texts in rows),
        )

    def with_rows(self, rows: Iterable[Sequence[str | Cell]]) -> Table:
        """Add rows of a name and texts or cells."""
        made = (
            Row(str(name), tuple(c if isinstance(c, Cell) else Cell(c) for c in cells))
            for name, *cells in rows
        )
        return Table(self.corner, self.columns, (*self.rows, *made))

    @property
    def groups(self) -> list[tuple[str, int]]:
        """Headings above the columns' own, each with its number of columns; none: an empty list."""
        runs = groupby(column.group for column in self.columns)
        groups = [(group, len(list(columns))) for group, columns in runs]
        return groups if any(group for group, _ in groups) else []

    @property
    def broad(self) -> bool:
        """Whether it is wider than a phone, which then shows each row as a block."""
        wide = min(max((len(row.name) for row in self.rows), default=0), _NAME)
        for i, column in enumerate(self.columns):
            texts = [row.cells[i].text for row in self.rows if row.cells]
            words = (1.2 * len(word) for word in column.heading.split())  # they are bold
            wide += 2 + round(max([*map(len, texts), *words], default=0))
        return len(self.columns) > _FEW and wide > _PHONE

    @property
    def group_starts(self) -> set[int]:
        """Positions of the columns that begin a group."""
        ends, starts = 0, set()
        for _, width in self.groups:
            starts.add(ends)
            ends += width
        return starts

    def known(self) -> Table:
        """Leave out the columns in which nothing is known."""
        return self.select(
            lambda i: any(row.cells[i].text != DASH for row in self.rows if row.cells)
        )

    def select(self, wanted: Callable[[int], bool]) -> Table:
        """Keep the columns at the wanted positions."""
        kept = [i for i in range(len(self.columns)) if wanted(i)]
        rows = (
            Row(row.name, tuple(row.cells[i] for i in kept if row.cells), row.reference)
            for row in self.rows
        )
        return Table(self.corner, tuple(self.columns[i] for i in kept), tuple(rows))

    def markdown(self) -> str:
        """Write the table as Markdown."""
        head = [self.corner, *(column.name for column in self.columns)]
        lines = [head, *([row.name, *map(str, row.cells)] for row in self.rows)]
        texts = ["| " + " | ".join(line) + " |" for line in lines]
        texts.insert(1, "|---|" + "---:|" * len(self.columns))
        return "\n".join(texts)
