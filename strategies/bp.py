"""BP network: one hidden layer on the factors of the month-end alone.

Belief
    The factors of today suffice, if they may act together and not only in sum; the past adds
    nothing.
Universe
    The feeds it is given, but for those that an analyzer names as its benchmark.
Run
    btrun --csvformat btcsv --data A.csv --data B.csv … --cerebro cheat_on_open=True \
        --strategy strategies/bp.py:BackPropagation
"""

import attngru_bt


class BackPropagation(attngru_bt.AttentionGRUStrategy):
    """Hold the ten stocks that a back-propagation network likes best, decided at each month-end.

    Params are those of `attngru_bt.AttentionGRUStrategy`.
    """

    params = dict(signal="bp")
