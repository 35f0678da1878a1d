"""Gradient-boosted trees: small trees, each repairing what the ones before missed.

Belief
    Components matter under conditions of two or three others; a hundred small corrections find them
    without tuning.
Universe
    The feeds it is given, but for those that an analyzer names as its benchmark.
Run
    btrun --csvformat btcsv --data A.csv --data B.csv … --cerebro cheat_on_open=True \
        --strategy strategies/gbdt.py:GBDT
"""

import attngru_bt


class GBDT(attngru_bt.AttentionGRUStrategy):
    """Hold the ten stocks that gradient-boosted trees like best, decided at each month-end.

    Params are those of `attngru_bt.AttentionGRUStrategy`.
    """

    params = dict(signal="gbdt")
