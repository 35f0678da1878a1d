"""How much longer a run will take, judged by the fits that it has made itself."""

from __future__ import annotations

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


class TimeLeft:
    """Estimate the time that is left, or say nothing as long as nothing can be said.

    An estimate takes at least three fits, and a tenth of the work or twenty fits. It leaves out
    what says nothing about the fits to come:

    - what an earlier run has left on disk, and months without a fit before the first one;
    - the first fits, since starting processes and computing factors came before them;
    - an unfinished batch. Networks that are trained side by side are reported one right after the
      other, and only between two batches is it known how long one takes.
    """

    def __init__(self) -> None:
        self._fits = 0
        self._marks: list[_Mark] = []  # the end of each batch; the last one may go on

    def update(self, done: int, total: int, *, fitted: bool, computed: bool) -> float | None:
        """Take note of a month or fit.

        Parameters
        ----------
        done, total : int
            Months or fits so far, this one included, and in all.
        fitted : bool
            Whether a model was fitted for it.
        computed : bool
            Whether it took this run any time: not if it was found on disk.

        Returns
        -------
        float or None
            Seconds; None: not known.
        """
        if self._marks and done <= self._marks[-1].done:  # another run
            self._fits, self._marks = 0, []
        if not computed or not (fitted or self._fits):
            self._fits, self._marks = 0, []
            return None
        self._fits += fitted
        mark = _Mark(time.monotonic(), done, self._fits)
        if self._marks and mark.time - self._marks[-1].time < _SAME_BATCH:
            self._marks.pop()
        self._marks.append(mark)
        if len(self._marks) < 3:
            return None
        first, last = self._marks[0], self._marks[-2]
        fits, tenth = last.fits - first.fits, (total - first.done) / 10
        if fits < _LEAST_FITS or (fits < _ENOUGH_FITS and last.done - first.done < tenth):
            return None
        return (last.time - first.time) / (last.done - first.done) * (total - done)


def duration(seconds: float) -> str:
    """Say a duration in the unit in which a person would."""
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
