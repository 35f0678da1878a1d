"""RNN: the plain recurrent network, the simplest memory of the past months.

Belief
    The order in which a stock's factors moved over the past months tells whether it will be among
    the ten best of the next; a short memory suffices.
Universe
    The feeds it is given, but for those that an analyzer names as its benchmark.
Run
    btrun --csvformat btcsv --data A.csv --data B.csv … --cerebro cheat_on_open=True \
        --strategy strategies/rnn.py:RNN
"""

import attngru_bt


class RNN(attngru_bt.AttentionGRUStrategy):
    """Hold the ten stocks that a plain recurrent network likes best, decided at each month-end.

    Params are those of `attngru_bt.AttentionGRUStrategy`.
    """

    params = dict(signal="rnn")
