"""The paper's strategy: Attention-GRU on 24 components, from the third month on.

Belief
    A network that weighs the principal components of many daily factors can tell which ten stocks
    of an index will do best next month.
Universe
    The feeds it is given, but for those that an analyzer names as its benchmark.
Run
    btrun --csvformat btcsv --data A.csv --data B.csv … --cerebro cheat_on_open=True \
        --strategy strategies/attention_gru.py:AttentionGRU
    With parameters: --strategy strategies/attention_gru.py:AttentionGRU:topk=5,random_state=1

What the paper does not state (network size, epochs, steps) is the library's default.
"""

import attngru_bt


class AttentionGRU(attngru_bt.AttentionGRUStrategy):
    """Hold the ten stocks the paper's network likes best, decided at each month-end.

    Params are those of `attngru_bt.AttentionGRUStrategy`.
    """

    params = dict(
        signal="paper",
        topk=10,
        min_months=2,  # t = 2, 3, 4, …: months 1..t train, month t + 1 is predicted
        n_components=24,  # about 90% of the variance of the paper's 244 factors
        standardize="panel",  # one mean and deviation per factor over the training window
        refit=1,
        step="day",
        lookback=20,
    )
