"""The files of a run: its page, and tables and JSON for other programs."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from attngru_bt.evaluation.attribution import factor_shares
from attngru_bt.factors import registry
from attngru_bt.features.families import OWN
from attngru_bt.feeds.parameters import parameter_values
from attngru_bt.reports.candidates import tries_in
from attngru_bt.reports.collect import collect
from attngru_bt.reports.output import as_csv, as_json, versions, write
from attngru_bt.reports.page import render
from attngru_bt.reports.sheet import Part, TearSheet

if TYPE_CHECKING:
    from attngru_bt.data.market import Market


def save(
    strategy: Any,
    path: str | os.PathLike[str] = "tearsheet.html",
    *,
    benchmark: pd.Series | None = None,
    baseline: Any = None,
    baseline_name: str | None = None,
    name: str | None = None,
    title: str | None = None,
    market: Market | None = None,
    run: Mapping[str, Any] | None = None,
) -> Path:
    """Write a finished run as one self-contained HTML page.

    Parameters
    ----------
    strategy : Strategy
        What `cerebro.run()[0]` returned, with a `Performance` analyzer.
    path : path, default="tearsheet.html"
        File to write; its folder is made if need be, an existing file is replaced in one step.
    benchmark : Series or None
        Closes indexed by date, in place of the analyzer's benchmark.
    baseline : Strategy or None
        Another finished run with a `Performance` analyzer, such as the whole universe in equal
        weight, shown on the same sessions.
    baseline_name : str or None
        Its name on the page; None: its model, or its class.
    name : str or None
        What the strategy is called on the page; None: its model, or the class of a strategy of your
        own.
    title : str or None
        Heading of the page; None: `name`.
    market : Market or None
        What the run was given. With it the page also tells what kind of stock the scores prefer and
        how much money the strategy could carry.
    run : mapping or None
        Anything else to show among the parameters, such as the name and digest of the data.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    TypeError, ValueError
        If the strategy has no `Performance` analyzer (the message says which line to add), or
        fewer than two sessions were measured.
    """
    sheet = collect(strategy, benchmark, baseline, baseline_name, run, name=name, market=market)
    sheet.tries = tries_in(sheet, None)
    return write(Path(path), render(sheet, title))


def write_run(
    strategy: Any,
    folder: str | os.PathLike[str],
    *,
    benchmark: pd.Series | None = None,
    baseline: Any = None,
    baseline_name: str | None = None,
    name: str | None = None,
    title: str | None = None,
    market: Market | None = None,
    run: Mapping[str, Any] | None = None,
) -> list[Path]:
    """Write a finished run as files, each replaced in one step.

    The same run gives the same bytes. A missing folder is made. Tables and JSON are written first,
    the page with its pictures last. Parameters are those of `save`.

    - ``tearsheet.html``: see `save`.
    - ``metrics.json``: `evidence`, `strategy`, `benchmark`, `baseline` (as in `Performance`),
      `signal` (rank IC, precision, AUC: mean, t, months, chance), `in_sample` (losses). Unknown and
      infinite figures are null.
    - ``equity.csv``: date, strategy (the account's value), benchmark (scaled to start at the
      same value) and, if given, baseline. The row before a curve's first return is the close that
      it is measured from, if it is one of the run's sessions.
    - ``scores.csv``: month_end, symbol, score, label (1 = was among the best of the next month;
      empty until that is known). Only a header where nothing is known of what came of them.
    - ``orders.csv``: the trade log, or the fills if there is none.
    - ``positions.csv``: date, symbol, size, close, value, weight; `cash` once a session.
    - ``attention.csv``: month_end, factor, family, share (of the attention, traced back through the
      components; a month's shares sum to 1), of a blend also model. Only a header if no model has
      attention over factors.
    - ``run.json``: strategy, parameters, signal, versions, and the entries of `run`.

    Returns
    -------
    list of Path
        The files, the page first.
    """
    sheet = collect(strategy, benchmark, baseline, baseline_name, run, name=name, market=market)
    sheet.tries = tries_in(sheet, folder)
    contents = {
        "metrics.json": as_json(metrics(sheet)),
        "equity.csv": as_csv(equity(sheet)),
        "scores.csv": as_csv(scores(sheet)),
        "orders.csv": as_csv(orders(sheet)),
        "positions.csv": as_csv(positions(sheet)),
        "attention.csv": as_csv(attention(sheet)),
        "run.json": as_json(settings(sheet)),
    }
    files = [write(Path(folder) / name, text) for name, text in contents.items()]
    return [write(Path(folder) / "tearsheet.html", render(sheet, title)), *files]


def metrics(sheet: TearSheet) -> dict[str, Any]:
    """Figures of the run, its benchmark, its baseline and its scores."""
    signal = None
    if sheet.quality_summary is not None:
        signal = sheet.quality_summary.to_dict(orient="index")
        signal["precision"]["k"] = sheet.topk
    return {
        "evidence": sheet.evidence,
        "strategy": {"name": sheet.strategy_class, "title": sheet.name, **sheet.metrics},
        "benchmark": sheet.benchmark,
        "baseline": sheet.baseline,
        "signal": signal,
        "in_sample": sheet.in_sample or None,
    }


def equity(sheet: TearSheet) -> pd.DataFrame:
    """Value of the account per session, beside benchmark and baseline with the same start.

    The row before the first return of a curve has the value it is measured from. That is another
    row where a benchmark begins later, and none where it is no session of the run.
    """
    performance = sheet.performance
    base = performance.base_value
    curves = {"strategy": performance.values[performance.first : performance.end]}
    for name, returns in (
        ("benchmark", sheet.benchmark_returns),
        ("baseline", sheet.baseline_returns),
    ):
        if returns is not None:
            curves[name] = base * _growth(returns.to_numpy())
        elif name == "benchmark":
            curves[name] = np.full(len(sheet.returns), np.nan)
    frame = pd.DataFrame(curves, index=sheet.returns.index)
    if performance.base_date is not None:
        start = dict.fromkeys(frame, np.nan) | {"strategy": base}
        frame = pd.concat([pd.DataFrame(start, index=[performance.base_date]), frame])
    for name in frame.columns.drop("strategy"):
        known = np.flatnonzero(frame[name].notna())
        if len(known) and known[0] > 0:
            frame.loc[frame.index[known[0] - 1], name] = base
    return frame.rename_axis("date").reset_index()


def scores(sheet: TearSheet) -> pd.DataFrame:
    """Scores per month-end and symbol, best first, with the label once it is known."""
    if sheet.labels is None:
        return pd.DataFrame(columns=["month_end", "symbol", "score", "label"])
    table = sheet.labels[["score", "label"]].rename_axis(["month_end", "symbol"]).reset_index()
    table["label"] = table["label"].astype("Int64")
    return table.sort_values(["month_end", "score"], ascending=[True, False], kind="stable")


def orders(sheet: TearSheet) -> pd.DataFrame:
    """Return the trade log, or the fills in the same form if there is none."""
    if sheet.orders is not None:
        return sheet.orders.rename(columns={"asset": "symbol"})
    fills = sheet.performance.fills()
    size = fills["size"].abs()
    return pd.DataFrame(
        {
            "date": fills["date"],
            "symbol": fills["symbol"],
            "event": "fill",
            "side": np.where(fills["size"] > 0, "buy", "sell"),
            "size": size,
            "price": fills["price"],
            "value": size * fills["price"],
            "commission": fills["commission"],
            "reason": "",
            "ref": fills["ref"],
        }
    )


def positions(sheet: TearSheet) -> pd.DataFrame:
    """List holdings and cash at each close, with their weights in the account."""
    performance = sheet.performance
    cash = performance.cash.rename("value").rename_axis("date").reset_index()
    cash.insert(1, "symbol", "cash")
    table = pd.concat([performance.holdings(), cash], ignore_index=True)
    table = table[["date", "symbol", "size", "close", "value"]]
    table = table.sort_values("date", kind="stable", ignore_index=True)
    table["weight"] = table["value"] / table["value"].groupby(table["date"]).transform("sum")
    return table


def attention(sheet: TearSheet) -> pd.DataFrame:
    """Share of the attention per month-end and factor, the largest first, model by model."""
    tables = {part.name: _attention_of(part) for part in sheet.parts}
    tables = {name: table for name, table in tables.items() if not table.empty}
    if not tables:
        return pd.DataFrame(columns=["month_end", "factor", "family", "share"])
    if len(sheet.parts) == 1:
        return next(iter(tables.values()))
    return pd.concat([table.assign(model=name) for name, table in tables.items()])


def _attention_of(part: Part) -> pd.DataFrame:
    shares = factor_shares(part.records)
    if shares.empty:
        return pd.DataFrame()
    family = {factor.name: factor.family for factor in registry}
    wide = shares.rename_axis("month_end").reset_index()
    frame = wide.melt(id_vars="month_end", var_name="factor", value_name="share")
    frame = frame[frame["share"].notna()]  # NaN: the model was not given the factor
    frame.insert(2, "family", [family.get(name, OWN) for name in frame["factor"]])
    return frame.sort_values(["month_end", "share"], ascending=[True, False], kind="stable")


def settings(sheet: TearSheet) -> dict[str, Any]:
    """Parameters of strategy, signal and analyzer, the period and the versions of packages."""
    signal = None
    if sheet.signal_name:
        signal = {"class": sheet.signal_name, **sheet.signal_parameters}
    performance = sheet.performance
    return {
        "strategy": sheet.strategy_class,
        "parameters": sheet.parameters,
        "signal": signal,
        "performance": parameter_values(performance),
        "first_session": sheet.metrics["start"],
        "last_session": sheet.metrics["end"],
        "versions": versions(),
        **sheet.run,
    }


def _growth(returns: np.ndarray) -> np.ndarray:
    """Growth of 1 over the known returns; NaN where a return is not known."""
    value: np.ndarray = np.cumprod(1.0 + np.where(np.isnan(returns), 0.0, returns))
    return np.where(np.isnan(returns), np.nan, value)
