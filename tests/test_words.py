"""One word, one thing: the glossary of docs/design.md, and American spelling."""

import ast
import re
from collections import defaultdict
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "attngru_bt").rglob("*.py")) + sorted((ROOT / "strategies").glob("*.py"))
PAGES = [ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *ROOT.glob("[sC]*/README.md")]
GLOSSARY = [
    "bars", "market", "rules", "membership, universe", "factor", "cross-section", "panel",
    "feature", "label, rank", "model", "blend", "network, member", "seed", "recipe", "walk",
    "schedule, month-end", "score", "weights", "picks",
]  # fmt: skip
# how the British write what the Americans, scikit-learn and backtrader write with z, or shorter
BRITISH = re.compile(
    r"(standard|normal|neutral|winsor|annual|initial|equal|penal|capital|general|real|recogn|"
    r"summar|organ|serial|minim|maxim|optim|util)is(e|ed|er|es|ing|ation)\b"
    r"|(?<!un)(colour|neighbour|behaviour|favour|honour|centre|centred|labelled|labelling|"
    r"cancelled|catalogue|licence|judgement|grey)\b",
    re.IGNORECASE,
)
ELSEWHERE = ("sys_analyser", "CancelledError", "RENAMED")  # others' names


def test_every_word_is_in_the_glossary():
    rows = re.findall(r"^\| ([a-z, -]+) \| ", (ROOT / "docs/design.md").read_text(), re.MULTILINE)
    assert [word for word in GLOSSARY if word not in rows] == []


@pytest.mark.slow
def test_spelling_is_american():
    assert not [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()}"
        for path in (*SOURCES, *PAGES)
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if BRITISH.search(line) and not any(name in line for name in ELSEWHERE)
    ]


@pytest.mark.slow
def test_no_two_classes_have_the_same_name():
    homes = defaultdict(list)
    for path in (ROOT / "attngru_bt").rglob("*.py"):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(str(path.relative_to(ROOT)))
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


@pytest.mark.slow
def test_networks_are_counted_by_n_networks_and_walks_by_seeds():
    """Nobody takes `n_seeds`; `seeds` is a parameter of what walks several times."""
    for path in SOURCES:
        takes = {
            argument.arg
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.FunctionDef)
            for argument in (*node.args.args, *node.args.kwonlyargs)
        }
        assert "n_seeds" not in takes, path
        may = path.parts[-2] in ("walkforward", "compare", "cli", "audit")
        assert may or "seeds" not in takes, path
