"""How much longer a run will take, judged by the fits that it has made itself."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

_LEAST_FITS, _ENOUGH_FITS = 3, 20
_SAME_BATCH = 0.05  # seconds; results closer together were computed together


@dataclass(frozen=True)
class _Mark:
    """The state of the run at a moment."""

    time: float
    done: int
    fits: int
    work: float  # seconds that the fits took by themselves


@dataclass
class _Kind:
    """What is known of the fits of one model."""

    of: int  # how many there are in all
    done: int = 0
    timed: int = 0
    seconds: float = 0.0  # of those that were timed

    def left(self) -> float:
        """Return the seconds that the rest takes by itself; infinite if no fit was timed."""
        if self.done >= self.of:
            return 0.0
        return (self.of - self.done) * self.seconds / self.timed if self.timed else math.inf


class TimeLeft:
    """Estimate the time that is left, or say nothing as long as nothing can be said.

    An estimate takes at least three fits, a tenth of the work or twenty fits, and one fit of each
    model, since those of a network may take a hundred times as long as those of a ridge. It leaves
    out what says nothing about the fits to come:

    - what an earlier run has left on disk, and months without a fit before the first one;
    - the first fits, since starting processes and computing factors came before them;
    - an unfinished batch. Networks that are trained side by side are reported one right after the
      other, and only between two batches is it known how long one takes.
    """

    def __init__(self) -> None:
        self._done = self._fits = 0
        self._work = 0.0
        self._kinds: dict[str, _Kind] = {}
        self._marks: list[_Mark] = []  # the end of each batch; the last one may go on

    def update(
        self,
        done: int,
        total: int,
        *,
        fitted: bool,
        computed: bool,
        kind: str = "",
        of: int | None = None,
        seconds: float = 1.0,
    ) -> float | None:
        """Take note of a month or fit.

        Parameters
        ----------
        done, total : int
            Months or fits so far, this one included, and in all.
        fitted : bool
            Whether a model was fitted for it.
        computed : bool
            Whether it took this run any time: not if it was found on disk.
        kind : str, default ""
            The model, whose fits are taken to be alike.
        of : int, default None
            How many months or fits of that kind there are in all; None: `total`.
        seconds : float, default 1.0
            What it took by itself, while others ran beside it.

        Returns
        -------
        float or None
            Seconds; None: not known.
        """
        if self._done >= done:  # another run
            self._fits, self._kinds, self._marks = 0, {}, []
        self._done = done
        fits = self._kinds.setdefault(kind, _Kind(of or total))
        fits.done += 1
        if not computed or not (fitted or self._fits):
            self._fits, self._marks = 0, []
            return None
        fits.timed += 1
        fits.seconds += seconds
        self._fits += fitted
        self._work += seconds
        mark = _Mark(time.monotonic(), done, self._fits, self._work)
        if self._marks and mark.time - self._marks[-1].time < _SAME_BATCH:
            self._marks.pop()
        self._marks.append(mark)
        if len(self._marks) < 3:
            return None
        first, last = self._marks[0], self._marks[-2]
        n_fits, tenth = last.fits - first.fits, (total - first.done) / 10
        if n_fits < _LEAST_FITS or (n_fits < _ENOUGH_FITS and last.done - first.done < tenth):
            return None
        left = sum(known.left() for known in self._kinds.values())
        all_known = sum(known.of for known in self._kinds.values()) >= total and left < math.inf
        if not all_known or last.work == first.work:
            return None
        return (last.time - first.time) / (last.work - first.work) * left


def duration(seconds: float) -> str:
    """Say a duration in the unit in which a person would."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
