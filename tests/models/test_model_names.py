"""Models by name: each is made, scores, is seeded by the month, and says what is amiss."""

from __future__ import annotations

import sys

import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.linear_model import Ridge
from sklearn.utils import get_tags

from attngru_bt import AttentionGRUStrategy, Blend, SignalGenerator, backtest, make_market
from attngru_bt.compare.choice import chosen_names
from attngru_bt.models.catalog import MODELS
from attngru_bt.models.names import find, names, title_of
from attngru_bt.models.presets import BLEND, NEUTRAL, RANKS
from attngru_bt.reports.collect import name_of
from attngru_bt.walkforward.by_name import generator

FEW = [  # more than the components that most of the models make of them, known within a month
    "ROC6", "BIAS5", "BIAS10", "VEMA5", "VEMA10", "VEMA12", "EMA5", "EMA10", "EMA12", "MA5", "MA10",
    "REVS5", "REVS10", "ATR6", "PSY", "RSI", "MFI", "OBV", "PB", "PE", "PS", "PCF", "CCI5", "CCI10",
    "VROC6", "VROC12", "MTM", "RC12",
]  # fmt: skip
TWELVE = {
    "rnn", "lstm", "gru", "attention-gru", "cnn", "bp", "logistic", "elastic-net-lstm", "svm",
    "random-forest", "gbdt", "xgboost",
}  # fmt: skip


@pytest.fixture(scope="module")
def months():
    """First five month-ends of a small market with a strong signal: one fit, scored twice."""
    bars = make_market(n_assets=40, n_days=130, seed=2, signal=0.5).bars
    ends = pd.Series(bars.dates).groupby(bars.dates.to_period("M")).max()
    return [bars.until(end) for end in ends.iloc[:5]]


def run(name, months, **settings):
    signal = generator(name, **{"topk": 3, "lookback": 3, "min_months": 3, "refit": 2} | settings)
    for bars in months:
        scores = signal.scores(bars)
    return signal, scores


def available(name):
    if MODELS[name].extra:
        pytest.importorskip(MODELS[name].extra)
    return name


class TestTable:
    def test_the_twelve_of_the_paper_and_the_baselines(self):
        others = {"attention-gru-ranks", "paper", "ridge", "ridge-pca", "gbdt-rank", "blend"}
        others |= {"attention-gru-lines"}
        others |= {"equal-weight", "random", "momentum"}
        assert set(names()) == TWELVE | others
        assert names("baseline") == ["equal-weight", "random", "momentum"]
        assert set(names("network")) == {
            "attention-gru-ranks", "paper",
            "rnn", "lstm", "gru", "attention-gru", "cnn", "bp", "elastic-net-lstm",
            "attention-gru-lines",
        }  # fmt: skip
        assert names("blend") == ["blend"]
        assert [len(names(family)) for family in ("network", "classic", "baseline")] == [10, 8, 3]

    def test_names_and_titles_are_the_models_own(self):
        for name, model in MODELS.items():
            assert model.name == name
        assert len({model.title for model in MODELS.values()}) == len(MODELS)

    def test_settings_are_those_of_the_generator(self):
        known = SignalGenerator().get_params()
        for model in MODELS.values():
            assert set(model.settings) <= set(known)

    def test_the_table_cannot_be_changed(self):
        with pytest.raises(TypeError):
            MODELS["mine"] = MODELS["gru"]
        with pytest.raises(AttributeError):
            MODELS["gru"].name = "mine"

    @pytest.mark.parametrize("name", [name for name in names() if name != "blend"])
    def test_what_is_made_is_new_unseeded_and_of_one_job(self, name):
        model = MODELS[available(name)]
        one, other = model.make(), model.make()
        assert one is not other
        params = one.get_params()
        if model.family != "baseline":
            seeds = [k for k in params if k.rpartition("__")[2] == "random_state"]
            assert all(params[k] is None for k in seeds)
            takes_sequences = get_tags(one).input_tags.three_d_array
            assert takes_sequences == (model.family == "network")
        assert all(v in (None, 1) for k, v in params.items() if k.endswith("n_jobs"))
        assert str(clone(one).get_params()) == str(params)


class TestDefault:
    def test_it_is_another_name_for_the_blend_and_walked_once(self):
        assert find("default") is MODELS["blend"]
        assert "default" not in names() and MODELS["blend"].members == BLEND
        assert chosen_names("default,blend,ridge,default", names()) == ["blend", "ridge"]

    def test_all_of_it_follows_from_the_names_of_its_members(self):
        default = generator("default", n_networks=1, topk=5)
        assert tuple(default.members()) == BLEND
        assert default.title == find("default").title == title_of("default")
        for name in BLEND:
            assert default.title.lower().count(MODELS[name].title.lower()) == 1
        assert default.neutralize == NEUTRAL["neutralize"]
        assert all(member.topk == 5 for member in default.members().values())

    def test_it_is_no_part_of_another_blend(self):
        with pytest.raises(ValueError, match="default is a blend itself; name its members, ridge"):
            find("default+lstm")

    @pytest.mark.slow
    def test_one_network_on_ranks_is_what_a_script_has_unless_told_otherwise(self):
        assert _name_of_class(SignalGenerator()) == "attention-gru-ranks"
        market = make_market(n_assets=12, n_days=60, seed=1)
        plain = backtest.run(market, AttentionGRUStrategy, topk=3)
        assert name_of(plain) == MODELS["attention-gru-ranks"].title

    @pytest.mark.slow
    def test_one_call_has_the_same_default_as_the_commands(self):
        market = make_market(n_assets=6, n_days=120, seed=1)
        few = dict(topk=2, factors=["BIAS5", "ROC6"], min_months=2, n_networks=1)
        plain, named = (backtest.run(market, **how, **few) for how in ({}, {"model": "default"}))
        assert name_of(plain) == name_of(named) == MODELS["blend"].title
        assert len(plain.signal.labels())
        assert plain.signal.labels().equals(named.signal.labels())


def _name_of_class(recipe):
    (name,) = Blend([recipe]).members()
    return name


class TestGenerator:
    @pytest.mark.slow
    @pytest.mark.parametrize("name", [name for name in names() if name != "equal-weight"])
    def test_each_scores_and_repeats_to_the_bit(self, name, months):
        few = {} if name == "attention-gru-lines" or MODELS[name].family == "baseline" else {
            "factors": FEW
        }  # fmt: skip
        signal, scores = run(available(name), months, random_state=3, **few)
        assert len(scores) >= 20 or name == "momentum"  # that needs 13 months
        assert scores.index.name == "asset" and scores.notna().all()
        _, again = run(name, months, random_state=3, **few)
        pd.testing.assert_series_equal(scores, again)
        if name != "momentum":
            assert scores.nunique() > 3
        if MODELS[name].family != "baseline":
            assert signal.records_[-1].n_months == 3

    @pytest.mark.slow
    def test_the_random_state_reaches_whatever_draws(self, months):
        for name, few in (("random", {}), *((n, {"factors": FEW}) for n in ("svm", "lstm"))):
            one, other = (run(name, months, random_state=seed, **few)[1] for seed in (0, 1))
            assert not one.equals(other), name

    def test_settings_go_before_those_of_the_model(self):
        assert generator("elastic-net-lstm").n_components is None
        assert generator("elastic-net-lstm", n_components=5).n_components == 5
        assert generator("gbdt", topk=7).topk == 7
        assert generator("ridge").target == "rank"

    def test_networks_take_their_number_and_device(self):
        cnn = generator("cnn", n_networks=3, device="auto").classifier
        assert cnn.n_networks == 3 and cnn.device == "auto"
        lstm = generator("elastic-net-lstm", n_networks=2).classifier.get_params()
        assert lstm["lstm__n_networks"] == 2
        assert generator("xgboost", device="cuda").classifier.device is None

    def test_a_baseline_takes_its_own_and_leaves_the_rest(self):
        random = generator("random", random_state=5, topk=3, lookback=9)
        assert random.random_state == 5
        assert generator("momentum", months=6, skip=0).get_params() == {
            "months": 6, "skip": 0, "universe": None,
        }  # fmt: skip

    @pytest.mark.slow
    def test_elastic_net_lstm_selects_factors_and_knows_the_months(self, months):
        signal, _ = run("elastic-net-lstm", months)
        pipeline = signal.model_
        assert pipeline[0].support_.sum() <= 24 < len(pipeline[0].support_)
        assert pipeline[1].n_features_in_ == pipeline[0].support_.sum()
        assert signal.records_[-1].losses == pipeline[1].history_ != []
        assert signal.records_[-1].explained_variance is None

    @pytest.mark.slow
    @pytest.mark.parametrize("name", ["gbdt", "ridge", "cnn"])
    def test_a_planted_signal_is_found(self, name):
        bars = make_market(n_assets=40, n_days=330, seed=0, signal=0.6).bars
        ends = pd.Series(bars.dates).groupby(bars.dates.to_period("M")).max()
        signal = generator(name, topk=8, lookback=2, min_months=8, refit=4, factors=FEW)
        for end in ends:
            signal.scores(bars.until(end))
        labels = signal.labels().dropna()
        monthly = labels.groupby("month_end")
        ic = monthly.apply(lambda m: m["score"].corr(m["forward_return"], method="spearman"))
        assert ic.mean() > 0.2


class TestStrategy:
    @pytest.mark.slow
    def test_a_name_is_a_signal(self):
        market = make_market(n_assets=12, n_days=110, seed=1)
        named = backtest.run(market, topk=3, signal="logistic", min_months=2)
        given = backtest.run(market, topk=3, signal=MODELS["logistic"].make(), min_months=2)
        assert named.decisions == given.decisions and len(named.decisions) >= 2
        assert type(named.signal.classifier).__name__ == "LogisticRegression"

    @pytest.mark.slow
    def test_what_was_not_set_is_the_models_to_choose(self):
        market = make_market(n_assets=12, n_days=60, seed=1)
        signal = backtest.run(market, topk=3, signal="elastic-net-lstm").signal
        assert signal.n_components is None and signal.topk == 3
        chosen = backtest.run(market, topk=3, signal="elastic-net-lstm", n_components=9)
        assert chosen.signal.n_components == 9

    @pytest.mark.slow
    def test_what_is_not_given_is_the_models_own(self):
        market = make_market(n_assets=12, n_days=60, seed=1)
        plain = backtest.run(market, AttentionGRUStrategy, topk=3).signal
        assert type(plain.classifier).__name__ == "AttentionGRURegressor"
        for name, value in RANKS.items():
            assert getattr(plain, name) == value, name
        paper = backtest.run(market, topk=3, signal="paper", lookback=3).signal
        assert (paper.lookback, paper.step, paper.min_months) == (3, "day", 2)
        mine = backtest.run(market, topk=3, signal=Ridge(), refit=5).signal
        assert (mine.refit, mine.lookback) == (5, SignalGenerator().lookback)

    def test_a_generator_walks_one_network_unless_told_otherwise(self):
        plain, named = SignalGenerator(), generator("attention-gru-ranks")
        for name in SignalGenerator().get_params(deep=False):
            if name != "classifier":
                assert getattr(plain, name) == getattr(named, name), name
        made = plain.make_model(pd.Timestamp("2020-01-31"))
        assert made.get_params() == {
            **named.classifier.get_params(),
            "random_state": made.random_state,
        }

    def test_a_baseline_has_no_use_for_a_model_s_settings(self):
        market = make_market(n_assets=12, n_days=60, seed=1)
        done = backtest.run(market, topk=3, signal="random", random_state=4)
        assert done.signal.random_state == 4
        with pytest.raises(ValueError, match=r"`lookback` has no effect with the model 'random'"):
            backtest.run(market, topk=3, signal="random", lookback=9)

    def test_equal_scores_choose_nobody(self):
        market = make_market(n_assets=12, n_days=60, seed=1)
        for ask in (
            lambda: generator("equal-weight", topk=3),
            lambda: backtest.run(market, topk=3, signal="equal-weight", lookback=9),
        ):
            with pytest.raises(ValueError, match=r"'equal-weight' .* chooses nobody: .*\(market\)"):
                ask()


class TestValidation:
    def test_an_unknown_name_has_its_nearest(self):
        with pytest.raises(ValueError, match="No model is named 'xgbost'; did you mean 'xgboost'"):
            find("xgbost")
        market = make_market(n_assets=12, n_days=60, seed=1)
        with pytest.raises(ValueError, match="did you mean 'ridge'"):
            backtest.run(market, signal="rigde")

    @pytest.mark.parametrize("name", ["gru", "momentum"])
    def test_an_unknown_setting_has_its_nearest(self, name):
        message = f"the model '{name}' has no parameter `lokback`; did you mean 'lookback'"
        with pytest.raises(TypeError, match=message):
            generator(name, lokback=3)
        with pytest.raises(TypeError, match="no parameter `classifier`"):
            generator(name, classifier=None)

    def test_without_xgboost_it_says_what_to_install(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "xgboost", None)
        with pytest.raises(ImportError, match=r"pip install 'attngru_bt\[xgboost\]'"):
            generator("xgboost")
        assert generator("gbdt") is not None
