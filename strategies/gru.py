"""GRU: the paper's recurrent network without its attention.

Belief
    The past months of a stock tell next month's ten best, and all components deserve the same look:
    what attention adds is the difference to attention_gru.py.
Universe
    The feeds it is given, but for those that an analyzer names as its benchmark.
Run
    btrun --csvformat btcsv --data A.csv --data B.csv … --cerebro cheat_on_open=True \
        --strategy strategies/gru.py:GRU
"""

import attngru_bt


class GRU(attngru_bt.AttentionGRUStrategy):
    """Hold the ten stocks that a GRU likes best, decided at each month-end.

    Params are those of `attngru_bt.AttentionGRUStrategy`.
    """

    params = dict(signal="gru")
