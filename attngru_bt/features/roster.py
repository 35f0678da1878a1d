"""The roster: which stocks may be held at a date, and which are trained on beside them."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from attngru_bt import checks
from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.beside import Beside
from attngru_bt.data.codes import other_spellings
from attngru_bt.data.market import Market, load
from attngru_bt.data.membership import Universe, names_at
from attngru_bt.features.exposures import SIZES
from attngru_bt.features.labels import FloatArray

logger = logging.getLogger(__name__)

RULES = ("members", "all")  # of whom to train on
MIN_SESSIONS = 60  # a stock is trained on from its 60th session on: the first are like no others

Mask = NDArray[np.bool_]
RowWeights = Callable[[Sequence[str], Bars], Any]
"""Names of the members and the bars known → a weight by name."""


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
        names = names_at(universe, bars.dates[end])
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
                f"{', '.join(sorted(bars.lines))}"
                f"{checks.nearest(name, ['size', 'members', *bars.lines])}"
            )
        if not self._told:
            logger.warning(
                "The data have no %s, so that returns are ranked among stocks of all sizes and all "
                "rows count alike. Scores were clearly worse that way (docs/signal.md).",
                " or ".join(SIZES),
            )
        self._told = True
        return None


def given_weights(
    function: RowWeights, members: Sequence[str], bars: Bars, assets: Sequence[str]
) -> FloatArray:
    """Return the weights that a user's function gives the rows of a date.

    Parameters
    ----------
    function : callable
    members : sequence of str
        Who may be held at the date; none where the bars of a market beside the feeds begin earlier.
    bars : Bars
        Known at the date.
    assets : sequence of str
        The stocks of the rows.

    Raises
    ------
    TypeError, ValueError
        If a stock gets no weight, or one that is no number of at least 0.
    """
    called = getattr(function, "__name__", type(function).__name__)
    where = f"`row_weights`: {called} at {bars.dates[-1].date()}"
    given = checks.weights_by_name(where, function(list(members), bars))
    for name in assets:
        if name not in given:
            raise ValueError(f"{where} gave no weight to {name!r}; give 0 to leave it out.")
        checks.number(f"row_weights of {name} at {bars.dates[-1].date()}", given[name], at_least=0)
    return np.array([given[name] for name in assets], dtype=np.float64)


def is_market(train_on: Any) -> TypeGuard[Market | os.PathLike[str] | str]:
    """Whether a `train_on` is a market beside the feeds, or the path of one."""
    return isinstance(train_on, (Market, str, os.PathLike)) and train_on not in RULES


def check_train_on(train_on: Any) -> None:
    """Raise ValueError or TypeError for what does not say whom to train on."""
    if isinstance(train_on, (str, os.PathLike)):
        if train_on not in RULES and not Path(train_on).exists():
            raise ValueError(
                f"`train_on` must be 'members', 'all', a universe, a Market or its file or "
                f"folder; there is no file {train_on}{checks.nearest(train_on, RULES)}"
            )
    elif not isinstance(train_on, Market):
        checks.universe("train_on", train_on)


def beside_of(train_on: Any) -> Beside | None:
    """Return the market of a `train_on`, read if it is a path; None where it is none."""
    if is_market(train_on) and isinstance(train_on, (str, os.PathLike)):
        train_on = load(Path(train_on))
    return Beside(train_on) if isinstance(train_on, Market) else None
