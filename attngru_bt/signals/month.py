"""One month-end of a walk-forward, computed or taken from what is on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attngru_bt.samples import CrossSection
from attngru_bt.signals.checkpoint import Checkpoints
from attngru_bt.signals.fit import Fit, fit, score
from attngru_bt.signals.record import MonthRecord

if TYPE_CHECKING:
    from attngru_bt.signals.generator import SignalGenerator


def take_month(
    settings: SignalGenerator,
    sections: Sequence[CrossSection],
    fitted: Fit | None,
    *,
    checkpoints: Checkpoints | None = None,
    state: Callable[[], str] | None = None,
) -> tuple[MonthRecord, Fit]:
    """Score the last of `sections`, with a model fitted now or earlier.

    Parameters
    ----------
    settings : SignalGenerator
        Only its parameters are read.
    sections : sequence of CrossSection
        All month-ends so far.
    fitted : Fit or None
        The model in use; None: a new one is due.
    checkpoints : Checkpoints, optional
        Where finished months are looked up and stored.
    state : callable, needed with `checkpoints`
        Digest of what is known at the month-end.

    Returns
    -------
    (MonthRecord, Fit)
        The record, and the model in use from now on.
    """
    section, path = sections[-1], None
    if checkpoints is not None and state is not None:
        fitted_at = section.date if fitted is None else fitted.month_end
        path = checkpoints.path(settings, section.date, state(), fitted_at)
        found = checkpoints.load(path)
        if found is not None:
            record, stored = found
            now = stored if fitted is None else fitted
            if now is not None:
                return record, now
    now = fit(settings, sections) if fitted is None else fitted
    record = score(now, section)
    if checkpoints is not None and path is not None:
        checkpoints.save(path, record, now if record.refit else None)
    return record, now
