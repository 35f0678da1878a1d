"""Arithmetic over the members of a stack of networks, in which no member affects the others.

The first axis of every tensor is that of the M members. A batched matrix product would be one call,
but a BLAS may choose its kernel, and with it the order of its sums, by how many matrices there are:
the bits of a member would then depend on its company. Here each member has matrix products of its
own, whose sizes, strides and alignment do not depend on the others. Everything else is elementwise,
or a sum along a member's own numbers. Both give the same bits at every position as long as a
member's rows fill whole vectors of the processor, which `whole_vectors` sees to.
"""

from __future__ import annotations

from collections.abc import Iterable
from math import prod
from typing import Any

import torch
from torch import Tensor

VECTOR = 32  # numbers that a vectorized loop of torch takes at most at once: two cache lines


def whole_vectors(n: int) -> int:
    """Return n rounded up to a multiple of `VECTOR`."""
    return -(-n // VECTOR) * VECTOR


def empty_weights(like: Tensor, n_members: int, *sizes: int) -> Tensor:
    """Return an empty tensor for weights (M, …), each member's part with the same alignment."""
    n = prod(sizes)
    return like.new_empty(n_members, whole_vectors(n))[:, :n].view(n_members, *sizes)


def mm(left: Iterable[Tensor], right: Iterable[Tensor], out: Iterable[Tensor]) -> None:
    """Write the product of each member's two matrices to its part of `out`."""
    for a, b, product in zip(left, right, out, strict=True):
        torch.mm(a, b, out=product)


def addmm_(total: Iterable[Tensor], left: Iterable[Tensor], right: Iterable[Tensor]) -> None:
    """Add the product of each member's two matrices to its part of `total`."""
    for sum_, a, b in zip(total, left, right, strict=True):
        sum_.addmm_(a, b)


def affine(weight: Tensor, x: Iterable[Tensor], bias: Tensor, out: Iterable[Tensor]) -> None:
    """Write weightᵀ x + bias of each member to its part of `out`."""
    each = weight.mT.unbind(), bias[..., None].unbind()
    for w, b, columns, sum_ in zip(*each, x, out, strict=True):
        torch.addmm(b, w, columns, out=sum_)


class _Linear(torch.autograd.Function):
    """See `linear`, with x (M, K, C)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        out = x.new_empty(weight.shape[0], weight.shape[2], x.shape[2])  # (M, N, C)
        if bias is None:
            mm(weight.mT.unbind(), x.unbind(), out.unbind())
        else:
            affine(weight, x.unbind(), bias, out.unbind())
        ctx.save_for_backward(x, weight)
        return out

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        slope = slopes[0].contiguous()  # (M, N, C)
        x_slope = weight_slope = bias_slope = None
        if ctx.needs_input_grad[0]:
            x_slope = torch.empty_like(x)
            mm(weight.unbind(), slope.unbind(), x_slope.unbind())
        if ctx.needs_input_grad[1]:
            weight_slope = empty_weights(weight, *weight.shape)
            mm(x.unbind(), slope.mT.unbind(), weight_slope.unbind())
        if ctx.needs_input_grad[2]:
            bias_slope = slope.sum(2)
        return x_slope, weight_slope, bias_slope


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return weightᵀ x + bias of each member, over all its columns.

    Parameters
    ----------
    x : Tensor of shape (M, K, ...)
        Units before rows: x[m, :, i] is a column of K inputs.
    weight : Tensor of shape (M, K, N)
    bias : Tensor of shape (M, N), optional

    Returns
    -------
    Tensor of shape (M, N, ...)
    """
    out: Tensor = _Linear.apply(x.flatten(2), weight, bias)  # type: ignore[no-untyped-call]
    return out if x.ndim == 3 else out.view(*out.shape[:2], *x.shape[2:])
