"""Picks are what a backtest does next: the same scores, the same orders."""

import datetime as dt
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from attngru_bt import Bars, make_market, picks
from attngru_bt.backtest import run as backtest

FACTORS = ["PB", "PE", "BIAS5", "ROC20"]
SETTINGS = dict(
    model="ridge", topk=3, factors=FACTORS, n_components=None, min_months=4, refit=2, lookback=1
)
CASH = 100_000.0


def opening_at_the_last_close(market):
    """The same market, each session of which opens at the close before: what picks assume."""
    bars = market.bars
    lines = dict(bars.lines)
    before = pd.DataFrame(lines["close"]).ffill().shift().to_numpy()
    lines["open"] = np.where(bars.traded & ~np.isnan(before), before, lines["close"])
    lines["high"] = np.fmax(lines["high"], lines["open"])
    lines["low"] = np.fmin(lines["low"], lines["open"])
    return replace(market, bars=Bars(bars.dates, bars.assets, lines))


@pytest.fixture(scope="module")
def market():
    return opening_at_the_last_close(make_market(12, 640, seed=5, signal=0.3, gaps=0, delisted=0))


@pytest.fixture(scope="module")
def run(market, tmp_path_factory):
    """One backtest over all months."""
    folder = tmp_path_factory.mktemp("run")
    strategy = backtest(market, folder=folder, baseline=False, cash=CASH, **SETTINGS)
    return strategy, folder


def account_before(strategy, date, factor=1.0):
    """Real shares held and cash at the start of a session."""
    log = strategy.trade_log.frame()
    fills = log[log["event"].isin(("fill", "partial")) & (log["date"] < date)]
    sign = np.where(fills["side"] == "buy", 1.0, -1.0)
    held = (fills["size"] * sign).groupby(fills["asset"]).sum()
    cash = CASH - (fills["value"] * sign).sum() - fills["commission"].sum()
    return {name: round(n * factor, 6) for name, n in held.items() if abs(n) > 1e-9}, cash


def orders_on(strategy, date):
    log = strategy.trade_log.frame()
    rows = log[(log["date"] == date) & (log["event"] == "order")]
    return [(r.asset, r.side, r.size, r.price) for r in rows.itertuples()]


def proposed(found):
    return [(r.symbol, r.side, r.shares, r.price) for r in found.orders.itertuples()]


def test_every_month_end_is_picked_as_the_backtest_trades_it(market, run):
    strategy, folder = run
    decisions = strategy.decisions
    assert len(decisions) >= 24
    n_orders = 0
    for number, decision in enumerate(decisions[-24:]):
        month_end, session = decision["month_end"], decision["date"]
        holdings, cash = account_before(strategy, session)
        found = picks.run(
            market.until(month_end),
            holdings=holdings,
            cash=cash,
            today=session,
            # from the checkpoints of the backtest, and every third month from nothing
            folder=None if number % 3 == 0 else folder,
            explain=False,
            **SETTINGS,
        )
        assert found.month.end == month_end and found.month.session == session
        expected = strategy.scores_by_month[month_end]
        pd.testing.assert_series_equal(found.scores, expected, check_exact=True)
        assert found.n_found == (0 if number % 3 == 0 else found.n_scored)
        assert proposed(found) == orders_on(strategy, session)
        actions = found.picks.set_index("symbol")["action"]
        for action, names in (("sell", "exits"), ("buy", "entrants"), ("hold", "stayers")):
            assert set(actions.index[actions == action]) == set(decision[names])
        n_orders += len(found.orders)
        assert (found.orders["cash_after"] >= 0).all()
    assert n_orders > 24, "the months ask for trades"


def ashares(market, factor=1.6):
    """The same stocks under names of Shanghai, with prices adjusted by a factor."""
    bars = market.bars
    lines = {n: v * factor if n in ("open", "high", "low", "close") else v
             for n, v in bars.lines.items() if n != "preclose"}  # fmt: skip
    lines["adjfactor"] = np.where(bars.traded, factor, np.nan)
    names = tuple(f"6000{i:02d}.SH" for i in range(len(bars.assets)))
    return replace(market, bars=Bars(bars.dates, names, lines))


def test_under_the_rules_orders_are_lots_of_real_shares(market):
    factor = 1.6
    chinese = ashares(market, factor)
    settings = dict(SETTINGS, rules="ashare", start="2017-01-01")
    strategy = backtest(chinese, cash=CASH, **settings)
    sides = set()
    for decision in strategy.decisions[1:6]:
        month_end, session = decision["month_end"], decision["date"]
        holdings, cash = account_before(strategy, session, factor)
        found = picks.run(
            chinese.until(month_end), holdings=holdings, cash=cash, today=session, explain=False,
            **settings,
        )  # fmt: skip
        expected = [
            (name, side, pytest.approx(size * factor), pytest.approx(price / factor))
            for name, side, size, price in orders_on(strategy, session)
        ]
        assert proposed(found) == expected
        sides |= set(found.orders["side"])
        buys = found.orders[found.orders["side"] == "buy"]
        assert (buys["shares"] % 100 == 0).all() and (buys["fees"] >= 5.0).all()
        assert found.orders["limit_up"].to_numpy() == pytest.approx(
            1.1 * found.orders["price"].to_numpy(), abs=0.011
        )
        assert (found.orders["limit_up"] * 100 % 1).round(6).isin((0, 1)).all(), "whole cents"
    assert sides == {"buy", "sell"}
