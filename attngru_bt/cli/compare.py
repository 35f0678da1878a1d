"""``attngru-bt compare``: the same comparison as `attngru_bt.compare.run`."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from attngru_bt import compare as engine
from attngru_bt.cli.backtest import EMBEDDED
from attngru_bt.cli.console import err, log_to_stderr, out, print_table, sentences
from attngru_bt.cli.inputs import check_fees, dask_tls, given, read_market, span
from attngru_bt.cli.options import (
    Benchmark,
    Cash,
    Commission,
    Dask,
    DaskCa,
    DaskCert,
    DaskKey,
    Data,
    Debug,
    Device,
    End,
    FactorFile,
    Factors,
    Ignore,
    Jobs,
    Members,
    MinMonths,
    Periods,
    RandomState,
    Rebalance,
    Refit,
    Riskfree,
    Rules,
    Slippage,
    Start,
    Step,
    TopK,
    Window,
)
from attngru_bt.cli.progress import Progress
from attngru_bt.compare.tables import subject, table2, table3
from attngru_bt.factors.plan import plan
from attngru_bt.factors.scripts import choose

if TYPE_CHECKING:
    from attngru_bt.walkforward import MonthRecord
    from attngru_bt.walkforward.tasks import Task

EXAMPLES = """
**Examples**

Three models and the baselines on the embedded data, two seeds each:
`attngru-bt compare --models gru,attention-gru,logistic,equal-weight,random,momentum --seeds 2`

Every model on a panel folder, five seeds, four processes; Ctrl-C and the same command goes on:
`attngru-bt compare --models all --seeds 5 --data sse50/ --start 2017-01-01 --periods 242 --jobs 4`

The tables as Markdown are in table.md: `cat runs/compare/table.md`
"""


def compare(
    models: Annotated[str, typer.Option(help="Names with commas between them, or 'all'.")] = "all",
    seeds: Annotated[int, typer.Option(help="Walks per model, for mean and spread.")] = 1,
    data: Data = None,
    benchmark: Benchmark = None,
    membership: Members = None,
    factors: Factors = None,
    factor_file: FactorFile = None,
    ignore: Ignore = None,
    start: Start = None,
    end: End = None,
    topk: TopK = None,
    out_dir: Annotated[
        Path, typer.Option("--out", help="Where the files go, finished walks among them.")
    ] = Path("runs/compare"),
    jobs: Jobs = 1,
    dask: Dask = None,
    dask_ca: DaskCa = None,
    dask_cert: DaskCert = None,
    dask_key: DaskKey = None,
    lookback: Annotated[int | None, typer.Option(help="Steps the networks see.")] = None,
    step: Step = None,
    refit: Refit = None,
    min_months: MinMonths = None,
    window: Window = None,
    rebalance: Rebalance = "entrants",
    cash: Cash = 1_000_000.0,
    commission: Commission = None,
    rules: Rules = None,
    slippage: Slippage = 0.0,
    periods: Periods = 252,
    riskfree: Riskfree = 0.0,
    random_state: RandomState = None,
    device: Device = None,
    tried: Annotated[
        int | None,
        typer.Option(help="Models and variants tried before choosing these, if more than shown."),
    ] = None,
    draws: Annotated[int, typer.Option(help="Of the bootstrap and of random portfolios.")] = 1000,
    title: Annotated[str | None, typer.Option(help="Heading of the page.")] = None,
    into: Annotated[
        Path | None,
        typer.Option(
            help="Markdown file that also gets the tables, between <!-- compare NAME --> and "
            "<!-- /compare -->; NAME is the last part of --out."
        ),
    ] = None,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log each month.")] = False,
    debug: Debug = False,
) -> None:
    """Fit every model walk-forward on the same rows, trade its scores, compare out of sample.

    Each finished fit is kept in OUT/walks. After Ctrl-C or a crash the same command goes on from
    there and ends with the same figures.
    """
    began = time.perf_counter()
    log_to_stderr(logging.INFO if verbose else logging.WARNING)
    with sentences(debug, out_dir):
        check_fees(commission, rules)
        choice = choose(factors)
        settings = given(
            start=start, end=end, topk=topk, lookback=lookback, step=step, refit=refit,
            min_months=min_months, window=window, random_state=random_state, device=device,
            factors=choice.names,
        )  # fmt: skip
        account = given(
            cash=cash, commission=commission, slippage=slippage, periods=periods,
            riskfree=riskfree, rules=rules, rebalance=rebalance,
        )  # fmt: skip
        market = read_market(data, benchmark, membership, factor_file, ignore)
        market = market if end is None else market.until(settings["end"])
        planned = plan(market.bars, choice.names)  # an unknown name is an error before any fit
        progress = Progress(err)
        members = ", point-in-time members" if market.membership is not None else ""
        progress.stage("data", f"{span(market)}, {len(planned.columns)} factors{members}")

        def fit(done: int, total: int, task: Task, records: list[MonthRecord]) -> None:
            progress.fit(done, total, task, records)
            if done == total:
                progress.stage("backtest", "every model's scores, and random names beside them")

        try:
            comparison = engine.run(
                market,
                models,
                seeds=seeds,
                jobs=jobs,
                folder=out_dir,
                client=dask,
                tls=dask_tls(dask_ca, dask_cert, dask_key),
                progress=fit,
                trading=account,
                tried=tried,
                draws=draws,
                title=title,
                into=into,
                **((EMBEDDED | settings) if data is None else settings),
            )
        except KeyboardInterrupt as stopped:
            text = str(stopped) or "Stopped; what was finished is kept, the same command goes on."
            progress.stop()
            err.print(f"\n{text}", highlight=False, markup=False, soft_wrap=True)
            raise typer.Exit(130) from None
        finally:
            progress.stop()
        progress.stage("report", f"written to {out_dir}{os.sep}")
        out.print(f"{subject(comparison)}\n", highlight=False, markup=False, soft_wrap=True)
        scores = table2(comparison)
        accuracy = [column.group.startswith("Accuracy") for column in scores.columns]
        print_table("Accuracy, in-sample and out of sample", scores.select(lambda i: accuracy[i]))
        print_table("Scores, out of sample", scores.select(lambda i: not accuracy[i]))
        print_table("Earned, out of sample, after costs", table3(comparison))
        for path in comparison.files:
            out.print(f"  {path}", highlight=False, markup=False, soft_wrap=True)
        progress.stage("done", f"in {time.perf_counter() - began:.0f} s")
