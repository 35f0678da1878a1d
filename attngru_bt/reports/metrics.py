"""The tables of a tear sheet: what is shown, in which words and units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
import pandas as pd

from attngru_bt.evaluation.horizons import mean_and_t
from attngru_bt.evaluation.ranks import row_correlation, wide
from attngru_bt.reports.sheet import OUT_OF_SAMPLE, Part, TearSheet
from attngru_bt.reports.tables import (
    DASH,
    Cell,
    Column,
    Row,
    Table,
    date,
    four,
    number,
    one,
    per_cent,
    recovery,
    three,
    whole,
)

_LOSSES = {
    "loss": "Training loss (in-sample)",
    "val_loss": "Validation loss (last months of the training window; stops the training)",
}

Figure = tuple[str, str, Callable[[Any], str]]
"""Its name on the page, its key in `Performance`, its form."""

RETURN_AND_RISK: tuple[Figure, ...] = (
    ("Total return", "total_return", per_cent),
    ("Annualized return", "annual_return", per_cent),
    ("Volatility", "volatility", per_cent),
    ("Sharpe ratio", "sharpe", number),
    ("Sortino ratio", "sortino", number),
    ("Maximum drawdown", "max_drawdown", per_cent),
    ("\u2003peak", "drawdown_peak", date),
    ("\u2003trough", "drawdown_trough", date),
    ("\u2003recovery", "drawdown_recovery", date),
    ("Longest drawdown, sessions", "longest_drawdown", whole),
    ("Calmar ratio", "calmar", number),
    ("Months with a gain", "positive_months", per_cent),
    ("Sessions", "sessions", whole),
)
SESSIONS: tuple[Figure, ...] = (
    ("Best session", "best_session", per_cent),
    ("Worst session", "worst_session", per_cent),
    ("Value at risk, 5%", "value_at_risk", per_cent),
    ("Expected shortfall, 5%", "expected_shortfall", per_cent),
    ("Skewness", "skewness", number),
    ("Excess kurtosis", "excess_kurtosis", number),
)
AGAINST_BENCHMARK: tuple[Figure, ...] = (
    ("Excess return a year", "excess_return", per_cent),
    ("Information ratio", "information_ratio", number),
    ("Tracking error", "tracking_error", per_cent),
    ("Months ahead of the benchmark", "months_above_benchmark", per_cent),
)
TRADING: tuple[Figure, ...] = (
    ("Turnover a year (one way), times the account", "turnover", one),
    ("Commission a year", "cost_rate", partial(per_cent, places=2)),
    ("Commission paid", "costs", whole),
    ("Fills", "fills", whole),
    ("Round trips", "trades", whole),
    ("Round trips with a profit", "hit_rate", per_cent),
    ("Value at the start", "start_value", whole),
    ("Value at the end", "end_value", whole),
)


def metrics_table(sheet: TearSheet) -> Table:
    """Put strategy, baseline and benchmark side by side."""
    runs: list[tuple[str, Mapping[str, Any]]] = [(sheet.short_name, sheet.metrics)]
    for other, what in ((sheet.baseline, "baseline"), (sheet.benchmark, "benchmark")):
        if other is not None:
            runs.append((f"{other['name']} ({what})", other))
    blocks = [
        ("Return and risk", RETURN_AND_RISK),
        ("Returns of the sessions", SESSIONS),
        ("Trading", TRADING),
    ]
    if sheet.benchmark is not None:
        blocks.insert(1, ("Against the benchmark", AGAINST_BENCHMARK))
    rows: list[Row] = []
    for heading, figures in blocks:
        rows.append(Row(heading))
        for name, key, show in figures:
            texts = (_shown(run, key, show) for _, run in runs)
            rows.append(Row(name, tuple(map(Cell, texts))))
    return Table("", tuple(Column(name) for name, _ in runs), tuple(rows))


def _shown(run: Mapping[str, Any], key: str, show: Callable[[Any], str]) -> str:
    if key == "drawdown_recovery" and run.get("drawdown_peak") is not None:
        return recovery(run[key])  # "not yet" where there is none
    return show(run[key]) if key in run else DASH


@dataclass(frozen=True)
class Card:
    """A key figure, and the same figure of others below it."""

    name: str
    value: str
    others: tuple[tuple[str, str], ...] = ()


def cards(sheet: TearSheet) -> list[Card]:
    """Return the six key figures, beside those of baseline and benchmark where there are any."""
    runs = [other for other in (sheet.baseline, sheet.benchmark) if other is not None]

    def compared(name: str, key: str, show: Callable[[Any], str]) -> Card:
        others = ((run["name"], show(run[key])) for run in runs if key in run)
        return Card(name, show(sheet.metrics[key]), tuple(others))

    made = [
        compared("Annualized return", "annual_return", per_cent),
        compared("Sharpe ratio", "sharpe", number),
        compared("Max drawdown", "max_drawdown", per_cent),
        compared("Information ratio", "information_ratio", number)
        if sheet.benchmark is not None
        else compared("Volatility", "volatility", per_cent),
    ]
    quality = sheet.quality_summary
    if quality is None or not quality["months"]["rank_ic"]:
        made.append(compared("Months with a gain", "positive_months", per_cent))
    else:
        figures: dict[Any, Any] = quality.loc["rank_ic"].to_dict()
        t = f"{one(figures['t'])}, {one(figures['t_hac'])}"
        others = (("t, HAC t", t), (f"{sheet.schedule.unit}s", whole(figures["months"])))
        made.append(Card("Rank IC", three(figures["mean"]), others))
    traded = compared("Turnover a year", "turnover", _times)
    cost = ("commission", per_cent(sheet.metrics["cost_rate"], 2))
    made.append(Card(traded.name, traded.value, (*traded.others, cost)))
    return made


def _times(value: float) -> str:
    return f"{one(value)} ×"


def last_picks(sheet: TearSheet) -> Table:
    """List the best names of the last month-end that was scored, and where they stood before."""
    months = list(sheet.scores)
    if not months:
        return Table.of(["", ""], [])
    ranks = [sheet.scores[month].rank(ascending=False, method="first") for month in months[-2:]]
    scores = sheet.scores[months[-1]]
    best = ranks[-1].sort_values().index[: sheet.topk]
    before = ranks[0] if len(ranks) > 1 else pd.Series(dtype=float)
    rows = (
        [str(name), str(i), number(float(scores[name])), whole(before.to_dict().get(name))]
        for i, name in enumerate(best, start=1)
    )
    return Table.of(["Name", "Rank", "Score", "Rank before"], rows)


def quality_table(sheet: TearSheet) -> Table:
    """Show rank IC, precision@k and AUC: mean, value without skill, t and months."""
    corner = "Out-of-sample" if sheet.evidence == OUT_OF_SAMPLE else ""
    unit = sheet.schedule.unit.capitalize()
    headings = [corner, "Mean", "Without skill", "t", "t (HAC)", f"{unit}s"]
    quality = sheet.quality_summary
    if quality is None or not quality["months"].any():
        return Table.of(headings, [])
    forms: dict[str, tuple[str, Callable[[Any], str]]] = {
        "rank_ic": ("Rank IC", three),
        "precision": (f"Precision@{sheet.topk}", per_cent),
        "auc": ("AUC", three),
    }
    figures: dict[Any, Any] = quality.to_dict(orient="index")
    rows = [
        [
            text,
            *map(show, (row["mean"], row["chance"])),
            *map(number, (row["t"], row["t_hac"])),
            whole(row["months"]),
        ]
        for row, (text, show) in ((figures[name], form) for name, form in forms.items())
    ]
    return Table.of(headings, rows)


def fit_table(sheet: TearSheet) -> Table:
    """Count the fits of each model, and what the last one was given."""
    fitted = [part for part in sheet.parts if any(record.n_rows for record in part.records)]
    columns: dict[str, dict[str, str]] = {}
    for part in fitted:
        last = part.records[-1]
        fits = [record for record in part.records if getattr(record, "refit", True)]
        columns[part.name] = {
            f"{sheet.schedule.unit.capitalize()}s scored": whole(len(part.records)),
            "Fits": whole(len(fits)),
            "Training rows, last fit": whole(last.n_rows),
            f"Training {sheet.schedule.unit}s, last fit": whole(last.n_months),
            "Inputs, last fit": whole(len(last.factors)),
            "Factors dropped for missing values": whole(len(last.dropped)),
        }
        columns[part.name] |= {_LOSSES[key]: four(loss) for key, loss in part.in_sample.items()}
    names = list(dict.fromkeys(name for column in columns.values() for name in column))
    headings = [""] if len(fitted) == 1 else list(columns)
    rows = ([name, *(column.get(name, DASH) for column in columns.values())] for name in names)
    return Table.of(["", *headings], rows)


def member_table(sheet: TearSheet) -> Table | None:
    """Show how good each member of a blend is, and how far the networks of one differ.

    None where there is one model of one network.
    """
    assert sheet.labels is not None
    whole_blend = Part("All together", sheet.records, sheet.labels, 1.0)
    rows = []
    for part in [*sheet.parts, *([whole_blend] if len(sheet.parts) > 1 else [])]:
        own, networks = member_rank_ic(part)
        found = mean_and_t(own.to_numpy())
        if not found["months"]:
            continue
        each = networks.mean()
        spread = DASH
        if len(each):
            spread = f"{three(each.min())} to {three(each.max())} ({len(each)})"
        rows.append(
            [
                part.name,
                DASH if part.share is None else per_cent(part.share, 0),
                three(found["mean"]),
                *map(number, (found["t"], found["t_hac"])),
                spread,
            ]
        )
    if len(sheet.parts) < 2 and all(row[-1] == DASH for row in rows):
        return None
    headings = ["Model", "Share", "Rank IC", "t", "t (HAC)", "Its networks by themselves"]
    return Table.of(headings, rows).known()


def member_rank_ic(part: Part) -> tuple[pd.Series, pd.DataFrame]:
    """Return the rank IC by month of a model, and of each of its networks.

    Returns
    -------
    Series of shape (n_months,), DataFrame of shape (n_months, n_networks)
        Months that have ended; no columns where there are not several networks.
    """
    scores, returns = wide(part.labels)
    own = pd.Series(row_correlation(scores.to_numpy(), returns.to_numpy()), scores.index).dropna()
    rows = {}
    for record in part.records:
        each = getattr(record, "by_network", None)
        if each is not None and record.month_end in own.index:
            outcome = returns.loc[record.month_end].reindex(record.scores.index).to_numpy()
            values = each.astype(np.float64)
            rows[record.month_end] = row_correlation(values, np.broadcast_to(outcome, values.shape))
    return own, pd.DataFrame.from_dict(rows, orient="index")


def order_table(sheet: TearSheet) -> Table:
    """Count the events of the trade log by side."""
    headings = ["Event", "Buys", "Sells", "Other"]
    if sheet.orders is None or sheet.orders.empty:
        return Table.of(headings, [])
    counts = pd.crosstab(sheet.orders["event"], sheet.orders["side"])
    sides = counts.reindex(columns=["buy", "sell"], fill_value=0)
    # an event of a name without a bar has no side
    sides["other"] = counts.sum(axis=1) - sides.sum(axis=1)
    events = sheet.orders["event"].drop_duplicates()
    return Table.of(headings, ([str(event), *map(whole, sides.loc[event])] for event in events))


MEANINGS = {
    "partial": "filled in part",
    "waiting": "could not be filled in that session and stays open",
    "canceled": "taken back unfilled",
    "expired": "not filled in time",
    "rejected": "refused by the broker",
    "stuck": "to be sold, but not traded in that session; tried again in the next",
    "passed": "wanted, but could not be bought; the next in rank was taken",
    "stale": "held without a price for long, kept at its last one",
}


def order_note(sheet: TearSheet) -> str:
    """Say what the events of the trade log mean, of those that occurred."""
    if sheet.orders is None or sheet.orders.empty:
        return ""
    seen = sheet.orders["event"].drop_duplicates()
    meant = [f"{event}: {MEANINGS[event]}" for event in map(str, seen) if event in MEANINGS]
    return " ".join(f"{text[0].upper()}{text[1:]}." for text in ["number of entries", *meant])
