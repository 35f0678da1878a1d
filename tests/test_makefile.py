"""Where `make` takes torch from: a CPU build where there is no GPU, if an index answers.

The recipe itself is run. Its Python makes virtual environments that only note what pip was told.
"""

import os
import shutil
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from conftest import TIME_LIMIT

ROOT = Path(__file__).resolve().parent.parent
NOBODY = "http://127.0.0.1:9"  # the discard port: nothing listens there
WARNING = "2.7 GB of GPU libraries"
PYTHON = """#!/bin/sh
if [ "$1 $2" != "-m venv" ]; then exec {python} "$@"; fi
mkdir -p "$3/bin"
echo '#!/bin/sh' > "$3/bin/python"
echo 'echo "$@" >> {log}' >> "$3/bin/python"
chmod +x "$3/bin/python"
"""

pytestmark = [
    pytest.mark.skipif(shutil.which("make") is None, reason="there is no make here"),
    pytest.mark.skipif(sys.platform != "linux", reason="the fake Python is a Linux script"),
]


class Index(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/whl/torch/" else 404)
        self.end_headers()

    def log_message(self, *args):
        pass


@pytest.fixture(scope="module")
def index():
    """A package index that has torch."""
    server = HTTPServer(("127.0.0.1", 0), Index)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/whl"
    server.shutdown()
    server.server_close()


@pytest.fixture
def install(tmp_path):
    """Run `make install`: what it prints, and what pip was told about torch."""

    def run(*variables, path=""):
        log = tmp_path / "pip.txt"
        python = tmp_path / "python"
        python.write_text(PYTHON.format(python=sys.executable, log=log))
        python.chmod(0o755)
        ours = {"MAKEFLAGS", "MAKEOVERRIDES", "MFLAGS", "MAKELEVEL", "TORCH_INDEX"}
        env = {name: value for name, value in os.environ.items() if name not in ours}
        done = subprocess.run(
            ["make", "install", f"PYTHON={python}", f"VENV={tmp_path / 'venv'}", *variables],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
            env={**env, "PATH": f"{path}:{env['PATH']}", "no_proxy": "127.0.0.1"},
        )
        assert done.returncode == 0, done.stdout + done.stderr
        orders = log.read_text().splitlines()
        assert len(orders) == 3 and orders[-1].endswith("--editable .[examples,test]")
        return done.stdout + done.stderr, orders[1]

    return run


@pytest.mark.slow
def test_without_a_gpu_the_index_of_cpu_builds_is_asked_as_well(install, index):
    said, pip = install("GPU=", f"CPU_INDEX={index}")
    assert pip.endswith(f"--constraint constraints.txt --extra-index-url {index} torch")
    assert WARNING not in said


@pytest.mark.slow
@pytest.mark.parametrize("variable", ["CPU_INDEX", "TORCH_INDEX"])
def test_an_index_out_of_reach_is_said_and_stops_nothing(install, variable):
    said, pip = install("GPU=", f"{variable}={NOBODY}")
    assert pip.endswith("--constraint constraints.txt torch")
    assert f"{NOBODY} does not answer" in said
    assert WARNING in said and "TORCH_INDEX=" in said


@pytest.mark.slow
def test_an_index_without_torch_is_not_asked(install, index):
    said, pip = install("GPU=", f"TORCH_INDEX={index}/other/")
    assert pip.endswith("--constraint constraints.txt torch")
    assert WARNING in said


@pytest.mark.slow
def test_an_index_of_ones_own_is_taken_whatever_the_machine(install, index):
    said, pip = install("GPU=/dev/nvidia0", "SYSTEM=Darwin", f"TORCH_INDEX={index}/")
    assert f"--extra-index-url {index}/ torch" in pip
    assert WARNING not in said


@pytest.mark.slow
def test_an_empty_index_is_none(install, index):
    said, pip = install("GPU=", f"CPU_INDEX={index}", "TORCH_INDEX=")
    assert pip.endswith("--constraint constraints.txt torch")
    assert "does not answer" not in said and WARNING in said


@pytest.mark.slow
def test_with_a_gpu_its_libraries_are_wanted(install, index, tmp_path):
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    said, pip = install(f"CPU_INDEX={index}", path=tmp_path)
    assert pip.endswith("--constraint constraints.txt torch")
    assert WARNING in said


@pytest.mark.slow
def test_elsewhere_than_on_linux_there_is_nothing_to_choose(install, index):
    said, pip = install("GPU=", "SYSTEM=Darwin", f"CPU_INDEX={index}")
    assert pip.endswith("--constraint constraints.txt torch")
    assert WARNING not in said


def test_the_readme_and_the_makefile_name_the_same_index():
    (line,) = (
        line for line in (ROOT / "Makefile").read_text().splitlines() if "CPU_INDEX :=" in line
    )
    address = line.split(":= ")[1]
    assert f"--extra-index-url {address}" in (ROOT / "README.md").read_text()
