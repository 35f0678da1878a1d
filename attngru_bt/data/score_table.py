"""Scores from elsewhere: files and tables in the usual forms, made into dates × assets."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from attngru_bt import checks
from attngru_bt.data.bars import DataError
from attngru_bt.data.names import from_cells

DATES = ("month_end", "date", "datetime")
ASSETS = ("symbol", "asset", "instrument")


def wide(scores: pd.DataFrame | pd.Series) -> pd.DataFrame:
    """Return scores as a table of dates × assets.

    Parameters
    ----------
    scores : DataFrame or Series
        Dates × assets already; or long, indexed (date, asset) as in alphalens and in Qlib's
        predictions, with the scores in a column called "score", or in the only one.

    Raises
    ------
    DataError
        If it is neither, or an asset has two scores on a date.
    """
    if scores.index.nlevels == 1:
        if isinstance(scores, pd.Series):
            raise DataError(
                "Scores in a Series must be indexed (date, asset); got one index level."
            )
        return scores
    if isinstance(scores, pd.DataFrame):
        if "score" not in scores and scores.shape[1] != 1:
            raise DataError(
                f"Scores indexed (date, asset) need a column 'score', or only one column; got "
                f"{', '.join(map(str, scores.columns))}."
            )
        scores = scores["score"] if "score" in scores else scores.iloc[:, 0]
    first = scores.index.get_level_values(0)
    if scores.index.nlevels != 2 or not isinstance(first, pd.DatetimeIndex):
        raise DataError(
            f"Scores must be indexed (date, asset), dates first; got the levels "
            f"{', '.join(map(str, scores.index.names))}, the first of {first.dtype}."
        )
    checks.no_duplicates(
        "The score of", [f"{asset} on {date:%Y-%m-%d}" for date, asset in scores.index],
        error=DataError,
    )  # fmt: skip
    return scores.unstack()


def read_score_table(path: str | Path) -> pd.DataFrame:
    """Read scores from a file: CSV, CSV.gz or Parquet.

    Parameters
    ----------
    path : path
        Long, with a column of dates (month_end, date or datetime), one of names (symbol, asset or
        instrument) and "score"; or wide, the dates in the first column and a column per asset.

    Returns
    -------
    DataFrame of shape (dates, assets)
        NaN = no score.

    Raises
    ------
    DataError
        If the file cannot be used. Pickles are not opened, since that could run code.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; check the path.")
    if path.suffix in (".pkl", ".pickle"):
        raise DataError(
            f"{path}: pickles are not opened, since that can run code; write it as Parquet where "
            f"it comes from: pd.read_pickle('{path.name}').to_parquet('scores.parquet')."
        )
    try:
        if path.suffix == ".parquet":
            table = pd.read_parquet(path)
        else:
            # as text, since a code begins with zeros
            table = pd.read_csv(path, encoding="utf-8-sig", dtype=dict.fromkeys(ASSETS, str))
    except Exception as error:  # pandas and pyarrow raise many kinds
        raise DataError(
            f"{path}: cannot be read as CSV or Parquet ({type(error).__name__}); expected a table "
            f"such as date,symbol,score."
        ) from error
    if table.index.nlevels == 1 and not isinstance(table.index, pd.DatetimeIndex):
        table = _indexed(path, table)
    try:
        scores = wide(table)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    for name in scores.columns:
        if not pd.api.types.is_numeric_dtype(scores[name]):
            raise DataError(f"{path}, column {str(name)!r}: holds text; expected numbers.")
    return scores.astype(np.float64)


def _indexed(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Return the table indexed (date, asset) if it is long, by date if it is wide."""
    date = next((name for name in DATES if name in table), None)
    asset = next((name for name in ASSETS if name in table), None)
    first = date if date is not None else table.columns[0]
    dates = pd.to_datetime(table[first], errors="coerce")
    if dates.isna().any():
        row = int(np.flatnonzero(dates.isna())[0])
        raise DataError(
            f"{path}, column {str(first)!r}, line {row + 2}: {str(table[first].iloc[row])!r} is no "
            f"date such as 2020-01-31."
        )
    if asset is None:
        return table.drop(columns=first).set_axis(pd.DatetimeIndex(dates), axis=0)
    if "score" not in table:
        raise DataError(
            f"{path}: column 'score' is missing; got {', '.join(map(str, table.columns))}."
        )
    names = from_cells(table[asset].astype(str))
    index = pd.MultiIndex.from_arrays([dates, names], names=["date", "asset"])
    return table[["score"]].set_axis(index, axis=0)
