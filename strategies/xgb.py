"""XGBoost: gradient-boosted trees with penalties and random rows.

Belief
    As gbdt.py, and that penalized leaves on half of the rows per tree generalize better.
Universe
    The feeds it is given, but for those that an analyzer names as its benchmark.
Run
    btrun --csvformat btcsv --data A.csv --data B.csv … --cerebro cheat_on_open=True \
        --strategy strategies/xgb.py:XGBoost

Needs the extra: pip install 'attngru_bt[xgboost]'.
"""

import attngru_bt


class XGBoost(attngru_bt.AttentionGRUStrategy):
    """Hold the ten stocks that XGBoost likes best, decided at each month-end.

    Params are those of `attngru_bt.AttentionGRUStrategy`.
    """

    params = dict(signal="xgboost")
