"""Tear sheets: `save` a finished run as one page, `write_run` it as files too.

`pyfolio` draws the full tear sheet of pyfolio-reloaded. The public name of what
``attngru_bt.reports`` holds.
"""

from attngru_bt.reports import PyfolioSheet, pyfolio, save, write_run

__all__ = ["PyfolioSheet", "pyfolio", "save", "write_run"]
