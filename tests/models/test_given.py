"""Given scores: the latest row not after the month-end."""

import numpy as np
import pandas as pd
import pytest

from attngru_bt.models.given import GivenScores

TABLE = pd.DataFrame(
    {"A": [1.0, np.nan], "B": [2.0, 3.0]}, index=pd.to_datetime(["2020-01-31", "2020-02-28"])
)


def test_the_latest_row_counts_and_missing_scores_are_left_out():
    given = GivenScores(TABLE.iloc[::-1])
    assert given.at(pd.Timestamp("2020-01-30")).empty
    assert given.at(pd.Timestamp("2020-01-31")).to_dict() == {"A": 1.0, "B": 2.0}
    assert given.at(pd.Timestamp("2020-03-31")).to_dict() == {"B": 3.0}


def test_what_is_not_a_table_of_dates_is_refused():
    with pytest.raises(TypeError, match="indexed by date"):
        GivenScores(TABLE.reset_index(drop=True))
    with pytest.raises(ValueError, match="the asset 1 twice"):
        GivenScores(pd.DataFrame([[1.0, 2.0]], pd.to_datetime(["2020-01-31"]), [1, "1"]))
    with pytest.raises(ValueError, match="one row of column names.*got 2 levels"):
        GivenScores(pd.concat({"x": TABLE}, axis=1))
    with pytest.raises(ValueError, match="the asset A twice"):
        GivenScores(pd.concat([TABLE, TABLE[["A"]]], axis=1))
    with pytest.raises(TypeError, match="must be numbers; column 'A' is of"):
        GivenScores(TABLE.astype({"A": object}))
    with pytest.raises(TypeError, match="must be numbers; column 'A' is of complex128"):
        GivenScores(TABLE.astype({"A": complex}))
    with pytest.raises(ValueError, match="row 2: the date is missing"):
        GivenScores(TABLE.set_axis(pd.DatetimeIndex(["2020-01-31", pd.NaT])))


def test_scores_of_a_day_without_session_are_told_once(caplog):
    """As pandas dates months: by their last calendar day, here a Saturday."""
    days = pd.to_datetime(["2020-01-31", "2020-02-29", "2020-03-31"])
    given = GivenScores(pd.DataFrame({"A": [1.0, 2.0, 3.0]}, days))
    month_ends = pd.to_datetime(["2020-01-31", "2020-02-28", "2020-03-31"])
    sessions = pd.to_datetime(["2020-02-03", "2020-03-02", "2020-04-01"])
    for month_end, session in [*zip(month_ends, sessions, strict=True)] * 2:
        given.at(month_end, before=session)
    (record,) = caplog.records
    assert record.message.startswith(
        "Given scores of 2020-02-29, which is no session, come after the month-end of 2020-02-28, "
        "for which those of 2020-01-31 count"
    )
