"""``attngru-bt reconcile`` as its users meet it."""

import pandas as pd
import pytest
from csv_market import write_folder
from typer.testing import CliRunner

from attngru_bt import make_market
from attngru_bt.cli import app


def invoke(*arguments):
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope="module")
def book(tmp_path_factory):
    folder = tmp_path_factory.mktemp("book")
    write_folder(folder / "data", make_market(n_assets=10, n_days=230, seed=5, late=0, delisted=0))
    result = invoke(
        "picks", "--data", folder / "data", "--model=random", "--topk=3",
        "--asof=2015-10-31", "--out", folder / "out", "--book", folder / "book",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert f"{folder / 'book'}: kept as line 1" in result.stdout
    return folder


@pytest.mark.slow
def test_what_was_traded_beside_the_backtest(book, tmp_path):
    orders = pd.read_csv(book / "out" / "orders.csv")
    fills = orders.assign(Day="2015-11-02", Comm=-orders["fees"], shares=orders["shares"] - 1)
    fills.head(2).to_csv(tmp_path / "fills.csv", index=False)
    result = invoke(
        "reconcile", "--book", book / "book", "--fills", tmp_path / "fills.csv",
        "--columns", "date=Day,fees=Comm*-1", "--data", book / "data", "--out", tmp_path / "r.csv",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    for text in (
        "Account less backtest, by cause",
        "Skipped",
        "Orders of 2015-10-30",
        "against the backtest of the same session, valued at the closes of 2015-11-18",
    ):
        assert text in result.stdout  # fmt: skip
    written = pd.read_csv(tmp_path / "r.csv")
    assert written["proposed"].tolist() == orders["shares"].tolist()
    assert (written["skipped"] != 0).sum() == 1


@pytest.mark.slow
def test_on_paper(book):
    asked = ["reconcile", "--book", book / "book", "--paper", "--data", book / "data"]
    first, again = invoke(*asked), invoke(*asked)
    assert first.exit_code == 0 and first.stdout == again.stdout
    assert len((book / "book" / "ledger.jsonl").read_text().splitlines()) == 2


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--book", "nowhere"], "nowhere: there is no ledger (ledger.jsonl) in this folder"),
        (["--book", "BOOK", "--paper"], "give `market` (--data)"),
        (["--book", "BOOK", "--fills", "nowhere.csv"], "nowhere.csv: there is no such file"),
        (["--book", "BOOK", "--ignore", "x"], "no effect without --data"),
        (["--book", "BOOK", "--columns", "day"], "--columns must be names of ours"),
    ],
)
def test_bad_input_is_one_sentence(book, options, told):
    result = invoke("reconcile", *(book / "book" if o == "BOOK" else o for o in options))
    assert result.exit_code == 2 and told in " ".join(result.stderr.split())
