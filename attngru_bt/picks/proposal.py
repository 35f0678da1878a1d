"""The proposal: an action for every name, and the orders that lead there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NoReturn

import numpy as np
import pandas as pd

from attngru_bt.data.bars import Bars, DataError
from attngru_bt.picks.next_session import factors_of
from attngru_bt.picks.portfolio import Portfolio
from attngru_bt.picks.rehearsal import Rehearsed
from attngru_bt.trading.execution import LEFT
from attngru_bt.trading.rebalance import rank

PICKS = ("rank", "symbol", "score", "decile", "held", "action", "reason")
ORDERS = (
    "symbol", "side", "shares", "price", "value", "limit_down", "limit_up", "fees", "cash_after",
    "reason",
)  # fmt: skip


@dataclass(frozen=True)
class Proposal:
    """Actions and orders.

    Attributes
    ----------
    picks : DataFrame
        A row per name with a score or a holding, columns `PICKS`, best first. `decile` is 1 for
        the best tenth of the scores; `held` is in real shares. `action` is "buy", "hold", "sell",
        "wait" (to be sold as soon as it trades), "pass" (cannot be bought), "keep" (held without a
        bar for long), "settled" (delisted) or empty.
    orders : DataFrame
        A row per order, columns `ORDERS`: sales first. Shares are real ones, `price` is the last
        close of a real share, limits and fees are of the next session; without a limit it is NaN.
        `cash_after` counts the orders so far, except sales that may not fill.
    cash : float
        Before the orders.
    value : float
        Of the account at the last closes, before the orders.
    uncounted : frozenset of str
        Names that are to be sold but may not be tradable.
    gains : dict of str to float
        Last close over purchase price, less 1, of the holdings whose cost is known.
    lots : dict of str to (float, float)
        Least number of real shares of a buy and the steps it comes in, of names with a bar.
    """

    picks: pd.DataFrame
    orders: pd.DataFrame
    cash: float
    value: float
    uncounted: frozenset[str]
    gains: dict[str, float]
    lots: dict[str, tuple[float, float]]


def propose(
    bars: Bars, scores: pd.Series, portfolio: Portfolio, rehearsed: Rehearsed, topk: int, keep: int
) -> Proposal:
    """Turn the rehearsal into actions and orders.

    Parameters
    ----------
    bars : Bars
        All that is known.
    scores : Series, index asset
        Those of the month-end.
    portfolio : Portfolio
    rehearsed : Rehearsed
    topk : int
    keep : int
        Rank up to which a held name stays.

    Raises
    ------
    DataError
        If the cash does not pay the fees of a sale.
    """
    factor = factors_of(bars)
    stuck = frozenset(rehearsed.decision.get("stuck", ()))
    orders = _orders(rehearsed, factor, stuck)
    rejected = rehearsed.log[
        (rehearsed.log["event"] == "rejected") & (rehearsed.log["side"] == "sell")
    ]
    if len(rejected):
        _refuse_rejected(portfolio, rehearsed.log, str(rejected["asset"].iloc[0]))
    closes = pd.DataFrame(bars["close"], columns=list(bars.assets)).ffill().iloc[-1]
    price = {name: float(closes[name]) / factor[name] for name in portfolio.shares}
    # of fills only the settlement of a delisted name has a reason; its cash is in `cash` already
    settled = rehearsed.log[(rehearsed.log["event"] == "fill") & (rehearsed.log["reason"] != "")]
    kept = {n: x for n, x in portfolio.shares.items() if n not in set(settled["asset"])}
    return Proposal(
        picks=_picks(bars, scores, portfolio, rehearsed, orders, topk, keep),
        orders=orders,
        cash=rehearsed.cash,
        value=rehearsed.cash + sum(shares * price[name] for name, shares in kept.items()),
        uncounted=stuck,
        gains={name: price[name] / cost - 1 for name, cost in portfolio.cost.items()},
        lots={
            name: (round(least * factor[name], 6), round(step * factor[name], 6))
            for name, (least, step) in rehearsed.lots.items()
        },
    )


def _refuse_rejected(portfolio: Portfolio, log: pd.DataFrame, name: str) -> NoReturn:
    """Raise the error of a sale that the broker turned down."""
    order = log[(log["asset"] == name) & (log["event"] == "order")].iloc[-1]
    raise DataError(
        f"{portfolio.places.get(name, name)}: selling {name} brings {order['value']:,.2f}, and its "
        f"fees are more than that and the cash together; give more cash."
    )


def _orders(
    rehearsed: Rehearsed, factor: Mapping[str, float], stuck: frozenset[str]
) -> pd.DataFrame:
    """List the orders of the session to come, in real shares, with the cash after each."""
    log = rehearsed.log[rehearsed.log["date"] == rehearsed.decision["date"]]
    fills = log[log["event"].isin(("fill", "partial"))]
    # an order may fill in parts; one line of the proposal has their sums
    sums = fills.groupby("ref")[["size", "value", "commission"]].sum()
    placed = log[(log["event"] == "order") & log["ref"].isin(sums.index)]
    rows = []
    for order in placed.itertuples():
        name, unit = str(order.asset), factor[str(order.asset)]
        size, value, fees = sums.loc[order.ref]
        low, high = rehearsed.limits.get(name, (0.0, math.inf))
        rows.append(
            {
                "symbol": name,
                "side": order.side,
                "shares": round(size * unit, 6),
                "price": round(order.price / unit, 6),
                "value": round(size * order.price, 2),
                "limit_down": round(low / unit, 6) if low > 0 else math.nan,
                "limit_up": round(high / unit, 6) if high < math.inf else math.nan,
                "fees": round(fees, 2),
                # the cash of this order alone; summed up below, once the order of lines is known
                "cash_after": (value if order.side == "sell" else -value) - fees,
                "reason": order.reason,
            }
        )
    orders = pd.DataFrame(rows, columns=list(ORDERS))
    # what may not fill comes last: no other order needs its cash
    uncounted = orders["symbol"].isin(stuck)
    orders = orders.iloc[np.argsort(uncounted, kind="stable")].reset_index(drop=True)
    uncounted = orders["symbol"].isin(stuck)
    flow = orders["cash_after"].where(~uncounted, 0.0).astype(float)
    orders["cash_after"] = (rehearsed.cash + flow.cumsum()).round(2)
    orders.loc[uncounted, "reason"] += "; its cash is not counted on"
    return orders


def _picks(
    bars: Bars,
    scores: pd.Series,
    portfolio: Portfolio,
    rehearsed: Rehearsed,
    orders: pd.DataFrame,
    topk: int,
    keep: int,
) -> pd.DataFrame:
    """Say of every name what is done with it, and why."""
    ranked = rank(scores)
    unranked = sorted(set(portfolio.shares) - set(ranked))
    n = len(ranked)
    reasons = _reasons(bars, portfolio, rehearsed, orders, ranked, topk, keep)
    rows = []
    for position, name in enumerate([*ranked, *unranked]):
        action, reason = reasons.get(name, ("", ""))
        scored = position < n
        rows.append(
            (
                position + 1 if scored else None,
                name,
                float(scores[name]) if scored else math.nan,
                10 * position // n + 1 if scored else None,  # decile, 1 = best
                portfolio.shares.get(name, 0.0),
                action,
                reason,
            )
        )
    frame = pd.DataFrame(rows, columns=list(PICKS))
    for column in ("rank", "decile"):
        frame[column] = frame[column].astype("Int64")
    return frame


def _reasons(
    bars: Bars,
    portfolio: Portfolio,
    rehearsed: Rehearsed,
    orders: pd.DataFrame,
    ranked: list[str],
    topk: int,
    keep: int,
) -> dict[str, tuple[str, str]]:
    """Return action and reason of every name that is held or wanted."""
    decision = rehearsed.decision
    last = bars.dates[-1].date()
    fresh = {name for name, has in zip(bars.assets, bars.traded[-1], strict=True) if has}
    places = {name: i + 1 for i, name in enumerate(ranked)}
    why: dict[str, str] = dict(decision.get("why", {}))
    # the rehearsal speaks of "today", which is the last session here
    why |= {name: f"no bar on {last}" for name in why if name not in fresh}
    log = rehearsed.log
    unfilled = log[log["event"] == "passed"].groupby("asset")["reason"].last().to_dict()
    bought = set(orders.loc[orders["side"] == "buy", "symbol"])
    sold = orders[orders["side"] == "sell"].set_index("symbol")["reason"].to_dict()

    def left(name: str) -> str:
        if name in places:
            return f"not among the best {keep}"
        return "not in the universe" if name in fresh else f"no bar on {last}"

    reasons: dict[str, tuple[str, str]] = {}
    for name in decision.get("stayers", ()):
        best = f"among the best {topk}" if places[name] <= topk else f"stays, rank {places[name]}"
        reasons[name] = "hold", best
    for name in decision.get("exits", ()):
        reasons[name] = "sell", left(name) if sold.get(name, LEFT) == LEFT else sold[name]
    for name in decision.get("stuck", ()):
        reasons[name] = "wait", f"{why[name]}: to be sold as soon as it trades"
    for name in (*decision.get("passed", ()), *decision.get("capped", ())):
        reasons[name] = "pass", f"{why[name]}: the next in rank takes its place"
    for name in decision.get("entrants", ()):
        if name in bought:
            among = places[name] <= topk
            reasons[name] = (
                "buy",
                f"among the best {topk}" if among else "in the place of a better one",
            )
        else:
            reasons[name] = "pass", unfilled.get(name, "no cash is left")
    for row in log[log["event"].isin(("stale", "fill"))].itertuples():
        if row.event == "stale":
            reasons[str(row.asset)] = "keep", str(row.reason)
        elif row.reason:  # of fills only a settlement has one
            reasons[str(row.asset)] = "settled", str(row.reason)
    for name in portfolio.shares:
        reasons.setdefault(name, ("hold", left(name)))
    return reasons
