"""A book that is kept: what was proposed, and what became of it.

``ledger`` keeps lines that are only ever added; ``proposed`` makes one of picks; ``fills`` reads
what was traded, ``session`` says what the backtest traded and what fills on paper, ``paper`` keeps
that; ``difference`` splits what is between them by cause, ``reconciled`` is a month of it,
``reconcile`` does it for a whole book, and ``tables`` tell it.
"""

from attngru_bt.picks.book.ledger import Entry, Ledger
from attngru_bt.picks.book.reconcile import Reconciliation, reconcile
from attngru_bt.picks.book.reconciled import Reconciled

__all__ = ["Entry", "Ledger", "Reconciled", "Reconciliation", "reconcile"]
