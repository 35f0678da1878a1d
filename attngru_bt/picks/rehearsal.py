"""A rehearsal of the next session: what the strategy of a backtest would order if prices stayed.

One more session is added to the bars, in which each stock that traded last opens, trades and closes
at its last close, and `MonthlyTopK` runs over it with the holdings of the account. So decision,
sizes, lots, fees and limits are those of a backtest, and nothing of them is written a second time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from attngru_bt.data.bars import Bars
from attngru_bt.data.rows import GROUP_LINES
from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.market_feeds import add_feeds
from attngru_bt.markets import exchange_of
from attngru_bt.markets.limits import adjfactor
from attngru_bt.picks.next_session import factors_of, kept, one_more
from attngru_bt.picks.obstacles import Obstacles, obstacle
from attngru_bt.picks.portfolio import Portfolio
from attngru_bt.trading.account import open_account
from attngru_bt.trading.monthly import MonthlyTopK
from attngru_bt.trading.months import Months
from attngru_bt.trading.sizing import Lots


@dataclass(frozen=True)
class Rehearsed:
    """What the strategy did in the session to come.

    Attributes
    ----------
    decision : dict
        As in `MonthlyTopK.decisions`.
    log : DataFrame
        `TradeLog.frame()` of that session, and of what the market's rules settled before it.
        Sizes are units of the feed, prices those of the feed.
    limits : dict of str to (float, float)
        Lowest and highest price of the session by name, in prices of the feed; 0 and infinity
        where there is no limit.
    cash : float
        At the start of the session, before its orders.
    lots : dict of str to (float, float)
        Least size of a buy and the steps it comes in by name, in units of the feed.
    """

    decision: dict[str, Any]
    log: pd.DataFrame
    limits: dict[str, tuple[float, float]] = field(default_factory=dict)
    cash: float = 0.0
    lots: dict[str, tuple[float, float]] = field(default_factory=dict)


class LastSession(Months):
    """Says that the decision is due in one session, whether or not a month begins with it.

    Parameters
    ----------
    session : date
    """

    def __init__(self, session: dt.date) -> None:
        super().__init__(None)
        self.session = session

    def begins_with(self, today: dt.date) -> bool:
        """Whether it is this session."""
        return today == self.session


class RehearsalStrategy(MonthlyTopK):
    """The monthly strategy with the holdings of an account, and one decision: in the last session.

    Params
    ------
    session : date
        The session to come.
    n_sessions : int
        Sessions of the run, that one included. Two sessions before it the holdings are put into
        the account.
    units : mapping of str to float
        The holdings, in units of the feeds.
    cash : float
    foresee : bool, default True
        Note what could not be traded in the session before, as the session to come is not known.
    """

    params: Any = dict(session=None, n_sessions=None, units=None, cash=None, foresee=True)

    def start(self) -> None:
        """Start as any monthly strategy does."""
        self.limits: dict[str, tuple[float, float]] = {}
        self.least_and_step: dict[str, tuple[float, float]] = {}
        self.cash_before = 0.0
        self.sessions_to_come = int(self.p.n_sessions)
        super().start()

    def make_months(self) -> Months:
        """Decide in the session to come."""
        return LastSession(self.p.session)

    def make_lots(self) -> Lots:
        """Return the lots, with the obstacles of the last session."""
        self.obstacles = Obstacles(super().make_lots())
        return self.obstacles

    def lot_of(self, data: bt.DataBase) -> float:
        """Return the lot in units of the feed: real shares are whole, units need not be."""
        return float(self.p.lot) / adjfactor(data)

    def next_open(self) -> None:
        """Open the account near the end, and look at the limits of the session to come."""
        self.sessions_to_come -= 1
        # a session before the last, so that what is delisted has been settled by then
        if self.sessions_to_come == min(2, self.p.n_sessions - 1):
            self.broker.setcash(self.p.cash)
            for data in self.datas:
                if units := self.p.units.get(data._name):
                    self.broker.positions[data].update(units, data.close[0])
        if not self.sessions_to_come:
            self.cash_before = float(self.broker.get_cash())
            exchange = exchange_of(self.broker)
            self.least_and_step = {d._name: self.obstacles.lot(d) for d in self._fresh()}
            if exchange is not None:
                self.limits = {d._name: exchange.limits.prices(d)[::-1] for d in self._fresh()}
        super().next_open()

    def next(self) -> None:
        """After the last session: note what could not be traded in it."""
        super().next()
        exchange = exchange_of(self.broker)
        if self.sessions_to_come != 1 or exchange is None or not self.p.foresee:
            return
        for data in self._fresh():
            for side in ("buy", "sell"):
                if reason := obstacle(exchange, data, side):
                    day = data.datetime.date(0)
                    self.obstacles.seen[data._name, side] = f"{reason} on {day}"

    def _fresh(self) -> list[Any]:
        """Return the feeds with a bar in the current session."""
        days = {data: data.datetime[0] for data in self.datas if len(data)}
        return [data for data, day in days.items() if day == max(days.values())]


def rehearse(
    bars: Bars,
    session: pd.Timestamp,
    scores: pd.Series,
    portfolio: Portfolio,
    *,
    universe: Any,
    commission: float | None,
    slippage: float,
    rules: Any,
    params: Mapping[str, Any],
    opened: bool = False,
) -> Rehearsed:
    """Run the strategy over one more session at the last closes.

    Parameters
    ----------
    bars : Bars
        All that is known.
    session : Timestamp
        The session to come.
    scores : Series, index asset
        Of names in the universe.
    portfolio : Portfolio
        Real shares, and cash.
    universe : object with ``at(date)`` or None
    commission, slippage, rules
        See `attngru_bt.backtest.run`.
    params : mapping
        Parameters of `MonthlyTopK`, such as `topk`.
    opened : bool, default False
        The session is over and the bars end with it: it is traded as it was.

    Returns
    -------
    Rehearsed
    """
    if callable(params.get("weights")):  # it may look at whatever it sees in a backtest
        chosen, more = bars, tuple(bars.lines)
    else:
        own = params.get("groups")
        more = (*GROUP_LINES, own) if isinstance(own, str) else GROUP_LINES
        chosen = bars.select([n for n in bars.assets if n in scores.index or n in portfolio.shares])
        universe = None  # who is scored is in it; that the others have no bars here is no news
    longer = kept(chosen, more) if opened else one_more(chosen, session, more)
    factor = factors_of(longer.rows(0, len(longer) - 1))
    # backtrader's broker cannot begin with nothing
    cerebro = open_account(max(portfolio.cash, 1.0), commission, slippage, rules)
    add_feeds(cerebro, replace(longer, benchmark=None, benchmark_open=None))
    cerebro.addstrategy(
        RehearsalStrategy,
        session=session.date(),
        n_sessions=int(longer.traded.any(axis=1).sum()),
        units={name: shares / factor[name] for name, shares in portfolio.shares.items()},
        cash=portfolio.cash,
        foresee=not opened,
        **{
            **params,
            "signal": scores.to_frame(bars.dates[0]).T,  # known before any session that is traded
            "universe": universe,
            "benchmark": (),
            "start": session.date(),
        },
    )
    strategy = cerebro.run()[0]
    log = strategy.trade_log.frame()
    return Rehearsed(
        strategy.decisions[-1],
        log,
        strategy.limits,
        strategy.cash_before,
        strategy.least_and_step,
    )
