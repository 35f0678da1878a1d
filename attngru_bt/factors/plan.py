"""The plan: which factors can be computed from given bars, and which lines are missing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass

from attngru_bt import checks
from attngru_bt.data.bars import Bars
from attngru_bt.factors.clocks import has_line
from attngru_bt.factors.declaration import Factor
from attngru_bt.factors.registry import LINES, Registry, registry

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Plan:
    """What is computed from bars.

    Attributes
    ----------
    columns : tuple of str
        Factors and the user's own lines, in the order of the output.
    factors : dict of str to Factor
        The columns to compute; the other columns are lines of the bars as they are.
    missing : dict of str to tuple of str
        The factors that are left out, by the line that the bars lack.
    """

    columns: tuple[str, ...]
    factors: dict[str, Factor]
    missing: dict[str, tuple[str, ...]]


def own_lines(bars: Bars) -> tuple[str, ...]:
    """Return the lines of the bars that are factors as they are: all but the known ones."""
    return tuple(name for name in bars.lines if name not in LINES)


def known_lines(bars: Bars) -> set[str]:
    """Return the lines that factors of these bars can read, the user's own among them."""
    return {name for name in (*LINES, *own_lines(bars)) if has_line(bars, name)}


def plan(
    bars: Bars,
    names: Sequence[str] | None = None,
    *,
    partial: bool = False,
    source: Registry = registry,
) -> Plan:
    """Decide which factors the bars allow.

    Parameters
    ----------
    bars : Bars
    names : sequence of str, optional
        Default: every factor that is on by default and whose lines the bars have, and the user's
        own lines. A line of the bars has priority over a factor of the same name. None at all, an
        empty sequence, is a plan too.
    partial : bool, default=False
        Leave out a named factor whose lines the bars lack, as by default, rather than raise.

    Raises
    ------
    ValueError
        If a name is unknown (with the nearest one), given twice, or needs a line that is missing.
    """
    extra = own_lines(bars)
    have = known_lines(bars)
    missing: dict[str, list[str]] = {}
    if names is None:
        chosen = [f.name for f in source if f.default and f.name not in extra]
    else:
        chosen = list(names)
        checks.no_duplicates("Factor", chosen, "leave one out")
    columns, factors = [], {}
    for name in chosen:
        if name in extra:
            columns.append(name)
            continue
        if name not in source:
            hint = checks.nearest(name, [*source.names(), *extra])
            raise ValueError(f"{name!r} is neither a factor nor a further line of these bars{hint}")
        lacking = source.missing(source[name], have)
        if lacking and names is not None and not partial:
            raise ValueError(
                f"Factor {name!r} needs the line {lacking[0]!r}, which these bars do not have; "
                "add the line or leave the factor out."
            )
        for line in lacking:
            missing.setdefault(line, []).append(name)
        if not lacking:
            columns.append(name)
            factors[name] = source[name]
    if names is None:
        columns.extend(extra)
    if not columns and (names is None or len(names)):
        raise ValueError("No factor can be computed from these bars; they need at least a close.")
    return Plan(tuple(columns), factors, {k: tuple(v) for k, v in missing.items()})


def left_out(planned: Plan) -> dict[str, list[str]]:
    """Return the factors that are not in a plan of the default set, by the reason why."""
    lacking: dict[str, list[str]] = {}
    for line, names in planned.missing.items():
        for name in names:
            lacking.setdefault(name, []).append(line)
    reasons: dict[str, list[str]] = {}
    for name, lines in lacking.items():
        reasons.setdefault(f"the data have no {', '.join(lines)}", []).append(name)
    off = [f.name for f in registry if not f.default and f.name not in planned.columns]
    return reasons | ({"off unless named": off} if off else {})


def cost_of(missing: dict[str, tuple[str, ...]]) -> str:
    """Say how many factors are left out because of missing lines; empty if there are none."""
    if not missing:
        return ""
    n_factors = len({name for names in missing.values() for name in names})
    lines = ", ".join(f"{line} ({len(names)})" for line, names in missing.items())
    return f"{n_factors} factors left out, for want of the lines {lines}"


def report_missing(missing: dict[str, tuple[str, ...]]) -> None:
    """Log which lines are missing and how many factors are left out because of it."""
    if missing:
        logger.info(cost_of(missing))
