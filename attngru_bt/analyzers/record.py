"""The account's value at every session: what all analyzers of this package measure."""

from __future__ import annotations

import contextlib
import datetime
import logging
import math
import numbers
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt import checks
from attngru_bt.data.interval import contradicts, unusual
from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.parameters import parameter_names
from attngru_bt.feeds.sessions import EPOCH, RunSessions

logger = logging.getLogger(__name__)


def session_dates(ordinals: list[int]) -> pd.DatetimeIndex:
    """Return sessions as naive dates at midnight."""
    days = np.asarray(ordinals, dtype=np.int64) - EPOCH
    return pd.DatetimeIndex(days.astype("datetime64[D]").astype("datetime64[ns]"))


class Record(bt.Analyzer):
    """Record the account's value at the close of every session of the strategy.

    The base of this package's analyzers. The clock is the strategy's own, so a suspended, late or
    ended feed (`data0` included) changes nothing. Several bars on one date (intraday feeds, feeds
    stamped at different hours) count as one session, valued at the last of them.

    The first session's return is measured from the starting cash, as in backtrader's TimeReturn.
    If the account's value falls to zero or below, that session is the last one measured, and a
    warning says so; a value that is not a number is kept (the statistics are then NaN), and a
    warning names the session.

    Parameters
    ----------
    start : None, "trading" or date, default=None
        First session measured. None: the first of the run. A date (datetime.date, Timestamp or
        ISO text): the first session on or after it. "trading": the strategy's first decision
        (`strategy.trading_since`) or, for a strategy without that attribute, its first order. The
        first return is measured from the close of the session before.
    fund : bool or None, default=None
        Measure the value of a fund share, which money paid in or out does not change, instead of
        the account's. None: as the broker's `fundmode` says.

    Attributes
    ----------
    returns : Series of shape (n_measured_sessions,)
        Simple return per measured session, fractions, indexed by naive session date.
    base_date : Timestamp or None
        The session from whose close the first return is measured; None: the starting cash.
    base_value : float
        The value the first return is measured from.
    """

    params: Any = (("start", None), ("fund", None))

    def __new__(cls, *args: Any, **kwargs: Any) -> Record:
        """Refuse parameters that do not exist; backtrader would only say "takes no arguments"."""
        if args:
            raise TypeError(f"{cls.__name__} takes its parameters by name; got {args[0]!r}.")
        checks.no_unknown(cls.__name__, kwargs, parameter_names(cls))
        return super().__new__(cls)  # type: ignore[no-any-return]

    def __init__(self) -> None:
        self._since = _start_date(self.p.start)
        if self.p.fund not in (None, True, False):
            raise ValueError(f"`fund` must be True, False or None; got {self.p.fund!r}.")
        for name, check in (("periods", check_periods), ("riskfree", check_riskfree)):
            if hasattr(self.p, name):
                check(getattr(self.p, name))

    def start(self) -> None:
        """Remember the starting value and the strategy's clock."""
        broker = self.strategy.broker
        self._fund = broker.fundmode if self.p.fund is None else self.p.fund
        self._initial = float(broker.fundvalue if self._fund else broker.getvalue())
        self._clock: Any = self.strategy.lines.datetime
        self._run: Any = RunSessions(self.strategy.datas)
        self._value = self._initial
        self._times: list[int] = []
        self._recorded: list[float] = []
        self._first_order: int | None = None
        self._shares: float = broker.fundshares
        self._paid: list[tuple[int, float]] = []  # bar, and money paid in (out: below 0)

    def notify_fund(self, cash: float, value: float, fundvalue: float, shares: float) -> None:
        """Take the broker's value at this session's close."""
        self._value = fundvalue if self._fund else value
        if shares != self._shares:
            self._paid.append((len(self._times), (shares - self._shares) * fundvalue))
            self._shares = shares

    def notify_order(self, order: Any) -> None:
        """Remember the session of the first order."""
        if self._first_order is None:
            self._first_order = len(self._times)

    def next(self) -> None:
        """Record this session (also before the strategy's minimum period: prenext comes here)."""
        self._times.append(self._run.day(self._clock[0]))
        self._recorded.append(self._value)

    def stop(self) -> None:
        """Compute the returns of the sessions to measure."""
        bars = session_dates(self._times)
        last_of_day = np.ones(len(bars), dtype=bool)
        if len(bars) > 1:
            last_of_day[:-1] = bars[1:] != bars[:-1]
        self._kept = np.flatnonzero(last_of_day)  # bar numbers, one per session
        self.sessions = bars[self._kept]
        self.values = np.asarray(self._recorded, dtype=np.float64)[self._kept]
        self.first = self._first_session(bars)
        self.end = self._end()
        before = np.concatenate([[self._initial], self.values[:-1]])
        with np.errstate(divide="ignore", invalid="ignore"):
            change = self.values / before - 1.0
        window = slice(self.first, self.end)
        self.returns = pd.Series(change[window], index=self.sessions[window], name="strategy")
        inside = 0 < self.first <= len(self.values)
        self.base_date = self.sessions[self.first - 1] if inside else None
        self.base_value = float(self.values[self.first - 1]) if inside else self._initial
        self._warn_unknown()
        self._warn_paid(bars)
        # optstrategy pickles the results, so nothing here may refer to the strategy's lines
        self._clock = self._run = None
        self._times, self._recorded, self._paid = [], [], []

    def _first_session(self, bars: pd.DatetimeIndex) -> int:
        """Position of the first session to measure; the number of sessions if there is none."""
        if self._since is None:
            return 0
        if isinstance(self._since, str):
            return self._first_trading_session(bars)
        if not len(self.sessions) or self._since > self.sessions[-1]:
            logger.warning(
                "%s was told to start on %s, after the last session: all its figures are NaN.",
                type(self).__name__,
                self._since.date(),
            )
        return int(self.sessions.searchsorted(self._since))

    def _first_trading_session(self, bars: pd.DatetimeIndex) -> int:
        """Position of the session of the first decision, else of the first order."""
        begin: pd.Timestamp | None
        if hasattr(self.strategy, "trading_since"):
            since = self.strategy.trading_since
            begin = None if since is None else pd.Timestamp(since).normalize()
        else:
            begin = None if self._first_order is None else bars[self._first_order]
        if begin is None:
            # a strategy with `why_not_traded` has logged the reason already
            logger.log(
                logging.INFO if getattr(self.strategy, "why_not_traded", "") else logging.WARNING,
                "%s measures from the first trade on, but the strategy never traded: "
                "all its figures are NaN.",
                type(self).__name__,
            )
            return len(self.sessions)
        return int(self.sessions.searchsorted(begin))

    def _end(self) -> int:
        """Position after the last session to measure."""
        ruined = np.flatnonzero(self.values[self.first :] <= 0.0)
        if not len(ruined):
            return len(self.values)
        end = self.first + int(ruined[0]) + 1
        logger.warning(
            "%s: the account's value fell to %s on %s; returns after that are not defined and "
            "the %d later sessions are left out.",
            type(self).__name__,
            self.values[end - 1],
            self.sessions[end - 1].date(),
            len(self.values) - end,
        )
        return end

    def annual_periods(self) -> float:
        """Sessions per year that figures are annualized with: the parameter `periods`.

        Returns
        -------
        float
            NaN, with a warning, where the interval between the sessions says that the number cannot
            be right: figures a year are then not defined. A number that is more than a quarter off
            is taken, with a warning.
        """
        problem = contradicts(self.p.periods, self.sessions)
        if problem:
            logger.warning(
                "%s: %s Until then figures a year are NaN.", type(self).__name__, problem
            )
            return float("nan")
        if doubt := unusual(self.p.periods, self.sessions):
            logger.warning("%s: %s", type(self).__name__, doubt)
        return float(self.p.periods)

    def _warn_unknown(self) -> None:
        """Warn of sessions on which the account's value is not a number."""
        unknown = np.flatnonzero(np.isnan(self.values[self.first : self.end]))
        if len(unknown):
            logger.warning(
                "%s: the account's value is not a number on %d sessions, the first on %s, so its "
                "figures are NaN: a feed delivers bars with an empty close while it is held.",
                type(self).__name__,
                len(unknown),
                self.sessions[self.first + unknown[0]].date(),
            )

    def _warn_paid(self, bars: pd.DatetimeIndex) -> None:
        """Warn of money paid in or out, which counts as a gain or loss."""
        dated = [(bars[bar], money) for bar, money in self._paid if bar < len(bars)]
        paid = [(day, money) for day, money in dated if day in self.returns.index]
        if paid and not self._fund:
            day, money = paid[0]
            into, gain = ("into", "gain") if money > 0 else ("out of", "loss")
            logger.warning(
                "%s: about %s was paid %s the account on %s%s, which counts as a %s; `fund=True` "
                "measures a share of a fund instead.",
                type(self).__name__,
                f"{abs(money):,.0f}",
                into,
                day.date(),
                f" (the first of {len(paid)} payments)" if len(paid) > 1 else "",
                gain,
            )


def check_periods(periods: Any) -> float:
    """Return the sessions per year as a float; raise ValueError unless they are positive."""
    number = isinstance(periods, numbers.Real) and not isinstance(periods, bool)
    if not number or not 0 < periods < math.inf:
        raise ValueError(
            f"`periods` must be a positive number of sessions per year (252, China 242); "
            f"got {periods!r}."
        )
    return float(periods)


def check_riskfree(riskfree: Any) -> float:
    """Return the annual risk-free rate as a float; raise ValueError unless it is above -1."""
    number = isinstance(riskfree, numbers.Real) and not isinstance(riskfree, bool)
    if not number or not -1 < riskfree < math.inf:
        raise ValueError(
            f"`riskfree` must be an annual rate as a fraction (0.03 = 3%); got {riskfree!r}."
        )
    return float(riskfree)


def _start_date(start: Any) -> None | str | pd.Timestamp:
    """Return the parameter `start` with a date as a Timestamp."""
    if start is None or (isinstance(start, str) and start == "trading"):
        return start
    if isinstance(start, (str, datetime.date, np.datetime64)):
        with contextlib.suppress(ValueError):
            if getattr(start, "tzinfo", None) is None:
                return checks.date("start", start)
    raise ValueError(
        '`start` must be None, "trading" or a date without time zone, such as "2017-01-03"; '
        f"got {start!r}."
    )
