"""The picks of a month-end, with everything that is reported about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from attngru_bt.picks.band import Band
from attngru_bt.picks.changes import Changes
from attngru_bt.picks.contributions import Contributions
from attngru_bt.picks.month import Month
from attngru_bt.picks.portfolio import Portfolio
from attngru_bt.picks.proposal import Proposal

if TYPE_CHECKING:  # the book keeps picks
    from attngru_bt.picks.book.ledger import Entry


@dataclass
class Picks:
    """What to hold next, and why.

    Attributes
    ----------
    month : Month
        The month-end, and the session to trade in.
    scores : Series, index asset
        Those of the month-end: the same bits as in a backtest with the same settings.
    portfolio : Portfolio
        The holdings before.
    proposal : Proposal
        Its `picks` and `orders` are the tables of picks.csv and orders.csv.
    title, data : str
        Names of the model and of the data.
    topk : int
    n_scored, n_found : int
        Month-ends that the walk scored, and how many of them an earlier run had finished.
    contributions : Contributions or None
        Parts of the scores of the names that are held or wanted; None without a fitted model.
    drift : DataFrame or None
        See `feature_drift`; None without a fitted model.
    attention : DataFrame or None
        Share of the attention per family, and under even weights; None without attention.
    band : Band or None
        None without a walk.
    changes : Changes or None
        None at the first month-end with scores.
    settings : dict
        The settings of the call.
    files : list of Path
        The files that were written.
    entry : Entry or None
        The entry that was added to a book.
    """

    month: Month
    scores: pd.Series
    portfolio: Portfolio
    proposal: Proposal
    title: str
    data: str
    topk: int
    n_scored: int = 0
    n_found: int = 0
    contributions: Contributions | None = None
    drift: pd.DataFrame | None = None
    attention: pd.DataFrame | None = None
    band: Band | None = None
    changes: Changes | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    entry: Entry | None = None

    @property
    def picks(self) -> pd.DataFrame:
        """An action for every name; see `Proposal`."""
        return self.proposal.picks

    @property
    def orders(self) -> pd.DataFrame:
        """The orders; see `Proposal`."""
        return self.proposal.orders

    @property
    def concerned(self) -> pd.DataFrame:
        """The rows of `picks` with an action."""
        return self.picks[self.picks["action"] != ""]

    def __repr__(self) -> str:
        return (
            f"<Picks of {self.month.end.date()} by {self.title!r}: {len(self.scores)} scored, "
            f"{len(self.orders)} orders for {self.month.session.date()}>"
        )
