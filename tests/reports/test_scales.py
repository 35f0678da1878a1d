"""Scales of charts: every value has its place, and labels are round."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngru_bt.reports.scales import NUMBER, PER_CENT, Dates, Form, Linear, Log, Places

values = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=20)


class TestLinear:
    @pytest.mark.slow
    @given(values, st.booleans())
    def test_all_values_are_inside_and_labels_rise(self, numbers, zero):
        scale = Linear(numbers, zero=zero)
        places = scale.place(numbers)
        assert (places >= -1e-9).all() and (places <= 1 + 1e-9).all()
        ticks = scale.ticks()
        assert 1 <= len(ticks) <= 8
        assert (np.diff([t.place for t in ticks]) > 0).all()
        if zero:
            assert 0 <= scale.place(0.0) <= 1

    def test_labels_are_round_and_told_apart(self):
        assert [t.text for t in Linear([0, 0.07], PER_CENT).ticks()] == [
            "0%", "2%", "4%", "6%",
        ]  # fmt: skip
        assert [t.text for t in Linear([-0.3, 0.3], NUMBER).ticks()] == ["−0.2", "0.0", "0.2"]

    def test_unknown_values_have_no_place(self):
        assert np.isnan(Linear([1, np.nan, 2]).place(np.nan))
        assert len(Linear([np.nan]).ticks()) > 1

    def test_of_long_labels_every_second_is_left_out_on_a_phone(self):
        ticks = Linear([-0.03, 0.09], NUMBER).ticks()
        assert [t.text for t in ticks] == ["−0.025", "0.000", "0.025", "0.050", "0.075"]
        assert [t.minor for t in ticks] == [True, False, True, False, True]
        assert not any(t.minor for t in Linear([0, 4], NUMBER).ticks())

    def test_labels_that_would_touch_on_a_phone_are_left_out(self):
        """Beside names of models five labels such as "10%" and "15%" have no room."""
        ticks = Linear([-0.06, 0.19], PER_CENT, zero=True).ticks()
        assert [t.text for t in ticks if not t.minor] == ["0%", "10%", "20%"]
        assert [t.minor for t in Linear([0, 0.3], PER_CENT).ticks()] == [False] * 4


class TestLog:
    def test_equal_growth_takes_equal_room(self):
        one, two, four, bad = Log([1, 4]).place([1, 2, 4, 0])
        assert two - one == pytest.approx(four - two) and np.isnan(bad)

    def test_labels(self):
        assert [t.text for t in Log([0.9, 5.5]).ticks()] == ["1", "1.5", "2", "3", "5"]
        assert [t.text for t in Log([0.86, 1.36]).ticks()] == [
            "0.9",
            "1",
            "1.1",
            "1.2",
            "1.3",
            "1.4",
        ]
        assert [t.text for t in Log([0.88, 1.87]).ticks()] == ["1", "1.2", "1.4", "1.6", "1.8"]
        assert [t.text for t in Log([1, 1000]).ticks()] == ["1", "10", "100", "1,000"]


class TestDates:
    def test_labels_are_years_months_or_days(self):
        def labels(begin, end):
            return [t.text for t in Dates(pd.bdate_range(begin, end)).ticks()]

        assert labels("2013-01-02", "2016-06-30") == [
            "2013-07", "2014-01", "2014-07", "2015-01", "2015-07", "2016-01",
        ]  # fmt: skip
        assert labels("2013-01-02", "2020-06-30")[:2] == ["2013", "2014"]
        assert labels("1990-01-02", "2022-12-28")[1:3] == ["1995", "2000"]
        assert labels("2020-01-01", "2020-01-08")[0] == "01-01"
        assert labels("2020-01-01", "2020-01-01") == ["01-01"]

    def test_half_years_are_broader_than_years(self):
        half = Dates(pd.bdate_range("2017-01-03", "2019-12-31")).ticks()
        assert [t.text for t in half if not t.minor] == ["2018-01", "2019-01"]
        years = Dates(pd.bdate_range("2013-01-02", "2018-06-30")).ticks()
        assert [t.text for t in years][-1] == "2018" and len(years) == 6

    def test_a_year_that_had_almost_ended_is_not_labeled(self):
        ticks = Dates(pd.bdate_range("2012-12-20", "2018-12-31")).ticks()
        assert ticks[0].text == "2013" and all(0 <= t.place <= 1 for t in ticks)


def test_of_many_places_every_so_many_th_is_labeled():
    assert [t.text for t in Places(list("abc")).ticks()] == ["a", "b", "c"]
    ticks = Places([str(i) for i in range(30)]).ticks()
    assert [t.text for t in ticks[:3]] == ["0", "3", "6"] and len(ticks) == 10
    assert [t.minor for t in ticks[:4]] == [False, True, False, True]


def test_both_ends_of_a_row_can_be_labeled_on_a_phone():
    ten = ["lowest", *map(str, range(2, 10)), "highest"]
    shown = [t.text for t in Places(ten, ends=True).ticks() if not t.minor]
    assert shown == ["lowest", "3", "5", "7", "highest"]
    assert [t.text for t in Places(ten).ticks() if not t.minor][-1] == "9"
    assert not any(t.minor for t in Places(ten[:6], ends=True).ticks())


def test_forms_are_written_alike_by_page_and_script():
    assert (Form(1, share=True)(0.1234), str(Form(1, share=True))) == ("12.3%", "%1")
    assert (Form(3)(-0.0123), str(Form(3))) == ("−0.012", "3")
