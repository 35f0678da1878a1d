"""``attngru-bt models``: what earlier runs have kept, and what of it may go."""

from __future__ import annotations

import logging
from collections import defaultdict
from pathlib import Path
from typing import Annotated

import typer

from attngru_bt import checks
from attngru_bt.cli.console import log_to_stderr, print_table, say
from attngru_bt.cli.console import sentences as errors_as_sentences
from attngru_bt.reports.tables import Table, date, three, whole
from attngru_bt.walkforward import kept as engine

app = typer.Typer(
    no_args_is_help=True,
    help="Finished months (checkpoints) and saved walks of earlier runs. They hold no models.",
)
Folder = Annotated[Path, typer.Argument(help="Folder of a run, or a file in it.")]
Debug = Annotated[bool, typer.Option(help="Show the traceback of an error.")]


@app.command("list")
def list_kept(folder: Folder, debug: Debug = False) -> None:
    """List what is kept: a line per folder of finished months, and per saved walk."""
    log_to_stderr(logging.WARNING)
    with errors_as_sentences(debug):
        groups = defaultdict(list)
        for one in engine.find(folder):
            groups[one.path.parent if one.is_month else one.path].append(one)
        rows = []
        for place, files in groups.items():
            records = [record for one in files for record in one.records]
            dates = sorted(record.month_end for record in records)
            rows.append(
                [
                    str(place),
                    whole(len(dates)),
                    date(dates[0] if dates else None),
                    date(dates[-1] if dates else None),
                    whole(max((record.n_rows for record in records), default=0)),
                    whole(sum(bool(one.problem) for one in files)),
                    _size(sum(one.size for one in files)),
                ]
            )
        headings = ["Where", "Months", "First", "Last", "Most rows", "Damaged", "Size"]
        if rows:
            print_table("Kept", Table.of(headings, rows))
        else:
            say(f"{folder}: nothing is kept here.")


@app.command("show")
def show(folder: Folder, debug: Debug = False) -> None:
    """Show each month that is kept: rows, in-sample figures, factors and size; damage, settings."""
    log_to_stderr(logging.WARNING)
    with errors_as_sentences(debug):
        found = engine.find(folder)
        rows = []
        for one in found:
            for record in one.records:
                figures = record.in_sample or {}
                told = ", ".join(f"{name} {three(value)}" for name, value in figures.items())
                rows.append(
                    [
                        date(record.month_end),
                        one.path.stem[11:] if one.is_month else one.path.name,
                        whole(len(record.scores)),
                        whole(record.n_rows),
                        whole(record.n_months),
                        "yes" if record.refit else "no",
                        whole(len(record.factors)),
                        told or "–",
                        _size(one.size) if one.is_month else "–",
                    ]
                )
        headings = [
            "Month-end", "Kept as", "Scores", "Rows", "Months", "Fitted", "Factors", "In-sample",
            "Size",
        ]  # fmt: skip
        if rows:
            print_table("Months", Table.of(headings, rows))
        for one in found:
            if one.problem:
                say(f"{one.path}: cannot be used ({one.problem}).")
            if one.about:
                say(f"{one.path}: data {one.about['data'][:16]}")
                for part in ("settings", "versions"):
                    told = ", ".join(f"{name}={value}" for name, value in one.about[part].items())
                    say(f"  {part}: {told or 'none'}")


@app.command("prune")
def prune(
    folder: Folder,
    before: Annotated[
        str | None, typer.Option(help="Remove finished months with a month-end before this date.")
    ] = None,
    damaged: Annotated[bool, typer.Option("--damaged", help="Remove what cannot be used.")] = False,
    superseded: Annotated[
        bool, typer.Option("--superseded", help="Of each month keep the file written last.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go.")] = False,
    debug: Debug = False,
) -> None:
    """Remove what is kept; a run that needs it computes it again. Saved walks stay if sound."""
    log_to_stderr(logging.WARNING)
    with errors_as_sentences(debug, folder):
        if before is None and not damaged and not superseded:
            raise ValueError("Say what to remove: --before DATE, --damaged or --superseded.")
        day = None if before is None else checks.date("--before", before)
        gone = engine.to_remove(
            engine.find(folder), before=day, damaged=damaged, superseded=superseded
        )
        for one in gone:
            say(one.path)
            if not dry_run:
                one.path.unlink(missing_ok=True)
        what = "would be removed" if dry_run else "removed"
        say(f"{len(gone)} files {what}, {_size(sum(one.size for one in gone))}.")


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1024:,.0f} KiB" if n_bytes < 10 * 2**20 else f"{n_bytes / 2**20:,.0f} MiB"
