"""A finished run as one HTML page, and as files other programs read; a bar for a run that goes on.

A page needs a `Performance` analyzer on the strategy. Whatever else a run has to tell (scores,
records of the model, a trade log, a benchmark, a baseline) is shown if it is there, and the page
says what is left out and why.
"""

from attngru_bt.reports.files import save, write_run
from attngru_bt.reports.progress import ProgressBar
from attngru_bt.reports.pyfolio_sheet import PyfolioSheet, pyfolio

__all__ = ["ProgressBar", "PyfolioSheet", "pyfolio", "save", "write_run"]
