"""SVM: a curved border between the ten best and the rest.

Belief
    Next month's ten best lie in regions of the component space that no plane cuts out, but a smooth
    border does.
Universe
    The feeds it is given, but for those that an analyzer names as its benchmark.
Run
    btrun --csvformat btcsv --data A.csv --data B.csv … --cerebro cheat_on_open=True \
        --strategy strategies/svm.py:SVM
"""

import attngru_bt


class SVM(attngru_bt.AttentionGRUStrategy):
    """Hold the ten stocks furthest on the good side of the border, decided at each month-end.

    Params are those of `attngru_bt.AttentionGRUStrategy`.
    """

    params = dict(signal="svm")
