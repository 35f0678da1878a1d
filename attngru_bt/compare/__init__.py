"""Many models through one walk-forward, side by side: how good their scores are, what they earned.

`run` fits, trades and measures; `measure` takes walks that are finished; `write` writes the result
as a page, tables and JSON.
"""

from attngru_bt.compare.comparison import Comparison
from attngru_bt.compare.files import insert, write
from attngru_bt.compare.markdown import markdown
from attngru_bt.compare.measurement import measure
from attngru_bt.compare.run import run

__all__ = ["Comparison", "insert", "markdown", "measure", "run", "write"]
