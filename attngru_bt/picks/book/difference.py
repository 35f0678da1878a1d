"""The difference between what was traded and what a backtest traded, split by cause.

What an order was worth is what it left in the account at the end of its period: for a buy of q
shares at p with fees f, marked at m, that is q (m - p) - f, and for a sale q (p - m) - f. The parts
are differences of such values along one way from the backtest to the account, so they sum to the
whole exactly. They are computed as fractions of whole numbers, since floats would not.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

CAUSES = ("size", "skipped", "not filled", "not proposed", "price", "fees")
"""The causes, in the order of the tables.

- size: the backtest orders on the opens, the proposal on the last closes;
- skipped: an order was proposed and nothing is known of it;
- not filled: an order was placed, and all or some of its shares were not traded;
- not proposed: shares that were traded beyond the proposal, or in spite of it;
- price: the shares that were traded, at another price than the backtest's;
- fees: another sum of fees.
"""


@dataclass(frozen=True)
class Trade:
    """Shares, price of a share, and fees.

    Without shares it is the price at which they could have been traded.
    """

    shares: Fraction
    price: Fraction
    fees: Fraction = Fraction(0)


@dataclass(frozen=True)
class Compared:
    """An order in its three forms.

    Attributes
    ----------
    symbol : str
    side : {"buy", "sell"}
    proposed : Fraction
        Shares.
    backtest, traded : Trade
    mark : Fraction
        Price of a share at the end of the period.
    placed : bool
        Whether anything is known of the order beside the proposal.
    """

    symbol: str
    side: str
    proposed: Fraction
    backtest: Trade
    traded: Trade
    mark: Fraction
    placed: bool

    @property
    def whole(self) -> Fraction:
        """Value of the order in the account less its value in the backtest, in currency."""
        return self._value(self.traded) - self._value(self.backtest)

    def parts(self) -> dict[str, Fraction]:
        """Return the same by cause, in currency; the causes are `CAUSES`."""
        sign = 1 if self.side == "buy" else -1
        missed = sign * (self.mark - self.backtest.price)  # what a share more would have brought
        done = self.traded.shares
        within = min(done, self.proposed)
        parts = dict.fromkeys(CAUSES, Fraction(0))
        parts["size"] = (self.proposed - self.backtest.shares) * missed
        parts["not filled" if self.placed else "skipped"] = (within - self.proposed) * missed
        parts["not proposed"] = (done - within) * missed
        parts["price"] = sign * done * (self.backtest.price - self.traded.price)
        parts["fees"] = self.backtest.fees - self.traded.fees
        return parts

    def _value(self, trade: Trade) -> Fraction:
        sign = 1 if self.side == "buy" else -1
        return sign * trade.shares * (self.mark - trade.price) - trade.fees


def total(orders: Iterable[Compared]) -> tuple[dict[str, Fraction], Fraction]:
    """Return the parts of several orders, and the whole, which is counted apart from them."""
    parts, whole = dict.fromkeys(CAUSES, Fraction(0)), Fraction(0)
    for order in orders:
        whole += order.whole
        for cause, part in order.parts().items():
            parts[cause] += part
    return parts, whole


def in_cents(parts: Mapping[str, Fraction]) -> dict[str, Fraction]:
    """Round parts to hundredths, so that the rounded ones sum to the rounded sum.

    All are rounded down, and the hundredths that are missing are added to the parts that lost most.
    """
    down = {cause: 100 * part // 1 for cause, part in parts.items()}
    whole = round(100 * sum(parts.values(), Fraction(0)))
    left = whole - sum(down.values())
    by_rest = sorted(parts, key=lambda cause: down[cause] - 100 * parts[cause])
    for cause in by_rest[:left]:
        down[cause] += 1
    return {cause: Fraction(cents, 100) for cause, cents in down.items()}
