"""Logistic regression: each component adds its part to the odds.

Belief
    The chance of a stock to be among next month's ten best is a weighted sum of today's components;
    what is more complicated learns noise.
Universe
    The feeds it is given, but for those that an analyzer names as its benchmark.
Run
    btrun --csvformat btcsv --data A.csv --data B.csv … --cerebro cheat_on_open=True \
        --strategy strategies/logistic.py:Logistic
"""

import attngru_bt


class Logistic(attngru_bt.AttentionGRUStrategy):
    """Hold the ten stocks with the best odds by logistic regression, decided at each month-end.

    Params are those of `attngru_bt.AttentionGRUStrategy`.
    """

    params = dict(signal="logistic")
