"""All checks on one market."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import pandas as pd

from attngru_bt.audit import (
    accuracy,
    adjustment,
    calibration,
    datedness,
    factors,
    foresight,
    label_shift,
    members,
    replay,
    revisions,
    survivorship,
)
from attngru_bt.audit.altered import cut_dates
from attngru_bt.audit.fresh import CannotTravel, Fresh, is_ours, own_factors
from attngru_bt.audit.history import History, history
from attngru_bt.audit.job import Job, chosen, parameters
from attngru_bt.audit.outcomes import outcomes
from attngru_bt.audit.report import Check, Report, skipped
from attngru_bt.data.bars import Bars, nearest
from attngru_bt.data.market import Market
from attngru_bt.factors import registry
from attngru_bt.trading.attention_gru import AttentionGRUStrategy
from attngru_bt.trading.monthly import MonthlyTopK

CHECKS = (
    factors.NAME,
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

MODELS = ("fast", "network")
APART = "; your own code saw the bars that end in a process of its own"
HERE = "; all in this process, so what your code keeps from one call to the next could hide"


def run(
    market: Market,
    *,
    against: Market | None = None,
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
    market : Market
    against : Market, optional
        The same market from another file, such as last month's download.
    scores : DataFrame indexed (month_end, asset), optional
        Out-of-sample scores and labels made elsewhere, whose accuracy is checked as well; see
        `accuracy.read_scores`.
    factors : sequence of str, optional
        Default: those a model is given.
    model : {"fast", "network"}, default "fast"
        What scores while the future is cut: a logistic regression, or the Attention-GRU, trained
        for two epochs (what it sees does not depend on how long it is trained).
    signal : object, optional
        A model or signal of your own in its place; see `AttentionGRUStrategy`.
    strategy : subclass of MonthlyTopK
    universe : object with ``at(date)``, optional
        Who may be held; default: the market's membership.
    topk : int, optional
        Names to hold; default 10, or a quarter of the stocks if that is less.
    min_months : int, optional
        Labeled months before the first trade; default 12, or a quarter of the months if less.
    cuts : int, default 5
        Dates at which the future is cut off and scrambled.
    start : date, optional
        First day to trade. Default: five years before the end, or as soon as there is a model.
    end : date, optional
        Last day; later bars are not touched.
    skip : collection of str
        Names of checks to leave out; they are reported as skipped.
    random_state : int, default 0
        Of the dates, the changed numbers, and the model.
    tell : callable, optional
        Called with each check when it is done.
    **params
        Handed on to `backtest.run`: costs, market rules, parameters of the strategy.

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
    if model not in MODELS:
        raise ValueError(f"`model` must be one of {', '.join(MODELS)}; got {model!r}.")
    if isinstance(cuts, bool) or not isinstance(cuts, int) or cuts < 1:
        raise ValueError(f"`cuts` must be a whole number of at least 1; got {cuts!r}.")
    for name in skip:
        if name not in CHECKS:
            hint = nearest(name, CHECKS)
            raise ValueError(
                f"`skip` must name checks ({', '.join(CHECKS)}); got {name!r}{hint or '.'}"
            )
    if end is not None:
        market = market.until(end)
        against = None if against is None else against.until(end)
    universe = market.membership if universe is None else universe
    settings = chosen(market, universe, topk, min_months, start)
    made = parameters(settings, signal, model, strategy, factors, random_state) | params
    job = Job(strategy, made)
    auditor = _Auditor(market, universe, skip, random_state, tell)
    with ExitStack() as stack:
        # begun before anything is computed: the code they are handed has no memory of this audit
        own = own_factors([f.name for f in registry if f.default] if factors is None else factors)
        auditor.begin(stack, bool(own), not (job.is_ours() and is_ours(universe)), job)
        auditor.factors(factors, cuts)
        auditor.one(foresight.NAME, lambda: foresight.check(market.bars, factors))
        auditor.chain(job, settings, cuts)
    if scores is not None and accuracy.NAME not in skip:
        auditor.done(accuracy.check(scores, name=f"{accuracy.NAME} of the scores given"))
    auditor.one(calibration.NAME, lambda: auditor.account(job))
    auditor.one(survivorship.NAME, lambda: survivorship.check(market))
    auditor.one(members.NAME, lambda: members.check(market.bars, universe))
    auditor.one(datedness.NAME, lambda: datedness.check(market))
    auditor.one(
        adjustment.NAME,
        lambda: adjustment.check(market.bars, None if against is None else against.bars),
    )
    auditor.one(revisions.NAME, lambda: revisions.check(market, against))
    return Report(market.name, tuple(auditor.checks))


class _Auditor:
    """Makes the checks that are asked for and keeps what they came to."""

    def __init__(
        self,
        market: Market,
        universe: Any,
        skip: Collection[str],
        seed: int,
        tell: Callable[[Check], None] | None,
    ) -> None:
        self.market = market
        self.universe = universe
        self.skip = skip
        self.seed = seed
        self.tell = tell
        self.checks: list[Check] = []
        self._for_factors: Fresh | None = None
        self._for_chain: Fresh | None = None
        self._beside = ""  # what the summaries say about the processes

    def done(self, check: Check) -> None:
        self.checks.append(check)
        if self.tell is not None:
            self.tell(check)

    def one(self, name: str, make: Callable[[], Check]) -> None:
        """Make a check unless it is to be left out."""
        self.done(skipped(name, "left out, as asked.") if name in self.skip else make())

    def begin(self, stack: ExitStack, own_factors: bool, own_job: bool, job: Job) -> None:
        """Begin a process each for the factors and the chain, where code of the user's takes part.

        Code of this library keeps nothing from one call to the next; its tests hold that.
        """
        replayed = not {replay.SCORES, replay.ORDERS, replay.SAME_DAY} <= set(self.skip)
        try:
            if own_factors and factors.NAME not in self.skip:
                self._for_factors = stack.enter_context(Fresh())
            if replayed and (own_factors or own_job):
                classes = [] if is_ours(job.strategy) else [job.strategy]
                self._for_chain = stack.enter_context(Fresh(job, classes))
        except CannotTravel as error:
            self._stay(error)
        if self._for_factors is not None or self._for_chain is not None:
            self._beside = APART

    def _stay(self, error: CannotTravel) -> None:
        self._for_factors = self._for_chain = None
        self._beside = f"{HERE} ({error})"

    def factors(self, names: Sequence[str] | None, cuts: int) -> None:
        """Check that factors are causal."""
        bars = self.market.bars
        dates = cut_dates(bars.dates, cuts, len(bars) // 3, self.seed)

        def make() -> Check:
            past = None if self._for_factors is None else self._for_factors.compute
            beside = "" if past is None and self._beside == APART else self._beside
            return factors.check(
                bars, dates, factors=names, seed=self.seed, past=past, beside=beside
            )

        def attempt() -> Check:
            try:
                return make()
            except CannotTravel as error:
                self._stay(error)
                return make()

        self.one(factors.NAME, attempt)

    def chain(self, job: Job, settings: dict[str, Any], cuts: int) -> None:
        """Check all that needs a backtest."""
        names = (
            replay.SCORES, replay.ORDERS, replay.SAME_DAY, label_shift.NAME, accuracy.NAME,
        )  # fmt: skip
        if all(name in self.skip for name in names):
            for name in names:
                self.one(name, lambda: skipped("", ""))
            return
        whole = job(self.market, self.universe)
        run = history(whole)
        if run.began is None:
            why = f"nothing was traded: {whole.why_not_traded}"
            for name in names:
                self.one(name, partial(skipped, name, why))
            return
        for name, check in self._replayed(job, whole, run, cuts).items():
            self.one(name, partial(_answer, check))
        self._measured(whole, run, settings)

    def _replayed(self, job: Job, whole: Any, run: History, cuts: int) -> dict[str, Check]:
        """Check scores, orders and the same day, unless all three are left out."""
        names = (replay.SCORES, replay.ORDERS, replay.SAME_DAY)
        if set(names) <= set(self.skip):
            return {name: skipped(name, "") for name in names}
        dates = self.market.bars.dates
        assert run.began is not None
        first = int(dates.searchsorted(run.began)) + 21
        when = cut_dates(dates, cuts, first, self.seed)

        def make() -> tuple[Check, Check, Check]:
            past = None if self._for_chain is None else self._for_chain.run
            blind = partial(job.blind, self.market, self.universe)
            return replay.check(
                self.market, whole, job, when,
                members=self.universe, seed=self.seed, past=past, beside=self._beside,
                blind=None if replay.SAME_DAY in self.skip else blind,
            )  # fmt: skip

        try:
            checks = make()
        except CannotTravel as error:
            self._stay(error)
            checks = make()
        return dict(zip(names, checks, strict=True))

    def _measured(self, whole: Any, run: History, settings: dict[str, Any]) -> None:
        """Check label shift and accuracy."""
        topk, least = settings["topk"], settings["min_months"]
        generator = whole.signal
        if hasattr(generator, "sections_"):
            self.one(label_shift.NAME, lambda: label_shift.check(generator.sections_, topk, least))
        else:
            why = f"{type(generator).__name__} keeps no cross-sections of factors."
            self.one(label_shift.NAME, lambda: skipped(label_shift.NAME, why))
        bars: Bars = self.market.bars
        self.one(accuracy.NAME, lambda: accuracy.check(outcomes(run.scores, bars, topk), topk))

    def account(self, job: Job) -> Check:
        """Check what random scores earn."""
        return calibration.check(
            self.market.bars,
            self.universe,
            partial(job.calibrated, self.market, self.universe),
            ours=is_ours(job.strategy),
            seed=self.seed,
        )


def _answer(check: Check) -> Check:
    return check
