"""Vendors' answers become a panel in our units; what goes wrong is said and nothing is lost."""

import datetime
import logging
import sys
import types

import numpy as np
import pandas as pd
import pytest
import vendor_modules as standin
from hypothesis import given
from hypothesis import strategies as st

import attngru_bt
from attngru_bt.data.bars import DataError
from attngru_bt.data.codes import code, with_prefix
from attngru_bt.data.vendors import (
    VENDORS,
    Akshare,
    Baostock,
    Patience,
    TryAgain,
    VendorError,
    YFinance,
    download,
)
from attngru_bt.data.vendors.parts import Parts
from attngru_bt.data.vendors.stays import find_stays
from attngru_bt.data.vendors.wanted import wanted
from attngru_bt.data.vendors.yfinance import backward

START, END = pd.Timestamp("2020-01-02"), pd.Timestamp("2020-01-08")
SPAN = dict(start="2020-01-02", end="2020-01-08")
ADJUSTED = [40.0, 42.0, np.nan, 42.4, 43.2]  # raw close times 4, 4, -, 8, 8

# one split of 2 for 1 on day 2, a dividend of 0.5 on day 3
RAW = [100.0, 102.0, 51.5, 51.0, 52.0]
SPLITS = [1, 1, 2, 1, 1]
PAID = [0, 0, 0, 0.5, 0]
BACK = np.array([1.0, 1.0, 2.0, 2 * 51.5 / 51.0, 2 * 51.5 / 51.0])


def patience(retries=3, waits=None):
    """No waiting; the waits asked for go into a list."""
    waits = [] if waits is None else waits
    return Patience(0, retries, sleep=waits.append, clock=lambda: 0.0, jitter=lambda a, b: 1.0)


@pytest.fixture
def yf(monkeypatch):
    frames = {
        "AAPL": standin.yahoo(RAW, SPLITS, PAID),
        "MSFT": standin.yahoo([30.0, 31.0, 32.0, 33.0, 34.0], [1] * 5, [0] * 5),
        "^GSPC": standin.yahoo([3000.0, 3010.0, 3020.0, 3030.0, 3040.0], [1] * 5, [0] * 5),
    }
    module = standin.make_yfinance(frames)
    module.frames = frames
    monkeypatch.setitem(sys.modules, "yfinance", module)
    return module


class TestCodes:
    @pytest.mark.parametrize(
        ("text", "panel"),
        [
            ("600000", "600000.SH"),
            ("688001", "688001.SH"),
            ("000001", "000001.SZ"),
            ("300750", "300750.SZ"),
            ("430047", "430047.BJ"),
            ("920002", "920002.BJ"),
            ("900901", "900901.SH"),
            ("sh.600000", "600000.SH"),
            ("SZ000001", "000001.SZ"),
            ("600000.ss", "600000.SH"),
            ("000001.XSHE", "000001.SZ"),
            ("000016.SH", "000016.SH"),
        ],
    )
    def test_all_spellings_become_one(self, text, panel):
        assert code(text) == panel
        assert code(with_prefix(panel)) == code(with_prefix(panel, ".")) == panel

    @pytest.mark.parametrize("text", ["AAPL", "60000", "sh600000.SH", "", "600000.NY"])
    def test_what_is_no_code_is_refused(self, text):
        with pytest.raises(ValueError, match="no code of a Chinese stock"):
            code(text)


class TestAkshare:
    def test_units_and_factor(self, ak):
        frame = Akshare(patience()).bars("600000.SH", START, END)
        assert frame["date"].dt.strftime("%Y-%m-%d").tolist() == [
            d for d in standin.DAYS if d != "2020-01-06"
        ]
        assert frame["close"].tolist() == [10.0, 10.5, 5.3, 5.4]
        assert frame["volume"].tolist() == [1e6, 1.2e6, 2e6, 2.5e6]  # lots of 100 made shares
        assert frame["turnover"].tolist() == [0.5, 0.6, 0.5, 0.625]
        assert frame["adjfactor"].tolist() == [4.0, 4.0, 8.0, 8.0]
        # the exchange's reference price: 10.5 halved on the day of the split
        assert frame["preclose"].tolist()[1:] == [10.0, 5.25, 5.3]
        assert np.isnan(frame["preclose"].iloc[0])
        assert ak.log.calls[0] == ("hist", "600000", "20200102", "20200108")

    def test_a_later_split_changes_nothing(self, ak):
        short = Akshare(patience()).bars("600000.SH", START, pd.Timestamp("2020-01-03"))
        whole = Akshare(patience()).bars("600000.SH", START, END)
        pd.testing.assert_frame_equal(short, whole.iloc[:2])

    def test_volume_in_another_unit_is_refused(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "akshare", standin.make_akshare(lot=1))
        with pytest.raises(VendorError, match=r"688001.SH: amount over volume is 0\.0101 times"):
            Akshare(patience()).bars("688001.SH", START, END)

    def test_an_unknown_symbol_has_no_bars(self, ak):
        assert Akshare(patience()).bars("600999.SH", START, END).empty

    def test_members_are_todays_and_say_so(self, ak):
        members = Akshare(patience()).members("sse50", START, END)
        assert members.symbols == ("600000.SH", "600036.SH")
        assert members.stays is None

    def test_index_is_cut_to_the_days(self, ak):
        frame = Akshare(patience()).index("sse50", START, END)
        assert len(frame) == 5 and frame["date"].iloc[0] == START
        assert ak.log.calls == [("index", "sh000016")]

    def test_a_changed_format_is_named(self, ak, monkeypatch):
        monkeypatch.setattr(ak, "stock_zh_a_hist", lambda **_: pd.DataFrame({"date": [1]}))
        with pytest.raises(
            VendorError, match="600000.SH: the answer has no column '日期'; got date"
        ):
            Akshare(patience()).bars("600000.SH", START, END)

    def test_beijing_has_no_factors(self, ak, monkeypatch):
        hist = ak.stock_zh_a_hist
        monkeypatch.setattr(
            ak, "stock_zh_a_hist", lambda **given: hist(**given | {"symbol": "600000"})
        )
        with pytest.raises(VendorError, match="430047.BJ: adjustment factors: Sina has none"):
            Akshare(patience()).bars("430047.BJ", START, END)


class TestBaostock:
    def test_units_factor_and_suspension(self, bs, capsys):
        frame = Baostock(patience()).bars("600000.SH", START, END)
        assert frame["traded"].tolist() == [1, 1, 0, 1, 1]
        assert frame["adjfactor"].tolist() == standin.FACTOR
        np.testing.assert_array_equal(frame["close"], [10.0, 10.5, np.nan, 5.3, 5.4])
        np.testing.assert_array_equal(frame["preclose"], [9.9, 10.0, np.nan, 5.25, 5.3])
        np.testing.assert_array_equal(frame["volume"], [1e6, 1.2e6, np.nan, 2e6, 2.5e6])
        # 1e6 shares are 0.5% of 200 million; after the split of 400 million
        np.testing.assert_allclose(
            frame["float_cap"] / frame["close"], [2e8, 2e8, np.nan, 4e8, 4e8]
        )
        assert frame["pcf"].iloc[0] == -3.4
        assert capsys.readouterr().out == ""  # the library prints, we do not

    def test_the_whole_history_of_factors_is_asked_for(self, bs):
        Baostock(patience()).bars("600000.SH", START, END)
        assert ("factor", "sh.600000", "1990-01-01", "2020-01-08") in bs.log.calls

    def test_before_the_first_event_the_factor_is_one(self, bs, monkeypatch):
        fields = ("code", "dividOperateDate", "backAdjustFactor")
        monkeypatch.setattr(bs, "query_adjust_factor", lambda **_: standin.Answer(fields))
        frame = Baostock(patience()).bars("600000.SH", START, END)
        assert frame["adjfactor"].tolist() == [1.0] * 5

    def test_long_histories_come_in_spans_that_fit_on_a_page(self, bs):
        Baostock(patience()).bars("600000.SH", pd.Timestamp("2009-03-01"), END)
        spans = [call[2:] for call in bs.log.calls if call[0] == "bars"]
        assert spans == [
            ("2009-03-01", "2013-02-28"),
            ("2013-03-01", "2017-02-28"),
            ("2017-03-01", "2020-01-08"),
        ]

    def test_members_point_in_time_to_the_day(self, bs):
        members = Baostock(patience()).members(
            "sse50", pd.Timestamp("2020-01-15"), pd.Timestamp("2020-04-15")
        )
        assert members.stays.to_numpy().tolist() == [
            ["600000.SH", "2020-01-15", ""],
            ["600036.SH", "2020-01-15", ""],
            ["600519.SH", "2020-02-12", ""],
            ["601318.SH", "2020-01-15", "2020-02-12"],
        ]
        assert set(members.symbols) == {*standin.STEADY, *standin.FEB}

    def test_an_empty_list_of_members_is_no_universe(self, bs):
        with pytest.raises(VendorError, match="members of sse50 on 2005-01-01: the list is empty"):
            Baostock(patience()).members("sse50", pd.Timestamp("2005-01-01"), END)

    def test_a_lost_session_is_opened_again(self, bs):
        vendor = Baostock(patience())
        vendor.bars("600000.SH", START, END)
        bs.inside = False  # the server forgot us
        assert len(vendor.bars("600000.SH", START, END)) == 5
        assert [c[0] for c in bs.log.calls].count("login") == 2

    def test_a_network_error_is_tried_again(self, bs):
        waits = []
        bs.answers = [("10002007", "网络接收错误。"), ("10002007", "网络接收错误。")]
        assert len(Baostock(patience(waits=waits)).bars("600000.SH", START, END)) == 5
        assert waits == [2.0, 4.0]

    def test_the_vendors_refusal_is_passed_on_at_once(self, bs):
        waits = []
        bs.answers = [("10004011", "无效的证券代码")]
        with pytest.raises(VendorError, match="600000.SH: baostock says 10004011 无效的证券代码"):
            Baostock(patience(waits=waits)).bars("600000.SH", START, END)
        assert waits == []

    def test_a_failed_login_is_said(self, bs, monkeypatch):
        blocked = standin.Answer(error_code="10001011", error_msg="黑名单用户")
        monkeypatch.setattr(bs, "login", lambda: blocked)
        with pytest.raises(VendorError, match=r"\(login\): baostock says 10001011 黑名单用户"):
            Baostock(patience()).bars("600000.SH", START, END)

    def test_close_logs_out_once(self, bs):
        vendor = Baostock(patience())
        vendor.close()
        vendor.bars("600000.SH", START, END)
        vendor.close()
        vendor.close()
        assert [c[0] for c in bs.log.calls].count("logout") == 1

    def test_both_chinese_vendors_agree(self, ak, bs):
        one = Akshare(patience()).bars("600000.SH", START, END)
        two = Baostock(patience()).bars("600000.SH", START, END).query("traded == 1")
        shared = ["date", "open", "high", "low", "close", "volume", "turnover", "adjfactor"]
        pd.testing.assert_frame_equal(one[shared], two[shared].reset_index(drop=True))


class TestYFinance:
    def test_prices_are_raw_again_and_the_factor_is_backward(self, yf):
        frame = YFinance(patience()).bars("AAPL", pd.Timestamp("2019-01-01"), END)
        np.testing.assert_allclose(frame["close"], RAW, rtol=1e-12)
        np.testing.assert_allclose(frame["volume"], 1000, rtol=1e-12)
        np.testing.assert_allclose(frame["adjfactor"], BACK, rtol=1e-12)
        assert frame["date"].dt.tz is None and frame["date"].iloc[0] == pd.Timestamp("2020-01-01")

    def test_a_later_split_and_dividend_change_no_earlier_day(self, yf):
        vendor = YFinance(patience())
        before = vendor.bars("AAPL", START, END)
        yf.frames["AAPL"] = standin.yahoo(
            [*RAW, 52.5, 10.6, 10.4], [*SPLITS, 1, 5, 1], [*PAID, 0, 0, 0.3]
        )
        pd.testing.assert_frame_equal(
            before, vendor.bars("AAPL", START, pd.Timestamp("2020-01-07"))
        )

    def test_the_factor_does_not_depend_on_the_first_day(self, yf):
        vendor = YFinance(patience())
        late = vendor.bars("AAPL", pd.Timestamp("2020-01-03"), END)
        early = vendor.bars("AAPL", pd.Timestamp("2000-01-01"), END)
        pd.testing.assert_frame_equal(late, early.iloc[2:].reset_index(drop=True))

    @pytest.mark.slow
    @given(
        st.lists(
            st.tuples(
                st.floats(0.8, 1.25),
                st.sampled_from([1, 1, 1, 1, 2, 3, 0.1, 7]),
                st.sampled_from([0, 0, 0, 0.01, 0.2]),
            ),
            min_size=2,
            max_size=30,
        )
    )
    def test_price_times_factor_is_what_a_holder_owns(self, days):
        """Oracle: one share, dividends reinvested at the close before, less the dividend."""
        move, splits, paid = (np.array(v, dtype=float) for v in zip(*days, strict=True))
        raw, owned, shares = [100.0], [100.0], 1.0
        dividends = np.zeros(len(days))
        for t in range(1, len(days)):
            reference = raw[-1] / splits[t]  # the close before, in today's shares
            dividends[t] = paid[t] * reference
            shares *= splits[t] * (1 + dividends[t] / (reference - dividends[t]))
            raw.append((reference - dividends[t]) * move[t])
            owned.append(shares * raw[-1])
        splits[0] = 1
        history = standin.yahoo(raw, splits, dividends)
        names = dict(zip(history.columns, YAHOO, strict=True))
        given_frame = history.rename(columns=names).reset_index(names="date")
        out = backward(given_frame, "here")
        np.testing.assert_allclose(out["close"], raw, rtol=1e-9)
        np.testing.assert_allclose(out["close"] * out["adjfactor"], owned, rtol=1e-9)

    def test_an_unknown_ticker_has_no_bars(self, yf):
        assert YFinance(patience()).bars("NOPE", START, END).empty
        assert yf.config.debug.hide_exceptions is True  # as it was

    def test_an_http_404_is_an_unknown_ticker_and_a_503_is_not(self, yf):
        class HTTPError(Exception):
            def __init__(self, code):
                super().__init__(f"HTTP Error {code}:")
                self.response = types.SimpleNamespace(status_code=code)

        yf.log.errors = [HTTPError(404)]
        assert YFinance(patience()).bars("AAPL", START, END).empty
        yf.log.errors = [HTTPError(503)] * 4
        with pytest.raises(
            VendorError, match="AAPL: tried 4 times without success; HTTPError: HTTP"
        ):
            YFinance(patience()).bars("AAPL", START, END)

    def test_without_its_config_an_empty_frame_is_no_bars_too(self, yf, monkeypatch):
        monkeypatch.delattr(yf, "config")
        monkeypatch.setattr(yf.Ticker, "history", lambda self, **_: pd.DataFrame())
        assert YFinance(patience()).bars("NOPE", START, END).empty

    def test_rate_limit_then_success(self, yf):
        waits = []
        limit = yf.exceptions.YFRateLimitError
        yf.log.errors = [limit(), limit()]
        assert len(YFinance(patience(waits=waits)).bars("MSFT", START, END)) == 4
        assert waits == [2.0, 4.0]

    def test_days_without_an_open_are_left_out_with_a_word(self, yf, caplog):
        yf.frames["MSFT"].iloc[1, 0] = 0.0
        with caplog.at_level(logging.WARNING):
            frame = YFinance(patience()).bars("MSFT", pd.Timestamp("2020-01-01"), END)
        assert len(frame) == 4
        assert "MSFT: 1 days have a close but not all of open, high and low" in caplog.text

    def test_days_without_a_close_are_no_days_but_their_events_count(self, yf):
        frame = yf.frames["AAPL"]
        whole = YFinance(patience()).bars("AAPL", pd.Timestamp("2020-01-01"), END)
        frame.iloc[2, :6] = np.nan  # the day of the split
        frame["Adj Close"] = np.nan
        out = YFinance(patience()).bars("AAPL", pd.Timestamp("2020-01-01"), END)
        assert len(out) == 4
        np.testing.assert_allclose(out["close"], whole["close"].drop(2), rtol=1e-12)
        assert out["adjfactor"].iloc[1] == 1.0 and out["adjfactor"].iloc[2] > 2

    def test_yahoos_own_adjusted_close_is_a_second_opinion(self, yf, caplog):
        YFinance(patience()).bars("AAPL", START, END)
        assert not caplog.records
        yf.frames["AAPL"].iloc[3:, yf.frames["AAPL"].columns.get_loc("Adj Close")] *= 0.9
        YFinance(patience()).bars("AAPL", START, END)
        assert "AAPL: on 1 days the return by dividends and splits" in caplog.text
        assert "2020-01-06" in caplog.text

    def test_a_dividend_above_the_price_is_refused(self, yf):
        yf.frames["AAPL"].iloc[3, 6] = 60.0
        with pytest.raises(
            VendorError, match=r"AAPL on 2020-01-06: split 1 and dividend 60 do not"
        ):
            YFinance(patience()).bars("AAPL", START, END)

    def test_it_knows_no_members(self, yf):
        with pytest.raises(ValueError, match="yfinance has no members of sse50"):
            YFinance(patience()).members("sse50", START, END)


YAHOO = ["open", "high", "low", "close", "adjusted", "volume", "dividend", "split"]


class TestPatience:
    def test_waits_double_with_jitter_and_the_last_words_are_passed_on(self):
        waits = []
        asked = Patience(0, 3, sleep=waits.append, clock=lambda: 0.0, jitter=lambda low, high: high)

        def request():
            raise ConnectionError("Connection\n refused.")

        with pytest.raises(VendorError) as error:
            asked.ask("x: A", request)
        assert str(error.value) == (
            "x: A: tried 4 times without success; ConnectionError: Connection refused."
        )
        assert waits == [3.0, 6.0, 12.0]

    def test_a_wait_is_a_minute_and_a_half_at_most(self):
        waits = []
        asked = Patience(0, 9, sleep=waits.append, clock=lambda: 0.0, jitter=lambda low, high: high)
        with pytest.raises(VendorError):
            asked.ask("x", lambda: 1 / 0)
        assert max(waits) == 90.0

    def test_requests_are_a_pause_apart(self):
        now, waits = [0.0], []

        def sleep(seconds):
            waits.append(seconds)
            now[0] += seconds

        asked = Patience(1.5, 0, sleep=sleep, clock=lambda: now[0])
        for spent in (0.5, 2.0, 0.0):
            asked.ask("x", lambda spent=spent: now.__setitem__(0, now[0] + spent))
        assert waits == [1.0]  # after 0.5 s of work 1 s was missing, after 2 s nothing

    def test_a_refusal_is_not_asked_again(self):
        calls = []

        def request():
            calls.append(1)
            raise VendorError("no")

        with pytest.raises(VendorError, match="^no$"):
            patience().ask("x", request)
        assert len(calls) == 1

    def test_a_passing_failure_is(self):
        calls = []

        def request():
            calls.append(1)
            if len(calls) < 3:
                raise TryAgain("busy")
            return "here"

        assert patience().ask("x", request) == "here"

    def test_a_function_that_is_gone_is_no_network_trouble(self):
        with pytest.raises(VendorError, match="does not answer as documented .*has no attribute"):
            patience().ask("x", lambda: sys.gone_for_good)

    def test_ctrl_c_goes_through(self):
        def request():
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            patience().ask("x", request)

    @pytest.mark.parametrize(("pause", "retries"), [(-1, 3), (float("nan"), 3), (0, -1)])
    def test_wrong_numbers_are_refused(self, pause, retries):
        with pytest.raises(ValueError, match="`(pause|retries)` must be a .*number of at least 0"):
            Patience(pause, retries)


class TestStays:
    @pytest.mark.slow
    @given(
        st.lists(st.integers(0, 120), max_size=6),
        st.lists(st.integers(0, 120), max_size=6),
        st.integers(0, 120),
    )
    def test_every_change_between_lists_is_found_to_the_day(self, ins, outs, days):
        """Oracle: the lists themselves, day by day, where a change lasts over a first of month."""
        start = pd.Timestamp("2020-01-20")
        end = start + pd.Timedelta(days=days)
        changes = sorted({*ins, *outs})
        lists = {}
        for n in range(days + 1):
            passed = sum(change <= n for change in changes)
            lists[start + pd.Timedelta(days=n)] = frozenset(f"S{i}" for i in range(1 + passed))
        asked = []

        def at(day):
            asked.append(day)
            return lists[day]

        stays = find_stays(at, start, end)
        found = attngru_bt.Membership.from_frame(stays)
        for day, members in lists.items():
            assert found.at(day) == members
        assert len(asked) == len(set(asked))

    def test_few_days_are_asked_about(self):
        asked = []
        change = pd.Timestamp("2020-06-15")

        def at(day):
            asked.append(day)
            return frozenset({"A", "B"} if day < change else {"A", "C"})

        stays = find_stays(at, pd.Timestamp("2015-01-01"), pd.Timestamp("2024-12-31"))
        assert ["B", "2015-01-01", "2020-06-15"] in stays.to_numpy().tolist()
        assert len(asked) < 121 + 12

    @pytest.mark.real
    def test_the_history_of_a_real_index_is_found_again(self, sse50_path):
        """Asked day by day what the file says, halving finds the file again."""
        file = pd.read_csv(sse50_path / "membership.csv", dtype=str, keep_default_na=False)
        known = attngru_bt.Membership.from_frame(file)
        asked = []

        def at(day):
            asked.append(day)
            return known.at(day)

        start, end = pd.Timestamp("2015-01-05"), pd.Timestamp("2019-12-31")
        found = find_stays(at, start, end)
        expected = file.sort_values(["symbol", "in_date"], ignore_index=True)
        pd.testing.assert_frame_equal(found, expected)
        assert len(asked) < 61 + 12 * 6 * 2


class TestWanted:
    def test_names_symbols_and_files(self, tmp_path):
        assert wanted("SSE50", code, START, END).index == "sse50"
        assert wanted("600000, sz000001,600000", code, START, END).members.symbols == (
            "600000.SH",
            "000001.SZ",
        )
        file = tmp_path / "names.txt"
        file.write_text("600000\n\n000001.SZ\n", encoding="utf-8")
        assert wanted(str(file), code, START, END).members.symbols == ("000001.SZ", "600000.SH")
        file.write_text("name,symbol\nx,600000\n", encoding="utf-8")
        assert wanted(str(file), code, START, END).members.symbols == ("600000.SH",)

    def test_stays_of_a_file_are_kept_and_strangers_to_the_time_left_out(self, tmp_path):
        file = tmp_path / "m.csv"
        file.write_text(
            "symbol,in_date,out_date\n600000,2010-01-01,\n600036,2010-01-01,2020-01-02\n"
            "601318,2020-01-08,\n601398,2020-01-09,\n"
        )
        members = wanted(str(file), code, START, END).members
        assert members.symbols == ("600000.SH", "601318.SH")
        assert members.stays["in_date"].tolist() == ["2010-01-01", "2020-01-08"]

    @pytest.mark.parametrize(
        ("text", "says"),
        [
            ("sse5O", "did you mean 'sse50'?"),
            (
                "",
                "sp500, nasdaq100, dow30, a file, or symbols; got ''",
            ),
            ("600000,AAPL", "'AAPL' is no code of a Chinese stock"),
        ],
    )
    def test_mistakes_are_named(self, text, says):
        with pytest.raises(ValueError) as error:
            wanted(text, code, START, END)
        assert says in str(error.value)

    def test_a_wrong_line_names_the_file(self, tmp_path):
        file = tmp_path / "names.txt"
        file.write_text("600000\nApple\n")
        with pytest.raises(DataError, match=r"names.txt: 'Apple' is no code"):
            wanted(str(file), code, START, END)
        file.write_text("\n")
        with pytest.raises(DataError, match="no symbols for 2020-01-02"):
            wanted(str(file), code, START, END)


class TestDownload:
    @pytest.mark.slow
    def test_a_fetched_folder_is_a_market(self, bs, tmp_path):
        report = download(Baostock(patience()), "sse50", **SPAN, folder=tmp_path)
        assert [f.name for f in report.files] == ["panel.parquet", "membership.csv", "index.csv"]
        market = attngru_bt.load(tmp_path)
        assert market.bars.assets == ("600000.SH", "600036.SH", "601318.SH")
        np.testing.assert_allclose(market.bars.frame("close")["600000.SH"], np.delete(ADJUSTED, 2))
        assert market.membership.at("2020-01-03") == {"600000.SH", "600036.SH", "601318.SH"}
        assert market.benchmark["close"].tolist() == [10.0, 10.5, 10.5, 5.3, 5.4]
        assert market.membership.check(market.bars.assets) == []

    @pytest.mark.slow
    def test_the_suspended_day_is_a_day_without_trade(self, bs, tmp_path):
        download(Baostock(patience()), "600000,600036", **SPAN, folder=tmp_path, form="csv.gz")
        frame = pd.read_csv(tmp_path / "panel.csv.gz", dtype={"symbol": str})
        assert frame["traded"].tolist() == [1, 1, 0, 1, 1] * 2
        assert frame["close"].isna().sum() == 2

    @pytest.mark.slow
    def test_without_stays_there_is_no_membership_file(self, ak, tmp_path):
        report = download(Akshare(patience()), "sse50", **SPAN, folder=tmp_path)
        assert not report.point_in_time
        assert [f.name for f in report.files] == ["panel.parquet", "index.csv"]
        assert attngru_bt.load(tmp_path).membership is None
        np.testing.assert_allclose(
            attngru_bt.load(tmp_path).bars.frame("close")["600000.SH"], np.delete(ADJUSTED, 2)
        )

    def test_yahoo_makes_a_market_too(self, yf, tmp_path):
        download(
            YFinance(patience()),
            "AAPL,MSFT",
            "2020-01-01",
            "2020-01-08",
            tmp_path,
            index="^GSPC",
        )
        market = attngru_bt.load(tmp_path)
        np.testing.assert_allclose(market.bars.frame("close")["AAPL"], RAW * BACK)
        assert market.benchmark["close"].iloc[0] == 3000.0

    @pytest.mark.slow
    def test_an_interrupted_fetch_goes_on_where_it_stopped(self, bs, tmp_path):
        class Stop(Baostock):
            left = 2

            def bars(self, symbol, start, end):
                if self.left == 0:
                    raise KeyboardInterrupt
                self.left -= 1
                return super().bars(symbol, start, end)

        with pytest.raises(KeyboardInterrupt):
            download(Stop(patience()), "sse50", **SPAN, folder=tmp_path)
        assert not (tmp_path / "panel.parquet").exists()
        bs.log.calls.clear()
        report = download(Baostock(patience()), "sse50", **SPAN, folder=tmp_path)
        assert report.skipped == ["600000.SH", "600036.SH"]
        assert report.fetched == ["601318.SH"]
        asked = {call[1] for call in bs.log.calls if call[0] == "bars"}
        assert asked == {"sh.601318", "sh.000016"}  # and the index
        assert not [call for call in bs.log.calls if call[0] == "members"]
        assert len(attngru_bt.load(tmp_path).bars.assets) == 3

    @pytest.mark.slow
    def test_a_half_written_file_is_not_there(self, bs, tmp_path, monkeypatch):
        def torn(self, path, **kwargs):
            path.write_bytes(b"half")
            raise OSError("disk full")

        with monkeypatch.context() as patch:
            patch.setattr(pd.DataFrame, "to_parquet", torn)
            with pytest.raises(OSError, match="disk full"):
                download(Baostock(patience()), "600000", **SPAN, folder=tmp_path)
        assert [f.name for f in (tmp_path / ".parts").iterdir()] == ["plan.json"]
        assert download(Baostock(patience()), "600000", **SPAN, folder=tmp_path).fetched

    @pytest.mark.slow
    def test_two_fetches_write_the_same_bytes(self, bs, tmp_path):
        for name in ("one", "two"):
            download(Baostock(patience()), "sse50", **SPAN, folder=tmp_path / name, form="csv.gz")
        for file in ("panel.csv.gz", "membership.csv", "index.csv"):
            one, two = ((tmp_path / name / file).read_bytes() for name in ("one", "two"))
            assert one == two
        assert (tmp_path / "one" / "panel.csv.gz").read_bytes()[4:8] == b"\0" * 4  # no clock

    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("change", "says"),
        [
            (dict(end="2020-01-07"), "with end 2020-01-08, not 2020-01-07"),
            (dict(universe="600036"), "with universe 600000, not 600036"),
        ],
    )
    def test_parts_of_another_fetch_are_not_mixed_in(self, bs, tmp_path, change, says):
        first = dict(universe="600000", **SPAN)
        download(Baostock(patience()), **first, folder=tmp_path)
        with pytest.raises(DataError, match=says):
            download(Baostock(patience()), **first | change, folder=tmp_path)
        report = download(Baostock(patience()), **first | change, folder=tmp_path, fresh=True)
        assert report.fetched and not report.skipped

    def test_a_panel_of_the_users_own_is_left_alone(self, bs, tmp_path):
        (tmp_path / "panel.csv").write_text("mine")
        for fresh in (False, True):
            with pytest.raises(DataError, match="no fetch has written it"):
                download(Baostock(patience()), "600000", **SPAN, folder=tmp_path, fresh=fresh)
        assert [f.name for f in tmp_path.iterdir()] == ["panel.csv"]

    def test_another_format_replaces_the_first(self, bs, tmp_path):
        for form in ("csv.gz", "parquet"):
            download(Baostock(patience()), "600000", **SPAN, folder=tmp_path, form=form)
        assert [f.name for f in tmp_path.glob("panel.*")] == ["panel.parquet"]

    @pytest.mark.slow
    def test_one_failure_keeps_the_rest_and_writes_no_panel(self, bs, tmp_path, monkeypatch):
        class OneBad(Baostock):
            def bars(self, symbol, start, end):
                if symbol == "600036.SH":
                    raise VendorError("baostock: 600036.SH: no")
                return super().bars(symbol, start, end)

        report = download(OneBad(patience()), "sse50", **SPAN, folder=tmp_path)
        assert report.failed == {"600036.SH": "baostock: 600036.SH: no"} and not report.files
        assert not list(tmp_path.glob("panel.*"))
        report = download(OneBad(patience()), "sse50", **SPAN, folder=tmp_path, allow_missing=True)
        assert report.skipped == ["600000.SH", "601318.SH"]
        assert attngru_bt.load(tmp_path).bars.assets == ("600000.SH", "601318.SH")

    def test_after_three_failures_in_a_row_the_vendor_is_left_in_peace(self, bs, tmp_path):
        class Down(Baostock):
            def bars(self, symbol, start, end):
                bs.log.called("tried", symbol)
                raise VendorError(f"baostock: {symbol}: closed for the night.")

        with pytest.raises(VendorError, match="3 symbols in a row failed.*closed for the night"):
            download(Down(patience()), "600000,600036,600519,601318", **SPAN, folder=tmp_path)
        assert len([c for c in bs.log.calls if c[0] == "tried"]) == 3

    def test_bars_that_cannot_be_right_are_a_failure_with_symbol_and_day(self, bs, tmp_path):
        class Swapped(Baostock):
            def bars(self, symbol, start, end):
                frame = super().bars(symbol, start, end)
                return frame.rename(columns={"high": "low", "low": "high"})

        report = download(Swapped(patience()), "600000", **SPAN, folder=tmp_path)
        assert "600000.SH on 2020-01-02: column 'high'" in report.failed["600000.SH"]

    @pytest.mark.slow
    def test_a_symbol_without_bars_is_named_and_asked_for_again(self, bs, tmp_path):
        report = download(Baostock(patience()), "600000,999999", **SPAN, folder=tmp_path)
        assert report.empty == ["999999.SH"]
        again = download(Baostock(patience()), "600000,999999", **SPAN, folder=tmp_path)
        assert (again.skipped, again.empty) == (["600000.SH"], ["999999.SH"])
        with pytest.raises(DataError, match="none of the 1 symbols has a bar"):
            download(Baostock(patience()), "999999", **SPAN, folder=tmp_path / "none")

    @pytest.mark.slow
    def test_odd_tickers_are_files_too(self, yf, tmp_path):
        yf.frames["BRK-B"] = yf.frames["CON"] = yf.frames["MSFT"]
        report = download(YFinance(patience()), "brk-b,CON,^GSPC", **SPAN, folder=tmp_path)
        assert report.fetched == ["BRK-B", "CON", "^GSPC"]

    def test_parameters_that_cannot_be(self, bs, tmp_path):
        vendor = Baostock(patience())
        with pytest.raises(ValueError, match="`start` 2020-01-08 is after `end`"):
            download(vendor, "sse50", "2020-01-08", "2020-01-02", tmp_path)
        with pytest.raises(ValueError, match="`form` must be 'csv.gz' or 'parquet'"):
            download(vendor, "sse50", **SPAN, folder=tmp_path, form="xlsx")
        with pytest.raises(ValueError, match="no stocks of the Beijing exchange"):
            download(vendor, "430047,600000", **SPAN, folder=tmp_path)

    def test_a_date_object_is_a_date(self, bs, tmp_path):
        start = datetime.date(2020, 1, 2)
        assert download(Baostock(patience()), "600000", start, END, tmp_path).fetched


class TestPieces:
    """What an earlier start left is used if it is what was written then, or else fetched again."""

    PLAN = {"source": "x", "universe": "A,B", "start": "2020-01-02", "end": "2020-01-08"}

    def frame(self, symbol, rows=3):
        days = pd.date_range(START, periods=rows, unit="us")
        return pd.DataFrame({"date": days, "symbol": symbol, "close": np.arange(1.0, rows + 1)})

    def parts(self, folder, **change):
        return Parts(folder, self.PLAN | change)

    @pytest.fixture
    def kept(self, tmp_path):
        """Folder of the files of a fetch of A and B."""
        parts = self.parts(tmp_path)
        for symbol in "AB":
            parts.put(symbol, self.frame(symbol))
        parts.note("members", {"symbols": ["A", "B"]})
        return tmp_path / ".parts"

    def again(self, kept, caplog, *symbols):
        """Only these symbols are unfinished, with a warning each; fetched, all are well."""
        caplog.clear()
        parts = self.parts(kept.parent)
        assert [symbol for symbol in "AB" if not parts.has(symbol)] == list(symbols)
        said = [record.getMessage() for record in caplog.records]
        assert len(said) == len(symbols)
        for symbol, sentence in zip(symbols, said, strict=True):
            assert f"bars-{symbol}.parquet: " in sentence
            assert sentence.endswith(f"; {symbol} is fetched again.")
            with pytest.raises(DataError, match=f"bars-{symbol}.parquet: .* start the fetch again"):
                parts.get(symbol)
            parts.put(symbol, self.frame(symbol))
        for symbol in "AB":
            assert parts.has(symbol)
            pd.testing.assert_frame_equal(parts.get(symbol), self.frame(symbol), check_dtype=False)
        assert len(caplog.records) == len(symbols)
        return said

    def test_whole_pieces_are_used(self, kept, caplog):
        self.again(kept, caplog)
        assert not self.parts(kept.parent).has("C")
        assert not caplog.records

    @pytest.mark.parametrize(
        "damage",
        [
            lambda whole: b"",
            lambda whole: b"not Parquet",
            lambda whole: whole[: len(whole) // 2],
            lambda whole: whole[:60] + bytes([whole[60] ^ 1]) + whole[61:],
            lambda whole: bytes(len(whole)),
        ],
        ids=["empty", "foreign", "cut", "one bit", "zeros"],
    )
    def test_a_damaged_piece_is_fetched_again_with_a_warning(self, kept, caplog, damage):
        file = kept / "bars-B.parquet"
        file.write_bytes(damage(file.read_bytes()))
        assert "is not what the fetch wrote" in self.again(kept, caplog, "B")[0]

    @pytest.mark.parametrize("damage", [b"", b"{", b"[1]", b'{"symbol": "B"}', b"\xff"])
    def test_a_piece_whose_record_is_damaged_is_fetched_again(self, kept, caplog, damage):
        (kept / "bars-B.json").write_bytes(damage)
        self.again(kept, caplog, "B")

    def test_a_piece_that_is_gone_is_fetched_again(self, kept, caplog):
        (kept / "bars-B.parquet").unlink()
        assert "is missing" in self.again(kept, caplog, "B")[0]

    def test_a_piece_without_a_record_is_of_a_fetch_that_was_killed(self, kept, caplog):
        """Killed between the two files: nobody is told, the symbol is fetched."""
        (kept / "bars-B.json").unlink()
        assert not self.parts(kept.parent).has("B") and not caplog.records

    def test_pieces_that_were_swapped_are_fetched_again(self, kept, caplog):
        for kind in ("parquet", "json"):
            one, two = kept / f"bars-A.{kind}", kept / f"bars-B.{kind}"
            first, second = one.read_bytes(), two.read_bytes()
            one.write_bytes(second)
            two.write_bytes(first)
        assert "holds B" in self.again(kept, caplog, "A", "B")[0]

    def test_a_piece_of_another_fetch_is_fetched_again(self, kept, caplog, tmp_path):
        self.parts(tmp_path / "other", end="2020-01-03").put("B", self.frame("B", rows=2))
        for name in ("bars-B.parquet", "bars-B.json"):
            (kept / name).write_bytes((tmp_path / "other" / ".parts" / name).read_bytes())
        assert "is of another fetch" in self.again(kept, caplog, "B")[0]

    def test_a_piece_with_too_few_rows_is_fetched_again(self, kept, caplog, monkeypatch):
        """What reached the disk is not what was to be written."""
        write = pd.DataFrame.to_parquet
        with monkeypatch.context() as patch:
            patch.setattr(
                pd.DataFrame, "to_parquet", lambda self, *a, **k: write(self.iloc[:2], *a, **k)
            )
            self.parts(kept.parent).put("B", self.frame("B"))
        assert "has 2 rows, not 3" in self.again(kept, caplog, "B")[0]

    @pytest.mark.parametrize("damage", [b"", b"{", b"[]", b'{"source": "x"}', b"\xff", None])
    def test_a_damaged_plan_is_written_anew_and_its_pieces_stay(self, kept, caplog, damage):
        plan = kept / "plan.json"
        whole = plan.read_bytes()
        plan.unlink() if damage is None else plan.write_bytes(damage)
        assert Parts.planned(kept.parent, "end") is None
        parts = self.parts(kept.parent)
        assert "plan.json: is not what the fetch wrote" in caplog.text
        assert plan.read_bytes() == whole and Parts.planned(kept.parent, "end") == "2020-01-08"
        assert parts.has("A") and parts.note("members")["symbols"] == ["A", "B"]

    def test_under_a_damaged_plan_another_fetch_uses_nothing(self, kept, caplog):
        (kept / "plan.json").write_bytes(b"")
        parts = self.parts(kept.parent, end="2020-01-03")
        assert not parts.has("A") and not parts.has("B") and parts.note("members") is None
        assert caplog.text.count("is of another fetch") == 3

    def test_a_fetch_whose_plan_is_gone_can_be_forgotten(self, kept):
        (kept / "plan.json").unlink()
        Parts.forget(kept.parent)
        assert not kept.exists()

    @pytest.mark.parametrize("damage", [b"", b'{"symbols": []}'])
    def test_damaged_members_are_no_members(self, kept, caplog, damage):
        (kept / "members.json").write_bytes(damage)
        assert self.parts(kept.parent).note("members") is None
        assert "members.json: is not what the fetch wrote; it is fetched again." in caplog.text

    @pytest.mark.slow
    def test_only_what_is_damaged_is_asked_for(self, bs, tmp_path, caplog):
        def fetch():
            bs.log.calls.clear()
            return download(Baostock(patience()), "sse50", **SPAN, folder=tmp_path)

        fetch()
        panel = (tmp_path / "panel.parquet").read_bytes()
        (tmp_path / ".parts" / "bars-600036.SH.parquet").write_bytes(b"")
        (tmp_path / ".parts" / "members.json").write_bytes(b"")
        report = fetch()
        assert report.skipped == ["600000.SH", "601318.SH"] and report.fetched == ["600036.SH"]
        asked = {call[1] for call in bs.log.calls if call[0] == "bars"}
        assert asked == {"sh.600036", "sh.000016"}  # and the index
        assert [call for call in bs.log.calls if call[0] == "members"]
        assert len(caplog.records) == 2
        assert (tmp_path / "panel.parquet").read_bytes() == panel


class TestManySymbols:
    SYMBOLS = tuple(f"{600000 + n}.SH" for n in range(40))

    @pytest.mark.slow
    def test_more_than_25_symbols_between_commas(self, ak, tmp_path):
        """A list of more than 255 characters is no file name, and asking for one fails."""
        for count in (25, 26, 40):
            text = ",".join(self.SYMBOLS[:count])
            assert wanted(text, code, START, END).members.symbols == self.SYMBOLS[:count]
        long = ",".join(f"{600000 + n}.SH" for n in range(3000))
        assert len(wanted(long, code, START, END).members.symbols) == 3000
        report = download(Akshare(patience()), text, **SPAN, folder=tmp_path)
        assert len(report.symbols) == 40 and report.fetched == ["600000.SH", "600036.SH"]
        assert len(download(Akshare(patience()), text, **SPAN, folder=tmp_path).skipped) == 2

    def test_another_long_list_in_the_folder_is_a_short_sentence(self, ak, tmp_path):
        download(Akshare(patience()), ",".join(self.SYMBOLS), **SPAN, folder=tmp_path)
        with pytest.raises(DataError, match="holds a fetch with universe 600000.SH,") as error:
            download(Akshare(patience()), ",".join(self.SYMBOLS[1:]), **SPAN, folder=tmp_path)
        assert "(40 symbols), not 600001.SH," in str(error.value)
        assert len(str(error.value)) < 300 + len(str(tmp_path))

    def test_a_long_word_is_no_ticker(self, yf):
        with pytest.raises(ValueError, match="is no ticker of Yahoo"):
            wanted("A" * 300, YFinance(patience()).symbol, START, END)


@pytest.mark.parametrize("name", sorted(VENDORS))
def test_a_library_that_is_not_there_is_one_sentence(name, monkeypatch):
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(ModuleNotFoundError, match=rf"pip install 'attngru_bt\[{name}\]'"):
        VENDORS[name]()
