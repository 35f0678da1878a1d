"""Runs killed with SIGKILL and started again, beside the run that nobody disturbed.

A run is `attngru-bt backtest` on a tiny made-up market in CSV files, with one process or two. It
is killed up to four times: while it starts, or shortly after a random number of months was
finished. In the end its files must hold the bits of the undisturbed run, no finished month may
have been computed again, and no worker may have outlived its parent.
"""

import contextlib
import functools
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
from typer.testing import CliRunner

from attngru_bt import make_market
from attngru_bt.cli import app

ROOT = Path(__file__).resolve().parent.parent.parent
MODELS = ("attention-gru-ranks", "gru", "ridge")
RESULTS = ("scores.csv", "orders.csv", "equity.csv")
MARK = "ATTNGRU_TRIAL"  # environment variable by which a run's processes are known
ORPHANS_LEAVE = 150.0  # seconds; idle workers of joblib would leave by themselves after 300


def write_market(folder: Path) -> Path:
    """Write one CSV per stock."""
    folder.mkdir(parents=True)
    bars = make_market(n_assets=8, n_days=160, seed=5, signal=0.3, late=1, delisted=0).bars
    for asset in bars.assets:
        table = pd.DataFrame({line: bars.frame(line)[asset] for line in bars.lines}).dropna()
        table.to_csv(folder / f"{asset}.csv", index_label="date")
    return folder


def command(data: Path, model: str, out: Path) -> list[str]:
    options = ["--topk=3", "--min-months=2", "--no-baseline", f"--model={model}"]
    return ["backtest", f"--data={data}", f"--out={out}", *options]


def months(out: Path) -> dict[str, int]:
    """Finished months: file → when it was written."""
    found = {}
    for path in out.glob("checkpoints/**/[0-9]*"):
        with contextlib.suppress(FileNotFoundError):  # a file that was renamed meanwhile
            found[str(path)] = path.stat().st_mtime_ns
    return found


@functools.cache
def undisturbed(model: str) -> tuple[dict[str, bytes], int]:
    """Return what a run in this process writes, and how many months it finishes."""
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "out"
        done = CliRunner().invoke(app, command(write_market(Path(folder) / "data"), model, out))
        assert done.exit_code == 0, done.output
        return {name: (out / name).read_bytes() for name in RESULTS}, len(months(out))


def alive(mark: str) -> list[psutil.Process]:
    """Processes that a run has left behind."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.environ().get(MARK) == mark and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def orphans(mark: str) -> int:
    """How many processes of a dead run are still there after a while; they are ended."""
    end = time.monotonic() + ORPHANS_LEAVE
    while (left := alive(mark)) and time.monotonic() < end:
        time.sleep(0.2)
    for process in left:
        with contextlib.suppress(psutil.Error):
            process.kill()
    return len(left)


def trial(seed: int, jobs: int | None = None, kills: int | None = None) -> str:
    """Kill a run, start it again until it ends, and say what is not as in the undisturbed run."""
    rng = np.random.default_rng(seed)
    model = MODELS[rng.integers(len(MODELS))]
    jobs = int(rng.integers(1, 3)) if jobs is None else jobs
    kills = int(rng.integers(1, 5)) if kills is None else kills
    want, total = undisturbed(model)
    with tempfile.TemporaryDirectory() as folder:
        data, out = write_market(Path(folder) / "data"), Path(folder) / "out"
        log = Path(folder) / "log.txt"
        code = None
        while code is None:
            mark, before = uuid.uuid4().hex, months(out)
            with log.open("w") as output:
                process = subprocess.Popen(
                    [sys.executable, "-W", "ignore", "-m", "attngru_bt.cli"]
                    + [*command(data, model, out), f"--jobs={jobs}"],
                    cwd=ROOT,
                    stdout=output,
                    stderr=output,
                    env={**os.environ, "OMP_NUM_THREADS": "1", MARK: mark},
                )
            if kills:
                kills -= 1
                until = rng.integers(len(before), total + 1)
                while process.poll() is None and len(months(out)) < until:
                    time.sleep(0.005)
                time.sleep(rng.uniform(0, 3.0 if until == len(before) else 0.3))
                code = process.poll()
                process.send_signal(signal.SIGKILL)
            code = process.wait() if code is None else code
            if left := orphans(mark):
                return f"{model}, jobs={jobs}: {left} processes outlived the run"
            code = None if code == -signal.SIGKILL else code
            after = months(out)
            again = [path for path, stamp in before.items() if after.get(path) != stamp]
            if again:
                return f"{model}, jobs={jobs}: {again[0]} was computed again"
        if code != 0:
            return f"{model}, jobs={jobs}: exit code {code}: {log.read_text()[-400:]}"
        wrong = [name for name in RESULTS if (out / name).read_bytes() != want[name]]
        return f"{model}, jobs={jobs}: other bits in {', '.join(wrong)}" if wrong else ""
