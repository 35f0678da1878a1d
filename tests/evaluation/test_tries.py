"""What the choice of the best of several candidates is worth."""

import numpy as np
import pandas as pd
import pytest

from attngru_bt.evaluation.deflated_sharpe import deflated_sharpe_ratio, effective_trials
from attngru_bt.evaluation.overfitting import probability_of_overfitting
from attngru_bt.evaluation.tries import judge


def table(skill=0.0, months=60, candidates=5, common=0.0, seed=0):
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 0.02, (months, candidates)) + common * rng.normal(0, 1, (months, 1))
    values[:, 0] += skill
    return pd.DataFrame(values, columns=[f"model {i}" for i in range(candidates)])


class TestEffectiveTrials:
    def test_the_same_try_again_is_no_try(self):
        one = np.random.default_rng(0).normal(size=50)
        assert effective_trials(np.column_stack([one] * 4)) == pytest.approx(1.0)

    def test_tries_that_have_nothing_in_common_count_each(self):
        assert effective_trials(np.eye(8)[:, :4] - np.eye(8)[:, 4:]) == pytest.approx(4.0)

    def test_correlation_counts_in_proportion(self):
        rng = np.random.default_rng(0)
        common = rng.normal(size=(20_000, 1))
        values = common + rng.normal(size=(20_000, 6))  # each pair has a correlation of 1/2
        assert effective_trials(values) == pytest.approx(0.5 + 0.5 * 6, abs=0.05)

    def test_what_cannot_tell_is_not_known(self):
        assert effective_trials([[0.1], [0.2]]) == 1.0
        assert np.isnan(effective_trials([[0.1, 0.2], [0.2, 0.1]]))
        assert np.isnan(effective_trials([[0.1, np.nan], [0.2, 0.1], [0.0, 0.1]]))


class TestJudge:
    def test_figures_are_those_of_their_own_functions(self):
        returns = table(skill=0.01)
        found = judge(returns, 12)
        sharpes = returns.mean() / returns.std() * np.sqrt(12)
        assert found.best == sharpes.idxmax() and found.periods == 60
        assert found.effective == effective_trials(returns)
        assert found.overfitting == probability_of_overfitting(returns)
        assert found.deflated == pytest.approx(
            deflated_sharpe_ratio(returns[found.best], sharpes, trials=found.effective, periods=12)
        )

    @pytest.mark.slow
    def test_skill_is_told_from_luck(self):
        assert judge(table(skill=0.02), 12).deflated > 0.95
        assert judge(table(skill=0.02), 12).overfitting < 0.05
        lucky = [judge(table(seed=seed), 12) for seed in range(20)]
        assert np.mean([found.deflated for found in lucky]) < 0.7
        assert 0.25 < np.mean([found.overfitting for found in lucky]) < 0.75

    def test_there_is_nothing_to_choose_from(self):
        assert judge(table(candidates=1), 12) is None
        assert judge(table(months=23), 12) is None
        holes = table(months=30)
        holes.iloc[:10, 1] = np.nan
        assert judge(holes, 12) is None
