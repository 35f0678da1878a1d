"""Columns that the user names: which column of a source is which of ours, and in which unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from attngru_bt import checks

_TIMES = re.compile(r"(?P<name>.+?)\s*\*\s*(?P<factor>\d+(\.\d+)?(e-?\d+)?)", re.IGNORECASE)


@dataclass(frozen=True)
class NamedColumn:
    """The column of a source that the user has named as one of ours.

    Attributes
    ----------
    name : str
        Its name in the source, in lower case.
    factor : float
        Our value is theirs times this.
    """

    name: str
    factor: float = 1.0


def named_columns(columns: Mapping[str, str]) -> dict[str, NamedColumn]:
    """Return the columns that the user has named, by our names in lower case.

    Parameters
    ----------
    columns : mapping of str to str
        Our names and theirs, with a factor if the unit is another: ``{"volume": "vol*100"}``.

    Raises
    ------
    TypeError
        If it is no mapping of text to text.
    ValueError
        If a factor is not positive, or a column is named twice.
    """
    if not isinstance(columns, Mapping):
        raise TypeError(
            f"`columns` must be a mapping such as {{'date': 'trade_date'}}; got {columns!r}."
        )
    named = {}
    for ours, theirs in columns.items():
        if not isinstance(ours, str) or not isinstance(theirs, str) or not theirs.strip():
            raise TypeError(f"`columns` must map names to names; got {ours!r}: {theirs!r}.")
        match = _TIMES.fullmatch(theirs.strip())
        name, factor = (match["name"], float(match["factor"])) if match else (theirs, 1.0)
        if not factor > 0:
            raise ValueError(f"`columns`: the factor of {theirs!r} must be positive.")
        named[ours.strip().lower()] = NamedColumn(name.strip().lower(), factor)
    checks.no_duplicates(
        "`columns`: the column", [theirs.name for theirs in named.values()], "name it once"
    )
    return named
