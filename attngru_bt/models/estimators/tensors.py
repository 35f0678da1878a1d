"""Arrays to torch and back: devices, training samples, networks kept as plain arrays."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from attngru_bt.features.windows import Windows
from attngru_bt.models.networks import Network, build
from attngru_bt.models.training import Samples

Weights = dict[str, np.ndarray]


def choose_device(name: str) -> torch.device:
    """Return the device called "cpu", "cuda" or "auto"; without a GPU always the CPU."""
    cuda = name != "cpu" and torch.cuda.is_available()
    if name == "cuda" and not cuda:
        warn_that_there_is_no_gpu()
    return torch.device("cuda" if cuda else "cpu")


@functools.cache  # once per process: the walk-forward fits and scores every month
def warn_that_there_is_no_gpu() -> None:
    """Warn that the CPU is used instead."""
    warnings.warn(
        "device='cuda', but torch finds no usable GPU: running on the CPU.",
        RuntimeWarning,
        stacklevel=5,  # the caller of fit or predict_proba
    )


def to_inputs(
    x: Any, present: np.ndarray, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return x as (n_samples, n_features, n_steps), and a mask unless all steps are present."""
    mask = None if present.all() else torch.from_numpy(present).to(device)
    x = np.asarray(x)
    return torch.from_numpy(x).transpose(1, 2).contiguous().to(device), mask


def to_samples(
    device: torch.device,
    x: Any,
    present: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
) -> Samples:
    """Return training data on the device, weights scaled to mean 1."""
    y, w = torch.from_numpy(target).float(), torch.from_numpy(weight / weight.mean()).float()
    if isinstance(x, Windows):
        views, starts = _cut(x, device)
        return Samples(views, None, y.to(device), w.to(device), starts)
    return Samples(*to_inputs(x, present, device), y.to(device), w.to(device))


def _cut(windows: Windows, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
    """Return views (all windows there could be, features, steps) of the lines, and which are meant.

    The views overlap, so that they take no memory beside the lines.
    """
    flat, starts = windows.flat()
    with warnings.catch_warnings():
        # a worker's lines are mapped from a file, read only; nothing here writes to them
        warnings.filterwarnings("ignore", "The given NumPy array is not writable", UserWarning)
        source = torch.from_numpy(flat).to(device)
    n_lines, (_, n_steps, n_features) = flat.shape[1], windows.shape
    n_views = len(flat) - windows.store.sessions + 1
    views = source.as_strided((n_views, n_features, n_steps), (n_lines, 1, n_features))
    return views, torch.from_numpy(starts).to(device)


def to_weights(network: Network) -> Weights:
    """Return copies of the parameters of a network of one member as arrays."""
    return {name: value.cpu().numpy().copy() for name, value in network.member(0).items()}


def to_network(
    architecture: dict[str, Any], members: Sequence[Weights], device: torch.device
) -> Network:
    """Return the network whose members have the given parameters."""
    weights = [{name: torch.from_numpy(a) for name, a in member.items()} for member in members]
    return build(architecture).load_members(weights).to(device)
