"""Members from index-constitution: as they were, and nothing of its pickles is run."""

import importlib.util
import os
import pickle
import sys

import numpy as np
import pandas as pd
import pytest
import vendor_modules as standin
from hypothesis import given, settings
from hypothesis import strategies as st

import attngru_bt
from attngru_bt import DataError, Membership
from attngru_bt.data.vendors import Akshare, Baostock, YFinance, download, index_members
from attngru_bt.data.vendors.constituents import is_installed
from attngru_bt.data.vendors.pickled import NAMES, read_pickled_table

TEXT = pd.StringDtype("python", na_value=np.nan)
SPAN = {"start": "2020-01-02", "end": "2020-01-08"}
STAYS = {
    "csi300": [
        ("SH600000", "2005-04-08", None), ("SH600036", "2005-04-08", "2020-01-07"),
        ("SH601318", "2020-01-07", None), ("SZ000002", "2005-04-08", "2010-01-01"),
    ],
    "sp500": [
        ("AAPL", "1982-11-30", None), ("BRK.B", "2010-02-16", None),
        ("GAS", "2011-12-12", "2011-12-12"),  # a day of no members
        ("AGN", "1976-07-01", "2015-03-23"), ("AGN", "1999-04-12", "2020-05-12"),  # overlapping
    ],
}  # fmt: skip


def table(rows, dtype=TEXT):
    """A table as index-constitution 1.0.1 has it."""
    frame = pd.DataFrame(rows, columns=["symbol", "opt-in", "opt-out"])
    frame.insert(1, "name", "平安银行")
    for name in ("opt-in", "opt-out"):
        frame[name] = pd.to_datetime(frame[name])
    frame = frame.astype({"symbol": dtype, "name": dtype})
    return frame.set_axis(pd.Index(frame.columns, dtype=dtype), axis=1)


@pytest.fixture
def constitution(tmp_path, monkeypatch):
    """The package, with other lists; it cannot be imported."""
    home = tmp_path / "site"
    folder = home / "index_constitution" / "_data" / "history"
    folder.mkdir(parents=True)
    (home / "index_constitution" / "__init__.py").write_text("raise RuntimeError('imported')")
    for name, rows in STAYS.items():
        table(rows).to_pickle(folder / f"{name}.pkl")
    monkeypatch.syspath_prepend(home)
    return folder


@pytest.fixture
def yf(monkeypatch):
    monkeypatch.setitem(sys.modules, "yfinance", standin.make_yfinance({}))


@pytest.fixture
def no_package(monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: None if "constitution" in name else find(name)
    )


class TestMembers:
    def test_stays_are_what_a_membership_takes(self, constitution):
        stays = index_members("csi300", "2020-01-02", "2020-01-08")
        assert stays.to_numpy().tolist() == [
            ["600000.SH", "2005-04-08", ""],
            ["600036.SH", "2005-04-08", "2020-01-07"],
            ["601318.SH", "2020-01-07", ""],
        ]
        assert Membership.from_frame(stays).at("2020-01-07") == {"600000.SH", "601318.SH"}
        assert len(index_members("csi300")) == 4
        assert len(index_members("csi300", end="2020-01-06")) == 3

    def test_overlaps_are_joined_and_stays_of_no_day_left_out(self, constitution):
        stays = index_members("sp500")
        members = Membership.from_frame(stays)
        assert "GAS" not in members.symbols
        assert stays[stays["symbol"] == "AGN"].to_numpy().tolist() == [
            ["AGN", "1976-07-01", "2020-05-12"]
        ]
        assert members.check(members.symbols) == []

    def test_lists_with_holes_are_told(self, constitution, caplog):
        index_members("sp500", "2012-01-01", "2013-01-01")
        assert "on 2012-01-01 only 3 of 500 members are known" in caplog.text

    def test_before_the_lists_there_is_nobody(self, constitution):
        with pytest.raises(DataError, match="csi300: its members are known from 2005-04-08 on"):
            index_members("csi300", "2004-01-01")

    def test_mistakes(self, constitution, no_package):
        with pytest.raises(ValueError, match="did you mean 'csi300'"):
            index_members("csi3000")
        with pytest.raises(ModuleNotFoundError, match=r"pip install 'attngru_bt\[members\]'"):
            index_members("csi300")

    def test_another_version_of_the_package(self, constitution):
        table(STAYS["sp500"]).rename(columns={"opt-in": "from"}).to_pickle(
            constitution / "sp500.pkl"
        )
        with pytest.raises(DataError, match="has columns symbol, name, from, opt-out, expected"):
            index_members("sp500")
        (constitution / "sp500.pkl").unlink()
        with pytest.raises(DataError, match="sp500.pkl: is missing; install"):
            index_members("sp500")

    @pytest.mark.real
    def test_the_real_package_has_the_members_of_the_real_panel(self, csi300_path):
        """PyPI's lists against the panel's own, twice a year; `pip install index-constitution`."""
        if not is_installed():
            pytest.skip("index-constitution is not installed")
        theirs = Membership.from_frame(index_members("csi300"))
        ours = Membership.from_csv(csi300_path / "membership.csv")
        for day in pd.date_range("2010-01-31", "2019-12-31", freq="6ME"):
            assert theirs.at(day) == ours.at(day), day
        for name in ("csi500", "sp500", "nasdaq100", "dow30"):
            members = Membership.from_frame(index_members(name))
            assert members.check(members.symbols) == []


class TestFetch:
    @pytest.mark.slow
    def test_point_in_time_through_a_vendor_that_knows_todays_only(
        self, ak, constitution, tmp_path
    ):
        report = download(Akshare(patience()), "csi300", **SPAN, folder=tmp_path / "out")
        assert report.point_in_time
        members = attngru_bt.load(tmp_path / "out").membership
        assert members.at("2020-01-06") == {"600000.SH", "600036.SH"}
        assert members.at("2020-01-07") == {"600000.SH", "601318.SH"}

    @pytest.mark.slow
    def test_without_the_package_it_is_as_before(self, ak, no_package, tmp_path):
        report = download(Akshare(patience()), "csi300", **SPAN, folder=tmp_path)
        assert not report.point_in_time

    @pytest.mark.slow
    def test_a_vendor_with_lists_of_its_own_is_asked(self, bs, constitution, tmp_path):
        download(Baostock(patience()), "csi300", **SPAN, folder=tmp_path / "out")
        assert "members" in [call[0] for call in bs.log.calls]

    def test_tickers_are_spelled_as_the_vendor_does(self, yf, constitution, tmp_path):
        vendor = YFinance(patience())
        assert vendor.symbol("BRK.B") == "BRK-B" and vendor.symbol("VOD.L") == "VOD.L"
        assert vendor.symbol("SH600000") == vendor.symbol("600000.SH") == "600000.SS"
        asked = []
        vendor.bars = lambda symbol, start, end: asked.append(symbol) or empty()
        vendor.index = lambda name, start, end: empty()
        with pytest.raises(DataError, match="none of the 3 symbols has a bar"):
            download(vendor, "sp500", **SPAN, folder=tmp_path / "out")
        assert asked == ["AAPL", "AGN", "BRK-B"]

    def test_chinese_vendors_have_no_american_stocks(self, ak, bs, constitution, tmp_path):
        for vendor in (Akshare(patience()), Baostock(patience())):
            with pytest.raises(ValueError, match=f"{vendor.name} has no American stocks, of which"):
                download(vendor, "sp500", **SPAN, folder=tmp_path / vendor.name)

    def test_yahoo_without_the_package_says_how_to_get_it(self, yf, no_package, tmp_path):
        with pytest.raises(ValueError, match=r"pip install 'attngru_bt\[members\]' brings those"):
            download(YFinance(patience()), "sp500", **SPAN, folder=tmp_path)


def patience():
    return attngru_bt.data.vendors.Patience(0, sleep=lambda _: None)


def empty():
    return pd.DataFrame(columns=["date", "close"])


class Calls:
    """Unpickles to a call."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


class TestPickledTable:
    @pytest.mark.parametrize("dtype", [TEXT, object])
    @pytest.mark.parametrize("protocol", [4, 5])
    def test_is_what_pandas_wrote(self, dtype, protocol, tmp_path):
        frame = table(STAYS["csi300"], dtype)
        frame.to_pickle(tmp_path / "a.pkl", protocol=protocol)
        read = read_pickled_table(tmp_path / "a.pkl")
        assert list(read) == list(frame)
        for name in frame:
            pd.testing.assert_series_equal(
                read[name], frame[name], check_dtype=False, check_names=False
            )

    @pytest.mark.slow
    @settings(max_examples=8)
    @given(
        st.lists(
            st.tuples(
                st.text(max_size=3),
                st.datetimes(pd.Timestamp(1950, 1, 1), pd.Timestamp(2030, 1, 1)),
                st.none() | st.datetimes(pd.Timestamp(1950, 1, 1), pd.Timestamp(2030, 1, 1)),
            ),
            min_size=1,
            max_size=5,
        )
    )
    def test_of_any_rows(self, tmp_path_factory, rows):
        path = tmp_path_factory.mktemp("pickles") / "a.pkl"
        table(rows).to_pickle(path)
        read = read_pickled_table(path)
        pd.testing.assert_frame_equal(
            read, pd.read_pickle(path), check_dtype=False, check_column_type=False
        )

    @pytest.mark.parametrize(
        "make",
        [
            lambda mark: Calls(os.system, f"touch {mark}"),
            lambda mark: Calls(eval, f"open({mark!r}, 'w')"),
            lambda mark: Calls(open, mark, "w"),
            lambda mark: [table(STAYS["sp500"]), Calls(os.mkdir, mark)],
            lambda mark: Calls(np.load, mark),
            lambda mark: Calls(np.save, mark, 1),
            lambda mark: Calls(pd.read_pickle, mark),
            lambda mark: Calls(getattr, pd.DataFrame, "to_csv"),
            lambda mark: table(STAYS["sp500"]).assign(x=[Calls(os.mkdir, mark)] * 5),
        ],
    )
    def test_nothing_in_it_is_run(self, make, tmp_path):
        mark = tmp_path / "mark"
        (tmp_path / "a.pkl").write_bytes(pickle.dumps(make(str(mark))))
        with pytest.raises(DataError, match=r"is no pickled table .* nothing of it was run"):
            read_pickled_table(tmp_path / "a.pkl")
        assert not mark.exists()

    def test_what_is_forbidden_is_named(self, tmp_path):
        (tmp_path / "a.pkl").write_bytes(pickle.dumps(Calls(os.system, "true")))
        with pytest.raises(DataError, match=r"names (posix|nt)\.system, which is no part"):
            read_pickled_table(tmp_path / "a.pkl")

    def test_allowed_names_are_not_what_they_name(self, tmp_path):
        """Nothing can be set on a class of pandas through them, whose state they would be."""
        head = b"\x80\x04"
        name = b"cpandas\nDataFrame\n"
        for program in (
            head + name + b"}\x8c\x04evil\x8c\x01xsb.",  # BUILD on the class
            head + name + b"N}\x8c\x04evil\x8c\x01xs\x86b.",
            head + b"cpandas\nIndex\n(cpandas\nDataFrame\ntR.",
        ):
            (tmp_path / "a.pkl").write_bytes(program)
            with pytest.raises(DataError, match="nothing of it was run"):
                read_pickled_table(tmp_path / "a.pkl")
        assert not hasattr(pd.DataFrame, "evil")
        assert not any(name in ("eval", "exec", "getattr", "system") for _, name in NAMES)

    @pytest.mark.parametrize("at", range(0, 100, 7))
    def test_damage_is_an_error_or_harmless(self, at, tmp_path):
        data = bytearray(pickle.dumps(table(STAYS["csi300"])))
        place = len(data) * at // 100
        for change in (data[:place], data[:place] + bytes([data[place] ^ 255]) + data[place + 1 :]):
            (tmp_path / "a.pkl").write_bytes(change)
            try:
                assert isinstance(read_pickled_table(tmp_path / "a.pkl"), pd.DataFrame)
            except DataError as error:
                assert "a.pkl: is no pickled table" in str(error)

    def test_huge_ones_are_refused(self, tmp_path, monkeypatch):
        frame = table(STAYS["csi300"])
        frame.to_pickle(tmp_path / "a.pkl")
        data = (tmp_path / "a.pkl").read_bytes()
        (tmp_path / "b.pkl").write_bytes(data + b"\0" * (1 << 24))
        with pytest.raises(DataError, match="more than 16,777,216 bytes"):
            read_pickled_table(tmp_path / "b.pkl")
        monkeypatch.setattr("attngru_bt.data.vendors.pickled.MOST_ROWS", 3)
        with pytest.raises(DataError, match="more than 3 values"):
            read_pickled_table(tmp_path / "a.pkl")

    def test_no_room_is_made_for_what_is_not_there(self, tmp_path):
        """Nine bytes that ask for a place beyond all others: 32 GB, where the number is largest."""
        path = tmp_path / "table.pkl"
        for keep in (b"r" + (1 << 20).to_bytes(4, "little"), b"p1048576\n"):
            path.write_bytes(b"\x80\x04N" + keep + b".")
            with pytest.raises(DataError, match="it has the memo index 1048576"):
                read_pickled_table(path)

    def test_numbers_are_no_part_of_it(self, tmp_path):
        pd.DataFrame({"x": [1.0]}, columns=pd.Index(["x"], dtype=TEXT)).to_pickle(
            tmp_path / "a.pkl"
        )
        with pytest.raises(DataError, match="is no pickled table"):
            read_pickled_table(tmp_path / "a.pkl")
