"""Sizing and execution: never short of cash, whatever opens overnight."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attngru_bt.data import make_market
from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.market_feeds import add_feeds
from attngru_bt.feeds.panel_feed import PanelFeed
from attngru_bt.trading.monthly import MonthlyTopK
from attngru_bt.trading.sizing import affordable, cost


class MinimumFee(bt.CommInfoBase):
    """0.1% of the value, 5 at least, as Chinese brokers charge."""

    params = dict(commission=0.001, stocklike=True, commtype=bt.CommInfoBase.COMM_PERC)

    def _getcommission(self, size, price, pseudoexec):
        return max(5.0, abs(size) * price * 0.001)


FEES = {
    "none": bt.CommissionInfo(commission=0.0),
    "percent": bt.CommissionInfo(commission=0.003),
    "per share": bt.CommissionInfo(
        commission=0.02, commtype=bt.CommInfoBase.COMM_FIXED, stocklike=True
    ),
    "minimum": MinimumFee(),
}


class TestAffordable:
    def test_by_hand(self):
        assert affordable(FEES["none"], 10.0, 105.0) == 10
        assert affordable(FEES["percent"], 10.0, 100.31) == 10
        assert affordable(FEES["percent"], 10.0, 100.3) == 9  # 100.3 - 100 - 0.3 < 0, in floats
        assert affordable(FEES["percent"], 10.0, 100.2) == 9
        assert affordable(FEES["per share"], 10.0, 100.2) == 10
        assert affordable(FEES["minimum"], 10.0, 100.0) == 9  # 9 × 10 + 5
        assert affordable(FEES["none"], 10.0, 2550.0, lot=100) == 200
        assert affordable(FEES["none"], 10.0, -1.0) == 0
        assert affordable(FEES["minimum"], 10.0, 14.0) == 0

    @pytest.mark.slow
    @given(
        fee=st.sampled_from(sorted(FEES)),
        price=st.floats(0.01, 5_000),
        cash=st.floats(0, 1e9),
        lot=st.sampled_from([1, 100]),
    )
    def test_it_fits_and_one_lot_more_does_not(self, fee, price, cash, lot):
        size = affordable(FEES[fee], price, cash, lot)
        assert size >= 0 and size % lot == 0
        assert size == 0 or cost(FEES[fee], size, price) <= cash
        assert cost(FEES[fee], size + lot, price) > cash * (1 - 1e-9)

    @pytest.mark.slow
    @given(price=st.floats(0.01, 5_000), cash=st.floats(1, 1e9))
    def test_fractions_leave_next_to_nothing(self, price, cash):
        size = affordable(FEES["percent"], price, cash, lot=0)
        spent = cost(FEES["percent"], size, price)
        assert cash * (1 - 1e-6) <= spent <= cash


def test_the_sum_of_all_buys_fits_to_the_last_bit():
    """Seven times 19 × 30.69 and 0.1% are all the cash but for floats: the last gets one less."""
    dates = pd.bdate_range("2020-01-01", "2020-02-10")
    frame = pd.DataFrame({"close": 30.69}, index=dates)
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    cerebro.broker.setcash(4085.85177)
    cerebro.broker.setcommission(0.001)
    for name in "ABCDEFG":
        cerebro.adddata(PanelFeed(dataname=frame), name=name)
    table = pd.DataFrame(1.0, index=dates[:1], columns=list("ABCDEFG"))
    cerebro.addstrategy(MonthlyTopK, signal=table, topk=7)
    log = cerebro.run()[0].trade_log.frame()
    assert not (log["event"] == "rejected").any()
    assert list(log[log["event"] == "fill"]["size"]) == [19] * 6 + [18]


class Stops(MonthlyTopK):
    """Sells what has fallen, as scripts do that add a stop to the strategy."""

    def next(self):
        super().next()
        for feed in self.feeds.values():
            if self.getposition(feed).size and feed.close[0] < 9.0:
                self.close(feed)


class StopsFirst(MonthlyTopK):
    """The same, before the strategy acts."""

    def next(self):
        for feed in self.feeds.values():
            if self.getposition(feed).size and feed.close[0] < 9.0:
                self.close(feed)
        super().next()


class TestOrdersOfTheScriptsOwn:
    """A subclass may trade beside what is decided at the month-ends."""

    @pytest.fixture(params=[True, False], ids=["at the open", "a session later"])
    def strategy(self, request):
        dates = pd.bdate_range("2020-01-01", "2020-03-31")
        fallen = np.where((dates >= "2020-02-12") & (dates < "2020-02-24"), 8.0, 10.0)
        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=request.param)
        cerebro.broker.setcash(10_000.0)
        cerebro.broker.setcommission(0.001)
        for name in "ABC":
            close = fallen if name == "A" else 10.0
            frame = pd.DataFrame({"open": close, "close": close, "volume": 1.0}, index=dates)
            cerebro.adddata(PanelFeed(dataname=frame), name=name)
        table = pd.DataFrame([[3.0, 2.0, 1.0]], index=dates[:1], columns=list("ABC"))
        cerebro.addstrategy(Stops, signal=table, topk=1)
        return cerebro.run()[0]

    def test_what_the_script_sold_is_not_bought_back_before_the_next_decision(self, strategy):
        log = strategy.trade_log.frame()
        bought = log[(log["event"] == "fill") & (log["side"] == "buy")]
        assert list(bought["asset"]) == ["A", "B", "A"]  # the next in rank has the free slot
        assert bought["date"].iloc[-1] >= pd.Timestamp("2020-03-02")

    @pytest.mark.parametrize("rebalance", ["entrants", "full"])
    @pytest.mark.parametrize("coo", [True, False])
    @pytest.mark.parametrize("stops", [Stops, StopsFirst])
    def test_what_the_script_sells_is_not_sold_twice(self, stops, coo, rebalance):
        """The stop sells at the open at which the name leaves the best; both left it short."""
        dates = pd.bdate_range("2020-01-01", "2020-03-31")
        end = "2020-02-28" if coo else "2020-03-02"  # the session before the exit fills
        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=coo)
        cerebro.broker.setcash(10_000.0)
        for name in "AB":
            close = np.where((name == "A") & (dates >= end), 8.0, 10.0)
            frame = pd.DataFrame({"open": close, "close": close, "volume": 1.0}, index=dates)
            cerebro.adddata(PanelFeed(dataname=frame), name=name)
        table = pd.DataFrame(
            [[2.0, 1.0], [1.0, 2.0]], pd.to_datetime(["2020-01-31", "2020-02-28"]), list("AB")
        )
        cerebro.addstrategy(stops, signal=table, topk=1, rebalance=rebalance)
        strategy = cerebro.run()[0]
        log = strategy.trade_log.frame()
        sold = log[(log["asset"] == "A") & (log["side"] == "sell") & (log["event"] == "fill")]
        assert list(sold["size"]) == [1000]
        held = {feed._name: p.size for feed, p in strategy.broker.positions.items() if p.size}
        assert held == {"B": 800}

    def test_a_stop_that_outlives_its_holding_is_told(self, caplog):
        class Rests(MonthlyTopK):
            def notify_order(self, order):
                if order.status == order.Completed and order.isbuy():
                    size = order.executed.size
                    self.sell(order.data, size=size, exectype=bt.Order.Stop, price=9.0)

        dates = pd.bdate_range("2020-01-01", "2020-04-30")
        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
        for name in "AB":
            close = np.where((name == "A") & (dates >= "2020-03-10"), 8.0, 10.0)
            frame = pd.DataFrame({"open": close, "close": close, "volume": 1.0}, index=dates)
            cerebro.adddata(PanelFeed(dataname=frame), name=name)
        table = pd.DataFrame(
            [[2.0, 1.0], [1.0, 2.0]], pd.to_datetime(["2020-01-31", "2020-02-28"]), list("AB")
        )
        cerebro.addstrategy(Rests, signal=table, topk=1)
        cerebro.run()
        assert caplog.text.count("2020-04-01: A is short by 1000 shares") == 1

    def test_the_log_has_them_and_moves_the_cash(self, strategy):
        log = strategy.trade_log.frame()
        sold = log[(log["asset"] == "A") & (log["side"] == "sell") & (log["date"] < "2020-03-01")]
        assert list(sold["event"]) == ["order", "fill"]
        assert set(sold[sold["event"] == "order"]["reason"]) == {"ordered by the script"}
        fills = log[log["event"].isin(["fill", "partial"])]
        sign = np.where(fills["side"] == "sell", 1, -1)
        books = 10_000.0 + (sign * fills["value"] - fills["commission"]).sum()
        assert strategy.broker.get_cash() == pytest.approx(books, abs=1e-6)


@pytest.mark.slow
@settings(max_examples=12)
@given(
    seed=st.integers(0, 10_000),
    coo=st.booleans(),
    commission=st.sampled_from([0.0, 0.001, 0.01]),
    slippage=st.sampled_from([0.0, 0.02]),
    topk=st.integers(1, 14),
    reserve=st.sampled_from([0.0, 0.1]),
    rebalance=st.sampled_from(["entrants", "full"]),
    substitute=st.booleans(),
    gap=st.sampled_from([0.0, 0.2]),
)
def test_random_gappy_markets_never_reject_an_order(
    seed, coo, commission, slippage, topk, reserve, rebalance, substitute, gap
):
    """Suspensions, late listings, a delisting, opens up to ±20% off: the books always balance."""
    market = make_market(n_assets=12, n_days=150, seed=seed)
    rng = np.random.default_rng(seed)
    lines = dict(market.bars.lines)
    jump = np.exp(gap * rng.normal(size=lines["open"].shape))
    lines["open"] = lines["open"] * jump
    lines["high"] = np.fmax(lines["high"], lines["open"])
    lines["low"] = np.fmin(lines["low"], lines["open"])
    bars = type(market.bars)(market.bars.dates, market.bars.assets, lines)
    dates = pd.date_range(bars.dates[0], periods=8, freq="ME")
    table = pd.DataFrame(rng.normal(size=(8, 12)), index=dates, columns=list(bars.assets))
    table = table.mask(rng.random(table.shape) < 0.2)

    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=coo)
    cerebro.broker.setcash(100_000.0)
    cerebro.broker.setcommission(commission)
    if slippage:
        cerebro.broker.set_slippage_perc(slippage, slip_out=True, slip_match=True)
    add_feeds(cerebro, bars, benchmark="INDEX")
    cerebro.addstrategy(
        Watched,
        signal=table,
        topk=topk,
        reserve=reserve,
        rebalance=rebalance,
        substitute=substitute,
    )
    strategy = cerebro.run()[0]
    log = strategy.trade_log.frame()
    assert len(strategy.decisions) >= 4
    assert not (log["event"] == "rejected").any()
    fills = log[log["event"].isin(["fill", "partial"])]
    for fill in fills.itertuples():  # on a day the stock traded, at its open and the slippage
        price = bars.frame("open").at[fill.date, fill.asset]
        slipped = 1 + slippage if fill.side == "buy" else 1 - slippage
        assert fill.price == pytest.approx(price * slipped)
    books = 100_000.0
    for fill in fills.itertuples():
        books += (1 if fill.side == "sell" else -1) * fill.value - fill.commission
    assert strategy.broker.get_cash() == pytest.approx(books)
    assert strategy.least_cash >= 0
    for decision in strategy.decisions:
        names = len(decision["stayers"]) + len(decision["entrants"])
        assert names <= max(topk, len(decision["stayers"]))


class Watched(MonthlyTopK):
    """Keeps the smallest cash of any session, and checks the identity of the books."""

    def __init__(self):
        super().__init__()
        self.least_cash = float("inf")

    def next(self):
        super().next()
        cash = self.broker.get_cash()
        self.least_cash = min(self.least_cash, cash)
        held = sum(p.size * d.close[0] for d, p in self.broker.positions.items())
        assert cash + held == pytest.approx(self.broker.get_value())
