"""Make calls on a Dask cluster: connecting to it, and surviving the loss of workers."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from attngru_bt.walkforward.calls import MAX_RESTARTS, Call, Store, WorkersLost, in_worker

logger = logging.getLogger(__name__)

PATIENCE = 5  # seconds to wait for an answer of the scheduler
CHECK_EVERY = 5  # seconds after which the workers are looked at if nothing finishes
NO_WORKER = 60  # seconds to wait for a first worker, or for workers that do nothing

TLS_FILES = ("ca", "cert", "key")


@contextmanager
def connected(client: Any, tls: Mapping[str, Any] | None = None) -> Iterator[Any]:
    """Yield a Dask client, connected to the address if one was given; None without a cluster.

    Parameters
    ----------
    client : str, dask.distributed.Client or None
    tls : mapping, default None
        Files of an encrypted connection to an address ``tls://…``: ``ca``, ``cert`` and ``key``,
        in PEM format; without ``key`` it is looked for in ``cert``. None: as dask's own
        configuration (``distributed.comm.tls``) says.

    Raises
    ------
    ImportError
        Without the extra [dask].
    ValueError
        If no scheduler answers, or the TLS files cannot be used.
    """
    if tls is not None and (not isinstance(client, str) or not client.startswith("tls://")):
        got = repr(client) if client is None or isinstance(client, str) else "a connected client"
        raise ValueError(f"`tls` is for the address of a scheduler, tls://host:8786; got {got}.")
    if not isinstance(client, str):
        yield client
        return
    try:
        from distributed import Client
    except ImportError:
        raise ImportError(
            "A Dask cluster needs the extra [dask]: pip install 'attngru_bt[dask]'."
        ) from None
    security = None if tls is None else _security(tls)
    try:
        connection = Client(client, timeout=PATIENCE, security=security)  # type: ignore[no-untyped-call]
    except (OSError, TimeoutError, TypeError, ValueError) as error:
        raise ValueError(_unanswered(client, error)) from error
    try:
        yield connection
    finally:
        connection.close()  # type: ignore[no-untyped-call]


def _security(tls: Mapping[str, Any]) -> Any:
    """Return the TLS files as distributed takes them, after checking that they exist."""
    from distributed.security import Security

    for name in tls:
        if name not in TLS_FILES:
            raise ValueError(f"`tls` may hold {', '.join(TLS_FILES)}; got {name!r}.")
    for name in TLS_FILES[:2]:
        if tls.get(name) is None:
            raise ValueError(
                f"`tls` needs the file {name!r} too (--dask-tls-{name}); got {', '.join(tls)}."
            )
    for name, path in tls.items():
        if path is not None and not Path(path).is_file():
            raise ValueError(f"`tls`: {path}: there is no such file ({name!r}); check the path.")
    security = Security(  # type: ignore[no-untyped-call]
        require_encryption=True,
        tls_ca_file=str(tls["ca"]),
        tls_client_cert=str(tls["cert"]),
        tls_client_key=str(tls.get("key") or tls["cert"]),
    )
    try:
        security.get_connection_args("client")  # type: ignore[no-untyped-call]  # reads the files
    except OSError as error:
        raise ValueError(
            f"`tls`: {', '.join(str(path) for path in tls.values() if path)} cannot be used "
            f"({error.strerror or error}); expected certificates and their key as PEM files."
        ) from error
    return security


def _unanswered(address: str, error: Exception) -> str:
    """Say why there is no connection to a scheduler, and what to do."""
    if isinstance(error, TypeError):  # what distributed raises when certificates are missing
        return (
            f"`client`: {address} is an encrypted address; give the files of the connection: `tls` "
            f"(--dask-tls-ca, --dask-tls-cert, --dask-tls-key)."
        )
    return (
        f"`client`: no Dask scheduler answers at {address} ({type(error).__name__}); expected an "
        f"address such as tcp://host:8786."
    )


def n_threads(client: Any) -> int:
    """Return how many threads the cluster has; at least 1, since workers may still join.

    Raises
    ------
    WorkersLost
        If the scheduler does not answer.
    """
    try:
        return max(1, sum(client.nthreads().values()))
    except Exception as error:  # a closed client raises one of many errors
        raise WorkersLost("The Dask scheduler is gone.") from error


def hand_out(left: dict[int, Call], store: Store, stop: threading.Event, client: Any) -> None:
    """Make the remaining calls on a cluster; if all workers are lost, new ones start over.

    The scheduler itself gives the calls of one lost worker to the others.
    """
    from distributed import KilledWorker

    address = str(client.scheduler.address)
    for attempt in range(MAX_RESTARTS + 1):
        _await_workers(client, address)
        try:
            _do(left, store, stop, client, address)
            return
        except KilledWorker as error:
            raise WorkersLost(
                f"One task ended every worker of the Dask cluster at {address} that it was given "
                f"to, often for want of memory."
            ) from error
        except CancelledError as error:
            # the shared arguments were lost with the last worker, or the scheduler is gone
            if attempt == MAX_RESTARTS:
                raise WorkersLost(
                    f"The Dask cluster at {address} lost its tasks {attempt + 1} times."
                ) from error
            logger.warning("The Dask cluster at %s lost its tasks: they are sent again.", address)
        except Exception as error:
            if client.status == "running":  # the call itself failed
                raise
            raise WorkersLost(f"The Dask scheduler at {address} is gone.") from error


def _await_workers(client: Any, address: str) -> None:
    """Wait until the cluster has a worker."""
    try:
        client.wait_for_workers(1, timeout=NO_WORKER)
    except TimeoutError as error:
        raise WorkersLost(
            f"The Dask cluster at {address} has had no worker for {NO_WORKER} seconds."
        ) from error
    except Exception as error:  # a closed client raises one of many errors
        raise WorkersLost(f"The Dask scheduler at {address} is gone.") from error


def _do(
    left: dict[int, Call], store: Store, stop: threading.Event, client: Any, address: str
) -> None:
    """Make the calls, keeping the cluster busy with two per thread."""
    from distributed import wait

    shared = _shared(left)
    on_cluster = client.scatter(shared, broadcast=True, hash=False) if shared else []
    sent_once = dict(zip(map(id, shared), on_cluster, strict=True))
    calls = iter(list(left.items()))
    running: dict[Any, int] = {}  # future → number of its call
    idle = 0.0  # seconds without anything finished or being worked on
    while True:
        room = 2 * n_threads(client) - len(running)
        for number, (function, arguments) in islice(calls, 0 if stop.is_set() else max(room, 0)):
            sent = [sent_once.get(id(part), part) for part in arguments]
            running[client.submit(_threaded, function, *sent, pure=False)] = number
        if not running:
            return
        try:
            finished = wait(  # type: ignore[no-untyped-call]
                list(running), timeout=CHECK_EVERY, return_when="FIRST_COMPLETED"
            )
        except TimeoutError:  # nothing finished yet
            if not client.nthreads():
                _await_workers(client, address)
            idle = 0 if any(client.processing().values()) else idle + CHECK_EVERY
            if idle >= NO_WORKER:
                raise CancelledError("The scheduler has forgotten the tasks.") from None
            continue
        idle = 0
        for future in finished.done:
            number = running.pop(future)
            store(number, future.result())
            del left[number]


def _threaded(function: Any, *arguments: Any) -> Any:
    """Make one call in a worker's thread; it may not start processes of its own."""
    import joblib

    with joblib.parallel_config(backend="threading"):
        return in_worker(function, *arguments)


def _shared(calls: Mapping[int, Call]) -> list[Any]:
    """Return the arguments that several calls share."""
    parts = [
        part
        for _, arguments in calls.values()
        for part in arguments
        if not isinstance(part, (str, int, float, type(None)))  # too small to be worth it
    ]
    seen = Counter(map(id, parts))
    return [part for part in {id(part): part for part in parts}.values() if seen[id(part)] > 1]
