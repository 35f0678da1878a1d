"""A-share rules: lots, price limits, T+1, suspensions, delistings and fees, for any strategy.

    from attngru_bt.markets import ashare
    ashare.install(cerebro)

This works in any script that uses backtrader's own broker, before or after ``adddata``, with or
without ``cheat_on_open``. `AShare` has the parameters; the tables behind them are in `rulebook`.
"""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from attngru_bt import checks
from attngru_bt.data.bars import DataError
from attngru_bt.data.codes import other_spellings
from attngru_bt.data.membership import Membership, Universe
from attngru_bt.feeds.engine import bt
from attngru_bt.markets.clearing import Clearing
from attngru_bt.markets.exchange import Exchange
from attngru_bt.markets.fees import Fees
from attngru_bt.markets.limits import Limits
from attngru_bt.markets.rulebook import (
    BOARDS,
    EXCHANGES,
    LIMITS,
    LOTS,
    STAMP_DUTY,
    TRANSFER_FEES,
    Limit,
    StampDuty,
    TransferFee,
)  # fmt: skip

Stay = tuple[dt.date | None, dt.date | None]  # first day of trading, first day no longer listed
NAME = "market"  # of the analyzer: strategy.analyzers.market.frame() is the report


@dataclass(frozen=True, eq=False)
class AShare:
    """Trading rules of the Chinese A-share market for a backtrader Cerebro.

    The rules for an order:

    - **Lots**: buys are in lots of 100 real shares (STAR, 688: at least 200, in steps of 1;
      Beijing: at least 100, in steps of 1). On feeds with a line ``adjfactor`` a lot is 100 /
      adjfactor units. Odd lots may be sold in one order. An order is reduced to what is allowed,
      and refused if nothing is left; the same holds for the rest of a sale that T+1 has delayed.
    - **Limits**: no buy fills on a bar that is locked at its up limit (all four prices there), and
      no sale on one locked at its down limit. The limits refer to the line ``preclose`` if the feed
      has it, otherwise to its previous close. The symbol gives the board; `rulebook.LIMITS` is the
      table with dates.
    - **T+1**: shares bought today can be sold tomorrow at the earliest. Short sales are refused.
    - **Suspensions**: no order fills without a bar of the day, with a volume of zero on a feed that
      has volumes, or with ``traded`` = 0. The order waits and is reported.
    - **Delistings**: a holding is turned into cash at its last traded price, without fees, and
      reported.
    - **Fees**: commission with a minimum per order, and stamp duty and transfer fee by date, each
      rounded to the cent. Funds (5xxxxx of Shanghai, 15xxxx, 16xxxx and 18xxxx of Shenzhen) pay
      the commission only.

    Parameters
    ----------
    commission, minimum : float, default 0.00025 and 5.0
        Commission of the broker as a fraction of the value, and its smallest amount per order in
        CNY.
    stamp_duty, transfer_fees, limits : sequence of rows
        See `rulebook`. An empty sequence switches the rule off.
    lots : mapping of board to (minimum, step), default `rulebook.LOTS`
        Lots of buys, in real shares. A board that is not named keeps its default.
    t_plus_one : bool, default True
    slippage : float, default None
        Fraction of the price; a fill stays within the day's range. None: the broker's setting.
    st : object with ``at(date)``, default None
        Names under special treatment, such as a `Membership`. None: the feed's line ``st``, if it
        has one.
    listing : DataFrame, default None
        Columns ``symbol, in_date, out_date``: first day of trading, and first day no longer listed
        (empty = still listed). It sets the limits of the first days and the day on which a holding
        is settled. A second row of a symbol is a relisting, whose first day has no limit.
    settle_after : int, default 365
        A holding without a bar for more calendar days than this counts as delisted, unless
        `listing` has the name. None: never. Whether a feed has ended for good cannot be known
        without looking ahead, and before 2018 some suspensions lasted a year; when a holding is
        settled, it may no longer have been possible to sell it at its last price.
    delisting : object with ``at(date)``, default None
        Names in their delisting period, whose first day has no limit; its other days have the limit
        of the board, ST or not. None: the feed's line ``delisting``, if it has one.

    Examples
    --------
    >>> cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    >>> _ = AShare(commission=0.0002).install(cerebro)
    """

    commission: float = 0.00025
    minimum: float = 5.0
    stamp_duty: Sequence[StampDuty] = STAMP_DUTY
    transfer_fees: Sequence[TransferFee] = TRANSFER_FEES
    limits: Sequence[Limit] = LIMITS
    lots: Mapping[str, tuple[float, float]] = field(default_factory=lambda: dict(LOTS))
    t_plus_one: bool = True
    slippage: float | None = None
    st: Universe | None = None
    listing: pd.DataFrame | None = None
    settle_after: int | None = 365
    delisting: Universe | None = None
    _stays: dict[str, list[Stay]] = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        """Check the parameters."""
        for name, value in (("commission", self.commission), ("slippage", self.slippage or 0.0)):
            checks.fraction(name, value, below=0.5)
        checks.number("minimum", self.minimum, at_least=0)
        checks.universe("st", self.st)
        checks.universe("delisting", self.delisting)
        checks.whole_number("settle_after", self.settle_after, unit="days", or_none=True)
        for board, (minimum, step) in self.lots.items():
            if not (step > 0 and minimum >= step):
                raise ValueError(
                    f"`lots` must give (minimum, step) with minimum >= step > 0 for {board!r}; "
                    f"got {(minimum, step)!r}."
                )
        for row in self.limits:
            if row.board not in BOARDS or row.exchange not in ("", *EXCHANGES):
                raise ValueError(
                    f"`limits` must have rows of the boards {', '.join(BOARDS)} and the exchanges "
                    f"{', '.join(EXCHANGES)} (or '' for all); got {row}."
                )
        object.__setattr__(self, "_stays", _stays(self.listing))

    @property
    def fees(self) -> Fees:
        """The fees as an object that prices a trade."""
        return Fees(self.commission, self.minimum, self.stamp_duty, self.transfer_fees)

    def install(self, cerebro: bt.Cerebro) -> AShare:
        """Apply these rules in every run of a Cerebro; returns the rules.

        They replace the commissions of the broker, keep its filler (which is asked after the rules)
        and its slippage, and report as ``strategy.analyzers.market``.
        """
        if any(kind is Clearing for kind, _, _ in cerebro.analyzers):
            raise ValueError("This Cerebro has market rules already: install them once.")
        cerebro.addanalyzer(Clearing, rules=self, _name=NAME)
        return self

    def exchange(
        self,
        broker: Any,
        feeds: Sequence[Any],
        before: Callable[..., float] | None = None,
        count: Callable[[], int] | None = None,
    ) -> Exchange:
        """Return the filler of one run; arguments as in `Exchange`."""
        names = [feed._name for feed in feeds]
        st, delisting = (_spelled(universe, names) for universe in (self.st, self.delisting))
        self._find_spellings(names)
        # first days by symbol; a symbol whose first day is not known has no first-day limits
        listed = {
            name: [first for first, _ in stays if first is not None]
            for name, stays in self._stays.items()
            if stays[0][0] is not None
        }
        return Exchange(
            broker,
            feeds,
            Limits(self.limits, st, listed, delisting),
            {**LOTS, **self.lots},
            t_plus_one=self.t_plus_one,
            before=before,
            count=count,
        )

    def _find_spellings(self, names: Sequence[str]) -> None:
        """Let the feeds find their rows of `listing`, if these spell the code in another way."""
        for theirs, name in other_spellings(self._stays, names, "`listing`").items():
            if self._stays.setdefault(name, self._stays[theirs]) is not self._stays[theirs]:
                raise DataError(
                    f"`listing` has {name} in two spellings, one is {theirs}; keep one."
                )

    def gone(self, name: str, last: dt.date, today: dt.date) -> str:
        """Return why a holding with its last bar on `last` is settled today; empty if it is not."""
        if name in self._stays:
            stays = self._stays[name]
            begun = [stay for stay in stays if stay[0] is None or stay[0] <= last]
            _, out = begun[-1] if begun else stays[0]  # the stay that the last bar belongs to
            if out is None or today < out:
                return ""
            return f"delisted on {out}: settled at its last traded price, of {last}"
        if self.settle_after is None or (today - last).days <= self.settle_after:
            return ""
        return (
            f"no bar for more than {self.settle_after} days: taken for delisted and settled at "
            f"its last traded price, of {last}"
        )


def install(cerebro: bt.Cerebro, **switches: Any) -> AShare:
    """Apply A-share rules in a Cerebro; parameters as in `AShare`.

    Examples
    --------
    >>> cerebro = bt.Cerebro(stdstats=False)
    >>> rules = install(cerebro, minimum=0.0)
    """
    return AShare(**switches).install(cerebro)


def _spelled(universe: Universe | None, names: Sequence[str]) -> Universe | None:
    """Return a membership with its names spelled as those of the feeds; anything else as it is."""
    return universe.spelled(names, some=False) if isinstance(universe, Membership) else universe


def _stays(frame: pd.DataFrame | None) -> dict[str, list[Stay]]:
    """Return first and last dates by symbol, the earliest stay first."""
    if frame is None:
        return {}
    for column in ("symbol", "in_date", "out_date"):
        if column not in frame:
            raise DataError(
                f"`listing` must have the columns symbol, in_date, out_date; got "
                f"{', '.join(map(str, frame.columns))}."
            )
    stays: dict[str, list[Stay]] = {}
    for symbol, *days in frame[["symbol", "in_date", "out_date"]].itertuples(index=False):
        first, out = (None if pd.isna(d) or d == "" else _day(symbol, d) for d in days)
        stays.setdefault(symbol, []).append((first, out))
    for symbol, rows in stays.items():
        rows.sort(key=lambda stay: stay[0] or dt.date.min)
        # a symbol may be listed again, once the stay before has ended
        for (_, out), (again, _) in itertools.pairwise(rows):
            if out is None or again is None or again < out:
                raise DataError(
                    f"`listing` has {symbol} twice: a row from {again or 'no in_date'} follows one "
                    f"until {out or 'no out_date'}. Give one row per listing, the first with its "
                    "out_date and the next beginning then or later."
                )
    return stays


def _day(symbol: str, value: Any) -> dt.date:
    """Return a date of `listing`."""
    try:
        return checks.date("listing", value).date()
    except ValueError:
        raise DataError(
            f"`listing`: {symbol} has the date {value!r}; write it as YYYY-MM-DD."
        ) from None
