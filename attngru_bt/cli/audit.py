"""``attngru-bt audit``: the same checks as `attngru_bt.audit.run`."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.markup import escape

from attngru_bt import audit as engine
from attngru_bt.audit.accuracy import read_scores
from attngru_bt.cli.console import log_to_stderr, out, say, sentences, tell
from attngru_bt.cli.inputs import chosen, given, read_market, span
from attngru_bt.cli.options import DEBUG, END, FACTORS, INPUTS, SEED, shared
from attngru_bt.factors.scripts import choose, describe_scripts

EXAMPLES = """
**Examples**

Data and factors of your own: `attngru-bt audit --data sse50/ --factors my_factors.py`

What last month's download said, beside today's:
`attngru-bt audit --data today/ --against last_month/`

Scores made elsewhere, in the layout of scores.csv:
`attngru-bt audit --data sse50/ --scores runs/sse50/scores.csv`

The embedded data fail the survivorship check, correctly: the 20 stocks were chosen in 2022. To skip
that check in CI:
`attngru-bt audit --skip survivorship --json audit.json`
"""

_COLORS = {"pass": "green", "fail": "bold red", "skipped": "yellow"}


@shared(INPUTS, FACTORS, END, SEED, DEBUG)
def audit(
    *,
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
    **options: Any,
) -> None:
    """Check that data, factors, scores and orders know nothing of the future.

    Prints pass, fail or skipped per check, and under a fail the first offending symbol and date.
    Exit code 1 if a check fails, 2 if the audit could not be made, else 0.
    """
    log_to_stderr(logging.WARNING)  # warnings about the data, while they are read
    with sentences(options["debug"], json_file):
        if json_file is not None and not json_file.resolve().parent.is_dir():
            raise ValueError(f"--json {json_file}: there is no folder {json_file.parent}; make it.")
        market = read_market(**chosen(options, INPUTS))
        log_to_stderr(logging.ERROR)  # from here on the checks say what there is to say
        choice = choose(options["factors"])
        scripts = describe_scripts(choice.scripts)
        text = f"{span(market)}; {scripts}" if scripts else span(market)
        tell(text)
        report = engine.run(
            market,
            against=None if against is None else read_market(against, columns=options["columns"]),
            scores=None if scores is None else read_scores(scores),
            factors=choice.names,
            model=model,
            topk=topk,
            min_months=min_months,
            cuts=cuts,
            skip=[name.strip() for option in skip or () for name in option.split(",")],
            random_state=options["random_state"] or 0,
            tell=_print_check,
            **given(start=start, end=options["end"]),
        )
        out.print(report.verdict, highlight=False, soft_wrap=True)
        if json_file is not None:
            report.write_json(json_file)
            say(str(json_file))
    if not report.passed:
        raise typer.Exit(1)


def _print_check(check: engine.Check) -> None:
    """Print a check as soon as it is made."""
    color = _COLORS[check.status]
    text = f"[{color}]{check.status:<7}[/]  [bold]{check.name}[/]: {escape(check.summary)}"
    out.print(text, highlight=False, soft_wrap=True)
    for number, finding in enumerate(check.findings[:3]):
        lead = "first: " if not number else "then:  "
        out.print(f"{'':9}{lead}{escape(finding.sentence)}", highlight=False, soft_wrap=True)
