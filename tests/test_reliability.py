"""A few of each of the reliability trials, and that the trials can fail.

docs/reliability.md has the long runs; `python -m tests.reliability NAME` repeats them.
"""

import dataclasses
import sys
from pathlib import Path

import pytest

from tests.reliability import __main__ as command
from tests.reliability import kills, simulator
from tests.reliability.trials import repeat

SEEDS = range(24)
PAGE = Path(__file__).resolve().parent.parent / "docs" / "reliability.md"


@pytest.fixture(scope="module")
def runs():
    """Settings and what the plug-in made of each."""
    settings = [simulator.draw(seed) for seed in SEEDS]
    return [(given, simulator.run(given)) for given in settings]


class TestSimulator:
    @pytest.mark.slow
    def test_the_plug_in_agrees_on_every_session(self, runs):
        for seed, (given, got) in zip(SEEDS, runs, strict=True):
            assert not simulator.difference(simulator.simulate(given), got, given.cash), seed

    def test_the_settings_trade_and_are_of_all_kinds(self, runs):
        settings = [given for given, _ in runs]
        for field in ("at_open", "substitute", "retry", "topk", "lot", "reserve", "commission"):
            assert len({getattr(given, field) for given in settings}) > 1, field
        assert any(given.open.isna().to_numpy().any() for given in settings)
        changed = [got.iloc[:, 2:].fillna(0.0).diff().ne(0).iloc[1:] for _, got in runs]
        assert sum(int(table.to_numpy().sum()) for table in changed) > 5 * len(SEEDS)

    @pytest.mark.parametrize(
        "rule",
        [
            lambda given: {"retry": not given.retry},
            lambda given: {"substitute": not given.substitute},
            lambda given: {"topk": given.topk + 1},
            lambda given: {"commission": given.commission + 1e-6},
            lambda given: {"reserve": given.reserve + 0.001},
            lambda given: {"lot": given.lot + 1},
            lambda given: {"open": given.open.shift(-1)},
            lambda given: {"close": given.close * 1.0001},
            lambda given: {"scores": -given.scores},
        ],
        ids=lambda rule: next(iter(rule(simulator.draw(0)))),
    )
    def test_another_rule_is_told_apart(self, runs, rule):
        def differs(given, got):
            other = dataclasses.replace(given, **rule(given))
            try:
                return simulator.difference(simulator.simulate(other), got, given.cash)
            except KeyError:  # it trades a name that has no price
                return "no price"

        assert any(differs(given, got) for given, got in runs)


@pytest.mark.slow
def test_a_killed_run_ends_with_the_bits_of_an_undisturbed_one():
    assert not kills.trial(2, jobs=1, kills=1)  # ridge


class TestRepeat:
    def test_one_line_says_how_many_held_and_which_seed_did_not(self):
        def trial(seed):
            if seed == 12:
                raise ZeroDivisionError("by nothing")
            return "odd" if seed == 11 else ""

        outcome = repeat("demo", trial, 4, 10)
        assert sorted(outcome.failed) == [11, 12]
        line = str(outcome)
        assert line.startswith("demo: 4 tried, 2 held; seed 11: odd; seed 12: ZeroDivisionError")
        assert "\n" not in line

    @pytest.mark.parametrize(("said", "code"), [("", 0), ("no", 1)])
    def test_the_command_prints_it(self, monkeypatch, capsys, said, code):
        monkeypatch.setitem(command.TRIALS, "simulator", lambda seed: said)
        monkeypatch.setattr(sys, "argv", ["reliability", "simulator", "--n", "2", "--seed", "5"])
        assert command.main() == code
        held = "2 tried, 0 held; seed 5: no; seed 6: no" if said else "2 tried, 2 held"
        assert capsys.readouterr().out == f"simulator: {held}\n"

    def test_the_page_has_a_row_for_each(self):
        text = PAGE.read_text()
        for name in command.TRIALS:
            assert f"`python -m tests.reliability {name} " in text
