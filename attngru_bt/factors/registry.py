"""Factors by name, how a function becomes one, and the graph that their inputs make."""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeVar

from attngru_bt.factors.declaration import CLOCKS, MEMORIES, Factor

__all__ = ["LINES", "Factor", "Registry", "factor", "nearest", "registry", "step"]

Function = TypeVar("Function", bound=Callable[..., Any])
Span = int | Callable[..., int]  # bars, or bars as a function of the windows

LINES = (
    "open", "high", "low", "close", "preclose", "volume", "amount", "turnover", "market_cap",
    "float_cap", "pe", "pb", "ps", "pcf", "adjfactor", "dividend_yield", "traded", "benchmark",
    "benchmark_open", "st", "delisting", "wanted",
)  # fmt: skip
"""Lines a factor may name without declaring them. Any other line of the bars is a factor itself.

`st` and `delisting` are the exchange's marks of special treatment and of the delisting period,
which the market rules read.

Not of the bars but of the computation: `traded`, 1 on days with a trade and NaN on others, and
`wanted`, 1 at the bars whose value is asked for and 0 at the others.
"""


def nearest(name: str, names: Iterable[str]) -> str:
    """Hint for a misspelt name, empty if nothing is near."""
    by_lower = {other.lower(): other for other in names}
    found = difflib.get_close_matches(name.lower(), list(by_lower), n=1, cutoff=0.5)
    return f"; the nearest name is {by_lower[found[0]]!r}" if found else ""


@dataclass
class Registry:
    """Factors by name; iterates over the factors, not the shared steps."""

    _nodes: dict[str, Factor] = field(default_factory=dict)
    _substitutes: dict[str, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Factor]:
        return (node for node in self._nodes.values() if not node.step)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self._nodes and not self._nodes[str(name)].step

    def __getitem__(self, name: str) -> Factor:
        """Find a factor by its exact name.

        Raises
        ------
        KeyError
            With the nearest name.
        """
        if name not in self:
            raise KeyError(f"No factor is called {name!r}{nearest(name, self.names())}.")
        return self._nodes[name]

    def node(self, name: str) -> Factor | None:
        """Factor or shared step of this name, or standing for this line; None if there is none."""
        return self._nodes.get(name) or self._nodes.get(self._substitutes.get(name, ""))

    @property
    def nodes(self) -> Mapping[str, Factor]:
        """Factors and shared steps by name, in order of registration; read-only."""
        return MappingProxyType(self._nodes)

    def names(self, family: str | None = None) -> tuple[str, ...]:
        """Names of the factors, in order of registration, of all families or of one."""
        return tuple(f.name for f in self if family is None or f.family == family)

    def families(self) -> tuple[str, ...]:
        """Families, in order of first registration."""
        return tuple(dict.fromkeys(f.family for f in self))

    def add(self, factor: Factor, *, replace: bool = False) -> None:
        """Register a factor whose inputs are known already.

        Raises
        ------
        ValueError
            If the name is taken, or an input is neither a line nor a registered factor.
        """
        if factor.name in self._nodes and not replace:
            raise ValueError(
                f"A factor called {factor.name!r} is registered already; choose another name, or "
                "pass replace=True to put this one in its place."
            )
        if factor.name in LINES:
            raise ValueError(f"A factor cannot be called {factor.name!r}: that is a line.")
        for name in factor.needs:
            node = self._nodes.get(name)
            if node is None and name not in LINES and name not in factor.extra_lines:
                known = [*LINES, *self._nodes]
                raise ValueError(
                    f"Factor {factor.name!r} needs {name!r}, which is neither a line nor a "
                    f"registered factor{nearest(name, known)}. A line of your own data must be "
                    f"declared: @factor(..., lines=({name!r},))."
                )
            if node is not None and not node.step and node.clock != factor.clock:
                raise ValueError(
                    f"Factor {factor.name!r} runs on the {factor.clock} clock and cannot use "
                    f"{name!r}, which runs on the {node.clock} clock; declare "
                    f"clock={node.clock!r}."
                )
            if node is not None and "wanted" in node.needs and factor.own_lookback != 1:
                raise ValueError(
                    f"Factor {factor.name!r} looks back on {name!r}, which is computed only at the "
                    "bars wanted; its look-back on its inputs must be 1."
                )
        self._nodes[factor.name] = factor
        if factor.stands_for is not None:
            self._substitutes[factor.stands_for] = factor.name

    def remove(self, name: str) -> None:
        """Forget a factor, or a shared step.

        Raises
        ------
        KeyError
            If there is none of this name; with the nearest name.
        """
        if name not in self._nodes:
            raise KeyError(f"No factor is called {name!r}{nearest(name, self.names())}.")
        del self._nodes[name]
        for line in [line for line, other in self._substitutes.items() if other == name]:
            del self._substitutes[line]

    def snapshot(self) -> Registry:
        """Keep the present state, to be restored: a registry of its own with the same factors."""
        return Registry(dict(self._nodes), dict(self._substitutes))

    def restore(self, state: Registry) -> None:
        """Go back to a state that `snapshot` gave; what was registered since is forgotten.

        Examples
        --------
        >>> from attngru_bt.factors import factor, registry
        >>> before = registry.snapshot()
        >>> @factor("mine")
        ... def Half(close):
        ...     return close / 2
        >>> registry.restore(before)
        >>> "Half" in registry
        False
        """
        kept = state.snapshot()
        self._nodes, self._substitutes = kept._nodes, kept._substitutes

    def missing(self, factor: Factor, lines: Iterable[str]) -> tuple[str, ...]:
        """Lines a factor needs, itself or through its inputs, that are not among `lines`."""
        have = set(lines)
        found: dict[str, None] = {}
        self._missing(factor, have, found)
        return tuple(found)

    def _missing(self, factor: Factor, have: set[str], found: dict[str, None]) -> None:
        for name in factor.inputs:
            node = self.node(name)
            if name in have:
                continue
            if node is None or (name in LINES and self.missing(node, have)):
                found[name] = None
            else:
                self._missing(node, have, found)

    def compose(
        self, needs: Iterable[str], own_lookback: int | None, own_history: int, memory: str
    ) -> tuple[int | None, int, str]:
        """Look-back, history and memory of a factor together with what goes into it."""
        lookback: int | None = own_lookback
        history, rank = own_history, MEMORIES.index(memory)
        reach, begin = 1, 1
        for name in needs:
            node = self.node(name)
            if node is None:
                continue
            begin = max(begin, node.history)
            rank = max(rank, MEMORIES.index(node.memory))
            if node.lookback is not None:
                reach = max(reach, node.lookback)
        if MEMORIES[rank] == "cumulative":
            lookback = None
        elif lookback is not None:
            lookback += reach - 1
        return lookback, history + begin - 1, MEMORIES[rank]


registry = Registry()
"""The factors of this library and those that scripts add."""


def _resolve(bars: Span | None, windows: Mapping[str, float], otherwise: int) -> int:
    if bars is None:
        return otherwise
    if not callable(bars):
        return int(bars)
    names = inspect.signature(bars).parameters
    return int(bars(**{name: windows[name] for name in names if name in windows}))


def factor(
    family: str,
    *,
    lookback: Span | None = None,
    history: Span | None = None,
    memory: str = "finite",
    degree: int = 0,
    volume_degree: int = 0,
    amount_degree: int = 0,
    clock: str = "traded",
    windows: Mapping[str, int | Mapping[str, float]] | None = None,
    lines: Sequence[str] = (),
    default: bool = True,
    step: bool = False,
    stands_for: str | None = None,
    replace: bool = False,
    into: Registry | None = None,
) -> Callable[[Function], Function]:
    """Register a function as a factor; the function itself is returned unchanged.

    Parameters
    ----------
    family : str
        "momentum", "technical", "trading", "sentiment", "value" or one of your own.
    lookback : int or function of the windows, optional
        Bars of its *direct* inputs, the current one included, that fix its value; those that
        the inputs need are added. Default: the largest window.
    history : int or function of the windows, optional
        Bars of its direct inputs before there is a value. Default: the look-back; with
        exponential memory the largest window.
    memory : {"finite", "ema", "cumulative"}, default="finite"
        "cumulative" looks back for ever; such factors are off by default.
    degree, volume_degree, amount_degree : int, default=0
        How the value scales with prices, volume and traded amount. What a model gets is divided
        by the close (the usual volume, the usual amount) to these powers.
    clock : {"traded", "calendar"}, default="traded"
        "traded": days without a trade do not exist. "calendar": every session, the close carried
        forward over suspensions, other lines NaN there.
    windows : mapping, optional
        Registers one function under several names: `{"MA5": 5, "MA10": 10}` sets the parameter
        `n`; a mapping sets several. Default: one factor named as the function.
    lines : sequence of str
        Lines of the user's own data that the function takes.
    default : bool, default=True
        Whether a model gets it unless told otherwise.
    step : bool, default=False
        Register a shared intermediate result, not a factor.
    stands_for : str, optional
        Line that this step replaces in bars that lack it.
    replace : bool, default=False
        Put it in the place of a factor of the same name.
    into : Registry, optional
        Default: the library's.

    Raises
    ------
    ValueError
        If the name is taken, an input is unknown, or an option has an unknown value.

    Examples
    --------
    >>> from attngru_bt.factors import factor, ops
    >>> @factor(family="mine", lookback=lambda n: n + 1)
    ... def Momentum15(close, n=15):
    ...     "Change of the close over 15 days."
    ...     return close / ops.lag(close, n) - 1
    """
    target = registry if into is None else into
    for option, value, allowed in (("memory", memory, MEMORIES), ("clock", clock, CLOCKS)):
        if value not in allowed:
            raise ValueError(f"`{option}` must be one of {', '.join(allowed)}; got {value!r}.")

    def register(function: Function) -> Function:
        parameters = inspect.signature(function).parameters
        named = windows if windows is not None else {function.__name__: {}}
        for name, given in named.items():
            values = dict(given) if isinstance(given, Mapping) else {"n": given}
            for option in values:
                if option not in parameters:
                    raise ValueError(
                        f"Factor {name!r} sets the window {option!r}, which "
                        f"{function.__name__} does not take{nearest(option, parameters)}."
                    )
            inputs, optional = [], []
            for key, parameter in parameters.items():
                if key in values:
                    continue
                if parameter.default is inspect.Parameter.empty:
                    inputs.append(key)
                elif parameter.default is None:
                    optional.append(key)
                else:
                    values[key] = parameter.default
            spans = [int(v) for v in values.values() if float(v).is_integer() and v >= 1]
            widest = max(spans, default=1)
            own_lookback = _resolve(lookback, values, widest)
            own_history = _resolve(history, values, own_lookback if memory == "finite" else widest)
            total, begin, kind = target.compose(
                (*inputs, *optional),
                None if memory == "cumulative" else own_lookback,
                own_history,
                memory,
            )
            target.add(
                Factor(
                    name, family, function, tuple(inputs), tuple(optional), values, total, begin,
                    kind, degree, volume_degree, amount_degree, clock,
                    default and kind != "cumulative", step, tuple(lines), stands_for,
                    None if memory == "cumulative" else own_lookback,
                ),
                replace=replace,
            )  # fmt: skip
        return function

    return register


def step(
    *,
    lookback: Span | None = None,
    history: Span | None = None,
    memory: str = "finite",
    stands_for: str | None = None,
    into: Registry | None = None,
) -> Callable[[Function], Function]:
    """Register an intermediate result that several factors share: computed once, not a factor.

    The parameters are those of `factor`. A step runs on the clock of the factor that uses it.
    """
    return factor(
        "step", lookback=lookback, history=history, memory=memory, stands_for=stands_for,
        step=True, into=into,
    )  # fmt: skip
