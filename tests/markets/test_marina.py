"""Our dated tables against those of `marina-rules`, which cites the exchanges' notices.

Run where it is installed (``pip install marina-rules``); the package is no dependency.
"""

import datetime as dt
from types import SimpleNamespace

import pytest

from attngru_bt.markets import AShare
from attngru_bt.markets.fees import Fees
from attngru_bt.markets.limits import Limits
from attngru_bt.markets.rulebook import LIMITS, NONE, board_of, ticks_per_unit

marina = pytest.importorskip("marina_rules")

LAST = dt.date(2026, 12, 31)
DAY = dt.timedelta(days=1)
STOCKS = {"XSHG": "600000", "XSHE": "000001"}
CHINEXT, STAR, BEIJING = {"XSHE": "300001"}, {"XSHG": "688001"}, {"BJSE": "830799"}
FUNDS = {"XSHG": "510300", "XSHE": "159919"}
# scope: a symbol by market, and what is known of the stock
SCOPES = {
    "main_board": (STOCKS, {}),
    "st_main": (STOCKS, {"st": True}),
    "chinext": (CHINEXT, {}),
    "st_chinext": (CHINEXT, {"st": True}),
    "star": (STAR, {}),
    "st_star": (STAR, {"st": True}),
    "bse": (BEIJING, {}),
    "st_bse": (BEIJING, {"st": True}),
    "ipo_day1_main": (STOCKS, {"age": 1}),
    "ipo_first5_main": (STOCKS, {"age": 5}),
    "ipo_first5_chinext": (CHINEXT, {"age": 5}),
    "ipo_first5_star": (STAR, {"age": 5}),
    "ipo_day1_bse": (BEIJING, {"age": 1}),
    "delisting": (STOCKS, {"delisting": 2}),
    "delisting_day1": (STOCKS, {"delisting": 1}),
    "delisting_chinext": (CHINEXT, {"delisting": 2}),
    "delisting_star": (STAR, {"delisting": 2}),
    "delisting_day1_star": (STAR, {"delisting": 1}),
    "delisting_bse": (BEIJING, {"delisting": 2}),
    "delisting_day1_bse": (BEIJING, {"delisting": 1}),
    "etf": (FUNDS, {}),
    "etf_20pct": ({"XSHG": "588000"}, {}),  # Shenzhen's are not told by their digits
}


class Line(list):
    def __getitem__(self, ago):
        return list.__getitem__(self, len(self) - 1 + ago)


class Feed(SimpleNamespace):
    def __len__(self):
        return len(self.datetime)


def limits_of(symbol, date, *, base=10.0, st=False, age=None, delisting=0):
    """Fractions and prices of a bar on `date`, of a stock with this past.

    With an age: of the bar of that number of a stock listed on `date`.
    """
    bars = age or 8
    start = date if age else date - (bars - 1) * DAY
    lines = {
        "close": Line([base] * bars),
        "preclose": Line([base] * bars),
        "st": Line([float(st)] * bars),
        "delisting": Line([0.0] * (bars - delisting) + [1.0] * delisting),
    }
    days = Line([(start + n * DAY).toordinal() for n in range(bars)])
    feed = Feed(_name=symbol, datetime=days, lines=SimpleNamespace(**lines), close=lines["close"])
    rules = Limits(LIMITS, listed={symbol: [start if age else dt.date(1990, 12, 19)]})
    return rules.fractions(feed), rules.prices(feed)


def dates_of(record):
    """First day, last day, and one a year between."""
    first = dt.date.fromisoformat(record.effective_from)
    last = LAST if record.effective_to is None else dt.date.fromisoformat(record.effective_to) - DAY
    return [first, *(first + n * 365 * DAY for n in range(1, (last - first).days // 365 + 1)), last]


def compared(rule):
    """Records of a rule in the scopes we know, with a symbol of each of its markets."""
    for record in marina.records():
        if record.rule == rule and record.scope in SCOPES:
            symbols, known = SCOPES[record.scope]
            for market in (record.market or "XSHG+XSHE").split("+"):
                if market in symbols:
                    yield record, market, symbols[market], known


def test_every_limit():
    seen = set()
    for record, _, symbol, known in compared("price_limit_pct"):
        value = record.value
        expected = (value["up"], value["down"]) if isinstance(value, dict) else (value, value)
        expected = (NONE, NONE) if value == "unlimited" else expected
        for date in dates_of(record):
            assert limits_of(symbol, date, **known)[0] == expected, (record.id, symbol, date)
        seen.add(record.scope)
    assert seen == set(SCOPES)


def test_every_limit_price():
    """To the tick; below 0.2 CNY where the exchange's rules name a least distance for all."""
    seen = 0
    for record, market, symbol, known in compared("price_limit_pct"):
        # before their first record, ticks of 0.01 are assumed there, for funds as well
        dates = [date for date in dates_of(record) if date >= dt.date(2006, 7, 1)]
        for date in dates if "age" not in known else ():
            least = market != "BJSE" and marina.min_tick_band("stock", str(date), market)
            for base in (0.01, 0.04, 0.05, 0.07, 0.13, 0.2, 0.25, 1.05, 9.95, 10.05, 15.69, 88.85):
                theirs = marina.limit_price(base, record.scope, str(date), market)
                if theirs is not None and (base >= 0.2 or least):
                    ours = limits_of(symbol, date, base=base, **known)[1]
                    assert ours == pytest.approx(theirs, abs=1e-9), (record.id, date, base)
                    seen += 1
    assert seen > 1000


def test_ticks():
    for record in marina.records():
        if record.rule == "tick_size" and record.scope in ("stock", "etf"):
            board = board_of("600000" if record.scope == "stock" else "510300")[0]
            assert 1 / ticks_per_unit(board) == record.value


def test_fees():
    seen = set()
    for record in marina.records():
        for date in dates_of(record) if record.scope == "stock" else ():
            for exchange in ("SH", "SZ"):
                if record.rule == "stamp_duty_sell":
                    paid = Fees(0.0, 0.0, transfer_fees=()).of(1e8, 1e7, "sell", date, exchange)
                elif record.rule == "transfer_fee_each_side":
                    paid = Fees(0.0, 0.0, stamp_duty=()).of(1e8, 1e7, "buy", date, exchange)
                else:
                    continue
                assert paid == pytest.approx(record.value * 1e8), (record.id, date)
                seen.add(record.id)
        if record.rule == "commission_min_per_order_cny":
            assert Fees().minimum == record.value
    assert len(seen) >= 4


def test_what_was_bought_is_sold_tomorrow():
    held = [
        r.value for r in marina.records() if r.rule == "min_holding_days" and r.scope == "stock"
    ]
    assert held == [1] and AShare().t_plus_one
