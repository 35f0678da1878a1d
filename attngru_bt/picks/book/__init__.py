"""A book that is kept: what was proposed, and what became of it.

``ledger`` keeps lines that are only ever added; ``proposed`` makes one of picks; ``fills`` reads
what was traded, ``session`` says what the backtest traded and fills on paper; ``difference`` splits
what is between them by cause, ``reconcile`` does it for a whole book, and ``tables`` tell it.
"""

from attngru_bt.picks.book.ledger import Entry, Ledger
from attngru_bt.picks.book.reconcile import Reconciled, Reconciliation, reconcile

__all__ = ["Entry", "Ledger", "Reconciled", "Reconciliation", "reconcile"]
