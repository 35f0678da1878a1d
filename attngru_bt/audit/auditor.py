"""The audit: all checks on one market, in order."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import pandas as pd

from attngru_bt import checks
from attngru_bt.audit import (
    accuracy,
    adjustment,
    calibration,
    datedness,
    foresight,
    label_shift,
    members,
    replay,
    revisions,
    survivorship,
)
from attngru_bt.audit import factors as causality
from attngru_bt.audit.altered import cut_dates
from attngru_bt.audit.fresh import is_ours, own_factors
from attngru_bt.audit.history import History, history
from attngru_bt.audit.processes import APART, Processes
from attngru_bt.audit.report import Check, Report, skipped
from attngru_bt.audit.rerun import Rerun, chosen, parameters
from attngru_bt.data.market import Market, as_market
from attngru_bt.data.membership import Universe
from attngru_bt.data.schedule import schedule_of
from attngru_bt.evaluation.outcomes import outcomes_of
from attngru_bt.factors import registry
from attngru_bt.trading.attention_gru import AttentionGRUStrategy
from attngru_bt.trading.monthly import MonthlyTopK

CHECKS = (
    causality.NAME,
    foresight.NAME,
    replay.SCORES,
    replay.ORDERS,
    replay.SAME_DAY,
    label_shift.NAME,
    accuracy.NAME,
    calibration.NAME,
    survivorship.NAME,
    members.NAME,
    datedness.NAME,
    adjustment.NAME,
    revisions.NAME,
)
"""Names of the checks, in order."""

REPLAYED = (replay.SCORES, replay.ORDERS, replay.SAME_DAY)
OF_A_RUN = (*REPLAYED, label_shift.NAME, accuracy.NAME)
MODELS = ("fast", "network")


def run(
    market: Market | pd.DataFrame | str | os.PathLike[str],
    *,
    against: Market | pd.DataFrame | str | os.PathLike[str] | None = None,
    scores: pd.DataFrame | None = None,
    factors: Sequence[str] | None = None,
    model: str = "fast",
    signal: Any = None,
    strategy: type[MonthlyTopK] = AttentionGRUStrategy,
    universe: Any = None,
    topk: int | None = None,
    min_months: int | None = None,
    cuts: int = 5,
    start: Any = None,
    end: Any = None,
    skip: Collection[str] = (),
    random_state: int = 0,
    tell: Callable[[Check], None] | None = None,
    **params: Any,
) -> Report:
    """Audit a market, the factors on it, and the chain from bars to orders.

    Parameters
    ----------
    market : Market, DataFrame or path
        Or what `attngru_bt.load` makes a market of.
    against : Market, DataFrame or path, optional
        The same market from another file, such as last month's download.
    scores : DataFrame indexed (month_end, asset), optional
        Out-of-sample scores and labels made elsewhere, whose accuracy is checked as well; see
        `accuracy.read_scores`.
    factors : sequence of str, optional
        Default: those that a model is given.
    model : {"fast", "network"}, default "fast"
        The model of the backtests without the future: a logistic regression, or the Attention-GRU,
        trained for two epochs (what it sees does not depend on how long it is trained).
    signal : object, optional
        A model or signal of your own instead; see `AttentionGRUStrategy`.
    strategy : subclass of MonthlyTopK
    universe : object with ``at(date)``, optional
        The stocks that may be held; default: the market's membership.
    topk : int, optional
        Names to hold; default 10, or a quarter of the stocks if that is less.
    min_months : int, optional
        Labeled months before the first trade; default 12, or a quarter of the months if less.
    cuts : int, default 5
        Number of dates after which the future is cut off, and scrambled.
    start : date, optional
        First day to trade. Default: five years before the end, or as soon as there is a model.
    end : date, optional
        Last day; later bars are not touched.
    skip : collection of str
        Names of checks to leave out; they are reported as skipped.
    random_state : int, default 0
        Of the dates, the changed numbers, and the model.
    tell : callable, optional
        Called with each check as soon as it is made.
    **params
        Passed on to `backtest.run`: costs, market rules, parameters of the strategy.

    Returns
    -------
    Report

    Raises
    ------
    ValueError
        If a parameter is out of range, or a factor's name unknown.
    DataError
        If the data cannot be used.
    """
    market = as_market(market)
    against = None if against is None else as_market(against)
    checks.one_of("model", model, MODELS)
    checks.whole_number("cuts", cuts)
    for name in skip:
        if name not in CHECKS:
            raise ValueError(
                f"`skip` must name checks ({', '.join(CHECKS)}); got {name!r}"
                f"{checks.nearest(name, CHECKS)}"
            )
    if end is not None:
        market = market.until(end)
        against = None if against is None else against.until(end)
    universe = market.membership if universe is None else universe
    settings = chosen(market, universe, topk, min_months, start)
    base = parameters(settings, signal, model, strategy, factors, random_state)
    rerun = Rerun(strategy, base | params)
    default = [factor.name for factor in registry if factor.default]
    has_own = bool(own_factors(default if factors is None else factors))
    with ExitStack() as stack:
        # Begun before anything is computed: what the processes know is not of this audit.
        processes = Processes(
            stack,
            rerun,
            for_factors=has_own and causality.NAME not in skip,
            for_run=(has_own or not (rerun.is_ours() and is_ours(universe)))
            and not set(REPLAYED) <= set(skip),
        )
        audit = _Audit(market, universe, rerun, processes, cuts, random_state, skip, tell)
        audit.add(causality.NAME, lambda: audit.factors(factors))
        audit.add(foresight.NAME, lambda: foresight.check(market.bars, factors))
        audit.add_run(settings)
    if scores is not None and accuracy.NAME not in skip:
        name = f"{accuracy.NAME} of the scores given"
        audit.add(name, lambda: accuracy.check(scores, name=name))
    audit.add(calibration.NAME, audit.account)
    audit.add(survivorship.NAME, lambda: survivorship.check(market))
    audit.add(members.NAME, lambda: members.check(market.bars, universe))
    audit.add(datedness.NAME, lambda: datedness.check(market))
    audit.add(
        adjustment.NAME,
        lambda: adjustment.check(market.bars, None if against is None else against.bars),
    )
    audit.add(revisions.NAME, lambda: revisions.check(market, against))
    return Report(market.name, tuple(audit.checks))


@dataclass
class _Audit:
    """The checks made so far, and what the next ones need.

    Attributes
    ----------
    market, universe, rerun, processes, n_cuts, seed
        The subject of the audit, and its settings.
    skip : collection of str
        Names of the checks to leave out.
    tell : callable or None
        Called with each check.
    checks : list of Check
    """

    market: Market
    universe: Universe | None
    rerun: Rerun
    processes: Processes
    n_cuts: int
    seed: int
    skip: Collection[str]
    tell: Callable[[Check], None] | None
    checks: list[Check] = field(default_factory=list)

    def add(self, name: str, make: Callable[[], Check]) -> None:
        """Make a check unless it is to be left out; keep it either way."""
        check = skipped(name, "left out, as asked.") if name in self.skip else make()
        self.checks.append(check)
        if self.tell is not None:
            self.tell(check)

    def factors(self, names: Sequence[str] | None) -> Check:
        """Check that factors are causal."""
        bars, processes = self.market.bars, self.processes
        dates = cut_dates(bars.dates, self.n_cuts, len(bars) // 3, self.seed)

        def make() -> Check:
            past = None if processes.factors is None else processes.factors.compute
            # A process for the run alone has no part in this check.
            note = "" if past is None and processes.note == APART else processes.note
            return causality.check(
                bars, dates, factors=names, seed=self.seed, past=past, beside=note
            )

        return processes.attempt(make)

    def add_run(self, settings: Mapping[str, Any]) -> None:
        """Make the checks that need a backtest, which is run only if one of them is wanted."""
        if set(OF_A_RUN) <= set(self.skip):
            for name in OF_A_RUN:
                self.add(name, partial(skipped, name, ""))
            return
        finished = self.rerun(self.market, self.universe)
        run = history(finished)
        if run.began is None:
            for name in OF_A_RUN:
                why = f"nothing was traded: {finished.why_not_traded}"
                self.add(name, partial(skipped, name, why))
            return
        # one replay gives three checks; each is added by its name, as it may be left out by it
        replayed = {} if set(REPLAYED) <= set(self.skip) else self._replay(finished, run)
        for name in REPLAYED:
            self.add(name, partial(replayed.__getitem__, name))
        topk, min_months = settings["topk"], settings["min_months"]
        self.add(label_shift.NAME, lambda: _shifted(finished.signal, topk, min_months))
        schedule = schedule_of(finished.p.schedule)
        outcome = outcomes_of(run.scores, self.market.bars, topk, schedule)
        self.add(accuracy.NAME, lambda: accuracy.check(outcome, topk))

    def _replay(self, finished: MonthlyTopK, run: History) -> dict[str, Check]:
        """Check scores, orders and the orders of the same day."""
        dates = self.market.bars.dates
        assert run.began is not None
        first = int(dates.searchsorted(run.began)) + 21  # about a month after the first decision
        cuts = cut_dates(dates, self.n_cuts, first, self.seed)
        blind = partial(self.rerun.blind, self.market, self.universe)

        def make() -> tuple[Check, Check, Check]:
            return replay.check(
                self.market,
                finished,
                self.rerun,
                cuts,
                members=self.universe,
                seed=self.seed,
                past=None if self.processes.run is None else self.processes.run.run,
                beside=self.processes.note,
                trains_beside=self.rerun.trains_beside,
                blind=None if replay.SAME_DAY in self.skip else blind,
            )

        return dict(zip(REPLAYED, self.processes.attempt(make), strict=True))

    def account(self) -> Check:
        """Check what random scores earn."""
        return calibration.check(
            self.market.bars,
            self.universe,
            partial(self.rerun.calibrated, self.market, self.universe),
            ours=is_ours(self.rerun.strategy),
            seed=self.seed,
        )


def _shifted(signal: Any, topk: int, min_months: int) -> Check:
    """Check the labels' shift, or say why it cannot be checked."""
    if not hasattr(signal, "sections_"):
        why = f"{type(signal).__name__} keeps no cross-sections of factors."
        return skipped(label_shift.NAME, why)
    return label_shift.check(signal.sections_, topk, min_months)
