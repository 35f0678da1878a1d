"""Checks of what a monthly strategy is given, before anything is fitted or traded."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from attngru_bt import checks
from attngru_bt.data.bars import DataError


def check_parameters(params: Any) -> None:
    """Raise ValueError or TypeError for a parameter of `MonthlyTopK` out of range."""
    checks.whole_number("topk", params.topk)
    checks.whole_number("stale_days", params.stale_days)
    checks.fraction("reserve", params.reserve)
    checks.one_of("rebalance", params.rebalance, ["entrants", "full"])
    if params.lot < 0:
        raise ValueError(f"`lot` must be positive, or 0 for fractions; got {params.lot!r}.")
    checks.number("wait", params.wait, at_least=0)
    checks.universe("universe", params.universe)


def check_universe(universe: Any, names: Collection[str]) -> list[str]:
    """Refuse a universe none of whose members has a feed; return what else to warn of."""
    problems = universe.check(names) if hasattr(universe, "check") else []
    if problems and not set(getattr(universe, "symbols", names)) & set(names):
        raise DataError(problems[-1])
    return list(problems)
