"""Tables as common sources give them: each is the same market as our own long form."""

import logging
import re

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import attngru_bt
from attngru_bt import DataError, backtest
from attngru_bt.cli import app
from attngru_bt.data.files import read_folder, read_index, read_table
from attngru_bt.data.layouts import LAYOUTS, recognize

DAYS = pd.bdate_range("2020-01-02", periods=8)
CODES = ("000001.SZ", "600000.SH")
PRICES = ["open", "high", "low", "close"]


def own(symbols=CODES):
    """Rows in our own form; the second stock pays a tenth of its price on the fifth day."""
    rng = np.random.default_rng(3)
    parts = []
    for number, symbol in enumerate(symbols):
        close = np.round(10 * (number + 1) * np.exp(np.cumsum(rng.normal(0, 0.02, len(DAYS)))), 2)
        frame = pd.DataFrame({"date": DAYS, "symbol": symbol, "close": close})
        frame["open"] = np.round(close * rng.uniform(0.99, 1.01, len(DAYS)), 2)
        frame["high"] = np.round(frame[["open", "close"]].max(axis=1) * 1.01, 2)
        frame["low"] = np.round(frame[["open", "close"]].min(axis=1) * 0.99, 2)
        frame["preclose"] = np.r_[close[0], close[:-1]]
        frame["volume"] = 100.0 * rng.integers(1_000, 9_000, len(DAYS))
        frame["amount"] = np.round(frame["volume"] * (frame["high"] + frame["low"]) / 2)
        frame["turnover"] = np.round(rng.uniform(0.1, 3, len(DAYS)), 2)
        frame["adjfactor"] = np.where(number and np.arange(len(DAYS)) >= 4, 1 / 0.9, 1.0)
        parts.append(frame)
    return pd.concat(parts, ignore_index=True)


def same(bars, rows, lines=(*PRICES, "volume"), spell=str):
    """Compare lines of bars, and their names, with rows in our own form."""
    want = read_table(rows[["date", "symbol", *dict.fromkeys(("close", *lines))]])
    assert set(bars.assets) == {spell(asset) for asset in want.assets}
    bars = bars.select([spell(asset) for asset in want.assets])
    assert bars.dates.equals(want.dates)
    for line in dict.fromkeys(("close", *lines)):
        np.testing.assert_allclose(bars[line], want[line], rtol=1e-12, err_msg=line)


def tushare(rows):
    """``pro.daily``: newest first, a symbol after the other."""
    frame = rows.rename(
        columns={"symbol": "ts_code", "date": "trade_date", "preclose": "pre_close"}
    )
    frame = frame.assign(
        trade_date=frame["trade_date"].dt.strftime("%Y%m%d"),
        change=0.1,
        pct_chg=1.0,
        vol=frame["volume"] / 100,
        amount=frame["amount"] / 1000,
    )
    names = ["ts_code", "trade_date", *PRICES, "pre_close", "change", "pct_chg", "vol", "amount"]
    parts = [part[names].iloc[::-1] for _, part in frame.groupby("ts_code", sort=False)]
    return pd.concat(parts, ignore_index=True)


def akshare(rows):
    """``stock_zh_a_hist`` of each stock, joined."""
    return pd.DataFrame(
        {
            "日期": rows["date"].dt.date,
            "股票代码": rows["symbol"].str[:6],
            "开盘": rows["open"],
            "收盘": rows["close"],
            "最高": rows["high"],
            "最低": rows["low"],
            "成交量": (rows["volume"] / 100).astype(int),
            "成交额": rows["amount"],
            "振幅": 1.5,
            "涨跌幅": 0.5,
            "涨跌额": 0.05,
            "换手率": rows["turnover"],
        }
    )


def dotted(symbol):
    return f"{symbol[7:].lower()}.{symbol[:6]}"


def baostock(rows):
    """``query_history_k_data_plus``: all text; a suspended day repeats the close before."""
    frame = rows.assign(
        date=rows["date"].dt.strftime("%Y-%m-%d"), code=rows["symbol"].map(dotted), adjustflag="3",
        turn=rows["turnover"], tradestatus="1", pctChg="0.5", peTTM="8.1", pbMRQ="0.9",
        psTTM="2.0", pcfNcfTTM="3.0", isST="0",
    )  # fmt: skip
    frame = frame[
        ["date", "code", *PRICES, "preclose", "volume", "amount", "adjustflag", "turn",
         "tradestatus", "pctChg", "peTTM", "pbMRQ", "psTTM", "pcfNcfTTM", "isST"]
    ]  # fmt: skip
    return frame.map(str)


def compact(symbol):
    return f"{symbol[7:]}{symbol[:6]}"


def qlib(rows, order=("datetime", "instrument")):
    """``D.features``: adjusted prices, which start at 1, and the factor they were adjusted with."""
    factor = rows["adjfactor"] / rows.groupby("symbol")["close"].transform("first")
    frame = pd.DataFrame(
        {
            "datetime": rows["date"],
            "instrument": rows["symbol"].map(compact),
            **{f"${name}": rows[name] * factor for name in PRICES},
            "$volume": rows["volume"] / factor,
            "$factor": factor,
            "$change": 0.01,
        }
    )
    return frame.set_index(list(order)).sort_index()


TICKERS = ("AAPL", "BRK-B")


def yahoo(rows, adjusted=True):
    """``yf.download`` with auto_adjust=False: a header of two rows."""
    frame = rows.rename(columns=str.title).rename(columns={"Symbol": "Ticker"})
    # all closes before the dividend are lower by it: a factor that ends with 1
    last = frame.groupby("Ticker")["Adjfactor"].transform("last")
    frame["Adj Close"] = frame["Close"] * frame["Adjfactor"] / last
    names = ["Adj Close"] * adjusted + ["Close", "High", "Low", "Open", "Volume"]
    wide = frame.pivot(index="Date", columns="Ticker", values=names)
    return wide.rename_axis(columns=["Price", "Ticker"])


class TestSameMarket:
    def test_tushare(self, caplog):
        caplog.set_level(logging.INFO)
        bars = read_table(tushare(own()))
        same(bars, own(), (*PRICES, "preclose", "volume", "amount"))
        assert set(bars.lines) == {*PRICES, "preclose", "volume", "amount"}
        assert "the DataFrame: tushare layout; vol in lots of 100, amount in thousands" in (
            caplog.text
        )
        assert "not used: change, pct_chg" in caplog.text

    @pytest.mark.slow
    def test_tushare_of_a_day_at_a_time_with_valuations_and_factor(self):
        frame = tushare(own()).sort_values(["trade_date", "ts_code"])
        factor = own().set_index(["symbol", "date"])["adjfactor"]
        index = [
            (s, pd.Timestamp(d)) for s, d in zip(frame["ts_code"], frame["trade_date"], strict=True)
        ]
        frame = frame.assign(
            adj_factor=factor.loc[index].to_numpy(), total_mv=2e4, circ_mv=1e4, turnover_rate=0.7
        )
        bars = read_table(frame)
        adjusted = own().assign(
            **{name: own()[name] * own()["adjfactor"] for name in PRICES},
            volume=own()["volume"] / own()["adjfactor"],
        )
        same(bars, adjusted, (*PRICES, "volume", "amount"))
        assert np.all(bars["market_cap"] == 2e8) and np.all(bars["float_cap"] == 1e8)
        assert np.all(bars["turnover"] == 0.7)

    @pytest.mark.slow
    @pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
    def test_akshare(self, encoding, tmp_path, caplog):
        caplog.set_level(logging.INFO)
        path = tmp_path / "all.csv"
        akshare(own()).to_csv(path, encoding=encoding)  # with numbers of rows, as pandas does
        for table in (akshare(own()), path):
            bars = read_table(table)
            same(bars, own(), (*PRICES, "volume", "amount", "turnover"), lambda symbol: symbol[:6])
            assert set(bars.lines) == {*PRICES, "volume", "amount", "turnover"}
        assert "akshare layout; 成交量 in lots of 100" in caplog.text
        assert ("read as GB 18030" in caplog.text) == (encoding == "gb18030")

    @pytest.mark.slow
    def test_akshare_of_sina(self):
        frame = own().drop(columns=["preclose", "adjfactor"])
        frame = frame.assign(turnover=frame["turnover"] / 100, outstanding_share=1e9)
        bars = read_table(frame)
        same(bars, own(), (*PRICES, "volume", "amount", "turnover"))
        assert "outstanding_share" not in bars

    @pytest.mark.slow
    def test_baostock(self, caplog):
        frame = baostock(own())
        idle = (frame["code"] == "sz.000001") & (frame["date"] == "2020-01-06")
        frame.loc[idle, ["tradestatus", "volume", "amount", "turn"]] = ["0", "", "", ""]
        bars = read_table(frame)
        expected = own()
        day = (expected["symbol"] == "000001.SZ") & (expected["date"] == "2020-01-06")
        lines = (*PRICES, "preclose", "volume", "amount", "turnover")
        expected.loc[day, list(lines)] = np.nan
        same(bars, expected, lines, dotted)
        assert {"pe", "pb", "ps", "pcf", "st"} < set(bars.lines)
        assert not ({"adjustflag", "pctchg", "isst", "tradestatus"} & set(bars.lines))
        assert not [r for r in caplog.records if r.levelname == "WARNING"]

    @pytest.mark.slow
    @pytest.mark.parametrize("order", [("datetime", "instrument"), ("instrument", "datetime")])
    @pytest.mark.parametrize("named", [True, False])
    def test_qlib(self, order, named):
        frame = qlib(own(), order)
        bars = read_table(frame if named else frame.rename_axis([None, None]), adjust=False)
        same(bars, own(), spell=compact)
        assert set(bars.lines) == {*PRICES, "volume", "adjfactor"}
        adjusted = frame["$close"].unstack("instrument")
        np.testing.assert_allclose(read_table(frame)["close"], adjusted)

    @pytest.mark.slow
    def test_qlib_as_parquet_and_csv(self, tmp_path):
        frame = qlib(own())
        frame.to_parquet(tmp_path / "a.parquet")
        frame.to_csv(tmp_path / "a.csv")
        for name in ("a.parquet", "a.csv"):
            same(read_table(tmp_path / name, adjust=False), own(), spell=compact)

    @pytest.mark.slow
    @pytest.mark.parametrize("order", [["Price", "Ticker"], ["Ticker", "Price"]])
    @pytest.mark.parametrize("names", [True, False])
    def test_yfinance_of_two_rows(self, order, names, tmp_path):
        frame = yahoo(own(TICKERS)).reorder_levels(order, axis=1).sort_index(axis=1)
        if not names:  # as old versions gave it
            frame = frame.rename_axis(columns=[None, None])
        frame.to_csv(tmp_path / "all.csv")
        for table in (frame, tmp_path / "all.csv"):
            bars = read_table(table, adjust=False)
            same(bars, own(TICKERS))
            factor = own(TICKERS).pivot(index="date", columns="symbol", values="adjfactor")
            np.testing.assert_allclose(bars["adjfactor"], factor, rtol=1e-12)

    def test_yfinance_of_two_rows_adjusted(self):
        bars = read_table(yahoo(own(TICKERS), adjusted=False))
        same(bars, own(TICKERS))
        assert "adjfactor" not in bars

    @pytest.mark.slow
    def test_yfinance_of_one_stock_a_file(self, tmp_path, caplog):
        caplog.set_level(logging.INFO)
        frame = yahoo(own(TICKERS))
        for ticker in TICKERS:
            part = frame.xs(ticker, axis=1, level="Ticker").rename_axis(columns=None)
            part = part.assign(Dividends=0.0, **{"Stock Splits": 0.0})
            part.index = part.index.tz_localize("America/New_York")
            part.to_csv(tmp_path / f"{ticker}.csv")
        bars = read_folder(tmp_path, adjust=False)
        same(bars, own(TICKERS))
        assert set(bars.lines) == {*PRICES, "volume", "adjfactor"}
        (line,) = [r.getMessage() for r in caplog.records if "layout" in r.getMessage()]
        assert "yfinance layout; adjfactor from 'adj close' over 'close'" in line

    @pytest.mark.slow
    def test_stooq_of_both_headers(self, tmp_path):
        bulk, single = tmp_path / "bulk", tmp_path / "single"
        for folder in (bulk, single):
            folder.mkdir()
        for symbol, part in own(("aapl.us", "brk-b.us")).groupby("symbol"):
            frame = part[["date", *PRICES, "volume"]]
            frame.rename(columns=str.title).to_csv(single / f"{symbol}.csv", index=False)
            table = pd.DataFrame(
                {"<TICKER>": symbol.upper(), "<PER>": "D",
                 "<DATE>": frame["date"].dt.strftime("%Y%m%d"), "<TIME>": "000000",
                 **{f"<{name.upper()}>": frame[name] for name in PRICES},
                 "<VOL>": frame["volume"], "<OPENINT>": 0}
            )  # fmt: skip
            table.to_csv(bulk / f"{symbol}.txt", index=False)
        (bulk / "readme.txt").write_text("Not a table.")
        for folder in (bulk, single):
            bars = read_folder(folder)
            same(bars, own(("aapl.us", "brk-b.us")))
            assert set(bars.lines) == {*PRICES, "volume"}
        table["<PER>"] = "60"
        table.to_csv(bulk / "brk-b.us.txt", index=False)
        with pytest.raises(DataError, match="row 1 has <PER> 60; give Stooq's daily data"):
            read_folder(bulk)

    @pytest.mark.slow
    @pytest.mark.parametrize("suffix", ["csv", "parquet"])
    @pytest.mark.parametrize("name", ["Date", None])
    def test_a_column_per_symbol(self, suffix, name, tmp_path, caplog):
        caplog.set_level(logging.INFO)
        symbols = ("000001", "LOW", "OPEN")  # two are names of columns, too
        wide = own(symbols).pivot(index="date", columns="symbol", values="close")
        wide = wide.rename_axis(index=name, columns=None)
        path = tmp_path / f"all.{suffix}"
        wide.to_csv(path) if suffix == "csv" else wide.to_parquet(path)
        for table in (wide, wide.reset_index(names="date"), path):
            bars = read_table(table)
            same(bars, own(symbols), ())
            assert set(bars.lines) == {"close"}
        assert "a column per symbol, taken for closes" in caplog.text

    def test_a_column_per_symbol_with_days_without_trade(self):
        wide = own(("A", "B", "C")).pivot(index="date", columns="symbol", values="close")
        wide.iloc[3, 1] = np.nan
        np.testing.assert_array_equal(read_table(wide)["close"], wide.to_numpy())
        assert read_table(wide, ignore=["b"]).assets == ("A", "C")

    @pytest.mark.slow
    def test_other_names_of_date_and_symbol(self):
        frame = own().rename(columns={"date": "datetime", "symbol": "ticker"})
        same(read_table(frame.drop(columns="adjfactor")), own())
        same(read_table(frame.set_index(["datetime", "ticker"]).drop(columns="adjfactor")), own())

    def test_our_own_names_win(self):
        frame = own().drop(columns="adjfactor").assign(code="1", vol=3.0)
        bars = read_table(frame)
        same(bars, own())
        assert np.all(bars["vol"] == 3.0)

    @pytest.mark.slow
    def test_every_layout_is_tried_here(self):
        frames = (tushare(own()), akshare(own()), baostock(own()), qlib(own()).reset_index())
        found = {recognize(map(str.lower, frame.columns), "x").name for frame in frames}
        others = {"akshare (Sina)", "Stooq", "yfinance"}
        assert found | others == {layout.name for layout in LAYOUTS}


class TestColumns:
    @pytest.mark.slow
    def test_names_and_units_of_the_user(self, tmp_path):
        frame = own().drop(columns="adjfactor")
        frame = frame.rename(columns={"date": "Day", "symbol": "ID", "close": "Last"})
        frame["Lots"] = frame.pop("volume") / 100
        frame["ID"] = frame["ID"].str[:6]
        frame.to_csv(tmp_path / "a.csv", index=False)
        columns = {"date": "day", "symbol": "ID", "close": "Last", "volume": "Lots * 100"}
        for table in (frame, tmp_path / "a.csv"):
            bars = read_table(table, columns=columns)
            same(bars, own(), (*PRICES, "volume", "amount"), lambda symbol: symbol[:6])

    def test_they_go_before_those_of_a_layout(self):
        """The user's word on a unit stands; the rest of the layout stays known."""
        frame = tushare(own())
        frame["vol"] *= 10
        columns = {"date": "trade_date", "symbol": "ts_code", "volume": "vol*10"}
        same(read_table(frame, columns=columns), own(), (*PRICES, "volume", "amount"))

    @pytest.mark.parametrize(
        ("columns", "error", "words"),
        [
            ({"date": "dya"}, DataError, "`columns` names 'dya' as date, which is not there"),
            ("date=x", TypeError, "`columns` must be a mapping"),
            ({"date": 3}, TypeError, "must map names to names"),
            ({"open": "close", "high": "close"}, ValueError, "'close' is there twice"),
            ({"volume": "amount*0"}, ValueError, "must be positive"),
            ({"close": "open"}, DataError, "'close' and 'open' may both be 'close'"),
        ],
    )
    def test_what_cannot_be(self, columns, error, words):
        with pytest.raises(error, match=re.escape(words)):
            read_table(own(), columns=columns)


class TestAmbiguous:
    """An error that names both readings."""

    def test_shares_or_lots(self):
        frame = own().rename(columns={"volume": "vol"}).drop(columns="adjfactor")
        with pytest.raises(DataError, match="'vol' may be shares or lots of 100; say which"):
            read_table(frame)
        same(read_table(frame, columns={"volume": "vol"}), own())
        assert "volume" not in read_table(frame, ignore=["vol"])

    @pytest.mark.slow
    def test_lots_hold_for_chinese_stocks_only(self):
        frame = akshare(own()).assign(股票代码="00700").iloc[: len(DAYS)]
        with pytest.raises(DataError, match="'成交量' in lots of 100 .*'00700' may be either"):
            read_table(frame)
        bars = read_table(frame, columns={"volume": "成交量*100"})
        np.testing.assert_allclose(bars["volume"][:, 0], own()["volume"][: len(DAYS)])
        with pytest.raises(DataError, match="'700' has lost the zeros in front of it"):
            read_table(frame.assign(股票代码="700"))
        with pytest.raises(DataError, match="'AAPL' may be either.*also for 'amount'"):
            read_table(tushare(own()).assign(ts_code="AAPL").iloc[: len(DAYS)])

    @pytest.mark.parametrize("off", [10.0, 100.0, 0.01])
    def test_a_unit_that_the_amounts_contradict(self, off):
        for frame in (own().drop(columns="adjfactor"), tushare(own())):
            frame["amount"] *= off
            with pytest.raises(DataError, match=f"amount over volume is {off:g} times the prices"):
                read_table(frame)

    def test_adjusted_prices_are_no_wrong_unit_but_worth_a_word(self, caplog):
        frame = tushare(own())
        frame[PRICES] /= 3.7
        read_table(frame)
        assert "amount over volume is 3.6" in caplog.text or "is 3.7" in caplog.text
        assert "they are adjusted" in caplog.text

    def test_two_columns_for_one_line(self):
        with pytest.raises(DataError, match="columns 'vol' and 'volume' may both be 'volume'"):
            read_table(tushare(own()).assign(volume=1.0))
        frame = own().drop(columns=["adjfactor", "symbol"]).assign(ticker="A", code="B")
        with pytest.raises(DataError, match="'ticker' and 'code' may both be the symbol"):
            read_table(frame)
        frame = own().drop(columns="adjfactor").assign(close_qfq=1.0, close_hfq=2.0)
        with pytest.raises(DataError, match="'close_qfq' and 'close_hfq' are both adjusted"):
            read_table(frame)

    def test_two_sources(self):
        with pytest.raises(DataError, match="may be a table of tushare .* or of akshare"):
            read_table(tushare(own()).assign(日期="2020-01-02", 收盘=1.0))

    def test_day_or_month_first(self):
        frame = own().assign(date="03/04/2020")
        with pytest.raises(DataError, match="may be 2020-04-03 or 2020-03-04"):
            read_table(frame)
        with pytest.raises(DataError, match="got '31/12/2020'. Or|got '31/12/2020'\\."):
            read_table(own().assign(date="31/12/2020"))

    def test_a_header_of_two_rows_of_something_else(self):
        frame = yahoo(own(TICKERS)).rename(columns={"Close": "Mood"}, level=0)
        with pytest.raises(DataError, match="a header of 2 rows; of two rows as yfinance writes"):
            read_table(frame)

    def test_an_index_that_cannot_be_told(self):
        frame = own().assign(date=own()["date"].astype(str)).set_index(["date", "symbol"])
        with pytest.raises(DataError, match="levels of the index cannot be told; name them"):
            read_table(frame.rename_axis([None, None]))

    def test_a_date_that_is_there_twice(self):
        frame = own().drop(columns="adjfactor")
        with pytest.raises(DataError, match="'date' is both the index and a column; drop one"):
            read_table(frame.set_index(pd.Index(frame["date"])))
        with pytest.raises(DataError, match="is both a level of the index and a column"):
            read_table(frame.set_index(["date", "symbol"], drop=False))

    def test_doubts_about_many_files_are_told_once(self, tmp_path, caplog):
        for code, part in akshare(own()).groupby("股票代码"):
            part.assign(
                **{name: part[name] / 3 for name in ("开盘", "收盘", "最高", "最低")}
            ).to_csv(tmp_path / f"{code}.csv")
        read_folder(tmp_path)
        (line,) = [r.getMessage() for r in caplog.records if "adjusted" in r.getMessage()]
        assert line.endswith("So it is in 2 files.")

    def test_a_file_of_a_day_in_a_folder_of_symbols(self, tmp_path):
        frame = tushare(own())
        for date, part in frame.groupby("trade_date"):
            part.to_csv(tmp_path / f"{date}.csv", index=False)
        with pytest.raises(DataError, match="has 2 symbols .*join such files into one table"):
            read_folder(tmp_path)

    @pytest.mark.slow
    def test_baostock_adjusted(self, caplog):
        read_table(baostock(own()).assign(adjustflag="2"))
        assert "adjustflag 2" in caplog.text and "know the future" in caplog.text
        frame = baostock(own())
        frame.loc[0, "adjustflag"] = "1"
        with pytest.raises(DataError, match="adjustflag must be 3 .* in all rows; got 1, 3"):
            read_table(frame)

    def test_text_that_is_neither_utf_8_nor_chinese(self, tmp_path):
        text = "date,symbol,close,näme\n2020-01-02,Ärzte,1,ü\n"
        (tmp_path / "a.csv").write_bytes(text.encode("latin-1"))
        with pytest.raises(DataError, match="not UTF-8 text"):
            read_table(tmp_path / "a.csv")


class TestAdjustedClose:
    def frame(self):
        rows = own().drop(columns="adjfactor")
        later = np.where(own()["adjfactor"] == 1, 0.9, 1.0)  # as seen from the end
        later = np.where(rows["symbol"] == "000001.SZ", 1.0, later)
        return rows.assign(**{"Adj Close": rows["close"] * later})

    def test_it_becomes_a_backward_factor(self):
        bars = read_table(self.frame(), adjust=False)
        factor = own().pivot(index="date", columns="symbol", values="adjfactor")
        np.testing.assert_allclose(bars["adjfactor"], factor, rtol=1e-12)

    @pytest.mark.slow
    def test_no_later_day_changes_it(self):
        """A dividend after the cut rescales every adjusted close before, and no factor."""
        whole = self.frame()
        cut = whole[whole["date"] < DAYS[4]].assign(**{"Adj Close": lambda f: f["close"]})
        before = read_table(whole)
        np.testing.assert_allclose(before["close"][:4], read_table(cut)["close"], rtol=1e-12)

    def test_a_factor_that_is_there_goes_before(self, caplog):
        frame = self.frame().assign(adjfactor=2.0)
        bars = read_table(frame)
        assert np.all(bars["adjfactor"] == 2.0) and "adj close" not in bars
        assert "column 'adj close' is left out" in caplog.text

    def test_a_negative_one_is_an_error(self):
        frame = self.frame()
        frame.loc[2, "Adj Close"] = -1.0
        with pytest.raises(DataError, match="000001.SZ in row 3: column 'adj close' must be pos"):
            read_table(frame)

    def test_dividends_that_were_added_are_told(self, caplog):
        days = pd.bdate_range("2020-01-02", periods=60)
        close = np.round(20 * np.exp(np.cumsum(np.random.default_rng(1).normal(0, 0.03, 60))), 2)
        frame = pd.DataFrame({"date": days, "symbol": "A", "close": close})
        read_table(frame.assign(close_hfq=np.round(close * 3.1, 2)))
        assert "adds dividends" not in caplog.text
        read_table(frame.assign(close_hfq=close + 30))
        assert "adds dividends where it should multiply" in caplog.text


class TestSpelling:
    @pytest.mark.parametrize("spell", [str, dotted, compact, lambda s: s.replace("SH", "SS")])
    def test_members_of_another_spelling(self, spell, tmp_path):
        tushare(own()).to_csv(tmp_path / "panel.csv", index=False)
        stays = pd.DataFrame({"symbol": map(spell, CODES), "in_date": "2019-01-01"})
        stays.assign(out_date=["2020-01-06", ""]).to_csv(tmp_path / "membership.csv", index=False)
        members = attngru_bt.load(tmp_path).membership
        assert members.at("2020-01-03") == set(CODES)
        assert members.at("2020-01-07") == {"600000.SH"}

    def test_american_ones(self):
        market = attngru_bt.load(yahoo(own(TICKERS)))
        stays = pd.DataFrame({"symbol": ["AAPL.US", "BRK.B", "MSFT"], "in_date": "2019-01-01"})
        members = attngru_bt.Membership.from_frame(stays.assign(out_date=None))
        spelled = members.spelled(market.bars.assets)
        assert spelled.at("2020-01-02") == {"AAPL", "BRK-B", "MSFT"}

    def test_members_that_are_none(self):
        members = attngru_bt.Membership(["Apple", "Berkshire"], ["2019-01-01"] * 2, [None] * 2)
        with pytest.raises(DataError, match=r"none of its 2 members \(Apple, …\) has bars, whose"):
            attngru_bt.Market(read_table(yahoo(own(TICKERS))), None, members, "x")

    def test_one_that_may_be_two(self):
        members = attngru_bt.Membership(["SH600000"], ["2019-01-01"], [None])
        with pytest.raises(DataError, match="SH600000 may be 600000 or 600000.SH, which both"):
            members.spelled(("600000", "600000.SH"))

    def test_chinese_text_in_a_membership_file(self, tmp_path):
        text = "symbol,name,in_date,out_date\nSH600000,浦发银行,2019-01-01,\n"
        (tmp_path / "members.csv").write_bytes(text.encode("gb18030"))
        members = attngru_bt.Membership.from_csv(tmp_path / "members.csv")
        assert members.symbols == ("SH600000",)


class TestIndexFiles:
    @pytest.mark.slow
    def test_of_sources(self, tmp_path):
        index = own(("000300.SH",)).drop(columns="adjfactor")
        frames = {
            "tushare": tushare(index),
            "akshare": akshare(index).drop(columns="股票代码"),
            "yfinance": yahoo(own(("^GSPC",))),
        }
        for name, frame in frames.items():
            path = tmp_path / f"{name}.csv"
            frame.to_csv(path, index=name == "yfinance")
            read = read_index(path)
            np.testing.assert_allclose(read["close"], index["close"], rtol=1e-12)
            np.testing.assert_allclose(read["volume"], index["volume"], rtol=1e-12)
            assert "adjfactor" not in read


class TestDoors:
    def market(self):
        market = attngru_bt.make_market(4, 90, seed=1, late=0, gaps=0, delisted=0)
        return market, market.bars.frame("close")

    def test_a_data_frame_is_a_market(self):
        market, wide = self.market()
        read = attngru_bt.load(wide)
        assert read.name == "DataFrame" and read.benchmark is None
        np.testing.assert_array_equal(read.bars["close"], market.bars["close"])
        with pytest.raises(TypeError, match="`data` must be a DataFrame, or the path"):
            attngru_bt.load(3)

    @pytest.mark.slow
    def test_backtest_takes_it(self, tmp_path):
        _, wide = self.market()
        scores = wide.resample("BME").last()
        wide.to_csv(tmp_path / "wide.csv")
        runs = [
            backtest.run(data, signal=scores, topk=2, start="2015-02-01").trade_log.frame()
            for data in (wide, tmp_path / "wide.csv", attngru_bt.load(wide))
        ]
        assert len(runs[0]) and runs[0].equals(runs[2]) and runs[1].equals(runs[2])

    @pytest.mark.slow
    def test_the_command_line(self, tmp_path):
        frame = tushare(own()).iloc[::-1].rename(columns={"trade_date": "Day"})
        frame.drop(columns=["change", "pct_chg", "amount"]).to_csv(tmp_path / "a.csv", index=False)
        data, out = str(tmp_path / "a.csv"), tmp_path / "factors.csv"
        words = ["factors", "compute", "--data", data, "--names", "BIAS5", "--out", str(out)]
        run = CliRunner().invoke(app, words)
        assert run.exit_code == 2 and "column 'date' is missing" in " ".join(run.stderr.split())
        run = CliRunner().invoke(app, [*words, "--columns", "date=Day,volume=vol*100"])
        assert run.exit_code == 0, run.stderr
        said = " ".join(run.stderr.split())
        assert "date from 'day'" in said and "vol in units of 100" in said
        tushare(own()).to_csv(tmp_path / "a.csv", index=False)
        run = CliRunner().invoke(app, words)
        assert "tushare layout; vol in lots of 100" in " ".join(run.stderr.split())
        for wrong, told in (
            ("date", "--columns must be names of ours and of the data"),
            ("date=a,date=b", "--columns names two columns as date: a and b"),
            ("date=dai", "which is not there"),
        ):
            run = CliRunner().invoke(app, [*words, "--columns", wrong])
            assert run.exit_code == 2 and told in " ".join(run.stderr.split())
        run = CliRunner().invoke(app, ["factors", "compute", "--columns", "a=b", "--out", str(out)])
        assert run.exit_code == 2 and "--columns has no effect without" in run.stderr
