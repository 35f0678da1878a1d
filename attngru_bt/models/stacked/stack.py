"""M networks as one: a batch for each goes in, outputs and gradients come out."""

from __future__ import annotations

import torch
from torch import Tensor

from attngru_bt.models.stacked.attention import Attention
from attngru_bt.models.stacked.cells import CELLS
from attngru_bt.models.stacked.memory import Memory
from attngru_bt.models.stacked.parameters import Shape
from attngru_bt.models.stacked.products import add_product, multiply


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
    x : Tensor of shape (M, L, F, B)
        To be filled with the batches.
    last : Tensor of shape (M, F, B)
        With a skip, to be filled with the factors of the last step that is there.
    y_weight : Tensor of shape (2, M, B)
        To be filled with y and weight.
    gathered : Tensor of shape (B, L * F)
        Room for a batch on its way there.
    missing : bool Tensor of shape (M, L, B)
        To be filled with True where a row lacks a step, if any row does.
    """

    def __init__(
        self, shape: Shape, memory: Memory, n_networks: int, n_steps: int, n_rows: int
    ) -> None:
        f, m, b = shape.n_factors, n_networks, n_rows
        ones_x = memory.take("batches", m, n_steps, 1 + f, b)
        self._ones, self.x = ones_x[:, :, 0], ones_x[:, :, 1:]
        self._ones_x, self._x = ones_x.unbind(1), self.x.unbind(1)
        self.last = memory.take("last factors", m, f, b) if shape.skip else None
        self.y_weight = memory.take("y and weight", 2, m, b)
        self.gathered = memory.take("gathered", b, n_steps * f)
        self.missing = torch.zeros(m, n_steps, b, dtype=torch.bool, device=memory.device)
        self._missing = self.missing.unsqueeze(2).unbind(1)  # (M, 1, B) each
        self._rows = memory.take("parameters", m, shape.size)
        self._gradient = memory.take("gradient", m, shape.size)
        weights, gradients = shape.views(self._rows), shape.views(self._gradient)
        self._weights, self._gradients = weights, gradients
        self._cell = CELLS[shape.reset](shape, memory, weights, gradients, n_steps, b)
        self._attention = (
            Attention(memory, weights["attention"], gradients["attention"], n_steps, b)
            if shape.attention
            else None
        )
        self._outputs = memory.take("outputs", m, 1, b)
        self._each_output = self._outputs.unbind()
        self._output_weights = weights["output"].mT.unbind()
        self._weighed = memory.take("weighed states", m, shape.n_hidden + 1, b)

    def prepare(self) -> None:
        """Make ready after another stack has used the memory."""
        self._ones.fill_(1.0)
        self._cell.prepare()

    def forward(self, rows: Tensor, some_missing: bool) -> Tensor:
        """Return the outputs (M, B) of networks whose parameters are the given rows (M, P).

        `some_missing` tells whether `missing` has to be looked at.
        """
        cell, attention = self._cell, self._attention
        self._rows.copy_(rows)
        cell.bind()
        if attention is not None:
            attention.bind()
        for t, (ones_x, x) in enumerate(zip(self._ones_x, self._x, strict=True)):
            if attention is None:
                cell.x.copy_(x)
            else:
                attention.forward(t, ones_x, x, cell.x)
            cell.forward(t, self._missing[t] if some_missing else None)
        multiply(self._output_weights, cell.h_ones.unbind(), self._each_output)
        if self.last is not None:
            add_product(self._weights["skip"].mT.unbind(), self.last.unbind(), self._each_output)
        return self._outputs[:, 0]

    def backward(self, slope: Tensor) -> Tensor:
        """Return the gradients (M, P), given the slopes of the losses by the outputs, (M, B).

        To be called once after `forward`; uses up `last`, and what the call before returned.
        """
        gradients, cell, attention = self._gradients, self._cell, self._attention
        self._gradient.zero_()
        slope = slope[:, None]  # (M, 1, B)
        weighed = torch.mul(cell.h_ones, slope, out=self._weighed)
        torch.sum(weighed, 2, keepdim=True, out=gradients["output"])
        if self.last is not None:
            torch.sum(self.last.mul_(slope), 2, keepdim=True, out=gradients["skip"])
        state = torch.mul(self._weights["output"][:, :-1], slope, out=cell.slope)  # (M, H, B)
        if attention is not None:
            cell.bind_entry()
        for t in reversed(range(len(self._x))):
            if attention is None:
                cell.x.copy_(self._x[t])
            else:
                attention.weigh(t, self._x[t], cell.x)
            state = cell.backward(t, state)
            if attention is not None:
                attention.backward(t, self._ones_x[t], cell.x, cell.slopes, cell.entry)
        return self._gradient
