"""What engines do differently, for tests that run on each of them (`make test-engines`).

The package itself takes feeds as they are; these are names that only the tests' own scripts use,
and faults that an engine has without the package, too.
"""

import pytest

from attngru_bt.feeds.engine import bt

if hasattr(bt.feeds.PandasData.params, "dataframe"):  # backtrader_next

    class PandasData(bt.feeds.PandasData):
        """Takes its table as `dataname`, as in backtrader."""

        def __init__(self):
            self.p.dataframe = self.p.dataname
            super().__init__()

    bt.feeds.PandasData = PandasData


NO_EVENTS = "its Strategy._next fails (runonce=False, live): cannot unpack non-iterable int object"
OWN_FEED = "its own PandasData fails here"
INDICATOR = "its indicators fail on feeds with holes and runonce: array index out of range"
OPTIMIZING = "its optstrategy asks for an analyzer `eq`, which stdstats=False leaves out"
CACHE = "its broker keeps the commission scheme that was asked for last in a cache"
LAST_BITS = "its broker adds up a set of positions, so that equal runs differ in the last bits"
FAULTS = {
    "backtrader_next": {
        "test_live.py": NO_EVENTS,
        "test_store.py": NO_EVENTS,
        "test_nothing_is_sold_on_the_day_it_was_bought": INDICATOR,
        "test_the_report_comes_back_from_worker_processes": OPTIMIZING,
        "test_the_brokers_own_commission_is_back_after_the_run": CACHE,
        "test_the_day_shown_last_is_the_one_before_the_day_traded": NO_EVENTS,
        "test_rules_by_name_and_by_object": LAST_BITS,
        "test_an_index_with_a_zone": OWN_FEED,
        "test_pointers_at_and_beyond_the_end": OWN_FEED,
        "test_resample_and_replay": LAST_BITS,
    },
}


def mark(items):
    """Mark the tests that an engine's own faults fail."""
    for item in items:
        for part, fault in FAULTS.get(bt.__name__, {}).items():
            if part in item.nodeid:
                item.add_marker(pytest.mark.xfail(reason=fault, run=False))
