"""``attngru-bt demo``: two verdicts on one page, and what happens when it goes wrong."""

import pickle
import queue
import re
from functools import partial
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

from attngru_bt import make_market
from attngru_bt.cli import app, demo

SMALL = dict(topk=5, min_months=6, factors=["PB", "decoy1", "decoy2"])
PLANTED = 0.3  # of 24 stocks in 26 months: seven standard errors from 0


def trial(signal, **settings):
    make = partial(make_market, 24, 740, seed=1, signal=signal, decoys=2)
    return demo.Trial(
        f"Signal {signal}", "Made up.", make, SMALL | settings, signal or None, "ridge"
    )


def invoke(folder):
    return CliRunner().invoke(app, ["demo", "--out", str(folder)], env={"COLUMNS": "200"})


class Here:
    """Stands for a process: does its work in this one when it is started."""

    exitcode = None

    def __init__(self, *, target, args, **_):
        *given, told = args
        self.work = partial(target, *pickle.loads(pickle.dumps(given)), told)

    def start(self):
        self.work()

    def is_alive(self):
        return False


class Told(queue.Queue):
    """What comes from a process is a copy."""

    def put(self, message):
        super().put(pickle.loads(pickle.dumps(message)))


@pytest.mark.slow
def test_one_page_shows_skill_beside_its_absence(tmp_path, monkeypatch):
    here = SimpleNamespace(Queue=Told, Process=Here)
    monkeypatch.setattr(demo.multiprocessing, "get_context", lambda _: here)
    monkeypatch.setattr(demo, "TRIALS", {"none": trial(0.0), "some": trial(PLANTED)})
    done = invoke(tmp_path)
    assert done.exit_code == 0, done.output
    none, some = re.split(r"^Signal 0.3: ", done.stdout, flags=re.MULTILINE)
    assert "No skill beyond chance" in none and "0, which is no skill, is within" in none
    assert "The scores rank better than chance" in some
    assert "the 0.300 that was planted is within that range" in some
    page = (tmp_path / "index.html").read_text()
    for word in ("No skill beyond chance", "rank better than chance", "Cumulative return: Signal"):
        assert word in page
    for name in ("none", "some"):
        assert f'href="{name}/tearsheet.html"' in page
        assert (tmp_path / name / "tearsheet.html").exists()
        assert list((tmp_path / name / "checkpoints").rglob("*.month")), "a second run goes on"


@pytest.mark.slow
def test_what_goes_wrong_in_a_process_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "TRIALS", {"one": trial(0.1, topkk=3)})
    done = invoke(tmp_path)
    assert done.exit_code == 2
    assert "no parameter `topkk`; did you mean 'topk'?" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "index.html").exists()


@pytest.mark.parametrize("code", [-9, 0])
def test_a_process_that_ends_without_a_word_is_named(code):
    class Silent:
        def get(self, timeout):
            raise queue.Empty

    with pytest.raises(OSError, match=f"process of real ended with exit code {code}"):
        demo.next_message(Silent(), {"real": SimpleNamespace(exitcode=code)}, {})


def test_a_file_in_the_way_and_ctrl_c_are_told_shortly(tmp_path, monkeypatch):
    taken = tmp_path / "taken"
    taken.write_text("mine")
    done = invoke(taken)
    assert done.exit_code == 2 and "a file stands where a folder is needed" in done.stderr
    assert taken.read_text() == "mine"

    def stop(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(demo, "run", stop)
    done = invoke(tmp_path / "out")
    assert done.exit_code == 130 and "the same command goes on" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_the_trials_are_large_enough_to_tell_the_planted_signal():
    """By power, not by luck with a seed: four standard errors and more, if most of it is found."""
    planted = demo.TRIALS["planted"]
    market = planted.make()
    months = len(market.bars.dates.to_period("M").unique()) - planted.settings["min_months"] - 2
    stocks = market.bars.traded[-1].sum()
    assert 0.7 * planted.planted * (stocks * months) ** 0.5 > 3.5
