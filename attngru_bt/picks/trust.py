"""How far to trust picks, by the walk that made their scores."""

from __future__ import annotations

import pandas as pd

from attngru_bt.evaluation.attribution import factor_shares, family_shares
from attngru_bt.picks.band import monthly_rank_ic, rank_ic_band
from attngru_bt.picks.contributions import blend_contributions, contributions
from attngru_bt.picks.drift import feature_drift
from attngru_bt.picks.picks import Picks
from attngru_bt.walkforward import BlendWalk, MonthRecord, Walk
from attngru_bt.walkforward.scored_months import ScoredMonths


def add_trust(picks: Picks, walk: ScoredMonths, explain: bool) -> None:
    """Add to picks how good the walk was, why each name, and how unusual the month is."""
    scored_months = [record for record in walk.records if len(record.scores)]
    picks.n_scored = len(scored_months)
    picks.n_found = sum(record.found for record in scored_months)
    picks.band = rank_ic_band(monthly_rank_ic(walk.labels()), walk.schedule.unit)
    record = next(r for r in scored_months if r.month_end == picks.month.end)
    picks.attention = _attention(record)
    if not explain or not isinstance(walk, Walk):
        return
    names = [name for name in picks.concerned["symbol"] if name in picks.scores.index]
    if isinstance(walk, BlendWalk):
        picks.contributions = blend_contributions(walk, record.month_end, names)
        fitted_members = [part for part in walk.members.values() if part.fit is not None]
        # the month is compared with others by the factors of the first member that is fitted
        walk = fitted_members[0] if fitted_members else walk
    fitted = walk.fit
    if fitted is None or walk.recipe is None:
        return
    dates = [section.date for section in walk.sections]
    section = walk.sections[dates.index(record.month_end)].members()
    if picks.contributions is None:
        picks.contributions = contributions(fitted, section, names)
    until_fit = walk.sections[: dates.index(fitted.month_end) + 1]
    scoring = next(r for r in walk.records if r.month_end == record.month_end)
    picks.drift = feature_drift(walk.recipe.training_months(until_fit), section, scoring.factors)


def _attention(record: MonthRecord) -> pd.DataFrame | None:
    """Return the share of the attention per family, and what it would be under even weights."""
    shares, even = factor_shares([record]), factor_shares([record], even=True)
    if shares.empty:
        return None
    return pd.DataFrame(
        {"share": family_shares(shares).iloc[0], "even": family_shares(even).iloc[0]}
    )
