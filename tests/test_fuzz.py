"""Some two hundred random small markets: no strange error, no rejected order, books that balance.

They are others in each run. Each market is drawn from a seed and a few switches: late listings,
gaps, zero volume, constant prices, spikes × 100, locked limits, one stock, more slots than stocks,
everything suspended, an empty first month, feeds of different lengths.
"""

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.market import Market
from attngru_bt.data.membership import Membership
from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.market_feeds import add_feeds
from attngru_bt.markets import AShare
from attngru_bt.trading.monthly import MonthlyTopK
from attngru_bt.walkforward.generator import SignalGenerator

NAMES = ("600000.SH", "688001.SH", "300001.SZ", "000001.SZ", "830799.BJ", "S5", "S6", "S7")
MAIN = ("600000.SH", "000001.SZ", "S5", "S6", "S7")  # boards with a limit of a tenth
STARTS = ("2014-12-15", "2015-06-01", "2019-07-01", "2020-08-03", "2022-04-01", "2023-08-01")
CASH = (20_000.0, 300_000.0, 3e7)


def examples(count):
    return settings(max_examples=count)


def draw_market(seed, shortest=25, longest=100):
    """Return a market that is drawn from a seed, as few or many days long as told."""
    rng = np.random.default_rng(seed)
    n_assets = int(rng.choice([1, 2, 4, 8]))
    n_days = int(rng.integers(shortest, longest))
    dates = pd.DatetimeIndex(pd.bdate_range(rng.choice(STARTS), periods=n_days).to_numpy())
    shape = (n_days, n_assets)

    step = rng.normal(0, 0.03, shape).clip(-0.099, 0.099)
    step[rng.random(shape) < 0.1] = 0.1  # up limits
    step[rng.random(shape) < 0.1] = -0.1
    first = np.r_[False, np.diff(dates.month) != 0]  # where the decisions are
    step[first] = rng.choice([-0.1, 0.0, 0.01, 0.1], (int(first.sum()), n_assets))
    spikes = rng.random(shape) < 0.01 * (rng.random() < 0.3)
    constant = rng.random(n_assets) < 0.15
    step[:, constant] = 0.0
    close, preclose = np.empty(shape), np.empty(shape)
    before = np.round(np.exp(rng.normal(2.5, 1.0, n_assets)), 2) + 0.5
    for t in range(n_days):
        preclose[t] = before
        before = np.maximum(np.floor(before * (1 + step[t]) * 100 + 0.5) / 100, 0.05)
        before = np.where(spikes[t], np.minimum(before * 100, 1e6), before)
        close[t] = before
    locked = (np.abs(step) == 0.1) & (rng.random(shape) < 0.7) | constant
    open_ = np.where(locked, close, np.round(preclose + rng.random(shape) * (close - preclose), 2))
    open_ = np.maximum(open_, 0.01)
    high = np.where(locked, close, np.maximum(open_, close))
    low = np.where(locked, close, np.minimum(open_, close))
    lines = dict(open=open_, high=high, low=low, close=close)
    if rng.random() < 0.7:
        lines["volume"] = np.where(rng.random(shape) < 0.05, 0.0, 1e6)
    if rng.random() < 0.5:
        lines["preclose"] = preclose
    if rng.random() < 0.5:
        growth = np.where(rng.random(shape) < 0.02, rng.uniform(1.0, 3.0, shape), 1.0)
        factor = np.cumprod(growth, axis=0)
        for name in set(lines) - {"volume"}:
            lines[name] = lines[name] * factor
        lines["adjfactor"] = factor

    there = rng.random(shape) > rng.choice([0.0, 0.05, 0.4])
    for j in range(n_assets):
        if rng.random() < 0.3:
            there[: rng.integers(0, n_days), j] = False  # late
        if rng.random() < 0.3:
            there[rng.integers(0, n_days) :, j] = False  # ends
    if rng.random() < 0.3:
        start = rng.integers(0, n_days)
        there[start : start + rng.integers(1, 30)] = False  # everything suspended
    if rng.random() < 0.15:
        there[dates.month == dates[0].month] = False  # first month empty
    there[-1, 0] |= not there.any()
    lines = {name: np.where(there, values, np.nan) for name, values in lines.items()}
    names = tuple(rng.permutation(NAMES)[:n_assets])
    days = there.any(axis=1) | (rng.random(n_days) < 0.5)
    bars = Bars(dates[days], names, {name: values[days] for name, values in lines.items()})
    index = pd.DataFrame({"close": 1000 + rng.normal(size=n_days).cumsum()}, index=dates)
    membership = None
    if rng.random() < 0.3:
        ins = dates[rng.integers(0, n_days, n_assets)]
        membership = Membership(list(names), ins, ins + pd.to_timedelta(30, "D"))
    return Market(bars, index if rng.random() < 0.7 else None, membership, f"fuzz-{seed}")


class Watched(MonthlyTopK):
    """Holds the identities of the books after every session."""

    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.sessions = self.n_read = 0
        self.stale = set()  # holdings without a bar for long, which fill no slot

    def next(self):
        super().next()
        self.sessions += 1
        cash, value = self.broker.get_cash(), self.broker.get_value()
        assert math.isfinite(cash) and cash >= -1e-6
        held = {d._name: (p.size, d.close[0]) for d, p in self.broker.positions.items() if p.size}
        assert all(size > 0 for size, _ in held.values())
        assert value == pytest.approx(cash + sum(s * p for s, p in held.values()), rel=1e-9)
        if self.decisions:
            last = self.decisions[-1]
            rows = self.trade_log._rows
            self.stale |= {row[1] for row in rows[self.n_read :] if row[2] == "stale"}
            self.n_read = len(rows)
            over = set(last["exits"]) | set(last["stuck"]) | self.stale
            assert len(set(held) - over) <= self.p.topk


def trade(market, cash, coo, rules, signal, **params):
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=coo)
    cerebro.broker.setcash(cash)
    cerebro.broker.setcommission(0.001)
    add_feeds(cerebro, market)
    if rules is not None:
        rules.install(cerebro)
    cerebro.addstrategy(Watched, signal=signal, universe=market.membership, **params)
    return cerebro.run()[0]


def check(strategy, market, cash, rules):
    log = strategy.trade_log._rows  # as tuples: hundreds of DataFrames take long
    events = [row[2] for row in log]
    assert "rejected" not in events
    dates = market.bars.dates
    rows, columns = (
        {d.date(): i for i, d in enumerate(dates)},
        {a: j for j, a in enumerate(market.bars.assets)},
    )
    lines = market.bars.lines
    for date, asset, event, side, size, price, value, fee, reason, _ in log:
        if event not in ("fill", "partial"):
            continue
        cash += (1 if side == "sell" else -1) * value - fee
        if "settled" in reason:  # on a day without a bar, perhaps of the index alone
            assert date not in rows or np.isnan(lines["close"][rows[date], columns[asset]])
            continue
        i, j = rows[date], columns[asset]
        assert lines["low"][i, j] * 0.97 <= price <= lines["high"][i, j] * 1.03
        if rules is not None:
            bar = {name: values[i, j] for name, values in lines.items()}
            if side == "buy":
                shares = size * bar.get("adjfactor", 1.0)
                # an account may grow to 1e13, where a float is exact to some 1e-5 shares only
                assert shares >= 100 - 1e-6
                assert shares == pytest.approx(round(shares), abs=1e-5, rel=1e-12)
                if asset[0] not in "68" or asset.startswith("60"):
                    assert shares / 100 == pytest.approx(round(shares / 100), abs=1e-6, rel=1e-12)
            if "preclose" in bar and asset in MAIN and i > 6:
                one_price = bar["high"] == bar["low"]
                change = bar["close"] / bar["preclose"] - 1
                change = change if side == "buy" else -change
                # the limit is 10%, to half a tick of at least 0.05
                assert not (one_price and 0.0999 < change < 0.1001)
    assert strategy.broker.get_cash() == pytest.approx(cash, abs=0.005, rel=1e-11)
    for decision in strategy.decisions:
        assert len(decision["entrants"]) + len(decision["stayers"]) <= strategy.p.topk


SWITCHES = dict(
    seed=st.integers(0, 2**32 - 1),
    cash=st.sampled_from(CASH),
    coo=st.booleans(),
    topk=st.sampled_from([1, 2, 3, 10]),
    rebalance=st.sampled_from(["entrants", "full"]),
    substitute=st.booleans(),
    retry=st.booleans(),
    reserve=st.sampled_from([0.0, 0.1]),
    stale_days=st.sampled_from([10, 180]),
)


def given_scores(market, seed):
    rng = np.random.default_rng(seed + 1)
    assets = list(market.bars.assets)
    dates = pd.date_range(market.bars.dates[0], periods=6, freq="ME")
    values = rng.normal(size=(6, len(assets)))
    values[rng.random(values.shape) < 0.15] = np.nan
    return pd.DataFrame(values, index=dates, columns=assets)


@pytest.mark.slow
@examples(100)
@given(
    **SWITCHES,
    settle_after=st.sampled_from([7, 365, None]),
    slippage=st.sampled_from([None, 0.02]),
)
def test_under_ashare_rules(seed, cash, coo, settle_after, slippage, **params):
    market = draw_market(seed)
    rules = AShare(settle_after=settle_after, slippage=slippage)
    strategy = trade(market, cash, coo, rules, given_scores(market, seed), **params)
    check(strategy, market, cash, rules)


@pytest.mark.slow
@examples(60)
@given(**SWITCHES, lot=st.sampled_from([0, 1, 100]))
@example(  # fractions of a share out of a billionth of the cash
    seed=240, cash=20_000.0, coo=False, topk=3, rebalance="full", substitute=True, retry=False,
    reserve=0.0, stale_days=10, lot=0,
)  # fmt: skip
@example(  # a stayer that could not be cut to equal weight on a day without a bar
    seed=382059, cash=20_000.0, coo=False, topk=1, rebalance="full", substitute=True, retry=True,
    reserve=0.1, stale_days=10, lot=0,
)  # fmt: skip
def test_without_rules(seed, cash, coo, **params):
    market = draw_market(seed)
    strategy = trade(market, cash, coo, None, given_scores(market, seed), **params)
    check(strategy, market, cash, None)


@pytest.mark.slow
@examples(20)
@given(seed=st.integers(0, 2**32 - 1), coo=st.booleans(), ashare=st.booleans())
def test_with_a_model(seed, coo, ashare):
    """The whole way: factors, labels, refits; a market too poor for a model is a sentence."""
    market = draw_market(seed, 70, 130)
    signal = SignalGenerator(
        LogisticRegression(max_iter=20),
        topk=2,
        min_months=1,
        lookback=1,
        n_components=2,
        factors=["BIAS5", "ROC6"],
    )
    rules = AShare() if ashare else None
    try:
        strategy = trade(market, 1e6, coo, rules, signal, topk=2)
    except ValueError as error:  # DataError is one
        assert str(error).endswith(".") and len(str(error)) < 600, error
        return
    check(strategy, market, 1e6, rules)


class Random(bt.Strategy):
    """Orders at random, of every kind and size, odd ones included."""

    params = dict(seed=0)

    def __init__(self):
        self.rng = np.random.default_rng(self.p.seed)
        self.cash = 0.0
        self.refused = []

    def start(self):
        self.cash = self.broker.get_cash()

    def next(self):
        cash = self.broker.get_cash()
        assert math.isfinite(cash) and cash == pytest.approx(self.cash, abs=0.005, rel=1e-11)
        for data in self.datas:
            if not len(data) or self.rng.random() > 0.3:
                continue
            size = float(self.rng.choice([1, 100, 150, 333, 1000.5]))
            kind = [bt.Order.Market, bt.Order.Limit, bt.Order.Stop][self.rng.integers(3)]
            side = self.buy if self.rng.random() < 0.6 else self.sell
            side(
                data=data,
                size=size,
                exectype=kind,
                price=data.close[0] * self.rng.uniform(0.9, 1.1),
            )
            if self.rng.random() < 0.2:
                self.close(data)

    def prenext(self):
        self.next()

    def notify_order(self, order):
        for bit in order.executed.iterpending():
            self.cash -= bit.size * bit.price + bit.openedcomm + bit.closedcomm


@pytest.mark.slow
@examples(20)
@given(seed=st.integers(0, 2**32 - 1), coo=st.booleans(), t_plus_one=st.booleans())
def test_any_strategy_under_ashare_rules(seed, coo, t_plus_one):
    market = draw_market(seed)
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=coo)
    cerebro.broker.setcash(1e6)
    AShare(settle_after=10, t_plus_one=t_plus_one).install(cerebro)
    add_feeds(cerebro, market.bars)
    cerebro.addstrategy(Random, seed=seed)
    strategy = cerebro.run()[0]
    for data, position in strategy.broker.positions.items():
        assert position.size >= -1e-9, f"{data._name} is short"


def test_duplicate_names_are_refused():
    bars = draw_market(5).bars
    with pytest.raises(DataError, match="twice|duplicate|more than once"):
        Bars(bars.dates, ("A",) * 2, {"close": np.ones((len(bars.dates), 2))})
