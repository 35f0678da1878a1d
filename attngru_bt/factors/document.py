"""The manual page of the factors, written from the registry.

`python -m attngru_bt.factors.document > docs/factors.md` updates it; a test compares the two.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from attngru_bt.checks import nearest
from attngru_bt.factors import Factor, registry
from attngru_bt.factors.engine import total_lookback
from attngru_bt.factors.registry import LINES

_INTRODUCTION = """\
# Factors

<!-- Written by `python -m attngru_bt.factors.document`; change the docstrings, not this page. -->

A factor makes one number per stock and day from the bars known by then. {n} factors are built in,
under the names of Uqer's factor library. {n_default} of them go into a model unless you choose
others, and of these those whose lines your data have.

- **Scale-free.** A factor with a *scale* is divided by it before a model sees it: `close` stands
  for the day's close, `volume` and `amount` for their mean over the last 120 bars. The mean of the
  line rather than of the factor, because many of these factors change sign and their own mean may
  be next to nothing. `raw=True` gives Uqer's definition.
- **Suspensions.** Days without a trade are dropped before any window and put back as NaN. Factors
  marked *calendar* run on every session instead, on the close carried forward.
- **Look-back** is the number of bars, today's included, that fix the value (to 1e-12 for
  exponential means). *all* means that the value depends on where your history begins; those factors
  are off unless you name them.
- **NaN** means not known: no trade that day, too little history, a missing line, or a division by
  zero. There are no infinities.
- **Valuation** lines (`pe`, `pb`, `ps`, `pcf`) stand for Uqer's trailing ones, and statement
  figures are those they imply (profit = market value / PE). Years are 250 bars.
- **The benchmark's open**, needed by `JDQS20` alone, is the index's own column or line `open`.

Your own: any further column of the data is a factor as it is; `@factor` registers a function;
`join_factor_file` takes a file of values in Uqer's layout (`ticker, tradeDate, NAME, ...`), which
go before the built-in ones of the same name. The 65 Uqer factors that need statements or analysts'
forecasts can only come that way.
"""


def scale_of(factor: Factor) -> str:
    """Return the unit that the value is divided by, such as `close^2 / volume`; may be empty."""
    units = (
        ("close", factor.degree),
        ("volume", factor.volume_degree),
        ("amount", factor.amount_degree),
    )
    # as a fraction, with powers: close^2 / volume
    above = [f"{u}^{d}" if d > 1 else u for u, d in units if d > 0]
    below = [f"{u}^{-d}" if d < -1 else u for u, d in units if d < 0]
    text = " x ".join(above) or ("1" if below else "")
    return f"{text} / {' x '.join(below)}" if below else text


def lines_of(factor: Factor) -> tuple[str, ...]:
    """Return the lines that a factor needs, directly or through its inputs, in standard order."""
    lines: set[str] = set()

    def visit(node: Factor) -> None:
        # an input is a line of the data, or another factor or step
        for name in node.needs:
            inner = None if name in LINES else registry.node(name)
            if inner is None:
                lines.add(name)
            else:
                visit(inner)

    visit(factor)
    of_user = sorted(lines - set(LINES))
    return tuple(n for n in LINES if n in lines and n not in ("traded", "wanted")) + tuple(of_user)


def describe(name: str) -> str:
    """Return the description of a factor as text; a KeyError suggests the nearest name."""
    factor = registry[name]
    lookback = total_lookback(factor)
    rows = {
        "family": factor.family,
        "lines": ", ".join(lines_of(factor)),
        "inputs": ", ".join(factor.needs),
        "windows": ", ".join(f"{k} = {v}" for k, v in factor.windows.items()) or "none",
        "look-back": "the whole history" if lookback is None else f"{lookback} bars",
        "history": f"{factor.history} bars before there is a value",
        "memory": factor.memory,
        "clock": factor.clock,
        "scale": scale_of(factor) or "none",
        "default": "on" if factor.default else "off",
    }
    width = max(map(len, rows))
    table = "\n".join(f"{key:<{width}}  {value}" for key, value in rows.items())
    return f"{factor.name}: {factor.summary}\n\n{table}\n\n{factor.formula}"


def listing(family: str | None = None, names: Sequence[str] | None = None) -> list[tuple[str, ...]]:
    """Return a table of factors: a row of headings, then one row per factor.

    Parameters
    ----------
    family : str, default None
        Only factors of this family.
    names : sequence of str, default None
        Only these factors.

    Raises
    ------
    ValueError
        If there is no such family or factor; with the nearest name.
    """
    if family is not None and family not in registry.families():
        raise ValueError(
            f"No family is called {family!r}; there are {', '.join(registry.families())}"
            f"{nearest(family, registry.families())}"
        )
    for name in names or ():
        check_factor(name)
    rows: list[tuple[str, ...]] = [("name", "family", "look-back", "default", "lines", "value")]
    for factor in registry:
        if family in (None, factor.family) and (not names or factor.name in names):
            lookback = "all" if factor.lookback is None else str(factor.lookback)
            default = "on" if factor.default else "off"
            lines = ",".join(lines_of(factor))
            rows.append((factor.name, factor.family, lookback, default, lines, factor.summary))
    return rows


def check_factor(name: str) -> None:
    """Refuse a name that no factor has, with a ValueError that has the nearest one."""
    try:
        registry[name]
    except KeyError as error:
        raise ValueError(error.args[0]) from None


def page() -> str:
    """Return the content of docs/factors.md."""
    n_default = sum(factor.default for factor in registry)
    parts = [_INTRODUCTION.format(n=len(registry), n_default=n_default)]
    for family in registry.families():
        names = registry.names(family)
        parts.append(f"\n## {family[0].upper()}{family[1:]} ({len(names)})\n\n")
        parts.append("| name | value | lines | look-back | history | scale | default |\n")
        parts.append("|---|---|---|---|---|---|---|\n")
        for factor in (registry[name] for name in names):
            lookback = "all" if factor.lookback is None else str(factor.lookback)
            clock = " (calendar)" if factor.clock == "calendar" else ""
            summary = factor.summary.replace("|", "\\|")
            parts.append(
                f"| `{factor.name}` | {summary} | {', '.join(lines_of(factor))} | "
                f"{lookback}{clock} | {factor.history} | {scale_of(factor)} | "
                f"{'on' if factor.default else 'off'} |\n"
            )
    return "".join(parts)


if __name__ == "__main__":
    sys.stdout.write(page())
