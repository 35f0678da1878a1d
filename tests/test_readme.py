"""What README and docs/ print runs (on less data), and every public name is documented.

A command or block about the reader's own data gets a made-up market at the path it names, and one
about the embedded data gets their last months. Of commands that differ in values alone, one is run
and the others are parsed.
"""

import re
import shlex
import shutil
from pathlib import Path

import pytest
import readers
from conftest import TIME_LIMIT
from csv_market import write_btcsv, write_folder, write_index, write_members, write_table
from test_examples import SMALL

import attngru_bt
from attngru_bt import make_market

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
TEXT = README.read_text() if README.exists() else ""
PAGES = [page for page in (README, *sorted((ROOT / "docs").glob("*.md"))) if page.exists()]

# What is printed and not run here, and nothing else: `make test` runs this very file, `make demo`
# is minutes of the embedded data, the rest needs a network or hours.
SET_UP = ("make demo", "make test")
ELSEWHERE = ("pip install ", "attngru-bt fetch ", "python benchmarks/")
QUICK = {  # what the last words of a command become, so that it takes seconds
    "attngru-bt backtest": "--min-months 6 --window 6 --step month --lookback 2 --n-networks 1"
    " --no-baseline --jobs 1",
    "attngru-bt compare": "--models logistic,random --seeds 1 --jobs 1 --min-months 6 --window 6"
    " --draws 50",
    "attngru-bt audit": "--cuts 1 --skip 'scores,orders,same day'",
    "attngru-bt picks": "--min-months 6 --window 6 --step month --lookback 2 --n-networks 1",
    "btrun": "",
    **{f"python examples/{name}": " ".join(options) for name, options in SMALL.items()},
}
READ = (
    "--data",
    "--benchmark",
    "--membership",
    "--factors",
    "--factor-file",
    "--against",
    "--holdings",
)
RECENT = """
import attngru_bt
import attngru_bt.data.market

def _recent(load=attngru_bt.data.market.load_sp500):  # the embedded data, the last 17 months
    whole = load()
    bars = whole.bars.rows(len(whole.bars) - 350, len(whole.bars))
    return attngru_bt.Market(bars, whole.benchmark.loc[bars.dates[0]:], None, whole.name)

attngru_bt.data.load_sp500 = attngru_bt.data.market.load_sp500 = _recent
"""
ON_RECENT = (  # a program that is `attngru-bt` on them
    RECENT
    + """
if __name__ == "__main__":  # `--jobs` starts processes that read this file, too
    from attngru_bt.cli import main

    main()
"""
)
FEW = "BIAS5,BIAS20,ROC6,MA20"  # factors, where a command or block names none
PRELUDE = f"""
import backtrader as bt
import numpy as np
import pandas as pd
{RECENT}
market = attngru_bt.make_market(n_assets=15, n_days=320)
bars = market.bars
cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
if {{feeds}}:
    attngru_bt.add_feeds(cerebro, market)
"""
STRATEGY = f"""
from attngru_bt import backtest
strategy = backtest.run(market, topk=5, signal="ridge", min_months=6, refit=6,
                        factors={FEW.split(",")})
"""

pytestmark = pytest.mark.skipif(not TEXT, reason="README.md is not written yet")


def blocks(page, language):
    """(page and line, text) of the fenced blocks of a language."""
    text = page.read_text()
    found = re.finditer(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    return [(f"{page.name}:{text[: m.start()].count(chr(10)) + 2}", m.group(1)) for m in found]


def commands():
    """(page and line, command) of every shell command, continued lines joined, comments cut off."""
    found = []
    for where, text in (b for page in PAGES for b in blocks(page, "(?:bash|sh|shell|console)")):
        for line in re.sub(r"\\\n\s*", " ", text).splitlines():
            command = re.sub(r"(^|\s+)#.*$", "", line).strip()
            if command:
                found.append((where, command.removeprefix("$ ").removeprefix(".venv/bin/")))
    return found


def kind(command):
    """Which of the commands that are run this is; None if none."""
    if command.startswith(ELSEWHERE):
        return None
    return next((known for known in (*QUICK, "attngru-bt") if command.startswith(known)), None)


def options(command):
    """What is tried by a command: its words up to the first option, and each option after them."""
    words = shlex.split(command)
    names = [word for word in words if word.startswith("--")]
    program = " ".join(words[: words.index(names[0])] if names else words)
    return {(program, name) for name in names} or {program}


def different(found):
    """The blocks without those that differ from an earlier one in what they import alone."""
    first = {}
    for where, code in found:
        lines = (line for line in code.splitlines() if not line.startswith(("import ", "from ")))
        first.setdefault("\n".join(filter(None, lines)), (where, code))
    return list(first.values())


def chosen(found):
    """Those of the commands that are run: README's, and others with an option not seen before.

    The audit, which takes 10 seconds, is run once, and tests/cli/test_cli_audit.py has its options;
    there is no cluster here.
    """
    seen, run = {("attngru-bt audit", "--against"), ("attngru-bt compare", "--dask")}, []
    for where, command in found:
        if where.startswith("README") or not options(command) <= seen:
            run.append((where, command))
        seen |= options(command)
    return run


COMMANDS = [(where, c) for where, c in commands() if kind(c)]
RUN = chosen(COMMANDS)
PARSED = [case for case in COMMANDS if case not in RUN]
BLOCKS = different(block for page in PAGES for block in blocks(page, "python"))
ELSEWHERE_CODE = {  # what a block that is not run here has in it, and which tests run that
    "attngru_bt.data.vendors": "tests/data/test_vendors.py",  # asks a vendor, which answers there
    "tearsheet.pyfolio(": "tests/reports/test_pyfolio_sheet.py",  # takes 15 seconds
}


def named(cases):
    return dict(argvalues=cases, ids=[where for where, _ in cases])


@pytest.fixture
def place(tmp_path):
    """A folder like the checkout: what is written there, or beside it, does not stay."""
    folder = tmp_path / "projects" / "checkout"
    folder.mkdir(parents=True)
    for name in ("examples", "strategies"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture(scope="module")
def market():
    """It goes on into 2017, where the real panels' out-of-sample years begin."""
    return make_market(n_assets=12, n_days=545, seed=2, signal=0.3)


@pytest.fixture(scope="module")
def short(market):
    """The audit reads everything several times, so it is given fewer names and days."""
    return make_market(n_assets=8, n_days=200, seed=2, signal=0.3)


def provide(path, market):
    """Put the made-up market where the reader would have data of their own."""
    if path.exists():
        return
    if path.name.startswith("index") or path.name.startswith("benchmark"):
        write_index(path, market)
    elif path.name.startswith("member"):
        write_members(path, list(market.bars.assets))
    elif path.name.startswith("holdings"):
        path.write_text("symbol,shares\nCASH,100000\n")  # whatever the data
    elif path.suffix == ".py":
        path.write_text(next(code for _, code in BLOCKS if code.startswith(f"# {path.name}\n")))
    elif path.name.startswith("uqer"):
        values = market.bars.frame("pb").stack().rename_axis(["tradeDate", "ticker"])
        values.rename("EPS").reset_index().to_csv(path, index=False)
    elif re.search(r"\.(csv|csv\.gz|parquet)$", path.name):
        write_table(path, market)
    else:
        write_folder(path, market)


def execute(words, place):
    done = readers.run(words, place, TIME_LIMIT)
    assert done.returncode == 0, done.stderr + done.stdout
    assert "Traceback" not in done.stderr
    return done


def test_there_are_commands_and_code():
    assert COMMANDS and BLOCKS


def test_what_is_not_run_is_set_up():
    used = set()
    for where, command in commands():
        if not kind(command) and not command.startswith(ELSEWHERE):
            assert command in SET_UP, f"{where}: no test runs {command!r}"
            used.add(command)
    assert used == set(SET_UP), f"no longer in README.md: {set(SET_UP) - used}"


def test_every_fenced_block_says_its_language():
    for page in PAGES:
        fences = re.findall(r"^```(.*)$", page.read_text(), re.MULTILINE)
        assert all(fences[::2]), f"{page}: write ```text for what is neither code nor a command"


@pytest.mark.slow
@pytest.mark.parametrize(("where", "command"), **named(RUN))
def test_command_runs(where, command, place, market, short):
    command = re.sub(r" --dask \S+", "", command)  # there is no such host here
    words = shlex.split(command)
    if words[0] == "python" and len(words) == 2:
        assert Path(words[1]).name in SMALL  # test_examples.py runs it
        return
    for option, value in zip(words, words[1:], strict=False):
        if option in READ:
            given = short if kind(command) == "attngru-bt audit" else market
            provide(place / value.split(",")[0], given)
        if option == "--into":
            (place / value).parent.mkdir()
            shutil.copy(ROOT / value, place / value)
    if command.startswith("btrun"):
        write_btcsv(place / "prices", make_market(n_assets=10, n_days=120))
    quick = QUICK.get(kind(command), "")
    if kind(command) == "attngru-bt picks" and "--data" in words:
        quick += " --asof 2017-01-31"  # the made-up market ends soon after
    if kind(command) in ("attngru-bt backtest", "attngru-bt compare", "attngru-bt picks"):
        quick += " --start 2017-01-01 --topk 3" if "--data" in words else " --start 2022-09-01"
        quick += "" if "--factors" in words else f" --factors {FEW}"
        if "--model" not in words and kind(command) != "attngru-bt compare":
            quick += " --model ridge"
    if "--help" in words or "--version" in words:
        quick = ""
    assert not set(words) & set("|<>&;"), "that takes a shell"
    if words[0] == "attngru-bt":
        (place / "recent.py").write_text(ON_RECENT)
        words = ["python", place / "recent.py", *words[1:]]
    execute([*words, *shlex.split(quick)], place)


@pytest.mark.slow
@pytest.mark.parametrize(("where", "command"), **named(PARSED))
def test_other_commands_are_understood(where, command):
    from typer.main import get_command

    from attngru_bt.cli import app

    name, *words = shlex.split(command)
    assert name == "attngru-bt"
    found = get_command(app)
    while hasattr(found, "commands"):
        found = found.commands[words.pop(0)]
    found.make_context(found.name, words)  # or an error that names what it does not know


@pytest.mark.parametrize(("code", "tests"), ELSEWHERE_CODE.items())
def test_what_is_not_run_here_is_run_elsewhere(code, tests):
    assert code in (ROOT / tests).read_text()
    assert any(code in block for _, block in BLOCKS), f"no page has {code} any more"


@pytest.mark.slow
@pytest.mark.parametrize(("where", "code"), **named(BLOCKS))
def test_code_runs(where, code, place, market):
    if any(part in code for part in ELSEWHERE_CODE):
        pytest.skip("run by the tests that ELSEWHERE_CODE names")
    if "from my_factors import" in code:
        provide(place / "my_factors.py", market)
    for path in re.findall(r"(?:load|from_csv|read_\w+)\(\"([^\"]+)\"", code):
        provide(place / path, market)
    prelude = PRELUDE.format(feeds="add_feeds" not in code and "adddata" not in code)
    if "strategy" in re.findall(r"\bstrategy\b(?!\s*=)", code) and "strategy =" not in code:
        prelude += STRATEGY
    if "cerebro" in code and ".run(" not in code:
        code += "\ncerebro.run()\n"
    (place / "block.py").write_text(prelude + "\n" + code)
    execute(["python", "block.py"], place)


@pytest.mark.parametrize("name", [n for n in attngru_bt.__all__ if n != "__version__"])
def test_every_public_name_is_mentioned(name):
    assert any(re.search(rf"\b{name}\b", page.read_text()) for page in PAGES), f"not said: {name}"


def anchors(page):
    """What a link may name of a page: its headings, as GitHub and the site call them."""
    text = re.sub(r"^```.*?^```$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


def test_every_link_into_the_checkout_leads_somewhere():
    for page in PAGES:
        for target, _, place in re.findall(r"\]\(([^)#\s]*)(#?)([^)\s]*)\)", page.read_text()):
            if re.match(r"\w+:", target):
                continue
            aim = page.parent / target if target else page
            assert aim.exists(), f"{page.name}: {target}"
            if place and aim.suffix == ".md":
                assert place in anchors(aim), f"{page.name}: {target}#{place}"
