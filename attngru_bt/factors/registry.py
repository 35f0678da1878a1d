"""The registry: factors by name, and the graph of their inputs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from types import MappingProxyType

from attngru_bt.checks import nearest
from attngru_bt.factors.declaration import MEMORIES, Factor

LINES = (
    "open", "high", "low", "close", "preclose", "volume", "amount", "turnover", "market_cap",
    "float_cap", "pe", "pb", "ps", "pcf", "adjfactor", "dividend_yield", "traded", "benchmark",
    "benchmark_open", "st", "delisting", "industry", "sector", "wanted",
)  # fmt: skip
"""Lines that a factor may use without declaring them. Any other line of the bars is a factor.

`st` and `delisting` mark special treatment and the delisting period, for the rules of a market;
`industry` and `sector` are codes of groups, by which the names held may be limited.
Two lines are not in the bars but made during the computation: `traded` is 1 on days with a trade
and NaN on others; `wanted` is 1 at the bars whose values are asked for and 0 at the others.
"""


@dataclass
class Registry:
    """Factors and shared steps by name; iteration gives the factors only."""

    _nodes: dict[str, Factor] = field(default_factory=dict)
    _substitutes: dict[str, str] = field(default_factory=dict)

    def __iter__(self) -> Iterator[Factor]:
        return (node for node in self._nodes.values() if not node.step)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return name in self._nodes and not self._nodes[str(name)].step

    def __getitem__(self, name: str) -> Factor:
        """Return the factor of this name; a KeyError suggests the nearest."""
        if name not in self:
            raise KeyError(f"No factor is called {name!r}{nearest(name, self.names())}")
        return self._nodes[name]

    def node(self, name: str) -> Factor | None:
        """Return the factor or step of this name, or the step for this line; else None."""
        return self._nodes.get(name) or self._nodes.get(self._substitutes.get(name, ""))

    @property
    def nodes(self) -> Mapping[str, Factor]:
        """Factors and shared steps by name, in the order of registration; read-only."""
        return MappingProxyType(self._nodes)

    def names(self, family: str | None = None) -> tuple[str, ...]:
        """Return the names of all factors or of one family, in the order of registration."""
        return tuple(f.name for f in self if family is None or f.family == family)

    def families(self) -> tuple[str, ...]:
        """Return the families, in the order of their first registration."""
        return tuple(dict.fromkeys(f.family for f in self))

    def add(self, factor: Factor, *, replace: bool = False) -> None:
        """Register a factor; its inputs must be lines, or be registered already.

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
                raise ValueError(
                    f"Factor {factor.name!r} needs {name!r}, which is neither a line nor a "
                    f"registered factor{nearest(name, [*LINES, *self._nodes])} A line of your own "
                    f"data must be declared: @factor(..., lines=({name!r},))."
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
        """Remove a factor or a shared step; a KeyError suggests the nearest."""
        if name not in self._nodes:
            raise KeyError(f"No factor is called {name!r}{nearest(name, self.names())}")
        del self._nodes[name]
        self._substitutes = {k: v for k, v in self._substitutes.items() if v != name}

    def snapshot(self) -> Registry:
        """Return an independent registry with the same factors, for `restore`."""
        return Registry(dict(self._nodes), dict(self._substitutes))

    def restore(self, state: Registry) -> None:
        """Go back to the state of a `snapshot`; later registrations are lost.

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
        copy = state.snapshot()
        self._nodes, self._substitutes = copy._nodes, copy._substitutes

    def missing(self, factor: Factor, lines: Set[str]) -> tuple[str, ...]:
        """Return the lines that a factor needs, directly or through its inputs, beyond `lines`."""
        missing: dict[str, None] = {}
        for name in factor.inputs:
            if name in lines:
                continue
            node = self.node(name)
            through = () if node is None else self.missing(node, lines)
            # a line is named itself, even if a step could stand for it
            itself = node is None or (name in LINES and through)
            missing |= dict.fromkeys((name,) if itself else through)
        return tuple(missing)

    def compose(
        self, needs: Iterable[str], own_lookback: int | None, own_history: int, memory: str
    ) -> tuple[int | None, int, str]:
        """Return look-back, history and memory of a factor, its inputs included.

        Parameters
        ----------
        needs : iterable of str
            Names of the inputs; lines have a look-back and a history of 1.
        own_lookback, own_history, memory
            What the factor declares about its direct inputs.
        """
        nodes = [node for node in map(self.node, needs) if node is not None]
        rank = max(MEMORIES.index(kind) for kind in (memory, *(node.memory for node in nodes)))
        history = own_history + max((node.history for node in nodes), default=1) - 1
        lookback: int | None = None
        if own_lookback is not None and MEMORIES[rank] != "cumulative":
            longest = max((node.lookback or 1 for node in nodes), default=1)
            lookback = own_lookback + longest - 1
        return lookback, history, MEMORIES[rank]


registry = Registry()
"""The factors of this library and those that scripts add."""
