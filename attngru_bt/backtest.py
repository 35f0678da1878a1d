"""The whole job in one call: a market in, a finished strategy with its analyzers out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd

from attngru_bt import checks
from attngru_bt.analyzers import Performance
from attngru_bt.analyzers.record import check_periods, check_riskfree
from attngru_bt.data.bars import DataError
from attngru_bt.data.interval import check_daily, contradicts
from attngru_bt.data.lock import sole_use
from attngru_bt.data.market import Market, as_market
from attngru_bt.data.prices import check_prices
from attngru_bt.data.schedule import schedule_of
from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.market_feeds import add_feeds
from attngru_bt.feeds.parameters import parameter_names, parameter_values
from attngru_bt.feeds.roles import INDEX
from attngru_bt.models.catalog import MODELS
from attngru_bt.models.given import GivenScores
from attngru_bt.models.names import DEFAULT, title_of
from attngru_bt.trading.account import open_account
from attngru_bt.trading.attention_gru import AttentionGRUStrategy
from attngru_bt.trading.equal_weight import EqualWeight
from attngru_bt.trading.groups import check_groups, check_line, summarized
from attngru_bt.trading.monthly import MonthlyTopK
from attngru_bt.trading.parameters import check_parameters, check_universe
from attngru_bt.trading.signals import check_schedule, schedule_asked

logger = logging.getLogger(__name__)


def run(
    market: Market | pd.DataFrame | str | Path,
    strategy: type[MonthlyTopK] | None = None,
    *,
    model: Any = None,
    jobs: int = 1,
    client: Any = None,
    tls: Mapping[str, Any] | None = None,
    folder: str | Path | None = None,
    baseline: bool = True,
    inputs: Mapping[str, str] | None = None,
    progress: Callable[..., None] | None = None,
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
    """Backtest a monthly strategy on a market: all that ``attngru-bt backtest`` does.

    Parameters
    ----------
    market : Market, DataFrame or path
        Bars, and optionally a benchmark and point-in-time members (honored in labels, training,
        scores and trading); or what `attngru_bt.load` makes a market of.
    strategy : subclass of MonthlyTopK, default None
        None: `AttentionGRUStrategy` where `params` have a `signal`, else `MonthlyTopK`.
    model : str, estimator, Recipe, SignalGenerator, Blend or scores, default None
        Walk this model through all months first, as `walk_forward` does, and then trade the walk;
        the scores are those of a model fitted along the way, to the bit. It is the name of a model
        (`attngru_bt.models`), or several with "+" between them, a scikit-learn estimator, anything
        with ``scores(bars)``, or a table of scores made elsewhere. None: what the strategy or its
        `signal` fits along with the backtest; where neither is given, the model "default".
    jobs, client, tls : default 1, None, None
        Where `model` is fitted: see `walk_forward`.
    folder : path, default None
        Where the tear sheet and its tables are written, see `attngru_bt.tearsheet.write_run`, and
        the finished months of `model` are kept, in ``checkpoints``: a run that was stopped
        goes on from there. One run at a time.
    baseline : bool, default True
        Whether the report in `folder` also shows the whole universe in equal weight.
    inputs : mapping of str to str, default None
        Digests of other files that the scores depend on, such as those of factors, for the report.
    progress : callable, default None
        Beside `model` called as `walk_forward` calls it, else with the `MonthRecord` of each
        month-end.
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
        Parameters of the strategy, and of the `Recipe` of `model`; unknown ones are errors. Unless
        given, `universe` is the market's membership and `benchmark` its index.

    Returns
    -------
    MonthlyTopK
        The finished strategy; its analyzer is ``strategy.analyzers.performance``, its scores
        ``strategy.signal``; what was written to `folder` is ``strategy.files``, and the run in
        equal weight ``strategy.baseline``.

    Raises
    ------
    DataError
        If the bars are not daily, nothing is left of them, or there is nothing to report.
    ValueError
        If a parameter is out of range, or `periods` cannot be the sessions' number in a year.
    KeyboardInterrupt
        On Ctrl-C while `model` is fitted, after what is being fitted; the message says how to go
        on.
    """
    account = dict(
        end=end,
        cash=cash,
        commission=commission,
        slippage=slippage,
        periods=periods,
        riskfree=riskfree,
        rules=rules,
    )
    start = None if start is None else checks.date("start", start)
    market = as_market(market)
    market = market if end is None else market.until(checks.date("end", end))
    check_sessions(market, periods)
    check_riskfree(riskfree)
    if start is not None and start > market.bars.dates[-1]:
        raise DataError(
            f"`start` {start.date()} is after the last session of {market.name}, "
            f"{market.bars.dates[-1].date()}."
        )
    # before anything is fitted: it checks the account
    cerebro = open_account(cash, commission, slippage, rules)
    params.setdefault("universe", market.membership)
    with nullcontext() if folder is None else sole_use(folder):
        if model is None and strategy is None and "signal" not in params:
            model = DEFAULT
        asked = dict(model=model, start=start, **params)
        if model is not None:
            params = scored(
                market,
                model,
                params,
                start=start,
                jobs=jobs,
                client=client,
                tls=tls,
                folder=None if folder is None else Path(folder) / "checkpoints",
                progress=progress,
            )
        elif progress is not None:
            params["progress"] = progress
        strategy = strategy or (AttentionGRUStrategy if model is None else MonthlyTopK)
        finished = _trade(cerebro, market, strategy, start, periods, riskfree, stream, params)
        if folder is not None:
            if finished.why_not_traded:
                raise DataError(f"Nothing was traded: {finished.why_not_traded}")
            if baseline:
                finished.baseline = equal_weight(
                    market,
                    start=finished.trading_since,
                    schedule=finished.p.schedule,
                    **account,
                )
                if why := finished.baseline.why_not_traded:
                    logger.warning("The baseline bought nothing: %s", why)
            finished.files = _report(finished, folder, market, model, account | asked, inputs or {})
    return finished


def scored(
    market: Market, model: Any, params: dict[str, Any], *, start: Any, **how: Any
) -> dict[str, Any]:
    """Return the parameters of the strategy, its signal being the walk of the model.

    Parameters
    ----------
    market : Market
    model : str, estimator or signal
        As in `run`. What is not fitted, such as a baseline, is the signal itself.
    params : dict
        Parameters of `MonthlyTopK`, `universe` among them, and of `Recipe`.
    start, **how
        See `walk_forward`.
    """
    from attngru_bt.walkforward import Blend, Recipe, walk_forward
    from attngru_bt.walkforward.by_name import signal_of

    if "signal" in params:
        raise ValueError("`signal` has no effect beside `model`, which makes the scores.")
    of_recipe = set(Recipe().get_params(deep=False)) - {"classifier"}
    of_strategy = set(parameter_names(MonthlyTopK))
    checks.no_unknown("backtest.run", params, of_recipe | of_strategy)
    settings = {name: value for name, value in params.items() if name in of_recipe}
    traded = {name: value for name, value in params.items() if name in of_strategy}
    check_traded(market, traded)
    signal = signal_of(model, **settings)
    traded.setdefault("schedule", schedule_asked(signal) or "month")
    check_schedule(signal, schedule_of(traded["schedule"]))
    if isinstance(signal, (Recipe, Blend)):
        name = model if isinstance(model, str) else type(model).__name__
        (signal,) = walk_forward(market, {name: signal}, start=start, **how)
    return traded | {"signal": signal}


def _trade(
    cerebro: bt.Cerebro,
    market: Market,
    strategy: type[MonthlyTopK],
    start: pd.Timestamp | None,
    periods: float,
    riskfree: float,
    stream: bool,
    params: dict[str, Any],
) -> MonthlyTopK:
    """Run the engine over the market, or what the strategy can hold of it."""
    finished = hasattr(params.get("signal"), "at")  # a table of scores, or a walk
    if strategy in (MonthlyTopK, EqualWeight) and finished and not callable(params.get("weights")):
        market = market.of(params["universe"])
    add_feeds(cerebro, market, benchmark=INDEX)
    params.setdefault("benchmark", None if market.benchmark is None else INDEX)
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


def _report(
    finished: MonthlyTopK,
    folder: str | Path,
    market: Market,
    model: Any,
    settings: Mapping[str, Any],
    inputs: Mapping[str, str],
) -> list[Path]:
    """Write the tear sheet and the tables of a run; return the files."""
    from attngru_bt.reports import write_run  # loads jinja2

    name = title = None
    if model is not None:
        name = title_of(model)
        unit = schedule_of(finished.p.schedule).unit
        title = f"{name}, best {finished.p.topk} of each {unit}"
    run = {
        "data": market.name,
        "digests": market.digests() | dict(inputs),
        "settings": {
            key: value
            for key, value in summarized(settings).items()
            if value is not None and key not in ("universe", "progress")
        },
    }
    return write_run(
        finished,
        folder,
        baseline=finished.baseline,
        baseline_name="equal weight",
        name=name,
        title=title,
        market=market,
        run=run,
    )


def check_traded(market: Market, params: Mapping[str, Any]) -> None:
    """Refuse parameters of `MonthlyTopK` that are out of range or that the market cannot serve."""
    check_parameters(SimpleNamespace(**(parameter_values(MonthlyTopK) | dict(params))))
    universe, assets = params.get("universe", market.membership), market.bars.assets
    check_universe(universe, assets)
    check_groups(params.get("groups"), params.get("max_per_group"), assets, universe)
    if params.get("max_per_group") is not None:
        check_line(params.get("groups"), market.bars)


def check_account(market: Market, params: Mapping[str, Any]) -> None:
    """Refuse parameters of account, figures and `MonthlyTopK` that `run` would refuse."""
    of_account = ("cash", "commission", "slippage", "rules")
    of_figures = ("periods", "riskfree")
    of_strategy = parameter_names(MonthlyTopK)
    checks.no_unknown("trading", params, [*of_account, *of_figures, *of_strategy])
    settings = (run.__kwdefaults__ or {}) | dict(params)
    open_account(**{name: settings[name] for name in of_account})
    check_sessions(market, settings["periods"])
    check_riskfree(settings["riskfree"])
    check_traded(market, {name: params[name] for name in of_strategy if name in params})


def check_sessions(market: Market, periods: float) -> None:
    """Refuse bars that are not daily, and a number of sessions a year that cannot be theirs.

    Raises
    ------
    DataError, ValueError
    """
    dates = market.bars.dates
    check_daily(dates, market.name)
    check_prices(market.bars, market.name)
    problem = contradicts(check_periods(periods), dates)
    if problem:
        raise ValueError(f"{market.name}: {problem}")


def _first(benchmark: Any) -> str | None:
    """Return the feed to compare with, of those that a strategy's `benchmark` names."""
    if benchmark is None or isinstance(benchmark, str):
        return benchmark
    return next(iter(benchmark), None)


def equal_weight(market: Market, **kwargs: Any) -> MonthlyTopK:
    """Hold the whole universe in equal weight, rebalanced monthly: the baseline without a choice.

    At each decision the account is shared out among the names that can be held then.
    Takes the arguments of `run`, `schedule` among them, and pays the same costs.
    """
    market = market if kwargs.get("end") is None else market.until(kwargs["end"])
    bars = market.bars
    scores = pd.DataFrame(1.0, index=bars.dates[:1], columns=list(bars.assets))
    held = GivenScores(scores, MODELS["equal-weight"].title)
    return run(market, EqualWeight, signal=held, **kwargs)
