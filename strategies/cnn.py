"""CNN: filters that look for patterns of three months.

Belief
    Next month's ten best show a pattern over a few neighboring months, whenever in the past half
    year it occurred.
Universe
    The feeds it is given, but for those that an analyzer names as its benchmark.
Run
    btrun --csvformat btcsv --data A.csv --data B.csv … --cerebro cheat_on_open=True \
        --strategy strategies/cnn.py:CNN
"""

import attngru_bt


class CNN(attngru_bt.AttentionGRUStrategy):
    """Hold the ten stocks that convolution filters like best, decided at each month-end.

    Params are those of `attngru_bt.AttentionGRUStrategy`.
    """

    params = dict(signal="cnn")
