"""The training loop of `attngru_bt.models.training`, for many networks side by side.

Networks take part as long as they are in training: each step is a batch of every one of them,
wherever in its epochs it is. One that has finished makes room for the next.

Bits: a network's result depends neither on how many are trained beside it nor on which (on one
machine, with one thread): products are each network's own (`products`), and all else is elementwise
or sums along a network's own numbers, laid out alike in whichever place it is (`memory`). The
result differs from the plain loop's by rounding.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import Tensor

from attngru_bt.models import training
from attngru_bt.models.stacked.losses import SLOPED, SlopedLoss
from attngru_bt.models.stacked.memory import Memory
from attngru_bt.models.stacked.optimise import AdamW
from attngru_bt.models.stacked.stack import Stack
from attngru_bt.models.stacked.support import can_stack, shape_of
from attngru_bt.models.stacked.trainee import Job, Record, Table, Trainee


def train(
    jobs: Iterable[Job],
    *,
    max_epochs: int = 30,
    batch_size: int = 128,
    lr: float = 0.01,
    weight_decay: float = 0.0,
    max_norm: float = 1.0,
    patience: int = 5,
    schedule: str = "constant",
    loss: training.Loss = training.cross_entropy,
    width: int | None = None,
) -> Iterator[tuple[int, list[Record]]]:
    """Train networks in place, many at once, and yield the history of each as it finishes.

    The same as `attngru_bt.models.training.train` for each job (to which jobs that cannot be
    stacked are given, see `can_stack`): same batches, same losses up to rounding.

    Parameters
    ----------
    jobs : iterable of Job
        Taken one by one as there is room, so that only as many as are in training need be in
        memory.
    max_epochs, batch_size, lr, weight_decay, max_norm, patience, schedule, loss
        As in `attngru_bt.models.training.train`, for all jobs.
    width : int, optional
        Networks trained side by side; None takes as many as pay, see `paying_width`.

    Yields
    ------
    (int, list of dict)
        Number of the job, and its history as `attngru_bt.models.training.train` returns it.
        ``seconds`` is the network's share of the time.

    Raises
    ------
    FloatingPointError
        If the loss of a network is no longer finite.
    """
    course = {
        "max_epochs": max_epochs,
        "batch_size": batch_size,
        "patience": patience,
        "lr": lr,
        "schedule": schedule,
    }
    steps = {"weight_decay": weight_decay, "max_norm": max_norm}
    aside: list[tuple[int, list[Record]]] = []
    waiting = _Waiting(_trainees(jobs, loss, course, steps, aside))
    while waiting.first is not None:
        yield from _train_alike(waiting, SLOPED[loss], steps, width)
        yield from aside
        aside.clear()
    yield from aside


def paying_width(n_hidden: int) -> int:
    """How many networks to train side by side: more do not pay any more, but cost memory."""
    return max(1, min(22, 512 // n_hidden))


class _Waiting:
    """Trainees to come, the first of which can be looked at."""

    def __init__(self, trainees: Iterator[Trainee]) -> None:
        self._rest = trainees
        self.first = next(trainees, None)

    def take(self) -> Trainee:
        first = self.first
        assert first is not None
        self.first = next(self._rest, None)
        return first


def _trainees(
    jobs: Iterable[Job],
    loss: training.Loss,
    course: dict[str, Any],
    steps: dict[str, Any],
    aside: list[tuple[int, list[Record]]],
) -> Iterator[Trainee]:
    """Yield jobs ready to be stacked; train the others at once, and lay their history aside."""
    tables: dict[int, tuple[training.Samples, Table]] = {}

    def table(samples: training.Samples) -> Table:
        # seeds of one month share their samples: only the last ones' tables are kept for the next
        if id(samples) not in tables:
            tables[id(samples)] = samples, Table(samples)
        return tables[id(samples)][1]

    for number, job in enumerate(jobs):
        shape = shape_of(job.network) if can_stack(job.network, loss) else None
        if shape is None:
            history = training.train(
                job.network,
                job.samples,
                job.validation,
                generator=job.generator,
                loss=loss,
                progress=job.progress,
                **course,
                **steps,
            )
            aside.append((number, history))
            continue
        used = {id(job.samples), id(job.validation)}
        for old in set(tables) - used:
            del tables[old]
        pair = table(job.samples), None if job.validation is None else table(job.validation)
        yield Trainee(number, job, shape, pair, **course)


def _train_alike(
    waiting: _Waiting, loss: SlopedLoss, steps: dict[str, Any], width: int | None
) -> Iterator[tuple[int, list[Record]]]:
    """Train the first of those waiting and all that follow it and can be stacked with it."""
    first = waiting.first
    assert first is not None
    shape, x, key = first.shape, first.job.samples.x, first.key
    width = width or paying_width(shape.n_hidden)
    stacks = _Stacks(first)
    rows = x.new_zeros(width, shape.size)
    optimizer = AdamW(shape.decayed().to(rows), width, **steps)
    active: list[Trainee] = []
    while True:
        while len(active) < width and waiting.first is not None and waiting.first.key == key:
            trainee = waiting.take()
            rows[len(active)] = shape.pack(trainee.job.network.state_dict())
            optimizer.restart(len(active))
            active.append(trainee)
        if not active:
            return
        began = time.perf_counter()
        with torch.no_grad():
            now, stack = rows[: len(active)], stacks.of(len(active))
            some_missing = any(t.table.missing is not None for t in active)
            for m, trainee in enumerate(active):
                trainee.load(stack, m, some_missing)
            outputs = stack.forward(now, some_missing)
            losses, slopes = loss(outputs, *stack.y_weight)
            optimizer.step(now, stack.backward(slopes), [t.rate for t in active])
            losses = losses.sum(1)
        share = (time.perf_counter() - began) / len(active)
        ended = [m for m, t in enumerate(active) if t.advance(losses, m, share)]
        if not ended:
            continue
        judged = _judge(stacks, loss, rows, [(m, active[m]) for m in ended], width)
        done = [m for m in ended if active[m].end_epoch(rows[m], judged[m])]
        for m in reversed(done):
            trainee, last = active[m], len(active) - 1
            row = rows[m] if trainee.best is None else trainee.best
            trainee.job.network.load_state_dict(shape.unpack(row))
            rows[m] = rows[last]
            optimizer.move(last, m)
            active[m] = active[last]
            active.pop()
            yield trainee.number, trainee.history


class _Stacks:
    """Stacks of any number of networks like the first, in one memory."""

    def __init__(self, first: Trainee) -> None:
        x = first.job.samples.x
        self._memory = Memory(x.dtype, x.device)
        self._shape, self._n_steps, self._n_rows = first.shape, x.shape[1], first.n_rows
        self._stacks: dict[int, Stack] = {}
        self._last: Stack | None = None

    def of(self, n_networks: int) -> Stack:
        """Return the stack of M networks, ready to be filled."""
        if n_networks not in self._stacks:
            self._stacks[n_networks] = Stack(
                self._shape, self._memory, n_networks, self._n_steps, self._n_rows
            )
        stack = self._stacks[n_networks]
        if stack is not self._last:
            stack.prepare()
        self._last = stack
        return stack


@torch.no_grad()
def _judge(
    stacks: _Stacks,
    loss: SlopedLoss,
    rows: Tensor,
    ended: list[tuple[int, Trainee]],
    width: int,
) -> dict[int, float | None]:
    """Return the validation loss of networks whose epoch has ended, by place; None without one."""
    began = time.perf_counter()
    blocks = [
        (m, trainee, block)
        for m, trainee in ended
        if trainee.judged is not None
        for block in range(len(trainee.judged.sizes))
    ]
    sums: dict[int, float] = {}
    for start in range(0, len(blocks), width):
        part = blocks[start : start + width]
        stack = stacks.of(len(part))
        places = torch.tensor([m for m, _, _ in part], device=rows.device)
        tables = [trainee.validation for _, trainee, _ in part]
        some_missing = any(t is not None and t.missing is not None for t in tables)
        sizes = []
        for place, (_, trainee, block) in enumerate(part):
            judged, table = trainee.judged, trainee.validation
            assert judged is not None and table is not None
            judged.load(block, stack, place, some_missing)
            sizes.append(judged.sizes[block] / len(table))
        outputs = stack.forward(rows.index_select(0, places), some_missing)
        values = loss(outputs, *stack.y_weight)[0].sum(1).tolist()
        for (m, _, _), value, size in zip(part, values, sizes, strict=True):
            sums[m] = sums.get(m, 0.0) + value * size
    share = (time.perf_counter() - began) / max(len(blocks), 1)
    for _, trainee, _ in blocks:
        trainee.seconds += share
    return {m: sums.get(m) for m, _ in ended}
