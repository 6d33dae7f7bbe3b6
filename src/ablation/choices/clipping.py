"""Gradient clipping: what is done to a gradient before the step is taken.

A rule takes gradients of a cohort, a row a cell, and changes them in place. It returns, per cell, whether anything was
clipped. A threshold is a float, or one a cell as [S, 1].

Legend: S cells, N numbers of a cell in one part of its gradient.
"""

from collections.abc import Callable, Sequence
from functools import reduce
from typing import Annotated, NamedTuple

import torch
from torch import Tensor

Threshold = Annotated[float | Tensor, "(0, inf)"]


class Gradient(NamedTuple):
    """The same numbers seen in two ways, each part an [S, N].

    Attributes:
        blocks: few and large, for what is done to all numbers alike.
        tensors: one of each weight matrix, each bias, gamma and beta.
    """

    blocks: Sequence[Tensor]
    tensors: Sequence[Tensor]


def none(gradient: Gradient) -> Tensor:
    """Leave the gradient as it is."""
    first_SN = gradient.blocks[0]
    return torch.zeros(first_SN.shape[0], dtype=torch.bool, device=first_SN.device)


def value(gradient: Gradient, *, threshold: Threshold = 1.0) -> Tensor:
    """Clip every component: g_i <- max(-c, min(c, g_i)); the direction may change (Keras' ``clipvalue``)."""
    flags = []
    for block_SN in gradient.blocks:
        flags.append((block_SN.amax(1, keepdim=True) > threshold) | (block_SN.amin(1, keepdim=True) < -threshold))
        block_SN.clamp_(-threshold, threshold)  # type: ignore[arg-type]  # torch's stub knows no union of the two
    return _any(flags)


def norm(gradient: Gradient, *, threshold: Threshold = 1.0) -> Tensor:
    """Clip each weight matrix and each vector by its own norm: g <- g min(1, c / ||g||) (Keras' ``clipnorm``)."""
    return _any([_scale_down([tensor_SN], threshold) for tensor_SN in gradient.tensors])


def global_norm(gradient: Gradient, *, threshold: Threshold = 1.0) -> Tensor:
    """Clip the whole gradient by its norm: g <- g min(1, c / ||g||) (Pascanu et al. 2013, algorithm 1)."""
    return _any([_scale_down(gradient.blocks, threshold)])


def _scale_down(parts: Sequence[Tensor], threshold: float | Tensor) -> Tensor:
    norms = [torch.linalg.vector_norm(part_SN, dim=1, keepdim=True) for part_SN in parts]
    # Added one by one, for a sum across parts is ordered in one way for one cell and in another for many. In double
    # precision the norm of a single part is that part's to the bit.
    square_S1 = norms[0].double().square()
    for norm_S1 in norms[1:]:
        square_S1 += norm_S1.double().square()
    norm_S1 = square_S1.sqrt().to(parts[0].dtype)
    # As a tensor, for a float over a tensor is a reciprocal times the float in torch, and rounds twice. This way the
    # factor is exactly 1 where the norm is at most the threshold, and such a cell keeps its bits.
    limit = torch.as_tensor(threshold, dtype=norm_S1.dtype)
    factor_S1 = (limit / norm_S1).clamp_max_(1.0)
    for part_SN in parts:
        part_SN.mul_(factor_S1)
    clipped_S1: Tensor = norm_S1 > threshold
    return clipped_S1


def _any(flags: Sequence[Tensor]) -> Tensor:
    """Return whether one of these is set, [S]; each is an [S, 1]."""
    return reduce(torch.logical_or, flags).squeeze(1)


CLIPPINGS: dict[str, Callable[..., Tensor]] = {
    "none": none,
    "value": value,
    "norm": norm,
    "global_norm": global_norm,
}

OF_THE_WHOLE = {"global_norm"}
"""The rules that must see all of a gradient at once; the others may be given it part by part."""
