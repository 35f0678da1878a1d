"""The training loop, for one network or for many side by side.

Each step trains one batch of every network in the stack, whichever epoch it is in. A network that
has finished makes room for the next.
"""

from __future__ import annotations

import copy
import time
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from attngru_bt.models.training.optimizer import AdamW
from attngru_bt.models.training.samples import Job, Loss, Record, cross_entropy
from attngru_bt.models.training.trainee import Batches, Course, Trainee


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
    n_averaged: int = 1,
    loss: Loss = cross_entropy,
    width: int | None = None,
) -> Iterator[tuple[int, list[Record]]]:
    """Train networks in place, many at once, and yield the history of each as it finishes.

    Parameters
    ----------
    jobs : iterable of Job
        Taken one by one as there is room, so that only those in training need be in memory.
        Consecutive ones of one architecture, number of steps and rows per batch are trained side by
        side.
    max_epochs, batch_size : int
        Every epoch uses every row once, in ceil(n / batch_size) batches of equal size (± 1 row).
    lr, weight_decay : float
        AdamW. Only matrices are decayed, vectors (biases, output weights) are not.
    max_norm : float
        Gradients longer than this (Euclidean norm over all parameters) are shortened to it.
    patience : int
        Epochs, see `Job`.
    schedule : {"constant", "cosine"}
        Whether the learning rate stays, or falls to 0 along half a cosine: before step i = 0, 1, …
        of n it is ``lr / 2 * (1 + cos(pi * i / n))``, n = max_epochs * batches per epoch, however
        early training stops.
    n_averaged : int
        Number of last epochs whose parameters are averaged, without validation.
    loss : callable
        ``loss(outputs, y, weight)`` of each row, all three (M, B); 0 where the weight is 0. What is
        minimized is the mean over the rows of a batch.
    width : int, optional
        Networks trained side by side; None takes `max_batch_networks`.

    Yields
    ------
    (int, list of dict)
        Number of the job and its history, per epoch: ``epoch`` (from 1), ``loss`` (mean over the
        batches as they were trained), ``val_loss`` (None without validation), ``seconds`` (the
        network's share of the time of this epoch).

    Raises
    ------
    FloatingPointError
        If the loss of a network is no longer finite.
    """
    course = Course(max_epochs, batch_size, lr, patience, schedule, n_averaged)
    trainees = (Trainee(number, job, course) for number, job in enumerate(jobs))
    waiting = next(trainees, None)
    while waiting is not None:
        stack = _Stack(waiting, width, loss, weight_decay, max_norm)
        while stack.active or (waiting is not None and waiting.key == stack.key):
            while waiting is not None and waiting.key == stack.key and stack.has_room:
                stack.add(waiting)
                waiting = next(trainees, None)
            for finished in stack.step():
                yield finished.number, finished.history


def max_batch_networks(n_hidden: int) -> int:
    """Return the largest number of networks worth training together."""
    return max(1, min(22, 512 // n_hidden))


class _Stack:
    """Networks like the first, stacked: their parameters, optimizer and memory for batches."""

    def __init__(
        self, first: Trainee, width: int | None, loss: Loss, weight_decay: float, max_norm: float
    ) -> None:
        network, x = first.job.network, first.job.samples.x
        self.key, self.active = first.key, list[Trainee]()
        self._loss = loss
        self._network = copy.deepcopy(network).reuse_buffers()
        self._width = width or max_batch_networks(network.output_weight.shape[1])
        self._rows = x.new_zeros(self._width, network.row_size)
        self._gradients = torch.zeros_like(self._rows)
        self._optimizer = AdamW(
            self._rows,
            self._gradients,
            network.decayed(),
            weight_decay=weight_decay,
            max_norm=max_norm,
        )
        steps_rows = x.shape[2], first.n_rows
        self._x = x.new_zeros(self._width, x.shape[1], *steps_rows)  # (M, F, L, B)
        self._present = torch.ones(self._width, *steps_rows, dtype=torch.bool, device=x.device)
        self._y_weight = x.new_zeros(2, self._width, first.n_rows)
        parts = self._x.flatten(1, 2), self._present, self._y_weight.transpose(0, 1)
        self._places = list(zip(*(part.unbind() for part in parts), strict=True))

    @property
    def has_room(self) -> bool:
        """Whether another network fits in."""
        return len(self.active) < self._width

    def add(self, trainee: Trainee) -> None:
        """Let a network take part."""
        self._rows[len(self.active)] = trainee.job.network.rows[0]
        self._optimizer.restart(len(self.active))
        self.active.append(trainee)
        self._bind()

    def step(self) -> list[Trainee]:
        """Train one batch of each network; return those that have finished, and remove them."""
        began = time.perf_counter()
        active = self.active
        generators = [trainee.job.generator for trainee in active]
        batches = [(trainee.batches, trainee.batch) for trainee in active]
        losses = self._losses(batches, generators)  # (M, B)
        # members have no parameter in common: the gradient of the sum is that of each one's loss
        gradients = torch.autograd.grad(losses.sum(), self._parameters)
        for view, gradient in zip(self._gradient_views, gradients, strict=True):
            view.copy_(gradient)
        self._optimizer.step([trainee.rate for trainee in active])
        share = (time.perf_counter() - began) / len(active)
        costs = losses.detach().sum(1).tolist()
        ended = [m for m, t in enumerate(active) if t.advance(costs[m], share)]
        if not ended:
            return []
        val_losses = self._validate(ended)
        finished = [m for m in ended if active[m].end_epoch(self._rows[m], val_losses.get(m))]
        trainees = [active[m] for m in finished]
        for m in reversed(finished):
            best = active[m].best
            row = self._rows[m].clone() if best is None else best
            active[m].job.network.bind(row[None])
            # the last network moves to the free place
            self._optimizer.move(len(active) - 1, m)
            active[m] = active[-1]
            active.pop()
        if val_losses or finished:
            self._bind()
        return trainees

    def _bind(self) -> None:
        """Let the network compute with the parameters of those in training."""
        m = len(self.active)
        self._parameters = list(self._network.bind(self._rows[:m]).parameters())
        self._gradient_views = self._network.views(self._gradients[:m])

    def _losses(
        self, batches: list[tuple[Batches, int]], generators: list[torch.Generator] | None
    ) -> Tensor:
        """Return the losses (M, B) of the networks that are bound on a batch of each.

        Summed over the rows they are the mean loss of the batch.
        """
        m = len(batches)
        some_missing = any(trainee.some_missing for trainee in self.active)
        for (of_network, batch), place in zip(batches, self._places, strict=False):
            of_network.load(batch, place, some_missing)
        x, present, (y, weight) = self._x[:m], self._present[:m], self._y_weight[:, :m]
        outputs = self._network(x, present if some_missing else None, generators)
        return self._loss(outputs, y, weight)

    @torch.no_grad()
    def _validate(self, ended: list[int]) -> dict[int, float]:
        """Return the validation loss of those networks that have validation rows, by place."""
        began = time.perf_counter()
        rows = {m: batches for m in ended if (batches := self.active[m].validation) is not None}
        val_losses = dict.fromkeys(rows, 0.0)
        for block in range(max((len(batches.shares) for batches in rows.values()), default=0)):
            places = [m for m, batches in rows.items() if block < len(batches.shares)]
            self._network.bind(self._rows[places])
            losses = self._losses([(rows[m], block) for m in places], None)
            for m, value in zip(places, losses.sum(1).tolist(), strict=True):
                val_losses[m] += value * rows[m].shares[block]
        for m in rows:
            self.active[m].seconds += (time.perf_counter() - began) / len(rows)
        return val_losses
