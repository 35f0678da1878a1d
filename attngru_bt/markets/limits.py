"""Daily price limits of a bar, and whether the bar was locked at one of them.

A bar is **locked** at a limit if all its prices are the limit: nobody took the other side all day.
If a bar opens at the limit and leaves it later, there are trades, and an order at the open fills at
the limit. Whether a bar is locked is known only after the session; at the open it is only known
that the bar *opens* at its limit.

A price beyond a limit shows that there was no limit (a relisting, a split of raw prices), so only
bars *at* the limit count, to half a tick.
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping, Sequence
from typing import Any

from attngru_bt.data.membership import Universe
from attngru_bt.feeds.sessions import session_of
from attngru_bt.markets.rulebook import EXCHANGES, NONE, Limit, board_of, in_force, ticks_per_unit

STARTS_LATE = 15  # calendar days after the listing; a feed that starts later lacks the first days


def line(data: Any, name: str, ago: int = 0) -> float:
    """Return the value of an optional line of a feed; NaN if the feed does not have it."""
    values = getattr(data.lines, name, None)
    return math.nan if values is None else float(values[ago])


def adjfactor(data: Any) -> float:
    """Return the factor that today's prices are adjusted by; 1 without such a line."""
    factor = line(data, "adjfactor")
    return factor if factor > 0 else 1.0


class Limits:
    """Limit prices of feeds.

    Parameters
    ----------
    rows : sequence of Limit
        Table such as `rulebook.LIMITS`.
    st, delisting : object with ``at(date)``, default None
        Names under special treatment, and names in their delisting period, such as a
        `Membership`. None: the feed's line of that name, if it has one (1 = yes).
    listed : mapping of str to sequence of date, default empty
        First days of trading: of the listing, then of relistings. A name that is missing counts as
        listed on the first bar of its feed, or long ago if that bar is in the first session of the
        run.

    Notes
    -----
    The first session of the delisting period is recognized by the bar before it, which is not in
    the period; so a feed that begins within the period is taken to be past that day. A relisting
    has one day without a limit.
    """

    def __init__(
        self,
        rows: Sequence[Limit],
        st: Universe | None = None,
        listed: Mapping[str, Sequence[dt.date]] | None = None,
        delisting: Universe | None = None,
    ) -> None:
        self.listed = listed or {}
        self.first_session: dt.date | None = None
        self._status = {"st": st, "delisting": delisting}
        self._rows: dict[tuple[str, str], list[Limit]] = {}
        for row in rows:
            for exchange in (row.exchange,) if row.exchange else EXCHANGES:
                self._rows.setdefault((row.board, exchange), []).append(row)
        self._longest = max((row.first_days for row in rows), default=0)

    def fractions(self, data: Any) -> tuple[float, float]:
        """Return the limits of today's bar, up and down, as fractions of the previous close."""
        rows = self._rows.get(board_of(data._name), [])
        row = in_force(rows, session_of(data))
        if row is None:
            return NONE, NONE
        listing, age = self._listing(data)
        # the rule of the listing day holds for the first days, even if it has changed since
        first = None if listing is None else in_force(rows, listing)
        if first is not None and age <= first.first_days:
            return (first.first_up, first.first_down) if age == 1 else (NONE, NONE)
        if self._relisted_today(data):
            return NONE, NONE
        limit = row.limit
        if self._has_status(data, "delisting"):
            if self._enters_delisting(data, row.delisting_days):
                limit = NONE
        elif self._has_status(data, "st"):
            limit = row.st
        return limit, limit

    def prices(self, data: Any) -> tuple[float, float]:
        """Return limit prices (up, down) in prices of the feed; infinity and 0 mean no limit."""
        up, down = self.fractions(data)
        base = self._base(data)
        if not base > 0 or (up == NONE and down == NONE):
            return math.inf, 0.0
        factor = adjfactor(data)
        per_unit = ticks_per_unit(board_of(data._name)[0])
        base = base / factor * per_unit
        if line(data, "adjfactor") > 0:
            # the reference price of an ex-right day is in whole ticks, close ÷ factor is not
            base = math.floor(base + 0.5 + 1e-6)
        return (
            math.inf if up == NONE else _limit_in_ticks(base, up) / per_unit * factor,
            0.0 if down == NONE else _limit_in_ticks(base, -down) / per_unit * factor,
        )

    def opens_at(self, data: Any, side: str) -> float:
        """Return the limit at which today's bar opens against a side; NaN if it does not."""
        return self._at(data, side, ("open",))

    def locked_at(self, data: Any, side: str) -> float:
        """Return the limit at which today's bar is locked against a side; NaN if it is not."""
        return self._at(data, side, ("open", "high", "low", "close"))

    def _at(self, data: Any, side: str, lines: tuple[str, ...]) -> float:
        """Return the limit against a side if these prices of the bar are all at it, else NaN."""
        up, down = self.prices(data)
        limit = up if side == "buy" else down
        if not 0 < limit < math.inf:
            return math.nan
        near = 0.5 / ticks_per_unit(board_of(data._name)[0]) * adjfactor(data)
        hit = all(abs(getattr(data.lines, name)[0] - limit) < near for name in lines)
        return limit if hit else math.nan

    def _base(self, data: Any) -> float:
        """Return the ex-right previous close of the exchange, in prices of the feed."""
        base = line(data, "preclose")
        if base > 0 or len(data) < 2:
            return base
        return float(data.close[-1])

    def _has_status(self, data: Any, status: str, ago: int = 0) -> bool:
        """Whether a stock has the status "st" or "delisting" on a bar."""
        names = self._status[status]
        if names is not None:
            return data._name in names.at(session_of(data, ago))
        return line(data, status, ago) > 0

    def _enters_delisting(self, data: Any, days: int) -> bool:
        """Whether today is one of the first `days` sessions of the delisting period."""
        return any(
            not self._has_status(data, "delisting", -ago)
            for ago in range(1, min(days, len(data) - 1) + 1)
        )

    def _relisted_today(self, data: Any) -> bool:
        """Whether today's bar is the first one since a relisting."""
        relistings = self.listed.get(data._name, ())[1:]
        if not relistings or len(data) < 2:
            return session_of(data) in relistings
        return any(session_of(data, -1) < day <= session_of(data) for day in relistings)

    def _listing(self, data: Any) -> tuple[dt.date | None, float]:
        """Return the first day of trading and its age in sessions (1 = today), if it is recent."""
        longest, bars = self._longest, len(data)
        listed = self.listed.get(data._name, (None,))[0]
        if listed is None:
            first = None if bars > longest else session_of(data, 1 - bars)
            if first is None or self.first_session is None or first <= self.first_session:
                return None, math.inf
            return first, bars
        age = 0
        while age < min(bars, longest + 1) and session_of(data, -age) >= listed:
            age += 1
        if bars <= longest and (session_of(data, 1 - bars) - listed).days > STARTS_LATE:
            return listed, math.inf
        return listed, age if age else math.inf


def _limit_in_ticks(base: float, fraction: float) -> int:
    """Return base × (1 + fraction) in ticks, rounded half up and at least one tick off the base.

    The computation is in whole hundredths of a tick and of a per cent, because half a tick, such as
    0.9 × 10.05 = 9.045, is no binary float. Whole ticks would not do, because a feed of adjusted
    prices without their factor has bases between ticks.
    """
    hundredths = round(base * 100)
    product = hundredths * (10_000 + round(fraction * 10_000))
    limit = (product + 500_000) // 1_000_000
    if fraction > 0:
        return max(limit, hundredths // 100 + 1)
    return min(limit, -(-hundredths // 100) - 1)
