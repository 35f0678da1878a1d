"""All checks on one market."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from functools import partial
from typing import Any

import pandas as pd

from attngru_bt import backtest
from attngru_bt.audit import (
    accuracy,
    adjustment,
    factors,
    foresight,
    label_shift,
    replay,
    revisions,
    survivorship,
)
from attngru_bt.audit.altered import cut_dates
from attngru_bt.audit.report import Check, Report, skipped
from attngru_bt.bars import DataError
from attngru_bt.bars.panel import nearest
from attngru_bt.datasets import Market
from attngru_bt.samples import month_ends
from attngru_bt.strategy import AttentionGRUStrategy, MonthlyTopK

CHECKS = (
    factors.NAME,
    foresight.NAME,
    replay.SCORES,
    replay.ORDERS,
    label_shift.NAME,
    accuracy.NAME,
    survivorship.NAME,
    adjustment.NAME,
    revisions.NAME,
)
"""Names of the checks, in order."""

MODELS = ("fast", "network")
MONTHS = 60
"""Months that are traded unless `start` is given; all earlier ones are trained on."""


def run(
    market: Market,
    *,
    against: Market | None = None,
    scores: pd.DataFrame | None = None,
    factors: Sequence[str] | None = None,
    model: str = "fast",
    signal: Any = None,
    strategy: type[MonthlyTopK] = AttentionGRUStrategy,
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
    topk : int, optional
        Names to hold; default 10, or a quarter of the stocks if that is less.
    min_months : int, optional
        Labelled months before the first trade; default 12, or a quarter of the months if less.
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
    auditor = _Auditor(market, skip, random_state, tell)
    auditor.factors(factors, cuts)
    auditor.one(foresight.NAME, lambda: foresight.check(market.bars, factors))
    settings = _settings(market, topk, min_months, start)
    params = _params(settings, signal, model, strategy, factors, random_state) | params

    def traded(market: Market, members: Any) -> MonthlyTopK:
        return backtest.run(market, strategy, universe=members, **params)

    auditor.chain(traded, settings, cuts)
    if scores is not None and accuracy.NAME not in skip:
        auditor.done(accuracy.check(scores, name=f"{accuracy.NAME} of the scores given"))
    auditor.one(survivorship.NAME, lambda: survivorship.check(market))
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
        skip: Collection[str],
        seed: int,
        tell: Callable[[Check], None] | None,
    ) -> None:
        self.market = market
        self.skip = skip
        self.seed = seed
        self.tell = tell
        self.checks: list[Check] = []

    def done(self, check: Check) -> None:
        self.checks.append(check)
        if self.tell is not None:
            self.tell(check)

    def one(self, name: str, make: Callable[[], Check]) -> None:
        """Make a check unless it is to be left out."""
        self.done(skipped(name, "left out, as asked.") if name in self.skip else make())

    def factors(self, names: Sequence[str] | None, cuts: int) -> None:
        """Check that factors are causal."""
        bars = self.market.bars
        dates = cut_dates(bars.dates, cuts, len(bars) // 3, self.seed)
        self.one(factors.NAME, lambda: factors.check(bars, dates, factors=names, seed=self.seed))

    def chain(self, run: replay.Run, settings: dict[str, Any], cuts: int) -> None:
        """Check all that needs a backtest: scores, orders, label shift, accuracy."""
        names = (replay.SCORES, replay.ORDERS, label_shift.NAME, accuracy.NAME)
        if all(name in self.skip for name in names):
            for name in names:
                self.one(name, lambda: skipped("", ""))
            return
        whole = run(self.market, self.market.membership)
        if whole.trading_since is None:
            why = (
                f"nothing is traded after min_months={settings['min_months']} labelled months in "
                f"{len(self.market.bars)} sessions; bring longer data or a smaller min_months."
            )
            for name in names:
                self.one(name, partial(skipped, name, why))
            return
        dates = self.market.bars.dates
        first = int(dates.searchsorted(whole.trading_since)) + 21
        if replay.SCORES in self.skip and replay.ORDERS in self.skip:
            pair = (skipped(replay.SCORES, ""), skipped(replay.ORDERS, ""))
        else:
            when = cut_dates(dates, cuts, first, self.seed)
            pair = replay.check(self.market, whole, run, when, seed=self.seed)
        self.one(replay.SCORES, lambda: pair[0])
        self.one(replay.ORDERS, lambda: pair[1])
        generator = whole.signal
        if not hasattr(generator, "sections_") or not hasattr(generator, "labels"):
            why = f"{type(generator).__name__} keeps no cross-sections and labels to measure."
            self.one(label_shift.NAME, partial(skipped, label_shift.NAME, why))
            self.one(accuracy.NAME, partial(skipped, accuracy.NAME, why))
            return
        topk, least = settings["topk"], settings["min_months"]
        self.one(label_shift.NAME, lambda: label_shift.check(generator.sections_, topk, least))
        self.one(accuracy.NAME, lambda: accuracy.check(generator.labels(), topk))


def _settings(
    market: Market, topk: int | None, min_months: int | None, start: Any
) -> dict[str, Any]:
    """Return what is traded, how many months are learnt from first, and since when."""
    bars = market.bars
    ends = month_ends(bars.dates)
    if len(ends) < 3:
        raise DataError(
            f"{market.name}: {len(bars)} sessions are too few to audit; it takes three month-ends."
        )
    if topk is None:
        members = market.membership
        n = len(bars.assets) if members is None else len(members.at(bars.dates[-1]))
        topk = min(10, max(1, n // 4))
    if min_months is None:
        min_months = min(12, max(2, len(ends) // 4))
    if start is None and len(ends) > MONTHS + min_months + 1:
        start = bars.dates[ends[-MONTHS - 1] + 1]
    return dict(topk=topk, min_months=min_months, start=start)


def _params(
    settings: dict[str, Any],
    signal: Any,
    model: str,
    strategy: type[MonthlyTopK],
    factors: Sequence[str] | None,
    seed: int,
) -> dict[str, Any]:
    """Return the parameters of the backtest; a signal of one's own carries its own settings."""
    traded = {name: settings[name] for name in ("topk", "start")}
    own = hasattr(signal, "scores") or isinstance(signal, pd.DataFrame)
    if own or not issubclass(strategy, AttentionGRUStrategy):
        return traded | dict(signal=signal)
    # the logistic regression looks at the month-end alone
    lookback = dict(lookback=1) if signal is None and model == "fast" else {}
    return (
        settings
        | lookback
        | dict(
            signal=_model(model) if signal is None else signal, factors=factors, random_state=seed
        )
    )


def _model(name: str) -> Any:
    """Return the model that scores; the network only as long as it takes to have weights."""
    if name == "network":
        from attngru_bt.classifier import AttentionGRUClassifier

        return AttentionGRUClassifier(max_epochs=2)
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=200)
