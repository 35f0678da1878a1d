"""Checks of a table against its layout: the kind of rows, and units that depend on the symbols."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from attngru_bt.data.bars import DataError, first
from attngru_bt.data.codes import is_code
from attngru_bt.data.layouts import Layout, Unit
from attngru_bt.data.units import Doubt


def check_rows(frame: pd.DataFrame, layout: Layout, source: str, doubt: Doubt) -> None:
    """Check the columns in which Stooq and baostock say what kind of rows they have given."""
    if "<per>" in frame and layout.name == "Stooq":
        for i in first((frame["<per>"].astype(str).str.strip() != "D").to_numpy()):
            raise DataError(
                f"{source}: row {i + 1} has <PER> {frame['<per>'].iloc[i]}; give Stooq's daily "
                "data, of which each row has D."
            )
    if "adjustflag" in frame and layout.name == "baostock":
        flags = set(frame["adjustflag"].astype(str).str.strip())
        if flags - {"1", "2", "3"} or len(flags) > 1:
            raise DataError(
                f"{source}: adjustflag must be 3 (as traded), 1 or 2 in all rows; got "
                f"{', '.join(sorted(flags))}."
            )
        if flags == {"2"}:
            doubt(
                "adjustflag",
                f"{source}: adjustflag 2: the prices are adjusted by splits and dividends that "
                "came later, and know the future; ask baostock for adjustflag='3'.",
            )


def check_one_symbol(frame: pd.DataFrame, source: str) -> None:
    """Refuse many symbols where one is expected: in a folder of files, and in an index."""
    if "symbol" in frame and frame["symbol"].nunique() > 1:
        names = frame["symbol"].unique()
        raise DataError(
            f"{source}: column 'symbol' has {len(names)} symbols ({names[0]}, {names[1]}, …); a "
            "benchmark file holds one index, and a file in a folder the symbol it is named after: "
            "join such files into one table."
        )


def check_units_of_codes(
    frame: pd.DataFrame,
    layout: Layout,
    names: Mapping[str, str],
    units: Mapping[str, Unit],
    source: str,
) -> None:
    """Refuse other symbols where the unit of a column holds for Chinese stocks only."""
    doubtful = [name for name in layout.of_codes if name in units and name in layout.units]
    doubtful = [name for name in doubtful if units[name] is layout.units[name]]
    if not doubtful or "symbol" not in frame:
        return
    for name in frame["symbol"].unique():
        if not is_code(str(name)):
            if str(name).isdigit() and len(str(name)) < 5:
                raise DataError(
                    f"{source}: symbol {name!r} has lost the zeros in front of it; write it with "
                    "six digits, as text."
                )
            column, unit = doubtful[0], units[doubtful[0]]
            ours = names.get(column, column)
            raise DataError(
                f"{source}: {layout.name} gives {column!r} in {unit.name} for Chinese stocks and "
                f"in single ones for others; {name!r} may be either. Say which: "
                f"columns={{{ours!r}: '{column}*{unit.factor:g}'}} (--columns "
                f"{ours}={column}*{unit.factor:g}), or {column!r} without a factor"
                f"{'; also for ' + repr(doubtful[1]) if doubtful[1:] else ''}."
            )
