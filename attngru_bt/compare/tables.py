"""The paper's Tables 2 and 3, extended, and the table of days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import pandas as pd

from attngru_bt.compare import paper
from attngru_bt.compare.choice import EQUAL_WEIGHT
from attngru_bt.compare.comparison import SPREAD, Comparison
from attngru_bt.data.schedule import schedule_of
from attngru_bt.evaluation.spread import NOISE
from attngru_bt.reports.tables import (
    DASH,
    Cell,
    Column,
    Row,
    Table,
    four,
    number,
    one,
    per_cent,
    three,
)

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
            Column(called, "accuracy_at_k", three, alone=f"accuracy, {called}"),
        ],
        "Accuracy without skill": [
            Column("all “no”", "all_no", three, alone="no skill: all “no”"),
            Column(fixed, "random_k", three, alone=f"no skill: {fixed}"),
        ],
        "Order of the scores, out-of-sample": [
            Column("AUC", "auc", three),
            Column(f"precision@{k}", "precision", three),
            Column("by chance", "base_rate", three, alone="precision by chance"),
            Column("rank IC", "rank_ic", three),
            Column("its t", "rank_ic_t", one, alone="t of the rank IC"),
            Column("HAC t", "rank_ic_t_hac", one, alone="HAC t of the rank IC"),
        ],
        "Training, seconds": [
            Column("per refit", "refit_seconds", number, alone="seconds per refit"),
            Column("in all", "total_seconds", one, alone="seconds in all"),
        ],
        "The paper’s claim": [
            Column("accuracy", "paper_accuracy", four, alone="paper’s accuracy"),
            Column("seconds", "paper_seconds", one, alone="paper’s seconds"),
        ],
    }
    return _grouped(groups)


def columns3(k: int, plain: str, unit: str) -> list[Column]:
    """Columns of Table 3: what the scores earned, also above what `plain_name` names."""
    groups: dict[str, list[Column]] = {
        "Out-of-sample, after costs": [
            Column("annualized return", "annual_return", per_cent),
            Column(f"above {plain} a {unit}", "excess", partial(per_cent, places=2)),
            Column("its t", "excess_t", one, alone="t of what is above"),
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
    figures = comparison.table3
    about = comparison.about
    unit = schedule_of(about["schedule"]).unit
    columns = columns3(about["topk"], plain_name(comparison), unit)
    rows = _rows(comparison, figures, columns)
    if comparison.benchmark is not None:
        rows += (_reference("Index", comparison.benchmark, columns),)
    for claim in claims(comparison):
        rows += (_reference(f"The paper’s claim, {paper.PERIOD}", claim, columns),)
    return Table("Model", tuple(columns), rows)


def plain_name(comparison: Comparison) -> str:
    """Name what the models are to be ahead of: equal weight, else the index, if it is there."""
    if EQUAL_WEIGHT in comparison.titles:
        return "equal weight"
    return "nothing" if comparison.benchmark is None else "the index"


def claims(comparison: Comparison) -> list[Mapping[str, Any]]:
    """Return the paper's claims of what the models that are compared earned."""
    compared = {paper.PRESETS.get(str(name), str(name)) for name in comparison.table3.index}
    return [claim for name, claim in paper.RETURNS.items() if name in compared]


def table_of_days(comparison: Comparison) -> Table | None:
    """Show how much depends on the day of the decision; None if only one day was tried."""
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
    return Table("Model", tuple(columns), tuple(rows)).known()  # without empty columns


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
                # cells are lowest, median, highest of each group
                Cell(f"{row.cells[3 * i].text} … {row.cells[3 * i + 2].text}")
                for i in range(len(columns))
            ),
            row.reference,
        )
        for row in table.rows
    )
    return Table(table.corner, columns, tuple(rows))


def _grouped(groups: Mapping[str, Sequence[Column]]) -> list[Column]:
    """Put the name of its group on each column."""
    return [replace(column, group=group) for group, columns in groups.items() for column in columns]


def _rows(
    comparison: Comparison, figures: pd.DataFrame, columns: Sequence[Column]
) -> tuple[Row, ...]:
    """Return a row per model; baselines are marked as references."""
    return tuple(
        Row(
            comparison.titles[str(name)],
            tuple(_cell(figures.loc[name], column) for column in columns),
            reference=comparison.families[str(name)] == "baseline",
        )
        for name in figures.index
    )


def _cell(figures: pd.Series, column: Column) -> Cell:
    """Return a figure with its deviation over the seeds; of an interval both ends."""
    text = column.show(figures[column.key])
    if column.key == "ir_low" and text != DASH:
        return Cell(f"{text} … {column.show(figures['ir_high'])}")
    spread = figures.get(column.key + SPREAD, float("nan"))
    # a model without chance in it has none
    has_spread = column.key in _WITH_SPREAD and spread > NOISE
    return Cell(text, column.show(spread) if has_spread else "")


def _reference(name: str, figures: Mapping[str, Any], columns: Sequence[Column]) -> Row:
    cells = (Cell(column.show(figures.get(column.key))) for column in columns)
    return Row(name, tuple(cells), reference=True)
