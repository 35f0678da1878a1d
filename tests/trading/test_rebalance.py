"""Who stays, who leaves and who enters."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from attngru_bt.trading.rebalance import decide, rank

NAMES = list("ABCDEFGHIJ")


class TestValues:
    def test_rank_is_best_first_ties_by_name_and_missing_left_out(self):
        scores = pd.Series({"C": 0.5, "B": 0.9, "A": 0.5, "D": np.nan})
        assert rank(scores) == ["B", "A", "C"]

    def test_first_decision_buys_the_best(self):
        todo = decide("ABCDE", set(), set("ABCDE"), 3)
        assert todo.entrants == ("A", "B", "C")
        assert todo.slots == 3
        assert todo.exits == todo.stayers == todo.stuck == todo.passed == ()

    def test_stayers_stay_leavers_leave_entrants_take_their_slots(self):
        todo = decide("ABCDE", {"B", "D", "E"}, set("ABCDE"), 3)
        assert todo.stayers == ("B",)
        assert todo.exits == ("D", "E")
        assert todo.entrants == ("A", "C")

    def test_an_entrant_without_a_bar_is_passed_over_for_the_next(self):
        todo = decide("ABCDE", set(), set("BCDE"), 3)
        assert todo.passed == ("A",)
        assert todo.entrants == ("B", "C", "D")

    def test_without_substitution_its_share_waits_in_cash(self):
        todo = decide("ABCDE", set(), set("BCDE"), 3, substitute=False)
        assert todo.entrants == ("B", "C")
        assert todo.slots == 3
        stuck = decide("ABC", {"Z"}, set("BC"), 3, substitute=False)  # no slot is left for C
        assert (stuck.stuck, stuck.passed, stuck.entrants) == (("Z",), ("A",), ("B",))

    def test_the_substitute_may_be_a_name_already_held(self):
        todo = decide("ABCDE", {"D"}, set("BCDE"), 3)
        assert todo.stayers == ("D",)
        assert todo.exits == ()
        assert todo.entrants == ("B", "C")

    def test_a_holding_that_cannot_be_sold_keeps_its_slot(self):
        todo = decide("ABCDE", {"E"}, set("ABCD"), 3)
        assert todo.stuck == ("E",)
        assert todo.entrants == ("A", "B")
        assert todo.slots == 2

    def test_a_holding_without_a_score_leaves(self):
        assert decide("ABC", {"Z"}, set("ABCZ"), 3).exits == ("Z",)

    def test_a_held_name_stays_while_its_rank_is_at_most_keep(self):
        todo = decide("ABCDEF", {"D", "F"}, set("ABCDEF"), 2, keep=4)
        assert (todo.stayers, todo.exits, todo.entrants) == (("D",), ("F",), ("A",))
        alone = decide("ABCD", {"D"}, {"D"}, 2, keep=4)  # nobody else can be bought
        assert (alone.stayers, alone.slots, alone.entrants) == (("D",), 1, ())
        both = decide("ABCDEF", {"C", "D"}, set("ABCDEF"), 2, keep=4)
        assert (both.stayers, both.entrants) == (("C", "D"), ())

    def test_no_more_names_are_kept_than_there_are_slots(self):
        todo = decide("ABCDEF", {"B", "C", "D"}, set("ABCDEF"), 2, keep=6)
        assert (todo.stayers, todo.exits, todo.entrants) == (("B", "C"), ("D",), ())

    def test_too_few_names_leave_slots_that_keep_their_share_in_cash(self):
        todo = decide("AB", set(), set("AB"), 10)
        assert todo.entrants == ("A", "B")
        assert todo.slots == 10


class TestProperties:
    @pytest.mark.slow
    @given(
        ranked=st.permutations(NAMES).flatmap(
            lambda p: st.integers(0, len(p)).map(lambda n: p[:n])
        ),
        held=st.sets(st.sampled_from([*NAMES, "X", "Y"]), max_size=6),
        tradable=st.sets(st.sampled_from([*NAMES, "X", "Y"])),
        topk=st.integers(1, 8),
        substitute=st.booleans(),
        more=st.none() | st.integers(0, 4),
    )
    def test_a_plan_is_sound(self, ranked, held, tradable, topk, substitute, more):
        keep = None if more is None else topk + more
        todo = decide(ranked, held, tradable, topk, substitute=substitute, keep=keep)
        if more == 0:  # `keep` of `topk` is the rule without it
            assert todo == decide(ranked, held, tradable, topk, substitute=substitute)
        parts = [set(todo.stayers), set(todo.exits), set(todo.stuck)]
        assert set().union(*parts) == held
        assert sum(map(len, parts)) == len(held)  # each holding in exactly one of them
        assert set(todo.entrants) <= tradable - held
        assert set(todo.exits) <= tradable
        assert len(todo.entrants) <= todo.slots
        held_after = len(todo.stayers) + len(todo.stuck) + len(todo.entrants)
        assert held_after <= max(topk, len(todo.stayers) + len(todo.stuck))
        order = {name: i for i, name in enumerate(ranked)}
        for entrant in todo.entrants:  # nobody better who could trade was left out
            better = [n for n in ranked[: order[entrant]] if n in tradable and n not in held]
            assert set(better) <= set(todo.entrants)
