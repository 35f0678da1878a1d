"""The A-share rules once more, in plain words and exact numbers; nothing here is the package's.

They are those of docs/market_rules.md; dates and rates are typed from the notices that it
names. `book` trades by them.
"""

import datetime as dt
import math
from fractions import Fraction

D = dt.date.fromisoformat


def ticks_per_yuan(board):
    return 1000 if board in ("fund", "fund20") else 100


def half_up(number):
    """Whole number nearest to an exact one; a half goes up."""
    return math.floor(number + Fraction(1, 2))


def daily_limit(board, day, st):
    """Per cent a price may move in a session."""
    if board == "main":
        return 5 if st and D("1998-04-22") <= day < D("2026-07-06") else 10
    if board == "chinext":
        if day >= D("2020-08-24"):
            return 20
        return 5 if st else 10
    if board == "fund20":
        return 20 if day >= D("2020-08-21") else 10
    return {"star": 20, "bse": 30, "fund": 10}[board]


def first_days(board, exchange, listed):
    """How many sessions after a listing are special, and the per cents up and down of the first."""
    if board in ("fund", "fund20"):
        return 0, None
    if board == "bse":
        return 1, None
    registered = {"main": "2023-04-10", "chinext": "2020-08-24", "star": "2019-07-22"}[board]
    if listed >= D(registered):
        return 5, None
    if listed >= D("2013-12-13" if exchange == "SH" else "2014-06-13"):
        return 1, (44, 36)
    return 1, None


def limits(asset, i, scenario):
    """Limit prices of an asset's bar `i` in ticks, (up, down), or None if it has none."""
    bar, rules = asset.bars[i], scenario.rules
    if not rules["limits"] or bar.base is None:
        return None
    up = down = daily_limit(asset.board, bar.day, bar.st)
    if asset.listed is not None:
        number = sum(1 for b in asset.bars[: i + 1] if b.day >= asset.listed)
        special, first = first_days(asset.board, asset.exchange, asset.listed)
        if number <= special:
            if number > 1 or first is None:
                return None
            return prices_at(bar.base, *first)
    if asset.relisted == bar.day:
        return None
    if bar.delisting:
        free_first_day = asset.board == "bse" or bar.day >= D("2020-12-31")
        if free_first_day and i and not asset.bars[i - 1].delisting:
            return None
        up = down = daily_limit(asset.board, bar.day, False)
    return prices_at(bar.base, up, down)


def prices_at(base, up, down):
    """Prices so many per cent above and below, in ticks; at least one tick away."""
    return (
        max(half_up(Fraction(base * (100 + up), 100)), base + 1),
        min(half_up(Fraction(base * (100 - down), 100)), base - 1),
    )


def cents(amount):
    return Fraction(half_up(amount * 100), 100)


def taxes(asset, day, side, value, shares, rules):
    """Stamp duty and transfer fee of what traded on a day."""
    if "fund" in asset.board:
        return Fraction(0)
    total = Fraction(0)
    if rules["stamp_duty"]:
        duty, both = "0.003", True
        for since, rate, sides in (
            ("1997-05-10", "0.005", True),
            ("1998-06-12", "0.004", True),
            ("2001-11-16", "0.002", True),
            ("2005-01-24", "0.001", True),
            ("2007-05-30", "0.003", True),
            ("2008-04-24", "0.001", True),
            ("2008-09-19", "0.001", False),
            ("2023-08-28", "0.0005", False),
        ):
            if day >= D(since):
                duty, both = rate, sides
        if side == "sell" or both:
            total += cents(value * Fraction(duty))
    if rules["transfer_fees"]:
        if day >= D("2022-04-29"):
            total += cents(value * Fraction("0.00001"))
        elif asset.exchange == "BJ":
            total += cents(value * Fraction("0.000025"))
        elif day >= D("2015-08-01"):
            total += cents(value * Fraction("0.00002"))
        elif asset.exchange == "SZ":
            total += cents(value * Fraction("0.0000255"))
        else:
            total += cents(shares * Fraction("0.0003"))
    return total


def lot(board):
    """Least number of shares of a buy, and its step."""
    return {"star": (200, 1), "bse": (100, 1)}.get(board, (100, 100))


def may_buy(board, shares):
    least, step = lot(board)
    whole = math.floor(shares / step) * step
    return Fraction(whole if whole >= least else 0)


def may_sell(board, shares, held):
    """Most of `held` that an order of `shares` may sell: steps, with or without the odd rest."""
    if shares >= held:
        return held
    least, step = lot(board)
    rest = held % step
    sizes = [Fraction(0)]
    for odd in (0, rest):
        size = math.floor((shares - odd) / step) * step + odd if shares >= odd else 0
        if size >= least:
            sizes.append(size)
    if 0 < rest <= shares and least == step:
        sizes.append(rest)
    return max(sizes)
