"""The walk of a blend: the walks of its members, and the mean of their ranks."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.data.bars import Bars
from attngru_bt.features.cross_section import CrossSection
from attngru_bt.features.exposures import asked, neutral
from attngru_bt.features.labels import rank_targets
from attngru_bt.features.panel import Panel
from attngru_bt.walkforward.record import MonthRecord, no_scores, outcomes
from attngru_bt.walkforward.shuffled import blended_shuffles, neutral_shuffles
from attngru_bt.walkforward.walk import Walk


class BlendWalk(Walk):
    """The scores of a blend at each month-end, out of sample, and the walks of its members.

    Parameters
    ----------
    members : mapping of str to Walk
        The walks of the members, by name; recipes with the same cross-sections share a panel.
    shares : mapping of str to float
        Share of each member in the mean; they sum to 1.
    title : str
        Title of the blend in reports.
    neutralize, neutral_share
        What the mean is made neutral to; see `Recipe`.
    model, seed
        See `Walk`.
    """

    def __init__(
        self,
        members: Mapping[str, Walk],
        shares: Mapping[str, float],
        *,
        title: str,
        neutralize: Sequence[str] = (),
        neutral_share: float = 1.0,
        model: str = "",
        seed: int = 0,
    ) -> None:
        # outcomes are those of the first member with cross-sections of its own
        fitted = [walk for walk in members.values() if walk.recipe is not None]
        first = (fitted or list(members.values()))[0]
        super().__init__(None, first.panel, model=model, seed=seed, topk=first.topk)
        self.members = dict(members)
        self.shares = dict(shares)
        self.title = title
        self.neutralize = neutralize
        self.neutral_share = neutral_share

    @property
    def parameters(self) -> dict[str, dict[str, Any]]:
        """The share and the parameters of each member, for reports."""
        parameters = {}
        for name, walk in self.members.items():
            model = walk.recipe or walk.signal
            settings = model.get_params(deep=False) if hasattr(model, "get_params") else {}
            parameters[name] = {"share": self.shares[name], **settings}
        return parameters

    def step(self, bars: Bars) -> MonthRecord:
        """Take one month-end: extend the panels, let each member score, and blend.

        Parameters
        ----------
        bars : Bars
            See `Walk.step`.
        """
        began = time.perf_counter()
        for panel in self._panels():
            panel.extend(bars)
        record = self.mix([walk.take(bars) for walk in self.members.values()])
        record.score_seconds = max(time.perf_counter() - began - record.fit_seconds, 0.0)
        return record

    def mix(self, records: Sequence[MonthRecord]) -> MonthRecord:
        """Blend the members' records of a month-end, and keep the result."""
        record = blended(records, [self.shares[name] for name in self.members])
        if self.neutralize and len(record.scores):
            measured = self._exposures(record.month_end).reindex(record.scores.index)
            wanted = asked(self.neutralize, {str(name): measured[name] for name in measured})
            record.shuffled = neutral_shuffles(
                record.shuffled, record.scores, wanted, self.neutral_share
            )
            record.scores = neutral(record.scores, wanted, self.neutral_share)
        self.keep(len(self.records), record)
        return record

    def finish(self) -> None:
        """Blend all months of the members, which have walked the same ones."""
        for records in zip(*(walk.records for walk in self.members.values()), strict=True):
            self.mix(records)

    def labels(self) -> pd.DataFrame:
        """Return the scores beside what came of them; see `Walk.labels`."""
        panels = self._panels()
        if len(panels) == 1:
            return super().labels()
        months = [self._sections(record.month_end) for record in self.records]
        return outcomes(self.records, [_joined(sections) for sections in months], self.topk)

    def why_no_scores(self, last: dt.date | None = None) -> str:
        """Say why the month-ends asked for have no scores; see `ScoredMonths.why_no_scores`."""
        for name, walk in self.members.items():
            if not any(len(record.scores) for record in walk.records):
                why = walk.why_no_scores(last)
                return f"a blend scores where all of its members do, and of {name}: {why}"
        if not any(len(record.scores) for record in self.records):
            return "there is no month-end at which all members of the blend have scores."
        return super().why_no_scores(last)

    def _panels(self) -> list[Panel]:
        """Return the panels of the members, each once."""
        return list({id(walk.panel): walk.panel for walk in self.members.values()}.values())

    def _exposures(self, date: pd.Timestamp) -> pd.DataFrame:
        """Return the exposures of the stocks that may be held at a month-end, by asset."""
        held = [section.members() for section in self._sections(date)]
        parts = [pd.DataFrame(section.exposures, section.assets) for section in held]
        table = pd.concat(parts)
        return table[~table.index.duplicated()]

    def _sections(self, date: pd.Timestamp) -> list[CrossSection]:
        """Return the cross-sections of a month-end, one of each panel."""
        return [s for panel in self._panels() for s in reversed(panel.sections) if s.date == date]

    def __repr__(self) -> str:
        return f"{super().__repr__()[:-1]}, blend of {', '.join(self.members)}>"


def blended(records: Sequence[MonthRecord], shares: Sequence[float]) -> MonthRecord:
    """Return the record of a blend at a month-end, from those of its members.

    Its rows and months are the largest of the members', its seconds their sum.
    """
    fitted = [record for record in records if record.n_rows]  # baselines have no rows
    scores = mean_rank([record.scores for record in records], shares)
    return MonthRecord(
        month_end=records[0].month_end,
        scores=scores,
        shuffled=blended_shuffles(records, shares, scores.index) if len(scores) else {},
        n_rows=max((record.n_rows for record in fitted), default=0),
        n_months=max((record.n_months for record in fitted), default=0),
        refit=any(record.refit for record in fitted),
        fit_seconds=sum(record.fit_seconds for record in fitted),
        score_seconds=sum(record.score_seconds for record in records),
        factors=tuple(dict.fromkeys(name for record in fitted for name in record.factors)),
        found=bool(fitted) and all(record.found for record in fitted),
    )


def mean_rank(scores: Sequence[pd.Series], shares: Sequence[float]) -> pd.Series:
    """Return the weighted mean rank of each stock, from -1 (worst) to 1 (best).

    Parameters
    ----------
    scores : sequence of Series, index asset
        One per member. Stocks that it does not score get its middle rank; ties share their rank.
        If one is empty, so is the result.
    shares : sequence of float
        Weight of each; they sum to 1.
    """
    scores = [of_member.dropna() for of_member in scores]
    if any(of_member.empty for of_member in scores):
        return no_scores()
    names = sorted(set().union(*(of_member.index for of_member in scores)))
    mean = pd.Series(0.0, index=pd.Index(names, name="asset"), name="score")
    for of_member, share in zip(scores, shares, strict=True):
        ranks = pd.Series(rank_targets(of_member.to_numpy(dtype=float)), index=of_member.index)
        mean += share * ranks.reindex(mean.index).fillna(0.0)
    return mean


def _joined(sections: Iterable[CrossSection]) -> CrossSection:
    """Join cross-sections of one month-end: all stocks that may be held, without factors."""
    outcomes: dict[str, tuple[float, float]] = {}
    for section in sections:
        held = section.members()
        returns = np.full(len(held), np.nan) if held.returns is None else held.returns
        for name, close, outcome in zip(held.assets, held.close, returns, strict=True):
            outcomes.setdefault(name, (close, outcome))
    names = sorted(outcomes)
    numbers = np.array([outcomes[name] for name in names]).reshape(-1, 2)
    return CrossSection(
        date=section.date,
        assets=tuple(names),
        columns=(),
        values=np.empty((len(names), 0, 0), dtype=np.float32),
        close=numbers[:, 0],
        returns=None if section.returns is None else numbers[:, 1],
    )
