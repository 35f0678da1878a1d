"""The whole job: from data and holdings to the orders of the next session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt import checks
from attngru_bt.backtest import scored
from attngru_bt.data.bars import DataError
from attngru_bt.data.interval import check_daily
from attngru_bt.data.lock import sole_use
from attngru_bt.data.market import Market, as_market
from attngru_bt.data.prices import check_prices
from attngru_bt.data.schedule import MONTH, schedule_of
from attngru_bt.models.names import title_of
from attngru_bt.picks.book.proposed import record
from attngru_bt.picks.changes import changes
from attngru_bt.picks.month import find_month
from attngru_bt.picks.month_scores import eligible, month_scores, ready
from attngru_bt.picks.picks import Picks
from attngru_bt.picks.portfolio import read_portfolio
from attngru_bt.picks.proposal import propose
from attngru_bt.picks.rehearsal import rehearse
from attngru_bt.picks.trust import add_trust
from attngru_bt.trading.account import open_account
from attngru_bt.trading.groups import summarized
from attngru_bt.trading.monthly import MonthlyTopK
from attngru_bt.trading.signals import schedule_asked
from attngru_bt.walkforward.scored_months import ScoredMonths

# files of a backtest, whose orders.csv must not be replaced
OF_A_BACKTEST = "run.json"


def run(
    market: Market | pd.DataFrame | str | Path,
    *,
    model: Any = "default",
    holdings: Any = None,
    cash: float | None = None,
    asof: Any = None,
    old: bool = False,
    calendar: Any = None,
    today: Any = None,
    out: str | Path | None = None,
    book: str | Path | None = None,
    folder: str | Path | None = None,
    explain: bool = True,
    start: Any = None,
    commission: float | None = None,
    slippage: float = 0.0,
    rules: Any = None,
    jobs: int = 1,
    client: Any = None,
    tls: Mapping[str, Any] | None = None,
    progress: Callable[..., None] | None = None,
    **params: Any,
) -> Picks:
    """Say what to hold next and which orders lead there: all that ``attngru-bt picks`` does.

    The scores are those that `attngru_bt.backtest.run` with the same `model`, `start` and
    parameters gives for this month-end, to the bit, and the orders are those that it places in the
    next session if that opens at the last closes. Nothing is sent anywhere.

    Parameters
    ----------
    market : Market, DataFrame or path
        Data up to the month-end, or a few sessions more.
    model : str, estimator, signal or DataFrame, default "default"
        As in `attngru_bt.backtest.run`; or scores from elsewhere, dates × assets, of which the
        latest row up to the month-end counts.
    holdings : path, DataFrame, mapping of symbol to shares, or None
        The holdings, in real shares: the columns symbol, shares[, cost]; a line CASH has the cash.
        None: nothing is held.
    cash : float, default None
        In the currency of the prices. None: as the line CASH says; 1,000,000 if nothing is held.
    asof : date, default None
        Act as if it were the end of this day: later bars are not touched, and a month that is over
        by then is complete. None: the clock says what day it is.
    old : bool, default False
        Accept data that are older than one rebalance.
    calendar : str or object with ``sessions_in_range(start, end)``, default None
        Trading calendar that says whether a month is complete and when the next session is; a name
        of ``exchange_calendars`` such as "XSHG". None: weekdays.
    today : date, default None
        The date of today; None: by the clock.
    out : path, default None
        Where picks.csv, orders.csv and picks.html are written.
    book : path, default None
        Folder of a ledger, to which the picks are added; see `attngru_bt.picks.reconcile`. The same
        picks, made again, are not added again.
    folder : path, default None
        Folder of a backtest with the same settings; the months that it has finished are taken from
        its ``checkpoints``. None: `out`.
    explain : bool, default True
        Say why each name, and how unusual the month is. The last model is fitted once more for it.
    start : date, default None
        As in the backtest: fits are scheduled from the first month-end that is traded.
    commission, slippage, rules : default None, 0.0, None
        As in `attngru_bt.backtest.run`.
    jobs, client, tls : default 1, None, None
        Where models are fitted: see `walk_forward`.
    progress : callable, default None
        Called as `walk_forward` calls it.
    **params
        Parameters of `MonthlyTopK`, such as `topk`, and of the `Recipe` of `model`.

    Returns
    -------
    Picks

    Raises
    ------
    MonthIncompleteError
        A DataError: the month that the data end in is not complete yet.
    DataError
        If the data are old, no stock can be scored, or a line of the holdings is wrong.
    ValueError, TypeError
        If a parameter is out of range.
    """
    # which month the picks are for, and in which session they are traded
    market = as_market(market)
    market = market if asof is None else market.until(checks.date("asof", asof))
    bars = market.bars
    check_daily(bars.dates, market.name)
    check_prices(bars, market.name)
    schedule = schedule_of(params.get("schedule") or schedule_asked(model) or "month")
    month = find_month(
        bars.dates,
        asof=asof,
        today=None if today is None else checks.date("today", today).date(),
        old=old,
        calendar=calendar,
        schedule=schedule,
    )
    start = None if start is None else checks.date("start", start)
    if start is not None and start > month.session:
        raise DataError(
            f"`start` {start.date()} is after the session that the picks are for, "
            f"{month.session.date()}; give that of your backtest."
        )

    # everything that can be wrong is checked before anything is fitted
    for name in ("signal", "benchmark", "feeds"):
        if name in params:
            raise TypeError(f"picks.run has no parameter `{name}`: `model` and `market` say it.")
    params.setdefault("universe", market.membership)
    if schedule != MONTH:
        params["schedule"] = str(schedule)
    asked = dict(model=model, start=start, commission=commission, rules=rules, **params)
    open_account(1.0, commission, slippage, rules)  # for its checks alone
    portfolio = read_portfolio(
        holdings,
        cash,
        [bars.assets[i] for i in np.flatnonzero(bars.traded.any(axis=0))],
        lot=1.0 if rules is not None else float(params.get("lot", 1.0)),
    )
    _check_folders(out, folder)
    finished = folder if folder is not None else out

    with ExitStack() as locks:
        # out and book may be one folder, which can be locked once only
        places = {Path(path).resolve(): path for path in (out, book) if path is not None}
        for place in places.values():
            locks.enter_context(sole_use(place))
        params = scored(
            market,
            model,
            params,
            start=start,
            complete=not month.begun,
            jobs=jobs,
            client=client,
            tls=tls,
            folder=None if finished is None else Path(finished) / "checkpoints",
            progress=progress,
        )
        signal, universe = params.pop("signal"), params.pop("universe")
        signal = ready(signal, bars, month.end, schedule)
        topk = int(params.get("topk", MonthlyTopK.params.topk))
        keep = int(params.get("keep") or topk)
        scores, before = month_scores(signal, market, month.end, universe, schedule)
        ranked = eligible(scores, universe, month.last)
        # the orders are those of a backtest of the last sessions that the holdings are put into
        rehearsed = rehearse(
            bars,
            month.session,
            ranked,
            portfolio,
            universe=universe,
            commission=commission,
            slippage=slippage,
            rules=rules,
            params=params,
        )
        picks = Picks(
            month=month,
            scores=scores,
            portfolio=portfolio,
            proposal=propose(bars, ranked, portfolio, rehearsed, topk, keep),
            title=title_of(model),
            data=market.name,
            topk=topk,
            changes=None if before is None else changes(*before, scores, topk),
            settings={
                k: v for k, v in summarized(asked).items() if v is not None and k != "universe"
            },
        )
        if isinstance(signal, ScoredMonths):
            add_trust(picks, signal, explain)
        if out is not None:
            from attngru_bt.picks.files import write  # loads jinja2

            picks.files = write(picks, out)
        if book is not None:
            picks.entry = record(
                book,
                picks,
                market,
                ranked,
                commission=commission,
                slippage=slippage,
                rules=rules,
                params=params,
                locked=True,
            )
    return picks


def _check_folders(out: str | Path | None, folder: str | Path | None) -> None:
    """Refuse to write over the files of a backtest, and a folder to read that is not there."""
    if out is not None and (Path(out) / OF_A_BACKTEST).exists():
        raise ValueError(
            f"{out} holds the files of a backtest, whose orders.csv would be replaced: choose "
            f"another folder to write to, and give this one as `folder` (--folder {out})."
        )
    if folder is not None and not Path(folder).is_dir():
        raise ValueError(f"`folder`: there is no folder {folder}; give that of a backtest.")
