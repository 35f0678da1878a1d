"""The analyzer that puts the rules to work in a run, settles delisted holdings and reports."""

from __future__ import annotations

import datetime as dt
from typing import Any

import backtrader as bt
import pandas as pd

from attngru_bt.feeds.roles import check_names
from attngru_bt.feeds.sessions import RunSessions
from attngru_bt.markets.exchange import Event, Exchange
from attngru_bt.markets.fees import Commission

# what broker.set_slippage_perc sets
_SLIPPAGE = ("slip_perc", "slip_fixed", "slip_open", "slip_limit", "slip_match", "slip_out")


class Clearing(bt.Analyzer):
    """Hands the broker its filler and fees at the start of a run, and takes them back at its end.

    An analyzer because that is what Cerebro starts before the strategy and calls every session;
    it needs nothing of the strategy. Of several strategies in one Cerebro, the first one's does it
    for all: they share the broker.

    Params
    ------
    rules : AShare

    Notes
    -----
    `get_analysis()` answers a list of `Event`; `frame()` the same as a DataFrame.
    """

    params: Any = dict(rules=None)

    def start(self) -> None:
        """Install filler and fees."""
        self.rets: list[Event] = []
        self._exchange: Exchange | None = None
        broker, feeds = self.strategy.broker, self.strategy.env.datas
        if not isinstance(broker, bt.brokers.BackBroker):
            raise ValueError(
                f"Market rules are parts of backtrader's simulated broker; {type(broker).__name__} "
                "is another, which has its market's own."
            )
        if broker.p.coc:
            raise ValueError(
                "Market rules cannot be kept with cheat-on-close, which fills at a close that has "
                "passed: use bt.Cerebro(cheat_on_open=True) or neither."
            )
        filler = broker.p.filler
        if isinstance(filler, Exchange) and filler.broker is broker and filler.token is self._token:
            return  # another strategy of this run has done it
        check_names(feed._name for feed in feeds)  # backtrader keeps fees by name
        self._before = _unwrap(filler)
        self._comminfo = {k: v for k, v in broker.comminfo.items() if not isinstance(v, Commission)}
        rules = self.p.rules
        self._exchange = rules.exchange(broker, feeds, self._before, self.strategy.__len__)
        self._exchange.token = self._token
        self.rets = self._exchange.events
        for feed in feeds:
            make: Any = Commission  # its metaclass takes the parameters
            broker.addcommissioninfo(make(fees=rules.fees, feed=feed), name=feed._name)
        broker.set_filler(self._exchange)
        self._slippage = {name: getattr(broker.p, name) for name in _SLIPPAGE}
        if rules.slippage:
            broker.set_slippage_perc(rules.slippage, slip_open=True, slip_out=False)
        self._settling: set[Any] = set()
        self._run: Any = RunSessions(feeds)

    @property
    def _token(self) -> Any:
        """What tells this run of the Cerebro from an earlier one that did not finish."""
        return self.strategy.env.runningstrats

    def next(self) -> None:
        """After each session: note who waits, settle who is gone."""
        if self._exchange is not None:
            session = self._run.day(self.strategy.lines.datetime[0])
            self._exchange.look(session)
            self._settle(self._exchange, session)

    def prenext(self) -> None:
        """As `next`: nobody waits for the youngest feed."""
        self.next()

    def _settle(self, exchange: Exchange, session: int) -> None:
        broker = self.strategy.broker
        held = [(data, pos) for data, pos in broker.positions.items() if pos.size > 0]
        today = dt.date.fromordinal(session)
        for data, position in held:
            day = exchange.day(data)
            if day == session:
                self._settling.discard(data)
                continue
            if data in self._settling:
                continue
            last = dt.date.fromordinal(day)
            reason = self.p.rules.gone(data._name, last, today)
            if not reason:
                continue
            for order in [o for o in broker.pending if o.data is data]:
                broker.cancel(order)
            price = float(data.close[0])
            order = broker.sell(
                owner=self.strategy,
                data=data,
                size=position.size,
                price=price,
                exectype=bt.Order.Historical,  # the one kind that fills on a feed without bars
                histnotify=True,
                _checksubmit=False,
                settlement=reason,
            )
            self._settling.add(data)
            self.rets.append(
                Event(today, data._name, "settled", "sell", position.size, reason, order.ref)
            )

    def stop(self) -> None:
        """Give the broker its own filler, fees and slippage back."""
        if self._exchange is None:
            return
        broker = self.strategy.broker
        if broker.p.filler is self._exchange:
            broker.set_filler(self._before)
        for name in [k for k, v in broker.comminfo.items() if isinstance(v, Commission)]:
            del broker.comminfo[name]
        broker.comminfo.update(self._comminfo)
        for name, value in self._slippage.items():
            setattr(broker.p, name, value)
        # results travel between processes (optstrategy): nothing here may hold feeds or broker
        self._exchange = self._before = self._run = None
        self._comminfo, self._settling = {}, set()

    def get_analysis(self) -> list[Event]:
        """Everything that was not as ordered, in the order it happened."""
        return self.rets

    def frame(self) -> pd.DataFrame:
        """Return the report as a DataFrame, one row per event."""
        frame = pd.DataFrame(self.rets, columns=list(Event._fields))
        frame["date"] = pd.to_datetime(frame["date"])
        return frame


def _unwrap(filler: Any) -> Any:
    """Return the user's own filler, below any an unfinished earlier run left behind."""
    while isinstance(filler, Exchange):
        filler = filler.before
    return filler
