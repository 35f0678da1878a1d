"""Make calls in this process, in worker processes of this machine, or on a cluster."""

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
from attngru_bt.walkforward.calls import MAX_RESTARTS, Call, Store, WorkersLost, in_worker

logger = logging.getLogger(__name__)

ORPHAN_CHECK = 1.0  # seconds between a worker's checks that its parent is alive


def n_workers(jobs: int = 1, client: Any = None) -> int:
    """Return how many processes or threads do the work; `jobs` and `client` as in `work`."""
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
    """Make all calls, and store each result as soon as it is there.

    After Ctrl-C no new call is started; the running ones are finished and stored. A second Ctrl-C
    interrupts at once.

    Parameters
    ----------
    todo : mapping of int to (function, arguments)
        A worker imports the function by its name. An argument that several calls share is sent to
        a cluster only once.
    store : callable
        ``store(number, result)``; always called in this process.
    jobs : int
    client : dask.distributed.Client, default None
        See `cluster.connected`.

    Returns
    -------
    bool
        Whether all calls were made; False after Ctrl-C.

    Raises
    ------
    WorkersLost
        If the workers crash again and again, or none is left.
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
    """Make the remaining calls in processes; calls that a crash interrupted are made again."""
    import joblib
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    for attempt in range(MAX_RESTARTS + 1):

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
                # loky restarts a worker whose memory has grown by 300 MB. That is no leak: the
                # first fit imports torch, and cross-sections are mapped into memory when read.
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
            if attempt == MAX_RESTARTS:
                raise WorkersLost(
                    f"Worker processes were lost {MAX_RESTARTS + 1} times, often for want of "
                    f"memory; use fewer `jobs`."
                ) from error
            logger.warning("A worker process crashed; its task is done again.")
        except pickle.PicklingError as error:
            # joblib passes arrays through temporary files, and reports a full disk as text only
            if os.strerror(errno.ENOSPC) in str(error.__cause__):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
            raise


def _numbered(number: int, function: Any, *arguments: Any) -> tuple[int, Any]:
    return number, in_worker(function, *arguments)


def _begin_worker(parent: int) -> None:
    """Set up a worker process: it ignores Ctrl-C, and ends when its parent ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with(parent)


def end_with(parent: int) -> None:
    """Let this process end soon after its parent has ended, even in the middle of a task.

    A parent that is killed cannot stop its workers, which would wait for tasks for minutes. The
    system gives an orphan another parent, so a changed parent means that the old one has ended.
    Windows does not, and there a worker ends as its pool makes it.
    """

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(ORPHAN_CHECK)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C sets; a second Ctrl-C interrupts as usual."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # only the main thread may handle signals
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: Any) -> None:
        logger.warning("Stopping after the fits that are running now.")
        stop.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
