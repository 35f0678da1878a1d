"""``attngru-bt demo``: what skill looks like in a report, and what its absence looks like."""

from __future__ import annotations

import logging
import multiprocessing
import os
import queue
import signal
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from attngru_bt import backtest as engine
from attngru_bt.cli.backtest import EMBEDDED
from attngru_bt.cli.console import err, log_to_stderr, say, sentences, tell
from attngru_bt.cli.options import DEBUG, shared
from attngru_bt.cli.progress import Progress
from attngru_bt.data.market import Market, load_sp500
from attngru_bt.data.synthetic import make_market
from attngru_bt.models.names import DEFAULT
from attngru_bt.reports.output import write
from attngru_bt.reports.side_by_side import Side, render, side

EXAMPLES = """
**Examples**

The page is runs/demo/index.html: `attngru-bt demo`

Next month's picks of its real market, going on from what it computed:
`attngru-bt picks --asof 2022-12-31 --n-networks 1 --keep 15 --folder runs/demo/real`
"""

PLANTED = 0.08  # mean monthly rank IC of what is planted
DECOYS = 4
TITLE = "What skill looks like, and what its absence looks like"
ABOUT = (
    "The same model, the default, on two markets. In the real one nothing was found to have skill; "
    "in the other one a weak signal was planted, which a working model has to find."
)


@dataclass(frozen=True)
class Trial:
    """A market of the demo, and how it is traded."""

    title: str
    about: str
    make: Callable[[], Market]
    settings: Mapping[str, Any]
    planted: float | None = None
    model: str = DEFAULT


def _planted() -> Market:
    # mean .08 and a deviation of about 1/sqrt(80) a month: 60 months tell it from 0 by 5 errors
    return make_market(80, 2100, signal=PLANTED, late=8, gaps=8, delisted=3, decoys=DECOYS)


# One network in the place of three, so that it takes a minute.
TRIALS = {
    "real": Trial(
        "Real prices",
        "20 S&P 500 stocks, daily closes, five held. They were chosen in 2022 among the survivors, "
        "so any basket of them beats the index: equal weight is what to compare with.",
        load_sp500,
        EMBEDDED | {"n_networks": 1, "keep": 15},
    ),
    "planted": Trial(
        "Planted signal",
        f"80 made-up stocks, ten held. Their valuations predict next month's returns with a rank "
        f"IC of {PLANTED:.2f}, and {DECOYS} other lines only look like them. Eight stocks are "
        "listed late, and three are delisted.",
        _planted,
        {
            "topk": 10,
            "keep": 30,
            "min_months": 36,
            "n_networks": 1,
            "factors": [
                *("PE", "PB", "PS", "PCF", "ETOP", "LCAP", "LFLO", "ROC20", "REVS5", "REVS20"),
                *("BIAS20", "RSI", "PSY", "VOL20", "VOL60", "Volatility", "HBETA"),
                *(f"decoy{i}" for i in range(1, DECOYS + 1)),
            ],
        },
        PLANTED,
    ),
}


@shared(DEBUG)
def demo(
    *,
    out_dir: Annotated[
        Path, typer.Option("--out", help="Folder that the files are written to.")
    ] = Path("runs/demo"),
    **options: Any,
) -> None:
    """Run the default model on real prices and on made-up ones with a planted signal, on one page.

    Each market has a process of its own and a folder in OUT. After Ctrl-C or a crash the same
    command goes on from there.
    """
    began = time.perf_counter()
    log_to_stderr(logging.WARNING)
    with sentences(options["debug"], out_dir):
        out_dir.mkdir(parents=True, exist_ok=True)
        progress = Progress(err)
        progress.stage("data", "two markets, a process each")
        try:
            sides = run(out_dir, progress.stage, TRIALS)
        except KeyboardInterrupt:
            tell("\nInterrupted: the same command goes on from what is finished.")
            raise typer.Exit(130) from None
        page = write(out_dir / "index.html", render(list(sides.values()), TITLE, ABOUT))
        progress.stage("report", f"written to {out_dir}{os.sep}")
        for one in sides.values():
            say(f"{one.title}: {one.verdict}\n  {one.strength}")
        say(f"  {page}")
        progress.stage("done", f"in {time.perf_counter() - began:.0f} s")


def run(
    folder: Path, stage: Callable[[str, str], None], trials: Mapping[str, Trial]
) -> dict[str, Side]:
    """Run the markets side by side and return what the page shows of each.

    Parameters
    ----------
    folder : path
        Each market gets a folder in it.
    stage : callable
        Told the name of a market and how far it is.
    trials : mapping of name to Trial
    """
    context = multiprocessing.get_context("spawn")
    progress_queue = context.Queue()
    workers = {
        name: context.Process(
            target=_work, args=(name, trial, folder / name, progress_queue), name=name, daemon=True
        )
        for name, trial in trials.items()
    }
    sides: dict[str, Side] = {}
    try:
        # they are ended by this process; one that is still loading would show a traceback
        usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            for worker in workers.values():
                worker.start()
        finally:
            signal.signal(signal.SIGINT, usual)
        while len(sides) < len(workers):
            name, message = next_message(progress_queue, workers, sides)
            if isinstance(message, BaseException):
                raise message
            if isinstance(message, Side):
                sides[name] = message
            else:
                stage(name, message)
    finally:
        for worker in workers.values():
            if worker.is_alive():
                worker.terminate()  # what is finished is on disk
                worker.join()
    return {name: sides[name] for name in workers}


def next_message(
    progress_queue: Any, workers: Mapping[str, Any], sides: Mapping[str, Side]
) -> tuple[str, Any]:
    """Return the next message, or say that a process ended without one."""
    while True:
        # what a process has sent can be read once it has ended, so it is looked at before
        ended = {n: w.exitcode for n, w in workers.items() if n not in sides}
        try:
            return progress_queue.get(timeout=0.5)  # type: ignore[no-any-return]
        except queue.Empty:
            for name, exitcode in ended.items():
                if exitcode is not None:
                    raise OSError(
                        f"The process of {name} ended with exit code {exitcode}, perhaps for want "
                        f"of memory; the same command goes on from what is finished."
                    ) from None


def _work(name: str, trial: Trial, folder: Path, progress_queue: Any) -> None:
    """Run one market in this process; tell how far it is, and in the end what came of it."""
    log_to_stderr(logging.ERROR)  # that stocks are delisted is part of the demo
    # read as scikit-learn and torch are loaded: threads of two processes would wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")

    def fitted(done: int, total: int, *_: Any) -> None:
        if done == total or done % max(total // 4, 1) == 0:
            progress_queue.put((name, f"{done} of {total} fits"))

    try:
        market = trial.make()
        strategy = engine.run(
            market, model=trial.model, folder=folder, progress=fitted, **trial.settings
        )
        shown = side(
            strategy,
            trial.title,
            trial.about,
            f"{name}/tearsheet.html",
            planted=trial.planted,
            baseline=strategy.baseline,
            baseline_name="equal weight",
            name=f"{trial.model} model",
            market=market,
        )
        progress_queue.put((name, shown))
    except KeyboardInterrupt:
        pass  # the parent has got it, too
    except Exception as error:
        progress_queue.put((name, error))
