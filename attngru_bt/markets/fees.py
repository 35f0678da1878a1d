"""Fees: commission with a minimum per order, dated stamp duty and transfer fee, to the cent."""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import backtrader as bt

from attngru_bt.markets.limits import adjfactor, day_of
from attngru_bt.markets.rulebook import (
    FUNDS,
    STAMP_DUTY,
    TRANSFER_FEES,
    StampDuty,
    TransferFee,
    board_of,
    in_force,
)


def cents(amount: float) -> float:
    """Round half up to the cent; 1e-6 of a cent keeps 1.005 from becoming 1.00."""
    return math.floor(amount * 100 + 0.5 + 1e-6) / 100


@dataclass(frozen=True)
class Fees:
    """What a trade costs; fractions of the value traded unless told.

    Parameters
    ----------
    commission : float, default 0.00025
        The broker's, on both sides, with the exchange's handling fees in it.
    minimum : float, default 5.0
        Least commission of an order, CNY.
    stamp_duty : sequence of StampDuty
    transfer_fees : sequence of TransferFee
        Both on shares; funds are free of them.
    """

    commission: float = 0.00025
    minimum: float = 5.0
    stamp_duty: Sequence[StampDuty] = STAMP_DUTY
    transfer_fees: Sequence[TransferFee] = TRANSFER_FEES

    def of(
        self,
        value: float,
        shares: float,
        side: str,
        date: dt.date,
        exchange: str,
        board: str = "main",
    ) -> float:
        """Fees of an order, each part rounded to the cent as on a settlement note.

        Parameters
        ----------
        value : float
            Value traded, CNY.
        shares : float
            Real shares traded.
        side : {"buy", "sell"}
        date : date
            Day of the trade.
        exchange : {"SH", "SZ", "BJ"}
        board : str, default "main"
            As in `rulebook.LIMITS`. Funds pay the commission only.

        Examples
        --------
        >>> Fees().of(10_000.0, 1000, "sell", dt.date(2019, 1, 2), "SH")  # 5 + 10 + 0.20
        15.2
        """
        if value <= 0:
            return 0.0
        total = cents(max(self.commission * value, self.minimum))
        if board in FUNDS:
            return total
        duty = in_force(self.stamp_duty, date)
        if duty is not None:
            total += cents(value * (duty.buy if side == "buy" else duty.sell))
        fee = in_force([row for row in self.transfer_fees if row.exchange == exchange], date)
        if fee is not None:
            total += cents(value * fee.of_value + shares * fee.per_share)
        return cents(total)


class Commission(bt.CommInfoBase):
    """The fees of one feed, as backtrader asks for them.

    backtrader tells a commission neither the date nor the order, so there is one object per feed,
    which knows both: the feed carries the date, and the filler leaves the order it lets fill here.
    The fee of a partial fill is what the order so far costs, less what it paid before: the minimum
    is due once per order. What has no order yet (sizing, the check before it is accepted) is
    charged as an order of its own.
    """

    params: Any = dict(
        stocklike=True, commtype=bt.CommInfoBase.COMM_PERC, percabs=True, fees=None, feed=None
    )

    def __init__(self) -> None:
        super().__init__()
        self.order: Any = None  # being filled now
        self._paid: dict[int, tuple[float, float, float]] = {}  # value, shares, fees by order
        self._board, self._exchange = board_of(self.p.feed._name)

    def _getcommission(self, size: float, price: float, pseudoexec: bool) -> float:
        """Fees of trading `size` feed units (negative = sale) at `price`, CNY."""
        order = self.order if self.order is not None and self.order.alive() else None
        if order is not None and order.info.get("settlement"):
            return 0.0  # nobody trades: the holding is written off into cash
        value, shares, fees = self._so_far(size, price, order)
        paid = 0.0 if order is None else self._paid.get(order.ref, (0.0, 0.0, 0.0))[2]
        return cents(fees - paid)

    def _so_far(self, size: float, price: float, order: Any) -> tuple[float, float, float]:
        before = (0.0, 0.0, 0.0) if order is None else self._paid.get(order.ref, (0.0, 0.0, 0.0))
        feed = self.p.feed
        value = before[0] + abs(size) * price
        shares = before[1] + abs(size) * adjfactor(feed)
        side = "sell" if size < 0 else "buy"
        fees = self.p.fees.of(value, shares, side, day_of(feed), self._exchange, self._board)
        return value, shares, fees

    def confirmexec(self, size: float, price: float) -> float:
        """Book an execution; called by the broker once it has taken the cash."""
        order = self.order
        if order is not None:
            if abs(size) < abs(order.executed.remsize):
                self._paid[order.ref] = self._so_far(size, price, order)
            else:
                self._paid.pop(order.ref, None)
            self.order = None
        return 0.0
