"""The trade log: every order, what became of it, and why a wanted trade was not made."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd

EVENTS = ("order", "fill", "partial", "canceled", "expired", "rejected", "stuck", "passed", "stale")


class TradeLog:
    """Every order, fill, cancellation and reason not to trade, in the order it happened."""

    columns = (
        "date",
        "asset",
        "event",
        "side",
        "size",
        "price",
        "value",
        "commission",
        "reason",
        "ref",
    )

    def __init__(self) -> None:
        self._rows: list[tuple[Any, ...]] = []
        self._numbers: dict[int, int] = {}  # backtrader counts on over all runs of a process

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
        row = (date, asset, event, side, size, price, size * price, commission, reason, ref)
        self._rows.append(row)

    def frame(self) -> pd.DataFrame:
        """All events as a DataFrame, columns as in `TradeLog.columns`."""
        frame = pd.DataFrame(self._rows, columns=list(self.columns))
        frame["date"] = pd.to_datetime(frame["date"])
        frame["ref"] = frame["ref"].astype("Int64")
        return frame
