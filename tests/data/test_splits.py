"""Splits that prices were not adjusted for are named; crashes, relistings and wrong prices are not.

The real panels, whose prices are adjusted, have IPOs of +44%, relistings of +1,255% and delistings.
"""

import numpy as np
import pandas as pd
import pytest

import attngru_bt
from attngru_bt import Bars, audit, load, make_market
from attngru_bt.audit import adjustment
from attngru_bt.data.files import read_table
from attngru_bt.data.splits import find_splits
from attngru_bt.feeds.engine import bt

PRICES = ("open", "high", "low", "close", "preclose")
DAY = 300  # 2016-02-25


@pytest.fixture(scope="module")
def bars():
    return make_market(4, 500, seed=2, late=0, gaps=0, delisted=0).bars


def split(bars, n, day=DAY, lines=None, volume=True, preclose=True, asset=1):
    """Bars in which one asset is split n for 1 and nothing is adjusted; some lines of them."""
    changed = {name: values.copy() for name, values in bars.lines.items()}
    for name in set(PRICES) & set(changed):
        first = day if name != "preclose" or preclose else day + 1
        changed[name][first:, asset] /= n
    if volume:
        changed["volume"][day:, asset] *= n
    kept = lines or ("open", "high", "low", "close", "volume")
    return Bars(bars.dates, bars.assets, {name: changed[name] for name in kept})


class TestFound:
    @pytest.mark.parametrize("n", [2, 3, 4, 5, 7, 10, 20, 1 / 2, 1 / 3, 1 / 10, 1 / 25])
    def test_splits_and_reverse_splits_of_whole_numbers(self, bars, n):
        (found,) = find_splits(split(bars, n))
        assert (found.asset, found.date) == ("S001", bars.dates[DAY])
        assert found.factor == pytest.approx(n, rel=0.06) and not found.stated
        assert found.ratio == pytest.approx(1 / n, rel=0.2)

    def test_a_day_of_minus_ninety_with_ten_times_the_volume(self, bars):
        (found,) = find_splits(split(bars, 10))
        assert "S001 on 2016-02-25: the close changes by -" in found.sentence
        assert "a split of 10 for 1 that the prices are not adjusted for" in found.sentence

    @pytest.mark.parametrize("n", [1.3, 1.5, 2, 2.5, 1 / 1.5])
    def test_where_the_preclose_says_so_any_number_will_do(self, bars, n):
        (found,) = find_splits(split(bars, n, lines=("close", "preclose"), volume=False))
        assert found.stated and found.factor == pytest.approx(n) and "preclose" in found.sentence

    def test_a_preclose_that_is_only_the_close_before_hides_nothing(self, bars):
        lines = ("open", "high", "low", "close", "volume", "preclose")
        assert len(find_splits(split(bars, 10, lines=lines, preclose=False))) == 1

    def test_of_closes_alone_only_what_is_large(self, bars):
        assert len(find_splits(split(bars, 10, lines=("close",)))) == 1
        assert len(find_splits(split(bars, 1 / 10, lines=("close",)))) == 1
        assert not find_splits(split(bars, 2, lines=("close",)))

    def test_a_volume_that_is_never_known_counts_as_none(self, bars):
        changed = split(bars, 10)
        lines = {**changed.lines, "volume": np.zeros_like(changed["volume"])}
        assert len(find_splits(Bars(bars.dates, bars.assets, lines))) == 1

    def test_on_the_very_last_day(self, bars):
        changed = split(bars, 10)
        assert len(find_splits(changed.rows(0, DAY + 1))) == 1
        assert not find_splits(changed.rows(0, DAY))

    def test_from_a_row_on(self, bars):
        changed = split(bars, 10)
        assert len(find_splits(changed, start=DAY)) == 1
        assert not find_splits(changed, start=DAY + 1)


class TestNotFound:
    def test_a_clean_market(self):
        for seed in range(3):
            assert not find_splits(make_market(20, 600, seed=seed).bars)

    @pytest.mark.parametrize("to", [0.5, 1 / 3, 0.1, 2.0, 5.0])
    def test_a_crash_or_a_jump(self, bars, to):
        """To the very same price, but on twenty times the shares and over a wide range."""
        lines = {name: bars[name].copy() for name in ("open", "high", "low", "close", "volume")}
        for name in ("open", "high", "low", "close"):
            lines[name][DAY:, 1] *= to
        lines["volume"][DAY : DAY + 3, 1] *= 20 * max(1, 1 / to)
        lines["high"][DAY, 1] *= 1.15
        lines["low"][DAY, 1] /= 1.15
        assert not find_splits(Bars(bars.dates, bars.assets, lines))

    def test_a_crash_on_the_usual_number_of_shares(self, bars):
        assert not find_splits(split(bars, 10, volume=False))

    def test_a_wrong_price_of_one_day(self, bars):
        lines = {name: bars[name].copy() for name in ("open", "high", "low", "close")}
        for line in lines.values():
            line[DAY, 1] /= 10
        assert not find_splits(Bars(bars.dates, bars.assets, lines))

    def test_a_relisting_after_a_long_suspension(self, bars):
        changed = split(bars, 1 / 13)
        lines = {name: values.copy() for name, values in changed.lines.items()}
        for line in lines.values():
            line[DAY - 30 : DAY, 1] = np.nan
        assert not find_splits(Bars(bars.dates, bars.assets, lines))

    def test_what_an_adjfactor_accounts_for(self, bars, caplog):
        raw = split(bars, 10)
        factor = np.ones_like(raw["close"])
        factor[DAY:, 1] = 10
        frame = long(raw).assign(adjfactor=factor.T.ravel())
        adjusted = read_table(frame)
        assert not find_splits(adjusted) and not caplog.records
        np.testing.assert_allclose(adjusted["close"], bars["close"])


def long(bars):
    """Bars as a table with a row per symbol and day."""
    columns = {name: values.T.ravel() for name, values in bars.lines.items()}
    index = pd.MultiIndex.from_product([bars.assets, bars.dates], names=["symbol", "date"])
    return pd.DataFrame(columns, index=index).reset_index()


class TestTold:
    def test_on_reading_in_one_line_with_what_to_do(self, bars, caplog):
        twice = split(split(bars, 10), 3, day=400, asset=2)
        read_table(long(twice))
        (line,) = [record.getMessage() for record in caplog.records]
        assert line.startswith("the DataFrame: S001 on 2016-02-25: the close changes by -")
        assert "So with S002 on 2016-07-14." in line and "as 'adjfactor'" in line

    def test_not_where_raw_prices_are_asked_for(self, bars, caplog):
        read_table(long(split(bars, 10)), adjust=False)
        assert not caplog.records

    @pytest.mark.slow
    def test_by_the_plug_in_when_it_sees_it_and_once(self, bars, caplog):
        changed = split(bars, 10)
        cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
        for j, asset in enumerate(changed.assets):
            frame = pd.DataFrame(
                {name: values[:, j] for name, values in changed.lines.items()}, index=bars.dates
            )
            cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=asset)
        told = []

        class Signal:
            def scores(self, known):
                told.append((known.dates[-1], caplog.text.count("not adjusted for")))
                return pd.Series(1.0, index=list(known.assets))

        cerebro.addstrategy(attngru_bt.MonthlyTopK, signal=Signal(), topk=1)
        cerebro.run()
        assert [n for date, n in told if date < bars.dates[DAY]] == [0] * 13
        assert {n for date, n in told if date >= bars.dates[DAY]} == {1}

    def test_by_the_audit(self, bars):
        check = adjustment.check(split(bars, 10))
        assert check.status == "fail" and "on 1 days prices look split" in check.summary
        assert (check.first.symbol, check.first.date) == ("S001", bars.dates[DAY])
        market = attngru_bt.data.market.Market(split(bars, 10), None, None, "split")
        skip = [name for name in audit.CHECKS if name != "adjustment"]
        report = audit.run(market, skip=skip, cuts=1)
        assert not report.passed and report["adjustment"].status == "fail"


@pytest.mark.slow
def test_no_false_alarm_on_a_real_panel_and_the_raw_one_is_told(sse50, sse50_path):
    """With the exchange's preclose, and by prices and volumes alone."""
    assert not find_splits(sse50.bars)
    lines = {name: line for name, line in sse50.bars.lines.items() if name != "preclose"}
    assert not find_splits(Bars(sse50.bars.dates, sse50.bars.assets, lines))
    raw = read_table(sse50_path / "panel.csv.gz", adjust=False)
    stated = {(s.asset, s.date) for s in find_splits(raw)}
    lines = {name: line for name, line in raw.lines.items() if name != "preclose"}
    judged = {(s.asset, s.date) for s in find_splits(Bars(raw.dates, raw.assets, lines))}
    assert len(stated) == 44 and len(judged) >= 8 and judged <= stated


def test_no_false_alarm_on_the_embedded_data():
    """Apple lost 52% on 2000-09-29."""
    assert not find_splits(attngru_bt.load_sp500().bars)


@pytest.mark.slow
def test_no_false_alarm_on_the_large_panel(csi300_path):
    bars = load(csi300_path).bars
    assert not find_splits(bars)
    lines = {name: line for name, line in bars.lines.items() if name != "preclose"}
    assert not find_splits(Bars(bars.dates, bars.assets, lines))
