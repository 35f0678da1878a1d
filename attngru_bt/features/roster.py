"""The roster: which stocks may be held at a date, and which are trained on beside them."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
from numpy.typing import NDArray

from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.codes import other_spellings
from attngru_bt.data.membership import Universe
from attngru_bt.features.exposures import SIZES
from attngru_bt.features.labels import FloatArray

logger = logging.getLogger(__name__)

MIN_SESSIONS = 60  # a stock is trained on from its 60th session on: the first are like no others

Mask = NDArray[np.bool_]


class Roster:
    """Which stocks a cross-section is made of, by what is known at its date.

    Parameters
    ----------
    universe : object with ``at(date)`` or None
        Who may be held; None: every asset.
    train_on : object with ``at(date)``, "all" or "members"
        Which stocks beside the universe are trained on; "all" is every stock that has had
        `MIN_SESSIONS` bars.
    """

    def __init__(self, universe: Universe | None, train_on: Universe | str) -> None:
        self.universe = universe
        self.train_on = train_on
        self._told = False
        # of each universe the names that the bars spell otherwise
        self._spelled: dict[int, tuple[tuple[str, ...], dict[str, str]]] = {}

    def members(self, bars: Bars, end: int, fed: frozenset[str] | None = None) -> Mask:
        """Which assets may be held at a date: of those that are `fed`, if others are not."""
        members = fed if self.universe is None else self._at(self.universe, bars, end)
        if members is None:
            return np.ones(len(bars.assets), dtype=bool)
        if fed is not None:
            members = members & fed
        return np.array([asset in members for asset in bars.assets], dtype=bool)

    def trained_on(self, bars: Bars, end: int) -> Mask:
        """Which assets are trained on at a date, whether they may be held or not."""
        if self.train_on == "members":
            return np.zeros(len(bars.assets), dtype=bool)
        if self.train_on == "all":
            return np.asarray(bars.ages[end] >= MIN_SESSIONS)
        names = self._at(self.train_on, bars, end)
        return np.array([asset in names for asset in bars.assets], dtype=bool)

    def _at(self, universe: Any, bars: Bars, end: int) -> frozenset[str]:
        """Return the names of a universe at a date, spelled as the bars spell them."""
        names: frozenset[str] = universe.at(bars.dates[end])
        if not hasattr(universe, "symbols"):
            return names
        assets, ours = self._spelled.get(id(universe), ((), {}))
        if assets != bars.assets:
            ours = other_spellings(universe.symbols, bars.assets, "The universe")
            self._spelled[id(universe)] = bars.assets, ours
        return frozenset(ours.get(name, name) for name in names) if ours else names

    def line(self, parameter: str, name: str | None, bars: Bars, end: int) -> FloatArray | None:
        """Return the line that a parameter names, at a date; None if it names none.

        "size" is the market value; "auto" as well, where more than the members are trained on and
        the data have it.

        Raises
        ------
        DataError
            If the data lack the line.
        """
        if name is None or (name == "auto" and self.train_on == "members"):
            return None
        lines = SIZES if name in ("size", "auto") else (name,)
        for line in lines:
            if line in bars.lines:
                return bars[line][end]
        if name != "auto":
            raise DataError(
                f"`{parameter}={name!r}` needs the line {' or '.join(lines)}; the data have "
                f"{', '.join(sorted(bars.lines))}."
            )
        if not self._told:
            logger.warning(
                "The data have no %s, so that returns are ranked among stocks of all sizes and all "
                "rows count alike. Scores were clearly worse that way (docs/signal.md).",
                " or ".join(SIZES),
            )
        self._told = True
        return None
