"""``attngru-bt audit``: the same checks as `attngru_bt.audit.run`."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from attngru_bt import audit as engine
from attngru_bt.audit.accuracy import read_scores
from attngru_bt.cli.console import err, log_to_stderr, out, sentences
from attngru_bt.cli.inputs import date, read_market
from attngru_bt.cli.options import (
    Benchmark,
    Data,
    Debug,
    End,
    FactorFile,
    Factors,
    Ignore,
    Members,
    RandomState,
)
from attngru_bt.cli.scripts import choose, describe_scripts

EXAMPLES = """
**Examples**

Data and factors of your own: `attngru-bt audit --data sse50/ --factors my_factors.py`

What last month's download said, beside today's:
`attngru-bt audit --data today/ --against last_month/`

Scores made elsewhere, in the layout of scores.csv:
`attngru-bt audit --data sse50/ --scores runs/sse50/scores.csv`

The embedded data, which fail, truly: its 20 stocks were chosen in 2022. In a build that knows so:
`attngru-bt audit --skip survivorship --json audit.json`
"""

_COLOURS = {"pass": "green", "fail": "bold red", "skipped": "yellow"}


def audit(
    data: Data = None,
    benchmark: Benchmark = None,
    membership: Members = None,
    factors: Factors = None,
    factor_file: FactorFile = None,
    ignore: Ignore = None,
    against: Annotated[
        Path | None,
        typer.Option(help="The same data from another day or vendor: what differs is reported."),
    ] = None,
    scores: Annotated[
        Path | None,
        typer.Option(help="Out-of-sample scores made elsewhere: month_end,symbol,score,label."),
    ] = None,
    model: Annotated[
        str, typer.Option(help="'fast' (logistic regression) or 'network' scores the replay.")
    ] = "fast",
    cuts: Annotated[int, typer.Option(help="Dates at which the future is taken away.")] = 5,
    start: Annotated[
        str | None, typer.Option(help="First day to trade. [default: five years before the end]")
    ] = None,
    end: End = None,
    topk: Annotated[
        int | None, typer.Option(help="Names to hold. [default: 10, at most a quarter of all]")
    ] = None,
    min_months: Annotated[
        int | None,
        typer.Option(help="Labeled months before the first trade. [default: 12, less if few]"),
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option(help=f"Leave out checks: {', '.join(engine.CHECKS)}.")
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", help="Write the whole report there as JSON.")
    ] = None,
    random_state: RandomState = 0,
    debug: Debug = False,
) -> None:
    """Check that data, factors, scores and orders know nothing of the future.

    Prints pass, fail or skipped per check, and under a fail the first offending symbol and date.
    Exit code 1 if a check fails, 2 if the audit could not be made, else 0.
    """
    log_to_stderr(logging.WARNING)  # about the data; the checks speak for themselves
    with sentences(debug, json_file):
        if json_file is not None and not json_file.resolve().parent.is_dir():
            raise ValueError(f"--json {json_file}: there is no folder {json_file.parent}; make it.")
        market = read_market(data, benchmark, membership, factor_file, ignore)
        log_to_stderr(logging.ERROR)
        choice = choose(factors)
        bars = market.bars
        mine = describe_scripts(choice.scripts)
        err.print(
            f"{market.name}: {len(bars.assets)} stocks, {len(bars)} sessions "
            f"{bars.dates[0]:%Y-%m-%d} .. {bars.dates[-1]:%Y-%m-%d}{mine and '; '}{mine}",
            highlight=False, markup=False, soft_wrap=True,
        )  # fmt: skip
        report = engine.run(
            market,
            against=None if against is None else read_market(against),
            scores=None if scores is None else read_scores(scores),
            factors=choice.names,
            model=model,
            topk=topk,
            min_months=min_months,
            cuts=cuts,
            start=None if start is None else date("start", start),
            end=None if end is None else date("end", end),
            skip=[name.strip() for option in skip or () for name in option.split(",")],
            random_state=random_state,
            tell=_say,
        )
        out.print(report.verdict, highlight=False, soft_wrap=True)
        if json_file is not None:
            text = json.dumps(report.as_dict(), indent=2, allow_nan=False, ensure_ascii=False)
            json_file.write_text(text + "\n", encoding="utf-8")
            out.print(str(json_file), highlight=False, markup=False, soft_wrap=True)
    if not report.passed:
        raise typer.Exit(1)


def _say(check: engine.Check) -> None:
    """Print a check as soon as it is made."""
    color = _COLOURS[check.status]
    text = f"[{color}]{check.status:<7}[/]  [bold]{check.name}[/]: {escape(check.summary)}"
    out.print(text, highlight=False, soft_wrap=True)
    for number, finding in enumerate(check.findings[:3]):
        lead = "first: " if not number else "then:  "
        out.print(f"{'':9}{lead}{escape(finding.sentence)}", highlight=False, soft_wrap=True)
