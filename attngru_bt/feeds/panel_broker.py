"""PanelBroker: backtrader's simulated broker without the work of days on which nothing is ordered.

`BackBroker` walks through its books four times a day with several calls per position, though on
most days no order is live. On such days there is one loop here over the positions and the arrays of
the feeds; on a day with orders backtrader's own code runs. Fills, cash, values and notifications
are the same to the bit.
"""

from __future__ import annotations

import functools
from typing import Any, cast

from attngru_bt.feeds.engine import bt, names_used
from attngru_bt.feeds.panel_feed import PanelFeed

# the methods of a commission scheme that value a position and charge for holding it
_VALUING = (
    "getvaluesize",
    "profitandloss",
    "cashadjust",
    "get_leverage",
    "get_credit_interest",
    "_get_credit_interest",
)

# The names that those methods of backtrader's broker use whose work is done here. An engine whose
# methods use others keeps its books in another way.
_BOOKS = {
    "next": """
        Completed Order _bracketize _get_value _ococheck _process_order_history _toactivate
        _try_exec activate active adjbase alive append cash cashadjust check_submitted checksubmit
        close d_credit datetime expire get_credit_interest getcommissioninfo items notify p pending
        popleft positions size status
    """,
    "_get_value": """
        _cash_addition _fundhist _fundshares _fundval _leverage _process_fund_history _unrealized
        _value _valuelever _valuemkt _valuemktlever abs cash close get_leverage getcommissioninfo
        getvalue getvaluesize len p popleft positions price profitandloss shortcash size
    """,
    "notify": "append clone notifs",
}


class PanelBroker(bt.brokers.BackBroker):
    """A faster `bt.brokers.BackBroker` for positions in `PanelFeed` feeds.

    It takes the parameters of `BackBroker` and does all that it does. It values the account in its
    own way for plain stocks on feeds that were loaded as whole columns, and leaves whatever else is
    in the books to `BackBroker`: other feeds, bars that come one by one (live, ``preload=False``,
    ``exactbars=1``, resampled), futures, leverage, credit interest, commission schemes with a
    valuation of their own, ``shortcash=False``, histories of orders or of a fund. On an engine
    whose broker keeps its books in another way than backtrader's it is that broker.

    Examples
    --------
    >>> cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    >>> cerebro.broker = PanelBroker()
    """

    def init(self) -> None:
        """Start afresh; called when the broker is made and at the start of each run."""
        super().init()
        self._known = _knows_the_books()
        self._columns: dict[Any, tuple[Any, Any]] = {}  # closes and time stamps of feeds

    def stop(self) -> None:
        """Let go of the feeds' arrays; called at the end of a run."""
        super().stop()
        self._columns = {}

    def next(self) -> None:
        """Bring the account to the newest bars, and try the orders if there are any."""
        if not self._known:
            super().next()
            return
        busy = self.submitted or self.pending or self._toactivate or self._userhist
        if busy or not self._value_account(new_bars=True):
            super().next()

    def notify(self, order: Any) -> None:
        """Hand a copy of the order to its owner."""
        if self._known:
            self.notifs.append(_copied(order))
        else:
            super().notify(order)

    def submit(self, order: Any, check: bool = True) -> Any:
        """Take an order."""
        if self._known:
            # read often, and a read of a parameter begins with a failed lookup
            p = order.p
            order.__dict__.update(owner=p.owner, data=p.data, tradeid=p.tradeid, parent=p.parent)
        return super().submit(order, check=check)

    def _get_value(self, datas: Any = None, lever: bool = False) -> float:
        if datas or not self._known or not self._value_account(new_bars=False):
            return super()._get_value(datas, lever)  # type: ignore[no-any-return]
        return self._valuelever if lever else self._value

    def _value_account(self, *, new_bars: bool) -> bool:
        """Value the account as `BackBroker` does, and return True; False: it must do so itself.

        The operations are those of `CommInfoBase` for stocks, in the order of `BackBroker`, since
        the last bits of the sums depend on it.

        Parameters
        ----------
        new_bars : bool
            Whether to note the newest bars in the positions as well. Where nothing is charged for
            holding them, this is all that `BackBroker.next` does without orders, and it does no
            harm if `BackBroker` then does the same.
        """
        if self._fundhist or self._cash_addition or not self.p.shortcash:
            return False
        schemes, columns, credits = self.comminfo, self._columns, self.d_credit
        usual, checked = schemes[None], None
        worth = unlevered = unrealized = 0.0
        for data, position in self.positions.items():
            scheme = schemes.get(data._name, usual)
            if scheme is not checked:
                if not _is_stock(scheme):
                    return False
                checked = scheme
            if data not in columns:
                if not (isinstance(data, PanelFeed) and data.in_bulk):
                    return False
                columns[data] = data.lines.close.array, data.lines.datetime
            closes, stamps = columns[data]
            row = stamps._idx
            close, size = closes[row], position.size
            value, gain = size * close, size * (close - position.price)
            worth += value
            unrealized += gain
            if value > 0:
                unlevered += value - gain
                unlevered += gain
            else:
                unlevered += value
            if new_bars and size:
                if data not in credits:
                    credits[data] = 0.0
                position.datetime = stamps.datetime()
                position.adjbase = close
        if new_bars:
            self.cash -= 0.0  # a whole number becomes a float
        self._value = self.cash + unlevered
        self._fundval = self._value / self._fundshares
        self._valuemkt, self._valuemktlever = unlevered, worth
        self._valuelever = self.cash + worth
        self._leverage = worth / (unlevered or 1.0)
        self._unrealized = unrealized
        return True


def _knows_the_books() -> bool:
    """Whether the engine's broker keeps its books as backtrader's does."""
    kind = bt.brokers.BackBroker
    return all(names_used(getattr(kind, name)) == set(_BOOKS[name].split()) for name in _BOOKS)


def _is_stock(scheme: Any) -> bool:
    """Whether a position is worth size times close under this scheme, and costs nothing to hold."""
    p, kind = scheme.p, cast(Any, type(scheme))
    return bool(
        scheme._stocklike
        and p.mult == 1.0
        and p.leverage == 1.0
        and not scheme._creditrate
        and _values_as_usual(kind)
    )


@functools.cache
def _values_as_usual(kind: Any) -> bool:
    return all(getattr(kind, name) is getattr(bt.CommInfoBase, name) for name in _VALUING)


def _copied(order: Any) -> Any:
    """Return what ``order.clone()`` returns, without the slow way through the module ``copy``."""
    if type(order) is not bt.order.BuyOrder and type(order) is not bt.order.SellOrder:
        return order.clone()
    executed = order.executed
    executed.markpending()
    twin = object.__new__(type(order))
    twin.__dict__.update(order.__dict__)
    twin.executed = object.__new__(type(executed))
    twin.executed.__dict__.update(executed.__dict__)
    return twin
