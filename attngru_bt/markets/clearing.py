"""The analyzer that applies the rules in a run, settles delisted holdings and reports."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pandas as pd

from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.roles import check_names
from attngru_bt.feeds.sessions import RunSessions
from attngru_bt.markets.exchange import Event, Exchange
from attngru_bt.markets.fees import Commission

DIGITS = 6  # of a code
# what broker.set_slippage_perc sets
_SLIPPAGE = ("slip_perc", "slip_fixed", "slip_open", "slip_limit", "slip_match", "slip_out")


class Clearing(bt.Analyzer):
    """Sets filler and fees of the broker for a run, and restores the broker's own at its end.

    This is an analyzer because Cerebro starts analyzers before the strategy and calls them in each
    session; it needs nothing from the strategy. Strategies in one Cerebro share the broker, so the
    analyzer of the first one works for all.

    Params
    ------
    rules : AShare

    Notes
    -----
    `get_analysis()` returns a list of `Event`, and `frame()` the same as a DataFrame.
    """

    params: Any = dict(rules=None)

    def start(self) -> None:
        """Install filler and fees."""
        self.rets: list[Event] = []
        self._exchange: Exchange | None = None
        broker, feeds = self.strategy.broker, self.strategy.env.datas
        if not isinstance(broker, bt.brokers.BackBroker):
            raise ValueError(
                "Market rules work with backtrader's simulated broker only; got "
                f"{type(broker).__name__}, whose market has rules of its own."
            )
        if broker.p.coc:
            raise ValueError(
                "Market rules cannot be kept with cheat-on-close, which fills at a close that has "
                "passed: use bt.Cerebro(cheat_on_open=True) or neither."
            )
        filler = broker.p.filler
        if isinstance(filler, Exchange) and filler.broker is broker and filler.token is self._token:
            return  # done by the analyzer of another strategy of this run
        check_names(feed._name for feed in feeds)  # backtrader keeps fees by name
        for feed in feeds:
            if feed._name.isdecimal() and len(feed._name) < DIGITS:
                raise ValueError(
                    f"Market rules: the feed {feed._name!r} has lost the zeros in front of its "
                    f"code, which tells exchange and board; name it {feed._name.zfill(DIGITS)!r}."
                )
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
        """An object of this run, to recognize the filler of an earlier run that did not finish."""
        return self.strategy.env.runningstrats

    def next(self) -> None:
        """After each session: note waiting orders and settle delisted holdings."""
        if self._exchange is not None:
            session = self._run.day(self.strategy.lines.datetime[0])
            self._exchange.look(session)
            self._settle(self._exchange, session)

    def prenext(self) -> None:
        """Do as `next`, without waiting for feeds that have not started."""
        self.next()

    def _settle(self, exchange: Exchange, session: int) -> None:
        """Sell holdings that count as delisted, at their last traded price and without fees."""
        broker = self.strategy.broker
        held = [(data, pos) for data, pos in broker.positions.items() if pos.size > 0]
        today = dt.date.fromordinal(session)
        for data, position in held:
            day = exchange.session.day(data)
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
                exectype=bt.Order.Historical,  # the only kind that fills on a feed without bars
                histnotify=True,
                _checksubmit=False,
                settlement=reason,
            )
            self._settling.add(data)
            self.rets.append(
                Event(today, data._name, "settled", "sell", position.size, reason, order.ref)
            )

    def stop(self) -> None:
        """Restore filler, fees and slippage of the broker."""
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
        # optstrategy pickles results, so nothing here may keep a reference to feeds or broker
        self._exchange = self._before = self._run = None
        self._comminfo, self._settling = {}, set()

    def get_analysis(self) -> list[Event]:
        """Return the report of the exchange, in the order of events."""
        return self.rets

    def frame(self) -> pd.DataFrame:
        """Return the report as a DataFrame, one row per event."""
        frame = pd.DataFrame(self.rets, columns=list(Event._fields))
        frame["date"] = pd.to_datetime(frame["date"])
        return frame


def _unwrap(filler: Any) -> Any:
    """Return the user's own filler, below one that an unfinished earlier run left behind."""
    while isinstance(filler, Exchange):
        filler = filler.before
    return filler
