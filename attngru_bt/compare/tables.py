"""The paper's Tables 2 and 3, extended: for the page, for Markdown and for the terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pandas as pd

from attngru_bt.compare import paper
from attngru_bt.compare.comparison import SPREAD, Comparison
from attngru_bt.data.schedule import Schedule, schedule_of
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
    three,
)
from attngru_bt.reports.tried import tried
from attngru_bt.trading.account import COMMISSION

_WITH_SPREAD = {
    "accuracy", "auc", "precision", "rank_ic", "annual_return", "sharpe", "information_ratio",
    "max_drawdown",
}  # fmt: skip


DAYS = (
    ("Annualized return", "annual_return", per_cent),
    ("Sharpe ratio", "sharpe", number),
    ("Information ratio", "information_ratio", number),
    ("Maximum drawdown", "max_drawdown", per_cent),
)


def columns2(k: int) -> list[Column]:
    """Columns of Table 2: how good the scores are."""
    called, fixed = f"best {k} called", f"{k} at random"
    groups: dict[str, list[Column]] = {
        "Accuracy, in-sample": [
            Column("own yes/no", "accuracy_in_sample", three, alone="in-sample accuracy"),
            Column(called, "accuracy_at_k_in_sample", three, alone=f"in-sample, {called}"),
        ],
        "Accuracy, out-of-sample": [
            Column("own yes/no", "accuracy", three, alone="accuracy"),
            Column(called, "accuracy_at_k", three),
        ],
        "Accuracy without skill": [
            Column("all “no”", "all_no", three, alone="no skill: all “no”"),
            Column(fixed, "random_k", three, alone=f"no skill: {fixed}"),
        ],
        "Order of the scores, out-of-sample": [
            Column("AUC", "auc", three),
            Column(f"precision@{k}", "precision", three),
            Column("by chance", "base_rate", three),
            Column("rank IC", "rank_ic", three),
            Column("its t", "rank_ic_t", one, alone="t"),
        ],
        "Training, seconds": [
            Column("per refit", "refit_seconds", number, alone="seconds per refit"),
            Column("in all", "total_seconds", one),
        ],
        "The paper’s claim": [
            Column("accuracy", "paper_accuracy", four, alone="paper’s accuracy"),
            Column("seconds", "paper_seconds", one, alone="paper’s seconds"),
        ],
    }
    return _grouped(groups)


def columns3(k: int) -> list[Column]:
    """Columns of Table 3: what the scores earned."""
    groups: dict[str, list[Column]] = {
        "Out-of-sample, after costs": [
            Column("annualized return", "annual_return", per_cent),
            Column("Sharpe ratio", "sharpe", number),
            Column("information ratio", "information_ratio", number),
            Column("95% interval", "ir_low", number),
            Column("maximum drawdown", "max_drawdown", per_cent),
            Column("turnover a year", "turnover", one),
        ],
        "Luck?": [
            Column(f"random {k} do as well", "chance", per_cent),
            Column("deflated Sharpe", "deflated_sharpe", number),
        ],
    }
    return _grouped(groups)


def table2(comparison: Comparison) -> Table:
    """Show how good the scores are, a row per model."""
    columns = columns2(comparison.about["topk"])
    return Table("Model", tuple(columns), _rows(comparison, comparison.table2, columns))


def table3(comparison: Comparison) -> Table:
    """Show what the scores earned, a row per model, the index and the paper's claim last."""
    figures, columns = comparison.table3, columns3(comparison.about["topk"])
    rows = _rows(comparison, figures, columns)
    if comparison.benchmark is not None:
        rows += (_reference("Index", comparison.benchmark, columns),)
    for claim in claims(comparison):
        rows += (_reference(f"The paper’s claim, {paper.PERIOD}", claim, columns),)
    return Table("Model", tuple(columns), rows)


def claims(comparison: Comparison) -> list[Mapping[str, Any]]:
    """Return what the paper says its models earned, of those that are compared."""
    compared = {paper.PRESETS.get(str(name), str(name)) for name in comparison.table3.index}
    return [claim for name, claim in paper.RETURNS.items() if name in compared]


def table_of_days(comparison: Comparison) -> Table | None:
    """Show how much hangs on the day that is decided on; None where only one was tried."""
    if comparison.offsets is None:
        return None
    columns, rows = [], []
    for heading, key, show in DAYS:
        columns += [
            Column(which, key, show, heading, f"{heading}, {which}")
            for which in ("lowest", "median", "highest")
        ]
    for name, figures in comparison.offsets.groupby(level=0, sort=False):
        cells = [
            Cell(show(value))
            for _, key, show in DAYS
            for value in (figures[key].min(), figures[key].median(), figures[key].max())
        ]
        reference = comparison.families[str(name)] == "baseline"
        rows.append(Row(comparison.titles[str(name)], tuple(cells), reference))
    return Table("Model", tuple(columns), tuple(rows)).known()


def ranges_of_days(comparison: Comparison) -> Table | None:
    """Show the table of days in the width of a terminal: lowest and highest figure in one cell."""
    table = table_of_days(comparison)
    if table is None:
        return None
    columns = tuple(Column(group) for group, _ in table.groups)
    rows = (
        Row(
            row.name,
            tuple(
                Cell(f"{row.cells[3 * i].text} … {row.cells[3 * i + 2].text}")
                for i in range(len(columns))
            ),
            row.reference,
        )
        for row in table.rows
    )
    return Table(table.corner, columns, tuple(rows))


def notes_on_days(comparison: Comparison) -> list[str]:
    """Explain the table of days, a sentence or two each."""
    about, schedule = comparison.about, _schedule(comparison)
    days = ", ".join(map(str, sorted({schedule.offset, *about["offsets"]})))
    how = (
        "Every model was walked anew for each day."
        if about["walked"]
        else "The scores are those of the first day, traded later, when they are older."
    )
    return [
        f"Decided {days} sessions after each {schedule.end_called} (0: at it), all measured on the "
        f"same sessions; of each model the lowest, median and highest figure. {how}",
        "Nobody knew which day would be the best one: a difference between models that is smaller "
        "than that between days says little. The tables above are of one day.",
    ]


def subject(comparison: Comparison) -> str:
    """Say in one line what was compared, on which data."""
    about = comparison.about
    seeds = about["seeds"]
    return (
        f"{about['data']}, {date(about['start'])} to {date(about['end'])}, "
        f"{_schedule(comparison).counted(about['months'])}, {about['topk']} names held, "
        f"{seeds} seed{'s' if seeds > 1 else ''}"
    )


def _schedule(comparison: Comparison) -> Schedule:
    return schedule_of(comparison.about.get("schedule", "month"))


def notes2(comparison: Comparison) -> list[str]:
    """Explain the columns of Table 2, a sentence or two each."""
    k = comparison.about["topk"]
    seeds = (
        "Figures are means over the seeds ± their sample deviation; t, interval and probabilities "
        "are means over the seeds."
        if comparison.about["seeds"] > 1
        else "One seed, so there is no spread: another seed may give other figures."
    )
    unit = _schedule(comparison).unit
    classes = comparison.table2["accuracy"].notna().any()  # only classifiers have a threshold
    own = "“own yes/no” takes the model’s own threshold, " if classes else ""
    return [
        seeds,
        "In-sample figures are of the rows that the model was fitted on and say nothing about "
        "skill. All others are out of sample.",
        f"Accuracy: {own}“best {k} called” takes the {k} best "
        f"scores of each {unit} for yes and all others for no. Without skill, nobody is called, "
        f"or {k} at random. An accuracy near that of “all no” is no achievement.",
        f"Rank IC: rank correlation of score and next {unit}’s return, averaged over the {unit}s; "
        f"its t takes the {unit}s as independent.",
        "Training: wall-clock time of preprocessing and fit. Time that several fits share, for the "
        f"training set of a {unit} or for networks trained side by side, is divided among them.",
    ]


def notes3(comparison: Comparison) -> list[str]:
    """Explain the columns of Table 3, a sentence or two each."""
    about = comparison.about
    k, draws, tries = about["topk"], f"{about['draws']:,}", about["tried"]
    schedule = _schedule(comparison)
    unit = schedule.unit
    notes = [
        f"95% interval of the information ratio: stationary block bootstrap with {draws} draws.",
        f"Random {k} do as well: share of {draws} portfolios of random members that earned at "
        f"least as much after costs, with the same {unit}s, number of names, changes per {unit} "
        "and costs. Both are measured in a simple account: filled at the open after the "
        f"{schedule.end_called}, without lots, limits or suspensions, {_shares(about['trading'])}.",
        "Deflated Sharpe: probability that the Sharpe ratio is higher than "
        + (f"the best of {tries} tries" if tries > 1 else "that one try")
        + " without skill would show (Bailey & López de Prado 2014).",
    ]
    if claims(comparison):
        notes.append(
            "The paper’s claim is the paper’s own figure for its Attention-GRU on the "
            f"{paper.UNIVERSE} from {paper.PERIOD}. It is not measured here, and covers other "
            "dates."
        )
    return notes


def notes_on_choice(comparison: Comparison) -> list[str]:
    """Say what the choice of the best model is worth, a sentence or two each; none for one."""
    tries = comparison.tries
    if tries is None:
        return []
    unit = _schedule(comparison).unit
    plain = "equal weight" if "equal-weight" in comparison.titles else "the index"
    if plain == "the index" and comparison.benchmark is None:
        plain = "nothing"
    return tried(
        tries,
        {name: comparison.titles.get(name, name) for name in tries.names},
        f"{unit}ly returns above {plain}",
    )


def markdown(comparison: Comparison, level: int = 3) -> str:
    """Write the tables as Markdown, for a README or a report.

    Parameters
    ----------
    comparison : Comparison
    level : int, default=3
        Of the headings.
    """
    mark = "#" * level
    parts = [
        f"{mark} How good the scores are\n\n{subject(comparison)}. Out of "
        "sample, except where it says in-sample.",
        table2(comparison).known().markdown(),
        f"{mark} What they earned\n\n**Out of sample**, {_costs(comparison)}.",
        table3(comparison).known().markdown(),
        "\n".join(f"- {note}" for note in notes2(comparison) + notes3(comparison)),
    ]
    choice = notes_on_choice(comparison)
    if choice:
        parts += [f"{mark} Is the best one luck?", "\n".join(f"- {note}" for note in choice)]
    days = table_of_days(comparison)
    if days is not None:
        parts += [
            f"{mark} The luck of the day",
            days.markdown(),
            "\n".join(f"- {note}" for note in notes_on_days(comparison)),
        ]
    return "\n\n".join(parts) + "\n"


def _costs(comparison: Comparison) -> str:
    trading = comparison.about["trading"]
    if trading.get("rules") is not None:
        parts = [f"after the fees of the market’s rules ({_rules(trading['rules'])})"]
    else:
        parts = [f"after {100 * trading.get('commission', COMMISSION):g}% commission"]
    if trading.get("slippage"):
        parts.append(f"{100 * trading['slippage']:g}% slippage")
    return " and ".join(parts)


def _shares(trading: Mapping[str, Any]) -> str:
    """Say how entrants share the cash in the simple account."""
    weights = trading.get("weights") or "equal"
    if weights == "inverse-volatility":
        return "entrants weighed by volatility"
    return "entrants in equal weight" + ("" if weights == "equal" else " (not by your weights)")


def _rules(rules: object) -> str:
    return rules if isinstance(rules, str) else type(rules).__name__


def _grouped(groups: Mapping[str, Sequence[Column]]) -> list[Column]:
    return [replace(column, group=group) for group, columns in groups.items() for column in columns]


def _rows(
    comparison: Comparison, figures: pd.DataFrame, columns: Sequence[Column]
) -> tuple[Row, ...]:
    return tuple(
        Row(
            comparison.titles[str(name)],
            tuple(_cell(figures.loc[name], column) for column in columns),
            reference=comparison.families[str(name)] == "baseline",
        )
        for name in figures.index
    )


def _cell(figures: pd.Series, column: Column) -> Cell:
    text = column.show(figures[column.key])
    if column.key == "ir_low" and text != DASH:
        return Cell(f"{text} … {column.show(figures['ir_high'])}")
    spread = figures.get(column.key + SPREAD, float("nan"))
    known = column.key in _WITH_SPREAD and not math.isnan(spread)
    return Cell(text, column.show(spread) if known else "")


def _reference(name: str, figures: Mapping[str, Any], columns: Sequence[Column]) -> Row:
    cells = (Cell(column.show(figures.get(column.key))) for column in columns)
    return Row(name, tuple(cells), reference=True)
