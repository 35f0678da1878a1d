"""One network: Attention-GRU fitted on the ranks of the returns.

Belief
    The order of all stocks can be learned better than who will be among the ten best, which is
    mostly who is volatile; a linear rule does most of it, a small network the rest.
Universe
    The feeds it is given, except those that an analyzer names as its benchmark.
Run
    btrun --csvformat btcsv --data A.csv --data B.csv … --cerebro cheat_on_open=True \
        --strategy strategies/attention_gru_ranks.py:AttentionGRUOnRanks
"""

import attngru_bt


class AttentionGRUOnRanks(attngru_bt.AttentionGRUStrategy):
    """Hold the ten stocks that that network likes best, decided at each month-end.

    Params are those of `attngru_bt.AttentionGRUStrategy`.
    """

    params = dict(signal="attention-gru-ranks")
