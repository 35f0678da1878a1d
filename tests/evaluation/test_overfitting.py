"""The probability of backtest overfitting, against a plain reading of its definition."""

from itertools import combinations

import numpy as np
import pytest

from attngru_bt.evaluation.overfitting import probability_of_overfitting


def by_hand(returns, blocks):
    """Bailey et al.: the logit of the best one's relative rank in the other half is at most 0."""
    months, n = returns.shape
    groups = np.array_split(np.arange(months), blocks)
    logits = []
    for chosen in combinations(range(blocks), blocks // 2):
        inside = [i for b in chosen for i in groups[b]]
        outside = [i for i in range(months) if i not in inside]
        sharpe = [returns[inside, k].mean() / returns[inside, k].std(ddof=1) for k in range(n)]
        best = sharpe.index(max(sharpe))
        other = [returns[outside, k].mean() / returns[outside, k].std(ddof=1) for k in range(n)]
        omega = (1 + sum(value < other[best] for value in other)) / (n + 1)
        logits.append(np.log(omega / (1 - omega)))
    return np.mean(np.array(logits) <= 1e-12)


@pytest.mark.parametrize("n_candidates", [2, 5, 6])
def test_is_what_the_definition_says(n_candidates):
    rng = np.random.default_rng(n_candidates)
    returns = rng.normal(rng.normal(0, 0.2, n_candidates), 1, (31, n_candidates))
    assert probability_of_overfitting(returns, 6) == by_hand(returns, 6)


def test_a_choice_that_carries_over_and_one_that_does_not():
    rng = np.random.default_rng(0)
    noise = rng.normal(size=(60, 8))
    skilled = noise + np.linspace(0, 2, 8)
    assert probability_of_overfitting(skilled) < 0.05
    chance = [probability_of_overfitting(rng.normal(size=(60, 8)), 8) for _ in range(40)]
    assert 0.35 < np.mean(chance) < 0.65


def test_the_best_of_one_half_is_the_worst_of_the_other_where_means_are_equal():
    rng = np.random.default_rng(1)
    returns = rng.normal(size=(48, 5))
    returns -= returns.mean(axis=0)  # what is gained in one half is lost in the other
    assert probability_of_overfitting(returns) > 0.9


def test_one_candidate_is_no_choice():
    assert np.isnan(probability_of_overfitting(np.ones((12, 1))))


@pytest.mark.parametrize(
    ("returns", "blocks", "message"),
    [
        (np.ones((12, 2)), 3, "even"),
        (np.ones((5, 2)), 6, "at least 6 months"),
        (np.full((12, 2), np.nan), 12, "known for every month"),
        (np.ones((12, 2)), 0, "blocks"),
    ],
)
def test_bad_input_is_one_sentence(returns, blocks, message):
    with pytest.raises(ValueError, match=message):
        probability_of_overfitting(returns, blocks)
