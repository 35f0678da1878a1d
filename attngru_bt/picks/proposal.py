"""What is proposed: an action for every name, and the orders that lead there."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.data.bars import Bars, DataError
from attngru_bt.picks.holdings import Account
from attngru_bt.picks.rehearsal import Rehearsed, factors_of
from attngru_bt.trading.rebalance import rank

PICKS = ("rank", "symbol", "score", "decile", "held", "action", "reason")
ORDERS = (
    "symbol", "side", "shares", "price", "value", "limit_down", "limit_up", "fees", "cash_after",
    "reason",
)  # fmt: skip
CENT = 0.005  # what rounding may take from the cash


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
        close of a real share, limits and fees are of the next session. Limits that there are not
        are NaN. `cash_after` counts the orders so far, but no sale that may not fill.
    cash : float
        Before the orders.
    value : float
        Of the account at the last closes, before the orders.
    """

    picks: pd.DataFrame
    orders: pd.DataFrame
    cash: float
    value: float
    uncounted: frozenset[str] = field(default_factory=frozenset)


def propose(
    bars: Bars, scores: pd.Series, account: Account, rehearsed: Rehearsed, topk: int
) -> Proposal:
    """Turn the rehearsal into actions and orders.

    Parameters
    ----------
    bars : Bars
        All that is known.
    scores : Series, index asset
        Those of the month-end.
    account : Account
    rehearsed : Rehearsed
    topk : int

    Raises
    ------
    DataError
        If the cash does not pay the fees of a sale.
    """
    factor = factors_of(bars)
    stuck = frozenset(rehearsed.decision.get("stuck", ()))
    orders = _orders(rehearsed, factor, stuck)
    short = orders[orders["cash_after"] < -CENT]
    if len(short):
        order = short.iloc[0]
        place = account.places.get(order["symbol"], "the orders")
        raise DataError(
            f"{place}: selling {order['symbol']} brings {order['value']:,.2f} and costs fees of "
            f"{order['fees']:,.2f}, which the cash does not pay; give more cash."
        )
    return Proposal(
        picks=_picks(bars, scores, account, rehearsed, orders, topk),
        orders=orders,
        cash=rehearsed.cash,
        value=rehearsed.cash + _worth(bars, account, factor, rehearsed.log),
        uncounted=stuck,
    )


def _orders(
    rehearsed: Rehearsed, factor: Mapping[str, float], stuck: frozenset[str]
) -> pd.DataFrame:
    """List the orders of the session to come, in real shares, with the cash after each."""
    log = rehearsed.log
    log = log[(log["date"] == rehearsed.decision["date"])] if rehearsed.decision else log.iloc[:0]
    fills = log[log["event"].isin(("fill", "partial"))]
    cash = rehearsed.cash
    rows = []
    # what may not fill comes last: the other orders do not need its cash
    placed = log[log["event"] == "order"]
    placed = placed.iloc[np.argsort(placed["asset"].isin(stuck).to_numpy(), kind="stable")]
    for order in placed.itertuples():
        filled = fills[fills["ref"] == order.ref]
        size, fees = float(filled["size"].sum()), float(filled["commission"].sum())
        if not size:
            continue
        name, unit = str(order.asset), factor[str(order.asset)]
        if order.side == "buy":
            cash -= float(filled["value"].sum()) + fees
        elif name not in stuck:
            cash += float(filled["value"].sum()) - fees
        low, high = rehearsed.limits.get(name, (0.0, math.inf))
        reason = str(order.reason)
        rows.append(
            (
                name,
                order.side,
                round(size * unit, 6),
                order.price / unit,
                round(size * order.price, 2),
                low / unit if low > 0 else math.nan,
                high / unit if high < math.inf else math.nan,
                round(fees, 2),
                round(cash, 2),
                f"{reason}; its cash is not counted on" if name in stuck else reason,
            )
        )
    return pd.DataFrame(rows, columns=list(ORDERS))


def _picks(
    bars: Bars,
    scores: pd.Series,
    account: Account,
    rehearsed: Rehearsed,
    orders: pd.DataFrame,
    topk: int,
) -> pd.DataFrame:
    """Say of every name what is done with it, and why."""
    ranked = rank(scores)
    unranked = sorted(set(account.shares) - set(ranked))
    n = len(ranked)
    reasons = _reasons(bars, account, rehearsed, orders, ranked, topk)
    rows = []
    for position, name in enumerate([*ranked, *unranked]):
        action, reason = reasons.get(name, ("", ""))
        scored = position < n
        rows.append(
            (
                position + 1 if scored else None,
                name,
                float(scores[name]) if scored else math.nan,
                10 * position // n + 1 if scored else None,
                account.shares.get(name, 0.0),
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
    account: Account,
    rehearsed: Rehearsed,
    orders: pd.DataFrame,
    ranked: list[str],
    topk: int,
) -> dict[str, tuple[str, str]]:
    """Return action and reason of every name that is held or wanted."""
    decision = rehearsed.decision
    last = bars.dates[-1].date()
    fresh = {name for name, has in zip(bars.assets, bars.traded[-1], strict=True) if has}
    scored = set(ranked)
    said: dict[str, str] = dict(decision.get("why", {}))
    said |= {name: f"no bar on {last}" for name in said if name not in fresh}
    log = rehearsed.log
    unfilled = log[log["event"] == "passed"].groupby("asset")["reason"].last().to_dict()
    bought = set(orders.loc[orders["side"] == "buy", "symbol"])

    def left(name: str) -> str:
        if name in scored:
            return f"left the best {topk}"
        return "not in the universe" if name in fresh else f"no bar on {last}"

    reasons: dict[str, tuple[str, str]] = {}
    for name in decision.get("stayers", ()):
        reasons[name] = "hold", f"among the best {topk}"
    for name in decision.get("exits", ()):
        reasons[name] = "sell", left(name)
    for name in decision.get("stuck", ()):
        reasons[name] = "wait", f"{said[name]}: to be sold as soon as it trades"
    for name in decision.get("passed", ()):
        reasons[name] = "pass", f"{said[name]}: the next in rank takes its place"
    for name in decision.get("entrants", ()):
        if name in bought:
            reasons[name] = "buy", f"entered the best {topk}"
        else:
            reasons[name] = "pass", unfilled.get(name, "no cash is left")
    for row in log[log["event"].isin(("stale", "fill"))].itertuples():
        if row.event == "stale":
            reasons[str(row.asset)] = "keep", str(row.reason)
        elif row.reason:  # of fills only a settlement has one
            reasons[str(row.asset)] = "settled", str(row.reason)
    for name in account.shares:
        reasons.setdefault(name, ("hold", left(name)))
    return reasons


def _worth(
    bars: Bars, account: Account, factor: Mapping[str, float], log: pd.DataFrame
) -> float:
    """Value of the holdings at their last closes, without what was settled."""
    closes = pd.DataFrame(bars["close"], columns=list(bars.assets)).ffill().iloc[-1]
    settled = set(log.loc[(log["event"] == "fill") & (log["reason"] != ""), "asset"])
    return float(
        sum(
            shares * closes[name] / factor[name]
            for name, shares in account.shares.items()
            if name not in settled
        )
    )


