"""A finished run as one HTML page, and as files other programs read.

Needs a `Performance` analyzer on the strategy; whatever else a run has to tell (scores, records of
the model, a trade log, a benchmark, a baseline) is shown if it is there, and the page says what is
left out and why.
"""

from attngru_bt.reports.files import save, write_run

__all__ = ["save", "write_run"]
