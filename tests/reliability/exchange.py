"""Random A-share scenarios through the package's rules, beside the account of `book`.

A plain `bt.Strategy` gives random market orders. What filled when, at which size, price and fee,
how each order ended, and cash, value and holdings after every session must be those of the book.
"""

import itertools
import math
from fractions import Fraction

import pandas as pd

from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.panel_feed import PanelFeed
from attngru_bt.markets import ashare
from tests.reliability import book, scenarios

RELATIVE = 1e-9


class Script(bt.Strategy):
    """Gives the orders of a scenario and notes what becomes of them."""

    params = dict(scenario=None)

    def __init__(self):
        self.rows, self.fills, self.orders = [], [], []

    def today(self):
        return max(data.datetime.date(0) for data in self.datas if len(data))

    def give(self):
        scenario = self.p.scenario
        for name, side, shares in scenario.orders.get(self.today(), ()):
            data = self.getdatabyname(name)
            if not len(data):
                continue
            units = self.getposition(data).size
            if shares is not None:
                units = float(
                    Fraction(shares) / scenario.asset(name).by_day[data.datetime.date(0)].factor
                )
            if units > 0:
                order = self.buy if side == "buy" else self.sell
                self.orders.append(order(data=data, size=units, number=len(self.orders)))

    def next_open(self):
        self.give()

    prenext_open = next_open

    def next(self):
        held = {data._name: p.size for data, p in self.broker.positions.items()}
        self.rows.append((self.today(), self.broker.get_cash(), self.broker.get_value(), held))
        if not self.p.scenario.at_open:
            self.give()

    prenext = next

    def notify_order(self, order):
        number = order.info.get("number", -1)
        day = self.today()  # a holding is settled at the stamp of its last bar
        for bit in order.executed.iterpending():
            fee = bit.openedcomm + bit.closedcomm
            self.fills.append((number, order.data._name, day, bit.size, bit.price, fee))


def run(scenario):
    """Return the same as `book.play`, from backtrader under the package's rules."""
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=scenario.at_open)
    cerebro.broker.setcash(scenario.cash)
    for asset in scenario.assets:
        table = {line: [float(bar.price(line)) for bar in asset.bars]
                 for line in ("open", "high", "low", "close")}  # fmt: skip
        if scenario.volumes:
            table["volume"] = [float(bar.volume) for bar in asset.bars]
        if "preclose" in scenario.lines:
            table["preclose"] = [
                float(Fraction(bar.base, bar.per_yuan) * bar.factor) for bar in asset.bars
            ]
        if "adjfactor" in scenario.lines:
            table["adjfactor"] = [float(bar.factor) for bar in asset.bars]
        for line in scenario.lines & {"st", "delisting", "traded"}:
            table[line] = [float(getattr(bar, line)) for bar in asset.bars]
        frame = pd.DataFrame(table, index=pd.DatetimeIndex([bar.day for bar in asset.bars]))
        feed = PanelFeed.with_lines(*frame.columns)(dataname=frame, name=asset.name)
        cerebro.adddata(feed, name=asset.name)
    rules = scenario.rules
    listing = [(asset.name, *stay) for asset in scenario.assets for stay in asset.stays]
    off = {name: () for name in ("limits", "stamp_duty", "transfer_fees") if not rules[name]}
    ashare.install(
        cerebro,
        commission=float(rules["commission"]),
        minimum=float(rules["minimum"]),
        slippage=float(rules["slippage"]) or None,
        t_plus_one=rules["t_plus_one"],
        settle_after=rules["settle_after"],
        listing=pd.DataFrame(listing, columns=["symbol", "in_date", "out_date"]),
        **off,
    )
    cerebro.addstrategy(Script, scenario=scenario)
    script = cerebro.run()[0]
    ends = ["" if order.alive() else order.getstatusname() for order in script.orders]
    return script.rows, script.fills, ends


def difference(want, got, cash):
    """Return the first thing in which two outcomes differ, empty if there is none."""
    fills = [sorted(outcome[1], key=lambda fill: (fill[2], *fill[:2])) for outcome in (want, got)]
    for here, there in itertools.zip_longest(*fills):
        if here is None or there is None or here[:3] != there[:3] or not _near(here[3:], there[3:]):
            return f"fill {_plain(there)}, by the book {_plain(here)}"
    for number, (here, there) in enumerate(zip(want[2], got[2], strict=True)):
        if here != there:
            return f"order {number} ended {there!r}, by the book {here!r}"
    for here, there in zip(want[0], got[0], strict=True):
        if here[0] != there[0] or not _near(here[1:3], there[1:3], cash * RELATIVE):
            return f"cash and value are {_plain(there[:3])}, by the book {_plain(here[:3])}"
        for name in here[3].keys() | there[3].keys():
            units = here[3].get(name, 0), there[3].get(name, 0.0)
            if not _near(units[:1], units[1:]):
                return f"{units[1]} of {name} are held on {here[0]}, by the book {float(units[0])}"
    return ""


def _near(here, there, absolute=1e-6):
    """Whether exact numbers and floats agree."""
    pairs = zip(map(float, here), there, strict=True)
    return all(math.isclose(a, b, rel_tol=RELATIVE, abs_tol=absolute) for a, b in pairs)


def _plain(row):
    """Write a row of an outcome with numbers for its fractions."""
    if row is None:
        return "none"
    return " ".join(f"{float(v):.10g}" if isinstance(v, Fraction) else str(v) for v in row)


def trial(seed):
    """Compare both; say the first difference, if there is one."""
    given = scenarios.draw(seed)
    return difference(book.play(given), run(given), given.cash)
