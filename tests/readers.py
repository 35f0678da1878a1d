"""Programs as a reader starts them, each in a process of its own that need not load the libraries.

Loading torch, scikit-learn, pandas and backtrader takes longer than most of these programs run. One
process has loaded them, and each program begins as a copy (a fork) of it. The package itself and
what the program imports of it are not loaded before: that is part of what is tested.
"""

import atexit
import multiprocessing
import os
import runpy
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

LIBRARIES = [
    "arch.bootstrap",
    "backtrader",
    "matplotlib.pyplot",
    "pandas",
    "pyarrow.parquet",
    "pyfolio",
    "rich.console",
    "scipy.stats",
    "sklearn.ensemble",
    "sklearn.linear_model",
    "sklearn.pipeline",
    "torch",
    "typer",
]
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1",
    "MPLBACKEND": "agg",
    # backtrader 1.9.78 has invalid escapes in its docstrings
    "PYTHONWARNINGS": "ignore::SyntaxWarning",
}
# macOS has libraries that do not survive a fork: there each program loads them for itself
_processes = multiprocessing.get_context("spawn" if sys.platform == "darwin" else "forkserver")
_processes.set_forkserver_preload(LIBRARIES)


def run(words, folder, timeout):
    """Run ``attngru-bt ...``, ``btrun ...`` or ``python FILE ...`` in a folder, to its end."""
    words = [str(word) for word in words]
    with tempfile.TemporaryDirectory() as told:
        files = [Path(told) / name for name in ("stdout", "stderr")]
        arguments = (words, str(folder), [str(file) for file in files])
        process = _processes.Process(target=_begin, args=arguments)
        before = os.environ.copy()
        os.environ.update(ENVIRONMENT)
        try:
            process.start()
        finally:
            os.environ.clear()
            os.environ.update(before)
        process.join(timeout)
        if process.is_alive():
            process.kill()
            process.join()
            raise subprocess.TimeoutExpired(words, timeout)
        return subprocess.CompletedProcess(words, process.exitcode, *(f.read_text() for f in files))


def _begin(words, folder, files):
    for number, file in enumerate(files, start=1):
        os.dup2(os.open(file, os.O_WRONLY | os.O_CREAT), number)
    assert "attngru_bt" not in sys.modules
    os.environ.update(ENVIRONMENT)
    os.chdir(folder)
    here = str(Path(__file__).parent)
    sys.path[:] = [place for place in sys.path if place not in ("", here)]
    try:
        _call(*words)
    finally:
        # as an interpreter ends, and a process that is a copy of another does not
        threading._shutdown()
        atexit._run_exitfuncs()


def _call(program, *arguments):
    if program == "python":
        program, *arguments = arguments
        sys.argv = [program, *arguments]
        sys.path.insert(0, str(Path(program).resolve().parent))
        runpy.run_path(program, run_name="__main__")
        return
    sys.argv = [str(Path(sys.executable).with_name(program)), *arguments]
    if program == "btrun":
        from backtrader.btrun import btrun as main
    else:
        assert program == "attngru-bt", program
        from attngru_bt.cli import main
    main()
