"""The monthly strategy: from a session to a decision, to a plan, to orders.

A script subclasses it and sets ``params``, or passes them to ``cerebro.addstrategy``.
"""

from __future__ import annotations

import datetime as dt
import functools
import html
import importlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from attngru_bt import checks
from attngru_bt.data.bars import Bars
from attngru_bt.data.schedule import schedule_of
from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.parameters import parameter_names
from attngru_bt.feeds.roles import take_names
from attngru_bt.markets import exchange_of
from attngru_bt.trading.dealer import Dealer
from attngru_bt.trading.execution import Execution
from attngru_bt.trading.groups import GroupCap, check_groups, groups_at
from attngru_bt.trading.holdings import Holdings
from attngru_bt.trading.idle import warn_of_no_trades, why_no_decision, why_no_fill
from attngru_bt.trading.months import Months
from attngru_bt.trading.parameters import check_engine, check_parameters, check_universe
from attngru_bt.trading.rebalance import rank
from attngru_bt.trading.scorer import Scorer
from attngru_bt.trading.signals import checked_signal
from attngru_bt.trading.sizing import Lots, PlainLots
from attngru_bt.trading.trade_log import TradeLog, by_decision, last_events, log_rebalance
from attngru_bt.trading.view import FeedView
from attngru_bt.trading.weights import weigher

logger = logging.getLogger(__name__)


class MonthlyTopK(bt.Strategy):
    """Hold the `topk` best scores, decided anew at each month-end.

    The strategy acts before the first session of a new month, on bars dated earlier. Names that
    left the best `topk` are sold first, entrants share the cash (equally, or by `weights`), names
    that stay are left alone.

    With ``bt.Cerebro(cheat_on_open=True)`` orders are sized on that session's opens and fill at
    them. Without it the same decision fills one session later, and a warning says so once.

    With market rules in the Cerebro (``attngru_bt.markets.ashare.install(cerebro)``) names that
    open at their limit keep their slot or are passed over, like suspended ones.

    Params
    ------
    topk : int, default 10
        How many names to hold.
    signal : object, default None
        Anything with ``scores(bars) -> Series``, such as a `SignalGenerator` or a `Blend`; it is
        cloned or copied, so that each run starts afresh. The name of a model, such as "gbdt" or
        "ridge+gbdt". Or finished scores, of which only month-ends before the current session are
        read: a `Walk`, or a DataFrame (dates × assets, or indexed (date, asset); the latest row not
        after the month-end counts).
    universe : object with ``at(date)``, default None
        Who may be held, such as `Membership`; scores of others are left out, whatever the signal.
        None: every feed but the benchmark.
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
        Fraction of the account's value that stays in cash.
    keep : int, default None
        A held name stays while its rank is at most this, which trades less than `topk` alone. None:
        it stays while it is among the `topk` best, as in the paper.
    rebalance : {"entrants", "full"}, default "entrants"
        Leave names that stay alone, or trade every name to its weight.
    weights : {"equal", "inverse-volatility", "score"} or callable, default "equal"
        How much of each name is held. "inverse-volatility": in proportion to one over the standard
        deviation of the daily returns of the last 60 sessions. "score": the best of n names has the
        weight n and the last 1, since only the order of scores matters. A callable is given the
        scores of the chosen names and the `Bars` known, and returns weights by name whose sum is 1.
        Weights are those among all names held, which are those that stay and those that enter.
        Entrants share the free cash in proportion to their weights; under ``rebalance="full"`` each
        name is traded to its weight.
    max_per_group : int, default None
        How many names of one group may be held. A name whose group is full is passed over for the
        next in rank. None: any number.
    groups : mapping of str to group, callable or str, default None
        The group of each name; a function of the date that returns such a mapping; or a line of
        the data. None: the line "industry", or else "sector".
    substitute : bool, default True
        Replace an entrant that cannot be bought by the next in rank; False: its cash waits.
    retry : bool, default True
        In the sessions until the next decision, sell what could not be sold as soon as it trades,
        and give free slots and their cash to the best names still missing.
    schedule : str or Schedule, default "month"
        When the strategy decides: after each "month", "week" or "quarter", or some sessions later
        ("month+5"). These sessions then stand for the month-ends in this description.
    start : date or str, default None
        No decision before this date.
    stale_days : int, default 180
        A holding without a bar for more calendar days than this no longer takes a slot. It is kept
        at its last price and reported once, since its feed may or may not have ended for good.
    lot : float, default 1
        Shares per lot; 0 allows fractions of a share. Market rules bring their own.
    calendar : bt.TradingCalendar, default None
        Lets the decision fall on the close of a month's last session instead, in live use too;
        without ``cheat_on_open`` only.
    wait : float, default 300
        Seconds that a session waits for the bars of live feeds, from its first bar on. Feeds that
        have not delivered by then count as absent. If a bar of the next session comes first,
        nothing is done in the session, and a decision that was due in it falls on the next.

    Attributes
    ----------
    feeds : dict of str to data feed
        The feeds that may be traded, by name.
    signal : object
        The signal of this run, a clone or copy of the parameter.
    trade_log : TradeLog
        Every order, fill, cancellation and reason not to trade.
    scores_by_month : dict of Timestamp to Series
        Month-end → the scores that were ranked at it.
    decisions : list of dict
        Per decision: date, month_end, wanted, exits, entrants, stayers, stuck, passed, capped (its
        group being full), and `why` (name → why it is stuck or was passed).
    trading_since : Timestamp or None
        Session of the first decision.
    baseline : MonthlyTopK or None
        The run of the whole universe in equal weight, if `attngru_bt.backtest.run` has made it.
    files : list of Path
        The files that `attngru_bt.backtest.run` has written.
    why_not_traded : str
        After a run without a fill the reason, with the number that was missing; it is also logged
        as a warning. Otherwise empty.
    """

    params: Any = dict(
        topk=10,
        signal=None,
        universe=None,
        feeds=None,
        benchmark=None,
        ignore=(),
        reserve=0.0,
        keep=None,
        rebalance="entrants",
        weights="equal",
        max_per_group=None,
        groups=None,
        substitute=True,
        retry=True,
        schedule="month",
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

    # -- beginning and end of a run ---------------------------------------------------------------

    def start(self) -> None:
        """Check parameters and feeds; called by Cerebro."""
        check_parameters(self.p)
        if any(isinstance(s, MonthlyTopK) and s is not self for s in self.env.runningstrats):
            raise ValueError(
                "Two monthly strategies in one Cerebro would trade the same cash and sell each "
                "other's holdings: give each a Cerebro of its own."
            )
        if hasattr(self, "_make_signal"):
            raise TypeError(
                f"{type(self).__name__} overrides `_make_signal`, which nothing calls any more: "
                f"rename the method to `make_signal`."
            )
        start = self.p.start
        self._first_day = None if start is None else checks.date("start", start).date()
        self._view = FeedView(self, self._session)
        self._at_open = self._view.at_open
        self._months = self.make_months()
        self.feeds = self._view.feeds
        if hasattr(self.p.universe, "spelled"):
            self.p.universe = self.p.universe.spelled(self.feeds)
        for problem in check_universe(self.p.universe, self.feeds):
            logger.warning(problem)
        check_groups(self.p.groups, self.p.max_per_group, self.feeds, self.p.universe)
        self.signal = self.make_signal()
        self._scorer = Scorer(self.signal, self._view, self.p.universe)
        exchange = exchange_of(self.broker)
        check_engine(self, at_open=self._at_open, has_rules=exchange is not None)
        self._holdings = Holdings(self.broker, self._view, self.p.stale_days, self.trade_log)
        lots = self.make_lots()
        self._dealer = Dealer(self, self._view, self.trade_log, lots)
        self._execution = Execution(self.p, self.feeds, self._dealer, self.trade_log, lots)

    def _start(self) -> None:
        # Cerebro calls it, and it calls `start`, which scripts override, as they do `__init__`.
        self._check_called("__init__", "trade_log")
        super()._start()
        self._check_called("start", "_execution")

    def _check_called(self, method: str, made: str) -> None:
        """Refuse a subclass whose own method did not call the one that makes an attribute."""
        if made not in vars(self):
            raise TypeError(
                f"{type(self).__name__} overrides `{method}`: call super().{method}() in it."
            )

    def make_signal(self) -> Any:
        """Return the signal, which is asked for scores; called once, when the run starts.

        Override it in a strategy that brings a signal of its own: anything with ``scores(bars)``.
        It is cloned or copied, so that each run starts afresh.
        """
        signal = self.p.signal
        schedule = schedule_of(self.p.schedule)
        if isinstance(signal, str):
            from attngru_bt.walkforward.by_name import signal_of  # loads scikit-learn

            settings = {name: getattr(self.p, name) for name in ("topk", "universe", "schedule")}
            signal = signal_of(signal, **settings)
        return checked_signal(signal, self.feeds, self.p.universe, schedule)

    def make_months(self) -> Months:
        """Return the object that says when a decision is due; called once, when the run starts."""
        calendar = None if self._at_open else self.p.calendar
        return Months(calendar, schedule_of(self.p.schedule))

    def make_lots(self) -> Lots:
        """Return the object that says what may be ordered; called once, when the run starts."""
        exchange = exchange_of(self.broker)
        return PlainLots(self.lot_of) if exchange is None else exchange

    def lot_of(self, data: bt.DataBase) -> float:
        """Shares per lot of a feed; override where feeds differ. Not asked under market rules."""
        return float(self.p.lot)

    def _stop(self) -> None:
        # Cerebro calls it before `stop`, which scripts override to print the result.
        if self._months.last is not None and not self._view.clock.live:
            self._view.check(self._months.last + dt.timedelta(days=1))
        self._scorer.report_old_scores(len(self.decisions))
        self.why_not_traded = self._why_not_traded()
        warn_of_no_trades(self.why_not_traded)
        super()._stop()

    def _why_not_traded(self) -> str:
        """Return why the run has no fill and no position; empty if it has."""
        if self.trade_log.n_fills or any(p.size for p in self.broker.positions.values()):
            return ""
        if self.decisions:
            return why_no_fill(self.decisions, self.trade_log.frame())
        if self._months.first is None and any(len(feed) for feed in self.feeds.values()):
            called = "next_open" if self._at_open else "next"
            return f"{type(self).__name__} overrides `{called}`: call super().{called}() in it."
        return why_no_decision(
            self._months,
            start=self._first_day,
            names=self.feeds,
            universe=self.p.universe,
            signal=self.signal,
            bars=self._view.bars,
        )

    def stop(self) -> None:
        """Hand back the broker's filler, and the filter of live feeds; called by Cerebro."""
        self._dealer.orders.close()
        self._view.close()

    def rebalances(self) -> pd.DataFrame:
        """Return what each decision wanted, what was done, and why not; see `by_decision`."""
        return by_decision(self.decisions, self.trade_log.frame())

    # -- backtrader's calls -----------------------------------------------------------------------

    def next_open(self) -> None:
        """Act before the session's open; under ``cheat_on_open=True`` only."""
        if self._at_open:
            self._session()

    def next(self) -> None:
        """Act after the session's close, without ``cheat_on_open``."""
        if self._at_open:
            self._dealer.orders.log_waiting()
        else:
            self._session()

    def prenext_open(self) -> None:
        """As `next_open`: the strategy does not wait for the youngest feed."""
        self.next_open()

    def prenext(self) -> None:
        """As `next`: the strategy does not wait for the youngest feed."""
        self.next()

    def close(self, data: Any = None, size: float | None = None, **kwargs: Any) -> Any:
        """As backtrader's, for scripts; what is being sold already is not sold twice."""
        feed = self.data if data is None else data
        feed = self.getdatabyname(feed) if isinstance(feed, str) else feed
        held = self.getposition(feed).size
        if held > 0 and (selling := self._dealer.orders.being_sold(feed)):
            left = held - selling
            if left <= 0:
                return None
            size = left if size is None else min(abs(size), left)
        return super().close(data=feed, size=size, **kwargs)

    def _notify(self, qorders: Any = (), qtrades: Any = ()) -> None:
        # Cerebro calls it, and it calls `notify_order`, which scripts override to print orders.
        for order in qorders if self.env.p.quicknotify else self._orderspending:
            if order.exectype != bt.Order.Historical or order.histnotify:
                self._dealer.orders.notify(order)
        super()._notify(qorders, qtrades)

    def _getminperstatus(self) -> int:
        """Return backtrader's count of bars to wait for, below 0 once all feeds have begun."""
        begun = self._minperstatus < 0
        return self._minperstatus if begun else super()._getminperstatus()

    # -- session, decision, plan, orders ----------------------------------------------------------

    def _session(self) -> None:
        """Act on the current session, once all its bars are there."""
        clock, execution = self._view.clock, self._execution
        today = clock.look()
        if today is None:
            return  # this session was acted on already
        self._dealer.begin(today)
        if self._at_open:
            execution.cancel_stale()  # the broker is about to fill what is left, at old bars too
        if not clock.ready(thorough=self._months.may_be_due(today)):
            return
        if not self._at_open:
            self._dealer.orders.log_waiting()
            execution.cancel_stale()
        month_end = self._months.next(today, clock.missed)
        decided = month_end is not None and self._decide(today, month_end)
        if self.p.retry and not decided:
            execution.retry(self._holdings.slots(today))

    def _decide(self, today: dt.date, month_end: dt.date) -> bool:
        """Rebalance to the best scores of a month-end; return whether there were any."""
        if self._first_day is not None and today < self._first_day:
            return False
        self._months.asked.append(month_end)
        # With a calendar today is the month-end: the decision comes after its close.
        before = today + dt.timedelta(days=1) if month_end == today else today
        bars = functools.cache(lambda: self._view.bars(before, today))
        scores = self._scores(month_end, before, bars)
        if scores.empty:
            logger.info("%s: no scores, so nothing is traded.", month_end)
            return False
        self.scores_by_month[pd.Timestamp(month_end)] = scores
        ranked = [name for name in rank(scores) if name in self.feeds]
        self._holdings.report_stale(today)
        self._holdings.report_short(today)
        cap = None
        if self.p.max_per_group is not None:
            day = pd.Timestamp(month_end)
            cap = GroupCap(self.p.max_per_group, groups_at(self.p.groups, day, bars))
        rebalance, why = self._execution.plan(ranked, self._holdings.slots(today), cap)
        log_rebalance(self.trade_log, today, rebalance, why, retry=self.p.retry)
        self.decisions.append(
            dict(
                date=pd.Timestamp(today),
                month_end=pd.Timestamp(month_end),
                wanted=tuple(ranked[: self.p.topk]),
                **rebalance.names(),
                why=why,
            )
        )
        self.trading_since = self.trading_since or pd.Timestamp(today)
        self._execution.rebalance(rebalance, ranked, weigher(self.p.weights, scores, bars))
        return True

    def _scores(self, month_end: dt.date, before: dt.date, bars: Callable[[], Bars]) -> pd.Series:
        """Return the scores to decide by; see `Scorer.scores`."""
        return self._scorer.scores(month_end, before, bars)

    # -- in a notebook ----------------------------------------------------------------------------

    def plot_tearsheet(self, *, height: int = 900, **settings: Any) -> Any:
        """Return the tear sheet for a notebook, which shows it in a frame.

        Parameters
        ----------
        height : int, default 900
            Of the frame, in pixels.
        **settings
            As of `attngru_bt.tearsheet.save`, such as `market`.

        Returns
        -------
        InlinePage
            Its `page` is the HTML.
        """
        inline = importlib.import_module("attngru_bt.reports.inline")
        return inline.tear_sheet(self, height=height, **settings)

    def _repr_html_(self) -> str:
        """Show the run as one line, above the last five fills."""
        log = self.trade_log.frame()
        fills = log[log["event"] == "fill"]
        value = f", worth {self.broker.getvalue():,.0f}" if self.broker is not None else ""
        line = f"{type(self).__name__}: {len(self.decisions)} decisions, {len(fills)} fills{value}"
        return f"<p>{html.escape(line)}</p>" + last_events(fills)
