"""One month-end of a walk-forward, computed or taken from what is on disk."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from attngru_bt.features.cross_section import CrossSection
from attngru_bt.walkforward.checkpoint import Checkpoints
from attngru_bt.walkforward.fit import Fit, fit, score
from attngru_bt.walkforward.record import MonthRecord

if TYPE_CHECKING:
    from attngru_bt.walkforward.generator import SignalGenerator


def take_month(
    settings: SignalGenerator,
    sections: Sequence[CrossSection],
    fit_at: int,
    fitted: Fit | None,
    *,
    checkpoints: Checkpoints | None = None,
    state: Callable[[], str] | None = None,
) -> tuple[MonthRecord, Fit | None]:
    """Score the last of `sections` with the model fitted at one of them.

    Parameters
    ----------
    settings : SignalGenerator
        Only its parameters are read.
    sections : sequence of CrossSection
        All month-ends so far.
    fit_at : int
        Position of the month-end at which the model in use is fitted.
    fitted : Fit or None
        The model fitted there; None: not yet, it is fitted if it is needed.
    checkpoints : Checkpoints, optional
        Where finished months are looked up and stored.
    state : callable, needed with `checkpoints`
        Digest of what is known at the month-end.

    Returns
    -------
    (MonthRecord, Fit or None)
        The record, and the fitted model; None if the record was found and `fitted` is None.
    """
    section, path = sections[-1], None
    if checkpoints is not None and state is not None:
        path = checkpoints.path(settings, section.date, state(), sections[fit_at].date)
        record = checkpoints.load(path)
        if record is not None:
            return record, fitted
    if fitted is None:
        fitted = fit(settings, sections[: fit_at + 1])
    record = score(fitted, section)
    if checkpoints is not None and path is not None:
        checkpoints.save(path, record)
    return record, fitted
