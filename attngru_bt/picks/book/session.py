"""The session that a proposal was made for, as the data have it: backtest, paper fills, closes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.data.bars import Bars
from attngru_bt.markets.lots import whole
from attngru_bt.picks.book.fills import Fill
from attngru_bt.picks.book.proposed import Proposed, data_digest
from attngru_bt.picks.next_session import factors_of
from attngru_bt.picks.portfolio import Portfolio
from attngru_bt.picks.rehearsal import rehearse

CENT = 0.01  # rounding of the fees
FAR = 1.25  # times the prices of its day, beyond which no fill is expected


@dataclass(frozen=True)
class PlayedSession:
    """The session of a proposal in the data, and the sessions up to the next proposal.

    Prices are those of real shares as they were before the session: a dividend or split in it or
    later is in the price, as in the account.

    Attributes
    ----------
    proposed : Proposed
    bars : Bars
        Up to the end of the period, the session included.
    date : Timestamp
        The first session after the data that the proposal was made on.
    """

    proposed: Proposed
    bars: Bars
    date: pd.Timestamp

    @classmethod
    def of(
        cls, proposed: Proposed, bars: Bars, before: pd.Timestamp | None
    ) -> PlayedSession | None:
        """Find the session; None if the data do not have it yet.

        Parameters
        ----------
        proposed : Proposed
        bars : Bars
        before : Timestamp or None
            Session of the next proposal, which ends the period.
        """
        bars = bars if before is None else bars.before(before)
        later = bars.dates[bars.dates > proposed.last]
        return cls(proposed, bars, later[0]) if len(later) else None

    @property
    def same_data(self) -> bool:
        """Whether the proposal was made on these data, as far as they had come."""
        digest = data_digest(self.bars.until(self.proposed.last))
        return digest == self.proposed.entry.content["data"]["digest"]

    def price(self, line: str) -> dict[str, float]:
        """Return open or close of the session by name, or the last close of the period ("mark").

        NaN without a bar. Data without opens are traded at their closes.
        """
        bars = self.bars if line == "mark" else self.bars.until(self.date)
        name = "close" if line == "mark" or line not in bars else line
        values = bars.frame(name)
        row = values.ffill().iloc[-1] if line == "mark" else values.iloc[-1]
        factor = factors_of(self.bars.until(self.proposed.last))
        return {name: float(row[name]) / factor[name] for name in bars.assets}

    def doubt(self, fill: Fill) -> str:
        """Say in what a fill does not fit the bars of its day; empty if it fits them."""
        if not fill.shares:
            return ""
        name, date = fill.symbol, fill.date
        if name not in self.bars.assets:
            return f"the data have no stock {name}, which is valued at the price of the fill"
        asset, row = self.bars.assets.index(name), self.bars.dates.get_indexer(pd.Index([date]))[0]
        if row < 0 or not self.bars.traded[row, asset]:
            return f"the data have no bar of {name} on {date.date()}"
        lines = [line for line in ("open", "high", "low", "close") if line in self.bars]
        prices = np.array([self.bars[line][row, asset] for line in lines])
        if "adjfactor" in self.bars:
            prices /= self.bars["adjfactor"][row, asset]
        low, high = np.nanmin(prices), np.nanmax(prices)
        if low / FAR < fill.price < high * FAR:
            return ""
        return (
            f"{name} was traded at {fill.price:,g} on {date.date()}, and its bar is from {low:,g} "
            f"to {high:,g}: look at the currency, the unit, and whether the prices of the data are "
            f"adjusted"
        )

    def backtest(self) -> list[Fill] | None:
        """Return what the strategy trades in this session with the holdings and cash proposed on.

        None if it cannot be run: its settings are no JSON, or a name is not in the data any more.
        """
        content = self.proposed.entry.content
        settings = content["backtest"]
        names = {*content["scores"], *content["holdings"]}
        if settings is None or names - set(self.bars.assets):
            return None
        bars = self.bars.until(self.date)
        traded = bars.traded[-1]
        if not any(has and name in names for name, has in zip(bars.assets, traded, strict=True)):
            return []
        # as for the proposal: an account with the holdings, in which the strategy acts
        done = rehearse(
            bars,
            self.date,
            pd.Series(content["scores"], dtype=float),
            Portfolio(content["holdings"], content["cash"]),
            universe=None,
            opened=True,
            **settings,
        )
        log = done.log[done.log["date"] == self.date]
        orders = set(log.loc[log["event"] == "order", "ref"])
        fills: Any = log[log["event"].isin(("fill", "partial")) & log["ref"].isin(orders)]
        # from units of the feeds to real shares, by the factors of the day of the proposal
        factor = factors_of(self.bars.until(self.proposed.last))
        return [
            Fill(
                self.date,
                str(row.asset),
                str(row.side),
                round(row.size * factor[row.asset], 6),
                round(row.price / factor[row.asset], 6),
                round(row.commission, 6),
            )
            for row in fills.itertuples()
        ]

    def paper(self) -> list[Fill]:
        """Fill the orders at the open of the session, one after the other.

        A stock that opens at its limit does not fill, and a buy fills as many lots as the cash pays
        for, to which sales before it have been added. Fees are in proportion to those that were
        estimated. Orders that do not fill have 0 shares; `why` says what was in the way.
        """
        opens = self.price("open")
        cash, fills = float(self.proposed.entry.content["cash"]), []
        for order in self.proposed.orders:
            done = self._filled(order, opens.get(order["symbol"], math.nan), cash)
            if done.shares:
                paid = done.shares * done.price
                cash += (paid if done.side == "sell" else -paid) - done.fees
            fills.append(done)
        return fills

    def _filled(self, order: dict[str, Any], price: float, cash: float) -> Fill:
        """Fill one order at a price, as far as limit and cash allow."""
        low, high = order["limit_down"], order["limit_up"]
        buys = order["side"] == "buy"
        locked = high is not None and price >= high if buys else low is not None and price <= low
        shares, why = order["shares"], ""
        if math.isnan(price):
            shares, why = 0.0, "it had no bar"
        elif locked:
            shares, why = 0.0, f"it opened at its {'upper' if buys else 'lower'} limit"
        elif buys:
            each = price + order["fees"] * price / order["price"] / shares  # fees included
            if shares * each > cash + CENT:
                shares, why = _lots(order, (cash + CENT) / each), "the cash pays for no more"
        if not shares:
            return Fill(self.date, order["symbol"], order["side"], 0.0, math.nan, 0.0, why=why)
        fees = round(order["fees"] * price / order["price"] * shares / order["shares"], 2)
        price = round(price, 6)
        return Fill(self.date, order["symbol"], order["side"], shares, price, fees, why=why)


def _lots(order: dict[str, Any], most: float) -> float:
    """Return the largest size of an order of at most `most` shares."""
    least, step = order.get("least", order["shares"]), order.get("step", order["shares"])
    shares = float(round(whole(max(most, 0.0), step), 6) if step else most)
    return shares if shares >= least else 0.0
