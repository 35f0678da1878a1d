"""The one place that imports the engine, and what is taken from it."""

import importlib.util
import os
import subprocess
import sys
import types

import pytest
from conftest import TIME_LIMIT

from attngru_bt.feeds import PanelBroker, PanelCerebro
from attngru_bt.feeds.engine import bt, check_engine, engine_name, names_used
from attngru_bt.feeds.parameters import parameter_names, parameter_values


def installed(monkeypatch, *names):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: name if name in names else None)


class TestName:
    def test_it_is_backtrader_where_that_is_installed(self, monkeypatch):
        monkeypatch.delenv("ATTNGRU_BACKTRADER", raising=False)
        installed(monkeypatch, "backtrader", "backtrader_next")
        assert engine_name() == "backtrader"
        installed(monkeypatch, "backtrader_next")
        assert engine_name() == "backtrader_next"

    def test_the_environment_says_which(self, monkeypatch):
        installed(monkeypatch, "backtrader", "backtrader_next", "my_engine")
        monkeypatch.setenv("ATTNGRU_BACKTRADER", "my_engine")
        assert engine_name() == "my_engine"

    @pytest.mark.parametrize("name", ["backtrader-next", "absent", "os.path"])
    def test_one_that_is_not_there_is_refused(self, monkeypatch, name):
        installed(monkeypatch, "backtrader")
        monkeypatch.setenv("ATTNGRU_BACKTRADER", name)
        with pytest.raises(ImportError, match=f"ATTNGRU_BACKTRADER is '{name}', which is not an"):
            engine_name()

    def test_without_any_it_says_what_to_install(self, monkeypatch):
        monkeypatch.delenv("ATTNGRU_BACKTRADER", raising=False)
        installed(monkeypatch)
        with pytest.raises(ImportError, match="pip install backtrader"):
            engine_name()

    def test_one_that_takes_parameters_otherwise_is_refused(self):
        """As cloudQuant's backtrader 1.2.0 does, whose classes have no metaclass."""
        check_engine(bt)
        other = types.ModuleType("backtrader")
        other.__file__, other.__version__ = "/site/backtrader.py", "1.2.0"
        other.Cerebro = type("Cerebro", (), {"__init__": lambda self, **kwargs: None})
        with pytest.raises(ImportError, match=r"backtrader 1.2.0 \(/site/backtrader.py\) hands"):
            check_engine(other)

    @pytest.mark.slow
    def test_the_package_runs_on_the_one_that_is_named(self, tmp_path):
        (tmp_path / "twin.py").write_text(
            "import sys, backtrader\n"
            "class Cerebro(backtrader.Cerebro): pass\n"
            "def __getattr__(name): return getattr(backtrader, name)\n"
        )
        code = "from attngru_bt.trading.account import open_account\n"
        code += "print([k.__module__ for k in type(open_account(1.0, None, 0.0, None)).__mro__])"
        path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code],
            env={**os.environ, "ATTNGRU_BACKTRADER": "twin", "PYTHONPATH": path},
            capture_output=True,
            text=True,
            timeout=TIME_LIMIT,
        )
        assert "'twin'" in done.stdout, done.stderr


class First(bt.Strategy):
    params = (("zeta", 1), ("_own", 2))


class Second(First):
    params = dict(alpha=3, zeta=4)


class TestParameters:
    def test_names_and_defaults_of_a_class(self):
        assert parameter_names(First) == ["zeta", "_own"]
        assert parameter_names(Second) == ["zeta", "_own", "alpha"]
        assert parameter_values(Second) == {"zeta": 4, "_own": 2, "alpha": 3}
        assert parameter_names(bt.Strategy) == []

    def test_values_of_an_instance(self):
        cerebro = bt.Cerebro(stdstats=False)
        values = parameter_values(cerebro)
        assert values["stdstats"] is False and values["preload"] is True
        assert list(values) == parameter_names(bt.Cerebro)

    def test_what_has_none(self):
        assert parameter_values(object()) == {}


def test_names_used_are_those_of_inner_functions_too():
    def function(a):
        return [len(b.first) for b in a.second], lambda: a.third

    assert {"first", "second", "third", "len"} <= names_used(function)
    assert "a" not in names_used(function)


class TestAnotherEngine:
    """A stand-in: backtrader's own classes with other methods, as another engine has them."""

    def test_its_broker_does_the_work_where_it_keeps_other_books(self, monkeypatch):
        called = []

        def next(self):
            called.append("next")

        def get_value(self, datas=None, lever=False):
            called.append("value")
            return 7.0

        def notify(self, order):
            called.append(order)

        monkeypatch.setattr(bt.brokers.BackBroker, "next", next)
        monkeypatch.setattr(bt.brokers.BackBroker, "_get_value", get_value)
        monkeypatch.setattr(bt.brokers.BackBroker, "notify", notify)
        broker = PanelBroker()
        called.clear()
        broker.next()
        assert broker._get_value() == 7.0
        broker.notify("order")
        assert called == ["next", "value", "order"]

    def test_its_loop_is_run_where_it_is_another(self, monkeypatch):
        called = []
        monkeypatch.setattr(bt.Cerebro, "_runonce", lambda self, strategies: called.append(self))
        cerebro = PanelCerebro()
        cerebro._runonce([])
        assert called == [cerebro]
