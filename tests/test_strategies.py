"""The files in strategies/, and by them models of each kind, run under `btrun` on plain CSVs."""

import ast
import importlib
import inspect
import os
import re
import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import backtrader as bt
import pytest
import readers
from backtrader.btrun import btrun
from conftest import TIME_LIMIT
from csv_market import write_btcsv

from attngru_bt import add_feeds, backtest, make_market, models
from attngru_bt.walkforward.by_name import signal_of

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "strategies"
FILES = sorted(path for path in FOLDER.glob("*.py") if path.name != "__init__.py")
NAMES = [path.stem for path in FILES]
README = FOLDER / "README.md"
SMALL = "topk=3,lookback=3,step='month',min_months=2"  # literals after the second colon
FEW = "ROC6 BIAS5 BIAS10 VEMA5 EMA5 EMA10 MA5 MA10 REVS5 REVS10 ATR6 PSY".split()
# Of each kind of input, target and library; test_model_names.py has all models score.
MODELS = ("lstm", "paper", "attention-gru-lines", "ridge", "xgboost", "momentum", "blend")
ALL_FACTORS = ("blend", "attention-gru-lines")


def by_name(model):
    """What `by_name.py` is told: few factors, where the model is of one set and of few rows."""
    if model in models.names("baseline"):
        return f"model={model!r},topk=3"
    few = f",factors={FEW}" if model not in ALL_FACTORS else ""
    return f"model={model!r},{SMALL}{few}"


BY_NAME = [("by_name", by_name(model)) for model in MODELS]
RUNS = [
    ("attention_gru_ranks", SMALL),
    ("equal_weight", "reserve=0.01"),
    ("momentum", "topk=3,months=2"),
    *BY_NAME,
]


@pytest.fixture(scope="module")
def prices(tmp_path_factory):
    """Ten stocks, one CSV each in backtrader's own format; gaps and a late listing included."""
    market = make_market(n_assets=10, n_days=130, seed=1, signal=0.3)
    return write_btcsv(tmp_path_factory.mktemp("market") / "prices", market)


def environment():
    """Environment in which `btrun` is the one beside this Python."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "OMP_NUM_THREADS": "1"}


def bash(command, cwd):
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", command],
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=TIME_LIMIT,
        env=environment(),
    )


def load(name, monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    return importlib.import_module(f"strategies.{name}")


def strategies_of(module):
    """What btrun would find: every strategy class that the module's names lead to."""
    members = inspect.getmembers(module, inspect.isclass)
    return [cls for _, cls in members if issubclass(cls, bt.Strategy)]


def trades(output):
    """Number of round trips, open ones included, that backtrader's TradeAnalyzer printed."""
    return int(re.search(r"- total:\s+- total: (\d+)", output).group(1))


def test_every_file_is_run():
    assert {"attention_gru", *(name for name, _ in RUNS)} == set(NAMES)


def test_a_name_that_is_no_model_is_refused_with_the_nearest(monkeypatch):
    cerebro = bt.Cerebro(stdstats=False)
    add_feeds(cerebro, make_market(n_assets=3, n_days=25))
    cerebro.addstrategy(load("by_name", monkeypatch).ByName, model="lstn")
    with pytest.raises(ValueError, match="No model is named 'lstn'; did you mean 'lstm'?"):
        cerebro.run()


@pytest.mark.slow
def test_each_name_is_its_model(monkeypatch):
    """In a month in which none is fitted yet."""
    market, kind = make_market(n_assets=3, n_days=25), load("by_name", monkeypatch).ByName
    for model in models.names():
        if model == "equal-weight" or model == "xgboost" and not find_spec("xgboost"):
            continue
        cerebro = bt.Cerebro(stdstats=False)
        add_feeds(cerebro, market)
        cerebro.addstrategy(kind, model=model)
        strategy = cerebro.run()[0]
        given = {name: getattr(strategy.p, name) for name in ("topk", "universe", "schedule")}
        wanted = signal_of(model, **given)
        assert type(strategy.signal) is type(wanted)
        assert str(strategy.signal.get_params()) == str(wanted.get_params()), model


@pytest.mark.slow
def test_runs_under_btrun_in_the_checkout(prices):
    data = [word for file in sorted(prices.glob("*.csv")) for word in ("--data", file)]
    done = readers.run(
        ["btrun", "--csvformat", "btcsv", *data, "--cerebro", "cheat_on_open=True"]
        + ["--cash", "1000000", "--commission", "0.001", "--analyzer", ":TradeAnalyzer"]
        + ["--pranalyzer", "--strategy", f"strategies/attention_gru.py::{SMALL}"],
        ROOT,
        TIME_LIMIT,
    )
    assert done.returncode == 0, done.stderr + done.stdout
    assert trades(done.stdout) >= 4
    assert done.stderr == ""


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*load_module:DeprecationWarning")  # btrun's way to a file
@pytest.mark.parametrize(
    ("name", "parameters"), RUNS, ids=[told.split(",factors")[0] for _, told in RUNS]
)
def test_runs_under_btrun(name, parameters, prices, monkeypatch, capsys, tmp_path):
    """In this process: starting Python takes longer than the run."""
    if "xgboost" in parameters:
        pytest.importorskip("xgboost")
    if "model='momentum'" in parameters:  # looks back on 13 month-ends
        prices = write_btcsv(tmp_path / "prices", make_market(n_assets=10, n_days=330, seed=1))
    monkeypatch.chdir(ROOT)
    data = [item for file in sorted(prices.glob("*.csv")) for item in ("--data", str(file))]
    strategy = f"strategies/{name}.py::{parameters}"
    btrun(
        ["--csvformat", "btcsv", *data, "--cerebro", "cheat_on_open=True", "--cash", "1000000"]
        + ["--commission", "0.001", "--analyzer", ":TradeAnalyzer", "--pranalyzer"]
        + ["--strategy", strategy]
    )
    printed = capsys.readouterr()
    assert trades(printed.out) >= 4
    assert printed.err == ""


@pytest.mark.slow
def test_the_readme_command_runs_on_a_copy_elsewhere(prices, tmp_path):
    commands = re.findall(r"```bash\n(.*?)```", README.read_text(), re.DOTALL)
    assert commands and all(command.startswith("btrun ") for command in commands)
    shutil.copytree(FOLDER, tmp_path / "strategies", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(prices, tmp_path / "prices")
    for command in commands:
        # the shell says what words the command has
        words = bash("printf '%s\\n' " + command, cwd=tmp_path).stdout.splitlines()
        assert words.count("--data") == 10
        done = readers.run(
            [*words, "--analyzer", ":TradeAnalyzer", "--pranalyzer"], tmp_path, TIME_LIMIT
        )
        assert done.returncode == 0, done.stderr + done.stdout
        assert trades(done.stdout) >= 5


def test_equal_weight_holds_every_stock_alike(monkeypatch):
    market = make_market(n_assets=6, n_days=120, seed=1, late=1, gaps=0, delisted=0)
    cls = load("equal_weight", monkeypatch).EqualWeight
    done = backtest.run(market, cls, lot=0, commission=0.0)
    sizes = [len(decision["wanted"]) for decision in done.decisions]
    assert sizes[0] == 5 and sizes[-1] == 6  # one is listed later, and joins
    assert done.broker.getcash() < 0.02 * done.broker.getvalue()
    held = [
        data.close[0] * position.size / done.broker.getvalue()
        for data, position in done.broker.positions.items()
        if position.size
    ]
    assert len(held) == 6 and max(held) - min(held) < 0.05


@pytest.mark.parametrize("path", FILES, ids=NAMES)
def test_copied_elsewhere_it_needs_only_installed_packages(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, "a relative import fails under btrun"
            assert node.module.split(".")[0] != "strategies", "strategies/ is not installed"
        elif isinstance(node, ast.Import):
            assert all(alias.name.split(".")[0] != "strategies" for alias in node.names)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_defines_one_documented_strategy_that_the_readme_lists(name, monkeypatch):
    module = load(name, monkeypatch)
    (strategy,) = strategies_of(module)
    assert strategy.__module__ == f"strategies.{name}"
    assert strategy.__doc__ and len(strategy.__doc__.split()) >= 5
    assert strategy.__doc__ != bt.Strategy.__doc__
    row = rf"^\| `{name}\.py` \| `{strategy.__name__}` \| .+ \| .+ \|$"
    assert re.search(row, README.read_text(), re.MULTILINE)
    for section in ("Belief", "Universe", "Run"):
        assert re.search(rf"^{section}$", module.__doc__, re.MULTILINE)
    assert f"strategies/{name}.py:{strategy.__name__}" in module.__doc__


def test_the_readme_lists_no_file_that_is_gone():
    listed = set(re.findall(r"^\| `(\w+)\.py`", README.read_text(), re.MULTILINE))
    assert listed == set(NAMES)


def test_the_readme_lists_every_model():
    listed = re.findall(r"^\| `([a-z-]+)` \|", README.read_text(), re.MULTILINE)
    assert sorted(listed) == sorted(models.names())


@pytest.mark.slow
def test_an_unknown_parameter_is_an_error_that_names_it(prices, tmp_path):
    file = sorted(prices.glob("*.csv"))[0]
    done = bash(
        f"btrun --csvformat btcsv --data {file} --strategy '{FILES[0]}::topkk=3'", cwd=tmp_path
    )
    assert done.returncode != 0
    assert "has no parameter `topkk`; did you mean 'topk'?" in done.stderr
