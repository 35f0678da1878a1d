"""A few of each of the reliability trials, and that the trials can fail.

docs/reliability.md has the long runs; `python -m tests.reliability NAME` repeats them.
"""

import dataclasses
import sys
from fractions import Fraction
from pathlib import Path

import pytest

from attngru_bt import audit
from attngru_bt.walkforward import record_file as recordfile
from tests.reliability import __main__ as command
from tests.reliability import book, exchange, files, kills, leaks, rulebook, scenarios, simulator
from tests.reliability.trials import repeat

SEEDS = range(24)
PAGE = Path(__file__).resolve().parent.parent / "docs" / "reliability.md"


@pytest.fixture(scope="module")
def runs():
    """Settings and what the plug-in made of each."""
    settings = [simulator.draw(seed) for seed in SEEDS]
    return [(given, simulator.run(given)) for given in settings]


@pytest.mark.slow
class TestSimulator:
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


class TestRulebook:
    """Six scenarios that meet every rule that is changed below."""

    @pytest.fixture(scope="class")
    @staticmethod
    def runs():
        drawn = [scenarios.draw(seed) for seed in (13, 20, 33, 85, 108, 142)]
        return [(given, exchange.run(given)) for given in drawn]

    @staticmethod
    def differs(given, got):
        return bool(exchange.difference(book.play(given), got, given.cash))

    @pytest.mark.slow
    def test_the_package_agrees_on_every_fill(self, runs):
        for given, got in runs:
            assert not exchange.difference(book.play(given), got, given.cash)
        assert sum(len(got[1]) for _, got in runs) > 30

    @pytest.mark.parametrize(
        ("name", "change"),
        [
            ("daily_limit", lambda told, board, day, st: told(board, day, False)),
            ("daily_limit", lambda told, board, day, st: 20 if board == "chinext"
                else told(board, day, st)),
            ("daily_limit", lambda told, board, day, st: 10 if board == "fund20"
                else told(board, day, st)),
            ("first_days", lambda told, *of: (0, None)),
            ("first_days", lambda told, *of: (5, None)),
            ("prices_at", lambda told, base, up, down: (told(base, up, down)[0] + 1, 0)),
            ("prices_at", lambda told, base, up, down: (10**9, told(base, up, down)[1] - 1)),
            ("cents", lambda told, amount: Fraction(int(amount * 100), 100)),
            ("lot", lambda told, board: (100, 100)),
            ("may_sell", lambda told, board, shares, held: min(shares, held)),
        ],
    )  # fmt: skip
    def test_another_rule_is_told_apart(self, runs, monkeypatch, name, change):
        told = getattr(rulebook, name)
        monkeypatch.setattr(rulebook, name, lambda *of: change(told, *of))
        assert any(self.differs(given, got) for given, got in runs)

    @pytest.mark.parametrize("switch", ["limits", "t_plus_one", "stamp_duty", "transfer_fees"])
    def test_another_switch_is_told_apart(self, runs, monkeypatch, switch):
        for given, _ in runs:
            monkeypatch.setitem(given.rules, switch, not given.rules[switch])
        assert any(self.differs(given, got) for given, got in runs)

    def test_statuses_settlement_and_relisting_are_met(self, runs, monkeypatch):
        monkeypatch.setattr(book, "gone", lambda *of: False)
        assert any(self.differs(given, got) for given, got in runs)
        monkeypatch.undo()
        for given, _ in runs:
            for asset in given.assets:
                monkeypatch.setattr(asset, "relisted", None)
        assert any(self.differs(given, got) for given, got in runs)
        monkeypatch.undo()
        for given, _ in runs:
            for asset in given.assets:
                for bar in asset.bars:
                    monkeypatch.setattr(bar, "delisting", False)
        assert any(self.differs(given, got) for given, got in runs)


class TestFiles:
    @pytest.mark.slow
    def test_harmed_files_are_computed_again(self):
        assert not files.trial(0, model="ridge")

    @pytest.mark.slow
    def test_a_reader_that_trusts_a_file_is_found_out(self, monkeypatch):
        def trusting(content, name):
            return read(content, content.partition(b" ")[0].decode())

        files.undisturbed("ridge")
        read = recordfile.from_bytes
        monkeypatch.setattr(files, "HARMS", (files.other_settings,))
        monkeypatch.setattr(files.hostile_files, "ALL", ())
        assert not files.trial(0, model="ridge")
        monkeypatch.setattr(recordfile, "from_bytes", trusting)
        assert files.trial(0, model="ridge").endswith("other scores")


class TestLeaks:
    @pytest.mark.slow
    def test_every_leak_is_caught_and_nothing_else(self):
        assert not leaks.trial(0, groups=leaks.FAST)

    @pytest.mark.slow
    def test_an_audit_that_fails_nothing_is_found_out(self, monkeypatch):
        run = leaks.audit.run
        monkeypatch.setattr(
            leaks.audit, "run", lambda *of, **asked: run(*of, **{**asked, "skip": audit.CHECKS})
        )
        assert leaks.trial(0, groups=leaks.FAST).startswith("25 of 47 were told wrongly: future_")


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
