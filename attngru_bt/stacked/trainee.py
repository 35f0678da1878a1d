"""One network in training: its rows, its place in the epoch, its history."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from attngru_bt.network.base import last_step
from attngru_bt.stacked.parameters import Shape
from attngru_bt.stacked.stack import Stack
from attngru_bt.training import Samples

Record = dict[str, Any]

ROUND = 32  # rows of a batch are filled up to a multiple: no vector of the processor is cut short


class Job(NamedTuple):
    """What there is to train, see `attngru_bt.training.train`.

    Attributes
    ----------
    network : torch.nn.Module
        Initialised; changed in place.
    samples : Samples
    validation : Samples or None
    generator : torch.Generator
        On the CPU; source of the batch order.
    progress : callable or None
        Called with the record of each epoch as it ends.
    """

    network: nn.Module
    samples: Samples
    validation: Samples | None
    generator: torch.Generator
    progress: Callable[[Record], None] | None = None


class Table:
    """Samples as a stack reads them.

    Attributes
    ----------
    ones_x : Tensor of shape (n, L * (1 + F))
        Each step's factors behind a 1.
    last : Tensor of shape (n, F)
        Factors of the last step that is there.
    missing : Tensor of shape (n, L) or None
    y, weight : Tensor of shape (n,)
    """

    def __init__(self, samples: Samples) -> None:
        x = samples.x
        self.ones_x = torch.cat([x.new_ones(*x.shape[:2], 1), x], 2).flatten(1)
        self.last = last_step(x, samples.present)
        self.missing = None if samples.present is None else ~samples.present
        self.y, self.weight = samples.y.to(x), samples.weight.to(x)

    def __len__(self) -> int:
        return len(self.y)


class Batches:
    """Rows of a table in batches of equal size (± 1), each filled up with rows of weight 0.

    Attributes
    ----------
    rows : Tensor of shape (n_batches, n_rows)
    y, weight : Tensor of shape (n_batches, n_rows)
        The weights are divided by the rows that count: losses summed over a batch are its mean.
    sizes : list of int
        Rows that count.
    """

    def __init__(self, table: Table, order: Tensor, n_batches: int, n_rows: int) -> None:
        pieces = order.tensor_split(n_batches)
        self.sizes = [len(piece) for piece in pieces]
        self.rows = torch.zeros(n_batches, n_rows, dtype=torch.int64)
        share = torch.zeros(n_batches, n_rows, dtype=torch.float64)
        for batch, piece in enumerate(pieces):
            self.rows[batch, : len(piece)] = piece
            share[batch, : len(piece)] = 1.0 / len(piece)
        self.rows = self.rows.to(table.y.device)
        self.y = table.y[self.rows]
        self.weight = table.weight[self.rows] * share.to(table.weight)

    def load(self, table: Table, batch: int, stack: Stack, m: int) -> tuple[Tensor, Tensor]:
        """Lay a batch into place m of the stack; return its y and weights, (n_rows,) each."""
        rows = self.rows[batch]
        into = stack.ones_x[m].flatten(0, 1)  # (L * (1 + F), B)
        into.copy_(torch.index_select(table.ones_x, 0, rows, out=stack.gathered).T)
        if stack.last is not None:
            stack.last[m].copy_(table.last.index_select(0, rows).T)
        if table.missing is None:
            stack.missing[m].fill_(False)
        else:
            stack.missing[m].copy_(table.missing.index_select(0, rows).T)
        return self.y[batch], self.weight[batch]


class Trainee:
    """A network in training.

    Parameters
    ----------
    number : int
        Of the job.
    job : Job
    shape : Shape
    tables : tuple of Table and (Table or None)
        Of the samples and of the validation.
    batch_size, max_epochs, patience, lr, schedule
        As in `attngru_bt.training.train`.
    """

    def __init__(
        self,
        number: int,
        job: Job,
        shape: Shape,
        tables: tuple[Table, Table | None],
        *,
        batch_size: int,
        max_epochs: int,
        patience: int,
        lr: float,
        schedule: str,
    ) -> None:
        self.number, self.job, self.shape = number, job, shape
        self.lr, self.schedule = lr, schedule
        self.table, self.validation = tables
        self.max_epochs, self.patience = max_epochs, patience
        n = len(self.table)
        self.n_batches = -(-n // batch_size)
        self.n_rows = -(-(n if self.n_batches == 1 else batch_size) // ROUND) * ROUND
        self.history: list[Record] = []
        self.best: Tensor | None = None
        self.seconds = 0.0
        self._best_loss, self._best_epoch = float("inf"), 0
        self.judged = None if self.validation is None else self._blocks(self.validation)
        self._begin_epoch()

    @property
    def key(self) -> tuple[object, ...]:
        """What networks that are trained side by side have in common."""
        x = self.job.samples.x
        return self.shape, x.shape[1], self.n_rows, x.dtype, x.device

    @property
    def rate(self) -> float:
        """Learning rate of the next step."""
        if self.schedule != "cosine":
            return self.lr
        step = len(self.history) * self.n_batches + self._next
        return self.lr / 2 * (1 + math.cos(math.pi * step / (self.max_epochs * self.n_batches)))

    def load(self, stack: Stack, m: int) -> tuple[Tensor, Tensor]:
        """Lay the next batch into place m of the stack; return its y and weights."""
        return self._batches.load(self.table, self._next, stack, m)

    def advance(self, loss: Tensor, seconds: float) -> bool:
        """Note what the batch cost; return whether the epoch has ended."""
        self.total += loss * (self._batches.sizes[self._next] / len(self.table))
        self.seconds += seconds
        self._next += 1
        return self._next == self.n_batches

    def end_epoch(self, row: Tensor, val_loss: float | None) -> bool:
        """Record the epoch, remember the best; return whether the training has ended.

        Parameters
        ----------
        row : Tensor of shape (P,)
            The parameters now.
        val_loss : float or None
        """
        epoch = len(self.history) + 1
        loss = float(self.total)
        record = {"epoch": epoch, "loss": loss, "val_loss": val_loss, "seconds": self.seconds}
        self.history.append(record)
        if self.job.progress is not None:
            self.job.progress(record)
        if loss - loss != 0.0:  # NaN or infinite
            raise FloatingPointError(
                f"training diverged: the loss is {loss} in epoch {epoch}; lower `lr` (got "
                f"{self.lr}) or scale X (its largest absolute value is "
                f"{self.job.samples.x.abs().max():.3g})."
            )
        if val_loss is not None:
            if val_loss < self._best_loss:
                self._best_loss, self._best_epoch, self.best = val_loss, epoch, row.clone()
            elif epoch - self._best_epoch >= self.patience:
                return True
        if epoch == self.max_epochs:
            return True
        self._begin_epoch()
        return False

    def _begin_epoch(self) -> None:
        order = torch.randperm(len(self.table), generator=self.job.generator)
        self._batches = Batches(self.table, order, self.n_batches, self.n_rows)
        self._next, self.seconds = 0, 0.0
        self.total = torch.zeros((), dtype=self.table.y.dtype, device=self.table.y.device)

    def _blocks(self, table: Table) -> Batches:
        """Cut validation rows into blocks as wide as a batch."""
        return Batches(table, torch.arange(len(table)), -(-len(table) // self.n_rows), self.n_rows)
