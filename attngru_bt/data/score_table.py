"""Scores from elsewhere: files and tables in the usual forms, made into dates × assets."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import numpy as np
import pandas as pd

from attngru_bt import checks
from attngru_bt.data import layouts
from attngru_bt.data.bars import DataError, first
from attngru_bt.data.dates import NOON, moved_to_utc, parse_dates
from attngru_bt.data.layouts import SYMBOLS
from attngru_bt.data.raw import read_raw

DATES = ("month_end", *layouts.DATES)


def wide(scores: pd.DataFrame | pd.Series) -> pd.DataFrame:
    """Return scores as a table of dates × assets.

    Times of day are dropped: the date is the one that is written, in the zone it is written in.

    Parameters
    ----------
    scores : DataFrame or Series
        Dates × assets already; or long, indexed (date, asset) as in alphalens and in Qlib's
        predictions, with the scores in a column called "score", or in the only one.

    Raises
    ------
    DataError
        If it is neither, a date is missing or cannot be told, or an asset has two scores on a date.
    """
    if isinstance(scores, pd.DataFrame) and scores.columns.nlevels > 1:
        raise DataError(
            "Scores need one row of column names, the assets; got "
            f"{scores.columns.nlevels} levels: choose one with frame.droplevel(0, axis=1)."
        )
    if scores.index.nlevels == 1:
        if isinstance(scores, pd.Series):
            raise DataError(
                "Scores in a Series must be indexed (date, asset); got one index level."
            )
        if isinstance(scores.index, pd.DatetimeIndex):
            scores = scores.set_axis(_days(scores.index), axis=0)
        return scores
    if isinstance(scores, pd.DataFrame):
        if "score" not in scores and scores.shape[1] != 1:
            raise DataError(
                f"Scores indexed (date, asset) need a column 'score', or only one column; got "
                f"{', '.join(map(str, scores.columns))}."
            )
        scores = scores["score"] if "score" in scores else scores.iloc[:, 0]
    stamps = scores.index.get_level_values(0)
    if scores.index.nlevels != 2 or not isinstance(stamps, pd.DatetimeIndex):
        raise DataError(
            f"Scores must be indexed (date, asset), dates first; got the levels "
            f"{', '.join(map(str, scores.index.names))}, the first of {stamps.dtype}."
        )
    index = pd.MultiIndex.from_arrays(
        [_days(stamps), scores.index.get_level_values(1)], names=scores.index.names
    )
    checks.no_duplicates(
        "The score of", [f"{asset} on {date:%Y-%m-%d}" for date, asset in index], error=DataError
    )
    return scores.set_axis(index).unstack()


def _days(stamps: pd.DatetimeIndex) -> pd.DatetimeIndex:
    """Return the dates that are written, without their times.

    An afternoon in UTC may stand for the midnight of an exchange in the east, and so for the next
    day; its scores would be known too early and are refused.
    """
    for i in first(np.asarray(stamps.isna())):
        raise DataError(f"Scores, row {i + 1}: the date is missing.")
    local = stamps.tz_localize(None)
    days = local.normalize()
    if stamps.tz is not None and stamps.tz.utcoffset(dt.datetime(2020, 1, 1)) == dt.timedelta():
        for i in first(np.asarray(local.hour >= NOON)):
            raise DataError(
                f"Scores: {stamps[i]} is a moment in UTC, whose session depends on the exchange; "
                f"write session dates, such as {days[i].date()}, or use the exchange's own zone: "
                f"tz_convert('Asia/Shanghai')."
            )
    for i in moved_to_utc(days.to_numpy(), lambda i: local[i]):
        raise DataError(
            f"Scores: {stamps[i]} is on a Sunday, and none is on a Friday: they seem to be the "
            "next days of an exchange east of UTC; convert the dates to its zone, or write plain "
            "session dates (YYYY-MM-DD)."
        )
    return days


def read_score_table(path: str | Path) -> pd.DataFrame:
    """Read scores from a file: CSV, CSV.gz or Parquet.

    Parameters
    ----------
    path : path
        Long, with a column of dates (date, month_end, datetime, trade_date, ...), one of names
        (symbol, asset, instrument, ts_code, ...) and "score"; or wide, the dates in the first
        column and a column per asset. Dates as in price files: 2020-01-31, 2020/1/31, 20200131.

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
    if path.is_file() and path.suffix in (".pkl", ".pickle"):
        raise DataError(
            f"{path}: pickles are not opened, since that can run code; write it as Parquet where "
            f"it comes from: pd.read_pickle('{path.name}').to_parquet('scores.parquet')."
        )
    table = read_raw(path, text=DATES)
    if table.columns.nlevels > 1:
        raise DataError(
            f"{path}: has a header of two rows; expected one such as date,symbol,score."
        )
    if table.index.nlevels == 1 and not isinstance(table.index, pd.DatetimeIndex):
        table = _indexed(path, table)
    try:
        scores = wide(table)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    for name in scores.columns:
        if not pd.api.types.is_numeric_dtype(scores[name]):
            raise DataError(f"{path}, column {str(name)!r}: holds text; expected numbers.")
    if not len(scores):
        raise DataError(f"{path}: there are no rows below the header; expected date,symbol,score.")
    return scores.astype(np.float64)


def _indexed(path: Path, table: pd.DataFrame) -> pd.DataFrame:
    """Return the table indexed (date, asset) if it is long, by date if it is wide."""
    # a column of symbols makes it long; without names the first column has the dates
    named = {str(column).strip().lower(): column for column in table}
    date = next((named[name] for name in DATES if name in named), table.columns[0])
    asset = next((named[name] for name in SYMBOLS if name in named), None)
    whose = table[asset] if asset is not None else pd.Series("the table", index=table.index)
    for i in first(whose.isna().to_numpy() | (whose.astype(str).str.strip() == "").to_numpy()):
        raise DataError(f"{path}: row {i + 1} has no name in column {asset!r}.")
    days, offsets = parse_dates(table[date], whose.astype(str).to_numpy(), str(path))
    dates = pd.DatetimeIndex(days)
    if offsets is not None and not offsets.any():
        try:
            dates = _days(pd.DatetimeIndex(pd.to_datetime(table[date], utc=True)))
        except DataError as error:
            raise DataError(f"{path}: {error}") from None
    if asset is None:
        return table.drop(columns=date).set_axis(dates, axis=0)
    if "score" not in named:
        raise DataError(
            f"{path}: column 'score' is missing; got {', '.join(map(str, table.columns))}."
        )
    index = pd.MultiIndex.from_arrays([dates, whose.astype(str)], names=["date", "asset"])
    return table[[named["score"]]].set_axis(["score"], axis=1).set_axis(index, axis=0)
