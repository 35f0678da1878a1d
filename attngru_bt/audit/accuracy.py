"""Check: the scores are not right more often than out-of-sample scores can be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from attngru_bt.audit.limit import CONFIDENCE, IC, Month, precision_limit
from attngru_bt.audit.report import Check, Finding, failed, passed, skipped
from attngru_bt.data.bars import DataError
from attngru_bt.data.names import from_cells
from attngru_bt.evaluation.quality import monthly_quality, summary
from attngru_bt.features.foresight import ic_limit

NAME = "accuracy"
MONTHS = 6  # fewest months that can tell
COLUMNS = ("month_end", "symbol", "score", "label")


def check(labels: pd.DataFrame, k: int | None = None, *, name: str = NAME) -> Check:
    """Compare precision@k and the mean rank IC with the limits that `limit` derives.

    Parameters
    ----------
    labels : DataFrame indexed (month_end, asset)
        Out-of-sample scores: columns score and label (1 = among the best of the next month, NaN =
        not known), and forward_return if it is known.
    k : int, optional
        How many of the best scores count; default: the median number of labels 1 in a month.
    name : str
        Name of the check.
    """
    table = labels if "forward_return" in labels else labels.assign(forward_return=np.nan)
    table = table[table["score"].notna()]
    ones = table["label"].groupby(level=0).sum()
    if k is None:
        k = int(ones[ones > 0].median()) if (ones > 0).any() else 1
    quality = monthly_quality(table, k)
    labeled = table["label"].notna().groupby(level=0).sum()
    # A month in which every stock is among the best, or none, says nothing about precision.
    informative = quality["precision"].notna() & (ones > 0) & (ones < labeled)
    measured = quality[informative], quality[quality["rank_ic"].notna()]
    if max(map(len, measured)) < MONTHS:
        return skipped(
            name,
            f"{max(map(len, measured))} months with scores and labels; it takes {MONTHS} to tell.",
        )
    texts, findings = [], []
    for judge, months in zip((_precision, _rank_ic), measured, strict=True):
        if len(months) >= MONTHS:
            text, problems = judge(table, months, k)
            texts.append(text)
            findings += problems
    if not findings:
        return passed(name, f"{'; '.join(texts)}.")
    return failed(
        name,
        f"{'; '.join(texts)} ({CONFIDENCE:.1%} sure): either the scores are in-sample, or they "
        "know the months they are measured on.",
        findings,
    )


def _precision(table: pd.DataFrame, quality: pd.DataFrame, k: int) -> tuple[str, list[Finding]]:
    """Compare the mean precision@k with its limit; if above, name the months above their own."""
    labels = table["label"].groupby(level=0)
    labeled, ones = labels.count(), labels.sum()
    months = _months(quality.index, labeled, ones, k)
    limit = precision_limit(months)
    precision = summary(quality).loc["precision"]
    text = (
        f"precision@{k} {precision['mean']:.3f} over {len(quality)} months; chance "
        f"{precision['chance']:.3f}, and a rank IC of {IC} allows up to {limit:.3f}"
    )
    if precision["mean"] <= limit:
        return text, []
    findings = [
        _finding(table, pd.Timestamp(month_end), k, limit_of_month)
        for month_end, month, share in zip(quality.index, months, quality["precision"], strict=True)
        if share > (limit_of_month := precision_limit([month]))
    ]
    if not findings:  # each month could be luck, but not all of them together
        best = quality.index[int(quality["precision"].to_numpy().argmax())]
        findings = [_finding(table, pd.Timestamp(best), k, 1.0)]
    return text, findings


def _rank_ic(table: pd.DataFrame, quality: pd.DataFrame, k: int) -> tuple[str, list[Finding]]:
    """Compare the mean rank IC with its limit; name the month with the highest if it exceeds it."""
    returns = table["forward_return"].groupby(level=0).count()
    ics = quality["rank_ic"].to_numpy(dtype=np.float64)
    limit = ic_limit(list(ics), [int(returns[month]) for month in quality.index])
    summary_text = f"rank IC {ics.mean():.3f} over {len(ics)} months, up to {limit:.3f} allowed"
    if ics.mean() <= limit:
        return summary_text, []
    month_end = pd.Timestamp(quality.index[int(ics.argmax())])
    month = table[table.index.get_level_values(0) == month_end].droplevel(0)
    symbol = str(month["score"].idxmax())
    text = (
        f"at the month-end {month_end.date()} the scores ({symbol} the best) have a rank IC of "
        f"{ics.max():.3f} with the month after it; the mean of all months is {ics.mean():.3f}, "
        f"and scores as good as the best we know of stay below {limit:.3f}."
    )
    return summary_text, [Finding(text, symbol, month_end, "rank IC")]


def _finding(table: pd.DataFrame, month_end: pd.Timestamp, k: int, limit: float) -> Finding:
    """Say how many of the best scores came true in a month above its limit."""
    month = table[table.index.get_level_values(0) == month_end].droplevel(0)
    best = month.sort_values("score", ascending=False, kind="stable")[:k]
    right = best.index[best["label"] == 1]
    text = (
        f"at the month-end {month_end.date()} {len(right)} of the best {len(best)} scores came "
        f"true, {right[0]} the first of them; a rank IC of {IC} allows {limit:.0%} in such a month."
    )
    return Finding(text, str(right[0]), month_end, f"precision@{k}")


def read_scores(path: str | Path) -> pd.DataFrame:
    """Read scores in the layout of `tearsheet.write_run`: month_end, symbol, score, label.

    Returns
    -------
    DataFrame indexed (month_end, asset)
        Columns score and label; NaN where empty.

    Raises
    ------
    DataError
        If the file does not exist, a column is missing, or a cell has a wrong value.
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


def _refuse(path: Path, table: pd.DataFrame, column: str, wrong: ArrayLike) -> None:
    """Raise a DataError for the first row whose cell is wrong, if there is one."""
    for i in np.flatnonzero(wrong)[:1]:
        want = {"month_end": "a date", "score": "a number", "label": "0, 1 or empty"}[column]
        raise DataError(
            f"{path}: {table['symbol'].iloc[i]} on {table['month_end'].iloc[i]}: column "
            f"{column!r} must be {want}; got {table[column].iloc[i]!r}."
        )


def _months(index: pd.Index, known: pd.Series, ones: pd.Series, k: int) -> list[Month]:
    """Return stocks, picks and hits of each month, among the stocks whose label is known."""
    return [(int(known[m]), min(k, int(known[m])), int(ones[m])) for m in index]
