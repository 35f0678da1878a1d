"""Sizes of orders: whole lots, and with commission never more than the cash."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, Protocol

FRACTION = 1e-9  # of the size, to which fractions of a share are rounded


class Lots(Protocol):
    """The sizes that a market allows, such as `PlainLots` and `attngru_bt.markets.Exchange`."""

    @property
    def waiting(self) -> Mapping[int, str]:
        """Orders that the market did not let fill today: reference → reason."""
        ...

    def lot(self, data: Any) -> tuple[float, float]:
        """Least size of a buy, and the steps it comes in."""
        ...

    def sell_size(self, data: Any, size: float) -> float:
        """Largest size up to `size` that may be sold."""
        ...

    def closed_to(self, data: Any, side: str) -> str:
        """Why an order at this open should not be counted on; empty if nothing is known."""
        ...


class PlainLots:
    """A market without rules: shares in multiples of a lot.

    Parameters
    ----------
    lot : callable
        Data feed → shares per lot, 0 for fractions.
    """

    def __init__(self, lot: Callable[[Any], float]) -> None:
        self._lot = lot
        self.waiting: dict[int, str] = {}  # every order may fill

    def lot(self, data: Any) -> tuple[float, float]:
        """One lot, in steps of one lot."""
        step = self._lot(data)
        return step, step

    def sell_size(self, data: Any, size: float) -> float:
        """Whole lots."""
        step = self._lot(data)
        return size // step * step if step else size

    def closed_to(self, data: Any, side: str) -> str:
        """Return an empty reason: such a market is always open."""
        return ""


def cost(comminfo: Any, size: float, price: float) -> float:
    """Cash that `size` shares cost at `price`, commission included."""
    return float(comminfo.getoperationcost(size, price) + comminfo.getcommission(size, price))


def payable(comminfo: Any, size: float, price: float, cash: float) -> bool:
    """Whether the broker would accept a buy for `cash`: its own arithmetic, to the last bit."""
    left = cash - comminfo.getoperationcost(size, price)
    return bool(left - comminfo.getcommission(size, price) >= 0.0)


def affordable(
    comminfo: Any, price: float, cash: float, lot: float = 1, minimum: float = 0.0
) -> float:
    """Largest size whose cost, commission included, is within `cash`.

    Parameters
    ----------
    comminfo : backtrader CommInfoBase
    price, cash : float
        In the feed's currency.
    lot : float, default 1
        Shares come in multiples of it; 0 allows fractions.
    minimum : float, default 0.0
        Fewer shares than this cannot be bought.
    """
    if not (price > 0 and cash > 0):
        return 0.0
    step = lot or FRACTION * cash / price
    # Start from the cost per share of a large order, which is the least that a share can cost.
    many = 1e6 * step
    lots = math.floor(cash / (cost(comminfo, many, price) / many) / step)
    # Fixed and minimum fees weigh more on a small order: step down until it fits.
    while lots > 0 and not payable(comminfo, lots * step, price, cash):
        excess = cost(comminfo, lots * step, price) - cash
        lots -= max(1, math.floor(excess / price / step))
    size = max(lots, 0) * step
    return size if size >= minimum * (1 - FRACTION) else 0.0
