"""The markets beside the feeds that models are trained on, with another future."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone

from attngru_bt.audit.altered import scrambled
from attngru_bt.data.market import Market, load
from attngru_bt.features.roster import is_market
from attngru_bt.walkforward import Blend

Alter = Callable[[Market], Market]


def read(params: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parameters of a backtest with each market that is given as a path read."""
    return _with_markets(params, lambda market: market)


def altered(params: Mapping[str, Any], alter: Alter) -> dict[str, Any]:
    """Return the parameters of a backtest with each market beside the feeds changed.

    Parameters
    ----------
    params : mapping
        Of `backtest.run`; `train_on` may be among them, or among those of `signal` or of the
        members of a blend.
    alter : callable
        Market → market.
    """
    return _with_markets(params, alter)


def has_any(params: Mapping[str, Any]) -> bool:
    """Whether a backtest with these parameters trains on a market beside the feeds."""
    found: list[Market] = []

    def note(market: Market) -> Market:
        found.append(market)
        return market

    _with_markets(params, note)
    return bool(found)


def ended(market: Market, date: pd.Timestamp) -> Market:
    """Return a market without its bars after a date; if it has only such bars, they are changed."""
    if market.bars.dates[0] > date:
        return changed(market, date, 0)
    return market.until(date)


def changed(market: Market, date: pd.Timestamp, seed: int) -> Market:
    """Return a market with other numbers after a date."""
    return scrambled(market, date, np.random.default_rng(seed))


def _with_markets(params: Mapping[str, Any], alter: Alter) -> dict[str, Any]:
    """Return parameters with each market beside the feeds altered."""
    new = dict(params)
    if "train_on" in new:
        new["train_on"] = _altered(new["train_on"], alter)
    if "signal" in new:
        new["signal"] = _signal(new["signal"], alter)
    return new


def _signal(signal: Any, alter: Alter) -> Any:
    """Return a signal whose market beside the feeds is changed; any other one as it is."""
    if isinstance(signal, Blend):
        members = signal.members()
        models = {name: _signal(member, alter) for name, member in members.items()}
        if all(models[name] is member for name, member in members.items()):
            return signal
        return clone(signal).set_params(models=models)
    train_on = getattr(signal, "train_on", None)
    if not is_market(train_on):
        return signal
    return clone(signal).set_params(train_on=_altered(train_on, alter))


def _altered(train_on: Any, alter: Alter) -> Any:
    """Return a `train_on` with its market altered; anything else as it is."""
    if not is_market(train_on):
        return train_on
    return alter(train_on if isinstance(train_on, Market) else load(Path(train_on)))
