"""The site's sources: docstrings' examples run; what is public and every page has its place."""

import doctest
import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import attngru_bt

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PACKAGE = ROOT / "attngru_bt"
EXAMPLES = sorted(p for p in PACKAGE.rglob("*.py") if ">>> " in p.read_text(encoding="utf-8"))
SHOWN = re.findall(
    r"automodule:: (\S+)", "".join(p.read_text() for p in sorted(DOCS.glob("reference/*.md")))
)
# rooms that no reader imports from, and what there is to know about them
WITH_A_PAGE = {
    "attngru_bt.factors.library": "factors.md",
    "attngru_bt.factors.library.technical": "factors.md",
    "attngru_bt.feeds.engine": "engines.md",
}


def module_of(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts)


@pytest.mark.parametrize("path", EXAMPLES, ids=module_of)
def test_examples_in_docstrings_run(path, tmp_path, monkeypatch):
    from attngru_bt.factors import registry

    monkeypatch.chdir(tmp_path)
    before = registry.snapshot()
    try:
        module = importlib.import_module(module_of(path))
        result = doctest.testmod(module, optionflags=doctest.ELLIPSIS)
    finally:
        registry.restore(before)
    assert result.attempted and not result.failed


@pytest.mark.parametrize("name", [n for n in attngru_bt.__all__ if n != "__version__"])
def test_every_public_name_is_in_the_reference(name):
    found = getattr(attngru_bt, name)
    home = attngru_bt._HOME[name]
    assert home in SHOWN
    if not inspect.ismodule(found):
        assert name in importlib.import_module(home).__all__  # what automodule shows
    assert f"`attngru_bt.{name} <" in (DOCS / "reference/index.md").read_text()


def test_the_rooms_that_load_late_are_listed_by_hand_and_completely():
    from attngru_bt import features

    page = (DOCS / "reference/features.md").read_text()
    assert sorted(re.findall(r"autoclass:: (\S+)", page)) == features.__all__


def rooms():
    """Modules that say what is public of them."""
    found = (path for path in PACKAGE.rglob("*.py") if "\n__all__ = [" in path.read_text())
    return sorted(module_of(path).removesuffix(".__init__") for path in found)


@pytest.mark.parametrize("name", rooms())
def test_the_reference_has_every_room_and_all_that_is_public_of_it(name):
    if name in WITH_A_PAGE:
        assert (DOCS / WITH_A_PAGE[name]).exists()
        return
    assert name in SHOWN
    room = importlib.import_module(name)
    pages = "".join(path.read_text() for path in DOCS.glob("reference/*.md"))
    if f"automodule:: {name}\n   :no-members:" not in pages:
        return  # all of it
    alone = set(re.findall(r"auto(?:class|function):: (\S+)", pages))
    elsewhere = {
        id(getattr(importlib.import_module(other), each))
        for other in SHOWN
        if other != name
        for each in getattr(importlib.import_module(other), "__all__", ())
    }
    for each in room.__all__:
        assert each in alone or id(getattr(room, each)) in elsewhere, f"{name}.{each}"


def commands():
    """Names of the commands, and the options that each takes; `help` goes without saying."""
    from typer.main import get_command

    from attngru_bt.cli import app

    return {
        name: {
            word
            for parameter in command.params
            for word in (*parameter.opts, *parameter.secondary_opts)
            if word.startswith("--") and word not in ("--help", "--market", "--no-debug")
        }
        for name, command in get_command(app).commands.items()
    }


def test_the_table_of_options_is_that_of_the_commands():
    page = (DOCS / "commands.md").read_text()
    rows = [
        re.findall(r"`([^`]*)`", cells[0]) + re.findall(r"`([^`]*)`", cells[-1])
        for line in page.splitlines()
        if line.startswith("| `--") and (cells := line.strip("| ").split(" | "))
    ]
    takes = commands()
    said = {name: set() for name in ("compare", "picks", "audit")}
    for row in rows:
        options = {word for word in row if word.startswith("--")}
        for name in set(row) - options:
            said[name] |= options
    told = {word for row in rows for word in row if word.startswith("--")}
    assert told == takes["backtest"]
    for name, options in said.items():
        assert options == takes[name] & told, name


def test_every_command_is_on_the_page():
    page = (DOCS / "commands.md").read_text()
    assert {name for name in commands() if f"`attngru-bt {name}" not in page} == set()


def test_every_page_has_a_place_in_the_navigation():
    entries = set()
    for page in (*DOCS.glob("*.md"), DOCS / "reference/index.md"):
        for tree in re.findall(r"```\{toctree\}\n(.*?)```", page.read_text(), re.DOTALL):
            for line in tree.splitlines():
                if line and not line.startswith(":"):
                    target = re.sub(r".*<(.*)>", r"\1", line)
                    entries.add((page.parent / target).resolve().with_suffix(""))
    pages = [*DOCS.glob("*.md"), *DOCS.glob("reference/*.md"), *ROOT.glob("examples/notebooks/*")]
    without = {DOCS / "index", DOCS / "description"}
    assert {p.with_suffix("") for p in pages if p.suffix in (".md", ".ipynb")} - without <= entries


def check(site):
    command = [sys.executable, str(DOCS / "check_links.py"), str(site)]
    return subprocess.run(command, capture_output=True, text=True)


def test_the_link_checker_finds_what_leads_nowhere(tmp_path):
    (tmp_path / "index.html").write_text('<a href="other.html#here"></a><a href="https://x.y">')
    (tmp_path / "other.html").write_text('<p id="here"></p><a href="#here"></a>')
    assert check(tmp_path).returncode == 0
    (tmp_path / "other.html").write_text('<a href="gone.html"></a>')
    result = check(tmp_path)
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        "index.html links to other.html#here, but the page has no such place.",
        "other.html links to gone.html, which is no file.",
    ]


def test_the_link_checker_wants_a_site(tmp_path):
    assert check(tmp_path).returncode == 1
