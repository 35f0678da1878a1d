"""Random A-share scenarios: symbols, bars, switches of the rules and orders.

Prices are whole ticks, many of them at or one tick beside a limit, of the bar's own rules or of
others; sessions lie around the days on which a rule or a fee changed.
"""

import datetime as dt
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np
import pandas as pd

from tests.reliability import rulebook

CHANGES = (
    "1998-04-22 1998-06-12 2001-11-16 2005-01-24 2007-05-30 2008-04-24 2008-09-19 2013-12-13 "
    "2014-06-13 2015-08-01 2020-08-21 2020-08-24 2020-12-31 2022-04-29 2023-04-10 2023-08-28 "
    "2026-07-06"
).split()
KINDS = {  # symbols: board, exchange, since
    "600000.SH": ("main", "SH", "1997-01-01"),
    "sh601318": ("main", "SH", "1997-01-01"),
    "000001.SZ": ("main", "SZ", "1997-01-01"),
    "002594": ("main", "SZ", "2004-06-01"),
    "SOMETHING": ("main", "SH", "1997-01-01"),
    "300750.SZ": ("chinext", "SZ", "2009-11-02"),
    "301001": ("chinext", "SZ", "2009-11-02"),
    "688981.SH": ("star", "SH", "2019-07-22"),
    "689009": ("star", "SH", "2019-07-22"),
    "830799.BJ": ("bse", "BJ", "2021-11-15"),
    "920002": ("bse", "BJ", "2021-11-15"),
    "510300.SH": ("fund", "SH", "2005-03-01"),
    "159915": ("fund", "SZ", "2005-03-01"),
    "588000.SH": ("fund20", "SH", "2019-08-01"),
}


@dataclass(eq=False)
class Bar:
    """One session of one asset; prices in ticks of the exchange."""

    day: dt.date
    base: int | None  # what the limits are measured from
    factor: Fraction
    per_yuan: int
    st: bool = False
    delisting: bool = False
    traded: bool = True
    volume: int = 1000
    open: int = 0
    high: int = 0
    low: int = 0
    close: int = 0

    def price(self, line):
        """A price as the feed has it."""
        return Fraction(getattr(self, line), self.per_yuan) * self.factor


@dataclass(eq=False)
class Asset:
    """A symbol and its bars; `listed` only if its first days are to be seen as such."""

    name: str
    board: str
    exchange: str
    bars: list = field(default_factory=list)
    listed: dt.date | None = None
    relisted: dt.date | None = None
    stays: list = field(default_factory=list)  # rows of `listing`
    by_day: dict = field(default_factory=dict)
    now: Bar | None = None

    def special(self, session):
        """Whether orders of a session meet a day whose limits are not the usual ones."""
        i = next((i for i, bar in enumerate(self.bars) if bar.day >= session), None)
        if i is None:
            return False
        after = self.bars[i : i + 2]
        return (
            i < 5
            or any(b.day == self.relisted for b in after)
            or (after[0].delisting != after[-1].delisting)
        )


@dataclass
class Scenario:
    """Assets, orders by session, and switches of the rules."""

    assets: list
    sessions: list
    orders: dict
    at_open: bool
    cash: int
    rules: dict
    volumes: bool
    lines: frozenset

    def asset(self, name):
        return next(asset for asset in self.assets if asset.name == name)


def draw(seed):
    """Draw a scenario from a seed."""
    rng = np.random.default_rng(seed)

    def chance(p):
        return bool(rng.random() < p)

    start = pd.Timestamp(rng.choice(CHANGES)) - pd.Timedelta(days=int(rng.integers(3, 40)))
    if chance(0.3):
        start = pd.Timestamp("1997-06-02") + pd.Timedelta(days=int(rng.integers(0, 10_500)))
    days = [d.date() for d in pd.bdate_range(start, periods=int(rng.integers(15, 55)))]
    there = [name for name, (_, _, since) in KINDS.items() if days[0] >= rulebook.D(since)]
    names = rng.choice(there, min(len(there), int(rng.integers(1, 6))), replace=False)
    optional = ("preclose", "adjfactor", "st", "delisting", "traded")
    lines = frozenset(name for name in optional if chance(0.5))
    rules = {
        "commission": rng.choice(["0.00025", "0", "0.0003", "0.003"]),
        "minimum": rng.choice(["5", "0", "1"]),
        "slippage": rng.choice(["0", "0", "0.002"]),
        "limits": chance(0.9),
        "stamp_duty": chance(0.9),
        "transfer_fees": chance(0.9),
        "t_plus_one": chance(0.9),
        "settle_after": [365, 5, None][rng.integers(3)],
    }
    cash = int(rng.choice([20_000, 300_000, 10**8]))
    given = Scenario([], [], {}, chance(0.5), cash, rules, chance(0.8), lines)
    given.assets = [_asset(str(name), days, given, rng, chance) for name in names]
    given.sessions = sorted({bar.day for asset in given.assets for bar in asset.bars})
    first = given.sessions[0]
    for asset in given.assets:  # in a run, whoever has no bar at its beginning was listed later
        if not asset.stays and asset.bars[0].day > first:
            asset.listed = asset.bars[0].day
        _prices(asset, given, rng, chance)
        asset.by_day = {bar.day: bar for bar in asset.bars}
    for session in given.sessions:
        rows = []
        young = [asset for asset in given.assets if asset.special(session)]
        for _ in range(rng.integers(0, 4)):
            some = young if young and chance(0.5) else given.assets
            asset = some[rng.integers(len(some))]
            side = "buy" if chance(0.55) else "sell"
            shares = int(rng.choice([1, 50, 100, 150, 199, 200, 201, 300, 500, 1000, 2345, 50_000]))
            rows.append((asset.name, side, None if side == "sell" and chance(0.4) else shares))
        given.orders[session] = rows
    return given


def _asset(name, days, given, rng, chance):
    """Days with a bar, statuses and listing of one symbol."""
    board, exchange, _ = KINDS[name]
    asset = Asset(name, board, exchange)
    begin = int(rng.integers(1, len(days))) if chance(0.3) else 0
    end = int(rng.integers(begin + 1, len(days) + 1)) if chance(0.3) else len(days)
    missing = rng.choice([0.0, 0.05, 0.3])
    mine = [d for d in days[begin:end] if not chance(missing)] or [days[begin]]
    stock = "fund" not in board
    st = chance(0.3) and "st" in given.lines and stock
    leaves = int(rng.integers(0, len(mine) + 1))
    leaves = leaves if "delisting" in given.lines and stock else len(mine)
    factor = Fraction(1)
    for i, day in enumerate(mine):
        if "adjfactor" in given.lines and (i == 0 or chance(0.04)):
            factor *= Fraction(int(rng.choice([100, 110, 150, 200, 237])), 100)
        bar = Bar(day, None, factor, rulebook.ticks_per_yuan(board), st=st, delisting=i >= leaves)
        st ^= chance(0.03) and "st" in given.lines and stock
        bar.traded = "traded" not in given.lines or not chance(0.05)
        bar.volume = 0 if i and chance(0.05) else 1000
        asset.bars.append(bar)
    if chance(0.4):  # it stands in `listing`
        long_ago = mine[0] - dt.timedelta(days=int(rng.integers(400, 3000)))
        asset.stays = [(mine[0] if chance(0.5) else long_ago, None)]
        asset.listed = asset.stays[0][0] if asset.stays[0][0] == mine[0] else None
        out = mine[-1] + dt.timedelta(days=int(rng.integers(1, 12)))
        if chance(0.4):
            asset.stays[0] = (asset.stays[0][0], out)
        elif chance(0.4) and len(mine) > 2:
            k = int(rng.integers(1, len(mine)))
            out = mine[k - 1] + dt.timedelta(days=1)
            asset.stays = [(asset.stays[0][0], out), (mine[k], None)]
            asset.relisted = mine[k]
    return asset


def _prices(asset, given, rng, chance):
    """Draw bars one by one, many of them at a limit."""
    close, factor = int(rng.choice([3, 40, 333, 1005, 1999, 20_000])), asset.bars[0].factor
    for i, bar in enumerate(asset.bars):
        if i or "preclose" in given.lines:
            moved = Fraction(close) * factor / bar.factor
            bar.base = max(rulebook.half_up(moved), 1)
            if i and chance(0.05) and given.lines >= {"preclose"}:
                bar.base = max(rulebook.half_up(moved * Fraction(7, 10)), 1)  # ex-right
        base, factor = bar.base or close, bar.factor
        up, down = rulebook.limits(asset, i, given) or (base * 2 + 1, 1)
        free = up == base * 2 + 1
        if chance(0.8 if free else 0.25):  # a limit of another day or board
            usual = rulebook.daily_limit(asset.board, bar.day, bar.st)
            per_cent = usual if free else int(rng.choice([5, 10, 20, 30, 36, 44]))
            up, down = rulebook.prices_at(base, per_cent, per_cent)
        down = max(down, 1)
        edge = int(rng.choice([up, down])) + int(rng.choice([0, 0, 0, 0, 0, -1, 1]))
        shape = rng.choice(["plain", "plain", "locked", "leaves", "reaches"])
        shape = "locked" if free and chance(0.5) else shape
        prices = [int(rng.integers(min(down, up), max(down, up) + 1)) for _ in range(4)]
        if shape == "locked":
            prices = [edge] * 4
        elif shape == "leaves":
            prices[0] = edge
        elif shape == "reaches":
            prices[3] = edge
        if bar.volume == 0 or not bar.traded:
            prices = [base] * 4
        prices = [max(p, 1) for p in prices]
        bar.open, bar.close = prices[0], prices[3]
        bar.high, bar.low = max(prices), min(prices)
        close = bar.close
