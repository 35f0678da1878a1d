"""Workers that are lost, and workers whose parent is."""

import errno
import os
import pickle
import shutil
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import pytest
from filelock import FileLock
from joblib.externals.loky.process_executor import TerminatedWorkerError

from attngru_bt import make_market, walk_forward
from attngru_bt.models.estimators import AttentionGRUClassifier
from attngru_bt.walkforward import cluster, crew
from attngru_bt.walkforward.calls import WorkersLost

GONE = 5  # seconds after which a scheduler that is lost counts as gone

PARENT = """
import sys, time
from pathlib import Path
from filelock import FileLock
from attngru_bt.walkforward.crew import work

folder = Path(sys.argv[1])
locks = []

def task(number):
    locks.append(FileLock(folder / f"lock{number}"))
    locks[-1].acquire()  # as long as the process lives
    (folder / f"begun{number}").touch()
    while not (folder / f"begun{1 - number}").exists():
        time.sleep(0.05)
    if number:
        time.sleep(10_000)

if __name__ == "__main__":
    work({0: (task, (0,)), 1: (task, (1,))}, lambda *done: print("idle", flush=True), jobs=2)
"""


@pytest.mark.slow
def test_workers_do_not_outlive_a_killed_parent_idle_or_busy(tmp_path):
    """One has done its task and waits for the next, the other is in the middle of one."""
    (tmp_path / "parent.py").write_text(PARENT)
    with subprocess.Popen(
        [sys.executable, tmp_path / "parent.py", tmp_path], stdout=subprocess.PIPE
    ) as parent:
        try:
            assert parent.stdout.readline() == b"idle\n"
        finally:
            os.kill(parent.pid, signal.SIGKILL)
    for number in (0, 1):
        # idle ones would wait for a task for 300 seconds by themselves
        with FileLock(tmp_path / f"lock{number}", timeout=150):
            pass


def failing(error):
    class Parallel:
        def __init__(self, **kwargs):
            pass

        def __call__(self, orders):
            raise error

    return Parallel


def test_processes_lost_again_and_again_are_a_sentence(monkeypatch):
    monkeypatch.setattr("joblib.Parallel", failing(TerminatedWorkerError("killed")))
    with pytest.raises(WorkersLost, match="Worker processes were lost 4 times, .* fewer `jobs`"):
        crew.work({0: (print, ())}, print, jobs=2)


def test_a_full_disk_on_the_way_to_a_worker_is_a_full_disk(monkeypatch):
    error = pickle.PicklingError("Could not pickle the task to send to the workers.")
    error.__cause__ = Exception(f"… OSError: {OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))}")
    monkeypatch.setattr("joblib.Parallel", failing(error))
    with pytest.raises(OSError) as caught:
        crew.work({0: (print, ())}, print, jobs=2)
    assert caught.value.errno == errno.ENOSPC


class Shared:
    """What several tasks need; it is sent to a cluster once, and lost with the last worker."""


def task(shared, number):
    time.sleep(0.1)
    return number


def fatal(shared, number):
    from distributed import KilledWorker

    raise KilledWorker("task", SimpleNamespace(address="tcp://1.2.3.4:5"), 3)


def bad(shared, number):
    raise ValueError("a task's own")


@pytest.mark.slow
class TestDask:
    """A cluster whose workers are threads of this process: they can be lost, and it is quick."""

    @pytest.fixture(autouse=True)
    def cluster(self, monkeypatch):
        distributed = pytest.importorskip("distributed")
        monkeypatch.setattr(cluster, "CHECK_EVERY", 0.2)
        monkeypatch.setattr(cluster, "NO_WORKER", 1)
        runner = distributed.utils.LoopRunner()
        runner.start()
        self.loop = runner.loop
        try:
            kind = distributed.Scheduler
            self.scheduler = self.begun(kind, protocol="inproc", dashboard_address=":0")
            self.workers = []
            self.begin_one()
            self.begin_one()
            self.client = distributed.Client(self.scheduler.address, loop=self.loop, timeout=GONE)
            yield
            self.client.close()
            self.lose_all()
            self.lose_scheduler()
        finally:
            runner.stop()

    def begun(self, kind, *args, **kwargs):
        from distributed.utils import sync

        async def begin():
            return await kind(*args, **kwargs)

        return sync(self.loop, begin)

    def begin_one(self):
        from distributed import Worker

        address = self.scheduler.address
        self.workers.append(self.begun(Worker, address, nthreads=1, dashboard=False))

    def lose_all(self):
        from distributed.utils import sync

        while self.workers:
            sync(self.loop, self.workers.pop().close, executor_wait=False)

    def lose_scheduler(self):
        from distributed.utils import sync

        sync(self.loop, self.scheduler.close)

    def work(self, function, after_two=lambda: None):
        shared, self.found = Shared(), {}

        def store(number, result):
            self.found[number] = result
            if len(self.found) == 2:
                after_two()

        calls = {number: (function, (shared, number)) for number in range(8)}
        return crew.work(calls, store, client=self.client)

    def test_all_is_done_once(self):
        assert self.work(task)
        assert self.found == {number: number for number in range(8)}

    def test_all_workers_lost_is_a_sentence(self):
        with pytest.raises(WorkersLost, match=r"cluster at inproc:.* has had no worker for 1 sec"):
            self.work(task, self.lose_all)
        assert 2 <= len(self.found) < 8

    def test_new_workers_go_on(self, caplog):
        def renew():
            self.lose_all()
            self.begin_one()

        assert self.work(task, renew)
        assert self.found == {number: number for number in range(8)}
        assert "lost its tasks: they are sent again" in caplog.text

    def test_tasks_that_the_scheduler_forgets_are_sent_again(self, caplog, monkeypatch):
        """As after the loss of a worker, rarely: all are idle, and the tasks wait for ever."""
        from distributed import Future

        submit, forgotten = self.client.submit, []

        def forgetful(function, *arguments, **how):
            if len(forgotten) < 2:
                forgotten.append(Future(f"forgotten-{len(forgotten)}", self.client))
                return forgotten[-1]
            return submit(function, *arguments, **how)

        monkeypatch.setattr(self.client, "submit", forgetful)
        assert self.work(task)
        assert self.found == {number: number for number in range(8)}
        assert "lost its tasks: they are sent again" in caplog.text

    def test_a_scheduler_that_is_gone_is_a_sentence(self):
        with pytest.raises(WorkersLost, match=r"scheduler at inproc:.* is gone"):
            self.work(task, self.lose_scheduler)

    def test_a_task_that_ends_every_worker_is_a_sentence(self):
        with pytest.raises(WorkersLost, match="One task ended every worker"):
            self.work(fatal)

    def test_the_error_of_a_task_is_told_as_it_is(self):
        with pytest.raises(ValueError, match="^a task's own$"):
            self.work(bad)

    SETTINGS = dict(topk=2, min_months=2, lookback=2, factors=["ROC6", "BIAS5"], n_components=None)

    def test_networks_have_the_bits_of_a_walk_without_it(self):
        """Their products are of one thread each, whoever else has some."""
        market = make_market(n_assets=8, n_days=150, seed=5)
        net = AttentionGRUClassifier(max_epochs=2, hidden_size=3)
        there, here = (
            [
                (walk.seed, record.month_end, record.scores.to_numpy().tobytes())
                for walk in walk_forward(market, {"net": net}, seeds=2, **how, **self.SETTINGS)
                for record in walk.records
            ]
            for how in ({"client": self.client}, {})
        )
        assert there == here and any(scores for _, _, scores in here)

    def test_a_walk_says_how_to_go_on(self, tmp_path):
        market, settings = make_market(n_assets=8, n_days=200, seed=5), self.SETTINGS

        def lose(done, total, task, records):
            if done == 1:
                self.lose_all()

        with pytest.raises(
            WorkersLost, match=r"no worker for 1 seconds. Stopped after \d of \d fits; they are "
            r"kept in .*: the same call goes on from there\.$",
        ):  # fmt: skip
            walk_forward(
                market, ["ridge"], client=self.client, folder=tmp_path, progress=lose, **settings
            )
        walks = walk_forward(market, ["ridge"], folder=tmp_path, **settings)
        assert [r.found for r in walks[0].records].count(True) >= 1


@pytest.fixture(scope="module")
def pem(tmp_path_factory):
    """A certificate that vouches for itself, and its key."""
    if not shutil.which("openssl"):
        pytest.skip("no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    cert, key = folder / "cert.pem", folder / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
         "-nodes", "-days", "2", "-subj", "/CN=localhost", "-keyout", key, "-out", cert],
        check=True, capture_output=True,
    )  # fmt: skip
    return cert, key


@pytest.mark.slow
class TestTls:
    def test_a_cluster_that_asks_for_certificates(self, pem):
        distributed = pytest.importorskip("distributed")
        cert, key = pem
        security = distributed.Security(
            require_encryption=True,
            tls_ca_file=str(cert),
            **{f"tls_{who}_{what}": str(path) for who in ("scheduler", "worker", "client")
               for what, path in (("cert", cert), ("key", key))},
        )  # fmt: skip
        with (
            distributed.LocalCluster(
                n_workers=1, processes=False, protocol="tls", security=security,
                dashboard_address=":0", silence_logs=50,
            ) as found,
            cluster.connected(
                found.scheduler_address, {"ca": cert, "cert": cert, "key": key}
            ) as client,
        ):  # fmt: skip
            assert client.submit(task, None, 3).result() == 3
            both = cert.with_name("both.pem")
            both.write_text(cert.read_text() + key.read_text())
            with cluster.connected(found.scheduler_address, {"ca": cert, "cert": both}) as other:
                assert other.status == "running"
            with pytest.raises(ValueError, match=r"is an encrypted address; give the files.*tls"):
                with cluster.connected(found.scheduler_address):
                    pass

    @pytest.mark.parametrize(
        ("client", "tls", "message"),
        [
            ("tls://127.0.0.1:1", {"ca": "no.pem", "cert": "no.pem"}, r"no.pem: there is no such"),
            ("tls://127.0.0.1:1", {"ca": "no.pem"}, "needs the file 'cert' too"),
            ("tls://127.0.0.1:1", {"cart": "no.pem"}, "may hold ca, cert, key; got 'cart'"),
            ("tcp://127.0.0.1:1", {"ca": "no.pem"}, "is for the address of a scheduler, tls://"),
            (None, {"ca": "no.pem"}, "is for the address of a scheduler, tls://.* got None"),
            ("tls://127.0.0.1:1", {"ca": __file__, "cert": __file__}, "expected certificates"),
        ],
    )
    def test_files_that_cannot_be_used(self, client, tls, message):
        pytest.importorskip("distributed")
        with pytest.raises(ValueError, match=rf"`tls`.*{message}"):
            with cluster.connected(client, tls):
                pass
