"""Arrays to torch and back: devices, training samples, networks kept as plain arrays."""

from __future__ import annotations

import functools
import warnings
from typing import Any

import numpy as np
import torch

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
    x: np.ndarray, present: np.ndarray, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Return what a network is called with; no mask where no step is missing (faster)."""
    mask = None if present.all() else torch.from_numpy(present).to(device)
    return torch.from_numpy(x).to(device), mask


def to_samples(
    device: torch.device,
    x: np.ndarray,
    present: np.ndarray,
    target: np.ndarray,
    weight: np.ndarray,
) -> Samples:
    """Return training data on the device, weights scaled to mean 1."""
    y, w = torch.from_numpy(target).float(), torch.from_numpy(weight / weight.mean()).float()
    return Samples(*to_inputs(x, present, device), y.to(device), w.to(device))


def to_weights(network: Network) -> Weights:
    """Return copies of the parameters as arrays."""
    return {name: value.cpu().numpy().copy() for name, value in network.state_dict().items()}


def to_network(architecture: dict[str, Any], weights: Weights, device: torch.device) -> Network:
    """Return the network that has the given parameters."""
    network = build(architecture)
    network.load_state_dict({name: torch.from_numpy(value) for name, value in weights.items()})
    return network.to(device)
