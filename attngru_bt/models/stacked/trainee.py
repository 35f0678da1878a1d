"""One network in training: its rows, its place in the epoch, its history."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from attngru_bt.models.networks.base import last_step
from attngru_bt.models.stacked.memory import whole_vectors
from attngru_bt.models.stacked.parameters import Shape
from attngru_bt.models.stacked.stack import Stack
from attngru_bt.models.training import Samples

Record = dict[str, Any]


class Job(NamedTuple):
    """What there is to train, see `attngru_bt.models.training.train`.

    Attributes
    ----------
    network : torch.nn.Module
        Initialized; changed in place.
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
    x : Tensor of shape (n, L * F)
    last : Tensor of shape (n, F) or None
        Factors of the last step that is there, unless all are.
    missing : bool Tensor of shape (n, L) or None
    y_weight : Tensor of shape (2, n)
    """

    def __init__(self, samples: Samples) -> None:
        x, present = samples.x, samples.present
        self.x = x.flatten(1)
        self.last = None if present is None else last_step(x, present)
        self.missing = None if present is None else ~present
        self.y_weight = torch.stack([samples.y.to(x), samples.weight.to(x)])

    def __len__(self) -> int:
        return len(self.x)


class Batches:
    """Rows of a table in batches of equal size (± 1), each filled up with rows of weight 0.

    Attributes
    ----------
    sizes : list of int
        Rows that count.
    """

    def __init__(self, table: Table, n_batches: int, n_rows: int) -> None:
        pieces = torch.arange(len(table)).tensor_split(n_batches)
        self.sizes = [len(piece) for piece in pieces]
        self._table = table
        self._places = torch.zeros(n_batches, n_rows, dtype=torch.int64)
        share = torch.zeros(n_batches, n_rows, dtype=torch.float64)
        for batch, piece in enumerate(pieces):
            self._places[batch, : len(piece)] = piece
            share[batch, : len(piece)] = 1.0 / len(piece)
        # weights are divided by the rows that count: losses summed over a batch are its mean
        self._share = share.to(table.x)  # (n_batches, B)
        self.order(torch.arange(len(table)))

    def order(self, order: Tensor) -> None:
        """Take the rows in this order from now on."""
        rows = order[self._places].to(self._table.x.device)  # (n_batches, B)
        y_weight = self._table.y_weight[:, rows]  # (2, n_batches, B)
        y_weight[1] *= self._share
        self._rows, self._y_weight = rows.unbind(), y_weight.unbind(1)

    def load(self, batch: int, stack: Stack, m: int, some_missing: bool) -> None:
        """Lay a batch into place m of the stack; `some_missing`: whether steps of any row lack."""
        table, rows, x = self._table, self._rows[batch], stack.x[m]  # (L, F, B)
        gathered = torch.index_select(table.x, 0, rows, out=stack.gathered)
        x.copy_(gathered.T.view_as(x))
        stack.y_weight[:, m].copy_(self._y_weight[batch])
        if stack.last is not None:
            last = x[-1] if table.last is None else table.last.index_select(0, rows).T
            stack.last[m].copy_(last)
        if table.missing is not None:
            stack.missing[m].copy_(table.missing.index_select(0, rows).T)
        elif some_missing:
            stack.missing[m].fill_(False)


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
        As in `attngru_bt.models.training.train`.
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
        # filled up, so that no vector of the processor is cut short
        self.n_rows = whole_vectors(n if self.n_batches == 1 else batch_size)
        self.history: list[Record] = []
        self.best: Tensor | None = None
        self.seconds = 0.0
        self._best_loss, self._best_epoch = float("inf"), 0
        # validation rows are cut into blocks as wide as a batch
        self.judged = (
            None
            if self.validation is None
            else Batches(self.validation, -(-len(self.validation) // self.n_rows), self.n_rows)
        )
        self._batches = Batches(self.table, self.n_batches, self.n_rows)
        self._shares = self.table.x.new_tensor([size / n for size in self._batches.sizes])
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

    def load(self, stack: Stack, m: int, some_missing: bool) -> None:
        """Lay the next batch into place m of the stack."""
        self._batches.load(self._next, stack, m, some_missing)

    def advance(self, losses: Tensor, m: int, seconds: float) -> bool:
        """Note what the batch cost, ``losses[m]``; return whether the epoch has ended."""
        self._losses.append(losses[m])
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
        total = self._shares.new_zeros(())
        for cost in (torch.stack(self._losses) * self._shares).unbind():
            total += cost  # one by one and in its type, as the plain loop does
        loss = float(total)
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
        self._batches.order(torch.randperm(len(self.table), generator=self.job.generator))
        self._next, self.seconds = 0, 0.0
        self._losses: list[Tensor] = []  # of the epoch's batches; looked at when it ends
