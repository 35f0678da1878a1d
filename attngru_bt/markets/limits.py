"""Daily price limits of a feed's bar, and whether it was locked at one of them.

A bar is **locked** at a limit if all its prices are the limit: it opened there and never left, so
nobody on the other side could be found. A bar that opens at the limit and leaves it later does
trade, and an order at the open fills at the limit. Whether a bar will be locked is known only after
the session; at the open all that is known is that it *opens* at its limit.

A price beyond a limit shows that there was none (a relisting, a split of raw prices), so only bars
*at* the limit, to half a tick, count.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

from attngru_bt.bars import session_of
from attngru_bt.markets.rulebook import NONE, Limit, board_of, in_force

TICK = 0.01
STARTS_LATE = 15  # calendar days after its listing: a feed that starts later lacks the first days


def line(data: Any, name: str, ago: int = 0) -> float:
    """Value of an optional line of a feed, NaN if it has none."""
    values = getattr(data.lines, name, None)
    return math.nan if values is None else float(values[ago])


def adjfactor(data: Any) -> float:
    """Return the factor that today's prices were multiplied by; 1 without such a line."""
    factor = line(data, "adjfactor")
    return factor if factor > 0 else 1.0


def day_of(data: Any, ago: int = 0) -> dt.date:
    """Session of a bar."""
    return session_of(data, ago)


class Limits:
    """Limit prices of feeds.

    Parameters
    ----------
    rows : sequence of Limit
        The table, see `rulebook.LIMITS`.
    st : object with ``at(date)``, default None
        Names under special treatment, such as a `Membership`. None: the feed's line ``st``, if it
        has one (1 = ST).
    listed : mapping of str to date, default empty
        First day of trading. A name that is not in it counts as listed on its feed's first bar,
        or long ago if that bar is in the first session of the run.
    """

    def __init__(
        self, rows: Sequence[Limit], st: Any = None, listed: Mapping[str, dt.date] | None = None
    ) -> None:
        self.st = st
        self.listed = listed or {}
        self.first_session: dt.date | None = None
        self._boards: dict[str, list[Limit]] = {}
        for row in rows:
            self._boards.setdefault(row.board, []).append(row)

    def fractions(self, data: Any) -> tuple[float, float]:
        """Limits of today's bar, up and down, as fractions of the previous close."""
        name, today = data._name, day_of(data)
        rows = self._boards.get(board_of(name)[0], [])
        row = in_force(rows, today)
        if row is None:
            return NONE, NONE
        listing, age = self._listing(data)
        first = None if listing is None else in_force(rows, listing)
        if first is not None and age <= first.first_days:
            return (first.first_up, first.first_down) if age == 1 else (NONE, NONE)
        limit = row.st if self._under_treatment(data, name, today) else row.limit
        return limit, limit

    def prices(self, data: Any) -> tuple[float, float]:
        """Limit prices of today's bar in the feed's prices, (up, down); infinite and 0 if none."""
        up, down = self.fractions(data)
        base = self._base(data)
        if not base > 0 or (up == NONE and down == NONE):
            return math.inf, 0.0
        factor = adjfactor(data)
        return (
            math.inf if up == NONE else _to_tick(base / factor * (1 + up)) * factor,
            0.0 if down == NONE else _to_tick(base / factor * (1 - down)) * factor,
        )

    def opens_at(self, data: Any, side: str) -> float:
        """Return the limit at which today's bar opens and the side cannot trade; NaN if none."""
        return self._at(data, side, ("open",))

    def locked_at(self, data: Any, side: str) -> float:
        """Return the limit at which today's bar was locked against the side; NaN if it was not."""
        return self._at(data, side, ("open", "high", "low", "close"))

    def _at(self, data: Any, side: str, lines: tuple[str, ...]) -> float:
        up, down = self.prices(data)
        limit = up if side == "buy" else down
        if not 0 < limit < math.inf:
            return math.nan
        near = 0.5 * TICK * adjfactor(data)
        hit = all(abs(getattr(data.lines, name)[0] - limit) < near for name in lines)
        return limit if hit else math.nan

    def _base(self, data: Any) -> float:
        """Return the exchange's ex-right previous close, in the feed's prices."""
        base = line(data, "preclose")
        if base > 0 or len(data) < 2:
            return base
        return float(data.close[-1])

    def _under_treatment(self, data: Any, name: str, today: dt.date) -> bool:
        if self.st is not None:
            return name in self.st.at(today)
        return line(data, "st") > 0

    def _listing(self, data: Any) -> tuple[dt.date | None, float]:
        """First day of trading and how many sessions ago it was (1 = today), if that is recent."""
        longest = max((r.first_days for rows in self._boards.values() for r in rows), default=0)
        bars = len(data)
        listed = self.listed.get(data._name)
        if listed is None:
            first = None if bars > longest else day_of(data, 1 - bars)
            if first is None or self.first_session is None or first <= self.first_session:
                return None, math.inf
            return first, bars
        age = 0
        while age < min(bars, longest + 1) and day_of(data, -age) >= listed:
            age += 1
        if bars <= longest and (day_of(data, 1 - bars) - listed).days > STARTS_LATE:
            return listed, math.inf
        return listed, age if age else math.inf


def _to_tick(price: float) -> float:
    """Round half up to the tick, as the exchanges do; 1e-9 keeps 10.005 from becoming 10.00."""
    return math.floor(price / TICK + 0.5 + 1e-6) * TICK
