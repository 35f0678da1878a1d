"""LSTM: gates decide what of the past months is remembered.

Belief
    Some months of a stock's past matter long after, others not at all: a network with gates for
    remembering and forgetting finds next month's ten best.
Universe
    The feeds it is given, but for those that an analyzer names as its benchmark.
Run
    btrun --csvformat btcsv --data A.csv --data B.csv … --cerebro cheat_on_open=True \
        --strategy strategies/lstm.py:LSTM
"""

import attngru_bt


class LSTM(attngru_bt.AttentionGRUStrategy):
    """Hold the ten stocks that an LSTM likes best, decided at each month-end.

    Params are those of `attngru_bt.AttentionGRUStrategy`.
    """

    params = dict(signal="lstm")
