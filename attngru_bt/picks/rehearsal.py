"""The next session, rehearsed: what the strategy of a backtest would order if prices stayed.

The plan is not written anew here. One more session is added to the bars, in which each stock that
traded last opens, trades and closes at its last close, and `MonthlyTopK` runs over it with the
holdings of the account: the decision, the sizes, lots, fees and limits are those of a backtest.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.data.bars import Bars
from attngru_bt.data.rows import GROUP_LINES
from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.panel_feed import add_feeds
from attngru_bt.markets import Exchange, exchange_of
from attngru_bt.markets.limits import adjfactor
from attngru_bt.picks.portfolio import Portfolio
from attngru_bt.trading.account import open_account
from attngru_bt.trading.monthly import MonthlyTopK
from attngru_bt.trading.months import Months
from attngru_bt.trading.sizing import Lots

# lines that the strategy and the rules of a market look at
STAY = ("open", "high", "low", "close", "preclose")  # at the last close
OTHERS = ("volume", "adjfactor", "traded", "st", "delisting")


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


class ScoresAtHand:
    """A signal of one decision: scores that are there already, whatever the month-end.

    Parameters
    ----------
    scores : Series, index asset
    """

    def __init__(self, scores: pd.Series) -> None:
        self.scores_at_hand = scores

    @property
    def assets(self) -> list[str]:
        """Names that have a score."""
        return list(self.scores_at_hand.index)

    def at(self, month_end: pd.Timestamp, before: pd.Timestamp | None = None) -> pd.Series:
        """Return the scores."""
        return self.scores_at_hand

    def why_no_scores(self, last: dt.date) -> str:
        """Say why there were none, as the rest of a sentence."""
        return "no stock has a score."


class Obstacles:
    """What may be ordered in the session to come, as far as the last session tells.

    Parameters
    ----------
    lots : Lots
        What may be ordered otherwise.

    Attributes
    ----------
    seen : dict of (str, str) to str
        Name of a feed and side → what held an order up in the last session.
    """

    def __init__(self, lots: Lots) -> None:
        self._lots = lots
        self.seen: dict[tuple[str, str], str] = {}

    @property
    def waiting(self) -> Mapping[int, str]:
        """Orders that the market did not let fill."""
        return self._lots.waiting

    def lot(self, data: Any) -> tuple[float, float]:
        """Least size of a buy, and the steps it comes in."""
        return self._lots.lot(data)

    def sell_size(self, data: Any, size: float) -> float:
        """Largest size up to `size` that may be sold."""
        return self._lots.sell_size(data, size)

    def closed_to(self, data: Any, side: str) -> str:
        """Say why an order should not be counted on; empty if nothing is known."""
        return self.seen.get((data._name, side), "") or self._lots.closed_to(data, side)


class LastSession(Months):
    """Says that the decision is due in one session, the first of a month or not.

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
        What is held, in units of the feeds.
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
        """Note what the last session tells."""
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


def obstacle(exchange: Exchange, data: Any, side: str) -> str:
    """Say what would have held an order up in the session at hand; empty if nothing."""
    exchange.session.end(exchange.session.latest())
    if suspended := exchange.session.suspension(data):
        return suspended.partition(":")[0]
    limit = exchange.limits.locked_at(data, side)
    which = "up" if side == "buy" else "down"
    return "" if math.isnan(limit) else f"locked at its {which} limit"


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
    names = [n for n in bars.assets if n in scores.index or n in portfolio.shares]
    if callable(params.get("weights")):  # it sees what it sees in a backtest
        names = list(bars.assets)
    every = callable(params.get("weights"))  # it may look at any line
    own = params.get("groups")
    more: tuple[str, ...] = (*GROUP_LINES, own) if isinstance(own, str) else GROUP_LINES
    more = tuple(bars.lines) if every else more
    chosen = bars.select(names)
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
            "signal": ScoresAtHand(scores),
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


def kept(bars: Bars, more: Iterable[str] = ()) -> Bars:
    """Keep the lines that the strategy and the rules look at, and `more`."""
    names = [name for name in dict.fromkeys((*STAY, *OTHERS, *more)) if name in bars]
    return Bars(bars.dates, bars.assets, {name: bars[name] for name in names})


def one_more(bars: Bars, session: pd.Timestamp, more: Iterable[str] = ()) -> Bars:
    """Add a session in which every stock that has a bar in the last one stays at its close.

    The lines that the strategy and the rules look at are kept, and `more`.
    """
    lines = {}
    close = bars["close"][-1]
    for name, values in kept(bars, more).lines.items():
        added = close if name in STAY else values[-1]
        if name == "traded":
            added = np.ones(len(close))
        elif name == "volume":  # whether it trades is not known: the last session is looked at
            added = np.where(values[-1] > 0, values[-1], 1.0)
        lines[name] = np.vstack([values, np.where(np.isnan(close), np.nan, added)])
    return Bars(pd.DatetimeIndex([*bars.dates, session]), bars.assets, lines)


def factors_of(bars: Bars) -> dict[str, float]:
    """Return the newest adjustment factor by name; 1 without that line."""
    if "adjfactor" not in bars:
        return dict.fromkeys(bars.assets, 1.0)
    values = pd.DataFrame(bars["adjfactor"]).ffill().iloc[-1].fillna(1.0)
    return dict(zip(bars.assets, map(float, values), strict=True))
