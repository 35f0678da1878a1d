"""``attngru-bt compare``: the same comparison as `attngru_bt.compare.run`."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from attngru_bt import compare as engine
from attngru_bt.cli.backtest import EMBEDDED
from attngru_bt.cli.console import err, log_to_stderr, print_table, say, sentences
from attngru_bt.cli.inputs import check_fees, chosen, given, read_market, span, with_groups, workers
from attngru_bt.cli.options import ACCOUNT, DEBUG, FACTORS, INPUTS, WALK, WORKERS, shared
from attngru_bt.cli.progress import Progress
from attngru_bt.compare.notes import notes_on_choice, subject
from attngru_bt.compare.tables import ranges_of_days, table2, table3
from attngru_bt.factors.plan import plan
from attngru_bt.factors.scripts import choose

if TYPE_CHECKING:
    from attngru_bt.walkforward.record import MonthRecord
    from attngru_bt.walkforward.tasks import Task

EXAMPLES = """
**Examples**

Three models and the baselines on the embedded data, two seeds each:
`attngru-bt compare --models gru,attention-gru,logistic,equal-weight,random,momentum --seeds 2`

How much hangs on the day of the month: `attngru-bt compare --models ridge --offsets 5,10,15`

Every model on a panel folder, five seeds, four processes; Ctrl-C and the same command goes on:
`attngru-bt compare --models all --seeds 5 --data sse50/ --start 2017-01-01 --periods 242 --jobs 4`

The tables as Markdown are in table.md: `cat runs/compare/table.md`
"""


@shared(INPUTS, FACTORS, WALK, ACCOUNT, WORKERS, DEBUG)
def compare(
    *,
    models: Annotated[
        str, typer.Option(help="Names with commas between them, or 'all'; a+b is a blend.")
    ] = "all",
    seeds: Annotated[int, typer.Option(help="How many walks per model, for mean and spread.")] = 1,
    out_dir: Annotated[
        Path, typer.Option("--out", help="Where the files go, finished walks among them.")
    ] = Path("runs/compare"),
    tried: Annotated[
        int | None,
        typer.Option(help="Models and variants tried before choosing these, if more than shown."),
    ] = None,
    draws: Annotated[
        int, typer.Option(help="Draws of the bootstrap, and of random portfolios.")
    ] = 1000,
    title: Annotated[str | None, typer.Option(help="Heading of the page.")] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            help="Markdown file that also gets the tables, between <!-- compare NAME --> and "
            "<!-- /compare -->; NAME is the last part of --out."
        ),
    ] = None,
    offsets: Annotated[
        str | None,
        typer.Option(
            help="Also walk with decisions so many sessions after month-ends, N,N,…: the spread "
            "over the days is shown."
        ),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Write a line to stderr for each month.")
    ] = False,
    **options: Any,
) -> None:
    """Fit every model walk-forward on the same rows, trade its scores, compare out of sample.

    Each finished fit is kept in OUT/walks. After Ctrl-C or a crash the same command goes on from
    there and ends with the same figures.
    """
    began = time.perf_counter()
    log_to_stderr(logging.INFO if verbose else logging.WARNING)
    with sentences(options["debug"], out_dir):
        check_fees(options)
        choice = choose(options["factors"])
        settings = given(**chosen(options, WALK), factors=choice.names)
        days = offset_numbers(offsets)
        account = with_groups(chosen(options, ACCOUNT))
        market = read_market(**chosen(options, INPUTS))
        market = market.until(settings["end"]) if "end" in settings else market
        planned = plan(market.bars, choice.names)  # an unknown name is an error before any fit
        progress = Progress(err)
        members = ", point-in-time members" if market.membership is not None else ""
        progress.stage("data", f"{span(market)}, {len(planned.columns)} factors{members}")

        left = 1 + len(days)  # walks of all models, one per day

        def fit(done: int, total: int, task: Task, records: list[MonthRecord]) -> None:
            nonlocal left
            progress.fit(done, total, task, records)
            left -= done == total
            if not left:
                progress.stage("backtest", "every model's scores, and random names beside them")

        with progress.resumable():
            comparison = engine.run(
                market,
                models,
                seeds=seeds,
                folder=out_dir,
                progress=fit,
                trading=given(**account),
                tried=tried,
                draws=draws,
                title=title,
                into=into,
                offsets=days,
                **workers(options),
                **((EMBEDDED | settings) if options["data"] is None else settings),
            )
        progress.stage("report", f"written to {out_dir}{os.sep}")
        say(f"{subject(comparison)}\n")
        scores = table2(comparison)
        accuracy = [column.group.startswith("Accuracy") for column in scores.columns]
        print_table("Accuracy, in-sample and out of sample", scores.select(lambda i: accuracy[i]))
        print_table("Scores, out of sample", scores.select(lambda i: not accuracy[i]))
        print_table("Earned, out of sample, after costs", table3(comparison))
        for note in notes_on_choice(comparison):
            say(note)
        table = ranges_of_days(comparison)
        if table is not None:
            print_table("The luck of the day: lowest … highest", table)
        for path in comparison.files:
            say(f"  {path}")
        progress.stage("done", f"in {time.perf_counter() - began:.0f} s")


def offset_numbers(text: str | None) -> list[int]:
    """Return the numbers of a text with commas between them."""
    parts = [part.strip() for part in (text or "").split(",") if part.strip()]
    for part in parts:
        if not part.isdecimal():
            raise ValueError(
                f"--offsets must be numbers of sessions with commas between them, such as 5,10,15; "
                f"got {text!r}."
            )
    return [int(part) for part in parts]
