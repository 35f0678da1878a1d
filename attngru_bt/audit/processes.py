"""Processes of their own in which the user's code computes the past, if it can be sent there."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import TypeVar

from attngru_bt.audit.fresh import CannotTravel, Fresh, is_ours
from attngru_bt.audit.rerun import Rerun

T = TypeVar("T")

APART = "; your own code saw the bars that end in a process of its own"
HERE = "; all in this process, so what your code keeps from one call to the next could hide"


class Processes:
    """One process for the factors and one for the whole run, begun before anything is computed.

    Code of this package needs none: its tests hold that it keeps nothing from one call to the next.

    Parameters
    ----------
    stack : ExitStack
        Ends the processes when it is closed.
    rerun : Rerun
    for_factors, for_run : bool
        Whether a process is needed.

    Attributes
    ----------
    factors, run : Fresh or None
    note : str
        What the summaries of the checks add about the processes.
    """

    def __init__(self, stack: ExitStack, rerun: Rerun, *, for_factors: bool, for_run: bool) -> None:
        self.factors: Fresh | None = None
        self.run: Fresh | None = None
        self.note = ""
        try:
            if for_factors:
                self.factors = stack.enter_context(Fresh())
            if for_run:
                classes = [] if is_ours(rerun.strategy) else [rerun.strategy]
                self.run = stack.enter_context(Fresh(rerun, classes))
        except CannotTravel as error:
            self._do_without(error)
        if self.factors is not None or self.run is not None:
            self.note = APART

    def attempt(self, make: Callable[[], T]) -> T:
        """Call `make`; if code turns out not to travel, call it again without the processes."""
        try:
            return make()
        except CannotTravel as error:
            self._do_without(error)
            return make()

    def _do_without(self, error: CannotTravel) -> None:
        """Go on in this process, and note why."""
        self.factors = self.run = None
        self.note = f"{HERE} ({error})"
