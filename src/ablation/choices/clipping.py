"""Gradient clipping: what is done to a gradient before the step is taken.

A rule takes all gradients of a cohort as one matrix, a row a cell, and changes it in place. It returns, per cell,
whether anything was clipped. A threshold is a float, or one a cell as [S, 1].

Legend: S cells, P parameters of a cell.
"""

from collections.abc import Callable, Sequence
from typing import Annotated

import torch
from torch import Tensor

Threshold = Annotated[float | Tensor, "(0, inf)"]


def none(grad_SP: Tensor, tensors: Sequence[slice]) -> Tensor:
    """Leave the gradient as it is."""
    return torch.zeros(grad_SP.shape[0], dtype=torch.bool, device=grad_SP.device)


def value(grad_SP: Tensor, tensors: Sequence[slice], *, threshold: Threshold = 1.0) -> Tensor:
    """Clip every component: g_i <- max(-c, min(c, g_i)); the direction may change (Keras' ``clipvalue``)."""
    largest_S1 = torch.maximum(grad_SP.amax(1, keepdim=True), grad_SP.amin(1, keepdim=True).neg_())
    grad_SP.clamp_(-threshold, threshold)  # type: ignore[arg-type]  # torch's stub knows no union of the two
    return (largest_S1 > threshold).squeeze(1)


def norm(grad_SP: Tensor, tensors: Sequence[slice], *, threshold: Threshold = 1.0) -> Tensor:
    """Clip each weight matrix and each bias by its own norm: g <- g min(1, c / ||g||) (Keras' ``clipnorm``).

    ``tensors`` are the columns of ``grad_SP`` that make up each of them.
    """
    clipped_S = torch.zeros(grad_SP.shape[0], dtype=torch.bool, device=grad_SP.device)
    for columns in tensors:
        clipped_S |= _scale_down(grad_SP[:, columns], threshold)
    return clipped_S


def global_norm(grad_SP: Tensor, tensors: Sequence[slice], *, threshold: Threshold = 1.0) -> Tensor:
    """Clip the whole gradient by its norm: g <- g min(1, c / ||g||) (Pascanu et al. 2013, algorithm 1)."""
    return _scale_down(grad_SP, threshold)


def _scale_down(grad_SP: Tensor, threshold: float | Tensor) -> Tensor:
    norm_S1 = torch.linalg.vector_norm(grad_SP, dim=1, keepdim=True)
    # As a tensor, for a float over a tensor is a reciprocal times the float in torch, and rounds twice. This way the
    # factor is exactly 1 where the norm is at most the threshold, and such a cell keeps its bits.
    limit = torch.as_tensor(threshold, dtype=norm_S1.dtype)
    grad_SP.mul_((limit / norm_S1).clamp_max_(1.0))
    clipped_S1: Tensor = norm_S1 > threshold
    return clipped_S1.squeeze(1)


CLIPPINGS: dict[str, Callable[..., Tensor]] = {
    "none": none,
    "value": value,
    "norm": norm,
    "global_norm": global_norm,
}
