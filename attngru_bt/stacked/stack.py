"""M networks as one: a batch for each goes in, outputs and gradients come out."""

from __future__ import annotations

import torch
from torch import Tensor

from attngru_bt.stacked.attention import Attention
from attngru_bt.stacked.cells import CELLS
from attngru_bt.stacked.memory import Memory
from attngru_bt.stacked.parameters import Shape


class Stack:
    """M networks of one shape on batches of B rows of L steps.

    Parameters
    ----------
    shape : Shape
    memory : Memory
        Where the buffers lie; those of an earlier, no longer used stack are taken over.
    n_networks, n_steps, n_rows : int

    Attributes
    ----------
    ones_x : Tensor of shape (M, L, 1 + F, B)
        To be filled with the batches; the first of 1 + F is 1.
    last : Tensor of shape (M, F, B)
        With a skip, to be filled with the factors of the last step that is there.
    gathered : Tensor of shape (B, L * (1 + F))
        Room for a batch on its way there.
    missing : bool Tensor of shape (M, L, B)
        To be filled with True where a row lacks a step.
    """

    def __init__(
        self, shape: Shape, memory: Memory, n_networks: int, n_steps: int, n_rows: int
    ) -> None:
        f, m, b = shape.n_factors, n_networks, n_rows
        self.shape = shape
        self.ones_x = memory.take("batches", m, n_steps, 1 + f, b)
        self.missing = torch.zeros(m, n_steps, b, dtype=torch.bool, device=memory.device)
        self._cell = CELLS[shape.reset](shape, memory, m, n_steps, b)
        self._attention = Attention(memory, m, n_steps, f, b) if shape.attention else None
        self._batches = self.ones_x.unbind(1)
        self._outputs = memory.take("outputs", m, 1, b)
        self.last = memory.take("last factors", m, f, b) if shape.skip else None
        self.gathered = memory.take("gathered", b, n_steps * (1 + f))
        self._gradients = {
            name: memory.take(f"gradient of {name}", m, *block)
            for name, block in shape.blocks.items()
        }

    def prepare(self) -> None:
        """Make ready after another stack has used the memory."""
        self._cell.prepare()
        self.missing.fill_(False)

    def forward(self, rows: Tensor, some_missing: bool) -> Tensor:
        """Return the outputs (M, B) of networks whose parameters are the given rows (M, P).

        `some_missing` tells whether `missing` has to be looked at.
        """
        weights = self.shape.views(rows)
        missing = self.missing.unsqueeze(2).unbind(1) if some_missing else None
        self._cell.bind(weights)
        for t, (batch, step) in enumerate(zip(self._batches, self._cell.steps, strict=True)):
            if self._attention is None:
                step.x.copy_(batch[:, 1:])
            else:
                self._attention.forward(t, weights["attention"], batch, step.x)
            self._cell.forward(t, None if missing is None else missing[t])
        torch.bmm(weights["output"].mT, self._cell.last, out=self._outputs)
        if self.last is not None:
            self._outputs.baddbmm_(weights["skip"].mT, self.last)
        return self._outputs[:, 0]

    def backward(self, rows: Tensor, slope: Tensor) -> Tensor:
        """Return the gradients (M, P), given the slopes of the losses by the outputs, (M, B).

        To be called once after `forward`, with the same rows, unchanged.
        """
        weights, gradients = self.shape.views(rows), self._gradients
        for gradient in gradients.values():
            gradient.zero_()
        slope = slope[:, None]  # (M, 1, B)
        # no product: matrix times vector is summed otherwise for one network than for many
        gradients["output"] += (self._cell.last * slope).sum(2, keepdim=True)
        if self.last is not None:
            gradients["skip"] += (self.last * slope).sum(2, keepdim=True)
        state = torch.mul(weights["output"][:, :-1], slope, out=self._cell.slope)  # (M, H, B)
        entry = None if self._attention is None else self._cell.input_weights()
        for t in reversed(range(len(self._batches))):
            state = self._cell.backward(t, gradients, state)
            if self._attention is not None and entry is not None:
                self._attention.backward(
                    t,
                    gradients["attention"],
                    self._batches[t],
                    self._cell.steps[t].x,
                    self._cell.slopes,
                    entry,
                )
        return torch.cat([gradient.flatten(1) for gradient in gradients.values()], 1)
