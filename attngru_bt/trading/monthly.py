"""When to ask for scores and what to hold: the plug-in itself.

A script subclasses it and sets ``params``, or passes them to ``cerebro.addstrategy``.
"""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import backtrader as bt
import pandas as pd

from attngru_bt import checks
from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.interval import check_daily
from attngru_bt.feeds.clock import Clock, Pulse
from attngru_bt.feeds.lookalikes import MIN_SESSIONS, warn_of_lookalikes
from attngru_bt.feeds.parameters import parameter_names
from attngru_bt.feeds.reader import FeedReader
from attngru_bt.feeds.roles import roles_of, take_names
from attngru_bt.markets import exchange_of
from attngru_bt.models.given import GivenScores
from attngru_bt.trading.holdings import Holdings
from attngru_bt.trading.idle import MonthsSeen, tell, why_no_decision, why_no_fill
from attngru_bt.trading.orders import Execution
from attngru_bt.trading.parameters import check_parameters, check_universe
from attngru_bt.trading.rebalance import Rebalance, decide, rank
from attngru_bt.trading.sizing import PlainLots
from attngru_bt.trading.trade_log import TradeLog, by_decision

logger = logging.getLogger(__name__)


class MonthlyTopK(bt.Strategy):
    """Hold the `topk` best scores, decided anew at each month-end.

    Acts before the first session of a new month, on bars dated earlier. Names that left the best
    `topk` are sold first, entrants share the cash equally, names that stay are left alone.

    With ``bt.Cerebro(cheat_on_open=True)`` orders are sized on that session's opens and fill at
    them. Without it the same decision fills one session later, and a warning says so once.

    With market rules in the Cerebro (``attngru_bt.markets.ashare.install(cerebro)``) names that
    open at their limit are not counted on: they keep their slot or are passed over, like suspended
    ones.

    Params
    ------
    topk : int, default 10
        How many names to hold.
    signal : object, default None
        Anything with ``scores(bars) -> Series`` (a `SignalGenerator`; it is cloned, so that each
        run starts afresh). Or scores that are there already: a finished `Walk`, or a DataFrame
        (dates × assets; the latest row not after the month-end counts). Of those only month-ends
        before the session at hand are answered.
    universe : object with ``at(date)``, default None
        Who may be held, such as `Membership`. None: every feed but the benchmark.
    feeds : str or sequence of str, default None
        Names of the feeds that may be traded, where a Cerebro holds others as well, such as the
        minute feeds that daily ones are made from. None: every feed but the benchmark.
    benchmark : str or sequence of str, default None
        Feeds that are not traded; the first is the benchmark of factors that need one. None: the
        feeds that analyzers and observers of this Cerebro compare the account with, the one that
        `add_feeds` added as such, and the one called INDEX. An empty tuple: there is none.
    ignore : sequence of str, default ()
        Further lines of the feeds that are not to be factors, such as a target.
    reserve : float, default 0.0
        Share of the portfolio value that stays in cash.
    rebalance : {"entrants", "full"}, default "entrants"
        Leave names that stay alone, or trade every name to an equal weight.
    substitute : bool, default True
        Pass over an entrant that cannot be bought for the next in rank; False: its share waits in
        cash.
    retry : bool, default True
        In the sessions until the next decision, sell what could not be sold as soon as it trades,
        and give free slots and their cash to the best names still missing. False: both wait for
        the next decision.
    start : date or str, default None
        No decision before this date.
    stale_days : int, default 180
        A holding without a bar for so many calendar days no longer counts as a slot. It is kept
        at its last price and reported once. (That a feed has ended for good cannot be known on
        the day without looking ahead.)
    lot : float, default 1
        Shares per lot; 0 allows fractions of a share. Market rules bring their own.
    calendar : bt.TradingCalendar, default None
        Lets the decision fall on the close of a month's last session instead, in live use too;
        of use without ``cheat_on_open`` only.
    wait : float, default 300
        Seconds that a session waits for the bars of live feeds, from its first bar on. Feeds that
        have not delivered by then count as absent. If a bar of the next session comes first,
        nothing is done in the session, and a decision that was due in it falls on the next. Feeds
        that are not live are never waited for by time.

    Attributes
    ----------
    trade_log : TradeLog
        Every order, fill, cancellation and reason not to trade.
    scores_by_month : dict of Timestamp to Series
        Month-end → the scores that were ranked at it.
    decisions : list of dict
        Per decision: date, month_end, wanted, exits, entrants, stayers, stuck, passed, and `why`
        (name → why it is stuck or was passed).
    trading_since : Timestamp or None
        Session of the first decision.
    baseline : MonthlyTopK or None
        The whole universe in equal weight, where `attngru_bt.backtest.run` has run it as well.
    files : list of Path
        What `attngru_bt.backtest.run` has written.
    why_not_traded : str
        After a run without a fill the reason, with the number that was missing; it is logged as a
        warning, too. Otherwise empty.
    """

    params: Any = dict(
        topk=10,
        signal=None,
        universe=None,
        feeds=None,
        benchmark=None,
        ignore=(),
        reserve=0.0,
        rebalance="entrants",
        substitute=True,
        retry=True,
        start=None,
        stale_days=180,
        lot=1,
        calendar=None,
        wait=300.0,
    )

    def __init__(self, **unknown: Any) -> None:
        checks.no_unknown(type(self).__name__, unknown, parameter_names(self))
        take_names(self.datas)  # before analyzers and observers read them
        self.trade_log = TradeLog()
        self.scores_by_month: dict[pd.Timestamp, pd.Series] = {}
        self.decisions: list[dict[str, Any]] = []
        self.trading_since: pd.Timestamp | None = None
        self.baseline: MonthlyTopK | None = None
        self.files: list[Path] = []
        self.why_not_traded = ""

    # -- set-up -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Check parameters and feeds; called by Cerebro."""
        check_parameters(self.p)
        if any(isinstance(s, MonthlyTopK) and s is not self for s in self.env.runningstrats):
            raise ValueError(
                "Two monthly strategies in one Cerebro would trade the same cash and sell each "
                "other's holdings: give each a Cerebro of its own."
            )
        self._set_feeds()
        for problem in check_universe(self.p.universe, self._feeds):
            logger.warning(problem)
        if hasattr(self, "_make_signal"):
            raise TypeError(
                f"{type(self).__name__} overrides `_make_signal`, which nothing calls any more: "
                f"rename the method to `make_signal`."
            )
        self.signal = self.make_signal()
        self._start_date = None if self.p.start is None else pd.Timestamp(self.p.start).date()
        self._at_open = bool(self.env.p.cheat_on_open and getattr(self.broker.p, "coo", False))
        at_close = getattr(self.broker.p, "coc", False)  # fills at the close of the decision
        if not self._at_open and not at_close and self.p.calendar is None:
            logger.warning(
                "Cerebro runs without cheat_on_open=True: what is decided before a session fills "
                "at the open of the session after it. bt.Cerebro(cheat_on_open=True) fills it at "
                "the session's own open."
            )
        self._month_end: dt.date | None = None  # the session before it
        self._seen = MonthsSeen()
        market = exchange_of(self.broker)
        if market is not None and self.p.lot != 1:
            raise ValueError(
                f"`lot` has no effect beside market rules, which know each stock's own; "
                f"got lot={self.p.lot!r}."
            )
        self.holdings = Holdings(
            self.broker,
            self._feeds,
            self._session_clock.last_bar,
            self.p.stale_days,
            self.trade_log,
        )
        self.execution = Execution(
            self,
            self._feeds,
            self.trade_log,
            market=PlainLots(self.lot_of) if market is None else market,
            has_bar=self._session_clock.has_bar,
            to_come=self._session_clock.to_come,
            at_open=self._at_open,
        )

    def _set_feeds(self) -> None:
        roles = roles_of(self.datas, self.env, feeds=self.p.feeds, benchmark=self.p.benchmark)
        self._feeds = roles.traded
        self._session_clock = Clock(self._feeds, roles.benchmark, wait=self.p.wait)
        self._pulse: tuple[Any, Any] | None = None
        if self._session_clock.live:
            both = [*roles.traded.values(), *roles.benchmark.values()]
            feed = next(data for data in both if data.islive())
            self._pulse = feed, Pulse(self._session)
            feed.addfilter(self._pulse[1])
        self._reader = FeedReader(
            list(self._feeds.values()),
            benchmark=next(iter(roles.benchmark.values()), None),
            ignore=self.p.ignore,
        )
        self._watch_for_index = not roles.told

    def make_signal(self) -> Any:
        """Return what is asked for scores at month-ends; called once, when the run starts.

        Override it in a strategy that brings a signal of its own: anything with ``scores(bars)``.
        A signal that can be cloned is, so that each run starts afresh.
        """
        signal = self.p.signal
        if isinstance(signal, pd.DataFrame):
            signal = GivenScores(signal)
        if hasattr(signal, "at"):
            if not set(signal.assets) & set(self._feeds):
                example = next(iter(signal.assets), None)
                raise DataError(
                    f"`signal`: no name in the given scores is the name of a feed (scores such as "
                    f"of {example!r}, feeds such as {next(iter(self._feeds))!r})."
                )
            return signal
        if not hasattr(signal, "scores"):
            raise TypeError(
                f"`signal` must be a DataFrame of scores, a Walk, or have a method scores(bars); "
                f"got {type(signal).__name__}."
            )
        if hasattr(signal, "get_params"):
            from sklearn.base import clone

            signal = clone(signal)
            if self.p.universe is not None and getattr(signal, "universe", self) is None:
                signal.set_params(universe=self.p.universe)
        return signal

    def _stop(self) -> None:
        # before `stop`, which scripts override to print the result
        self.why_not_traded = self._why_not_traded()
        tell(self.why_not_traded)
        super()._stop()

    def _why_not_traded(self) -> str:
        if self.trade_log.n_fills or any(p.size for p in self.broker.positions.values()):
            return ""
        if self.decisions:
            return why_no_fill(self.decisions, self.trade_log.frame())
        return why_no_decision(
            self._seen,
            start=self._start_date,
            names=self._feeds,
            universe=self.p.universe,
            signal=self.signal,
            bars=lambda: self._reader.read(self._seen.asked[-1] + dt.timedelta(days=1)),
        )

    def stop(self) -> None:
        """Hand back the broker's filler, and the filter of live feeds; called by Cerebro."""
        self.execution.close()
        if self._pulse is not None:
            feed, pulse = self._pulse
            feed._filters = [entry for entry in feed._filters if entry[0] is not pulse]

    def rebalances(self) -> pd.DataFrame:
        """Tell what each decision wanted, what was done, and why not: `tradelog.by_decision`."""
        return by_decision(self.decisions, self.trade_log.frame())

    def lot_of(self, data: Any) -> float:
        """Shares per lot of a feed; override where feeds differ. Not asked under market rules."""
        return float(self.p.lot)

    # -- the clock --------------------------------------------------------------------------------

    def next_open(self) -> None:
        """Act before the session's open; under ``cheat_on_open=True`` only."""
        if self._at_open:
            self._session()

    def next(self) -> None:
        """Act after the session's close, without ``cheat_on_open``."""
        if self._at_open:
            self.execution.look()
        else:
            self._session()

    def prenext_open(self) -> None:
        """As `next_open`: nobody waits for the youngest feed."""
        self.next_open()

    def prenext(self) -> None:
        """As `next`: nobody waits for the youngest feed."""
        self.next()

    def notify_order(self, order: Any) -> None:
        """Log what became of an order; methods that override this one must call it."""
        self.execution.notify(order)

    def _session(self) -> None:
        """Act on the session at hand, once its bars are all there."""
        today = self._session_clock.look()
        if today is None:
            return
        self.execution.begin(today)
        if self._at_open:
            self.execution.drop_stale()  # the broker fills what is left, at old bars too
        previous = self._month_end
        turned = previous is not None and self.is_due(previous, today)
        at_close = self.p.calendar is not None and not self._at_open
        if not self._session_clock.ready(thorough=turned or at_close):
            return
        if not self._at_open:
            self.execution.look()
            self.execution.drop_stale()
        self._month_end = today
        self._seen.first, self._seen.last = self._seen.first or today, today
        decided = False
        if at_close:
            missed = self._session_clock.missed
            if self._closes_month(today):
                decided = self._decide(today, month_end=today, before=today + dt.timedelta(days=1))
            elif missed is not None and self._closes_month(missed):
                decided = self._decide(today, month_end=missed, before=today)
        elif turned and previous is not None:
            decided = self._decide(today, month_end=previous, before=today)
        if self.p.retry and not decided:
            self.execution.retry(self.holdings.slots(today))

    def is_due(self, previous: dt.date, today: dt.date) -> bool:
        """Whether a decision is due in the session of `today`: the first of a month.

        Parameters
        ----------
        previous : date
            The session before it.
        today : date
        """
        return (previous.year, previous.month) != (today.year, today.month)

    def _closes_month(self, date: dt.date) -> bool:
        return bool(self.p.calendar.last_monthday(dt.datetime.combine(date, dt.time())))

    # -- the decision -----------------------------------------------------------------------------

    def _decide(self, today: dt.date, month_end: dt.date, before: dt.date) -> bool:
        """Ask for the scores of `month_end`, on bars dated `before`; rebalance if there are any."""
        self._seen.due.append(today)
        if self._start_date is not None and today < self._start_date:
            return False
        self._seen.asked.append(month_end)
        if hasattr(self.signal, "at"):
            scores = self.signal.at(pd.Timestamp(month_end), before=pd.Timestamp(before))
            scores = self._of_universe(scores, month_end)
        else:
            bars = self._bars(today, before)
            check_daily(bars.dates, "the feeds")
            scores = self.signal.scores(bars)
            if self._watch_for_index and not scores.empty and len(bars) > MIN_SESSIONS:
                self._watch_for_index = False
                warn_of_lookalikes(bars, set(scores.index))
        if scores.empty:
            logger.info("%s: no scores, so nothing is traded.", month_end)
            return False
        self.scores_by_month[pd.Timestamp(month_end)] = scores
        ranked = [name for name in rank(scores) if name in self._feeds]
        self.holdings.report_stale(today)
        held = self.holdings.slots(today)
        closed_to = self.execution.closed_to
        unsellable = {n: said for n in held if (said := closed_to(n, "sell"))}
        unbuyable = {n: said for n in ranked if (said := closed_to(n, "buy"))}
        todo = decide(
            ranked,
            held,
            set(ranked) - set(unbuyable),
            self.p.topk,
            substitute=self.p.substitute,
            sellable=held - set(unsellable),
        )
        why = {n: unbuyable[n] for n in todo.passed} | {n: unsellable[n] for n in todo.stuck}
        self._report(todo, ranked[: self.p.topk], why, today, month_end)
        chosen = ranked if self.p.substitute else ranked[: self.p.topk]
        leaving = {*todo.exits, *todo.stuck}
        self.execution.rebalance(
            todo,
            self.p.topk,
            self.p.reserve,
            equalize=self.p.rebalance == "full",
            # who has never traded yet is not missing, however well it ranks
            candidates=[n for n in chosen if n not in leaving and len(self._feeds[n])],
        )
        return True

    def _bars(self, today: dt.date, before: dt.date) -> Bars:
        """Return the bars dated before a day: the one place where bars reach a signal.

        All are older than the session whose open is traded: that of `today` under
        ``cheat_on_open``, a later one otherwise. Should the dates ever say otherwise than the
        feeds, this is an error rather than a result.
        """
        bars = self._reader.read(before=pd.Timestamp(before))
        last = today - dt.timedelta(days=1) if self._at_open else today
        shown = self._reader.rows() if self._at_open else {}
        if (len(bars) and bars.dates[-1].date() > last) or any(
            rows >= len(self._feeds[name]) and self._session_clock.has_bar(name)
            for name, rows in shown.items()
        ):
            raise RuntimeError(
                f"{today}: a bar of the session whose open is traded was about to be shown to the "
                "signal. This is a defect of attngru_bt; please report it with your feeds."
            )
        return bars

    def _of_universe(self, scores: pd.Series, month_end: dt.date) -> pd.Series:
        if self.p.universe is None:
            return scores
        return scores[scores.index.isin(self.p.universe.at(pd.Timestamp(month_end)))]

    def _report(
        self,
        todo: Rebalance,
        wanted: Iterable[str],
        why: dict[str, str],
        today: dt.date,
        month_end: dt.date,
    ) -> None:
        for name in todo.passed:
            self.trade_log.add(today, name, "passed", "buy", reason=why[name])
        again = ", to be retried" if self.p.retry else ""
        for name in todo.stuck:
            self.trade_log.add(today, name, "stuck", "sell", reason=why[name] + again)
        logger.info(
            "%s: out %s; in %s; %d stay%s",
            today,
            ", ".join(todo.exits) or "none",
            ", ".join(todo.entrants) or "none",
            len(todo.stayers),
            f"; cannot be sold yet {', '.join(todo.stuck)}" if todo.stuck else "",
        )
        self.decisions.append(
            dict(
                date=pd.Timestamp(today),
                month_end=pd.Timestamp(month_end),
                wanted=tuple(wanted),
                exits=todo.exits,
                entrants=todo.entrants,
                stayers=todo.stayers,
                stuck=todo.stuck,
                passed=todo.passed,
                why=why,
            )
        )
        if self.trading_since is None:
            self.trading_since = pd.Timestamp(today)
