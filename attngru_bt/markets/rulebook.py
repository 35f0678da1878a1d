"""The rules of the Chinese exchanges that change over time: one table per rule, with sources.

Every table is a default of a parameter of `attngru_bt.markets.AShare`: a rule that changes after
this was written is a row of your own, not an edit of the package.

Where PyPI's ``marina-rules`` (data CC0, each record with the notice it quotes) is installed,
tests/markets/test_marina.py compares these tables with it.

Sources
-------
Daily limits

- CSRC: 10% for shares and funds, the first day excepted, from 1996-12-16. Exchanges: 5% for
  "special treatment" from 1998-04-22.
- SSE notice 47/2013 (2013-12-13) and SZSE notice 54/2014 (2014-06-13): +44% and -36% of the issue
  price on the first day. The SZSE notice of 2013-12-13 only had halts and a range for the opening.
- SSE STAR Market Special Provisions on Trading, first day of trading 2019-07-22.
- SZSE ChiNext Special Provisions on Trading, effective 2020-08-24, and SZSE notice 620/2020: 20%
  for ST as well, which had 5% before. (Three stocks that were in their delisting period that day
  stayed at 10%; the table does not know them.)
- SSE notices 101 and 103/2020 and SZSE, 2020-12-31: no limit on the first day of the delisting
  period. In the period, ST or not, a stock has the limit of its board: SSE measures on the
  risk-warning board, effective 2013-01-01, SZSE Trading Rules 2012, 4.5.2.
- SSE and SZSE Trading Rules, 2023 revision, effective with the first main-board listing under the
  registration system, 2023-04-10: limits 3.3.13 f. (also: none on the day of a relisting), lots
  3.3.8 f., T+1 3.1.5.
- SSE and SZSE Trading Rules, 2026 revision (published 2026-04-24), effective 2026-07-06, SSE
  3.3.13: 10% instead of 5% for main-board ST.
- Beijing Stock Exchange Trading Rules (trial), effective 2021-11-15, 3.3.11 f.
- SSE notice 61/2020: 20% for funds of shares with 20%, from 2020-08-21.

Limit prices are rounded half up to the tick (SSE 3.3.17; 0.01 CNY, funds 0.001 CNY) and lie at
least one tick from the previous close. That is written in the SZSE rules since 2011-02-28
(3.3.16), in the SSE's since 2023-04-10, and taken to hold always: without it a share of 0.04 CNY
could trade at one price only.

Fees

- Ministry of Finance, stamp duty: 0.3% from 1992-06-12, 0.5% from 1997-05-10, 0.4% from
  1998-06-12, 0.2% from 2001-11-16, 0.1% from 2005-01-24, 0.3% from 2007-05-30, 0.1% from
  2008-04-24, on the seller only from 2008-09-19, 0.05% from 2023-08-28 (notice 39/2023). Funds are
  free: notice 55/1998 on the taxes of securities investment funds; Stamp Duty Law of 2022, art. 3,
  which names shares and depositary receipts only.
- China Securities Depository and Clearing (CSDC): transfer fee on shares until 2015-07-31 in
  Shanghai 0.3 per mille of the par value, in Shenzhen 0.0255 per mille of the value traded; from
  2015-08-01 0.02 per mille of the value in both (Beijing 0.025); from 2022-04-29 0.01 per mille
  everywhere.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

NONE = math.inf
BOARDS = ("main", "chinext", "star", "bse", "fund", "fund20")
EXCHANGES = ("SH", "SZ", "BJ")


@dataclass(frozen=True)
class Limit:
    """Daily price limits of a board, in force from a date on; fractions, `NONE` = no limit.

    Attributes
    ----------
    board : str
        "main", "chinext", "star", "bse", "fund", or "fund20" (funds of shares with a 20% limit).
    since : date
        First day in force.
    limit : float
        Up and down, of the previous close.
    st : float
        The same for stocks under special treatment (ST, *ST) outside their delisting period.
    first_days : int
        Sessions of a stock listed from `since` on that have limits of their own …
    first_up, first_down : float
        … which are these (of the issue price on the first day).
    delisting_days : int, default 1
        Sessions at the start of the delisting period without a limit; the others have `limit`.
    exchange : str, default ""
        "SH" or "SZ" if the row is for the board's stocks of one exchange only.
    """

    board: str
    since: dt.date
    limit: float
    st: float
    first_days: int
    first_up: float = NONE
    first_down: float = NONE
    delisting_days: int = 1
    exchange: str = ""


LIMITS = (
    Limit("main", dt.date(1996, 12, 16), 0.10, 0.10, 1, NONE, NONE, 0),
    Limit("main", dt.date(1998, 4, 22), 0.10, 0.05, 1, NONE, NONE, 0),
    Limit("main", dt.date(2013, 12, 13), 0.10, 0.05, 1, 0.44, 0.36, 0, "SH"),
    Limit("main", dt.date(2014, 6, 13), 0.10, 0.05, 1, 0.44, 0.36, 0, "SZ"),
    Limit("main", dt.date(2020, 12, 31), 0.10, 0.05, 1, 0.44, 0.36),
    Limit("main", dt.date(2023, 4, 10), 0.10, 0.05, 5),
    Limit("main", dt.date(2026, 7, 6), 0.10, 0.10, 5),
    Limit("chinext", dt.date(2009, 10, 30), 0.10, 0.05, 1, NONE, NONE, 0),
    Limit("chinext", dt.date(2014, 6, 13), 0.10, 0.05, 1, 0.44, 0.36, 0),
    Limit("chinext", dt.date(2020, 8, 24), 0.20, 0.20, 5, NONE, NONE, 0),
    Limit("chinext", dt.date(2020, 12, 31), 0.20, 0.20, 5),
    Limit("star", dt.date(2019, 7, 22), 0.20, 0.20, 5, NONE, NONE, 0),
    Limit("star", dt.date(2020, 12, 31), 0.20, 0.20, 5),
    Limit("bse", dt.date(2021, 11, 15), 0.30, 0.30, 1),
    Limit("fund", dt.date(1996, 12, 16), 0.10, 0.10, 0),
    Limit("fund20", dt.date(1996, 12, 16), 0.10, 0.10, 0),
    Limit("fund20", dt.date(2020, 8, 21), 0.20, 0.20, 0),
)


@dataclass(frozen=True)
class StampDuty:
    """Tax on the value of shares traded, per side, from a date on; fractions."""

    since: dt.date
    buy: float
    sell: float


STAMP_DUTY = (
    StampDuty(dt.date(1992, 6, 12), 0.003, 0.003),
    StampDuty(dt.date(1997, 5, 10), 0.005, 0.005),
    StampDuty(dt.date(1998, 6, 12), 0.004, 0.004),
    StampDuty(dt.date(2001, 11, 16), 0.002, 0.002),
    StampDuty(dt.date(2005, 1, 24), 0.001, 0.001),
    StampDuty(dt.date(2007, 5, 30), 0.003, 0.003),
    StampDuty(dt.date(2008, 4, 24), 0.001, 0.001),
    StampDuty(dt.date(2008, 9, 19), 0.0, 0.001),
    StampDuty(dt.date(2023, 8, 28), 0.0, 0.0005),
)


@dataclass(frozen=True)
class TransferFee:
    """Fee for the change of ownership of shares, on both sides, from a date on.

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

FUNDS = ("fund", "fund20")  # boards that pay neither stamp duty nor transfer fee

# real shares of a buy: at least, and in steps of (SSE 3.3.8; STAR provisions; BSE rules)
LOTS = {
    "main": (100, 100),
    "chinext": (100, 100),
    "star": (200, 1),
    "bse": (100, 1),
    "fund": (100, 100),
    "fund20": (100, 100),
}

_BOARDS = (
    (re.compile("68[89]"), "star", "SH"),
    (re.compile("30[0-9]"), "chinext", "SZ"),
    (re.compile("[48]|92"), "bse", "BJ"),
    (re.compile("58[89]"), "fund20", "SH"),  # funds of STAR shares
    (re.compile("5"), "fund", "SH"),
    (re.compile("1[568]"), "fund", "SZ"),
    (re.compile("[69]"), "main", "SH"),
    (re.compile(""), "main", "SZ"),
)
_DIGITS = re.compile(r"(?<!\d)(\d{6})(?!\d)")


def board_of(symbol: str) -> tuple[str, str]:
    """Return board and exchange of a symbol, by its six digits.

    "688001.SH", "sh.688001", "SH688001" and "688001" are all on STAR. A name without six digits
    counts as a main-board stock of Shanghai. The digits do not show which funds of Shenzhen hold
    ChiNext shares only, so all of them count as funds with a 10% limit.

    Returns
    -------
    tuple of str
        ("main", "chinext", "star", "bse", "fund" or "fund20"; "SH", "SZ" or "BJ").
    """
    digits = _DIGITS.search(symbol)
    if digits is None:
        return "main", "SH"
    return next((b, e) for pattern, b, e in _BOARDS if pattern.match(digits.group(1)))


def ticks_per_unit(board: str) -> int:
    """Return the number of price ticks in a unit of the currency: 100, for funds 1000."""
    return 1000 if board in FUNDS else 100


class _Dated(Protocol):
    @property
    def since(self) -> dt.date: ...


Row = TypeVar("Row", bound=_Dated)


def in_force(rows: Sequence[Row], date: dt.date) -> Row | None:
    """Return the latest row that is in force on `date`; None before the first."""
    begun = [row for row in rows if row.since <= date]
    return max(begun, key=lambda row: row.since, default=None)
