"""Imports point one way, outside libraries stay in their rooms, importing is cheap."""

import ast
import configparser
import functools
import graphlib
import re
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import TIME_LIMIT

PACKAGE = Path(__file__).resolve().parent.parent / "attngru_bt"

# A module may import those on lines below its own; folders count as one.
ORDER = """
cli
tearsheet audit compare picks
backtest
reports
analyzers
evaluation
trading
markets
walkforward
models
features
factors feeds
data
checks
"""
LEVEL = {name: i for i, line in enumerate(ORDER.split("\n")) for name in line.split()}

ALLOWED = {
    "backtrader": {"feeds"},
    "torch": {"models"},
    "pyfolio": {"reports"},
    "matplotlib": {"reports"},
    "arch": {"evaluation"},
    "filelock": {"data"},
    "jinja2": {"reports"},
    "typer": {"cli"},
    "rich": {"cli", "reports"},
}

FILES = sorted(PACKAGE.rglob("*.py"))


# Where a name that users know stands above the file that hands it out: loaded when it is asked for.
DOORS = {
    "models/__init__.py": "attngru_bt.walkforward.by_name",  # attngru_bt.models.generator
    "trading/monthly.py": "attngru_bt.reports.inline",  # MonthlyTopK.plot_tearsheet
    "walkforward/scored_months.py": "attngru_bt.reports.inline",  # Walk.plot
}


def room(path):
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


@functools.cache
def tree_of(path):
    return ast.parse(path.read_text())


@functools.cache
def imports(path, types=True):
    """Dotted names a file imports, those that only its types need included unless told."""
    found = []
    tree = tree_of(path)
    skip = set()
    for node in ast.walk(tree):
        typing = isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        if typing and not types:
            skip.update(id(child) for child in ast.walk(node) if child is not node)
    for node in ast.walk(tree):
        if id(node) in skip:
            continue
        if isinstance(node, ast.Import):
            found += (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            found += (f"{node.module}.{alias.name}" for alias in node.names)
    return found


def upward(path):
    """Rooms that a file imports though they are not below its own."""
    here = room(path)
    for name in imports(path):
        parts = name.split(".")
        if parts[0] != "attngru_bt" or parts[1].startswith("__") or parts[1] == here:
            continue
        if LEVEL[parts[1]] <= LEVEL[here]:
            yield f"{path.relative_to(PACKAGE)} imports {parts[1]}"


def test_imports_point_downwards():
    top = PACKAGE / "__init__.py"
    assert not [name for name in imports(top) if name.startswith("attngru_bt")]
    others = [path for path in FILES if path != top]
    homeless = {room(path) for path in others} - set(LEVEL)
    assert not homeless, "without a place in the table: add it where it belongs"
    assert [found for path in others for found in upward(path)] == []


def test_no_files_import_each_other_in_a_circle():
    """Within a room, too, whether at the top, in a function or for types alone."""
    modules = {
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts): path for path in FILES
    }
    modules = {name.removesuffix(".__init__"): path for name, path in modules.items()}
    graph = {}
    for module, path in modules.items():
        graph[module] = set()
        for name in imports(path):
            while name and name not in modules:
                name = name.rpartition(".")[0]
            # a name of a package itself is handed on from one of its files
            if name and not module.startswith(name):
                graph[module].add(name)
    graphlib.TopologicalSorter(graph).prepare()  # raises CycleError, which names them


def test_what_is_loaded_by_its_name_is_known():
    """An import that is written as text points downwards, but for the `DOORS`."""
    found = {}
    for path in FILES:
        for name in re.findall(r"import_module\(\s*f?[\"'](.*?)[\"']", path.read_text()):
            found[path.relative_to(PACKAGE).as_posix()] = name
    assert found == DOORS


def strangers(path):
    """Libraries that a file imports though they have rooms of their own."""
    here = path.name[:-3] if path.parent == PACKAGE else room(path)
    for name in imports(path, types=False):
        top = name.split(".")[0]
        if here not in ALLOWED.get(top, {here}):
            yield f"{path.relative_to(PACKAGE)} imports {top}"


@pytest.mark.slow
def test_outside_libraries_stay_in_their_rooms():
    assert [found for path in FILES for found in strangers(path)] == []


def test_the_engine_is_imported_in_one_place():
    importing = [
        path.relative_to(PACKAGE).as_posix()
        for path in FILES
        if {name.split(".")[0] for name in imports(path)} & {"backtrader", "backtrader_next"}
    ]
    assert importing == ["feeds/engine.py"]


# what the engine and Python itself keep behind a name with an underscore, and offer no other way
ENGINE = {
    "_name", "_idx", "_leader", "_timeframe", "_compression", "_filters", "_ococheck",
    "_bracketize", "_stocklike", "_creditrate", "_tz",
    "_exit", "_once", "_oncepost", "_oncepost_open",
}  # fmt: skip


def private(path):
    """What a file takes from other modules of the package though its name begins with ``_``.

    Whatever the object is, also one whose type is not told: a private attribute that this file does
    not define itself belongs to another.
    """
    tree = tree_of(path)
    own = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            own.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            own.add(node.id)
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
            if ast.unparse(node.value) in ("self", "cls"):
                own.add(node.attr)
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("attngru_bt"):
            names = [part for alias in node.names for part in (*node.module.split("."), alias.name)]
            yield from (f"{node.lineno}: {name}" for name in names if is_private(name))
        elif isinstance(node, ast.Attribute) and is_private(node.attr):
            whose = ast.unparse(node.value)
            if whose not in ("self", "cls") and node.attr not in own | ENGINE:
                yield f"{node.lineno}: {whose}.{node.attr}"


def is_private(name):
    named_tuples = {"_asdict", "_fields", "_make", "_replace"}  # public in spite of it
    return name.startswith("_") and not name.startswith("__") and name not in named_tuples


@pytest.mark.slow
def test_private_names_stay_in_their_module():
    found = {str(path.relative_to(PACKAGE)): list(private(path)) for path in FILES}
    assert {path: names for path, names in found.items() if names} == {}


def test_private_names_are_found_however_they_are_taken(tmp_path):
    lines = [
        "from attngru_bt.data import panel, _hidden",
        "import attngru_bt.data.files as files",
        "import attngru_bt",
        "panel._first, files._read(), attngru_bt.data.bars._first",
        "def later():",
        "    from attngru_bt.factors.ops import _fast as fast",
        "panel.first, files.__name__, self._own, data._name",
        "def anything(other): return other._theirs, other._mine",
        "class Here:",
        "    def __init__(self): self._mine = 1",
    ]
    (tmp_path / "module.py").write_text("\n".join(lines))
    assert sorted(private(tmp_path / "module.py")) == [
        "1: _hidden",
        "4: attngru_bt.data.bars._first",
        "4: files._read",
        "4: panel._first",
        "6: _fast",
        "8: other._theirs",
    ]


def test_the_table_names_no_module_that_is_gone():
    rooms = {room(path) for path in FILES}
    assert set(LEVEL) <= rooms, f"gone: {set(LEVEL) - rooms}"


def test_the_wheel_carries_every_file_that_is_no_module():
    setup = configparser.ConfigParser()
    setup.read(PACKAGE.parent / "setup.cfg")
    patterns = setup["options.package_data"]["attngru_bt"].split()
    carried = {path for pattern in patterns for path in PACKAGE.glob(pattern)}
    files = {path for path in PACKAGE.rglob("*") if path.is_file()}
    assert {path for path in files if path.suffix not in (".py", ".pyc")} == carried


def loaded_by(statement):
    code = f"import sys\n{statement}\nprint(*sorted({{m.split('.')[0] for m in sys.modules}}))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=TIME_LIMIT
    )
    return set(done.stdout.split())


def test_importing_the_package_is_cheap():
    loaded = loaded_by("import attngru_bt")
    assert not loaded & {"torch", "sklearn", "pyfolio", "matplotlib", "pandas", "backtrader"}


LATE = [  # one after the other in one process: what has still not been loaded by then
    ("import attngru_bt.models as m; m.names()", {"torch", "sklearn", "xgboost"}),
    ("import attngru_bt.data.market as m; m.load_sp500()", {"torch", "sklearn", "skfolio"}),
    ("attngru_bt.AttentionGRUStrategy", {"torch", "sklearn", "pyfolio", "matplotlib"}),
    ("import attngru_bt.models.estimators", {"torch"}),  # scikit-learn's are what they build on
]


@pytest.mark.slow
def test_what_is_large_is_loaded_when_it_is_needed():
    said = "print(*{name.split('.')[0] for name in sys.modules})"
    code = "\n".join(["import sys, attngru_bt", *(f"{step}\n{said}" for step, _ in LATE)])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=TIME_LIMIT
    )
    for (step, absent), loaded in zip(LATE, done.stdout.splitlines(), strict=True):
        assert "attngru_bt" in loaded and not set(loaded.split()) & absent, step
