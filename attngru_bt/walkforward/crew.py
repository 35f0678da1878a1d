"""Who does the tasks: this process, processes of this machine, or a cluster."""

from __future__ import annotations

import logging
import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from attngru_bt.samples import CrossSection
from attngru_bt.walkforward.tasks import Done, Task, perform, perform_in_worker

logger = logging.getLogger(__name__)

LOST_WORKERS = 3  # how often a lost worker process is made good for

Store = Callable[[int, Done], None]


def work(
    todo: Mapping[int, tuple[Task, Sequence[CrossSection]]],
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
    todo : mapping of int to (Task, sections)
    store : callable
        ``store(number, result)``; always called in this process.
    jobs : int
    client : dask.distributed.Client or address, default None
    """
    if isinstance(jobs, bool) or not isinstance(jobs, int) or jobs == 0 or jobs < -1:
        raise ValueError(f"`jobs` must be at least 1, or -1 for one per core; got {jobs!r}.")
    left = dict(todo)
    with stop_on_interrupt() as stop:
        if client is None and jobs == 1:
            for number, (task, sections) in todo.items():
                if stop.is_set():
                    break
                store(number, perform(task, sections))
                del left[number]
        else:
            with _cluster(client) as cluster:
                _hand_out(left, store, stop, jobs, cluster)
    return not left


def _hand_out(
    left: dict[int, tuple[Task, Sequence[CrossSection]]],
    store: Store,
    stop: threading.Event,
    jobs: int,
    cluster: Any,
) -> None:
    """Let joblib do what is left; a lost worker costs the tasks at hand, which are done again."""
    import joblib
    from joblib.externals.loky.process_executor import TerminatedWorkerError

    shared = list({id(sections): sections for _, sections in left.values()}.values())
    for attempt in range(LOST_WORKERS + 1):

        def orders() -> Iterator[Any]:
            for number, (task, sections) in list(left.items()):
                if stop.is_set():
                    return
                yield joblib.delayed(perform_in_worker)(number, task, sections)

        if cluster is None:
            config = joblib.parallel_config(backend="loky", inner_max_num_threads=1)
        else:
            config = joblib.parallel_config(
                backend="dask", client=cluster, scatter=shared, wait_for_workers_timeout=60
            )
        try:
            with config:
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


@contextmanager
def _cluster(client: Any) -> Iterator[Any]:
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
        connected = Client(client, timeout=5)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, ValueError) as error:
        raise ValueError(
            f"`client`: no Dask scheduler answers at {client} ({type(error).__name__}); expected "
            f"an address such as tcp://host:8786."
        ) from error
    try:
        yield connected
    finally:
        connected.close()  # type: ignore[no-untyped-call]


@contextmanager
def stop_on_interrupt() -> Iterator[threading.Event]:
    """Yield an event that the first Ctrl-C sets; the second interrupts as ever."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop  # signals are the main thread's
        return
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: Any) -> None:
        logger.warning("Stopping: what is being computed is finished and stored first.")
        stop.set()
        signal.signal(signal.SIGINT, before)

    signal.signal(signal.SIGINT, note)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)
