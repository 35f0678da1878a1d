"""``attngru-bt models``: what earlier runs have kept, and how to remove it."""

from __future__ import annotations

import json
import logging
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any

import typer

from attngru_bt import checks
from attngru_bt.cli.console import log_to_stderr, print_table, say
from attngru_bt.cli.console import sentences as errors_as_sentences
from attngru_bt.reports.tables import DASH, Table, date, three, whole
from attngru_bt.walkforward import kept as engine
from attngru_bt.walkforward.record import MonthRecord

app = typer.Typer(
    no_args_is_help=True,
    help="List, show and remove what earlier runs have kept: finished months and saved walks.",
)
Folder = Annotated[Path, typer.Argument(help="Folder of a run, or a file in it.")]
Debug = Annotated[bool, typer.Option(help="Show the traceback of an error.")]


@app.command("list")
def list_kept(folder: Folder, debug: Debug = False) -> None:
    """List what is kept: a line per folder of finished months, and per saved walk."""
    log_to_stderr(logging.WARNING)
    with errors_as_sentences(debug):
        rows = []
        for place, files in _by_place(engine.find(folder)).items():
            records = [record for file in files for record in file.records]
            dates = sorted(record.month_end for record in records)
            rows.append(
                [
                    str(place),
                    whole(len(dates)),
                    date(dates[0] if dates else None),
                    date(dates[-1] if dates else None),
                    whole(max((record.n_rows for record in records), default=0)),
                    whole(sum(bool(file.problem) for file in files)),
                    _size(sum(file.size for file in files)),
                ]
            )
        headings = ["Where", "Months", "First", "Last", "Most rows", "Damaged", "Size"]
        if rows:
            print_table("Kept", Table.of(headings, rows))
        else:
            say(f"{folder}: nothing is kept here.")


@app.command("show")
def show(folder: Folder, debug: Debug = False) -> None:
    """Show each month that is kept: rows, in-sample figures, data, settings and versions."""
    log_to_stderr(logging.WARNING)
    with errors_as_sentences(debug):
        kept = engine.find(folder)
        for place, files in _by_place(kept).items():
            rows = [_row(file, record) for file in files for record in file.records]
            if rows:
                print_table(str(place), Table.of(_HEADINGS, rows))
            for file in files:
                if file.problem:
                    say(f"{file.path}: cannot be used ({file.problem}).")
            for months, about in _origins(files):
                say(f"{place}: {months}")
                for part in ("settings", "versions"):
                    listed = ", ".join(f"{name}={value}" for name, value in about[part].items())
                    say(f"  {part}: {listed or 'none'}")
            if bare := sum(file.is_month and not file.problem and not file.about for file in files):
                say(
                    f"{place}: {bare} files of an earlier version do not tell their settings, data "
                    f"and versions, which are in the digest of their names alone."
                )
        if not kept:
            say(f"{folder}: nothing is kept here.")


_HEADINGS = [
    "Month-end", "Scores", "Rows", "Months", "Fitted", "Factors", "In-sample", "Data", "Kept as",
    "Size",
]  # fmt: skip


def _by_place(found: list[engine.Kept]) -> dict[Path, list[engine.Kept]]:
    """Group what is kept by folder of finished months, and by saved walk."""
    groups = defaultdict(list)
    for file in found:
        groups[file.path.parent if file.is_month else file.path].append(file)
    return groups


def _row(file: engine.Kept, record: MonthRecord) -> list[str]:
    """Return the line of a finished month in the table of what is kept."""
    figures = (record.in_sample or {}).items()
    return [
        date(record.month_end),
        whole(len(record.scores)),
        whole(record.n_rows),
        whole(record.n_months),
        "yes" if record.refit else "no",
        whole(len(record.factors)),
        ", ".join(f"{name} {three(value)}" for name, value in figures) or DASH,
        file.about["data"][:12] if file.is_month and file.about else DASH,
        file.path.stem[11:] if file.is_month else DASH,
        _size(file.size) if file.is_month else DASH,
    ]


def _origins(files: list[engine.Kept]) -> list[tuple[str, dict[str, Any]]]:
    """Return settings and versions once each, with the months or the walk that have them."""
    groups = defaultdict(list)  # settings and versions as text, which can be a key
    for file in files:
        if file.about:
            same = {part: file.about[part] for part in ("settings", "versions")}
            groups[json.dumps(same, sort_keys=True)].append(file)
    origins = []
    for text, having in groups.items():
        dates = sorted(record.month_end for file in having for record in file.records)
        months = f"{len(dates)} months, {date(dates[0])} to {date(dates[-1])}" if dates else ""
        if not having[0].is_month:  # of months the table has the data of each
            months += f", data {having[0].about['data'][:12]}"
        origins.append((months, json.loads(text)))
    return origins


@app.command("prune")
def prune(
    folder: Folder,
    before: Annotated[
        str | None, typer.Option(help="Remove finished months with a month-end before this date.")
    ] = None,
    damaged: Annotated[bool, typer.Option("--damaged", help="Remove what cannot be used.")] = False,
    superseded: Annotated[
        bool,
        typer.Option(
            "--superseded", help="Remove of each month all files but the one written last."
        ),
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go.")] = False,
    debug: Debug = False,
) -> None:
    """Remove what is kept; a run that needs it computes it again. Sound saved walks stay.

    A folder in which a run is working is refused.
    """
    log_to_stderr(logging.WARNING)
    with errors_as_sentences(debug, folder):
        if before is None and not damaged and not superseded:
            raise ValueError("Say what to remove: --before DATE, --damaged or --superseded.")
        day = None if before is None else checks.date("--before", before)
        gone = engine.remove(
            folder, before=day, damaged=damaged, superseded=superseded, dry_run=dry_run
        )
        for file in gone:
            say(file.path)
        what = "would be removed" if dry_run else "removed"
        say(f"{len(gone)} files {what}, {_size(sum(file.size for file in gone))}.")


def _size(n_bytes: int) -> str:
    """Return a size in KiB, or in MiB if it is large."""
    return f"{n_bytes / 1024:,.0f} KiB" if n_bytes < 10 * 2**20 else f"{n_bytes / 2**20:,.0f} MiB"
