"""What a name may be made of, and how it stands in a CSV file that spreadsheets open as well."""

from __future__ import annotations

import re
import unicodedata

import numpy as np
import pandas as pd

# control characters (NUL, tab, line ends), invisible ones (those of writing direction among them),
# halves of characters, separators of lines and paragraphs
_REFUSED = ("Cc", "Cf", "Cs", "Zl", "Zp")
# what makes a spreadsheet compute a cell; the last four are the wide forms of East Asia
_FORMULA = "[=+\\-@\uff1d\uff0b\uff0d\uff20]"
_BEGINS_A_FORMULA = re.compile(f"'*\\s*{_FORMULA}")
_QUOTED = re.compile(f"'+\\s*{_FORMULA}")


def fault(name: str) -> str:
    r"""Say what is wrong with a name: which character of it cannot be seen; empty if none.

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
    """Write a name as a cell: with an apostrophe in front if a spreadsheet would compute it.

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
    """Write the texts of a table, its headings among them, as `to_cell` does."""
    found = table.rename(columns=_text_to_cell)
    for place, kind in enumerate(found.dtypes):
        if isinstance(kind, pd.StringDtype) or kind.kind == "O":
            cells = [_text_to_cell(value) for value in found.iloc[:, place]]
            found.isetitem(place, np.array(cells, dtype=object))  # 1 beside None stays 1
    return found


def _text_to_cell(value: object) -> object:
    return to_cell(value) if isinstance(value, str) else value


def from_cells(column: pd.Series) -> pd.Series:
    """Return the names of a column of texts, as `from_cell` does."""
    return column.where(~column.str.match(_QUOTED), column.str[1:])
