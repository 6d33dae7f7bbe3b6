"""Tensors with which a graph is traced, laid out as those that it will be called with."""

import torch
from torch import Tensor

from ablation.training.products import by_column

CELLS, BATCH, UNITS, FAN_IN, CLASSES = 16, 64, 100, 90, 10
"""Sizes with which a graph is traced. It fits any others; they only hint at what is large."""

SIZE = FAN_IN * UNITS
"""Numbers of a weight matrix of these."""


def row(device: torch.device) -> Tensor:
    """Return a vector a unit, as it lies in the flat matrix of all parameters."""
    return torch.zeros(CELLS, 3 * UNITS + 1, device=device)[:, :UNITS]


def weight(device: torch.device) -> Tensor:
    """Return a weight matrix, as it lies there."""
    return torch.zeros(CELLS, SIZE + 1, device=device)[:, :SIZE].view(CELLS, FAN_IN, UNITS)


def by_unit(device: torch.device, units: int = UNITS) -> Tensor:
    """Return a layer's values, every unit's of the whole batch side by side."""
    return by_column(torch.zeros(CELLS, BATCH, units, device=device))
