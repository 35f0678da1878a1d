"""The trade log."""

import datetime as dt

import pandas as pd

from attngru_bt.trading.trade_log import TradeLog


def test_events_in_order_with_value_and_numbers_from_one():
    log = TradeLog()
    log.add(dt.date(2020, 1, 2), "A", "order", "buy", size=10, price=2.0, reason="in", ref=977)
    log.add(dt.date(2020, 1, 2), "B", "stuck", "sell")
    log.add(dt.date(2020, 1, 3), "B", "order", "sell", size=5, price=3.0, ref=980)
    log.add(dt.date(2020, 1, 3), "A", "fill", "buy", size=10, price=2.1, commission=0.1, ref=977)
    frame = log.frame()
    assert list(frame["event"]) == ["order", "stuck", "order", "fill"]
    assert list(frame["ref"].fillna(0)) == [1, 0, 2, 1]
    assert frame["value"].iloc[3] == 21.0
    assert frame["date"].dtype.kind == "M"
    assert len(log) == 4


def test_an_empty_log_has_its_columns():
    frame = TradeLog().frame()
    assert list(frame.columns) == list(TradeLog.columns)
    assert isinstance(frame, pd.DataFrame) and frame.empty
