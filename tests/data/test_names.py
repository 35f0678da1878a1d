"""Which characters a symbol may have, and that what a CSV file is given comes back from it."""

import csv
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

import attngru_bt
from attngru_bt.audit.accuracy import read_scores
from attngru_bt.cli import app
from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.files import read_folder, read_table
from attngru_bt.data.membership import Membership
from attngru_bt.data.names import fault, from_cell, from_cells, to_cell, to_cells
from attngru_bt.data.vendors.parts import Parts
from attngru_bt.factors import join_factor_file
from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.roles import named
from attngru_bt.reports.output import as_csv
from attngru_bt.reports.partial import PartialScores
from attngru_bt.walkforward.record import MonthRecord

HIDDEN = {
    "A\0B": "U+0000 (a control character)",
    "A\tB": "U+0009",
    "A\rB": "U+000D",
    "A\nB": "U+000A",
    "A\u202eB": "U+202E (RIGHT-TO-LEFT OVERRIDE)",
    "A\u2066B": "U+2066 (LEFT-TO-RIGHT ISOLATE)",
    "A\u200bB": "U+200B (ZERO WIDTH SPACE)",
    "\ufeffA": "U+FEFF",
    "A\u2028B": "U+2028 (LINE SEPARATOR)",
    "A\udc80B": "U+DC80",
}
SEEN = ["BRK.B", "^GSPC", "-", "ES=F", "600000.SH", "浦发银行", "万\u3000科Ａ", "$SPX", "R&D", "é"]
FORMULAS = ["@ES", "=1+1", "+A", "-B", "=HYPERLINK(A1)", "'@C", "''=D", "\uff1dE", "\uff20F"]


def rows(*symbols):
    days = ["2020-01-02", "2020-01-03"]
    parts = [{"date": day, "symbol": name, "close": 10.0} for name in symbols for day in days]
    return pd.DataFrame(parts)


def test_names_that_can_be_seen_are_names():
    assert [fault(name) for name in SEEN + FORMULAS] == [""] * len(SEEN + FORMULAS)
    assert set(read_table(rows(*SEEN, *FORMULAS)).assets) == set(SEEN + FORMULAS)


@pytest.mark.parametrize("name", HIDDEN, ids=ascii)
class TestHidden:
    def test_in_a_table(self, name, tmp_path):
        if "\udc80" in name:
            pytest.skip("half a character is in no table: pandas refuses it")
        with pytest.raises(DataError) as caught:
            read_table(rows("OTHER", name))
        message = str(caught.value)
        assert HIDDEN[name] in message and "in row 3" in message
        assert message.isprintable(), "the message itself hides nothing"
        file = tmp_path / "prices.csv"
        rows("OTHER", name).to_csv(file, index=False, quoting=csv.QUOTE_NONNUMERIC)
        with pytest.raises(DataError, match=rf"^{re.escape(str(file))}: symbol .*in row 3"):
            read_table(file)

    def test_in_bars(self, name):
        with pytest.raises(DataError, match=re.escape(HIDDEN[name])):
            Bars(pd.date_range("2020-01-01", periods=1), (name,), {"close": np.ones((1, 1))})

    def test_among_members(self, name):
        with pytest.raises(DataError, match=f"mine: symbol .*{re.escape(HIDDEN[name])}"):
            Membership([name], ["2020-01-01"], [None], "mine")

    def test_as_the_name_of_a_feed(self, name):
        feed = bt.feeds.PandasData(dataname=pd.DataFrame())
        feed._name = name
        with pytest.raises(DataError, match=f"Feed name .*{re.escape(HIDDEN[name])}"):
            named([feed])


@pytest.mark.parametrize("name", ["A\u202eB", "A\udc80B"], ids=ascii)
def test_a_file_name_that_hides_something(name, tmp_path):
    try:
        rows("A").drop(columns="symbol").to_csv(tmp_path / f"{name}.csv", index=False)
    except OSError:
        pytest.skip("no such file name on this system")
    with pytest.raises(DataError, match=rf"name of the file .*{re.escape(HIDDEN[name])}"):
        read_folder(tmp_path)


class TestCells:
    @pytest.mark.parametrize("name", FORMULAS)
    def test_no_cell_begins_a_formula(self, name):
        assert to_cell(name) == f"'{name}" and from_cell(to_cell(name)) == name

    @pytest.mark.parametrize("name", sorted(set(SEEN) - {"-"}))
    def test_other_names_stay_as_they_are(self, name):
        assert to_cell(name) == from_cell(name) == name

    @pytest.mark.slow
    @given(st.lists(st.text("'@=+-A \uff20", max_size=6), min_size=1))
    def test_every_text_comes_back(self, names):
        table = to_cells(pd.DataFrame({"=symbol": names, "n": -1.5}))
        assert list(table.columns) == ["'=symbol", "n"]
        assert not any(cell.lstrip().startswith(("=", "+", "-", "@")) for cell in table["'=symbol"])
        assert [from_cell(cell) for cell in table["'=symbol"]] == names
        assert from_cells(table["'=symbol"]).tolist() == names
        assert table["n"].eq(-1.5).all()

    def test_numbers_and_what_is_not_known_stay(self):
        date = pd.Timestamp("2020-01-02")
        whole = pd.Series([1, None], dtype=object)
        table = pd.DataFrame({"a": [-1, 2], "b": [None, "-"], "c": [date, date], "d": whole})
        assert as_csv(table) == "a,b,c,d\n-1,,2020-01-02,1\n2,'-,2020-01-02,\n"


class TestRoundTrip:
    """What one command writes another one reads, for names that a spreadsheet would compute."""

    names = ["-B", "=1+1", "@ES", "A"]

    def test_scores(self, tmp_path):
        scores = {"month_end": "2020-01-31", "symbol": self.names, "score": -0.5, "label": 1}
        (tmp_path / "scores.csv").write_text(as_csv(pd.DataFrame(scores)))
        text = (tmp_path / "scores.csv").read_text()
        assert "2020-01-31,'@ES,-0.5,1" in text and "2020-01-31,A,-0.5,1" in text
        assert read_scores(tmp_path / "scores.csv").index.get_level_values(1).tolist() == self.names

    def test_partial_scores(self, tmp_path):
        partial = PartialScores(tmp_path)
        scores = pd.Series(1.0, index=self.names)
        partial.append([MonthRecord(month_end=pd.Timestamp("2020-01-31"), scores=scores)])
        assert "2020-01-31,'@ES,1.0" in partial.path.read_text()

    def test_a_fetched_panel_and_its_members(self, tmp_path):
        parts = Parts(tmp_path, {})
        parts.write("panel.csv.gz", rows(*self.names))
        stays = {"symbol": self.names, "in_date": "2019-01-01", "out_date": ""}
        parts.write("membership.csv", pd.DataFrame(stays))
        assert "'@ES,2019" in (tmp_path / "membership.csv").read_text()
        market = attngru_bt.load(tmp_path)
        assert list(market.bars.assets) == self.names
        assert market.membership.symbols == tuple(self.names)

    def test_computed_factors(self, tmp_path):
        table = pd.concat(
            pd.DataFrame({"date": pd.bdate_range("2020-01-01", periods=30), "symbol": name,
                          "close": np.linspace(10, 12 + i, 30)})
            for i, name in enumerate(self.names)
        )  # fmt: skip
        table.to_parquet(tmp_path / "prices.parquet")
        command = ["factors", "compute", "--data", tmp_path / "prices.parquet", "--names", "MA5"]
        done = CliRunner().invoke(app, [str(a) for a in [*command, "--out", tmp_path / "f.csv"]])
        assert done.exit_code == 0, done.output
        text = (tmp_path / "f.csv").read_text()
        assert ",'@ES," in text and ",A," in text
        bars = read_table(tmp_path / "prices.parquet")
        joined = join_factor_file(bars, tmp_path / "f.csv")
        assert np.isfinite(joined["MA5"][-1]).all()
