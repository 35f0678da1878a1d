"""Membership: who was in at a date."""

from __future__ import annotations

import datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from attngru_bt.data.bars import DataError
from attngru_bt.data.membership import Membership

CSV = """symbol,in_date,out_date
000001,2020-01-01,2020-06-15
000001,2021-01-04,
NA,2020-06-15,
B,20190101,2020/01/02
"""


@pytest.fixture
def membership(tmp_path):
    (tmp_path / "membership.csv").write_text(CSV)
    return Membership.from_csv(tmp_path / "membership.csv")


class TestValues:
    @pytest.mark.parametrize(
        ("date", "expected"),
        [
            ("2018-12-31", set()),
            ("2019-01-01", {"B"}),
            ("2020-01-01", {"B", "000001"}),  # in on its in_date
            ("2020-01-02", {"000001"}),  # no longer in on its out_date
            ("2020-06-14", {"000001"}),
            ("2020-06-15", {"NA"}),
            (datetime.date(2021, 1, 3), {"NA"}),
            (pd.Timestamp("2021-01-04 15:00"), {"NA", "000001"}),
            (np.datetime64("2100-01-01"), {"NA", "000001"}),
        ],
    )
    def test_at(self, membership, date, expected):
        assert membership.at(date) == expected
        assert isinstance(membership.at(date), frozenset)

    def test_symbols_are_text(self, membership):
        assert membership.symbols == ("000001", "B", "NA")
        assert len(membership) == 4

    def test_frames_of_any_date_type(self, membership):
        frame = pd.DataFrame(
            {
                "Symbol": ["000001", "000001", "NA", "B"],
                "in_date": pd.to_datetime(["2020-01-01", "2021-01-04", "2020-06-15", "2019-01-01"]),
                "out_date": [datetime.date(2020, 6, 15), None, np.nan, datetime.date(2020, 1, 2)],
            }
        )
        other = Membership.from_frame(frame)
        for date in pd.date_range("2018-12-30", "2021-02-01"):
            assert other.at(date) == membership.at(date)

    @pytest.mark.slow
    @settings(max_examples=50)
    @given(
        st.lists(
            st.tuples(st.sampled_from("ABCD"), st.integers(0, 50), st.integers(1, 40)), max_size=12
        ),
        st.integers(-5, 100),
    )
    def test_at_is_in_date_up_to_out_date(self, stays, day):
        start = np.datetime64("2020-01-01")
        made = Membership(
            [s for s, _, _ in stays],
            [start + a for _, a, _ in stays],
            [start + a + n for _, a, n in stays],
        )
        assert made.at(start + day) == {s for s, a, n in stays if a <= day < a + n}


class TestCheck:
    def test_nothing_to_say(self, membership):
        assert membership.check(["000001", "B", "NA", "more"]) == []

    def test_members_without_bars_and_overlaps_are_named(self):
        frame = pd.DataFrame(
            {
                "symbol": ["A", "B", "A"],
                "in_date": ["2020-01-01", "2020-01-01", "2020-03-01"],
                "out_date": ["2020-03-02", None, None],
            }
        )
        overlap, unknown = Membership.from_frame(frame, source="m.csv").check(["A"])
        assert "m.csv: A has overlapping stays, one from 2020-01-01 to 2020-03-02" in overlap
        assert "1 of 2 members have no bars (B)" in unknown

    def test_gaps_are_told_by_name(self):
        frame = pd.DataFrame(
            {
                "symbol": ["A", "A", "A", "B"],
                "in_date": ["2019-01-01", "2020-06-16", "2021-06-15", "2022-01-03"],
                "out_date": ["2020-06-15", "2020-12-14", "2021-12-13", ""],
            }
        )
        found = Membership.from_frame(frame, source="m.csv").check(["A", "B"])
        short, *empty = found
        assert short.startswith(
            "m.csv: A is out on 2020-06-15 and in again on 2020-06-16; out_date"
        )
        assert [text[:62] for text in empty] == [
            "m.csv: nobody is a member from 2020-06-15 to 2020-06-16, so no",
            "m.csv: nobody is a member from 2020-12-14 to 2021-06-15, so no",
            "m.csv: nobody is a member from 2021-12-13 to 2022-01-03, so no",
        ]


class TestValidation:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("symbol,in_date\nA,2020-01-01\n", "column 'out_date' is missing; expected symbol,in"),
            ("symbol,in_date,out_date\nA,01.02.2020,\n", "A has in_date '01.02.2020'; write it"),
            ("symbol,in_date,out_date\nA,,\n", "A has no in_date"),
            ("symbol,in_date,out_date\n,2020-01-01,\n", "every symbol must be a non-empty string"),
            ("symbol,in_date,out_date\nA,2020-01-02,2020-01-02\n", "out_date 2020-01-02, not aft"),
            ("", "cannot be read as CSV"),
        ],
    )
    def test_messages_name_the_file(self, tmp_path, text, message):
        (tmp_path / "m.csv").write_text(text)
        with pytest.raises(DataError, match=f"m.csv: .*{message}"):
            Membership.from_csv(tmp_path / "m.csv")

    def test_wrong_path_and_numbers_for_symbols(self, tmp_path):
        with pytest.raises(DataError, match="no such membership file"):
            Membership.from_csv(tmp_path / "x.csv")
        frame = pd.DataFrame({"symbol": [1], "in_date": ["2020-01-01"], "out_date": [None]})
        with pytest.raises(DataError, match="'000001' becomes 1"):
            Membership.from_frame(frame)

    def test_dates_are_read_as_they_are_written(self):
        """A midnight in Shanghai was a day early, and a year its first of January."""
        first = pd.Timestamp("2020-02-03")
        for day in (20200203, "20200203", first, first.tz_localize("Asia/Shanghai"), first.date()):
            for stays in (
                Membership(["A"], [day], [None]),
                Membership.from_frame(
                    pd.DataFrame({"symbol": ["A"], "in_date": [day], "out_date": [None]})
                ),
            ):
                assert not stays.at("2020-02-02") and stays.at("2020-02-03") == {"A"}
        for day in (2020, "2020", 43861, "2020-02"):
            with pytest.raises(DataError, match=f"A has out_date {day!r}; write it as YYYY-MM-DD"):
                Membership(["A"], ["2019-01-01"], [day])


@pytest.mark.slow
def test_the_real_index_has_its_members(sse50):
    """50 names at every month-end, apart from days between a leaving and an entering."""
    counts = [
        len(sse50.membership.at(d)) for d in pd.date_range("2015-01-31", "2019-12-31", freq="ME")
    ]
    assert set(counts) == {50}
    assert sse50.membership.check(sse50.bars.assets) == []
