"""One network in training: its place in the epoch, its learning rate, its history."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from attngru_bt.models.networks.members import whole_vectors
from attngru_bt.models.training.samples import Job, Record, Samples


@dataclass(frozen=True)
class Course:
    """How networks are trained; see `attngru_bt.models.training.train`."""

    max_epochs: int
    batch_size: int
    lr: float
    patience: int
    schedule: str
    n_averaged: int = 1


class Batches:
    """Rows of samples in batches of equal size (± 1), filled up to B rows by rows of weight 0.

    Parameters
    ----------
    samples : Samples
    n_batches : int
    n_rows : int
        B.

    Attributes
    ----------
    shares : list of float
        Share of all rows that is in each batch.
    """

    def __init__(self, samples: Samples, n_batches: int, n_rows: int) -> None:
        self._samples = samples
        n_samples = len(samples.y)
        sizes = [len(part) for part in torch.arange(n_samples).tensor_split(n_batches)]
        self.shares = [size / n_samples for size in sizes]
        size = torch.tensor(sizes)[:, None]
        in_batch = torch.arange(n_rows)[None]  # (1, B)
        places = size.cumsum(0) - size + in_batch
        self._places = torch.where(in_batch < size, places, 0)  # (n_batches, B)
        # weights are divided by the rows that count: losses summed over a batch are its mean
        weight = torch.where(in_batch < size, 1.0 / size.double(), 0.0)
        self._weight = weight.to(samples.weight)
        self.order(torch.arange(n_samples))

    def order(self, order: Tensor) -> None:
        """Take the rows in this order from now on."""
        samples = self._samples
        rows = order[self._places].to(samples.x.device)  # (n_batches, B)
        weight = samples.weight[rows] * self._weight
        y_weight = torch.stack([samples.y[rows], weight], 1)  # (n_batches, 2, B)
        rows = rows if samples.places is None else samples.places[rows]
        self._rows, self._y_weight = rows.unbind(), y_weight.unbind()

    def load(self, batch: int, place: tuple[Tensor, ...], some_missing: bool) -> None:
        """Copy a batch into a member's place in a stack.

        Parameters
        ----------
        batch : int
        place : tuple of Tensor
            x (F L, B), present (L, B), and y and weight (2, B).
        some_missing : bool
            Whether a step of any member's row is missing; if not, `present` is not looked at.
        """
        x, present, y_weight = place
        rows = self._rows[batch]
        x.copy_(self._samples.x.index_select(0, rows).flatten(1).T)
        y_weight.copy_(self._y_weight[batch])
        if not some_missing:
            return
        if self._samples.present is None:
            present.fill_(True)
        else:
            present.copy_(self._samples.present.index_select(0, rows).T)


class Trainee:
    """A network in training: number `number` of the jobs."""

    def __init__(self, number: int, job: Job, course: Course) -> None:
        self.number, self.job, self.course = number, job, course
        n_samples = len(job.samples.y)
        self.n_batches = -(-n_samples // course.batch_size)
        # filled up, so that no vector of the processor is cut short
        self.n_rows = whole_vectors(n_samples if self.n_batches == 1 else course.batch_size)
        self.batches = Batches(job.samples, self.n_batches, self.n_rows)
        self.validation: Batches | None = None
        if job.validation is not None:
            n_blocks = -(-len(job.validation.y) // self.n_rows)
            self.validation = Batches(job.validation, n_blocks, self.n_rows)
        x = job.samples.x
        architecture = tuple(sorted(job.network.architecture.items()))
        # what networks that are trained side by side have in common
        self.key = (architecture, x.shape[1:], self.n_rows, x.dtype, x.device)
        self.history: list[Record] = []
        self.best: Tensor | None = None
        self._best_loss, self._best_epoch = float("inf"), 0
        self._begin_epoch()

    @property
    def some_missing(self) -> bool:
        """Whether any step of any row is missing."""
        parts = (self.job.samples, self.job.validation)
        return any(part is not None and part.present is not None for part in parts)

    @property
    def rate(self) -> float:
        """Learning rate of the next step."""
        lr = self.course.lr
        if self.course.schedule != "cosine":
            return lr
        step = len(self.history) * self.n_batches + self.batch
        return lr / 2 * (1 + math.cos(math.pi * step / (self.course.max_epochs * self.n_batches)))

    def advance(self, loss: float, seconds: float) -> bool:
        """Note what the batch cost; return whether the epoch has ended."""
        self.loss += loss * self.batches.shares[self.batch]
        self.seconds += seconds
        self.batch += 1
        return self.batch == self.n_batches

    def end_epoch(self, row: Tensor, val_loss: float | None) -> bool:
        """Record the epoch, remember the best; return whether the training has ended.

        Parameters
        ----------
        row : Tensor of shape (P,)
            The parameters now.
        val_loss : float or None
        """
        job, epoch = self.job, len(self.history) + 1
        record = {
            "epoch": epoch,
            "loss": self.loss,
            "val_loss": val_loss,
            "seconds": self.seconds,
        }
        self.history.append(record)
        if job.progress is not None:
            job.progress(record)
        if not math.isfinite(self.loss):
            raise FloatingPointError(
                f"training diverged: the loss is {self.loss} in epoch {epoch}; lower `lr` (got "
                f"{self.course.lr}) or scale X (its largest absolute value is "
                f"{job.samples.largest():.3g})."
            )
        if val_loss is not None:
            if val_loss < self._best_loss:
                self._best_loss, self._best_epoch, self.best = val_loss, epoch, row.clone()
            elif epoch - self._best_epoch >= self.course.patience:
                return True
        left = self.course.max_epochs - epoch
        if val_loss is None and left < self.course.n_averaged:
            # the running mean over the epochs averaged so far, of which this is number `count`
            count = self.course.n_averaged - left
            self.best = row.clone() if self.best is None else self.best.lerp(row, 1 / count)
        if left == 0:
            return True
        self._begin_epoch()
        return False

    def _begin_epoch(self) -> None:
        """Shuffle the rows and start counting anew."""
        order = torch.randperm(len(self.job.samples.y), generator=self.job.generator)
        self.batches.order(order)
        self.batch, self.loss, self.seconds = 0, 0.0, 0.0
