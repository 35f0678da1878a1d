"""Rolling operations on bars: arrays of shape (bars, assets), the oldest bar first.

Three rules hold for every operation:

- A value at bar t is computed from bars up to t only.
- It is computed from the bars of its own window only. Windows are put together from halves (the sum
  of 20 = 16 + 4, 16 = 8 + 8, ...), never by adding the new bar to a running total and subtracting
  the oldest one. So a price of 1e8 leaves no rounding error behind once it is out of the window, a
  NaN leaves with its bar, and no result depends on where the history begins.
- NaN in a window makes the result NaN, unless the operation is about known bars, and so does a
  window that begins before the history.

`ema` and `smooth` are exceptions to the second rule by their nature: they look back for ever, with
a weight that fades. After `settle` bars less than 1e-12 of the start is left.
"""

from attngru_bt.factors.ops.exponential import FORGOTTEN, ema, settle, smooth
from attngru_bt.factors.ops.moments import skewness, std, var, vars_doubling
from attngru_bt.factors.ops.shifts import Array, diff, keep, lag, ratio, tiles
from attngru_bt.factors.ops.windows import (
    count,
    highest,
    lowest,
    mean,
    mean_deviation,
    mean_known,
    mean_linear,
    median,
    since_highest,
    since_lowest,
    slope,
    total,
    total_known,
    weighted,
)  # fmt: skip

__all__ = [
    "FORGOTTEN",
    "Array",
    "count",
    "diff",
    "ema",
    "highest",
    "keep",
    "lag",
    "lowest",
    "mean",
    "mean_deviation",
    "mean_known",
    "mean_linear",
    "median",
    "ratio",
    "settle",
    "since_highest",
    "since_lowest",
    "skewness",
    "slope",
    "smooth",
    "std",
    "tiles",
    "total",
    "total_known",
    "var",
    "vars_doubling",
    "weighted",
]
