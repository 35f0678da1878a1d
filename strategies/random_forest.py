"""Random forest: many trees, each on part of the rows, vote.

Belief
    Components matter under conditions, which trees find; the average of many forgets what each of
    them learnt by heart.
Universe
    The feeds it is given, but for those that an analyzer names as its benchmark.
Run
    btrun --csvformat btcsv --data A.csv --data B.csv … --cerebro cheat_on_open=True \
        --strategy strategies/random_forest.py:RandomForest
"""

import attngru_bt


class RandomForest(attngru_bt.AttentionGRUStrategy):
    """Hold the ten stocks that most trees of a random forest vote for, decided at each month-end.

    Params are those of `attngru_bt.AttentionGRUStrategy`.
    """

    params = dict(signal="random-forest")
