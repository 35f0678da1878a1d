"""The notebooks are kept without outputs, and the site is made of them by running them."""

import ast
import importlib
import json
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
NOTEBOOKS = sorted((ROOT / "examples/notebooks").glob("*.ipynb"))


def code_of(path):
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_kept_without_outputs(path):
    assert all(c["outputs"] == [] and c["execution_count"] is None for c in code_of(path))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_what_is_imported_is_there(path):
    """`make docs` runs them; this tells sooner that a name has gone."""
    tree = ast.parse("\n".join("".join(cell["source"]) for cell in code_of(path)))
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = importlib.import_module(node.module)
            assert all(hasattr(module, alias.name) for alias in node.names)
        if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "attngru_bt":
            assert hasattr(importlib.import_module("attngru_bt"), node.attr)


def test_the_site_runs_them_and_stops_at_an_error():
    settings = {}
    for node in ast.parse((ROOT / "docs/conf.py").read_text()).body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant | ast.List):
            settings[node.targets[0].id] = ast.literal_eval(node.value)
    assert settings["nb_execution_mode"] == "force" and settings["nb_execution_raise_on_error"]
    assert "examples/notebooks/*.ipynb" in settings["include_patterns"]
