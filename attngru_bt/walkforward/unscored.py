"""Why a walk-forward gave no score, with the number that was missing."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import numpy as np

from attngru_bt.features.cross_section import CrossSection
from attngru_bt.walkforward.recipe import Recipe


def why_no_month(
    first: dt.date,
    last: dt.date,
    begins: Sequence[dt.date],
    start: dt.date | None,
    unit: str = "month",
) -> str:
    """Say why no month-end was to be scored, as the rest of a sentence.

    Parameters
    ----------
    first, last : date
        The first and the last session.
    begins : sequence of date
        The first session of each month but the first.
    start : date or None
        No month-end was to be traded before it.
    unit : str, default "month"
        The unit of the schedule.
    """
    if not begins:
        return (
            f"the sessions from {first} to {last} lie in one {unit}, and a decision needs a {unit} "
            f"that has ended."
        )
    return (
        f"`start` is {start}, and the last {unit} in the data begins on {begins[-1]}: set an "
        f"earlier `start`."
    )


def why_no_scores(recipe: Recipe, sections: Sequence[CrossSection]) -> str:
    """Say why none of the month-ends could be scored, as the rest of a sentence.

    Parameters
    ----------
    recipe : Recipe
    sections : sequence of CrossSection
        All month-ends up to the last one that was to be scored, whose own outcome is not counted.
    """
    if not sections:
        return "no month has ended in the data."
    ends = f"{len(sections)} month-ends up to {sections[-1].date.date()}"
    if not any(len(section) for section in sections):
        return (
            f"at none of {ends} was there a stock to hold, which is a member of the universe with "
            f"a bar and a known factor."
        )
    labeled = recipe.training_months(sections)
    most = max(len(section) for section in sections)
    if labeled:  # a label needs a known return
        most = max(int((~np.isnan(s.labels(recipe.topk))).sum()) for s in labeled)
    if most <= recipe.topk:
        return (
            f"topk={recipe.topk} and at most {most} stocks at {ends} leave nothing to choose: "
            f"{f'set `topk` below {most}, or ' if most > 1 else ''}bring more stocks."
        )
    missing = recipe.n_sections(recipe.min_months) - len(labeled)
    if missing > 0:
        smaller = f", or set `min_months` to at most {len(labeled)}" if labeled else ""
        return (
            f"the data have {ends}, {len(labeled)} of them with a known outcome, and "
            f"min_months={recipe.min_months} are needed before the first model: bring "
            f"{missing} more months of data{smaller}."
        )
    return f"the model gave no score at {ends}."
