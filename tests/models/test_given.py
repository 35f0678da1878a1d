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
    with pytest.raises(ValueError, match="the asset A twice"):
        GivenScores(pd.concat([TABLE, TABLE[["A"]]], axis=1))
    with pytest.raises(TypeError, match="must be numbers; column 'A' is of"):
        GivenScores(TABLE.astype({"A": object}))
    with pytest.raises(ValueError, match="row 2: the date is missing"):
        GivenScores(TABLE.set_axis(pd.DatetimeIndex(["2020-01-31", pd.NaT])))
