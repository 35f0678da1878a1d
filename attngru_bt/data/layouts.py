"""The columns of common sources: their names, units and what is made of them, in one table.

Nothing is renamed by hand: a table whose header is that of a layout below is read as this source
gives it. Names are in lower case here; upper and lower case do not matter in a table.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from attngru_bt.data.bars import DataError

DATES = ("date", "datetime", "trade_date", "日期", "交易日期", "<date>")
SYMBOLS = (
    "symbol", "ticker", "code", "ts_code", "instrument", "asset", "股票代码", "证券代码",
    "<ticker>",
)  # fmt: skip
"""Columns of dates and of symbols: read as text, and recognized in a table without ours."""
VALUES = (
    "open", "high", "low", "close", "adj close", "volume", "dividends", "stock splits",
    "capital gains",
)  # fmt: skip
"""The columns of yfinance; in a header of two rows, one has these and the other the tickers."""


@dataclass(frozen=True)
class Unit:
    """How a column is written: our value is theirs times `factor`; messages use `name`."""

    factor: float
    name: str


@dataclass(frozen=True)
class Layout:
    """The table of a source.

    Parameters
    ----------
    name : str
        The source, as messages call it.
    needs : tuple of str
        Columns that every table of this source has.
    any_of : tuple of str
        Columns of which it has at least one; empty if `needs` alone tell it.
    names : mapping of str to str
        Its columns and ours, where they differ.
    units : mapping of str to Unit
        Its columns in units that are not ours.
    of_codes : tuple of str
        Columns whose unit holds for Chinese stocks only.
    unused : tuple of str
        Columns that repeat others, or that nothing can be learned from.
    newest_first : bool
        Whether the source gives the newest row first.
    note : str
        What is logged of a table in this layout, beside its name.
    """

    name: str
    needs: tuple[str, ...] = ()
    any_of: tuple[str, ...] = ()
    names: Mapping[str, str] = field(default_factory=dict)
    units: Mapping[str, Unit] = field(default_factory=dict)
    of_codes: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    newest_first: bool = False
    note: str = ""


OWN = Layout("own")
"""Our own names and units, with `DATES` and `SYMBOLS` for the first two columns."""

_LOTS = Unit(100, "lots of 100")
_THOUSANDS = Unit(1_000, "thousands")
_TEN_THOUSANDS = Unit(10_000, "ten thousands")

LAYOUTS = (
    Layout(
        "tushare",  # daily, index_daily, fund_daily, daily_basic and adj_factor, alone or merged
        needs=("ts_code", "trade_date", "close"),
        names={
            "ts_code": "symbol", "trade_date": "date", "pre_close": "preclose", "vol": "volume",
            "turnover_rate": "turnover", "total_mv": "market_cap", "circ_mv": "float_cap",
            "adj_factor": "adjfactor",
        },
        units={
            "vol": _LOTS, "amount": _THOUSANDS, "total_mv": _TEN_THOUSANDS,
            "circ_mv": _TEN_THOUSANDS,
        },
        of_codes=("vol", "amount"),
        unused=("change", "pct_chg"),
        newest_first=True,
    ),
    Layout(
        "akshare",  # stock_zh_a_hist and others of Eastmoney
        needs=("日期", "收盘"),
        names={
            "日期": "date", "股票代码": "symbol", "开盘": "open", "收盘": "close", "最高": "high",
            "最低": "low", "成交量": "volume", "成交额": "amount", "换手率": "turnover",
        },
        units={"成交量": _LOTS},
        of_codes=("成交量",),
        unused=("振幅", "涨跌幅", "涨跌额"),
    ),
    Layout(
        "akshare (Sina)",  # stock_zh_a_daily
        needs=("date", "close", "outstanding_share", "turnover"),
        units={"turnover": Unit(100, "fractions")},
        unused=("outstanding_share",),
    ),
    Layout(
        "baostock",  # query_history_k_data_plus
        needs=("date", "code", "close"),
        any_of=(
            "adjustflag", "turn", "tradestatus", "pctchg", "pettm", "pbmrq", "psttm", "pcfncfttm",
            "isst",
        ),
        names={
            "code": "symbol", "turn": "turnover", "tradestatus": "traded", "pettm": "pe",
            "pbmrq": "pb", "psttm": "ps", "pcfncfttm": "pcf", "isst": "st",
        },
        unused=("adjustflag", "pctchg"),
    ),
    Layout(
        "Stooq",  # the files of its database; its other header is our own
        needs=("<ticker>", "<date>", "<close>"),
        names={
            "<ticker>": "symbol", "<date>": "date", "<open>": "open", "<high>": "high",
            "<low>": "low", "<close>": "close", "<vol>": "volume",
        },
        unused=("<per>", "<time>", "<openint>"),
        note="prices as Stooq adjusts them",
    ),
    Layout(
        "Qlib",
        needs=("$close",),
        names={
            "$open": "open", "$high": "high", "$low": "low", "$close": "close",
            "$volume": "volume", "$amount": "amount", "$money": "amount", "$factor": "adjfactor",
        },
        unused=("$change", "$vwap"),
    ),
    Layout(
        "yfinance",
        needs=("open", "high", "low", "close"),
        any_of=("adj close", "stock splits", "capital gains"),
        unused=("dividends", "stock splits", "capital gains"),
        note="prices divided by later splits, as Yahoo gives them",
    ),
)  # fmt: skip


def recognize(columns: Iterable[str], source: str) -> Layout:
    """Return the layout of a table with these columns, in lower case; else `OWN`.

    Raises
    ------
    DataError
        If the columns are those of two sources.
    """
    present = set(columns)
    matches = [
        layout
        for layout in LAYOUTS
        if present.issuperset(layout.needs)
        and (not layout.any_of or not present.isdisjoint(layout.any_of))
    ]
    if len(matches) > 1:
        first, second = matches[:2]
        raise DataError(
            f"{source}: may be a table of {first.name} ({', '.join(first.needs)}) or of "
            f"{second.name} ({', '.join(second.needs)}), whose units differ; leave out the columns "
            "of one of them with ignore=[…] (--ignore …)."
        )
    return matches[0] if matches else OWN
