"""An account by the rules of `rulebook`, on a broker that works as backtrader's does.

That is: orders are checked for cash in the order in which they were given, fill at the open of the
next session they can (with `cheat_on_open` at that of the same), and are void where the cash does
not reach. Amounts are exact fractions.
"""

from dataclasses import dataclass, field
from fractions import Fraction

from tests.reliability import rulebook


@dataclass
class Order:
    """An order of the script, or the settlement of a delisted holding (number -1)."""

    number: int
    asset: object
    side: str
    units: Fraction  # still to be filled
    quote: Fraction  # price at which its cash is checked
    filled: Fraction = Fraction(0)
    value: Fraction = Fraction(0)
    commission: Fraction = Fraction(0)
    put_off: bool = False  # T+1 let it fill in part
    end: str = ""


@dataclass
class Book:
    """Cash, units and what became of the orders."""

    scenario: object
    cash: Fraction
    units: dict = field(default_factory=dict)  # asset name → units
    bought: dict = field(default_factory=dict)  # the same, of this session
    queue: list = field(default_factory=list)
    orders: list = field(default_factory=list)
    fills: list = field(default_factory=list)  # (number, asset, day, ±units, price, fee)

    def fee(self, order, day, units, price, shares):
        """Fee of a fill: taxes of the day, and the commission with one minimum for the order."""
        rules = self.scenario.rules
        order.value += units * price
        least, rate = Fraction(rules["minimum"]), Fraction(rules["commission"])
        commission = rulebook.cents(max(order.value * rate, least))
        more, order.commission = commission - order.commission, commission
        return more + rulebook.taxes(order.asset, day, order.side, units * price, shares, rules)

    def check(self, orders):
        """Void the orders that the cash would not reach for, each after those before it."""
        cash, units = self.cash, dict(self.units)
        for order in orders:
            bar, name = order.asset.now, order.asset.name
            held = units.get(name, Fraction(0))
            sign = 1 if order.side == "buy" else -1
            closed = min(order.units, held) if sign < 0 else Fraction(0)
            closed = min(order.units, max(-held, Fraction(0))) if sign > 0 else closed
            for part in (closed, order.units - closed):
                if part:
                    trial = Order(0, order.asset, order.side, part, order.quote)
                    cash -= sign * part * order.quote
                    cash -= self.fee(trial, bar.day, part, order.quote, part * bar.factor)
            units[name] = held + sign * order.units
            if cash < 0:
                order.end = "Margin"
            else:
                self.queue.append(order)

    def obstacle(self, order, session):
        """Whether nothing of an asset can be traded by an order today."""
        bar, asset = order.asset.now, order.asset
        if bar.day != session or not bar.traded:
            return True
        if bar.volume == 0 and self.scenario.volumes:
            return True
        edges = rulebook.limits(asset, asset.bars.index(bar), self.scenario)
        if edges is None:
            return False
        edge = edges[0] if order.side == "buy" else edges[1]
        return edge > 0 and bar.open == bar.high == bar.low == bar.close == edge

    def attempt(self, order, session):
        """Fill an order as far as the rules allow; True if it stays in the queue."""
        asset, bar = order.asset, order.asset.now
        held = self.units.get(asset.name, Fraction(0))
        if order.number < 0:
            if bar.day == session:
                return False
            price = bar.price("close")
            self.take(order, session, held, price, Fraction(0))
            return False
        if self.obstacle(order, session):
            return True
        board, rules = asset.board, self.scenario.rules
        slip = Fraction(rules["slippage"])
        if order.side == "buy":
            units = rulebook.may_buy(board, order.units * bar.factor) / bar.factor
            if not units:
                order.end = "Rejected"
                return False
            price = bar.price("open") * (1 + slip)
            price = min(price, max(bar.price("high"), bar.price("open")))
            fee = self.fee(order, session, units, price, units * bar.factor)
            if self.cash - units * price - fee < 0:
                order.end = "Margin"
                return False
            self.bought[asset.name] = self.bought.get(asset.name, Fraction(0)) + units
            self.take(order, session, units, price, fee)
            order.end = "Completed"
            return False
        if not order.filled or order.put_off or order.units > held:
            order.put_off = False
            most = rulebook.may_sell(board, order.units * bar.factor, held * bar.factor)
            if not most or held <= 0:
                order.end = "Canceled" if order.filled else "Rejected"
                return False
            order.units = most / bar.factor
        units = order.units
        free = held - (self.bought.get(asset.name, Fraction(0)) if rules["t_plus_one"] else 0)
        if units > free:
            units = rulebook.may_sell(board, free * bar.factor, held * bar.factor) / bar.factor
            if not units:
                return True
            order.put_off = True
        price = max(bar.price("open") * (1 - slip), bar.price("low"))
        fee = self.fee(order, session, units, price, units * bar.factor)
        self.take(order, session, units, price, fee)
        order.units -= units
        if order.units:
            return True
        order.end = "Completed"
        return False

    def take(self, order, session, units, price, fee):
        """Book a fill."""
        name, sign = order.asset.name, 1 if order.side == "buy" else -1
        order.filled += units
        self.cash -= sign * units * price + fee
        self.units[name] = self.units.get(name, Fraction(0)) + sign * units
        self.fills.append((order.number, name, session, sign * units, price, fee))


def gone(asset, session, rules):
    """Whether a holding whose newest bar is not of this session counts as delisted."""
    last = asset.now.day
    if asset.stays:
        out = [stay for stay in asset.stays if stay[0] <= last][-1][1]
        return out is not None and session >= out
    return rules["settle_after"] is not None and (session - last).days > rules["settle_after"]


def play(scenario):
    """Return (cash, value and units after each session), fills, and how each order ended."""
    rules = scenario.rules
    book = Book(scenario, Fraction(scenario.cash))
    given, rows, settling = [], [], set()

    def decide(session, line):
        orders = []
        for name, side, shares in scenario.orders.get(session, ()):
            asset = scenario.asset(name)
            if asset.now is None:
                continue
            held = book.units.get(name, Fraction(0))
            units = held if shares is None else Fraction(shares) / asset.now.factor
            if units > 0:
                number = len(book.orders)
                orders.append(Order(number, asset, side, units, asset.now.price(line)))
                book.orders.append(orders[-1])
        return orders

    for asset in scenario.assets:
        asset.now = None
    for session in scenario.sessions:
        for asset in scenario.assets:
            asset.now = asset.by_day.get(session, asset.now)
        if scenario.at_open:
            given = decide(session, "open")
        book.bought = {}
        book.check(given)
        book.queue = [order for order in book.queue if book.attempt(order, session)]
        value = book.cash + sum(
            units * scenario.asset(name).now.price("close") for name, units in book.units.items()
        )
        rows.append((session, book.cash, value, dict(book.units)))
        given = [] if scenario.at_open else decide(session, "close")
        for name, units in book.units.items():
            asset = scenario.asset(name)
            if asset.now.day == session:
                settling.discard(name)
            elif units > 0 and name not in settling and gone(asset, session, rules):
                for order in [o for o in book.queue if o.asset is asset]:
                    order.end = "Canceled"
                    book.queue.remove(order)
                book.queue.append(Order(-1, asset, "sell", units, Fraction(0)))
                settling.add(name)
    return rows, book.fills, [order.end for order in book.orders]
