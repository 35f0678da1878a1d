"""The whole job in one call: a market in, a finished strategy with its analyzers out."""

from __future__ import annotations

from typing import Any

import backtrader as bt
import pandas as pd

from attngru_bt.analyzers import Performance
from attngru_bt.analyzers.record import check_periods
from attngru_bt.data.bars import DataError
from attngru_bt.data.interval import check_daily, contradicts
from attngru_bt.data.market import Market
from attngru_bt.feeds.panel_feed import add_feeds
from attngru_bt.markets import AShare
from attngru_bt.trading.attention_gru import AttentionGRUStrategy
from attngru_bt.trading.monthly import MonthlyTopK

BENCHMARK = "INDEX"
COMMISSION = 0.001  # without rules that bring their own fees


def run(
    market: Market,
    strategy: type[MonthlyTopK] = AttentionGRUStrategy,
    *,
    start: Any = None,
    end: Any = None,
    cash: float = 1_000_000.0,
    commission: float | None = None,
    slippage: float = 0.0,
    periods: float = 252,
    riskfree: float = 0.0,
    rules: Any = None,
    stream: bool = False,
    **params: Any,
) -> MonthlyTopK:
    """Backtest a monthly strategy on a market.

    Parameters
    ----------
    market : Market
        Bars, and optionally a benchmark and point-in-time members (honored in labels, training,
        scores and trading).
    strategy : subclass of MonthlyTopK
    start : date, default None
        First day to trade; earlier bars are for training. None: as soon as the model is fitted.
    end : date, default None
        Last day of the run; later bars are not touched, and change nothing.
    cash : float
        In the currency of the prices.
    commission : float, default None
        Fraction of the traded value; None: 0.001, or the fees of the rules.
    slippage : float
        Fraction of the price; under rules a fill stays within the day's range.
    periods : float
        Sessions per year that figures are annualized with; 242 for China.
    riskfree : float
        Risk-free rate a year, as a fraction.
    rules : {"ashare"} or object with ``install(cerebro)``, default None
        Trading rules of the market, such as `attngru_bt.markets.AShare`.
    stream : bool, default False
        Hand over the bars one session after the other, as a live feed does, rather than all at
        once: the same results, slower, and no later bar is there to be read.
    **params
        Parameters of the strategy; unknown ones are errors. Unless given, `universe` is the
        market's membership and `benchmark` its index.

    Returns
    -------
    MonthlyTopK
        The finished strategy; its analyzer is ``strategy.analyzers.performance``.

    Raises
    ------
    DataError
        If the bars are not daily, or nothing is left of them.
    ValueError
        If a parameter is out of range, or `periods` cannot be the sessions' number in a year.
    """
    rules = _rules(rules)
    if commission is None:
        commission = COMMISSION
    elif rules is not None:
        raise ValueError(
            "`commission` has no effect beside `rules`, which bring their own fees: give it to "
            "them, as in AShare(commission=0.0003)."
        )
    _check_account(cash=cash, commission=commission, slippage=slippage)
    start = None if start is None else _date("start", start)
    market = market if end is None else market.until(end)
    check_sessions(market, periods)
    if start is not None and start > market.bars.dates[-1]:
        raise DataError(
            f"`start` {start.date()} is after the last session of {market.name}, "
            f"{market.bars.dates[-1].date()}."
        )
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    cerebro.broker.setcash(cash)
    cerebro.broker.setcommission(commission)
    if slippage:
        cerebro.broker.set_slippage_perc(
            slippage, slip_open=True, slip_match=True, slip_out=rules is None
        )
    if rules is not None:
        rules.install(cerebro)
    add_feeds(cerebro, market, benchmark=BENCHMARK)
    benchmark = None if market.benchmark is None else BENCHMARK
    params.setdefault("universe", market.membership)
    params.setdefault("benchmark", benchmark)
    cerebro.addstrategy(strategy, start=start, **params)
    cerebro.addanalyzer(
        Performance,
        benchmark=_first(params["benchmark"]),
        periods=periods,
        riskfree=riskfree,
        start="trading",
        _name="performance",
    )
    return cerebro.run(preload=not stream, runonce=not stream)[0]


def check_sessions(market: Market, periods: float) -> None:
    """Refuse bars that are not daily, and a number of sessions a year that cannot be theirs.

    Raises
    ------
    DataError, ValueError
    """
    dates = market.bars.dates
    check_daily(dates, market.name)
    problem = contradicts(check_periods(periods), dates)
    if problem:
        raise ValueError(f"{market.name}: {problem}")


def _rules(rules: Any) -> Any:
    if isinstance(rules, str):
        if rules != "ashare":
            raise ValueError(f"`rules` must be 'ashare' or an object; got {rules!r}.")
        return AShare()
    if rules is not None and not hasattr(rules, "install"):
        raise TypeError(
            "`rules` must be 'ashare' or have a method install(cerebro), such as "
            f"attngru_bt.markets.AShare(); got {type(rules).__name__}."
        )
    return rules


def _first(benchmark: Any) -> str | None:
    """Return the feed to compare with, of those that a strategy's `benchmark` names."""
    if benchmark is None or isinstance(benchmark, str):
        return benchmark
    return next(iter(benchmark), None)


def _date(name: str, value: Any) -> pd.Timestamp:
    try:
        return pd.Timestamp(value)
    except (ValueError, TypeError):
        raise ValueError(f"`{name}` must be a date such as 2017-01-31; got {value!r}.") from None


def _check_account(cash: float, commission: float, slippage: float) -> None:
    if not 0 < cash < float("inf"):
        raise ValueError(f"`cash` must be a positive amount; got {cash!r}.")
    for name, value in (("commission", commission), ("slippage", slippage)):
        if not 0 <= value < 0.5:
            raise ValueError(
                f"`{name}` must be a fraction from 0 up to 0.5 (0.001 = 0.1%); got {value!r}."
            )


def equal_weight(market: Market, **kwargs: Any) -> MonthlyTopK:
    """Hold the whole universe in equal weight, rebalanced monthly: the baseline without a choice.

    Takes the arguments of `run` and pays the same costs.
    """
    market = market if kwargs.get("end") is None else market.until(kwargs["end"])
    bars = market.bars
    scores = pd.DataFrame(1.0, index=bars.dates[:1], columns=list(bars.assets))
    if market.membership is None:
        n_names = len(bars.assets)
    else:
        n_names = max(len(market.membership.at(date)) for date in bars.dates[::21])
    return run(market, MonthlyTopK, signal=scores, topk=n_names, rebalance="full", **kwargs)
