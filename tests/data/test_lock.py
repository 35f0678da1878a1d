"""One run at a time in a folder, whoever it is and however the one before has ended."""

import os
import signal
import subprocess
import sys
from contextlib import contextmanager

import pytest
from typer.testing import CliRunner

from attngru_bt import compare, make_market, walk_forward
from attngru_bt.cli import app
from attngru_bt.data.lock import sole_use
from attngru_bt.data.vendors import Baostock, download

HOLD = """
import sys
from attngru_bt.data.lock import sole_use
with sole_use(sys.argv[1]):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def working_in(folder):
    """Another process that works in a folder."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout.readline() == b"held\n"
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdin.close()
        process.stdout.close()


@pytest.fixture(scope="module")
def held(tmp_path_factory):
    """A folder that another process works in."""
    folder = tmp_path_factory.mktemp("lock") / "taken"
    with working_in(folder):
        yield folder


@pytest.mark.slow
def test_a_killed_run_blocks_nobody(tmp_path):
    folder = tmp_path / "taken"
    with working_in(folder) as process:
        with pytest.raises(BlockingIOError, match="taken: another run is working in this folder"):
            with sole_use(folder):
                pass
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
    with sole_use(folder):
        pass
    assert not list(folder.iterdir())


def test_it_leaves_nothing_behind_but_what_was_put_there(tmp_path):
    with sole_use(tmp_path / "a" / "b"):
        with pytest.raises(BlockingIOError), sole_use(tmp_path / "a" / "b"):
            pass
    assert not (tmp_path / "a" / "b").exists()
    with sole_use(tmp_path / "c") as folder:
        (folder / "file").touch()
    assert [path.name for path in tmp_path.glob("c/*")] == ["file"]
    (tmp_path / "empty").mkdir()
    with sole_use(tmp_path / "empty"):
        pass
    assert (tmp_path / "empty").is_dir()


@pytest.mark.slow
@pytest.mark.parametrize(
    "command",
    [
        ["backtest"],
        ["compare", "--models", "momentum"],
        ["fetch", "--source", "baostock", "--universe", "sse50", "--start", "2020-01-02"],
    ],
    ids=lambda command: command[0],
)
def test_a_second_run_into_one_folder_is_one_sentence(command, held, bs):
    done = CliRunner().invoke(app, [*command, "--out", str(held)])
    assert done.exit_code == 2
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error:")]
    assert errors == [
        f"Error: {held}: another run is working in this folder; wait until it has ended, or "
        "choose another folder."
    ]
    assert "Traceback" not in done.output
    assert [path.name for path in held.iterdir()] == [".lock"]


@pytest.mark.slow
def test_the_functions_refuse_it_too(held, bs):
    market = make_market(n_assets=4, n_days=100, seed=1)
    with pytest.raises(BlockingIOError, match="another run"):
        walk_forward(market, ["momentum"], folder=held)
    with pytest.raises(BlockingIOError, match="another run"):
        compare.run(market, "momentum", folder=held, topk=1)
    with pytest.raises(BlockingIOError, match="another run"):
        download(Baostock(), "sse50", "2020-01-02", "2020-01-08", held)
