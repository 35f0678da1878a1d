"""The files of a comparison."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from attngru_bt.compare import paper
from attngru_bt.compare.comparison import Comparison
from attngru_bt.compare.markdown import markdown
from attngru_bt.compare.page import render
from attngru_bt.reports import output

SECONDS = ("refit_seconds", "total_seconds", "fit_seconds")


def write(
    comparison: Comparison, folder: str | os.PathLike[str], *, title: str | None = None
) -> list[Path]:
    """Write a comparison as files, each replaced in one step.

    The same comparison gives the same bytes; only the training seconds differ from run to run.
    Tables come first, the page with its pictures last.

    - ``compare.html``: everything on one page, pictures inside.
    - ``table2.csv``, ``table3.csv``: a row per model; columns as `Comparison.table2`, `.table3`.
    - ``monthly.csv``: a row per model, seed and month-end.
    - ``compare.json``: `about`, `table2`, `table3`, `runs` (per model and seed), `benchmark`,
      `buckets`, `attention` (mean share per family and factor), `paper`, `versions`. Unknown values
      are null.
    - ``offsets.csv``: a row per model and day, where days after month-ends were tried.
    - ``table.md``: the tables as Markdown.

    Returns
    -------
    list of Path
        The files, the page first.
    """
    texts = {
        "table2.csv": _csv(comparison.table2),
        "table3.csv": _csv(comparison.table3),
        "monthly.csv": _csv(comparison.monthly),
        "compare.json": output.as_json(contents(comparison)),
        "table.md": markdown(comparison),
    }
    if comparison.offsets is not None:
        texts["offsets.csv"] = _csv(comparison.offsets)
    files = [output.write(Path(folder) / name, text) for name, text in texts.items()]
    return [output.write(Path(folder) / "compare.html", render(comparison, title)), *files]


def insert(comparison: Comparison, path: str | os.PathLike[str], name: str) -> Path:
    """Replace the tables in a Markdown file.

    They stand between the lines ``<!-- compare NAME -->`` and ``<!-- /compare -->``; the rest of
    the file is left alone.

    Parameters
    ----------
    comparison : Comparison
    path : path
        A Markdown file that has these two lines.
    name : str

    Raises
    ------
    ValueError
        If the file does not have these lines.
    """
    text, start, stop = find_place(path, name)
    return output.write(Path(path), f"{text[:start]}\n{markdown(comparison)}\n{text[stop:]}")


def find_place(path: str | os.PathLike[str], name: str) -> tuple[str, int, int]:
    """Return a Markdown file's text, and where in it the tables of `name` begin and end.

    Raises
    ------
    ValueError
        If the file does not have the two lines that enclose them.
    """
    file = Path(path)
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    begin, end = f"<!-- compare {name} -->\n", "<!-- /compare -->"
    start = text.find(begin)
    stop = text.find(end, start)
    if start < 0 or stop < 0:
        raise ValueError(
            f"{file}: has no place for the tables of {name!r}; put the lines {begin.strip()} and "
            f"{end} where they belong."
        )
    return text, start + len(begin), stop


def contents(comparison: Comparison) -> dict[str, Any]:
    """Return everything but the curves, as values of JSON."""
    runs = comparison.runs.reset_index()
    return {
        "about": comparison.about,
        "table2": comparison.table2.to_dict(orient="index"),
        "table3": comparison.table3.to_dict(orient="index"),
        "runs": runs.to_dict(orient="records"),
        "benchmark": comparison.benchmark,
        "buckets": {str(name): list(row) for name, row in comparison.buckets.iterrows()},
        "attention": {
            name: {
                "families": seen.families.fillna(0.0).mean().to_dict(),
                "families_even": seen.even.fillna(0.0).mean().to_dict(),
                "factors": seen.factors.to_dict(orient="index"),
            }
            for name, seen in comparison.attention.items()
        },
        "paper": {
            "universe": paper.UNIVERSE,
            "period": paper.PERIOD,
            "accuracy": paper.ACCURACY,
            "seconds": paper.SECONDS,
            "returns": paper.RETURNS,
        },
        "offsets": None
        if comparison.offsets is None
        else comparison.offsets.reset_index().to_dict(orient="records"),
        "tries": None if comparison.tries is None else asdict(comparison.tries),
        "titles": comparison.titles,
        "versions": output.versions(),
    }


def _csv(table: pd.DataFrame) -> str:
    return output.as_csv(table.reset_index())
