"""The whole job: from data and holdings to the orders of the next session."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from attngru_bt import checks
from attngru_bt.backtest import scored
from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.interval import check_daily
from attngru_bt.data.lock import sole_use
from attngru_bt.data.market import Market, as_market
from attngru_bt.data.prices import check_prices
from attngru_bt.data.schedule import Schedule, schedule_of
from attngru_bt.evaluation.attribution import factor_shares, family_shares
from attngru_bt.models.given import GivenScores
from attngru_bt.models.names import title_of
from attngru_bt.picks.band import monthly_rank_ic, rank_ic_band
from attngru_bt.picks.book.proposed import record
from attngru_bt.picks.changes import changes
from attngru_bt.picks.contributions import blend_contributions, contributions
from attngru_bt.picks.drift import feature_drift
from attngru_bt.picks.month import find_month
from attngru_bt.picks.picks import Picks
from attngru_bt.picks.portfolio import read_portfolio
from attngru_bt.picks.proposal import propose
from attngru_bt.picks.rehearsal import rehearse
from attngru_bt.trading.account import open_account
from attngru_bt.trading.groups import told
from attngru_bt.trading.monthly import MonthlyTopK
from attngru_bt.trading.signals import check_scores, schedule_asked
from attngru_bt.walkforward import BlendWalk, MonthRecord, Walk

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
        What is held, in real shares: the columns symbol, shares[, cost]; a line CASH has the cash.
        None: nothing.
    cash : float, default None
        In the currency of the prices. None: as the line CASH says; 1,000,000 if nothing is held.
    asof : date, default None
        Do as if it were the end of this day: later bars are not touched, and a month that is over
        by then is complete. None: the clock says what day it is.
    old : bool, default False
        Take data that are older than one rebalance.
    calendar : str or object with ``sessions_in_range(start, end)``, default None
        Trading calendar that says whether a month is complete and when the next session is; a name
        of ``exchange_calendars`` such as "XSHG". None: weekdays.
    today : date, default None
        What counts as today; None: the clock.
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
        As in the backtest: when models are fitted is counted from the first month-end traded.
    commission, slippage, rules : default None, 0.0, None
        As in `attngru_bt.backtest.run`.
    jobs, client, tls : default 1, None, None
        Who fits: see `walk_forward`.
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
    for name in ("signal", "benchmark", "feeds"):
        if name in params:
            raise TypeError(f"picks.run has no parameter `{name}`: `model` and `market` say it.")
    params.setdefault("universe", market.membership)
    if schedule != Schedule():
        params["schedule"] = str(schedule)
    asked = dict(model=model, start=start, commission=commission, rules=rules, **params)
    open_account(1.0, commission, slippage, rules)  # checks them before anything is fitted
    portfolio = read_portfolio(
        holdings,
        cash,
        [bars.assets[i] for i in np.flatnonzero(bars.traded.any(axis=0))],
        lot=1.0 if rules is not None else float(params.get("lot", 1.0)),
    )
    if out is not None and (Path(out) / OF_A_BACKTEST).exists():
        raise ValueError(
            f"{out} holds the files of a backtest, whose orders.csv would be replaced: choose "
            f"another folder to write to, and give this one as `folder` (--folder {out})."
        )
    finished = folder if folder is not None else out
    if folder is not None and not Path(folder).is_dir():
        raise ValueError(f"`folder`: there is no folder {folder}; give that of a backtest.")
    with ExitStack() as locks:
        for place in {
            Path(path).resolve(): path for path in (out, book) if path is not None
        }.values():
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
        if isinstance(signal, (pd.DataFrame, pd.Series)):
            signal = GivenScores(signal)
        if isinstance(signal, GivenScores):
            signal = signal.spelled(bars.assets)
            _check_names(signal, bars)
            _check_month(signal.date_of(month.end), month.end, bars.dates, schedule)
        topk = int(params.get("topk", MonthlyTopK.params.topk))
        scores, before = _scores(signal, market, month.end, universe, schedule)
        eligible = _eligible(scores, universe, month.last)
        rehearsed = rehearse(
            bars,
            month.session,
            eligible,
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
            proposal=propose(bars, eligible, portfolio, rehearsed, topk),
            title=title_of(model),
            data=market.name,
            topk=topk,
            changes=None if before is None else changes(*before, scores, topk),
            settings={k: v for k, v in told(asked).items() if v is not None and k != "universe"},
        )
        if isinstance(signal, Walk):
            _tell_walk(picks, signal, explain)
        if out is not None:
            from attngru_bt.picks.files import write  # loads jinja2

            picks.files = write(picks, out)
        if book is not None:
            picks.entry = record(
                book,
                picks,
                market,
                eligible,
                commission=commission,
                slippage=slippage,
                rules=rules,
                params=params,
                locked=True,
            )
    return picks


def _scores(
    signal: Any, market: Market, month_end: pd.Timestamp, universe: Any, schedule: Schedule
) -> tuple[pd.Series, tuple[pd.Timestamp, pd.Series] | None]:
    """Return the scores of a month-end, and month-end and scores before it."""
    bars = market.bars.until(month_end)
    why = f"{type(signal).__name__} gave no score."
    if hasattr(signal, "at"):
        ask = signal.at
        why = signal.why_no_scores(month_end.date())
    else:
        if hasattr(signal, "get_params"):
            signal = clone(signal)
            if universe is not None and getattr(signal, "universe", signal) is None:
                signal.set_params(universe=universe)

        def ask(date: pd.Timestamp) -> pd.Series:
            return check_scores(signal.scores(bars.until(date)), signal)

    # in the order of time, for signals that keep what they have seen
    asked = [(date, ask(date)) for date in bars.dates[schedule.ends(bars.dates)[-2:]]]
    _, scores = asked[-1]
    if scores.empty:
        raise DataError(f"No stock is scored at the month-end {month_end.date()}: {why}")
    return scores, next((earlier for earlier in asked[:-1] if len(earlier[1])), None)


def _eligible(scores: pd.Series, universe: Any, last: pd.Timestamp) -> pd.Series:
    """Return the scores of who is in the universe now; late picks may find that somebody left."""
    eligible = scores if universe is None else scores[scores.index.isin(universe.at(last))]
    if eligible.empty:
        raise DataError(
            f"None of the {len(scores)} stocks with a score is in the universe on {last.date()}: "
            f"bring members that reach up to then."
        )
    return eligible


def _tell_walk(picks: Picks, walk: Walk, explain: bool) -> None:
    """Add what the walk tells: how good it was, why each name, and how unusual the month is."""
    scored_months = [record for record in walk.records if len(record.scores)]
    picks.n_scored = len(scored_months)
    picks.n_found = sum(record.found for record in scored_months)
    picks.band = rank_ic_band(monthly_rank_ic(walk.labels()), walk.panel.schedule.unit)
    record = next(r for r in scored_months if r.month_end == picks.month.end)
    picks.attention = _attention(record)
    if not explain:
        return
    names = [name for name in picks.concerned["symbol"] if name in picks.scores.index]
    if isinstance(walk, BlendWalk):
        picks.contributions = blend_contributions(walk, record.month_end, names)
        fitted_members = [part for part in walk.members.values() if part.fit is not None]
        # how unusual the month is is told of the features of the first member that has any
        walk = fitted_members[0] if fitted_members else walk
    fitted = walk.fit
    if fitted is None or walk.recipe is None:
        return
    dates = [section.date for section in walk.sections]
    section = walk.sections[dates.index(record.month_end)].members()
    if picks.contributions is None:
        picks.contributions = contributions(fitted, section, names)
    known = walk.sections[: dates.index(fitted.month_end) + 1]
    own = next(r for r in walk.records if r.month_end == record.month_end)
    picks.drift = feature_drift(walk.recipe.training_months(known), section, own.factors)


def _attention(record: MonthRecord) -> pd.DataFrame | None:
    """Return the share of the attention per family, and what it would be under even weights."""
    shares, even = factor_shares([record]), factor_shares([record], even=True)
    if shares.empty:
        return None
    return pd.DataFrame(
        {"share": family_shares(shares).iloc[0], "even": family_shares(even).iloc[0]}
    )


def _check_names(given: GivenScores, bars: Bars) -> None:
    """Refuse given scores of which none is of a name in the data."""
    if not set(given.assets) & set(bars.assets):
        raise DataError(
            f"No name in the given scores is one of the data (scores such as of "
            f"{next(iter(given.assets), None)!r}, bars such as of {bars.assets[0]!r}); write the "
            f"scores with the names of the data."
        )


def _check_month(
    given: pd.Timestamp | None,
    month_end: pd.Timestamp,
    dates: pd.DatetimeIndex,
    schedule: Schedule,
) -> None:
    """Refuse given scores of an earlier month: a backtest may go on with them, orders may not."""
    ends = schedule.ends(dates[dates <= month_end])
    before = schedule.begin(month_end) - pd.Timedelta(days=1)
    if len(ends) > 1:
        before = dates[ends[-2]]
    if given is not None and given <= before:
        raise DataError(
            f"The given scores end on {given.date()}, and the picks are those of "
            f"{month_end.date()}: give scores of that month-end, or an earlier `asof`."
        )
