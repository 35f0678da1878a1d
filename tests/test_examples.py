"""Each example runs as its docstring says, small; the plug-in is three lines."""

import contextlib
import difflib
import importlib.util
import inspect
import runpy
import sys
import types
from pathlib import Path

import pandas as pd
import pytest
import readers
from conftest import TIME_LIMIT

from attngru_bt import make_market

ROOT = Path(__file__).resolve().parent.parent
EXAMPLES = ROOT / "examples"
SMALL = {
    "existing_script.py": ["--days", "200"],
    "mlflow_log.py": ["--days", "250"],
    "optuna_search.py": ["--inner", "2021-06-30", "--sessions", "700", "--batches", "1"],
    "own_data.py": ["--days", "320"],
    "own_factor.py": ["--days", "340"],
    "own_model.py": ["--days", "310"],
    "picks.py": ["--since", "2022-11-01", "--sessions", "350"],
    "quickstart.py": ["--since", "2021-10-01"],
    "sse50.py": ["PANEL", "--quick"],
    "tearsheet.py": ["--days", "340"],
    "weights.py": ["--since", "2022-10-01", "--sessions", "350"],
}
PRINTS = {
    "existing_script.py": "end value",
    "mlflow_log.py": "logged: annual_return",
    "optuna_search.py": "outer months",
    "own_data.py": "15 stays",
    "own_factor.py": "OvernightGap, Cheapness, rating",
    "own_model.py": "network",
    "picks.py": "not among the best",
    "quickstart.py": "information_ratio",
    "sse50.py": "changes were wanted",
    "tearsheet.py": "metrics.json",
    "weights.py": "risk_parity",
}
NEEDS = {"mlflow_log.py": "mlflow", "optuna_search.py": "optuna"}  # and no other test does
WRITES = {
    "own_data.py": {"runs/own_data/csv/membership.csv", "runs/own_data/csv/S000.csv"},
    "picks.py": {"runs/picks/picks.html", "runs/picks/orders.csv"},
    "quickstart.py": {"runs/quickstart.html"},
    "sse50.py": {"runs/sse50/tearsheet.html", "runs/sse50/orders.csv"},
    "tearsheet.py": {"runs/tearsheet/tearsheet.html", "runs/tearsheet/scores.csv"},
}


def checkout():
    """What lies in the checkout, but for what its .gitignore names."""
    ignored = {line.rstrip("/") for line in (ROOT / ".gitignore").read_text().split()}
    top = {path.name for path in ROOT.iterdir()} - ignored
    return top | {path.name for path in EXAMPLES.iterdir()} - {"__pycache__"}


def run(name, cwd, panel=None):
    """Run an example as a reader would, from a folder of its own."""
    words = [panel if word == "PANEL" else word for word in SMALL[name]]
    return readers.run(["python", EXAMPLES / name, *words], cwd, TIME_LIMIT)


def write_panel(folder):
    """Write what sse50.py is given: a small market in the layout of a panel folder."""
    market = make_market(n_assets=24, n_days=260, seed=4)
    bars = market.bars
    long = pd.concat(
        {a: pd.DataFrame({k: bars.frame(k)[a] for k in bars.lines}) for a in bars.assets}
    )
    long = long.rename_axis(["symbol", "date"]).reset_index().dropna(subset=["close"])
    long.to_csv(folder / "panel.csv.gz", index=False)
    market.benchmark.to_csv(folder / "index.csv", index_label="date")
    stays = pd.DataFrame({"symbol": bars.assets, "in_date": bars.dates[0], "out_date": ""})
    stays.to_csv(folder / "membership.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """Per name of an example, run when it is first asked for: its folder and what came of it."""
    before = checkout()
    panel = write_panel(tmp_path_factory.mktemp("panel"))

    class Runs(dict):
        def __missing__(self, name):
            folder = tmp_path_factory.mktemp(name)
            self[name] = folder, run(name, folder, panel)
            return self[name]

    yield Runs()
    assert checkout() == before, "an example writes into the checkout, wherever it is called from"


def test_every_example_is_tested():
    assert set(SMALL) == set(PRINTS) == {path.name for path in EXAMPLES.glob("*.py")}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(SMALL))
def test_example_runs_and_is_quiet(name, runs):
    if name in NEEDS and not importlib.util.find_spec(NEEDS[name]):
        pytest.skip(f"{NEEDS[name]} is not installed")
    folder, done = runs[name]
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    assert PRINTS[name] in done.stdout
    assert "nan" not in done.stdout.lower()
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    assert WRITES.get(name, set()) <= files
    assert all(file.startswith("runs/") for file in files), "only runs/ is ignored by git"


@pytest.mark.parametrize("name", sorted(SMALL))
def test_docstring_names_the_command(name):
    text = (EXAMPLES / name).read_text()
    assert f"    python examples/{name}\n" in text or f"    python examples/{name} " in text
    assert len(text.splitlines()) <= 90
    assert f"`{name}`" in (EXAMPLES / "README.md").read_text()


@pytest.mark.parametrize("name", sorted(NEEDS))
def test_without_what_it_needs_it_is_one_sentence(name, monkeypatch):
    monkeypatch.setitem(sys.modules, NEEDS[name], None)
    with pytest.raises(SystemExit, match="needs .*: pip install"):
        runpy.run_path(str(EXAMPLES / name))


@pytest.mark.slow
def test_mlflow_is_told_each_month_and_the_figures(monkeypatch, capsys):
    told = []
    stand_in = types.SimpleNamespace(
        start_run=contextlib.nullcontext,
        log_params=lambda parameters: None,
        log_metrics=lambda metrics, step=None: told.append((step, metrics)),
    )
    monkeypatch.setitem(sys.modules, "mlflow", stand_in)
    monkeypatch.setattr(sys, "argv", ["mlflow_log.py", *SMALL["mlflow_log.py"]])
    runpy.run_path(str(EXAMPLES / "mlflow_log.py"), run_name="__main__")
    *months, (last, figures) = told
    assert [step for step, _ in months] == sorted({step for step, _ in months})
    assert len(months) >= 3 and all(metrics["rows"] > 0 for _, metrics in months)
    assert last is None and figures["end_value"] > 0
    assert PRINTS["mlflow_log.py"] in capsys.readouterr().out


@pytest.mark.slow
@pytest.mark.parametrize("folder", [[], ["nowhere"]])
def test_sse50_without_a_panel_is_one_sentence(folder, tmp_path):
    done = readers.run(["python", EXAMPLES / "sse50.py", *folder], tmp_path, TIME_LIMIT)
    assert done.returncode == 2 and done.stdout == ""
    assert len(done.stderr.splitlines()) == 1
    assert ("nowhere" if folder else "panel folder") in done.stderr


@pytest.fixture(scope="module")
def script():
    return runpy.run_path(str(EXAMPLES / "existing_script.py"))


class TestExistingScript:
    """The same function before and after: three lines."""

    def test_the_difference_is_three_lines(self, script):
        before, after = (
            [line.strip() for line in inspect.getsource(script[name]).splitlines()[1:]]
            for name in ("before", "after")
        )
        changes = [
            line for line in difflib.ndiff(before, after) if line[0] in "+-" and line[1:].strip()
        ]
        added = [line[2:] for line in changes if line[0] == "+"]
        assert added == [
            "import attngru_bt",
            "cerebro.addstrategy(attngru_bt.AttentionGRUStrategy, topk=10)",
            'cerebro.addanalyzer(attngru_bt.Performance, benchmark="INDEX", _name="performance")',
        ]
        assert [line[2:] for line in changes if line[0] == "-"] == [
            "cerebro.addstrategy(AboveAverage)"
        ]

    def test_the_diff_in_the_docstring_is_the_diff(self, script):
        shown = [
            (line[4], line[5:].strip())
            for line in script["__doc__"].splitlines()
            if line.startswith(("    +", "    -"))
        ]
        source = inspect.getsource(script["after"]) + inspect.getsource(script["before"])
        assert [sign for sign, _ in shown] == ["+", "-", "+", "+"]
        assert all(line in source for _, line in shown)

    @pytest.mark.slow
    def test_plugged_in_it_trades(self, script, caplog):
        strategy = script["after"](script["your_prices"](310))
        assert strategy.analyzers.performance.get_analysis()["fills"] >= 10
        assert not (strategy.trade_log.frame()["asset"] == "INDEX").any()
        warnings = [r.message for r in caplog.records if r.levelname == "WARNING"]
        assert sum("cheat_on_open=True" in text for text in warnings) == 1
