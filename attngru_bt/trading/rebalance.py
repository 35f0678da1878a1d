"""The rebalance: from ranked scores to who stays, who leaves and who enters."""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import pandas as pd

from attngru_bt.trading.groups import GroupCap


@dataclass(frozen=True)
class Rebalance:
    """What a rebalance does, names in rank order.

    Attributes
    ----------
    stayers : tuple of str
        Held and still among the best: left alone.
    exits : tuple of str
        Held, no longer among the best, and sold.
    stuck : tuple of str
        Held and no longer among the best, but not to be sold today: they keep their slots.
    entrants : tuple of str
        Bought; they share the cash, each its weight.
    passed : tuple of str
        Passed over, since they cannot be bought today.
    capped : tuple of str
        Passed over, since their group is full.
    slots : int
        Free slots that share the cash; more than entrants if too few names can be bought.
    """

    stayers: tuple[str, ...]
    exits: tuple[str, ...]
    stuck: tuple[str, ...]
    entrants: tuple[str, ...]
    passed: tuple[str, ...]
    slots: int
    capped: tuple[str, ...] = ()

    def names(self) -> dict[str, tuple[str, ...]]:
        """Return the six groups of names, by what is done with them."""
        groups = ("exits", "entrants", "stayers", "stuck", "passed", "capped")
        return {group: getattr(self, group) for group in groups}


def rank(scores: pd.Series) -> list[str]:
    """Return names from best to worst score, ties in the order of names, without missing scores."""
    named = zip(scores.index, scores.to_numpy(dtype=float), strict=True)
    return [name for _, name in sorted((-score, name) for name, score in named if score == score)]


def decide(
    ranked: Sequence[str],
    held: AbstractSet[str],
    tradable: AbstractSet[str],
    topk: int,
    *,
    substitute: bool = True,
    sellable: AbstractSet[str] | None = None,
    keep: int | None = None,
    cap: GroupCap | None = None,
) -> Rebalance:
    """Decide who stays, leaves and enters.

    Parameters
    ----------
    ranked : sequence of str
        Names from best to worst.
    held : set of str
        Names with a position that count as a slot.
    tradable : set of str
        Names that can be bought today.
    topk : int
        How many names to hold.
    substitute : bool, default True
        Replace a name that cannot be bought by the next in rank; False: its share stays in cash.
    sellable : set of str, default None
        Names that can be sold today; None: those that can be bought.
    keep : int, default None
        A held name stays while its rank is at most this; None: while it is among the `topk` best.
    cap : GroupCap, default None
        How many names of one group may be held. A name whose group is full is passed over, and of
        held names beyond it the last in rank leave.
    """
    sellable = tradable if sellable is None else sellable
    stayers: list[str] = []
    for name in ranked[: max(topk, keep or 0)]:
        if name in held and len(stayers) < topk and _has_room(cap, name, stayers):
            stayers.append(name)
    stuck = sorted(name for name in held if name not in stayers and name not in sellable)
    slots = max(topk - len(stayers) - len(stuck), 0)
    entrants: list[str] = []
    passed: list[str] = []
    capped: list[str] = []
    for position, name in enumerate(ranked):
        taken = len(entrants) + (0 if substitute else len(passed))
        if taken >= slots or (position >= topk + len(capped) and not substitute):
            break
        if name in stayers or name in stuck:
            continue
        if not _has_room(cap, name, [*stayers, *stuck, *entrants]):
            if name not in held:
                capped.append(name)
        elif name in held:
            # a substitute that is held already
            if position >= topk and name in sellable:
                stayers.append(name)
                slots -= 1
        elif name in tradable:
            entrants.append(name)
        else:
            passed.append(name)
    leaving = held - set(stayers) - set(stuck)
    return Rebalance(
        stayers=tuple(stayers),
        exits=tuple(sorted(leaving)),
        stuck=tuple(stuck),
        entrants=tuple(entrants),
        passed=tuple(passed),
        slots=slots,
        capped=tuple(capped),
    )


def _has_room(cap: GroupCap | None, name: str, held: Sequence[str]) -> bool:
    return cap is None or cap.has_room(name, held)
