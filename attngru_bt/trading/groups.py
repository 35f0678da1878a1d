"""Groups of names, such as industries, and how many of one group may be held."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt import checks
from attngru_bt.data.bars import Bars, DataError, first
from attngru_bt.data.names import from_cells
from attngru_bt.data.rows import GROUP_LINES

GroupOf = Callable[[str], Hashable]


@dataclass(frozen=True)
class GroupCap:
    """A cap on the number of names of one group.

    Attributes
    ----------
    most : int
        Largest number of names of one group.
    group_of : callable
        Name → its group; see `groups_at`.
    """

    most: int
    group_of: GroupOf

    def has_room(self, name: str, held: Iterable[str]) -> bool:
        """Whether a name may be held beside others."""
        group = self.group_of(name)
        return sum(self.group_of(other) == group for other in held) < self.most


def check_groups(
    groups: Any, max_per_group: object, names: Collection[str] = (), universe: Any = None
) -> None:
    """Refuse groups of a wrong type, without effect, or without a name that may be held.

    Parameters
    ----------
    groups, max_per_group
        As `MonthlyTopK` takes them.
    names : collection of str
        The feeds that may be traded.
    universe : object with ``at(date)`` or None
        Which of them may be held; its ``symbols`` are read, if it has any.
    """
    checks.whole_number("max_per_group", max_per_group, or_none=True)
    if groups is not None and max_per_group is None:
        raise ValueError("`groups` has no effect without `max_per_group`: how many of one group?")
    if groups is None or isinstance(groups, str) or callable(groups):
        return
    if not isinstance(groups, (Mapping, pd.Series)):
        raise TypeError(
            f"`groups` must be a mapping of names to groups, a function of the date that returns "
            f"one, or the name of a line; got {type(groups).__name__}."
        )
    group_of = dict(groups.items())
    symbols = set(names) if universe is None else set(getattr(universe, "symbols", ()))
    for name in sorted(symbols & set(names)):
        _known(group_of.get(name), name, "")


def summarized(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return parameters for a report, with a count in place of a mapping of all names to groups."""
    groups = params.get("groups")
    if not isinstance(groups, (Mapping, pd.Series)):
        return dict(params)
    n_groups = len(set(dict(groups.items()).values()))
    return {**params, "groups": f"{n_groups} groups of {len(groups)} names"}


def groups_at(groups: Any, date: pd.Timestamp, bars: Callable[[], Bars]) -> GroupOf:
    """Return a function of a name that returns its group at a date.

    Parameters
    ----------
    groups : mapping, callable, str or None
        As `MonthlyTopK` takes it.
    date : Timestamp
    bars : callable
        Returns the bars known at that date; called if the groups are in a line of them. The last
        known value counts.
    """
    if callable(groups):
        groups = groups(date)
        if not isinstance(groups, (Mapping, pd.Series)):
            raise TypeError(
                f"`groups` must return a mapping of names to groups; on {date.date()} it returned "
                f"{type(groups).__name__}."
            )
    elif groups is None or isinstance(groups, str):
        groups = _of_line(groups, bars())
    group_of = dict(groups.items())
    return lambda name: _known(group_of.get(name), name, f" on {date.date()}")


def _of_line(line: str | None, bars: Bars) -> dict[str, float]:
    """Return the last known value of a line, by name."""
    found = _line_of(line, bars)
    last = pd.DataFrame(bars[found], columns=list(bars.assets)).ffill().iloc[-1]
    return {str(name): float(value) for name, value in last.items()}


def _line_of(line: str | None, bars: Bars) -> str:
    """Return the line of the bars that has the groups."""
    candidates = GROUP_LINES if line is None else (line,)
    chosen = next((name for name in candidates if name in bars), None)
    if chosen is None:
        raise DataError(
            f"`max_per_group` needs groups, and the data have no line {' or '.join(candidates)}: "
            "give `groups`, a mapping of names to groups"
            f"{checks.nearest(candidates[0], bars.lines)}"
        )
    return chosen


def check_line(groups: Any, bars: Bars) -> None:
    """Refuse groups in a line that the data do not have."""
    if groups is None or isinstance(groups, str):
        _line_of(groups, bars)


def _known(group: Any, name: str, when: str) -> Hashable:
    """Return a group; raise DataError if it is missing."""
    nan = isinstance(group, (float, np.floating)) and np.isnan(group)
    if group is None or group is pd.NA or group is pd.NaT or nan:
        raise DataError(f"`groups`: {name} has no group{when}; give it one, which may be its own.")
    return group  # type: ignore[no-any-return]


def read_groups(path: str | Path) -> dict[str, str]:
    """Read a CSV file with the columns symbol and group.

    Raises
    ------
    DataError
        If the file cannot be read, lacks a column, or names a symbol twice.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"{path}: there is no such file of groups; check the path.") from None
    except (OSError, ValueError) as error:
        raise DataError(
            f"{path}: cannot be read as CSV with the columns symbol,group ({error})."
        ) from error
    table = table.rename(columns=lambda name: str(name).strip().lower())
    for column in ("symbol", "group"):
        if column not in table:
            raise DataError(
                f"{path}: column {column!r} is missing; expected symbol,group, got "
                f"{','.join(map(str, table.columns))}."
            )
    names = from_cells(table["symbol"]).str.strip()
    checks.no_duplicates(f"{path}: symbol", names, "keep one line of it", DataError)
    groups = table["group"].str.strip()
    for i in first(groups == ""):
        raise DataError(
            f"{path}, line {i + 2}: {names.iloc[i]} has no group; give it one, maybe its own."
        )
    return dict(zip(names, groups, strict=True))
