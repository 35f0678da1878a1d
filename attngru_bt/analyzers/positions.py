"""All positions and transactions of a run: backtrader's PyFolio analyzer, with every name kept."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.analyzers.record import Record
from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.roles import check_names

CASH = "cash"


class Positions(Record):
    """Record returns, positions, transactions and leverage in the form pyfolio reads.

    Use it in place of `bt.analyzers.PyFolio`, whose `get_pf_items` keeps only the last feed and the
    cash. Here the positions have a column per feed plus cash, and their row sums are the broker's
    value, so they reproduce the returns. Many feeds cost little: only held positions are recorded.

    Parameters
    ----------
    start, fund
        See :class:`~attngru_bt.analyzers.record.Record`.

    Raises
    ------
    ValueError
        At the start of the run, if two feeds have one name (they would merge) or one is "cash".
    """

    def start(self) -> None:
        """Name the feeds."""
        super().start()
        self._names = [feed._name or f"Data{i}" for i, feed in enumerate(self.strategy.datas)]
        check_names(self._names)
        if CASH in self._names:
            raise ValueError('A feed is named "cash", which pyfolio takes for the cash; rename it.')
        self._columns = {id(feed): i for i, feed in enumerate(self.strategy.datas)}
        self._book: dict[int, _Entry] = {}
        self._cash = self.strategy.broker.getcash()
        self._cashes: list[float] = []
        # flat, one entry per bar and open position
        self._held: dict[str, list[Any]] = {
            name: [] for name in ("bar", "column", "size", "close", "value")
        }
        self._open: list[tuple[Any, Any, _Entry]] = []
        self._stale = True  # whether the list of open positions is out of date
        # positions change with orders, but only the own strategy's orders are notified here
        self._alone = len(self.strategy.env.runningstrats) == 1
        # one per fill: bar number, feed number, size (negative = sold), price, commission, order
        self._fills: list[tuple[int, int, float, float, float, int]] = []

    def notify_fund(self, cash: float, value: float, fundvalue: float, shares: float) -> None:
        """Take the broker's value and cash at this session's close."""
        super().notify_fund(cash, value, fundvalue, shares)
        self._cash = cash

    def notify_order(self, order: Any) -> None:
        """Record the executions that are new in this notification (partial fills included)."""
        super().notify_order(order)
        self._stale = True
        bar = len(self._times)
        for part in order.executed.iterpending():
            if part is None:
                break
            column = self._entry(order.data).column
            self._fills.append((bar, column, part.size, part.price, part.comm, order.ref))

    def next(self) -> None:
        """Record what is held, from the broker's table: `getposition` would fill it with zeros."""
        super().next()
        self._cashes.append(self._cash)
        # looked up again only after news of an order, unless other strategies trade here as well
        if self._stale or not self._alone:
            self._open = [
                (feed, position, self._entry(feed))
                for feed, position in self.strategy.broker.positions.items()
                if position.size
            ]
            self._stale = False
        if not self._open:
            return
        sizes = [position.size for _, position, _ in self._open]
        closes = [entry.close[0] for _, _, entry in self._open]
        held = self._held
        held["bar"].extend([len(self._times) - 1] * len(sizes))
        held["column"].extend([entry.column for _, _, entry in self._open])
        held["size"].extend(sizes)
        held["close"].extend(closes)
        held["value"].extend(
            [
                size * close if entry.plain else self._value_of(feed)
                for size, close, (feed, _, entry) in zip(sizes, closes, self._open, strict=True)
            ]
        )

    def stop(self) -> None:
        """Put the records into arrays and drop the references to feeds."""
        super().stop()
        self._book, self._open = {}, []
        cashes = np.asarray(self._cashes, dtype=np.float64)[self._kept]
        self.cash = pd.Series(cashes[self._measured()], index=self.returns.index, name=CASH)
        self._held_rows = self._rows(self._held, last=True)
        names = ("bar", "column", "size", "price", "commission", "ref")
        fills = zip(*self._fills, strict=True) if self._fills else [[]] * len(names)
        self._fill_rows = self._rows(dict(zip(names, fills, strict=True)), last=False)
        self._held, self._fills, self._cashes = {}, [], []

    def get_analysis(self) -> dict[str, Any]:
        """Return four dictionaries keyed by date, laid out as by backtrader's PyFolio analyzer."""
        dates = [date.date() for date in self.returns.index]
        frame = self.positions()
        fills = self.transactions()
        positions: dict[Any, list[Any]] = {"Datetime": list(frame.columns)}
        positions.update(zip(dates, frame.to_numpy().tolist(), strict=True))
        transactions: dict[Any, list[Any]] = {"date": [list(fills.columns)]}
        for date, row in zip(fills.index, fills.to_numpy().tolist(), strict=True):
            transactions.setdefault(date.date(), []).append(row)
        return OrderedDict(
            returns=dict(zip(dates, self.returns.tolist(), strict=True)),
            positions=positions,
            transactions=transactions,
            gross_lev=dict(zip(dates, self.gross_leverage().tolist(), strict=True)),
        )

    def get_pf_items(self) -> tuple[pd.Series, pd.DataFrame, pd.DataFrame, pd.Series]:
        """Return returns, positions, transactions and gross leverage for pyfolio, dated in UTC.

        Returns
        -------
        returns : Series of shape (n_sessions,)
        positions : DataFrame of shape (n_sessions, n_feeds + 1)
            Value per name at the close, and `cash`; rows sum to the broker's value.
        transactions : DataFrame
            One row per fill: amount, price, sid, symbol, value.
        gross_lev : Series of shape (n_sessions,)
        """
        items = self.returns, self.positions(), self.transactions(), self.gross_leverage()
        return tuple(_in_utc(item) for item in items)  # type: ignore[return-value]

    def holdings(self) -> pd.DataFrame:
        """List the held positions, one row each, sorted by date and feed.

        Returns
        -------
        DataFrame
            Columns date, symbol, size, close, value.
        """
        rows = self._held_rows.sort_values(["date", "column"], kind="stable")
        return self._named(rows)[["date", "symbol", "size", "close", "value"]]

    def positions(self) -> pd.DataFrame:
        """Value each name at every measured close, cash last; 0 = not held.

        Returns
        -------
        DataFrame of shape (n_sessions, n_feeds + 1)
        """
        frame = np.zeros((len(self.returns), len(self._names) + 1))
        rows = self.returns.index.searchsorted(self._held_rows["date"])
        frame[rows, self._held_rows["column"]] = self._held_rows["value"]
        frame[:, -1] = self.cash
        return pd.DataFrame(frame, index=self.returns.index, columns=[*self._names, CASH])

    def transactions(self) -> pd.DataFrame:
        """Return the fills as pyfolio reads them, indexed by session date.

        Returns
        -------
        DataFrame
            Columns amount (negative = sold), price, sid, symbol, value (negative = paid).
        """
        rows = self._named(self._fill_rows)
        sid, value = rows["column"], -rows["size"] * rows["price"]
        frame = rows.assign(amount=rows["size"], sid=sid, value=value).set_index("date")
        return frame[["amount", "price", "sid", "symbol", "value"]]

    def fills(self) -> pd.DataFrame:
        """List the fills in the order they happened.

        Returns
        -------
        DataFrame
            Columns date, symbol, size (negative = sold), price, commission, ref (the order's).
        """
        return self._named(self._fill_rows)[
            ["date", "symbol", "size", "price", "commission", "ref"]
        ]

    def gross_leverage(self) -> pd.Series:
        """Sum the absolute position values over the account's value, per session."""
        invested = np.zeros(len(self.returns))
        rows = self.returns.index.searchsorted(self._held_rows["date"])
        np.add.at(invested, rows, np.abs(self._held_rows["value"].to_numpy()))
        net = np.zeros(len(self.returns))
        np.add.at(net, rows, self._held_rows["value"].to_numpy())
        total = net + self.cash.to_numpy()
        return pd.Series(invested / total, index=self.returns.index, name="gross_lev")

    def _measured(self) -> slice:
        return slice(self.first, self.end)

    def _rows(self, records: dict[str, Any], *, last: bool) -> pd.DataFrame:
        """Date the records of the measured sessions; last: keep each session's last bar only."""
        whole = ("bar", "column", "ref")
        table = {k: np.asarray(v, np.int64 if k in whole else float) for k, v in records.items()}
        bars = table.pop("bar")
        session = np.searchsorted(self._kept, bars)  # the session whose last bar is at or after it
        inside = (session >= self.first) & (session < self.end)
        if last:
            inside &= np.isin(bars, self._kept)
        dates = self.sessions[session[inside]]
        return pd.DataFrame({"date": dates, **{k: v[inside] for k, v in table.items()}})

    def _named(self, rows: pd.DataFrame) -> pd.DataFrame:
        names = np.asarray(self._names, dtype=object)
        return rows.assign(symbol=names[rows["column"].to_numpy()]).reset_index(drop=True)

    def _entry(self, feed: Any) -> _Entry:
        """Look a feed up; one of another strategy gets a new column."""
        key = id(feed)
        if key not in self._book:
            if key not in self._columns:
                self._columns[key] = len(self._names)
                self._names.append(feed._name or f"Data{len(self._names)}")
            self._book[key] = _Entry(self._columns[key], feed, self.strategy.broker)
        return self._book[key]

    def _value_of(self, feed: Any) -> float:
        return float(self.strategy.broker.get_value([feed], lever=True))


class _Entry:
    """A feed's column, its close line, and whether its value is simply size × close."""

    __slots__ = ("close", "column", "plain")

    def __init__(self, column: int, feed: Any, broker: Any) -> None:
        self.column = column
        self.close = feed.lines.close
        # stocks without leverage; futures and the like are valued by the broker
        info = broker.getcommissioninfo(feed)
        usual = type(info).getvaluesize is bt.CommInfoBase.getvaluesize
        self.plain = bool(
            usual and info._stocklike and info.get_leverage() == 1.0 and broker.p.shortcash
        )


def _in_utc(item: Any) -> Any:
    item = item.copy()
    item.index = item.index.tz_localize("UTC")
    return item
