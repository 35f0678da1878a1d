"""Picks: what to hold next, and the orders that lead there. Nothing is ever sent anywhere.

    found = attngru_bt.picks.run(market, holdings="holdings.csv", cash=10_000, out="picks")

``run`` does the whole job. ``month`` finds the month-end and says whether its month is complete,
``month_scores`` asks for its scores, and ``portfolio`` reads what is held. ``rehearsal`` lets the
strategy of a backtest trade one more session at the last closes, and ``proposal`` turns that into
actions and orders. ``contributions`` say why each name, and ``trust`` how far to believe it, by
``drift`` and ``band``. ``book`` keeps what was proposed, and its `reconcile` compares it with what
was traded.
"""

from attngru_bt.picks.book import Ledger, reconcile
from attngru_bt.picks.month import Month, MonthIncompleteError
from attngru_bt.picks.picks import Picks
from attngru_bt.picks.run import run

__all__ = ["Ledger", "Month", "MonthIncompleteError", "Picks", "reconcile", "run"]
