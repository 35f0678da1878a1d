"""Any model of this library, by its name: `attngru_bt.models.names()` lists them.

Belief
    That of the model, see the table in README.md.
Universe
    The feeds it is given, except those that an analyzer names as its benchmark.
Run
    btrun --csvformat btcsv --data A.csv --data B.csv … --cerebro cheat_on_open=True \
        --strategy "strategies/by_name.py:ByName:model='lstm'"
    With parameters: --strategy "strategies/by_name.py:ByName:model='ridge',topk=5,refit=3"
"""

from typing import Any

import attngru_bt


class ByName(attngru_bt.AttentionGRUStrategy):
    """Hold the ten stocks with the highest scores of a model, decided at each month-end.

    Params: `model` (the name) and those of `attngru_bt.AttentionGRUStrategy` without `signal`.
    """

    params = dict(model="default")

    def make_signal(self) -> Any:
        """Return the walk-forward of the model."""
        self.p.signal = self.p.model
        return super().make_signal()
