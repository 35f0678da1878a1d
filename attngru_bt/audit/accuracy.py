"""Check: scores are not right more often than out-of-sample scores can be."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.audit.limit import CONFIDENCE, IC, Month, precision_limit
from attngru_bt.audit.report import Check, Finding, failed, passed, skipped
from attngru_bt.bars import DataError
from attngru_bt.bars.names import from_cells
from attngru_bt.evaluation import monthly_quality, summary

NAME = "accuracy"
MONTHS = 6  # fewer cannot tell
COLUMNS = ("month_end", "symbol", "score", "label")


def check(labels: pd.DataFrame, k: int | None = None, *, name: str = NAME) -> Check:
    """Compare precision@k with what a rank IC of .15 allows; see `limit` for the derivation.

    Parameters
    ----------
    labels : DataFrame indexed (month_end, asset)
        Columns score and label (1 = among the best of the next month, NaN = not known), and
        forward_return if it is known. They must be out of sample.
    k : int, optional
        How many of the best scores are looked at; default: as many as the median month has
        labels 1.
    name : str
        What the check is called.
    """
    table = labels if "forward_return" in labels else labels.assign(forward_return=np.nan)
    table = table[table["score"].notna()]
    ones = table["label"].groupby(level=0).sum()
    if k is None:
        k = int(ones[ones > 0].median()) if (ones > 0).any() else 1
    quality = monthly_quality(table, k)
    known = table["label"].notna().groupby(level=0).sum()
    # a month in which every stock is among the best, or none, tells nothing
    telling = quality["precision"].notna() & (ones > 0) & (ones < known)
    quality = quality[telling]
    if len(quality) < MONTHS:
        return skipped(
            name, f"{len(quality)} months with scores and labels; it takes {MONTHS} to tell."
        )
    months = _months(quality.index, known, ones, k)
    limit = precision_limit(months)
    found = summary(quality).loc["precision"]
    ic = quality["rank_ic"].mean()
    told = (
        f"precision@{k} {found['mean']:.3f} over {len(quality)} months"
        + (f" (rank IC {ic:.3f})" if not np.isnan(ic) else "")
        + f"; chance {found['chance']:.3f}, and a rank IC of {IC} allows up to {limit:.3f}"
    )
    if found["mean"] <= limit:
        return passed(name, f"{told}.")
    findings = [
        _finding(table, pd.Timestamp(month_end), k, own)
        for month_end, month, precision in zip(
            quality.index, months, quality["precision"], strict=True
        )
        if precision > (own := precision_limit([month]))
    ]
    if not findings:  # every month could be luck, but not all of them together
        best = quality.index[int(quality["precision"].to_numpy().argmax())]
        findings = [_finding(table, pd.Timestamp(best), k, 1.0)]
    return failed(
        name,
        f"{told} ({CONFIDENCE:.1%} sure): either the scores are in-sample, or they know the "
        "months they are measured on.",
        findings,
    )


def _finding(table: pd.DataFrame, month_end: pd.Timestamp, k: int, limit: float) -> Finding:
    """Say what came true in a month that is too good."""
    month = table[table.index.get_level_values(0) == month_end].droplevel(0)
    best = month.sort_values("score", ascending=False, kind="stable")[:k]
    right = best.index[best["label"] == 1]
    text = (
        f"at the month-end {month_end.date()} {len(right)} of the best {len(best)} scores came "
        f"true, {right[0]} the first of them; a rank IC of {IC} allows {limit:.0%} in such a month."
    )
    return Finding(text, str(right[0]), month_end, f"precision@{k}")


def read_scores(path: str | Path) -> pd.DataFrame:
    """Read a table of scores as `tearsheet.write_run` writes it: month_end, symbol, score, label.

    Returns
    -------
    DataFrame indexed (month_end, asset)
        Columns score and label; NaN where empty.

    Raises
    ------
    DataError
        If the file is not there, a column is missing, or a cell is not what it should be.
    """
    path = Path(path)
    if not path.is_file():
        raise DataError(f"{path}: there is no such file; check the path.")
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        raise DataError(f"{path}: cannot be read as CSV ({error}); write it anew.") from error
    for column in COLUMNS:
        if column not in table:
            raise DataError(
                f"{path}: column {column!r} is missing; expected {','.join(COLUMNS)}, got "
                f"{','.join(map(str, table.columns))}."
            )
    dates = pd.to_datetime(table["month_end"], errors="coerce", format="ISO8601")
    table["symbol"] = from_cells(table["symbol"])
    columns = {}
    for name in ("score", "label"):
        columns[name] = pd.to_numeric(table[name], errors="coerce").astype(np.float64).to_numpy()
        _refuse(path, table, name, np.isnan(columns[name]) & (table[name].str.strip() != ""))
    _refuse(path, table, "month_end", dates.isna())
    _refuse(path, table, "label", ~np.isin(columns["label"], (0.0, 1.0)) & (table["label"] != ""))
    index = pd.MultiIndex.from_arrays([dates, table["symbol"]], names=["month_end", "asset"])
    for i in np.flatnonzero(index.duplicated())[:1]:
        raise DataError(
            f"{path}: {table['symbol'].iloc[i]} has two rows on {dates.iloc[i].date()}; keep one."
        )
    return pd.DataFrame(columns, index=index)


def _refuse(path: Path, table: pd.DataFrame, column: str, wrong: Any) -> None:
    for i in np.flatnonzero(wrong)[:1]:
        want = {"month_end": "a date", "score": "a number", "label": "0, 1 or empty"}[column]
        raise DataError(
            f"{path}: {table['symbol'].iloc[i]} on {table['month_end'].iloc[i]}: column "
            f"{column!r} must be {want}; got {table[column].iloc[i]!r}."
        )


def _months(index: pd.Index, known: pd.Series, ones: pd.Series, k: int) -> list[Month]:
    """Stocks, picks and hits of each month, of the stocks whose label is known."""
    return [(int(known[m]), min(k, int(known[m])), int(ones[m])) for m in index]
