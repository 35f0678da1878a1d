"""Checks of what a user passes in: one function per kind, each with one form of message.

A check takes the name of the parameter and the value, and raises ValueError or TypeError unless the
value will do. The sentence names the parameter, what was expected and what was given. Names of
command-line options (``--start``) stand as they are, all others in backticks.
"""

from __future__ import annotations

import difflib
import math
import numbers
import re
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, TypeGuard

import pandas as pd

_DATE = re.compile(r"\s*(\d{8}|\d{4}([-/])\d{1,2}\2\d{1,2})(?:[T ,;].*)?")
# parameters until 0.1 and 0.2; `weights` is now how much of each name is held
RENAMED = {"seeds": "n_networks", "standardise": "standardize", "weights": "row_weights"}


def nearest(name: object, options: Iterable[object]) -> str:
    """Return the end of a sentence about an unknown name: a suggestion, or just the period.

    Upper and lower case do not matter.

    Examples
    --------
    >>> "No line is called 'clsoe'" + nearest("clsoe", ["open", "close"])
    "No line is called 'clsoe'; did you mean 'close'?"
    >>> "No line is called 'xyz'" + nearest("xyz", ["open", "close"])
    "No line is called 'xyz'."
    """
    by_lower_case = {str(option).lower(): str(option) for option in options}
    near = difflib.get_close_matches(str(name).lower(), list(by_lower_case), n=1)
    return f"; did you mean {by_lower_case[near[0]]!r}?" if near else "."


def one_of(name: str, value: object, options: Iterable[object]) -> None:
    """Refuse anything but one of several words, of which None may be one.

    Examples
    --------
    >>> one_of("step", "moth", ["day", "month"])
    Traceback (most recent call last):
        ...
    ValueError: `step` must be 'day' or 'month'; got 'moth'; did you mean 'month'?
    """
    words = list(options)
    if value not in words:
        *others, last = map(repr, words)
        listed = f"{', '.join(others)} or {last}" if others else last
        hint = nearest(value, [word for word in words if isinstance(word, str)])
        raise ValueError(f"{_quoted(name)} must be {listed}; got {value!r}{hint}")


def whole_number(
    name: str, value: object, at_least: int = 1, *, unit: str = "", or_none: bool = False
) -> None:
    """Refuse what is no whole number or too small a one; True is no number.

    Parameters
    ----------
    unit : str
        The unit of the number, for the message: "days".
    or_none : bool
        Whether None is allowed as well.
    """
    if or_none and value is None:
        return
    if not isinstance(value, numbers.Integral) or isinstance(value, bool) or value < at_least:
        of_unit = f" of {unit}" if unit else ""
        raise ValueError(
            f"{_quoted(name)} must be a whole number{of_unit} of at least {at_least}"
            f"{_or_none(or_none)}; got {value!r}."
        )


def number(
    name: str,
    value: object,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    or_none: bool = False,
) -> None:
    """Refuse what is no finite number within the bounds; True is no number.

    Examples
    --------
    >>> number("l1_ratio", 0.0, above=0, at_most=1)
    Traceback (most recent call last):
        ...
    ValueError: `l1_ratio` must be a number above 0 and at most 1; got 0.0.
    """
    if or_none and value is None:
        return
    if (
        not _is_real(value)
        or not math.isfinite(value)
        or (at_least is not None and value < at_least)
        or (above is not None and value <= above)
        or (at_most is not None and value > at_most)
        or (below is not None and value >= below)
    ):
        wording = {"of at least": at_least, "above": above, "at most": at_most, "below": below}
        bounds = [f"{word} {bound:g}" for word, bound in wording.items() if bound is not None]
        wanted = f"a number {' and '.join(bounds)}" if bounds else "a finite number"
        raise ValueError(f"{_quoted(name)} must be {wanted}{_or_none(or_none)}; got {value!r}.")


def fraction(name: str, value: object, below: float = 1.0) -> None:
    """Refuse what is no rate of at least 0 and less than `below`, such as a number of per cent."""
    if not _is_real(value) or not 0 <= value < below:
        raise ValueError(
            f"{_quoted(name)} must be a fraction in [0, {below:g}), 0.01 being 1%; got {value!r}."
        )


def date(name: str, value: Any) -> pd.Timestamp:
    """Return a date as a naive midnight; of a stamp with a time zone, its local date.

    Text and whole numbers are read as they are written, year first (2017-01-31, 20170131): pandas
    would take 20170131 for a moment of 1970, and 01/02/2017 for the second of January.
    """
    written: Any = value
    if isinstance(value, numbers.Real):
        number = float(value)
        written = str(int(number)) if number.is_integer() else ""
    if isinstance(written, str):
        match = _DATE.fullmatch(written)
        written = None if match is None else match[1]
    try:
        stamp = pd.Timestamp(written)
    except (ValueError, TypeError):
        stamp = None
    if stamp is None or pd.isna(stamp):
        raise ValueError(f"{_quoted(name)} must be a date such as 2017-01-31; got {value!r}.")
    return stamp.tz_localize(None).normalize()


def list_of_names(name: str, value: object) -> None:
    """Refuse a string where a list of names is wanted: its letters would be taken for names."""
    if isinstance(value, str):
        raise TypeError(f"{_quoted(name)} must be a list of names; got the string {value!r}.")


def universe(name: str, value: object) -> None:
    """Refuse what cannot tell its members on a date; None, for no universe, is allowed."""
    if value is not None and not callable(getattr(value, "at", None)):  # tables have another `at`
        raise TypeError(
            f"{_quoted(name)} must have a method at(date) that gives a set of names, such as "
            f"attngru_bt.Membership; got {type(value).__name__}."
        )


def no_unknown(owner: str, given: Iterable[str], known: Iterable[str]) -> None:
    """Refuse keyword arguments that `owner` does not have, with the nearest that it has."""
    known = list(known)
    for name in given:
        if name in known:
            continue
        if RENAMED.get(name) in known:
            raise TypeError(f"{owner} has no parameter `{name}`: it is called `{RENAMED[name]}`.")
        raise TypeError(f"{owner} has no parameter `{name}`{nearest(name, known)}")


def no_duplicates(
    what: str,
    values: Iterable[Hashable],
    remedy: str = "keep one of them",
    error: type[ValueError] = ValueError,
) -> None:
    """Refuse a value that is there more than once.

    Parameters
    ----------
    what : str
        What the values are, with a capital: "Factor".
    remedy : str
        What to do, in the imperative.
    error : type
        The error to raise, such as DataError.
    """
    seen = set()
    for value in values:
        if value in seen:
            shown = f"{value:%Y-%m-%d}" if isinstance(value, pd.Timestamp) else repr(value)
            raise error(f"{what} {shown} is there twice; {remedy}.")
        seen.add(value)


def weights_by_name(where: str, answer: object) -> dict[Any, Any]:
    """Return the weights by name that a user's function gave; `where` begins the sentence.

    Raises
    ------
    TypeError, ValueError
        If they are not given by name, or one name twice.
    """
    if not isinstance(answer, (pd.Series, Mapping)):
        raise TypeError(
            f"{where} must return a Series or a dict of weights by name; got "
            f"{type(answer).__name__}."
        )
    if isinstance(answer, pd.Series) and answer.index.has_duplicates:
        twice = answer.index[answer.index.duplicated()][0]
        raise ValueError(f"{where} gave two weights to {twice!r}; give one per name.")
    return dict(answer.items())


def _is_real(value: object) -> TypeGuard[float]:
    return isinstance(value, numbers.Real) and not isinstance(value, bool)


def _quoted(name: str) -> str:
    return name if name.startswith("--") else f"`{name}`"


def _or_none(allowed: bool) -> str:
    return ", or None" if allowed else ""
