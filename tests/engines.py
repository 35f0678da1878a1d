"""What engines call differently is made one here, for tests that run on each of them.

The package itself takes feeds as they are; these are names that only the tests' own scripts use.
"""

from attngru_bt.feeds.engine import bt

if hasattr(bt.feeds.PandasData.params, "dataframe"):  # backtrader_next

    class PandasData(bt.feeds.PandasData):
        """Takes its table as `dataname`, as in backtrader."""

        def __init__(self):
            self.p.dataframe = self.p.dataname
            super().__init__()

    bt.feeds.PandasData = PandasData
