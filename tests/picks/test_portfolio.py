"""Holdings are checked line by line."""

import pandas as pd
import pytest

from attngru_bt.data.bars import DataError
from attngru_bt.picks.portfolio import read_portfolio

ASSETS = ("AAPL", "GE", "@ES")


def read(tmp_path, text, cash=None, **options):
    path = tmp_path / "holdings.csv"
    path.write_text(text)
    return read_portfolio(path, cash, ASSETS, **options)


def test_a_file_a_table_and_a_mapping_say_the_same(tmp_path):
    portfolio = read(tmp_path, "Symbol,shares,cost\nAAPL,10,101.5\n\n'@ES,5,\nCASH,700,\nGE,0,\n")
    assert portfolio.shares == {"AAPL": 10.0, "@ES": 5.0} and portfolio.cash == 700.0
    assert portfolio.cost == {"AAPL": 101.5}
    table = pd.DataFrame({"symbol": ["AAPL", "@ES"], "shares": [10, 5]})
    titled = table.rename(columns=str.title)
    mapping = {"AAPL": 10, "@ES": 5}
    for form in (table, table.set_index("symbol"), titled, mapping, pd.Series(mapping)):
        same = read_portfolio(form, 700, ASSETS)
        assert same.shares == portfolio.shares and same.cash == portfolio.cash


def test_without_holdings_there_is_cash():
    assert read_portfolio(None, None, ASSETS).cash == 1_000_000.0
    assert read_portfolio(None, 50, ASSETS).cash == 50.0
    with pytest.raises(ValueError, match="`cash` must be a number of at least 0"):
        read_portfolio(None, -1, ASSETS)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("AAPLE,5", "line 2: 'AAPLE' is no name in the data, so it has no price; did you mean"),
        ("AAPL,-5", "line 2: AAPL is held short (-5)"),
        ("AAPL,2.5", "line 2: AAPL has 2.5 shares; expected a whole number of shares"),
        ("AAPL,many", "line 2: shares must be a number such as 1200; got 'many'"),
        ("AAPL,nan", "line 2: shares must be a number"),
        ("AAPL,1\nGE,2\nAAPL,3", "line 4: AAPL is there twice, first in "),
        ("CASH,1\nCASH,2", "line 3: the cash is there twice"),
        ("CASH,-1", "line 2: the cash is -1; an account in debt"),
        ("AAPL,12,000", "line 2: has 3 cells, and the first line 2"),
    ],
)
def test_errors_name_the_line(tmp_path, text, told):
    with pytest.raises(DataError) as error:
        read(tmp_path, f"symbol,shares\n{text}\n", cash=None if "CASH" in text else 0)
    assert f"holdings.csv, {told}" in str(error.value)


def test_all_faulty_lines_are_told_at_once(tmp_path):
    lines = "\n".join(f"X{i},1" for i in range(7))
    with pytest.raises(DataError) as error:
        read(tmp_path, f"symbol,shares\n{lines}\n", cash=0)
    told = str(error.value)
    assert all(f"line {i}" in told for i in range(2, 7)) and "line 7:" not in told
    assert told.endswith("(2 more lines are wrong.)")


def test_lots_and_fractions(tmp_path):
    assert read(tmp_path, "symbol,shares\nGE,2.5\n", 0, lot=0.0).shares == {"GE": 2.5}
    assert read(tmp_path, "symbol,shares\nGE,0.3\n", 0, lot=0.1).shares == {"GE": 0.3}
    with pytest.raises(DataError, match="a multiple of the lot, 100 shares"):
        read(tmp_path, "symbol,shares\nGE,150\n", 0, lot=100.0)


def test_the_cash_is_said_once(tmp_path):
    with pytest.raises(DataError, match="cash is given twice: 5 as `cash`"):
        read(tmp_path, "symbol,shares\nCASH,7\n", 5)
    with pytest.raises(DataError, match="no line CASH, and no `cash`"):
        read(tmp_path, "symbol,shares\nGE,7\n")


def test_costs_are_checked(tmp_path):
    with pytest.raises(DataError, match="line 2: the cost of GE must be above 0 a share; got 0"):
        read(tmp_path, "symbol,shares,cost\nGE,7,0\n", 1)


def test_other_files(tmp_path):
    with pytest.raises(DataError, match="the column 'shares' is missing.*did you mean 'share'"):
        read(tmp_path, "symbol,share\nGE,7\n", 1)
    with pytest.raises(DataError, match="there is no such file"):
        read_portfolio(tmp_path / "none.csv", 1, ASSETS)
    with pytest.raises(TypeError, match="`holdings` must be a file, .* or a mapping.*; got list"):
        read_portfolio([("AAPL", 5)], 1, ASSETS)
    (tmp_path / "holdings.csv").write_bytes(b"symbol,shares\n\xff\xfe,1\n")
    with pytest.raises(DataError, match="is not UTF-8 text"):
        read_portfolio(tmp_path / "holdings.csv", 1, ASSETS)


def test_a_file_of_a_chinese_broker_is_read(tmp_path):
    (tmp_path / "holdings.csv").write_bytes("symbol,shares,名称\nGE,7,通用电气\n".encode("gb18030"))
    assert read_portfolio(tmp_path / "holdings.csv", 1, ASSETS).shares == {"GE": 7}
