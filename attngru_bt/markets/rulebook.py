"""The rules of the Chinese exchanges that change over time: one table per rule, with sources.

Every table is a default of a parameter of `attngru_bt.markets.AShare`: a rule that changes after
this was written is a row of your own, not an edit of the package.

Sources
-------
- Shanghai (SSE) and Shenzhen (SZSE) Stock Exchange Trading Rules, 2023 revision (effective
  2023-02-17 with the registration system): limits 3.3.13 f., lots 3.3.8 f., T+1 3.1.5.
- SSE STAR Market Special Provisions on Trading, first day of trading 2019-07-22.
- SZSE ChiNext Special Provisions on Trading, effective 2020-08-24.
- SSE and SZSE notices of 2013-12-13 on the first day of new listings (+44%, -36%).
- First main-board listings under the registration system: 2023-04-10.
- Beijing Stock Exchange Trading Rules (trial), effective 2021-11-15.
- CSRC: limits of 10% from 1996-12-16; exchanges: 5% for "special treatment" from 1998-04-22.
- Ministry of Finance: stamp duty 0.1% from 2005-01-24, 0.3% from 2007-05-30, 0.1% from
  2008-04-24, on the seller only from 2008-09-19, 0.05% from 2023-08-28.
- China Securities Depository and Clearing (CSDC): transfer fee until 2015-07-31 in Shanghai 0.3
  per mille of the par value, in Shenzhen 0.0255 per mille of the value traded; from 2015-08-01
  0.02 per mille of the value in both (Beijing 0.025); from 2022-04-29 0.01 per mille everywhere.

In June 2025 the exchanges consulted on 10% instead of 5% for main-board ST stocks; it is not in the
table. When it is in force, add the row: ``AShare(limits=(*LIMITS, Limit("main", date, …)))``.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

NONE = math.inf


@dataclass(frozen=True)
class Limit:
    """Daily price limits of a board, in force from a date on; fractions, `NONE` = no limit.

    Attributes
    ----------
    board : str
        "main", "chinext", "star" or "bse".
    since : date
        First day in force.
    limit : float
        Up and down, of the previous close.
    st : float
        The same for stocks under special treatment (ST, *ST).
    first_days : int
        Sessions of a stock listed from `since` on that have limits of their own …
    first_up, first_down : float
        … which are these (of the issue price on the first day).
    """

    board: str
    since: dt.date
    limit: float
    st: float
    first_days: int
    first_up: float = NONE
    first_down: float = NONE


LIMITS = (
    Limit("main", dt.date(1996, 12, 16), 0.10, 0.10, 1),
    Limit("main", dt.date(1998, 4, 22), 0.10, 0.05, 1),
    Limit("main", dt.date(2014, 1, 1), 0.10, 0.05, 1, 0.44, 0.36),
    Limit("main", dt.date(2023, 4, 10), 0.10, 0.05, 5),
    Limit("chinext", dt.date(2009, 10, 30), 0.10, 0.10, 1),
    Limit("chinext", dt.date(2014, 1, 1), 0.10, 0.10, 1, 0.44, 0.36),
    Limit("chinext", dt.date(2020, 8, 24), 0.20, 0.20, 5),
    Limit("star", dt.date(2019, 7, 22), 0.20, 0.20, 5),
    Limit("bse", dt.date(2021, 11, 15), 0.30, 0.30, 1),
)


@dataclass(frozen=True)
class StampDuty:
    """Tax on the value traded, per side, from a date on; fractions."""

    since: dt.date
    buy: float
    sell: float


STAMP_DUTY = (
    StampDuty(dt.date(2005, 1, 24), 0.001, 0.001),
    StampDuty(dt.date(2007, 5, 30), 0.003, 0.003),
    StampDuty(dt.date(2008, 4, 24), 0.001, 0.001),
    StampDuty(dt.date(2008, 9, 19), 0.0, 0.001),
    StampDuty(dt.date(2023, 8, 28), 0.0, 0.0005),
)


@dataclass(frozen=True)
class TransferFee:
    """Fee for the change of ownership, on both sides, from a date on.

    Attributes
    ----------
    exchange : str
        "SH", "SZ" or "BJ".
    since : date
    of_value : float
        Fraction of the value traded.
    per_share : float
        CNY per share (the par value is 1 CNY).
    """

    exchange: str
    since: dt.date
    of_value: float
    per_share: float = 0.0


TRANSFER_FEES = (
    TransferFee("SH", dt.date(1990, 12, 19), 0.0, 0.0003),
    TransferFee("SZ", dt.date(1990, 12, 1), 0.0000255),
    TransferFee("SH", dt.date(2015, 8, 1), 0.00002),
    TransferFee("SZ", dt.date(2015, 8, 1), 0.00002),
    TransferFee("BJ", dt.date(2021, 11, 15), 0.000025),
    TransferFee("SH", dt.date(2022, 4, 29), 0.00001),
    TransferFee("SZ", dt.date(2022, 4, 29), 0.00001),
    TransferFee("BJ", dt.date(2022, 4, 29), 0.00001),
)

# real shares of a buy: at least, and in steps of (SSE 3.3.8; STAR provisions; BSE rules)
LOTS = {"main": (100, 100), "chinext": (100, 100), "star": (200, 1), "bse": (100, 1)}

_BOARDS = (
    (re.compile("68[89]"), "star", "SH"),
    (re.compile("30[0-9]"), "chinext", "SZ"),
    (re.compile("[48]|92"), "bse", "BJ"),
    (re.compile("[69]"), "main", "SH"),
    (re.compile(""), "main", "SZ"),
)
_DIGITS = re.compile(r"(?<!\d)(\d{6})(?!\d)")


def board_of(symbol: str) -> tuple[str, str]:
    """Board and exchange of a symbol, told by its six digits.

    "688001.SH", "sh.688001", "SH688001" and "688001" are all on STAR. A name without six digits
    is taken for a main-board stock of Shanghai.

    Returns
    -------
    tuple of str
        ("main", "chinext", "star" or "bse"; "SH", "SZ" or "BJ").
    """
    found = _DIGITS.search(symbol)
    if found is None:
        return "main", "SH"
    return next((b, e) for pattern, b, e in _BOARDS if pattern.match(found.group(1)))


class _Dated(Protocol):
    @property
    def since(self) -> dt.date: ...


Row = TypeVar("Row", bound=_Dated)


def in_force(rows: Sequence[Row], date: dt.date) -> Row | None:
    """Return the latest row that is in force on `date`, None before the first."""
    known = [row for row in rows if row.since <= date]
    return max(known, key=lambda row: row.since) if known else None
