"""Elastic net + LSTM: a few factors chosen out of all, then their past.

Belief
    Most factors say nothing about next month's ten best: an elastic net keeps at most 24 of them,
    not mixtures, and an LSTM reads how they moved.
Universe
    The feeds it is given, but for those that an analyzer names as its benchmark.
Run
    btrun --csvformat btcsv --data A.csv --data B.csv … --cerebro cheat_on_open=True \
        --strategy strategies/elastic_net_lstm.py:ElasticNetLSTM
"""

import attngru_bt


class ElasticNetLSTM(attngru_bt.AttentionGRUStrategy):
    """Hold the ten stocks that an LSTM on selected factors likes best, decided at each month-end.

    Params are those of `attngru_bt.AttentionGRUStrategy`.
    """

    params = dict(signal="elastic-net-lstm")
