"""Tear sheets: `save` a finished run as one page, `write_run` it as files too.

The public name of what ``attngru_bt.reports`` holds.
"""

from attngru_bt.reports import save, write_run

__all__ = ["save", "write_run"]
