"""The two tables as rows of text: for the page, for Markdown and for the terminal."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from attngru_bt.backtest import COMMISSION
from attngru_bt.compare import paper
from attngru_bt.compare.comparison import SPREAD, Comparison
from attngru_bt.reports.tables import DASH, date, number, per_cent


def three(value: Any) -> str:
    """Show a figure with three decimals; a dash if not known."""
    if value is None or math.isnan(value):
        return DASH
    return f"{round(value, 3) + 0.0:.3f}".replace("-", "\u2212")


def one(value: Any) -> str:
    """Show a figure with one decimal; a dash if not known."""
    if value is None or math.isnan(value):
        return DASH
    return f"{round(value, 1) + 0.0:,.1f}".replace("-", "\u2212")


@dataclass(frozen=True)
class Column:
    """A column of a table: under which heading, what, and how it is written.

    `alone` is its heading where there is no room for the group's; empty: the same.
    """

    group: str
    heading: str
    key: str
    show: Callable[[Any], str]
    alone: str = ""

    @property
    def name(self) -> str:
        """Heading that stands by itself."""
        return self.alone or self.heading


@dataclass(frozen=True)
class Cell:
    """A figure as text, and its deviation over seeds, empty if there is none."""

    text: str
    spread: str = ""

    def __str__(self) -> str:
        return f"{self.text} ± {self.spread}" if self.spread else self.text


@dataclass(frozen=True)
class Line:
    """A row: whose it is, its cells, and whether it is there to compare with."""

    name: str
    cells: tuple[Cell, ...]
    beside: bool = False


def columns2(k: int) -> list[Column]:
    """Columns of Table 2: how good the scores are."""
    inside, outside = "Accuracy, in-sample", "Accuracy, out-of-sample"
    nobody, order = "Accuracy without skill", "Order of the scores, out-of-sample"
    training, claim = "Training, seconds", "The paper’s claim"
    called, fixed = f"best {k} called", f"{k} at random"
    return [
        Column(inside, "own yes/no", "accuracy_in_sample", three, "in-sample accuracy"),
        Column(inside, called, "accuracy_at_k_in_sample", three, f"in-sample, {called}"),
        Column(outside, "own yes/no", "accuracy", three, "accuracy"),
        Column(outside, called, "accuracy_at_k", three, called),
        Column(nobody, "all “no”", "all_no", three, "no skill: all “no”"),
        Column(nobody, fixed, "random_k", three, f"no skill: {fixed}"),
        Column(order, "AUC", "auc", three),
        Column(order, f"precision@{k}", "precision", three),
        Column(order, "by chance", "base_rate", three),
        Column(order, "rank IC", "rank_ic", three),
        Column(order, "its t", "rank_ic_t", one, "t"),
        Column(training, "per refit", "refit_seconds", number, "seconds per refit"),
        Column(training, "in all", "total_seconds", one, "in all"),
        Column(claim, "accuracy", "paper_accuracy", _four, "paper’s accuracy"),
        Column(claim, "seconds", "paper_seconds", one, "paper’s seconds"),
    ]


def columns3(k: int) -> list[Column]:
    """Columns of Table 3: what the scores earned."""
    return [
        Column("Out-of-sample, after costs", "annualized return", "annual_return", per_cent),
        Column("Out-of-sample, after costs", "Sharpe ratio", "sharpe", number),
        Column("Out-of-sample, after costs", "information ratio", "information_ratio", number),
        Column("Out-of-sample, after costs", "95% interval", "ir_low", number),
        Column("Out-of-sample, after costs", "maximum drawdown", "max_drawdown", per_cent),
        Column("Out-of-sample, after costs", "turnover a year", "turnover", one),
        Column("Luck?", f"random {k} do as well", "chance", per_cent),
        Column("Luck?", "deflated Sharpe", "deflated_sharpe", number),
    ]


def lines2(found: Comparison) -> list[Line]:
    """Rows of Table 2."""
    table = found.table2
    return [
        Line(
            found.titles[str(name)],
            tuple(_cell(table.loc[name], column) for column in columns2(found.about["topk"])),
            beside=found.families[str(name)] == "baseline",
        )
        for name in table.index
    ]


def lines3(found: Comparison) -> list[Line]:
    """Rows of Table 3, the index and the paper's claim last."""
    table, columns = found.table3, columns3(found.about["topk"])
    lines = []
    for name in table.index:
        row = table.loc[name]
        cells = tuple(
            Cell(_interval(row)) if column.key == "ir_low" else _cell(row, column)
            for column in columns
        )
        lines.append(
            Line(found.titles[str(name)], cells, beside=found.families[str(name)] == "baseline")
        )
    if found.benchmark is not None:
        lines.append(_line("Index", found.benchmark, columns))
    shown = [paper.PRESETS.get(str(name), str(name)) for name in table.index]
    for name, claim in paper.RETURNS.items():
        if name in shown:
            lines.append(_line(f"The paper’s claim, {paper.PERIOD}", claim, columns))
    return lines


def subject(found: Comparison) -> str:
    """Say in a line what was compared on what."""
    about = found.about
    seeds = about["seeds"]
    return (
        f"{about['data']}, {date(about['start'])} to {date(about['end'])}, {about['months']} "
        f"month-ends, {about['topk']} names held, {seeds} seed{'s' if seeds > 1 else ''}"
    )


def notes(found: Comparison) -> list[str]:
    """Say what the columns mean, a sentence or two each."""
    about = found.about
    seeds = (
        "Mean over the seeds ± their sample deviation; t, interval and probabilities are means "
        "over the seeds."
        if about["seeds"] > 1
        else "One seed, so there is no spread: another seed may give other figures."
    )
    return [
        seeds,
        "In-sample: on the rows the model was fitted on, which says nothing about skill. "
        "All else is out of sample.",
        f"Accuracy: “own yes/no” is the model’s own threshold, “best {about['topk']} called” "
        "calls each month’s best scores yes and all others no. Without skill: nobody called, or "
        f"{about['topk']} at random. An accuracy near that of “all no” is no achievement.",
        "Rank IC: rank correlation of score and next month’s return, mean of the months; its t "
        "takes months as independent.",
        "Training: wall clock of preprocessing and fit. What fits share is divided among them: the "
        "training set of a month, and the time of networks trained side by side.",
        "95% interval of the information ratio: stationary block bootstrap, "
        f"{about['draws']:,} draws.",
        f"Random {about['topk']} do as well: share of {about['draws']:,} portfolios of random "
        "members with at least the return after costs, same months, number of names, changes per "
        "month and costs, both in a simple monthly account (filled at the open after the "
        "month-end; no lots, limits or suspensions).",
        "Deflated Sharpe: probability that the Sharpe ratio is more than the best of "
        f"{about['tried']} tried without skill (Bailey & López de Prado 2014).",
        f"The paper’s claim is its own, for its Attention-GRU on the {paper.UNIVERSE} from "
        f"{paper.PERIOD}: not measured here, and not on these dates.",
    ]


def markdown(found: Comparison, level: int = 3) -> str:
    """Write both tables as Markdown, for a README or a report.

    Parameters
    ----------
    found : Comparison
    level : int, default=3
        Of the headings.
    """
    k, mark = found.about["topk"], "#" * level
    parts = [
        f"{mark} How good the scores are\n\n{subject(found)}. Out of "
        "sample but where it says in-sample.",
        _markdown([c.name for c in columns2(k)], lines2(found)),
        f"{mark} What they earned\n\n**Out of sample**, {_costs(found)}.",
        _markdown([c.name for c in columns3(k)], lines3(found)),
        "\n".join(f"- {note}" for note in notes(found)),
    ]
    return "\n\n".join(parts) + "\n"


def _markdown(headings: Sequence[str], lines: Sequence[Line]) -> str:
    """Write a table without the columns in which nothing is known."""
    kept = [i for i in range(len(headings)) if any(line.cells[i].text != DASH for line in lines)]
    rows = [
        "| model | " + " | ".join(headings[i] for i in kept) + " |",
        "|---|" + "---:|" * len(kept),
    ]
    rows += [
        f"| {line.name} | " + " | ".join(str(line.cells[i]) for i in kept) + " |" for line in lines
    ]
    return "\n".join(rows)


def _costs(found: Comparison) -> str:
    trading = found.about["trading"]
    if trading.get("rules") is not None:
        parts = [f"after the fees of the market’s rules ({_rules(trading['rules'])})"]
    else:
        parts = [f"after {100 * trading.get('commission', COMMISSION):g}% commission"]
    if trading.get("slippage"):
        parts.append(f"{100 * trading['slippage']:g}% slippage")
    return " and ".join(parts)


def _rules(rules: Any) -> str:
    return rules if isinstance(rules, str) else type(rules).__name__


def _cell(row: pd.Series, column: Column) -> Cell:
    spread = row.get(column.key + SPREAD, float("nan"))
    known = column.key in _WITH_SPREAD and not math.isnan(spread)
    return Cell(column.show(row[column.key]), column.show(spread) if known else "")


_WITH_SPREAD = {
    "accuracy", "auc", "precision", "rank_ic", "annual_return", "sharpe", "information_ratio",
    "max_drawdown",
}  # fmt: skip


def _line(name: str, figures: Any, columns: Sequence[Column]) -> Line:
    cells = tuple(
        Cell(c.show(figures[c.key]) if figures.get(c.key) is not None else DASH) for c in columns
    )
    return Line(name, cells, beside=True)


def _interval(row: pd.Series) -> str:
    if math.isnan(row["ir_low"]):
        return DASH
    return f"{number(row['ir_low'])} … {number(row['ir_high'])}"


def _four(value: Any) -> str:
    return DASH if value is None or math.isnan(value) else f"{value:.4f}"
