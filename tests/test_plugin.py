"""The promise: three lines in any script, the same scores whatever the feeds and the mode."""

import pickle

import numpy as np
import pandas as pd
import pytest
from csv_market import write_folder
from sklearn.linear_model import LogisticRegression

import attngru_bt
from attngru_bt.data.market import Market
from attngru_bt.feeds.engine import bt

COLUMNS = ["open", "high", "low", "close", "volume"]
FACTORS = ["ROC6", "BIAS5", "EMA10", "MACD", "RSI", "OBV", "HBETA", "JDQS20"]
SETTINGS = dict(topk=3, min_months=4, lookback=2, n_components=5, refit=2, factors=FACTORS)


@pytest.fixture(scope="module")
def small():
    """Eight stocks with the five lines every feed class has, and an index."""
    market = attngru_bt.make_market(n_assets=8, n_days=230, seed=5, signal=0.3)
    lines = {name: market.bars[name] for name in COLUMNS}
    bars = attngru_bt.Bars(market.bars.dates, market.bars.assets, lines)
    return Market(bars, market.benchmark[COLUMNS], None, "small")


def frames(market):
    wide = {c: market.bars.frame(c) for c in COLUMNS}
    each = {a: pd.DataFrame({c: wide[c][a] for c in COLUMNS}).dropna() for a in market.bars.assets}
    return {**each, "INDEX": market.benchmark}


def panel_feeds(cerebro, market, folder):
    attngru_bt.add_feeds(cerebro, market)


def pandas_feeds(cerebro, market, folder):
    for name, frame in frames(market).items():
        cerebro.adddata(bt.feeds.PandasData(dataname=frame), name=name)


def csv_feeds(cerebro, market, folder):
    for name, frame in frames(market).items():
        path = folder / f"{name}.csv"
        frame.to_csv(path, index_label="date", float_format="%.17g")
        feed = bt.feeds.GenericCSVData(dataname=str(path), dtformat="%Y-%m-%d", openinterest=-1)
        cerebro.adddata(feed, name=name)


def plugged(market, folder, feeds=panel_feeds, signal=None, modes=None, **params):
    cerebro = bt.Cerebro(**{"stdstats": False, "cheat_on_open": True, **(modes or {})})
    feeds(cerebro, market, folder)
    cerebro.broker.setcash(1e6)
    cerebro.addstrategy(
        attngru_bt.AttentionGRUStrategy,
        signal=signal or LogisticRegression(max_iter=50),
        **{**SETTINGS, **params},
    )
    cerebro.addanalyzer(attngru_bt.Performance, benchmark="INDEX", _name="performance")
    return cerebro.run()[0]


def told(strategy):
    """Scores as bytes, orders and fills, final value."""
    scores = [(r.month_end, r.scores.to_numpy().tobytes()) for r in strategy.signal.records_]
    return scores, strategy.trade_log.frame().to_csv(), strategy.broker.getvalue()


@pytest.fixture(scope="module")
def want(small, tmp_path_factory):
    strategy = plugged(small, tmp_path_factory.mktemp("want"))
    assert len(strategy.decisions) >= 5
    return told(strategy)


@pytest.mark.slow
@pytest.mark.parametrize("feeds", [pandas_feeds, csv_feeds])
def test_the_feed_class_changes_nothing(small, want, feeds, tmp_path):
    assert told(plugged(small, tmp_path, feeds)) == want


@pytest.mark.slow
@pytest.mark.parametrize(
    "modes",
    [dict(runonce=False, stdstats=True), dict(preload=False), dict(exactbars=-1),
     dict(exactbars=-2), dict(live=True)],
    ids=str,
)  # fmt: skip
def test_the_mode_of_cerebro_changes_nothing(small, want, modes, tmp_path):
    assert told(plugged(small, tmp_path, pandas_feeds, modes=modes)) == want


def test_exactbars_1_is_refused_in_one_sentence(small, tmp_path):
    with pytest.raises(attngru_bt.DataError, match="exactbars"):
        plugged(small, tmp_path, pandas_feeds, modes=dict(exactbars=1))


@pytest.mark.slow
def test_scores_come_from_the_bars_of_the_feeds_and_nothing_else(small, want, tmp_path):
    """The same generator, fed the bars directly, gives the same scores."""
    generator = attngru_bt.SignalGenerator(LogisticRegression(max_iter=50), **SETTINGS)
    for month_end, scores in want[0]:
        assert generator.scores(small.bars.until(month_end)).to_numpy().tobytes() == scores


@pytest.mark.slow
def test_the_open_of_the_index_reaches_the_factors(small, want, tmp_path):
    """JDQS20 needs it; without opens of its own the index has none to give."""
    seen = plugged(small, tmp_path).signal.sections_[-1].columns
    assert "JDQS20" in seen
    flat = small.benchmark.assign(open=small.benchmark["close"])
    closes = Market(small.bars, flat, None, "closes only")
    assert closes.bars.benchmark_open is None
    assert "JDQS20" not in plugged(closes, tmp_path, factors=None).signal.sections_[-1].columns


@pytest.mark.slow
def test_extra_lines_of_a_feed_are_factors(small, tmp_path):
    class WithMood(bt.feeds.PandasData):
        lines = ("mood",)
        params = (("mood", -1),)

    rng = np.random.default_rng(0)

    def feeds(cerebro, market, folder):
        for name, frame in frames(market).items():
            frame = frame.assign(mood=rng.normal(size=len(frame)))
            cerebro.adddata(WithMood(dataname=frame), name=name)

    strategy = plugged(small, tmp_path, feeds, factors=None)
    assert "mood" in strategy.signal.sections_[-1].columns


@pytest.mark.slow
def test_the_embedded_network_runs_and_reports(small, tmp_path):
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    attngru_bt.add_feeds(cerebro, small)
    cerebro.addstrategy(attngru_bt.AttentionGRUStrategy, **{**SETTINGS, "refit": 4})
    cerebro.addanalyzer(attngru_bt.Performance, benchmark="INDEX", _name="performance")
    strategy = cerebro.run()[0]
    assert strategy.signal.records_[-1].attention is not None
    analysis = strategy.analyzers.performance.get_analysis()
    assert np.isfinite(analysis["annual_return"]) and np.isfinite(analysis["information_ratio"])


@pytest.mark.slow
def test_a_subclass_overrides_params_only(small, tmp_path):
    class Mine(attngru_bt.AttentionGRUStrategy):
        params = dict(topk=2, signal=LogisticRegression(max_iter=50), min_months=4, lookback=2)

    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    attngru_bt.add_feeds(cerebro, small.bars)
    cerebro.addstrategy(Mine)
    strategy = cerebro.run()[0]
    assert all(len(d["wanted"]) == 2 for d in strategy.decisions)


@pytest.mark.slow
@pytest.mark.parametrize("of", ["market", "bars"])
def test_the_benchmark_that_add_feeds_added_is_not_traded(small, want, of, tmp_path):
    """Nobody has to name it: no analyzer here, and the same decisions."""
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True)
    attngru_bt.add_feeds(cerebro, small if of == "market" else small.bars, benchmark="SPX")
    cerebro.broker.setcash(1e6)
    signal = LogisticRegression(max_iter=50)
    cerebro.addstrategy(attngru_bt.AttentionGRUStrategy, signal=signal, **SETTINGS)
    assert told(cerebro.run()[0]) == want


@pytest.mark.slow
def test_optstrategy_runs_in_worker_processes(small, tmp_path):
    cerebro = bt.Cerebro(stdstats=False, cheat_on_open=True, maxcpus=2)
    cerebro.broker.setcash(1e6)
    attngru_bt.add_feeds(cerebro, small)
    cerebro.optstrategy(
        attngru_bt.AttentionGRUStrategy,
        topk=[2, 3],
        signal=[LogisticRegression(max_iter=50)],
        min_months=4,
        lookback=2,
        n_components=5,
        refit=2,
        factors=[FACTORS],
    )
    cerebro.addanalyzer(attngru_bt.Performance, benchmark="INDEX", _name="performance")
    runs = cerebro.run()
    returns = [run[0].analyzers.performance.get_analysis()["total_return"] for run in runs]
    alone = [plugged(small, tmp_path, topk=k) for k in (2, 3)]
    assert returns == [s.analyzers.performance.get_analysis()["total_return"] for s in alone]


@pytest.mark.slow
def test_the_signal_of_a_run_pickles_with_what_it_learned(small, tmp_path):
    strategy = plugged(small, tmp_path)
    again = pickle.loads(pickle.dumps(strategy.signal))
    pd.testing.assert_frame_equal(again.labels(), strategy.signal.labels())


@pytest.mark.slow
def test_books_balance_every_day_and_nothing_is_rejected(small, tmp_path):
    strategy = plugged(small, tmp_path)
    performance = strategy.analyzers.performance
    total = performance.positions().sum(axis=1)  # a column per name, and cash
    values = performance.values[performance.first : performance.end]
    np.testing.assert_allclose(total, values, rtol=1e-12)
    assert not strategy.trade_log.frame()["event"].isin(["rejected"]).any()


@pytest.mark.slow
def test_a_csv_folder_gives_the_run_its_market(small, tmp_path):
    write_folder(tmp_path / "data", small)
    market = attngru_bt.load(tmp_path / "data")
    assert market.bars.assets == small.bars.assets


class TestValidation:
    def test_a_model_without_scores(self, small, tmp_path):
        from sklearn.cluster import KMeans

        with pytest.raises(TypeError, match="decision_function, or a regressor; got KMeans"):
            plugged(small, tmp_path, signal=KMeans())

    def test_a_class_instead_of_an_instance(self, small, tmp_path):
        with pytest.raises(TypeError, match=r"write LogisticRegression\(\)"):
            plugged(small, tmp_path, signal=LogisticRegression)

    @pytest.mark.slow
    def test_a_classifier_without_probabilities_ranks_by_its_decision(self, small, tmp_path):
        from sklearn.svm import LinearSVC

        strategy = plugged(small, tmp_path, signal=LinearSVC())
        assert len(strategy.decisions) >= 5

    def test_factors_as_a_string(self, small, tmp_path):
        with pytest.raises(TypeError, match="`factors` must be a list of names"):
            plugged(small, tmp_path, factors="BIAS5")
