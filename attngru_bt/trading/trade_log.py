"""The trade log: every order, what became of it, and why a trade was not made."""

from __future__ import annotations

import datetime as dt
import html
import logging
import math
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from attngru_bt.trading.rebalance import Rebalance

logger = logging.getLogger(__name__)

EVENTS = (
    "order", "fill", "partial", "waiting", "canceled", "expired", "rejected", "stuck", "passed",
    "stale",
)  # fmt: skip
_OBSTACLES = ("waiting", "canceled", "expired", "rejected", "stuck", "passed")


class TradeLog:
    """Every order, fill, cancellation and reason not to trade, in the order of events.

    Only the rows "fill" and "partial" move cash: sales bring their value, buys cost it, and both
    cost their commission.

    Attributes
    ----------
    n_fills : int
        Number of these rows.
    """

    columns = (
        "date", "asset", "event", "side", "size", "price", "value", "commission", "reason", "ref",
    )  # fmt: skip

    def __init__(self) -> None:
        self.n_fills = 0
        self._rows: list[tuple[Any, ...]] = []
        # Orders have numbers of their own: backtrader's go on over all runs of a process.
        self._numbers: dict[int, int] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(
        self,
        date: Any,
        asset: str,
        event: str,
        side: str = "",
        *,
        size: float = 0.0,
        price: float = math.nan,
        commission: float = 0.0,
        reason: str = "",
        ref: int | None = None,
    ) -> None:
        """Append one event; `price` is per share, `commission` in currency.

        Orders are numbered from 1 in the order in which they were logged.
        """
        if ref is not None:
            ref = self._numbers.setdefault(ref, len(self._numbers) + 1)
        self.n_fills += event in ("fill", "partial")
        row = (date, asset, event, side, size, price, size * price, commission, reason, ref)
        self._rows.append(row)

    def __repr__(self) -> str:
        return f"<TradeLog: {len(self)} events>"

    def _repr_html_(self) -> str:
        """Show how many events there are of each kind, above the last five."""
        log = self.frame()
        kinds = ", ".join(f"{n} {event}" for event, n in log["event"].value_counts().items())
        line = f"<p>{html.escape(repr(self)[1:-1] + (f' ({kinds})' if kinds else ''))}</p>"
        return line + last_events(log)

    def frame(self) -> pd.DataFrame:
        """All events as a DataFrame, columns as in `TradeLog.columns`."""
        frame = pd.DataFrame(self._rows, columns=list(self.columns))
        frame["date"] = pd.to_datetime(frame["date"])
        frame["ref"] = frame["ref"].astype("Int64")
        return frame


def last_events(log: pd.DataFrame, count: int = 5) -> str:
    """Return the last events of a log as an HTML table, amounts to the cent."""
    return log.tail(count).to_html(index=False, float_format="{:,.2f}".format, na_rep="")


def log_rebalance(
    log: TradeLog, today: dt.date, rebalance: Rebalance, reasons: Mapping[str, str], *, retry: bool
) -> None:
    """Log what a rebalance cannot trade today, and all of it in one line of ``logging``.

    Parameters
    ----------
    log : TradeLog
    today : date
    rebalance : Rebalance
    reasons : mapping of str to str
        Why each name is passed over or stuck; a full group is such a reason.
    retry : bool
        Whether stuck names are to be sold as soon as they trade.
    """
    for name in (*rebalance.passed, *rebalance.capped):
        log.add(today, name, "passed", "buy", reason=reasons[name])
    for name in rebalance.stuck:
        again = ", to be retried" if retry else ""
        log.add(today, name, "stuck", "sell", reason=reasons[name] + again)
    logger.info(
        "%s: out %s; in %s; %d stay%s",
        today,
        ", ".join(rebalance.exits) or "none",
        ", ".join(rebalance.entrants) or "none",
        len(rebalance.stayers),
        f"; cannot be sold yet {', '.join(rebalance.stuck)}" if rebalance.stuck else "",
    )


MONTHLY = (
    "decided", "month_end", "asset", "rank", "action", "done", "size", "value", "commission",
    "first_fill", "last_fill", "reason",
)  # fmt: skip


def by_decision(decisions: Sequence[Mapping[str, Any]], log: pd.DataFrame) -> pd.DataFrame:
    """Return what each decision wanted, what was done until the next one, and why not.

    Parameters
    ----------
    decisions : sequence of mappings
        As in `MonthlyTopK.decisions`.
    log : DataFrame
        `TradeLog.frame()`.

    Returns
    -------
    DataFrame
        One row per decision and name, columns `MONTHLY`. `rank` is 1 for the best name, and missing
        for names that were not wanted. `action` is "stay", "enter" or "leave". `done` is "held",
        "bought", "sold", "partly" or "not done". `size`, `value` and `commission` sum the fills on
        the side of the action; `reason` is why it was not done, or not at once.
    """
    rows = []
    days = [d["date"] for d in decisions]
    for decision, day, end in zip(decisions, days, [*days[1:], None], strict=True):
        inside = (log["date"] >= day) & (True if end is None else log["date"] < end)
        events = {name: part for name, part in log[inside].groupby("asset")}
        ranks = {name: i + 1 for i, name in enumerate(decision["wanted"])}
        leaving = (*decision["exits"], *decision["stuck"])
        # Candidates below the best, which entered later in place of others.
        later = [
            name
            for name, part in events.items()
            if name not in ranks and name not in leaving and (part["side"] == "buy").any()
        ]
        names = dict.fromkeys((*ranks, *decision["stayers"], *decision["entrants"], *later))
        actions = {n: "stay" if n in decision["stayers"] else "enter" for n in names}
        for name, action in (actions | dict.fromkeys(leaving, "leave")).items():
            part = events.get(name, log.iloc[:0])
            rows.append(
                (day, decision["month_end"], name, ranks.get(name), action)
                + _outcome(action, part, decision)
            )
    frame = pd.DataFrame(rows, columns=list(MONTHLY))
    frame["rank"] = frame["rank"].astype("Int64")
    for column in ("decided", "month_end", "first_fill", "last_fill"):
        frame[column] = pd.to_datetime(frame[column])
    return frame


def _outcome(action: str, events: pd.DataFrame, decision: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return done, size, value, commission, first and last fill, reason."""
    filled = events[events["event"].isin(("fill", "partial"))]
    done, reason = "held", ""
    if action != "stay":
        side = "buy" if action == "enter" else "sell"
        filled = filled[filled["side"] == side]
        # why not all of it: what stood in the way of an order on this side
        obstacles = events[(events["side"] == side) & events["event"].isin(_OBSTACLES)]
        obstacles = obstacles[obstacles["reason"] != "a new decision"]
        reason = "; ".join(dict.fromkeys(obstacles["reason"]))
        done = "bought" if action == "enter" else "sold"
    if action != "stay" and filled.empty:
        done = "not done"
        if not reason and action == "enter" and decision["stuck"]:
            reason = f"no free slot: {', '.join(decision['stuck'])} could not be sold"
    elif action != "stay" and filled["event"].iloc[-1] == "partial":
        done = "partly"
    sums = filled["size"].sum(), filled["value"].sum(), filled["commission"].sum()
    return done, *sums, filled["date"].min(), filled["date"].max(), reason
