"""Checks of arguments: what passes, and the one sentence about what does not."""

import datetime as dt
import doctest
import re

import numpy as np
import pandas as pd
import pytest

from attngru_bt import Membership, checks
from attngru_bt.data.bars import DataError


@pytest.mark.parametrize(
    ("name", "options", "end"),
    [
        ("clsoe", ["open", "close"], "; did you mean 'close'?"),
        ("bais5", ["BIAS5"], "; did you mean 'BIAS5'?"),  # whatever the case
        ("xyz", ["open"], "."),
        (3, ["open"], "."),
        ("3", [3, 4], "; did you mean '3'?"),
        ("xyz", [], "."),
    ],
)
def test_nearest_ends_the_sentence(name, options, end):
    assert checks.nearest(name, options) == end


@pytest.mark.parametrize(
    ("check", "arguments"),
    [
        (checks.one_of, (None, ["day", None])),
        (checks.whole_number, (1,)),
        (checks.whole_number, (np.int64(0), 0)),
        (checks.number, (np.float32(0.5),)),
        (checks.fraction, (0,)),
        (checks.fraction, (0.49, 0.5)),
        (checks.list_of_names, (["MA5"],)),
        (checks.list_of_names, (None,)),
        (checks.universe, (None,)),
        (checks.universe, (Membership(["A"], ["2017-01-01"], [None]),)),
    ],
)
def test_what_will_do_passes(check, arguments):
    check("topk", *arguments)


@pytest.mark.parametrize(
    ("check", "arguments", "options", "message"),
    [
        ("one_of", ("dya", ["day"]), {}, "`x` must be 'day'; got 'dya'; did you mean 'day'?"),
        ("one_of", (1, ["a", "b", None]), {}, "`x` must be 'a', 'b' or None; got 1."),
        ("whole_number", (0,), {}, "`x` must be a whole number of at least 1; got 0."),
        ("whole_number", (True,), {}, "`x` must be a whole number of at least 1; got True."),
        ("whole_number", (1.0,), {}, "`x` must be a whole number of at least 1; got 1.0."),
        (
            "whole_number",
            (-1, 0),
            {"unit": "days", "or_none": True},
            "`x` must be a whole number of days of at least 0, or None; got -1.",
        ),
        ("number", ("1",), {}, "`x` must be a finite number; got '1'."),
        ("number", (np.nan,), {"above": 0}, "`x` must be a number above 0; got nan."),
        ("number", (np.inf,), {}, "`x` must be a finite number; got inf."),
        ("number", (0,), {"above": 0, "or_none": True}, "a number above 0, or None; got 0."),
        ("number", (1.0,), {"at_least": 0, "below": 1}, "of at least 0 and below 1; got 1.0."),
        ("number", (2,), {"above": 0.5, "at_most": 1}, "above 0.5 and at most 1; got 2."),
        ("fraction", (5,), {}, "`x` must be a fraction in [0, 1), 0.01 being 1%; got 5."),
        ("fraction", (0.5, 0.5), {}, "`x` must be a fraction in [0, 0.5), 0.01"),
        ("fraction", (np.nan,), {}, "got nan."),
        ("date", ("soon",), {}, "`x` must be a date such as 2017-01-31; got 'soon'."),
        ("date", ("01/02/2020",), {}, "must be a date such as 2017-01-31; got '01/02/2020'."),
        ("date", ("2020",), {}, "must be a date such as 2017-01-31; got '2020'."),
        ("date", (43861,), {}, "must be a date such as 2017-01-31; got 43861."),
        ("date", (0.5,), {}, "must be a date such as 2017-01-31; got 0.5."),
        ("date", (float("nan"),), {}, "must be a date such as 2017-01-31; got nan."),
        ("date", (None,), {}, "`x` must be a date such as 2017-01-31; got None."),
    ],
)
def test_what_will_not_do_is_refused(check, arguments, options, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        getattr(checks, check)("x", *arguments, **options)


@pytest.mark.parametrize(
    ("check", "value", "message"),
    [
        ("list_of_names", "MA5", "`x` must be a list of names; got the string 'MA5'."),
        ("universe", ["A"], "must have a method at(date) .*; got list."),
        ("universe", pd.DataFrame({"symbol": ["A"]}), "must have a method at(date) .*; got DataF"),
    ],
)
def test_what_is_of_another_kind_is_refused(check, value, message):
    with pytest.raises(TypeError, match=message.replace("(", r"\(").replace(")", r"\)")):
        getattr(checks, check)("x", value)


def test_an_option_of_a_command_is_named_as_it_is_written():
    with pytest.raises(ValueError, match="^--start must be a date"):
        checks.date("--start", "soon")


@pytest.mark.parametrize(
    "written",
    [20170131, np.int64(20170131), 20170131.0, "20170131", " 2017/1/31", "2017-01-31, 09:30:00",
     "20170131;093000", dt.date(2017, 1, 31), np.datetime64("2017-01-31")],
)  # fmt: skip
def test_a_date_is_read_as_it_is_written(written):
    """A whole number was a moment of 1970."""
    assert checks.date("start", written) == pd.Timestamp("2017-01-31")


def test_a_date_is_the_local_midnight():
    assert checks.date("end", "2017-01-31T23:00+08:00") == pd.Timestamp("2017-01-31")


def test_an_unknown_keyword_is_refused_with_the_nearest():
    checks.no_unknown("Book", ["topk"], ["topk"])
    with pytest.raises(TypeError, match="Book has no parameter `topkk`; did you mean 'topk'?"):
        checks.no_unknown("Book", {"topk": 1, "topkk": 2}, iter(["lot", "topk"]))


def test_duplicates_are_refused():
    checks.no_duplicates("Asset", ["A", "B"])
    with pytest.raises(DataError, match="Asset 'A' is there twice; rename one."):
        checks.no_duplicates("Asset", ["A", "B", "A"], "rename one", DataError)
    with pytest.raises(ValueError, match="Date 2017-01-31 is there twice; keep one of them."):
        checks.no_duplicates("Date", pd.to_datetime(["2017-01-31", "2017-01-31"]))


def test_the_examples_hold():
    assert doctest.testmod(checks).failed == 0


def test_a_renamed_parameter_is_told_by_its_new_name():
    with pytest.raises(TypeError, match="no parameter `weights`: it is called `row_weights`"):
        checks.no_unknown("Recipe", ["weights"], ["topk", "row_weights"])
