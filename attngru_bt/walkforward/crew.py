"""Who does the tasks: this process, processes of this machine, or a cluster."""

from __future__ import annotations

import errno
import logging
import os
import pickle
import signal
import threading
import time
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from attngru_bt.walkforward import cluster
from attngru_bt.walkforward.calls import LOST_WORKERS, Call, Store, WorkersLost, in_worker

logger = logging.getLogger(__name__)

ORPHANED = 1.0  # seconds between a worker's looks at whether its parent lives


def n_workers(jobs: int = 1, client: Any = None) -> int:
    """How many processes or threads do the work; `jobs` and `client` as in `work`."""
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs == 0 or jobs < -1:
        raise ValueError(f"`jobs` must be at least 1, or -1 for one per core; got {jobs!r}.")
    if client is not None:
        return cluster.n_threads(client)
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
        See `cluster.connected`.

    Raises
    ------
    WorkersLost
        If workers are lost again and again, or none is left.
    """
    n_workers(jobs)
    left = dict(todo)
    with stop_on_interrupt() as stop:
        if client is not None:
            cluster.hand_out(left, store, stop, client)
        elif jobs != 1:
            _hand_out(left, store, stop, jobs)
        else:
            for number, (function, arguments) in todo.items():
                if stop.is_set():
                    break
                store(number, function(*arguments))
                del left[number]
    return not left


def _hand_out(left: dict[int, Call], store: Store, stop: threading.Event, jobs: int) -> None:
    """Let processes do what is left; a lost one costs the tasks at hand, which are done again."""
    import joblib
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    for attempt in range(LOST_WORKERS + 1):

        def orders() -> Iterator[Any]:
            for number, (function, arguments) in list(left.items()):
                if stop.is_set():
                    return
                yield joblib.delayed(_numbered)(number, function, *arguments)

        config = joblib.parallel_config(
            backend="loky",
            inner_max_num_threads=1,
            initializer=_begin_worker,
            initargs=(os.getpid(),),
        )
        try:
            with config, warnings.catch_warnings():
                # loky begins a worker anew whose memory has grown by 300 MB. No leak: torch is
                # imported with the first fit, and cross-sections are mapped as they are read
                warnings.filterwarnings("ignore", "A worker stopped while some jobs", UserWarning)
                parallel = joblib.Parallel(
                    n_jobs=jobs,
                    return_as="generator_unordered",
                    batch_size=1,
                    pre_dispatch="n_jobs",
                    max_nbytes="100K",
                )
                for number, done in parallel(orders()):
                    store(number, done)
                    del left[number]
            return
        except TerminatedWorkerError as error:
            if attempt == LOST_WORKERS:
                raise WorkersLost(
                    f"Worker processes were lost {LOST_WORKERS + 1} times, often for want of "
                    f"memory; use fewer `jobs`."
                ) from error
            logger.warning("A worker process was lost; its task is done again.")
        except pickle.PicklingError as error:
            # arrays go to the workers through files; what went wrong with these comes as text
            if os.strerror(errno.ENOSPC) in str(error.__cause__):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise


def _numbered(number: int, function: Any, *arguments: Any) -> tuple[int, Any]:
    return number, in_worker(function, *arguments)


def _begin_worker(parent: int) -> None:
    """Set a worker process up: Ctrl-C is for its parent, whose end is its own."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    """End this process, in the middle of a task too, soon after its parent has ended.

    Whoever is killed cannot tell its workers, and they would wait for tasks for minutes. A process
    without a parent is given another one by the system.
    """
    while os.getppid() == parent:
        time.sleep(ORPHANED)
    os._exit(1)


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
