"""Scores from elsewhere: every usual form is read into the same table, and nothing is guessed."""

import numpy as np
import pandas as pd
import pytest

from attngru_bt import MonthlyTopK, backtest, make_market
from attngru_bt.data.bars import DataError
from attngru_bt.data.score_table import read_score_table, wide
from attngru_bt.models.given import GivenScores

DATES = pd.DatetimeIndex(["2020-01-31", "2020-02-28"])
TABLE = pd.DataFrame([[0.1, 0.2, np.nan], [0.3, -0.4, 0.5]], index=DATES, columns=["A", "B", "C"])


def long(names=("date", "symbol")):
    rows = TABLE.stack().rename("score")
    rows.index.names = list(names)
    return rows


FORMS = {
    "long.csv": lambda path: long().reset_index().to_csv(path, index=False),
    "ours.csv": lambda path: (
        long(("month_end", "symbol")).reset_index().assign(label="").to_csv(path, index=False)
    ),
    "wide.csv.gz": lambda path: TABLE.to_csv(path, index_label="date"),
    "wide.parquet": lambda path: TABLE.to_parquet(path),
    "qlib.parquet": lambda path: long(("datetime", "instrument")).to_frame().to_parquet(path),
    "long.parquet": lambda path: long().reset_index().to_parquet(path),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_is_the_same_table(name, tmp_path):
    FORMS[name](tmp_path / name)
    read = read_score_table(tmp_path / name)
    np.testing.assert_allclose(read[list("ABC")].to_numpy(), TABLE.to_numpy())
    assert list(read.index) == list(DATES)


@pytest.mark.parametrize(
    "written", ["%Y%m%d", "%Y/%m/%d", "%Y-%m-%d 15:00:00", "%Y-%m-%dT15:00+08:00"]
)
@pytest.mark.parametrize("form", ["long", "wide"])
def test_dates_are_read_as_those_of_prices_are(written, form, tmp_path):
    """As numbers, 20200131 was a moment of 1970, and the last scores counted at every month-end."""
    table = TABLE.set_axis(pd.Index(DATES.strftime(written), name="trade_date"), axis=0)
    if form == "long":
        table = table.stack().rename("score").rename_axis(["trade_date", "ts_code"]).reset_index()
    table.to_csv(tmp_path / "scores.csv", index=form == "wide")
    read = read_score_table(tmp_path / "scores.csv")
    assert list(read.index) == list(DATES)
    np.testing.assert_allclose(read[list("ABC")].to_numpy(), TABLE.to_numpy())


@pytest.mark.parametrize("zone", [None, "Asia/Shanghai", "America/New_York"])
def test_scores_of_an_hour_are_those_of_their_day(zone):
    stamps = (DATES + pd.Timedelta("15h")).tz_localize(zone)
    for table in (TABLE.set_axis(stamps, axis=0), TABLE.set_axis(stamps, axis=0).stack()):
        scores = GivenScores(table).at(DATES[1], before=DATES[1] + pd.Timedelta(days=3))
        assert scores.to_dict() == {"A": 0.3, "B": -0.4, "C": 0.5}


@pytest.mark.slow
def test_a_qlib_prediction_goes_straight_into_the_strategy():
    market = make_market(n_assets=6, n_days=120, seed=1)
    dates = market.bars.dates[20::20]
    table = pd.DataFrame(
        np.random.default_rng(0).normal(size=(len(dates), 6)), dates, list(market.bars.assets)
    )
    rows = table.stack().rename_axis(["datetime", "instrument"])
    runs = [
        backtest.run(market, MonthlyTopK, signal=signal, topk=2).trade_log.frame()
        for signal in (table, rows, rows.to_frame("score"), rows.to_frame(0))
    ]
    assert len(runs[0]) > 4
    for other in runs[1:]:
        pd.testing.assert_frame_equal(other, runs[0])


class TestMistakes:
    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("date,symbol,value\n2020-01-31,A,1\n", "column 'score' is missing; got date, symbol"),
            (
                "date,symbol,score\n2020-13-31,A,1\n",
                "A in row 1: column 'date' must be a date written YYYY-MM-DD; got '2020-13-31'",
            ),
            ("date,symbol,score\n2020-01-31,A,good\n", "holds text; expected numbers"),
            (
                "date,symbol,score\n2020-01-31,A,1\n2020-01-31,A,2\n",
                "The score of 'A on 2020-01-31' is there twice; keep one of them",
            ),
            ("date,symbol,score\n01/02/2020,A,1\n", "may be 2020-02-01 or 2020-01-02"),
            ("date,A,B\n43861,1,2\n", "got '43861'"),
            (
                "date,symbol,score\n2020-01-30 16:00:00+00:00,A,1\n",
                "is a moment in UTC, whose session depends on the exchange",
            ),
            ("date,symbol,score\n2020-01-31,,1\n", "row 1 has no name in column 'symbol'"),
            ("date,symbol,score\n", "there are no rows below the header"),
        ],
    )
    def test_one_sentence_that_names_the_file(self, text, message, tmp_path):
        path = tmp_path / "scores.csv"
        path.write_text(text)
        with pytest.raises(DataError, match=message) as error:
            read_score_table(path)
        assert str(error.value).startswith(str(path))

    def test_midnights_of_the_east_without_a_zone_are_told(self, tmp_path):
        """Those of the day after a month-end counted at the month-end."""
        days = pd.bdate_range("2020-01-01", periods=9, tz="Asia/Shanghai").tz_convert("UTC")
        table = pd.DataFrame({"A": 1.0}, index=days.tz_localize(None))
        with pytest.raises(DataError, match="2020-01-05 16:00:00 is on a Sunday.*none is on a Fri"):
            wide(table)
        table.rename_axis("date").to_csv(tmp_path / "scores.csv")
        with pytest.raises(DataError, match="on 2020-01-05, a Sunday, and on no Friday"):
            read_score_table(tmp_path / "scores.csv")

    def test_pickles_are_not_opened(self, tmp_path):
        path = tmp_path / "pred.pkl"
        path.write_bytes(b"cos\nsystem\n(S'touch ran'\ntR.")
        with pytest.raises(DataError, match=r"pickles are not opened.*to_parquet"):
            read_score_table(path)
        assert not (tmp_path / "ran").exists()

    def test_what_is_neither_wide_nor_long(self):
        with pytest.raises(DataError, match="must be indexed"):
            wide(pd.Series([1.0], index=DATES[:1]))
        with pytest.raises(DataError, match="dates first"):
            wide(long().swaplevel())
        with pytest.raises(DataError, match="need a column 'score'"):
            wide(long().to_frame("a").assign(b=1.0))
