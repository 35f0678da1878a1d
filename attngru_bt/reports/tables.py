"""Figures as rows of text: what is shown, in which words and units."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from attngru_bt.reports.report import Report

DASH = "–"


def per_cent(value: Any) -> str:
    """Show a fraction as a percentage with one decimal; a dash if not known."""
    return DASH if _unknown(value) else _minus(f"{round(100.0 * value, 1) + 0.0:,.1f}%")


def number(value: Any) -> str:
    """Show a ratio with two decimals; a dash if not known."""
    return DASH if _unknown(value) else _minus(f"{round(value, 2) + 0.0:,.2f}")


def whole(value: Any) -> str:
    """Show a count or an amount of money without decimals; a dash if not known."""
    return DASH if _unknown(value) else _minus(f"{round(value, 0) + 0.0:,.0f}")


def date(value: Any) -> str:
    """Show a date as 2019-12-31; a dash if there is none."""
    return DASH if value is None or value is pd.NaT else f"{pd.Timestamp(value):%Y-%m-%d}"


Row = tuple[str, str, Callable[[Any], str]]

RETURN_AND_RISK: tuple[Row, ...] = (
    ("Total return", "total_return", per_cent),
    ("Annualized return", "annual_return", per_cent),
    ("Volatility", "volatility", per_cent),
    ("Sharpe ratio", "sharpe", number),
    ("Maximum drawdown", "max_drawdown", per_cent),
    ("\u2003peak", "drawdown_peak", date),
    ("\u2003trough", "drawdown_trough", date),
    ("\u2003recovery", "drawdown_recovery", date),
    ("Calmar ratio", "calmar", number),
    ("Months with a gain", "positive_months", per_cent),
    ("Sessions", "sessions", whole),
)
AGAINST_BENCHMARK: tuple[Row, ...] = (
    ("Excess return a year", "excess_return", per_cent),
    ("Information ratio", "information_ratio", number),
    ("Tracking error", "tracking_error", per_cent),
    ("Months ahead of the benchmark", "months_above_benchmark", per_cent),
)
TRADING: tuple[Row, ...] = (
    ("Turnover a year (one way)", "turnover", per_cent),
    ("Commission a year", "cost_rate", per_cent),
    ("Commission paid", "costs", whole),
    ("Fills", "fills", whole),
    ("Round trips", "trades", whole),
    ("Round trips with a profit", "hit_rate", per_cent),
    ("Value at the start", "start_value", whole),
    ("Value at the end", "end_value", whole),
)


def metrics_table(report: Report) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Strategy, baseline and benchmark side by side.

    Returns
    -------
    tuple
        The column names, and per row its name and a text per column; a row without texts is a
        heading.
    """
    columns: list[Mapping[str, Any]] = [report.metrics]
    names = [report.name]
    for other, what in ((report.baseline, "baseline"), (report.benchmark, "benchmark")):
        if other is not None:
            columns.append(other)
            names.append(f"{other['name']} ({what})")
    rows: list[tuple[str, list[str]]] = []

    def add(heading: str, block: tuple[Row, ...]) -> None:
        rows.append((heading, []))
        for text, key, show in block:
            rows.append((text, [show(c[key]) if key in c else "" for c in columns]))

    add("Return and risk", RETURN_AND_RISK)
    if report.benchmark is not None:
        add("Against the benchmark", AGAINST_BENCHMARK)
    add("Trading", TRADING)
    return names, rows


def quality_table(report: Report) -> list[list[str]]:
    """Rank IC, precision@k and AUC: mean, without skill, t, months."""
    if report.quality_summary is None or not report.quality_summary["months"].any():
        return []
    shown: dict[str, tuple[str, Callable[[Any], str]]] = {
        "rank_ic": ("Rank IC", _three),
        "precision": (f"Precision@{report.topk}", per_cent),
        "auc": ("AUC", _three),
    }
    return [
        [
            text,
            show(report.quality_summary.loc[name, "mean"]),
            show(report.quality_summary.loc[name, "chance"]),
            number(report.quality_summary.loc[name, "t"]),
            whole(report.quality_summary.loc[name, "months"]),
        ]
        for name, (text, show) in shown.items()
    ]


def order_table(report: Report) -> list[list[str]]:
    """Count the events of the trade log by side."""
    if report.orders is None or report.orders.empty:
        return []
    counts = pd.crosstab(report.orders["event"], report.orders["side"])
    # a name without a bar has no side
    sides = [side for side in ("buy", "sell") if side in counts]
    other = counts.drop(columns=sides).sum(axis=1)
    return [
        [str(event), *(whole(counts.loc[event].get(side, 0)) for side in ("buy", "sell")),
         whole(other[event])]
        for event in report.orders["event"].drop_duplicates()
    ]  # fmt: skip


def _three(value: Any) -> str:
    return DASH if _unknown(value) else _minus(f"{round(value, 3) + 0.0:.3f}")


def _minus(text: str) -> str:
    """Write a true minus sign, and infinity as its sign; rounding has removed minus zero."""
    return text.replace("-", "\u2212").replace("inf", "\u221e")


def _unknown(value: Any) -> bool:
    return value is None or math.isnan(value)
