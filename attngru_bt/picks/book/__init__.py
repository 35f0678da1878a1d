"""A book that is kept: what was proposed, and what became of it.

``ledger`` is a file to which lines are only ever added, and ``proposed`` adds picks to it.
``fills`` reads what was traded. ``session`` says what the backtest traded and what fills on paper,
and ``paper`` keeps the latter. ``difference`` splits the difference between them by cause;
``reconciled`` is a month of it, ``reconcile`` a whole book, and ``tables`` show it.
"""

from attngru_bt.picks.book.ledger import Entry, Ledger
from attngru_bt.picks.book.reconcile import Reconciliation, reconcile
from attngru_bt.picks.book.reconciled import Reconciled

__all__ = ["Entry", "Ledger", "Reconciled", "Reconciliation", "reconcile"]
