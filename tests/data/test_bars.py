"""Bars: shapes, slices, files with all their checks, and feeds read up to a day."""

from __future__ import annotations

import gzip
import logging
import pickle

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from attngru_bt.data import make_market
from attngru_bt.data.bars import Bars, DataError
from attngru_bt.data.files import read_folder, read_index, read_table
from attngru_bt.data.market import Market
from attngru_bt.feeds.engine import bt
from attngru_bt.feeds.market_feeds import add_feeds
from attngru_bt.feeds.panel_feed import PanelFeed
from attngru_bt.feeds.reader import FeedReader, from_feeds


def small() -> Bars:
    close = np.array([[1.0, 2.0], [np.nan, 3.0], [4.0, 5.0]])
    dates = pd.DatetimeIndex(["2020-01-02", "2020-01-03", "2020-01-06"])
    return Bars(dates, ("A", "B"), {"close": close, "pe": close * 2}, np.array([7.0, 8.0, 9.0]))


def same(a: Bars, b: Bars) -> None:
    """Assert equality to the bit."""
    assert a.assets == b.assets
    assert a.dates.equals(b.dates)
    assert set(a.lines) == set(b.lines)
    for name in a.lines:
        np.testing.assert_array_equal(a[name], b[name], err_msg=name)
    assert a.digest() == b.digest()


class TestBars:
    def test_slices(self):
        bars = small()
        assert len(bars) == 3
        assert len(bars.before("2020-01-03")) == 1
        assert len(bars.until("2020-01-03")) == 2
        assert len(bars.before("2020-01-05")) == len(bars.until("2020-01-05")) == 2
        assert len(bars.before("2019-01-01")) == 0
        assert bars.before(pd.Timestamp("2020-01-06 15:00")).benchmark.tolist() == [7, 8]
        assert bars.traded.tolist() == [[True, True], [False, True], [True, True]]
        assert bars.frame("close").loc["2020-01-06", "B"] == 5
        assert bars.select(["B"])["pe"].ravel().tolist() == [4, 6, 10]
        assert bars.ages.tolist() == [[1, 1], [1, 2], [2, 3]]
        assert bars.until("2020-01-03").ages.tolist() == [[1, 1], [1, 2]]
        assert bars.rows(1, 3).ages.tolist() == [[0, 1], [1, 2]]  # counted from its own first day

    def test_slices_are_views_and_nothing_can_be_written(self):
        bars = small()
        assert np.shares_memory(bars.before("2020-01-06")["close"], bars["close"])
        for part in (bars, bars.before("2020-01-06"), bars.select(["A"])):
            for array in (*part.lines.values(), part.benchmark):
                with pytest.raises(ValueError, match="read-only"):
                    array[0] = 0
        with pytest.raises(TypeError):
            bars.lines["pe"] = bars["close"]
        with pytest.raises(AttributeError):
            bars.dates = bars.dates[:1]

    def test_unknown_names_get_a_hint(self):
        with pytest.raises(KeyError, match="no line 'clsoe'.*did you mean 'close'"):
            small()["clsoe"]
        with pytest.raises(KeyError, match="no asset 'C'"):
            small().select(["C"])

    def test_digest_changes_with_every_part_and_with_nothing_else(self):
        bars = small()
        lines = dict(bars.lines)
        shuffled = Bars(bars.dates, bars.assets, dict(reversed(lines.items())))
        assert shuffled.digest() == bars.digest()
        assert len(bars.digest()) == 64
        changed = lines["pe"].copy()
        changed[0, 0] += 1e-15
        others = [
            Bars(bars.dates + pd.Timedelta(days=1), bars.assets, lines),
            Bars(bars.dates, ("A", "C"), lines),
            Bars(bars.dates, bars.assets, {"close": lines["close"]}),
            Bars(bars.dates, bars.assets, lines | {"pe": changed}),
            Bars(bars.dates, bars.assets, {"close": lines["close"], "pb": lines["pe"]}),
        ]
        assert len({b.digest() for b in [bars, *others]}) == 6

    def test_pickle(self):
        back = pickle.loads(pickle.dumps(small().before("2020-01-06")))
        same(back, small().before("2020-01-06"))
        assert not back["close"].flags.writeable

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({"dates": small().dates[::-1]}, "must increase strictly"),
            ({"dates": small().dates.tz_localize("UTC")}, "naive session dates"),
            ({"dates": small().dates + pd.Timedelta(hours=9)}, "naive session dates"),
            ({"assets": ("A", "A")}, "Asset 'A' is there twice"),
            ({"assets": ("A", 1)}, "non-empty strings; got 1"),
            ({"lines": {"pe": np.ones((3, 2))}}, "must contain 'close'"),
            ({"lines": {"close": np.ones((2, 2))}}, r"must have shape \(3, 2\); got \(2, 2\)"),
            ({"benchmark": np.ones(2)}, r"`benchmark` must have shape \(3,\)"),
        ],
    )
    def test_messages(self, change, message):
        given_ = {"dates": small().dates, "assets": ("A", "B"), "lines": dict(small().lines)}
        with pytest.raises(DataError, match=message):
            Bars(**(given_ | change))


def table(**changes) -> pd.DataFrame:
    """Two symbols, three days; B has no 2020-01-03."""
    frame = pd.DataFrame(
        {
            "date": ["2020-01-02", "2020-01-03", "2020-01-06", "2020-01-02", "2020-01-06"],
            "symbol": ["000001", "000001", "000001", "B", "B"],
            "open": [10.0, 11.0, 12.0, 20.0, 21.0],
            "high": [11.0, 12.0, 13.0, 21.0, 22.0],
            "low": [9.0, 10.0, 11.0, 19.0, 20.0],
            "close": [10.5, 11.5, 12.5, 20.5, 21.5],
            "volume": [100.0, 200.0, 300.0, 400.0, 500.0],
            "adjfactor": [1.0, 2.0, 2.0, 1.0, 1.0],
            "my factor": [0.1, None, 0.3, -0.4, 0.5],
        }
    )
    return frame.assign(**changes)


def write(frame: pd.DataFrame, path) -> str:
    if str(path).endswith(".parquet"):
        frame.to_parquet(path)
    else:
        frame.to_csv(path, index=False)
    return str(path)


class TestReadTable:
    @pytest.mark.parametrize("name", ["t.csv", "t.csv.gz", "t.parquet"])
    def test_values(self, tmp_path, name):
        bars = read_table(write(table(), tmp_path / name))
        assert bars.assets == ("000001", "B")
        assert list(bars.dates.strftime("%Y-%m-%d")) == ["2020-01-02", "2020-01-03", "2020-01-06"]
        assert set(bars.lines) == set(table().columns) - {"date", "symbol"}
        # price x adjfactor, volume / adjfactor, the rest untouched
        np.testing.assert_array_equal(bars["close"], [[10.5, 20.5], [23.0, np.nan], [25.0, 21.5]])
        np.testing.assert_array_equal(bars["open"], [[10, 20], [22, np.nan], [24, 21]])
        np.testing.assert_array_equal(bars["volume"], [[100, 400], [100, np.nan], [150, 500]])
        np.testing.assert_array_equal(bars["adjfactor"], [[1, 1], [2, np.nan], [2, 1]])
        np.testing.assert_array_equal(
            bars["my factor"], [[0.1, -0.4], [np.nan, np.nan], [0.3, 0.5]]
        )

    def test_unadjusted(self):
        bars = read_table(table(), adjust=False)
        np.testing.assert_array_equal(bars["close"][:, 0], [10.5, 11.5, 12.5])
        np.testing.assert_array_equal(bars["volume"][:, 0], [100, 200, 300])

    def test_the_order_of_symbols_and_columns_and_their_case_do_not_matter(self):
        frame = table()
        by_date = frame.sort_values("date", kind="stable").iloc[:, ::-1]
        same(read_table(frame), read_table(by_date))
        same(
            read_table(frame),
            read_table(frame.rename(columns=str.upper).rename(columns={"MY FACTOR": "my factor"})),
        )
        same(read_table(frame), read_table(frame.set_index(["symbol", "date"])))

    def test_days_without_trade_are_nan_in_every_line(self):
        expected = read_table(table())
        rows = table().iloc[[0]].assign(date="2020-01-03", symbol="B")
        with_row = pd.concat([table(), rows]).sort_values(["symbol", "date"])
        flags = np.where((with_row.symbol == "B") & (with_row.date == "2020-01-03"), 0, 1)
        same(read_table(with_row.assign(traded=flags)), expected)
        with_row.loc[flags == 0, ["open", "close"]] = np.nan
        same(read_table(with_row), expected)

    def test_a_close_is_enough_and_empty_columns_are_missing_lines(self):
        frame = table()[["date", "symbol", "close"]].assign(pe=np.nan, pb=None)
        assert set(read_table(frame).lines) == {"close"}

    def test_text_columns_of_ones_own_are_left_out(self, caplog):
        with caplog.at_level(logging.INFO):
            assert "comment" not in read_table(table(comment="banks")).lines
        assert "'comment' is text" in caplog.text

    def test_text_of_industries_becomes_codes(self, tmp_path, caplog):
        texts = ["banks", "banks", "", "steel", "banks"]
        bars = read_table(write(table(industry=texts), tmp_path / "t.csv"))
        codes = bars["industry"][bars.traded]
        assert len(set(codes[~np.isnan(codes)])) == 2 and np.isnan(codes).sum() == 1
        again = read_table(table(industry=["steel"] * 5))
        assert set(again["industry"][again.traded]) < set(codes)
        assert "'industry'" not in caplog.text
        assert read_table(table(sector=3))["sector"][0, 0] == 3

    def test_codes_of_groups_say_which_text_they_stand_for(self, tmp_path):
        texts = ["banks", " banks", "", "steel", "banks"]
        bars = read_table(write(table(industry=texts, sector=3), tmp_path / "t.csv"))
        codes = bars["industry"][bars.traded]
        assert sorted(bars.group_names.values()) == ["banks", "steel"]
        assert set(bars.group_names) == set(codes[~np.isnan(codes)])
        assert read_table(table(sector=3)).group_names == {}
        for other in (
            pickle.loads(pickle.dumps(bars)),
            bars.until("2020-01-03"),
            bars.select(["B"]),
            Market(bars, None, None, "m").bars,
        ):
            assert other.group_names == bars.group_names
        assert bars.digest() == Bars(bars.dates, bars.assets, bars.lines).digest()
        with pytest.raises(TypeError):
            bars.group_names[1.0] = "x"

    def test_groups_of_a_folder_have_names(self, tmp_path):
        for symbol, text in (("A", "banks"), ("B", "steel")):
            frame = table(symbol=symbol, industry=text).iloc[:3].drop(columns="symbol")
            write(frame, tmp_path / f"{symbol}.csv")
        assert sorted(read_folder(tmp_path).group_names.values()) == ["banks", "steel"]

    def test_symbols_stay_text(self, tmp_path):
        frame = table(symbol=["000001"] * 3 + ["NA"] * 2)
        assert read_table(write(frame, tmp_path / "t.csv")).assets == ("000001", "NA")
        with pytest.raises(DataError, match="'symbol' must be text, or 000001 becomes 1; got 1"):
            read_table(table(symbol=[1, 1, 1, 2, 2]))

    @pytest.mark.parametrize(
        "dates",
        [
            ["20200102", "20200103", "20200106", "20200102", "20200106"],
            [20200102, 20200103, 20200106, 20200102, 20200106],
            ["2020/1/2", "2020/1/3", "2020/1/6", "2020/1/2", "2020/1/6"],
            [
                "2020-01-02 15:00",
                "2020-01-03 15:00:00",
                "2020-01-06T09:30",
                *("2020-01-02", "2020-01-06"),
            ],
            pd.DatetimeIndex(table().date).date,
            pd.DatetimeIndex(table().date),
            pd.DatetimeIndex(table().date).tz_localize("Asia/Shanghai"),
            pd.DatetimeIndex(table().date).tz_localize("America/New_York"),
            [f"{d} 00:00:00+08:00" for d in table().date],
        ],
    )
    def test_ways_to_write_dates(self, dates, tmp_path):
        expected = read_table(table())
        same(read_table(table(date=dates)), expected)
        same(read_table(write(table(date=dates), tmp_path / "t.csv")), expected)

    def test_summer_time_is_one_zone(self):
        frame = (
            table()
            .iloc[:3]
            .assign(
                date=["2020-03-06 00:00-05:00", "2020-03-09 00:00-04:00", "2020-11-02 00:00-05:00"]
            )
        )
        assert str(read_table(frame).dates[1])[:10] == "2020-03-09"

    @pytest.mark.parametrize(
        ("changes", "message"),
        [
            (  # unsorted
                {"date": ["2020-01-02", "2020-01-06", "2020-01-03", "2020-01-02", "2020-01-06"]},
                r"000001 is not sorted: 2020-01-03 follows 2020-01-06 in column 'date'; sort",
            ),
            (
                {"date": ["2020-01-02", "2020-01-03", "2020-01-03", "2020-01-02", "2020-01-06"]},
                "000001 has 2020-01-03 twice in column 'date'; keep one",
            ),
            (
                {"date": ["2020-01-02", "03.01.2020", "2020-01-06", "2020-01-02", "2020-01-06"]},
                "000001 in row 2: column 'date' must be a date written YYYY-MM-DD; got '03.01.2020",
            ),
            (
                {"date": ["2020-01-02", "2020-13-03", "2020-01-06", "2020-01-02", "2020-01-06"]},
                "got '2020-13-03'",
            ),
            (
                {"date": ["2020-01-02", None, "2020-01-06", "2020-01-02", "2020-01-06"]},
                "000001 in row 2: column 'date' .* got an empty cell",
            ),
            (
                {
                    "date": [
                        f"{d} 00:00+0{8 + (s == 'B')}:00"
                        for d, s in zip(table().date, table().symbol, strict=True)
                    ]
                },
                r"B on 2020-01-02: mixed time zones in column 'date' \(UTC\+9h and UTC\+8h\)",
            ),
            (
                {"date": [*table().date[:4], "2020-01-06 00:00Z"]},
                "B on 2020-01-06: mixed time zones .* some dates have a zone, others have none",
            ),
            ({"symbol": ["A", "", "A", "B", "B"]}, "row 2 has no symbol"),
            ({"close": [1.0, 0.0, 1, 1, 1]}, "000001 on 2020-01-03: column 'close' must be posit"),
            ({"open": [1.0, 1, 1, 1, -2]}, "B on 2020-01-06: column 'open' .* got -2"),
            ({"adjfactor": [1.0, 1, 1, 0, 1]}, "B on 2020-01-02: column 'adjfactor' must be pos"),
            ({"volume": [1.0, 1, 1, 1, -2]}, "B on 2020-01-06: column 'volume' must not be neg"),
            (
                {"close": ["1", "2", "x3", "4", "5"]},
                "000001 on 2020-01-06: column 'close' must be a number; got 'x3'",
            ),
            ({"my factor": ["1", "2", "x3", "4", "5"]}, "column 'my factor' must be a number"),
            ({"volume": "none at all"}, "000001 on 2020-01-02: column 'volume' must be a number"),
            ({"pe": [1.0, np.inf, 1, 1, 1]}, "column 'pe' must be a number; got inf"),
            (
                {"high": [11.0, 12, 10.9, 21, 22]},
                "000001 on 2020-01-06: column 'high' 10.9 is below column 'low' 11",
            ),
            ({"open": [1.0, np.nan, 1, 1, 1]}, "000001 on 2020-01-03: column 'open' is empty tho"),
            ({"adjfactor": [1.0, np.nan, 1, 1, 1]}, "column 'adjfactor' is empty though"),
            ({"traded": [1, 1, 2, 1, 1]}, "000001 on 2020-01-06: column 'traded' must be 0 or 1"),
            ({"close": np.nan}, "no row has a close"),
            ({"Close": 1.0}, "column 'close' is there twice"),
        ],
    )
    def test_messages_name_file_symbol_date_and_column(self, changes, message, tmp_path):
        frame = table().assign(**changes)
        with pytest.raises(DataError, match="the DataFrame: .*" + message):
            read_table(frame)
        if "Close" in changes:
            frame.columns = [*frame.columns[:-1], "CLOSE"]
        file = write(frame, tmp_path / "bad.csv")
        with pytest.raises(DataError, match="bad.csv: .*" + message):
            read_table(file)

    def test_complex_numbers(self):
        with pytest.raises(DataError, match="'pe' holds complex numbers; give real ones"):
            read_table(table().assign(pe=[1j] * 5))

    @pytest.mark.parametrize("column", ["date", "symbol", "close"])
    def test_missing_columns(self, column, tmp_path):
        frame = table().drop(columns=column)
        with pytest.raises(DataError, match=f"t.csv: column '{column}' is missing; expected at"):
            read_table(write(frame, tmp_path / "t.csv"))
        frame = table().rename(columns={"close": "clsoe"})
        with pytest.raises(DataError, match="'close' is missing.*did you mean 'clsoe'"):
            read_table(frame)

    def test_files_that_cannot_be_read(self, tmp_path):
        contents = {
            "empty.csv": b"",
            "header.csv": b"date,symbol,close\n",
            "latin.csv": "date,symbol,close,näme\n2020-01-02,A,1,ü\n".encode("latin-1"),
            "torn.csv.gz": gzip.compress(b"date,symbol,close\n" * 1000)[:40],
            "plain.csv.gz": b"date,symbol,close\n",
            "text.parquet": b"date,symbol,close\n",
            "ragged.csv": b"date,symbol,close\n2020-01-02,A,1\n2020-01-03,A,1,2,3,4\n",
        }
        messages = {
            "empty.csv": "is empty; write",
            "header.csv": "there are no rows",
            "latin.csv": "not UTF-8",
        }
        for name, content in contents.items():
            (tmp_path / name).write_bytes(content)
            with pytest.raises(DataError, match=f"{name}: .*{messages.get(name, 'cannot be rea')}"):
                read_table(tmp_path / name)
        with pytest.raises(DataError, match="there is no such file; check"):
            read_table(tmp_path / "nowhere.csv")
        with pytest.raises(DataError, match="this is a folder"):
            read_table(tmp_path)
        (tmp_path / "t.xlsx").write_bytes(b"x")
        with pytest.raises(DataError, match="unknown kind of file; expected .csv, .csv.gz, .parq"):
            read_table(tmp_path / "t.xlsx")

    def test_a_close_outside_low_and_high_is_told_but_kept(self, caplog):
        bars = read_table(table(close=[10.5, 12.01, 12.5, 20.5, 21.5]))
        assert bars["close"][1, 0] == 24.02
        assert "000001 on 2020-01-03: column 'close' 12.01 is outside low..high 10..12" in (
            caplog.text
        )

    def test_a_byte_order_mark_does_not_hide_the_first_column(self, tmp_path):
        (tmp_path / "t.csv").write_bytes(b"\xef\xbb\xbfdate,symbol,close\n2020-01-02,A,1\n")
        assert read_table(tmp_path / "t.csv").assets == ("A",)

    @pytest.mark.slow
    @settings(
        max_examples=15,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    )
    @given(seed=st.integers(0, 10_000), kind=st.sampled_from([".csv", ".parquet"]))
    def test_what_is_written_is_read_to_the_bit(self, tmp_path, seed, kind):
        bars = make_market(4, 25, seed, late=1, gaps=2, delisted=1).bars
        rows = (
            pd.DataFrame({name: bars.frame(name).stack() for name in bars.lines})
            .rename_axis(["date", "symbol"])
            .reset_index()
        )
        file = write(rows.sort_values(["symbol", "date"]), tmp_path / f"t{kind}")
        same(read_table(file), bars)


class TestReadFolder:
    def test_one_file_per_symbol(self, tmp_path):
        for (symbol, rows), suffix in zip(
            table().groupby("symbol"), [".csv.gz", ".parquet"], strict=True
        ):
            write(rows.drop(columns="symbol"), tmp_path / f"{symbol}{suffix}")
        write(table(), tmp_path / "index.csv")
        (tmp_path / "membership.csv").write_text("symbol,in_date,out_date\n")
        (tmp_path / "README.md").write_text("hello")
        (tmp_path / ".hidden.csv").write_text("hello")
        same(read_folder(tmp_path), read_table(table()))

    @pytest.mark.slow
    def test_errors_name_the_file(self, tmp_path):
        with pytest.raises(DataError, match="no symbol files in this folder"):
            read_folder(tmp_path)
        with pytest.raises(DataError, match="no such folder"):
            read_folder(tmp_path / "x")
        good, bad = (rows for _, rows in table().groupby("symbol"))
        write(good, tmp_path / "000001.csv")
        write(bad.assign(low=-1), tmp_path / "B.csv")
        with pytest.raises(DataError, match="B.csv: B on 2020-01-02: column 'low' must be posi"):
            read_folder(tmp_path)
        write(bad.drop(columns="low"), tmp_path / "B.csv")
        with pytest.raises(DataError, match="B.csv: column 'low' is missing though other files"):
            read_folder(tmp_path)
        write(bad.assign(date=bad.date + " 00:00+08:00"), tmp_path / "B.csv")
        with pytest.raises(DataError, match="mixed time zones: some files"):
            read_folder(tmp_path)
        write(good.assign(date=good.date + " 00:00+09:00"), tmp_path / "000001.csv")
        with pytest.raises(DataError, match="B on 2020-01-02: mixed time zones"):
            read_folder(tmp_path)
        write(bad, tmp_path / "000001.parquet")
        with pytest.raises(DataError, match="000001.csv and 000001.parquet are both 000001"):
            read_folder(tmp_path)


class TestFiles:
    """What a file itself shows to be wrong, told before it is read as something else."""

    ROWS = "date,symbol,open,close\n2020-01-02,A,9,10\n2020-01-03,A,9.5,10.5\n"

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            (ROWS + "2020-01-06,A,9", "the last line has 3 of 4 cells, as if the file were cut"),
            (ROWS.replace(",", ";"), "the cells are separated by ';'; write it with commas"),
            (ROWS.replace(",", "\t"), "separated by '.t'"),
            ("# of a vendor\n" + ROWS, "the first line, '# of a vendor', names one column"),
            ("\0" * 40, "holds zero bytes, as no text does"),
            ("date,A,A\n2020-01-02,1,2\n2020-01-03,1,2\n", "column 'A' is there twice"),
            (
                ROWS + "2020-01-02,600000,9,10\n2020-01-02,sh.600000,9,10\n",
                "600000 and sh.600000 are two spellings of one stock; keep one",
            ),
        ],
    )
    def test_one_sentence(self, text, message, tmp_path):
        for name in ("a.csv", "a.csv.gz"):
            file = tmp_path / name
            file.write_bytes(gzip.compress(text.encode()) if name[-1] == "z" else text.encode())
            with pytest.raises(DataError, match=message) as error:
                read_table(file)
            assert str(error.value).startswith(f"{file}: ")

    def test_an_empty_cell_is_not_a_cut(self, tmp_path):
        (tmp_path / "a.csv").write_text(self.ROWS + "2020-01-06,A,,\n")
        assert len(read_table(tmp_path / "a.csv")) == 2

    def test_midnights_of_the_east_in_utc_are_told(self):
        """They were dated a day early, on Sundays instead of Mondays."""
        days = pd.bdate_range("2020-01-01", periods=9)
        rows = pd.DataFrame({"date": days, "symbol": "A", "close": 1.0})
        for zone, tells in (("Asia/Shanghai", True), ("America/New_York", False), ("UTC", False)):
            moved = days.tz_localize(zone).tz_convert("UTC")
            naive = moved.tz_localize(None)
            for written in (moved, moved.astype(str), naive, naive.strftime("%Y-%m-%d %H:%M:%S")):
                frame = rows.assign(date=written)
                if tells:
                    with pytest.raises(DataError, match="A on 2020-01-05, a Sunday, and on no Fri"):
                        read_table(frame)
                else:
                    assert read_table(frame).dates.equals(read_table(rows).dates)


class TestReadIndex:
    def test_values(self, tmp_path):
        rows = table().iloc[:3].drop(columns=["symbol", "adjfactor", "my factor"])
        index = read_index(write(rows, tmp_path / "index.csv"))
        assert index["close"].tolist() == [10.5, 11.5, 12.5]
        assert index["high"].tolist() == [11, 12, 13]
        assert isinstance(index.index, pd.DatetimeIndex)
        assert str(index.index[1])[:10] == "2020-01-03"

    def test_several_symbols_are_no_index(self, tmp_path):
        with pytest.raises(DataError, match="has 2 symbols"):
            read_index(write(table(), tmp_path / "index.csv"))


# --- feeds ---------------------------------------------------------------------------------------

LINES = ["open", "high", "low", "close", "volume", "pe"]


class PandasPe(bt.feeds.PandasData):
    """A feed with a line of its own."""

    lines = ("pe",)
    params = (("pe", -1),)


class CsvPe(bt.feeds.GenericCSVData):
    """The same from a file."""

    lines = ("pe",)
    params = (("pe", 6), ("dtformat", "%Y-%m-%d"), ("openinterest", -1), ("nullvalue", np.nan))


class Reads(bt.Strategy):
    """Reads at every change of month, and every so often in between."""

    params = {"on_open": False, "every": 10_000, "benchmark": True, "reader": None}

    def __init__(self):
        self.shown, self.reused = {}, {}
        self.got, self.fresh, self.month, self.count = {}, {}, None, 0
        self.feeds = self.datas[:-1] if self.p.benchmark else self.datas
        self.index = self.datas[-1] if self.p.benchmark else None
        self.reader = FeedReader(self.feeds, self.index)

    def look(self):
        today = max(d.datetime.date(0) for d in self.datas if len(d))
        self.count += 1
        if (today.year, today.month) != self.month or self.count % self.p.every == 0:
            self.month = today.year, today.month
            self.got[today] = self.reader.read(today)
            self.fresh[today] = from_feeds(self.feeds, today, self.index)
            self.shown[today] = from_feeds(self.feeds, "2100-01-01", self.index)
            if self.p.reader is not None:
                self.reused[today] = self.p.reader.read("2100-01-01")

    def next(self):
        if not self.p.on_open:
            self.look()

    def prenext(self):
        self.next()

    def next_open(self):
        if self.p.on_open:
            self.look()

    def prenext_open(self):
        self.next_open()


MODES = {
    "default": {},
    "runonce_off": {"runonce": False},
    "preload_off": {"preload": False},
    "exactbars_-1": {"exactbars": -1},
    "exactbars_-2": {"exactbars": -2},
    "live": {"live": True},
    "cheat_on_open": {"cheat_on_open": True},
}
KINDS = ("panel", "pandas", "csv", "pandas with empty days")


def market():
    made = make_market(5, 90, seed=4, late=1, gaps=2, delisted=1)
    lines = {name: made.bars[name] for name in LINES}
    return Bars(made.bars.dates, made.bars.assets, lines), made.benchmark


def feeds_of(kind, tmp_path):
    bars, benchmark = market()
    index = (
        pd.DataFrame({"close": benchmark["close"]})
        .assign(
            open=benchmark["close"], high=benchmark["close"], low=benchmark["close"], volume=0.0
        )
        .drop(index=benchmark.index[30])
    )  # a day the benchmark does not know
    feeds = {}
    for j, asset in enumerate(bars.assets):
        rows = bars.traded[:, j]
        frame = pd.DataFrame({n: bars[n][rows, j] for n in LINES}, index=bars.dates[rows])
        if kind == "csv":
            frame.to_csv(tmp_path / f"{asset}.csv", index_label="date")
            feeds[asset] = CsvPe(dataname=str(tmp_path / f"{asset}.csv"))
        elif kind == "pandas":
            feeds[asset] = PandasPe(dataname=frame)
        elif kind == "pandas with empty days":
            # as vendors write it: no price, but a volume of 0 and a pe; and a day without any trade
            whole = pd.DataFrame({n: bars[n][:, j] for n in LINES}, index=bars.dates)
            whole.loc[pd.Timestamp("2015-03-07")] = np.nan
            whole = whole.sort_index()
            whole.loc[whole["close"].isna(), ["volume", "pe"]] = 0.0, 7.0
            feeds[asset] = PandasPe(dataname=whole)
        else:
            feeds[asset] = PanelFeed.with_lines("pe")(dataname=frame)
    feeds["INDEX"] = bt.feeds.PandasData(dataname=index)
    return feeds, bars, index


def run_reads(feeds, mode, **kwargs):
    cerebro = bt.Cerebro(stdstats=False, **mode)
    for name, feed in feeds.items():
        cerebro.adddata(feed, name=name)
    cerebro.addstrategy(Reads, on_open="cheat_on_open" in mode, **kwargs)
    return cerebro.run()[0]


class TestFeedReader:
    @pytest.mark.slow
    @pytest.mark.parametrize(
        ("mode", "kind"),
        # each mode with two kinds, each kind with three modes or four
        [(m, k) for i, m in enumerate(MODES) for j, k in enumerate(KINDS) if (i + j) % 2 == 0],
    )
    def test_same_bars_whatever_feed_and_mode(self, mode, kind, tmp_path):
        feeds, bars, index = feeds_of(kind, tmp_path)
        strategy = run_reads(feeds, MODES[mode], every=6)
        assert len(strategy.got) > 14
        first = next(date for date, read in strategy.got.items() if len(read))
        for date, read in strategy.got.items():
            expected = bars.before(date)
            if date < first:
                assert len(read) == 0
                continue
            same(read, expected)
            same(strategy.fresh[date], expected)
            close = index["close"].reindex(expected.dates).to_numpy()
            np.testing.assert_array_equal(read.benchmark, close)
            np.testing.assert_array_equal(strategy.fresh[date].benchmark, close)

    def test_earlier_bars_stay_as_they_were_and_cannot_be_written(self, tmp_path):
        feeds, bars, _ = feeds_of("panel", tmp_path)
        strategy = run_reads(feeds, {})
        reads = [r for r in strategy.got.values() if len(r)]
        assert [r.digest() for r in reads] == [bars.until(r.dates[-1]).digest() for r in reads]
        with pytest.raises(ValueError, match="read-only"):
            reads[-1]["close"][0, 0] = 1

    def test_an_earlier_date_after_a_later_one(self, tmp_path):
        feeds, bars, _ = feeds_of("panel", tmp_path)
        strategy = run_reads(feeds, {})
        same(strategy.reader.read("2015-03-02"), bars.before("2015-03-02"))
        same(strategy.reader.read("2015-04-15"), bars.before("2015-04-15"))

    @pytest.mark.slow
    def test_preloaded_feeds_show_nothing_before_they_start(self, tmp_path):
        """Not one value of a row the feed has not delivered, though it is in its memory."""
        feeds, bars, _ = feeds_of("panel", tmp_path)
        strategy = run_reads(feeds, {}, every=1)
        late = int(np.argmax(np.isnan(bars["close"][0])))
        start = bars.dates[bars.traded[:, late]][0]
        assert start > bars.dates[5]
        assert len(strategy.shown) > 60
        for date, read in strategy.shown.items():
            same(read, bars.until(date))  # whatever is asked for, what was shown is the limit
        for date, read in strategy.got.items():
            assert (read.dates < pd.Timestamp(date)).all()
            if pd.Timestamp(date) <= start:
                assert not len(read) or np.isnan(read["close"][:, late]).all()

    def test_exactbars_1_is_refused(self, tmp_path):
        bars = make_market(2, 60, late=0, gaps=0, delisted=0).bars
        cerebro = bt.Cerebro(stdstats=False, exactbars=1)
        add_feeds(cerebro, bars)
        cerebro.addstrategy(Reads, benchmark=False)
        with pytest.raises(DataError, match="exactbars=1, which throws bars away"):
            cerebro.run()

    def test_close_only_markets_keep_only_the_close(self, caplog):
        bars = make_market(3, 60).bars
        closes = Bars(bars.dates, bars.assets, {"close": bars["close"]})
        cerebro = bt.Cerebro(stdstats=False)
        add_feeds(cerebro, closes)
        cerebro.addstrategy(Reads, benchmark=False)
        with caplog.at_level(logging.INFO):
            strategy = cerebro.run()[0]
        last = list(strategy.got)[-1]
        same(strategy.got[last], closes.before(last))
        assert "close-only market" in caplog.text
        assert "lines missing in all feeds: volume" in caplog.text

    def test_lines_that_a_market_has_are_no_guess(self):
        """Opens that equal the closes, and volumes of 0, were lines of a walk and none of feeds."""
        bars = make_market(3, 60).bars
        none = np.where(bars.traded, 0.0, np.nan)
        lines = dict.fromkeys(("open", "high", "low", "close"), bars["close"]) | {"volume": none}
        flat = Bars(bars.dates, bars.assets, lines)
        cerebro = bt.Cerebro(stdstats=False)
        add_feeds(cerebro, flat)
        cerebro.addstrategy(Reads, benchmark=False)
        strategy = cerebro.run()[0]
        last = list(strategy.got)[-1]
        same(strategy.got[last], flat.before(last))

    def test_a_line_of_ones_own_may_begin_later(self):
        bars = make_market(2, 60, late=0, gaps=0, delisted=0).bars
        mood = np.where(np.arange(60) < 40, np.nan, 1.5)[:, None] * np.ones(2)
        cerebro = bt.Cerebro(stdstats=False)
        add_feeds(cerebro, Bars(bars.dates, bars.assets, {"close": bars["close"], "RSI": mood}))
        cerebro.addstrategy(Reads, benchmark=False, every=5)
        got = list(cerebro.run()[0].got.values())
        assert np.isnan(got[1]["RSI"]).all()  # there from the first read, so nothing stands in
        np.testing.assert_array_equal(got[-1]["RSI"], mood[: len(got[-1])])

    def test_a_line_known_later_is_told(self, caplog):
        bars = make_market(2, 60, late=0, gaps=0, delisted=0).bars
        pe = bars["pe"].copy()
        pe[:40] = np.nan
        cerebro = bt.Cerebro(stdstats=False)
        add_feeds(cerebro, Bars(bars.dates, bars.assets, {"close": bars["close"], "pe": pe}))
        cerebro.addstrategy(Reads, benchmark=False, every=5)
        strategy = cerebro.run()[0]
        assert set(list(strategy.got.values())[-1].lines) == {"close"}
        assert caplog.text.count("line 'pe' of feed 'S000' is known from 2015-02-26 on") == 1

    @pytest.mark.slow
    def test_a_second_run_of_the_same_feeds_starts_over(self, tmp_path):
        feeds, bars, _ = feeds_of("panel", tmp_path)
        cerebro = bt.Cerebro(stdstats=False)
        for name, feed in feeds.items():
            cerebro.adddata(feed, name=name)
        cerebro.addstrategy(Reads)
        reader = FeedReader(list(feeds.values())[:-1])
        for _ in range(2):
            strategy = cerebro.run()[0]
            for date, read in strategy.got.items():
                if len(read):
                    same(read, bars.before(date))
            same(reader.read("2016-01-01"), bars)
        cerebro.strats.clear()
        cerebro.addstrategy(Reads, reader=reader, every=10)
        strategy = cerebro.run()[0]
        assert len(strategy.reused) > 10
        for date, read in strategy.reused.items():
            same(read, bars.until(date))

    def test_zoned_feeds_keep_their_local_date(self):
        import pytz

        bars = make_market(1, 40, late=0, gaps=0, delisted=0).bars
        frame = pd.DataFrame({n: bars[n][:, 0] for n in LINES}, index=bars.dates)
        zone = pytz.timezone("Asia/Shanghai")
        cerebro = bt.Cerebro(stdstats=False, tz=zone)
        feed = PandasPe(dataname=frame, tz=zone, tzinput=zone)
        cerebro.adddata(feed, name="S000")
        cerebro.addstrategy(Reads, benchmark=False)
        cerebro.run()
        assert feed.datetime.array[0] % 1 > 0.6  # 16:00 UTC of the day before
        expected = Bars(bars.dates, bars.assets, {n: bars[n] for n in LINES})
        same(from_feeds([feed], "2016-01-01"), expected)

    def test_messages(self):
        index = pd.DatetimeIndex(["2020-01-02 10:00", "2020-01-02 11:00", "2020-01-03 10:00"])
        frame = pd.DataFrame({"close": [1.0, 2.0, 3.0]}, index=index)

        def read(frame, name="A", index=None):
            cerebro = bt.Cerebro(stdstats=False)
            feeds = [
                bt.feeds.PandasData(dataname=rows, timeframe=bt.TimeFrame.Days)
                for rows in (frame, index)
                if rows is not None
            ]
            for feed, called in zip(feeds, (name, "INDEX"), strict=False):
                cerebro.adddata(feed, name=called)
            cerebro.run()
            return from_feeds(feeds[:1], "2021-01-01", *feeds[1:])

        with pytest.raises(DataError, match="feed 'A': has several bars on 2020-01-02; give daily"):
            read(frame)
        with pytest.raises(DataError, match="feed 'A': goes back in time to 2020-01-02"):
            read(frame.iloc[[2, 0]])
        for wrong in (-1.0, 0.0, np.inf):
            told = f"on 2020-01-03: close must be positive and finite; got {wrong:g}"
            rows = frame.iloc[[0, 2]]
            with pytest.raises(DataError, match=f"feed 'A' {told}"):
                read(rows.assign(close=[1, wrong]))
            with pytest.raises(DataError, match=f"feed 'INDEX' {told}"):
                read(rows, index=rows.assign(close=[1, wrong]))
        rows = frame.iloc[[0, 2]].assign(close=10.0, open=10.0, high=11.0, low=9.0, volume=5.0)
        with pytest.raises(DataError, match="feed 'A' on 2020-01-03: high 9 is below low 11; corr"):
            read(rows.assign(high=[11.0, 9.0], low=[9.0, 11.0]))
        with pytest.raises(DataError, match="feed 'A' on 2020-01-03: volume must not be negative"):
            read(rows.assign(volume=[5.0, -5.0]))
        with pytest.raises(DataError, match="feed number 0 has no name"):
            read(frame, name="")
        feed = PanelFeed(dataname=frame, name="A")
        with pytest.raises(DataError, match="Two feeds are named 'A'"):
            FeedReader([feed, feed])
        with pytest.raises(DataError, match="no asset feeds"):
            FeedReader([])
