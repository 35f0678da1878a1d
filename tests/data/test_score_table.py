"""Scores from elsewhere: every usual form is read into the same table, and nothing is guessed."""

import numpy as np
import pandas as pd
import pytest

from attngru_bt import MonthlyTopK, backtest, make_market
from attngru_bt.data.bars import DataError
from attngru_bt.data.score_table import read_score_table, wide

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
                "column 'date', line 2: '2020-13-31' is no",
            ),
            ("date,symbol,score\n2020-01-31,A,good\n", "holds text; expected numbers"),
            (
                "date,symbol,score\n2020-01-31,A,1\n2020-01-31,A,2\n",
                "The score of 'A on 2020-01-31' is there twice; keep one of them",
            ),
        ],
    )
    def test_one_sentence_that_names_the_file(self, text, message, tmp_path):
        path = tmp_path / "scores.csv"
        path.write_text(text)
        with pytest.raises(DataError, match=message) as error:
            read_score_table(path)
        assert str(error.value).startswith(str(path))

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
