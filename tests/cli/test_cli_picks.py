"""``attngru-bt picks`` as its users meet it."""

import pandas as pd
import pytest
import typer
from csv_market import write_folder
from typer.testing import CliRunner

from attngru_bt import load, make_market
from attngru_bt.backtest import run as backtest
from attngru_bt.cli import picks as command

SETTINGS = dict(topk=3, min_months=4, refit=3)
SMALL = [f"--{name.replace('_', '-')}={value}" for name, value in SETTINGS.items()]
FACTORS = "MA5,MA20,BIAS5"
ASOF = "2015-10-31"


def invoke(*arguments):
    app = typer.Typer()
    app.command("picks", epilog=command.EXAMPLES)(command.picks)
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    market = make_market(n_assets=10, n_days=230, seed=5, signal=0.3, late=1, delisted=0)
    return write_folder(tmp_path_factory.mktemp("picks") / "data", market)


@pytest.fixture(scope="module")
def run_folder(data, tmp_path_factory):
    """A backtest over all of the data, longer than the picks know them."""
    folder = tmp_path_factory.mktemp("picks") / "run"
    settings = dict(model="ridge", factors=FACTORS.split(","), **SETTINGS)
    strategy = backtest(load(data), folder=folder, baseline=False, **settings)
    return folder, strategy


def asked(data, folder):
    return ["--data", data, "--factors", FACTORS, "--model=ridge", "--out", folder, *SMALL]


@pytest.fixture(scope="module")
def done(data, run_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("picks") / "out"
    holdings = folder.parent / "holdings.csv"
    holdings.write_text("symbol,shares,cost\nS000,100,1.5\nS001,200,\nCASH,5000,\n")
    result = invoke(
        *asked(data, folder), "--asof", ASOF, "--holdings", holdings, "--folder", run_folder[0]
    )
    assert result.exit_code == 0, result.output
    return result, folder


@pytest.mark.slow
def test_writes_what_the_backtest_does_next(done, run_folder):
    _, folder = done
    decision = next(
        d for d in run_folder[1].decisions if d["month_end"] == pd.Timestamp("2015-10-30")
    )
    scores = run_folder[1].scores_by_month[decision["month_end"]]
    table = pd.read_csv(folder / "picks.csv").set_index("symbol")
    assert list(table) == ["rank", "score", "decile", "held", "action", "reason"]
    assert table["score"].dropna().to_dict() == scores.to_dict()
    wanted = table.index[table["rank"] <= 3].tolist()
    assert wanted == list(decision["wanted"])
    assert table.loc[wanted, "action"].isin(["buy", "hold"]).all()
    assert table.loc[wanted, "reason"].str.contains(r"; \w+ [+-]\d").any(), "families are named"
    orders = pd.read_csv(folder / "orders.csv")
    assert orders["side"].tolist() == sorted(orders["side"], reverse=True), "sales come first"
    assert set(orders["symbol"]) <= set(table.index) and (orders["cash_after"] >= 0).all()


@pytest.mark.slow
def test_prints_the_tables_and_what_to_know(done):
    result, folder = done
    assert "Picks of 2015-10-30, to trade from 2015-11-02 on" in result.stdout
    assert "Orders, at the last closes" in result.stdout
    names = {path.name for path in folder.iterdir() if path.is_file()}
    assert names == {"picks.html", "picks.csv", "orders.csv"}
    assert all(str(folder / name) in result.stdout for name in names)


@pytest.mark.slow
def test_goes_on_from_the_backtest(done, run_folder):
    result, folder = done
    months = [m for m in run_folder[1].scores_by_month if m <= pd.Timestamp("2015-10-30")]
    n = len(months)
    assert f"{n} month-ends are scored; an earlier run had finished {n} of them." in result.stdout
    assert not (folder / "checkpoints").exists()


@pytest.mark.slow
def test_the_page_holds_it_all(done):
    text = (done[1] / "picks.html").read_text()
    for heading in ("Orders", "Names", "What to know", "Contributions to the scores"):
        assert heading in text
    assert "How unusual this month" in text and "Rank IC per month" in text
    assert "nothing has been sent" in text and "http" not in text.split("</style>")[1]


@pytest.mark.slow
def test_without_asof_old_data_are_an_error(data, tmp_path):
    result = invoke(*asked(data, tmp_path / "out"))
    assert result.exit_code == 2 and result.stdout == ""
    assert "the data end on 2015-11-18, and November 2015 is over today" in result.stderr
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_an_incomplete_month_is_exit_code_3(data, tmp_path, monkeypatch):
    last = load(data).bars.dates[-1].date()
    find = command.engine.run
    monkeypatch.setattr(command.engine, "run", lambda *a, **k: find(*a, today=last, **k))
    result = invoke(*asked(data, tmp_path / "out"))
    assert result.exit_code == 3 and result.stdout == ""
    assert result.stderr.splitlines()[-1].startswith("November 2015 is not complete yet: ")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_the_files_of_a_backtest_are_not_replaced(data, run_folder):
    folder, _ = run_folder
    before = (folder / "orders.csv").read_bytes()
    result = invoke(*asked(data, folder), "--asof", ASOF)
    assert result.exit_code == 2
    assert f"--folder {folder}" in " ".join(result.stderr.split())
    assert (folder / "orders.csv").read_bytes() == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--folder", "nowhere"], "there is no folder nowhere"),
        (["--holdings", "nowhere.csv"], "nowhere.csv: there is no such file"),
        (["--start", "2016-01-01"], "`start` 2016-01-01 is after the session"),
        (["--rules", "ashare", "--commission", "0.01"], "--commission has no effect"),
        (["--cash", "-5"], "`cash` must be a number of at least 0"),
    ],
)
def test_bad_input_is_one_sentence(data, tmp_path, options, told):
    result = invoke(*asked(data, tmp_path / "out"), "--asof", ASOF, *options)
    assert result.exit_code == 2 and told in " ".join(result.stderr.split())
    assert "Traceback" not in result.output
