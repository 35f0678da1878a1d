"""How much of each name is held: shares of the free cash, and of the whole account."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngru_bt import MonthlyTopK, backtest, make_market
from attngru_bt.compare.chance import against_chance, month_returns, month_weights
from attngru_bt.data.bars import Bars
from attngru_bt.trading.weights import by_volatility, even, inverse_volatility

pytestmark = pytest.mark.slow  # whole walks and backtests

FREE = dict(commission=0.0, lot=0)


@pytest.fixture(scope="module")
def market():
    return make_market(n_assets=12, n_days=200, seed=4, late=0, gaps=0, delisted=0)


@pytest.fixture(scope="module")
def scores(market):
    dates = market.bars.dates
    ends = dates[np.flatnonzero(dates.month[1:] != dates.month[:-1])][2:]
    values = np.random.default_rng(0).normal(size=(len(ends), len(market.bars.assets)))
    return pd.DataFrame(values, index=ends, columns=list(market.bars.assets))


def run(market, scores, **params):
    return backtest.run(market, MonthlyTopK, signal=scores, **{"topk": 4, **FREE, **params})


def bought(strategy, decision):
    """Value bought on the day of a decision, by name."""
    log = strategy.trade_log.frame()
    mine = (log["date"] == decision["date"]) & (log["event"] == "fill") & (log["side"] == "buy")
    return log[mine].set_index("asset")["value"]


def volatility(market, day, names):
    """By pandas."""
    close = market.bars.frame("close").loc[:day, list(names)].tail(61)
    return close.pct_change(fill_method=None).std()


def test_equal_is_the_default(market, scores):
    for rebalance in ("entrants", "full"):
        pd.testing.assert_frame_equal(
            run(market, scores, weights="equal", rebalance=rebalance).trade_log.frame(),
            run(market, scores, rebalance=rebalance).trade_log.frame(),
        )


def alike(scores, bars):
    return {name: 1 / len(scores) for name in scores.index}


@pytest.mark.parametrize("rebalance", ["entrants", "full"])
def test_a_function_that_weighs_all_alike_is_equal_weight(market, scores, rebalance):
    ours, plain = (
        run(market, scores, rebalance=rebalance, **params).trade_log.frame()
        for params in (dict(weights=alike), {})
    )
    assert len(ours) == len(plain) > 20
    np.testing.assert_allclose(ours["value"], plain["value"], rtol=1e-9)


def test_entrants_share_the_free_cash_by_volatility(market, scores):
    strategy = run(market, scores, weights="inverse-volatility")
    log, several = strategy.trade_log.frame(), 0
    for decision in strategy.decisions:
        values = bought(strategy, decision)
        assert set(values.index) == set(decision["entrants"])
        shares = 1 / volatility(market, decision["month_end"], values.index)
        np.testing.assert_allclose(values / values.sum(), shares / shares.sum(), rtol=1e-9)
        sold = log[(log["date"] == decision["date"]) & (log["side"] == "sell")]
        assert set(sold["asset"]) == set(decision["exits"])  # names that stay are left alone
        several += len(values) > 1
    assert several > 3


def test_by_score_the_best_of_n_weighs_n_and_the_last_1(market, scores):
    strategy = run(market, scores, weights="score", rebalance="full", slippage=0.0)
    first = strategy.decisions[0]
    values = bought(strategy, first)[list(first["wanted"])]
    np.testing.assert_allclose(values / values.sum(), np.array([4, 3, 2, 1]) / 10, rtol=1e-6)
    again = run(market, np.exp(scores), weights="score", rebalance="full")
    pd.testing.assert_frame_equal(strategy.trade_log.frame(), again.trade_log.frame())


def test_full_trades_every_name_to_its_weight(market, scores):
    strategy = run(market, scores, weights="inverse-volatility", rebalance="full")
    opens = market.bars.frame("open")
    log = strategy.trade_log.frame()
    assert not log["event"].isin(("partial", "canceled")).any()
    fills = log[log["event"] == "fill"]
    fills = fills.assign(size=fills["size"].where(fills["side"] == "buy", -fills["size"]))
    for decision in strategy.decisions:
        held = fills[fills["date"] <= decision["date"]].groupby("asset")["size"].sum()
        names = [*decision["stayers"], *decision["entrants"]]
        value = held[names] * opens.loc[decision["date"], names]
        shares = 1 / volatility(market, decision["month_end"], names)
        # sized on the account at the last close, filled at the open
        np.testing.assert_allclose(value / value.sum(), shares / shares.sum(), atol=0.02)


def test_a_function_sees_the_names_chosen_and_nothing_later(market, scores):
    seen = []

    def heaviest_last(chosen, bars):
        seen.append((chosen, bars.dates[-1]))
        return pd.Series({name: i + 1.0 for i, name in enumerate(chosen.index)}) / sum(
            range(1, len(chosen) + 1)
        )

    strategy = run(market, scores, weights=heaviest_last)
    decisions = [d for d in strategy.decisions if d["entrants"]]
    assert len(seen) == len(decisions) > 3
    for (chosen, last), decision in zip(seen, decisions, strict=True):
        assert last == decision["month_end"] < decision["date"]
        assert set(chosen.index) == {*decision["stayers"], *decision["entrants"]}
        assert chosen.is_monotonic_decreasing
        pd.testing.assert_series_equal(
            chosen, scores.loc[last, chosen.index], check_names=False, check_index_type=False
        )
        values = bought(strategy, decision)
        wanted = pd.Series({n: i + 1.0 for i, n in enumerate(chosen.index)})[values.index]
        np.testing.assert_allclose(values / values.sum(), wanted / wanted.sum(), rtol=1e-9)


@pytest.mark.parametrize("rebalance", ["entrants", "full"])
def test_a_weight_of_0_leaves_a_name_out_and_its_slot_empty(market, scores, rebalance):
    def best_alone(chosen, bars):
        return {name: float(i == 0) for i, name in enumerate(chosen.index)}

    strategy = run(market, scores.iloc[:1], weights=best_alone, rebalance=rebalance)
    first = strategy.decisions[0]
    log = strategy.trade_log.frame()
    assert list(log[(log["event"] == "fill")]["asset"].unique()) == [first["wanted"][0]]
    assert bought(strategy, first).sum() == pytest.approx(1e6, rel=0.03)
    passed = log[(log["event"] == "passed") & (log["date"] == first["date"])]
    assert set(passed["reason"]) == {"its weight is 0"} and len(passed) == 3


def test_who_enters_later_gets_its_weight(market, scores):
    """The two best have no bar on the day of the decision, and no other may take their place."""
    first = scores.index[0]
    best = list(scores.loc[first].sort_values(ascending=False).index)
    day = market.bars.dates[market.bars.dates.get_loc(first) + 1]
    lines = {}
    for name, values in market.bars.lines.items():
        gone = market.bars.dates.get_loc(day)
        lines[name] = values.copy()
        lines[name][gone, [market.bars.assets.index(n) for n in best[:2]]] = np.nan
    bars = Bars(market.bars.dates, market.bars.assets, lines)
    holes = type(market)(bars, None, None, "holes")
    strategy = run(holes, scores.iloc[:1], weights="score", substitute=False)
    log = strategy.trade_log.frame()
    fills = log[(log["event"] == "fill")].set_index("asset")
    assert fills.loc[best[2:4], "date"].eq(day).all() and fills.loc[best[:2], "date"].gt(day).all()
    assert fills.loc[best[2], "value"] / fills.loc[best[3], "value"] == pytest.approx(2)
    # among all four the two late ones weigh 4 and 3
    assert fills.loc[best[0], "value"] / fills.loc[best[1], "value"] == pytest.approx(4 / 3)


def test_who_would_enter_later_with_a_weight_of_0_is_let_be(market, scores):
    first = scores.index[0]
    best = list(scores.loc[first].sort_values(ascending=False).index)
    gone = market.bars.dates.get_loc(first) + 1
    lines = {name: values.copy() for name, values in market.bars.lines.items()}
    for values in lines.values():
        values[gone, market.bars.assets.index(best[0])] = np.nan
    holes = type(market)(Bars(market.bars.dates, market.bars.assets, lines), None, None, "holes")

    def none_of_the_best(chosen, bars):
        return {
            n: 0.0 if n == best[0] else 1 / (len(chosen) - (best[0] in chosen))
            for n in chosen.index
        }

    strategy = run(holes, scores.iloc[:1], weights=none_of_the_best, substitute=False)
    log = strategy.trade_log.frame()
    of_best = log[(log["asset"] == best[0]) & (log["date"] < strategy.decisions[1]["date"])]
    assert of_best["date"].tolist() == [market.bars.dates[gone]]  # it had no bar; then nothing


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (lambda s, b: np.ones(len(s)), "<lambda> after .* must return a Series or a dict"),
        (lambda s, b: {**alike(s, b), "X": 0.0}, "a weight to 'X', which was not chosen"),
        (lambda s, b: alike(s[1:], b), "gave no weight to '.*'; give 0 to leave it out"),
        (lambda s, b: s * np.nan, "the weight nan; expected at least 0"),
        (lambda s, b: dict.fromkeys(s.index, "much"), "the weight 'much'"),
        (lambda s, b: pd.Series([-0.5, 0.5, 0.5, 0.5], s.index), "the weight -0.5; expected at"),
        (lambda s, b: s * 0 + 0.3, "whose sum is 1.2, not 1; divide them by their sum"),
        (
            lambda s, b: pd.Series(0.2, index=[*s.index, s.index[0]]),
            "gave two weights to",
        ),
    ],
)
def test_what_is_no_weights_is_a_sentence(market, scores, answer, message):
    with pytest.raises((ValueError, TypeError), match=message):
        run(market, scores.iloc[:1], weights=answer)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ("inverse-volatilty", "did you mean 'inverse-volatility'?"),
        ("size", "weights of training rows are `row_weights`"),
        (3, "got 3"),
    ],
)
def test_unknown_words_are_refused_before_the_run(market, scores, weights, message):
    with pytest.raises(ValueError, match=message):
        run(market, scores, weights=weights)


def test_an_unknown_volatility_counts_as_the_highest():
    close = np.full((61, 4), np.nan)
    close[:, 0] = np.exp(np.cumsum(np.resize([0.1, -0.1], 61)))
    close[:, 1] = np.exp(np.cumsum(np.resize([0.01, -0.01], 61)))
    close[-10:, 2] = close[-10:, 0]  # too short
    close[:, 3] = 5.0  # never moved
    bars = Bars(pd.bdate_range("2020-01-01", periods=61), tuple("ABCD"), {"close": close})
    known = inverse_volatility(bars, "ABCD")
    assert np.isnan(known).tolist() == [False, False, True, True]
    shares = by_volatility(known)
    assert shares[2] == shares[3] == shares[0] < shares[1]
    assert by_volatility(known[2:]).tolist() == [1, 1]


@given(st.dictionaries(st.sampled_from("ABCDEFGHI"), st.floats(0, 1e6), max_size=9))
def test_shares_are_1_on_average_unless_all_are_0(shares):
    scaled = even(shares)
    assert list(scaled) == list(shares)
    if any(shares.values()):
        assert sum(scaled.values()) == pytest.approx(len(shares))
    else:
        assert not any(scaled.values())


def test_the_luck_test_weighs_by_volatility_too(market, scores):
    names = list(scores.columns)
    table = month_weights(market, scores.index, names, "inverse-volatility")
    for day, row in table.iterrows():
        np.testing.assert_allclose(row, 1 / volatility(market, day, names), rtol=1e-9)
    for weights in (None, "equal", "score", alike):
        assert month_weights(market, scores.index, names, weights) is None
    returns = month_returns(market, scores.index, scores.notna())
    found = [
        against_chance(scores, returns, 4, cost=0, years=1, draws=50, weights=w)
        for w in (None, table)
    ]
    assert all(found[0][name] != found[1][name] for name in ("simple_return", "chance_median"))
