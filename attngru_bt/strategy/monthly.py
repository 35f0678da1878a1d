"""When to ask for scores and what to hold: the plug-in itself.

A script subclasses it and sets ``params``, or passes them to ``cerebro.addstrategy``.
"""

from __future__ import annotations

import datetime as dt
import difflib
import logging
from collections.abc import Iterable
from typing import Any

import backtrader as bt
import pandas as pd

from attngru_bt.bars import DataError, FeedReader
from attngru_bt.execution import Execution
from attngru_bt.rebalance import Plan, plan, rank
from attngru_bt.scores import GivenScores
from attngru_bt.tradelog import TradeLog

logger = logging.getLogger(__name__)


class MonthlyTopK(bt.Strategy):
    """Hold the `topk` best scores, decided anew at each month-end.

    Acts before the first session of a new month, on bars dated earlier. Names that left the best
    `topk` are sold first, entrants share the cash equally, names that stay are left alone.

    With ``bt.Cerebro(cheat_on_open=True)`` orders are sized on that session's opens and fill at
    them. Without it the same decision fills one session later, and a warning says so once.

    Params
    ------
    topk : int, default 10
        How many names to hold.
    signal : object, default None
        Anything with ``scores(bars) -> Series`` (a `SignalGenerator`; it is cloned, so that each
        run starts afresh), or a DataFrame of given scores (dates × assets; the latest row not
        after the month-end counts).
    universe : object with ``at(date)``, default None
        Who may be held, such as `Membership`. None: every feed but the benchmark.
    benchmark : str or sequence of str, default None
        Feeds that are not traded; the first is the benchmark of factors that need one. None: the
        feeds that analyzers of this Cerebro name as their `benchmark`, and the one that
        `add_feeds` added as such.
    reserve : float, default 0.0
        Share of the portfolio value that stays in cash.
    rebalance : {"entrants", "full"}, default "entrants"
        Leave names that stay alone, or trade every name to an equal weight.
    substitute : bool, default True
        Pass over an entrant without a bar for the next in rank; False: its share waits in cash.
    start : date or str, default None
        No decision before this date.
    stale_days : int, default 180
        A holding without a bar for so many calendar days no longer counts as a slot. It is kept
        at its last price and reported once. (That a feed has ended for good cannot be known on
        the day without looking ahead.)
    lot : float, default 1
        Shares per lot; 0 allows fractions of a share.
    calendar : bt.TradingCalendar, default None
        Lets the decision fall on the close of a month's last session instead, in live use too;
        of use without ``cheat_on_open`` only.

    Attributes
    ----------
    trade_log : TradeLog
        Every order, fill, cancellation and reason not to trade.
    decisions : list of dict
        Per decision: date, month_end, wanted, exits, entrants, stayers, stuck, passed.
    trading_since : Timestamp or None
        Session of the first decision.
    """

    params: Any = dict(
        topk=10,
        signal=None,
        universe=None,
        benchmark=None,
        reserve=0.0,
        rebalance="entrants",
        substitute=True,
        start=None,
        stale_days=180,
        lot=1,
        calendar=None,
    )

    def __init__(self, **unknown: Any) -> None:
        for name in unknown:
            near = difflib.get_close_matches(name, self.params._getkeys(), n=1)
            hint = f" Did you mean `{near[0]}`?" if near else ""
            raise TypeError(f"{type(self).__name__} has no parameter `{name}`.{hint}")
        self.trade_log = TradeLog()
        self.decisions: list[dict[str, Any]] = []
        self.trading_since: pd.Timestamp | None = None

    # -- set-up -----------------------------------------------------------------------------------

    def start(self) -> None:
        """Check parameters and feeds; called by Cerebro."""
        self._check_params()
        if any(isinstance(s, MonthlyTopK) and s is not self for s in self.env.runningstrats):
            raise ValueError(
                "Two monthly strategies in one Cerebro would trade the same cash and sell each "
                "other's holdings: give each a Cerebro of its own."
            )
        self._set_feeds()
        self._check_universe()
        self.signal = self._make_signal()
        self._start_date = None if self.p.start is None else pd.Timestamp(self.p.start).date()
        self._at_open = bool(self.env.p.cheat_on_open and getattr(self.broker.p, "coo", False))
        if not self._at_open and self.p.calendar is None:
            logger.warning(
                "Cerebro runs without cheat_on_open=True: what is decided before a session fills "
                "at the open of the session after it. bt.Cerebro(cheat_on_open=True) fills it at "
                "the session's own open."
            )
        self._latest = 0.0  # date number of the session at hand, as backtrader counts
        self._month_end: dt.date | None = None  # the session before it
        self._abandoned: set[str] = set()
        self.execution = Execution(
            self,
            self._feeds,
            self.trade_log,
            lot=self.lot_of,
            has_bar=self._has_bar,
            at_open=self._at_open,
        )

    def _check_params(self) -> None:
        p = self.p
        for name in ("topk", "stale_days"):
            value = getattr(p, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise ValueError(f"`{name}` must be a whole number of at least 1; got {value!r}.")
        if not 0 <= p.reserve < 1:
            raise ValueError(f"`reserve` must be a fraction in [0, 1); got {p.reserve!r}.")
        if p.rebalance not in ("entrants", "full"):
            raise ValueError(f"`rebalance` must be 'entrants' or 'full'; got {p.rebalance!r}.")
        if p.lot < 0:
            raise ValueError(f"`lot` must be positive, or 0 for fractions; got {p.lot!r}.")
        if p.universe is not None and not hasattr(p.universe, "at"):
            raise TypeError(
                f"`universe` must have a method at(date) that gives a set of names, such as "
                f"attngru_bt.Membership; got {type(p.universe).__name__}."
            )

    def _check_universe(self) -> None:
        universe = self.p.universe
        problems = universe.check(self._feeds) if hasattr(universe, "check") else []
        if problems and not set(getattr(universe, "symbols", self._feeds)) & set(self._feeds):
            raise DataError(problems[-1])
        for problem in problems:
            logger.warning(problem)

    def _set_feeds(self) -> None:
        names = [data._name for data in self.datas]
        for name in names:
            if not name:
                raise DataError(
                    "A feed has no name, so its stock cannot be told in scores and reports: use "
                    "cerebro.adddata(feed, name='...')."
                )
            if names.count(name) > 1:
                raise DataError(
                    f"Two feeds are named {name!r}, and reports would merge them: give each a "
                    f"name of its own with cerebro.adddata(feed, name='...')."
                )
        marks = self._benchmarks(names)
        by_name = dict(zip(names, self.datas, strict=True))
        self._feeds: dict[str, Any] = {n: d for n, d in by_name.items() if n not in marks}
        if not self._feeds:
            raise DataError("Every feed is a benchmark: add feeds of the stocks to choose from.")
        self._stamps = {name: data.lines.datetime for name, data in self._feeds.items()}
        self._reader = FeedReader(
            list(self._feeds.values()), benchmark=by_name[marks[0]] if marks else None
        )

    def _benchmarks(self, names: list[str]) -> tuple[str, ...]:
        """Names of the feeds that are not traded."""
        marks = self.p.benchmark
        if marks is None:
            named = [kwargs.get("benchmark") for _, _, kwargs in self.env.analyzers]
            named += [d._name for d in self.datas if getattr(d, "is_benchmark", False)]
            return tuple(dict.fromkeys(m for m in named if isinstance(m, str) and m in names))
        marks = (marks,) if isinstance(marks, str) else tuple(marks)
        for mark in marks:
            if mark not in names:
                near = difflib.get_close_matches(mark, names, n=1)
                hint = f" Did you mean {near[0]!r}?" if near else ""
                raise DataError(f"`benchmark`: no feed is named {mark!r}.{hint}")
        return marks

    def _make_signal(self) -> Any:
        """Return what is asked for scores; a generator is cloned, so that a run starts afresh."""
        signal = self.p.signal
        if isinstance(signal, pd.DataFrame):
            if not set(map(str, signal.columns)) & set(self._feeds):
                raise DataError(
                    f"`signal`: no column of the given scores is the name of a feed (columns such "
                    f"as {str(signal.columns[0])!r}, feeds such as {next(iter(self._feeds))!r})."
                )
            return GivenScores(signal)
        if not hasattr(signal, "scores"):
            raise TypeError(
                f"`signal` must be a DataFrame of scores or have a method scores(bars); "
                f"got {type(signal).__name__}."
            )
        if hasattr(signal, "get_params"):
            from sklearn.base import clone

            signal = clone(signal)
            if self.p.universe is not None and getattr(signal, "universe", self) is None:
                signal.set_params(universe=self.p.universe)
        return signal

    def stop(self) -> None:
        """Hand the broker's filler back; called by Cerebro."""
        self.execution.close()

    def lot_of(self, data: Any) -> float:
        """Shares per lot of a feed; override where feeds differ."""
        return float(self.p.lot)

    # -- the clock --------------------------------------------------------------------------------

    def next_open(self) -> None:
        """Act before the session's open; under ``cheat_on_open=True`` only."""
        if self._at_open:
            self._session()

    def next(self) -> None:
        """Act after the session's close, without ``cheat_on_open``."""
        if not self._at_open:
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
        today = self._new_session()
        if today is None:
            return
        self.execution.session = today
        self.execution.drop_stale()
        previous, self._month_end = self._month_end, today
        if self.p.calendar is not None and not self._at_open:
            if self.p.calendar.last_monthday(dt.datetime.combine(today, dt.time())):
                self._decide(today, month_end=today, before=today + dt.timedelta(days=1))
        elif previous is not None and (previous.year, previous.month) != (today.year, today.month):
            self._decide(today, month_end=previous, before=today)
        self.execution.retry_exits()

    def _new_session(self) -> dt.date | None:
        """Date of the session at hand, or None if no stock has a bar of a new day."""
        for name, clock in self._stamps.items():
            if len(clock) and clock[0] > self._latest:
                today = dt.date.fromordinal(int(clock[0]))
                if int(clock[0]) == int(self._latest):
                    raise DataError(
                        f"{name}: a second bar on {today}, at another time of day. Feeds must be "
                        f"daily and stamp a session alike (see a CSV feed's `sessionend`; "
                        f"intraday feeds go through cerebro.resampledata)."
                    )
                self._latest = clock[0]
                return today
        return None

    def _has_bar(self, name: str) -> bool:
        """Whether a feed has a bar in the session at hand; a suspended one still shows its last."""
        clock = self._stamps[name]
        return len(clock) > 0 and clock[0] == self._latest

    # -- the decision -----------------------------------------------------------------------------

    def _decide(self, today: dt.date, month_end: dt.date, before: dt.date) -> None:
        """Ask for the scores of `month_end`, on bars dated `before`, and rebalance."""
        if self._start_date is not None and today < self._start_date:
            return
        if isinstance(self.signal, GivenScores):
            scores = self._of_universe(self.signal.at(pd.Timestamp(month_end)), month_end)
        else:
            scores = self.signal.scores(self._reader.read(before=pd.Timestamp(before)))
        if scores.empty:
            logger.info("%s: no scores, so nothing is traded.", month_end)
            return
        ranked = [name for name in rank(scores) if name in self._feeds]
        tradable = {name for name in self._feeds if self.execution.tradable(name)}
        todo = plan(ranked, self._held(today), tradable, self.p.topk, substitute=self.p.substitute)
        self._report(todo, ranked[: self.p.topk], today, month_end)
        self.execution.rebalance(
            todo, self.p.topk, self.p.reserve, equalise=self.p.rebalance == "full"
        )

    def _of_universe(self, scores: pd.Series, month_end: dt.date) -> pd.Series:
        if self.p.universe is None:
            return scores
        return scores[scores.index.isin(self.p.universe.at(pd.Timestamp(month_end)))]

    def _held(self, today: dt.date) -> set[str]:
        """Names that fill a slot: with a position, and a bar not too long ago."""
        held: set[str] = set()
        for data, position in self.broker.positions.items():
            name = data._name
            if not position.size or name not in self._feeds or self._feeds[name] is not data:
                continue
            last = dt.date.fromordinal(int(data.lines.datetime[0]))
            if (today - last).days <= self.p.stale_days:
                held.add(name)
                self._abandoned.discard(name)
            elif name not in self._abandoned:
                self._abandoned.add(name)
                reason = f"no bar since {last}: kept at its last price, no longer a slot"
                logger.warning("%s: %s", name, reason)
                price = float(data.close[0])
                self.trade_log.add(
                    today, name, "stale", size=position.size, price=price, reason=reason
                )
        return held

    def _report(
        self, todo: Plan, wanted: Iterable[str], today: dt.date, month_end: dt.date
    ) -> None:
        for name in todo.passed:
            self.trade_log.add(today, name, "passed", "buy", reason="no bar today")
        for name in todo.stuck:
            self.trade_log.add(today, name, "stuck", "sell", reason="no bar today, to be retried")
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
            )
        )
        if self.trading_since is None:
            self.trading_since = pd.Timestamp(today)
