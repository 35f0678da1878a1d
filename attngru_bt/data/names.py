"""Names of symbols: which characters they may have, and how they are written into a CSV file."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pandas as pd

# categories of Unicode: control characters, invisible characters (such as writing direction),
# surrogates, separators of lines and of paragraphs
_REFUSED = ("Cc", "Cf", "Cs", "Zl", "Zp")
# characters that make a spreadsheet compute a cell; the last four are the East Asian wide forms
_FORMULA = "[=+\\-@\uff1d\uff0b\uff0d\uff20]"
_BEGINS_A_FORMULA = re.compile(f"'*\\s*{_FORMULA}")
_QUOTED = re.compile(f"'+\\s*{_FORMULA}")


def fault(name: str) -> str:
    r"""Return which invisible character a name has; empty if it has none.

    Examples
    --------
    >>> fault("BRK.B"), fault("A\u202eB")
    ('', "'A\\u202eB' holds the invisible character U+202E (RIGHT-TO-LEFT OVERRIDE)")
    """
    if name.isprintable():
        return ""
    for character in name:
        if unicodedata.category(character) in _REFUSED:
            called = unicodedata.name(character, "a control character")
            return f"{name!r} holds the invisible character U+{ord(character):04X} ({called})"
    return ""


def to_cell(name: str) -> str:
    """Return a name as a cell, with an apostrophe in front if a spreadsheet would compute it.

    Examples
    --------
    >>> to_cell("@ES"), to_cell("^GSPC")
    ("'@ES", '^GSPC')
    """
    return f"'{name}" if _BEGINS_A_FORMULA.match(name) else name


def from_cell(cell: str) -> str:
    """Return the name that `to_cell` wrote.

    Examples
    --------
    >>> from_cell("'@ES"), from_cell("@ES"), from_cell("^GSPC")
    ('@ES', '@ES', '^GSPC')
    """
    return cell[1:] if _QUOTED.match(cell) else cell


def to_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return a table with all texts and headings as `to_cell` writes them."""
    cells = table.rename(columns=_text_to_cell)
    for position, kind in enumerate(cells.dtypes):
        if isinstance(kind, pd.StringDtype) or kind.kind == "O":
            values = [_text_to_cell(value) for value in cells.iloc[:, position]]
            # an object array, because pandas would turn a 1 beside None into 1.0
            cells.isetitem(position, np.array(values, dtype=object))
    return cells


def _text_to_cell(value: object) -> object:
    return to_cell(value) if isinstance(value, str) else value


def from_cells(column: pd.Series) -> pd.Series:
    """Return the names in a column of cells, as `from_cell` does."""
    return column.where(~column.str.match(_QUOTED), column.str[1:])
