"""What the system refuses, told by the commands: the path, and what to do."""

import errno
import os
import subprocess
from contextlib import contextmanager
from pathlib import Path

import pytest
from csv_market import write_folder
from typer.testing import CliRunner

from attngru_bt import make_market
from attngru_bt.cli import app
from attngru_bt.cli.trouble import explanation


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    market = make_market(n_assets=5, n_days=60, seed=5, late=0, delisted=0)
    return write_folder(tmp_path_factory.mktemp("trouble") / "data", market)


def sentence(*arguments):
    done = CliRunner().invoke(app, [str(a) for a in arguments])
    assert done.exit_code == 2, done.output
    assert "Traceback" not in done.output
    errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
    assert len(errors) == 1, done.stderr
    return errors[0]


def runs(data, folder):
    """Every command that writes into a folder, and one that writes a file."""
    small = ["--data", data, "--topk", 2]
    span = ["--start", "2020-01-02", "--end", "2020-01-08"]
    return {
        "backtest": ["backtest", "--model", "random", *small, "--out", folder],
        "compare": ["compare", "--models", "random", *small, "--draws", 5, "--out", folder],
        "fetch": ["fetch", "--source", "baostock", "--universe", "sse50", *span, "--out", folder],
        "factors": ["factors", "compute", "--data", data, "--out", folder / "factors.csv"],
    }


COMMANDS = ["backtest", "compare", "fetch", "factors"]


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_file_in_the_place_of_the_folder(command, data, tmp_path, bs):
    (tmp_path / "taken").write_text("mine")
    text = sentence(*runs(data, tmp_path / "taken")[command])
    assert text.startswith(f"Error: {tmp_path}/taken: a file stands where a folder is needed")
    text = sentence(*runs(data, tmp_path / "taken" / "below")[command])
    assert f"{tmp_path}/taken" in text and "a file stands where a folder is needed" in text
    assert (tmp_path / "taken").read_text() == "mine"


@contextmanager
def mounted(folder, options):
    folder.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], capture_output=True, check=False
    )
    if done.returncode:
        pytest.skip("no right to mount a small disk")
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounts as root only")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_full_disk(command, data, tmp_path, bs):
    with mounted(tmp_path / "tiny", "size=4k") as disk:
        (disk / "other").write_bytes(bytes(4096))  # all there is
        text = sentence(*runs(data, disk / "run")[command])
        assert text.startswith(f"Error: {disk}") and "no space is left on its disk" in text
        assert "make room, then give the same command again" in text


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="mounts as root only")
@pytest.mark.parametrize("command", COMMANDS)
def test_a_disk_that_may_only_be_read(command, data, tmp_path, bs):
    with mounted(tmp_path / "locked", "ro") as disk:
        text = sentence(*runs(data, disk / "run")[command])
        assert text.startswith(f"Error: {disk}/run") and "may not be read or written" in text


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "runs/x: no space is left on its disk, or on that of temporary files (TMPDIR); make "
            "room, then give the same command again: what was finished is kept.",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device", "/tmp/.a.csv.0a1b2c3d.part"),
            "/tmp: no space is left on its disk; make room, then give the same command again: "
            "what was finished is kept.",
        ),
        (
            PermissionError(errno.EACCES, "Permission denied", "/root/x"),
            "/root/x: this may not be read or written (Permission denied); change its "
            "permissions, or choose another place.",
        ),
        (IsADirectoryError(errno.EISDIR, "Is a directory", "d.csv"), "d.csv: Is a directory."),
        (
            FileNotFoundError(errno.ENOENT, "No such file", "no.json"),
            "no.json: there is no such file or folder; check the path.",
        ),
    ],
)
def test_each_error_of_the_system(error, message):
    assert explanation(error, Path("runs/x")) == message
