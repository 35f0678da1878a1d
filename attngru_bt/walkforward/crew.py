"""Who does the tasks: this process, processes of this machine, or a cluster."""

from __future__ import annotations

import logging
import signal
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np

logger = logging.getLogger(__name__)

LOST_WORKERS = 3  # how often a lost worker process is made good for
PATIENCE = 5  # seconds that a scheduler is waited for

Call = tuple[Callable[..., Any], tuple[Any, ...]]  # a function and its arguments
Store = Callable[[int, Any], None]


def n_workers(jobs: int = 1, client: Any = None) -> int:
    """How many processes or threads do the work; `jobs` and `client` as in `work`."""
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs == 0 or jobs < -1:
        raise ValueError(f"`jobs` must be at least 1, or -1 for one per core; got {jobs!r}.")
    if client is not None:
        return max(1, sum(client.nthreads().values()))
    if jobs == 1:
        return 1
    import joblib

    return int(joblib.effective_n_jobs(jobs))


def work(
    todo: Mapping[int, Call],
    store: Store,
    *,
    jobs: int = 1,
    client: Any = None,
) -> bool:
    """Do the tasks and hand each result over as it comes. Returns whether all were done.

    False after Ctrl-C: no new task is begun, those at hand are finished and handed over. A second
    Ctrl-C ends at once.

    Parameters
    ----------
    todo : mapping of int to (function, arguments)
        The function is found by its name in a worker. An argument that several calls share is sent
        to a cluster once.
    store : callable
        ``store(number, result)``; always called in this process.
    jobs : int
    client : dask.distributed.Client, default None
        See `connected`.
    """
    n_workers(jobs)
    left = dict(todo)
    with stop_on_interrupt() as stop:
        if client is None and jobs == 1:
            for number, (function, arguments) in todo.items():
                if stop.is_set():
                    break
                store(number, function(*arguments))
                del left[number]
        else:
            _hand_out(left, store, stop, jobs, client)
    return not left


def _hand_out(
    left: dict[int, Call],
    store: Store,
    stop: threading.Event,
    jobs: int,
    cluster: Any,
) -> None:
    """Let joblib do what is left; a lost worker costs the tasks at hand, which are done again."""
    import joblib
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    for attempt in range(LOST_WORKERS + 1):

        def orders() -> Iterator[Any]:
            for number, (function, arguments) in list(left.items()):
                if stop.is_set():
                    return
                yield joblib.delayed(_in_worker)(number, function, *arguments)

        if cluster is None:
            config = joblib.parallel_config(backend="loky", inner_max_num_threads=1)
        else:
            config = joblib.parallel_config(
                backend="dask", client=cluster, scatter=_shared(left), wait_for_workers_timeout=60
            )
        try:
            with config, warnings.catch_warnings():
                # loky begins a worker anew whose memory has grown by 300 MB. No leak: torch is
                # imported with the first fit, and cross-sections are mapped as they are read
                warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
                parallel = joblib.Parallel(
                    n_jobs=jobs if cluster is None else -1,
                    return_as="generator_unordered",
                    batch_size=1,
                    pre_dispatch="n_jobs" if cluster is None else "2 * n_jobs",
                    max_nbytes="100K",
                )
                for number, done in parallel(orders()):
                    store(number, done)
                    del left[number]
            return
        except TerminatedWorkerError:
            if attempt == LOST_WORKERS:
                raise
            logger.warning("A worker process was lost; its task is done again.")


def _shared(calls: Mapping[int, Call]) -> list[Any]:
    """Return the arguments that several calls share."""
    parts = [
        part
        for _, arguments in calls.values()
        for part in arguments
        if not isinstance(part, (str, int, float, type(None)))  # no object of their own
    ]
    seen = Counter(map(id, parts))
    return [part for part in {id(part): part for part in parts}.values() if seen[id(part)] > 1]


def _in_worker(number: int, function: Callable[..., Any], *arguments: Any) -> tuple[int, Any]:
    """Do one call in a worker process: Ctrl-C is for the process that hands the calls out."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    # Once a piece this large was freed (31 MiB), the C library keeps what is freed for the next
    # array, instead of asking the system for every one: a fifth of the time of many small arrays.
    np.empty(31 << 17)
    return number, function(*arguments)


@contextmanager
def connected(client: Any) -> Iterator[Any]:
    """Yield a Dask client, connected to the address if one was given; None without a cluster."""
    if not isinstance(client, str):
        yield client
        return
    try:
        from distributed import Client
    except ImportError:
        raise ImportError(
            "A Dask cluster needs the extra [dask]: pip install 'attngru_bt[dask]'."
        ) from None
    try:
        cluster = Client(client, timeout=PATIENCE)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError) as error:
        raise ValueError(
            f"`client`: no Dask scheduler answers at {client} ({type(error).__name__}); expected "
            f"an address such as tcp://host:8786."
        ) from error
    try:
        yield cluster
    finally:
        cluster.close()  # type: ignore[no-untyped-call]


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C sets; the second interrupts as ever."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # signals are the main thread's
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: Any) -> None:
        logger.warning("Stopping: what is being computed is finished first.")
        stop.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
