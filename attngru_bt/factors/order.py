"""The order of computing: factors and the steps before them, and how many bars each one needs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from attngru_bt.factors.declaration import Factor
from attngru_bt.factors.registry import Registry

Order = tuple[list[Factor], Counter[str]]
"""All factors and steps, inputs first, and how often each name is read."""


def order_of(factors: Iterable[Factor], have: set[str], scaled: bool, source: Registry) -> Order:
    """Return all factors and steps to compute, inputs first, and how often each name is read."""
    order: list[Factor] = []
    uses: Counter[str] = Counter()
    seen: set[str] = set()

    def visit(name: str) -> None:
        uses[name] += 1
        node = None if name in have else source.node(name)
        if node is None or name in seen:
            return
        seen.add(name)
        append(node)

    def append(node: Factor) -> None:
        for name in node.inputs:
            visit(name)
        for name in node.optional:
            other = None if name in have else source.node(name)
            if name in have or (other is not None and not source.missing(other, have)):
                visit(name)
        order.append(node)

    factors = list(factors)
    if scaled:  # the units come first, because a factor is divided as soon as it is computed
        for factor in factors:
            for name, _ in factor.scales:
                visit(name)
    for factor in factors:
        if factor.name not in seen:
            seen.add(factor.name)
            append(factor)
        uses[factor.name] += 1
    return order, uses


def latest_needed(wanted: Sequence[Factor], order: Order) -> dict[str, int | None]:
    """Return how many of the latest bars of its inputs each factor or step needs (None: all).

    That is for a value at the last bar alone. An exponential mean takes all bars that there are, so
    that its bits stay the same, and so does what is not of this library, whose look-back may be
    declared too short.
    """
    needed: dict[str, int | None] = {}
    bars: dict[str, int | None] = {factor.name: 1 for factor in wanted}  # of its own values
    for node in reversed(order[0]):
        own = node.own_lookback if node.memory == "finite" and _is_ours(node) else None
        of_node = bars.get(node.stands_for or node.name, 1)
        latest = None if own is None or of_node is None else of_node + own - 1
        needed[node.name] = latest
        for name in node.needs:
            so_far = bars.get(name, 1)
            bars[name] = None if latest is None or so_far is None else max(latest, so_far)
    return needed


def _is_ours(node: Factor) -> bool:
    return node.function.__module__.startswith("attngru_bt.factors.library.")
