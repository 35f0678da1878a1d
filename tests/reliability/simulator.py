"""Random markets and scores through the plug-in, beside a simulator that shares no code with it.

`simulate` follows docs/month_end.md, in plain loops over pandas tables; details that
the guide leaves open are those of the package, such as the smallest order. It
covers a rebalance of entrants with and without `substitute` and `retry`, lots, fractions, a
reserve and commission; feeds that start late, end early and miss days; fills at the session's own
open (`cheat_on_open`) and, on feeds without gaps, at the open after it. It knows neither
`rebalance="full"` nor market rules.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from attngru_bt import Bars, MonthlyTopK, add_feeds
from attngru_bt.feeds.engine import bt
from tests.reliability.trials import quiet

RELATIVE = 1e-8  # by how much amounts may differ: fractions of a share are rounded to 1e-9


@dataclass(frozen=True)
class Setting:
    """One trial: wide tables of prices (NaN = no bar), scores, and parameters of the strategy."""

    open: pd.DataFrame
    close: pd.DataFrame
    scores: pd.DataFrame
    at_open: bool
    cash: float
    commission: float
    topk: int
    lot: float
    reserve: float
    substitute: bool
    retry: bool


def draw(seed: int) -> Setting:
    """Draw a market, scores and parameters from a seed."""
    rng = np.random.default_rng(seed)
    n_days, n_assets = int(rng.integers(45, 160)), int(rng.integers(1, 13))
    dates = pd.bdate_range("2020-01-02", periods=n_days)
    names = [f"S{i:02d}" for i in rng.permutation(n_assets)]
    at_open = bool(rng.random() < 0.7)
    shape = (n_days, n_assets)

    # prices are not rounded, so that no size falls on the edge between two numbers of shares
    close = 20 * np.exp(rng.normal(0, 0.7, n_assets) + rng.normal(0, 0.03, shape).cumsum(axis=0))
    open_ = close * np.exp(rng.normal(0, 0.03, shape))
    there = np.ones(shape, dtype=bool)
    if at_open:
        there = rng.random(shape) > rng.choice([0.0, 0.05, 0.4])
        for j in range(n_assets):
            there[: rng.integers(0, n_days) if rng.random() < 0.3 else 0, j] = False
            there[rng.integers(1, n_days) if rng.random() < 0.3 else n_days :, j] = False
            if rng.random() < 0.3:
                first = rng.integers(0, n_days)
                there[first : first + rng.integers(1, 60), j] = False
        there[0, 0] |= not there.any()
    days = there.any(axis=1)

    scored = rng.choice(dates, min(n_days, int(rng.integers(2, 12))), replace=False)
    scores = rng.normal(size=(len(scored), n_assets))
    if rng.random() < 0.3:
        scores = scores.round()  # ties
    scores[rng.random(scores.shape) < rng.choice([0.0, 0.2, 0.7])] = np.nan
    return Setting(
        open=pd.DataFrame(np.where(there, open_, np.nan), dates, names)[days],
        close=pd.DataFrame(np.where(there, close, np.nan), dates, names)[days],
        scores=pd.DataFrame(scores, pd.DatetimeIndex(scored), names).sort_index(),
        at_open=at_open,
        cash=float(rng.choice([3e5, 1e6, 1e8])),
        commission=float(rng.choice([0.0, 0.001, 0.02])),
        topk=int(rng.integers(1, 6)),
        lot=float(rng.choice([0, 1, 100])),
        reserve=float(rng.choice([0.0, 0.0, 0.05])),
        substitute=bool(rng.random() < 0.7),
        retry=bool(rng.random() < 0.7),
    )


class Account:
    """Cash and shares of the simulator."""

    def __init__(self, cash: float, commission: float) -> None:
        self.cash = cash
        self.commission = commission
        self.shares: dict[str, float] = {}

    def sell(self, name: str, price: float) -> None:
        """Sell all of a name."""
        self.cash += self.shares.pop(name) * price * (1 - self.commission)

    def buy(self, name: str, price: float, size: float) -> None:
        self.cash -= size * price * (1 + self.commission)
        self.shares[name] = size


def simulate(given: Setting) -> pd.DataFrame:
    """Return cash, value and shares of every name after each session, by the documented rules."""
    account = Account(given.cash, given.commission)
    last_close: dict[str, float] = {}
    rows: list[dict[str, float]] = []
    value = given.cash  # as of the last close
    ranked: list[str] = []  # of the latest decision: who may still enter, best first
    leaving: set[str] = set()  # to be sold at their next bar
    hopeless: set[str] = set()  # whose share buys no lot
    pending: tuple[list[str], list[tuple[str, float]]] | None = None  # for tomorrow's open

    def whole_lots(size: float) -> float:
        return math.floor(size / given.lot) * given.lot if given.lot else size

    def enter(name: str, share: float, price: float, waiting: bool) -> float:
        """How many shares a share of the cash buys; a name that gets none is not asked again."""
        size = whole_lots(max(share, 0.0) / (price * (1 + given.commission)))
        if size * price < 1e-6 * value:
            size = 0.0
        if not size and not waiting:
            hopeless.add(name)
        return size

    sessions = list(given.open.index)
    for i, today in enumerate(sessions):
        opens = given.open.loc[today].dropna()
        closes = given.close.loc[today].dropna()
        if pending is not None:  # decided yesterday, filled at this open
            exits, entries = pending
            for name in exits:
                account.sell(name, opens[name])
            for name, size in entries:
                most = account.cash / (opens[name] * (1 + given.commission))
                account.buy(name, opens[name], min(size, whole_lots(most)))
            account.shares = {name: size for name, size in account.shares.items() if size}
            pending = None

        # what is traded and sized on: this open, or this close for the open to come
        prices = opens if given.at_open else closes
        if not given.at_open:
            last_close.update(closes)
            value = account.cash + sum(n * last_close[name] for name, n in account.shares.items())
        decided = False
        if i and sessions[i - 1].month != today.month:
            known = given.scores.loc[: sessions[i - 1]]
            row = known.iloc[-1].dropna() if len(known) else pd.Series(dtype=float)
            if len(row):
                decided = True
                ranking = [str(name) for _, name in sorted((-v, n) for n, v in row.items())]
                best = ranking[: given.topk]
                held = set(account.shares)
                stay = held & set(best)
                stuck = {name for name in held - stay if name not in prices}
                free = max(given.topk - len(stay) - len(stuck), 0)
                entrants: list[str] = []
                used = 0
                for position, name in enumerate(ranking):
                    if used == free or (position >= given.topk and not given.substitute):
                        break
                    if name in held:
                        if position >= given.topk and name in prices:
                            stay.add(name)  # the next in rank is a name we have: it stays
                            free -= 1
                    elif name in prices:
                        entrants.append(name)
                        used += 1
                    elif not given.substitute:
                        used += 1  # its share waits in cash
                exits = sorted(held - stay - stuck)
                proceeds = sum(account.shares[n] * prices[n] for n in exits)
                money = account.cash + proceeds * (1 - given.commission) - given.reserve * value
                hopeless = set()
                entries = [
                    (name, enter(name, money / free, prices[name], bool(exits or stuck)))
                    for name in entrants
                ]
                entries = [(name, size) for name, size in entries if size]
                leaving = stuck
                seen = set(last_close) | set(closes.index)
                ranked = ranking if given.substitute else best
                ranked = [n for n in ranked if n not in exits and n not in stuck and n in seen]
                if given.at_open:
                    for name in exits:
                        account.sell(name, prices[name])
                    for name, size in entries:
                        account.buy(name, prices[name], size)
                else:
                    pending = exits, entries
        if given.retry and not decided and given.at_open:
            sold = sorted(name for name in leaving if name in prices)
            for name in sold:
                account.sell(name, prices[name])
            leaving -= set(sold)
            free = given.topk - len(account.shares)
            share = (account.cash - given.reserve * value) / free if free > 0 else 0.0
            for name in ranked:
                if free <= 0:
                    break
                if name in account.shares or name in hopeless or name not in prices:
                    continue
                size = enter(name, share, prices[name], bool(sold or leaving))
                if size:
                    account.buy(name, prices[name], size)
                    free -= 1

        last_close.update(closes)
        value = account.cash + sum(n * last_close[name] for name, n in account.shares.items())
        rows.append({"cash": account.cash, "value": value, **account.shares})
    return pd.DataFrame(rows, index=sessions, columns=["cash", "value", *given.open.columns])


class Watched(MonthlyTopK):
    """The plug-in, with its account noted after each session."""

    def __init__(self, **params):
        super().__init__(**params)
        self.rows = {}

    def next(self):
        super().next()
        held = {data._name: p.size for data, p in self.broker.positions.items() if p.size}
        self.rows[pd.Timestamp(self.datetime.date())] = {
            "cash": self.broker.get_cash(),
            "value": self.broker.get_value(),
            **held,
        }


def run(given: Setting) -> pd.DataFrame:
    """Return the same table as `simulate`, from the plug-in on backtrader's broker."""
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=given.at_open)
    cerebro.broker.setcash(given.cash)
    cerebro.broker.setcommission(given.commission)
    lines = {
        "open": given.open.to_numpy(),
        "high": np.maximum(given.open, given.close).to_numpy(),
        "low": np.minimum(given.open, given.close).to_numpy(),
        "close": given.close.to_numpy(),
    }
    add_feeds(cerebro, Bars(given.open.index, tuple(given.open.columns), lines))
    cerebro.addstrategy(
        Watched,
        signal=given.scores,
        topk=given.topk,
        lot=given.lot,
        reserve=given.reserve,
        substitute=given.substitute,
        retry=given.retry,
        stale_days=10_000,
    )
    with quiet():
        strategy = cerebro.run()[0]
    columns = ["cash", "value", *given.open.columns]
    return pd.DataFrame.from_dict(strategy.rows, orient="index", columns=columns)


def difference(want: pd.DataFrame, got: pd.DataFrame, cash: float) -> str:
    """Return the first session on which two accounts that began with `cash` differ, and in what."""
    if not want.index.equals(got.index):
        return f"{len(want)} sessions simulated, {len(got)} run"
    want, got = want.fillna(0.0), got.fillna(0.0)
    scale = np.maximum(want.abs(), cash * RELATIVE)
    scale["cash"] = want["value"]  # what buying leaves over is a small difference of large amounts
    wrong = (want - got).abs() > RELATIVE * scale
    if not wrong.to_numpy().any():
        return ""
    day = wrong.any(axis=1).idxmax()
    column = wrong.loc[day].idxmax()
    return f"{column} on {day:%Y-%m-%d} is {got.at[day, column]}, simulated {want.at[day, column]}"


def trial(seed: int) -> str:
    """Compare both accounts on every session; say the first difference, if there is one."""
    given = draw(seed)
    return difference(simulate(given), run(given), given.cash)
