"""Ridge on ranks: a line through the ranks of all returns, not through ten labels.

Belief
    Who is best, who is worst and who is in between all teach something: order the whole
    cross-section by a weighted sum of components. Labels of the ten best alone favor volatile
    stocks.
Universe
    The feeds it is given, but for those that an analyzer names as its benchmark.
Run
    btrun --csvformat btcsv --data A.csv --data B.csv … --cerebro cheat_on_open=True \
        --strategy strategies/ridge.py:Ridge
"""

import attngru_bt


class Ridge(attngru_bt.AttentionGRUStrategy):
    """Hold the ten stocks whose return a ridge regression ranks highest, decided at each month-end.

    Params are those of `attngru_bt.AttentionGRUStrategy`.
    """

    params = dict(signal="ridge")
