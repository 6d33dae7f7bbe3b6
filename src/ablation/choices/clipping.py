"""Gradient clipping: what is done to a gradient before the step is taken.

A rule takes gradients of a cohort, a row a cell, and changes them in place. It returns, per cell, whether anything was
clipped. A threshold is a float, or one a cell as [S, 1]. A rule that needs more than the gradient asks for it in its
signature. One that must see all of a gradient at once takes a ``Whole``; the others may be given it part by part.
What a rule of this file compares with its threshold, ``COMPARED`` says apart from the rule.

Legend: S cells, N numbers of a cell in one part of its gradient, R some of the cells, T tensors of a part, 1 an axis of
length one.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import reduce
from typing import Annotated, NamedTuple

import torch
from torch import Tensor

Clipping = Callable[..., Tensor]
Threshold = Annotated[float | Tensor, "(0, inf)"]


class Gradient(NamedTuple):
    """The same numbers seen in two ways, each part an [S, N].

    Attributes:
        blocks: few and large, for what is done to all numbers alike.
        tensors: one of each weight matrix, each bias, gamma and beta.
    """

    blocks: Sequence[Tensor]
    tensors: Sequence[Tensor]


Whole = Annotated[Gradient, "whole"]


def none(gradient: Gradient) -> Tensor:
    """Leave the gradient as it is."""
    first_SN = gradient.blocks[0]
    return torch.zeros(first_SN.shape[0], dtype=torch.bool, device=first_SN.device)


def value(gradient: Gradient, *, threshold: Threshold = 1.0) -> Tensor:
    """Clip every component: g_i <- max(-c, min(c, g_i)); the direction may change (Keras' ``clipvalue``)."""
    flags = []
    for block_SN in gradient.blocks:
        flags.append(torch.maximum(*_ends(block_SN)) > threshold)
        block_SN.clamp_(-threshold, threshold)  # type: ignore[arg-type]  # torch's stub knows no union of the two
    return _any(flags)


def norm(gradient: Gradient, *, threshold: Threshold = 1.0) -> Tensor:
    """Clip each weight matrix and each vector by its own norm: g <- g min(1, c / ||g||) (Keras' ``clipnorm``)."""
    if len(gradient.blocks) == 1 and gradient.blocks[0].is_cuda and not torch.compiler.is_compiling():
        return _scale_apart(gradient, threshold)
    return _any([_scale_down([tensor_SN], threshold) for tensor_SN in gradient.tensors])


def global_norm(gradient: Whole, *, threshold: Threshold = 1.0) -> Tensor:
    """Clip the whole gradient by its norm: g <- g min(1, c / ||g||) (Pascanu et al. 2013, algorithm 1)."""
    return _any([_scale_down(gradient.blocks, threshold)])


SMALLEST_LIMIT, LARGEST_NORM = 1e-12, 1e15
"""From and up to these a norm of single-precision numbers is sound where it matters. Below and above, squares that
count, or the factor, may be less than a float32 holds, or more."""


def _scale_down(parts: Sequence[Tensor], threshold: float | Tensor) -> Tensor:
    """Scale each cell's parts together down to the threshold, and return which cells were, [S, 1]."""
    dtype, looks = parts[0].dtype, can_look(parts[0])
    # Double precision needs no second look at single-precision numbers, and has none itself.
    wide = torch.float64 if not looks and dtype == torch.float32 else None
    norm_S1 = _norm(parts, wide)
    limit = _like(norm_S1, threshold)
    # As a tensor, for a float over a tensor is a reciprocal times the float in torch, and rounds twice. This way the
    # factor is exactly 1 where the norm is at most the threshold, and such a cell keeps its bits.
    factor_S1 = (limit / norm_S1).clamp_max_(1.0)
    clipped_S1: Tensor = norm_S1 > limit
    if wide is not None:
        # In two halves, for the whole may be below what a float32 holds where the result is not.
        half_S1 = factor_S1.sqrt_().to(dtype)
        for part_SN in parts:
            part_SN.mul_(half_S1).mul_(half_S1)
        return clipped_S1
    unsound_S1 = ~(norm_S1 < LARGEST_NORM) | (limit < SMALLEST_LIMIT)
    if looks and bool(unsound_S1.any()):
        rows = unsound_S1.squeeze(1).nonzero().squeeze(1)
        each = limit.expand_as(norm_S1)[rows]
        clipped_S1[rows] = _scale_down_exactly(parts, rows, each.double())
        # A factor of 1 for these, which are done.
        factor_S1 = factor_S1.masked_fill_(unsound_S1, 1.0)
    for part_SN in parts:
        part_SN.mul_(factor_S1)
    return clipped_S1


def _scale_apart(gradient: Gradient, threshold: float | Tensor) -> Tensor:
    """Scale each cell's every tensor down to the threshold, and return which cells were clipped, [S].

    As ``_scale_down`` without a look, of each tensor to the bit; but for the norms all tensors, which lie side by side
    in one block, are seen in one go, T of them.
    """
    (block_SN,), tensors = gradient
    norms = [torch.linalg.vector_norm(tensor_SN, dim=1, keepdim=True, dtype=torch.float64) for tensor_SN in tensors]
    norm_ST = torch.cat(norms, dim=1)
    limit = _like(norm_ST, threshold)
    half_ST = (limit / norm_ST).clamp_max_(1.0).sqrt_().to(block_SN.dtype)
    of_each = zip(torch.split(half_ST, 1, dim=1), tensors, strict=True)
    half_SN = torch.cat([half_S1.expand_as(tensor_SN) for half_S1, tensor_SN in of_each], dim=1)
    block_SN.mul_(half_SN).mul_(half_SN)
    return (norm_ST > limit).any(1)


def _like(norm: Tensor, threshold: float | Tensor) -> Tensor:
    """Return a threshold in a norm's precision, where that is."""
    # A number is not made a tensor on the CPU, from which a GPU would have to be brought it.
    return threshold.to(norm.dtype) if isinstance(threshold, Tensor) else norm.new_full((), threshold)


def _norm(parts: Sequence[Tensor], dtype: torch.dtype | None = None) -> Tensor:
    """Return the norm of each cell's parts together, [S, 1], in their own precision or another."""
    return _joined([torch.linalg.vector_norm(part_SN, dim=1, keepdim=True, dtype=dtype) for part_SN in parts])


def _joined(norms: Sequence[Tensor]) -> Tensor:
    """Return the norm of each cell's parts together from the norm of each part, all [S, 1]."""
    # Added one by one, for a sum across parts is ordered in one way for one cell and in another for many. In double
    # precision the norm of a single part is that part's to the bit.
    square_S1 = norms[0].double().square()
    for norm_S1 in norms[1:]:
        square_S1 += norm_S1.double().square()
    total_S1: Tensor = square_S1.sqrt().to(norms[0].dtype)
    return total_S1


def _scale_down_exactly(parts: Sequence[Tensor], rows: Tensor, limit_R1: Tensor) -> Tensor:
    """Scale these rows down to their limits, whatever their size, and return which of them were, [R, 1].

    In double precision and with the largest magnitude taken out, so that neither squares nor the factor leave what a
    number can hold.
    """
    taken = [part_SN[rows].double() for part_SN in parts]
    largest_R1 = torch.cat([part_RN.abs().amax(1, keepdim=True) for part_RN in taken], dim=1).amax(1, keepdim=True)
    unit_R1 = torch.where(torch.isfinite(largest_R1) & (largest_R1 > 0.0), largest_R1, 1.0)
    shrunk = [part_RN / unit_R1 for part_RN in taken]
    scale_R1 = limit_R1 / _norm(shrunk)
    clipped_R1 = scale_R1 < unit_R1
    # What is not a number stays none.
    keeps_R1 = scale_R1 >= unit_R1
    for part_SN, part_RN, shrunk_RN in zip(parts, taken, shrunk, strict=True):
        part_SN[rows] = torch.where(keeps_R1, part_RN, shrunk_RN * scale_R1).to(part_SN.dtype)
    return clipped_R1


def can_look(x: Tensor) -> bool:
    """Whether a look at numbers costs nothing: a GPU would have to be waited for, and a graph has none yet."""
    return not x.is_cuda and not torch.compiler.is_compiling()


def _any(flags: Sequence[Tensor]) -> Tensor:
    """Return whether one of these is set, [S]; each is an [S, 1]."""
    return reduce(torch.logical_or, flags).squeeze(1)


CLIPPINGS: dict[str, Clipping] = {
    "none": none,
    "value": value,
    "norm": norm,
    "global_norm": global_norm,
}

UNCLIPPED = "none"
"""The rule that never acts."""


class Compared(NamedTuple):
    """What a rule compares with its threshold, so that whether it would act is known where it is not applied.

    The numbers are those of the rule itself, to the bit, in single precision and where it can look at numbers.

    Attributes:
        of_part: of a part of a gradient, what counts, each an [S, 1].
        of_all: of what counts of all parts, in their order, the largest number compared, [S, 1].
        acts: whether the rule with these settings acts on any of some gradients, of all of which this is the largest
            number. Where that is not certain it counts as acting: not a number, or a norm that is no sound one.
    """

    of_part: Callable[[Gradient], Iterable[Tensor]]
    of_all: Callable[[Sequence[Tensor]], Tensor]
    acts: Callable[..., bool]


def _ends_of_part(gradient: Gradient) -> list[Tensor]:
    return [end_S1 for block_SN in gradient.blocks for end_S1 in _ends(block_SN)]


def _ends(block_SN: Tensor) -> tuple[Tensor, Tensor]:
    """Return the largest component and the smallest one's negative: the larger of them is the largest magnitude."""
    return block_SN.amax(1, keepdim=True), block_SN.amin(1, keepdim=True).neg_()


def _largest(numbers: Sequence[Tensor]) -> Tensor:
    largest_S1: Tensor = torch.cat([*numbers], dim=1).amax(1, keepdim=True)
    return largest_S1


def _component_acts(largest: float, *, threshold: float) -> bool:
    return not bool(torch.tensor(largest, dtype=torch.float32) <= threshold)


def _norms_of_tensors(gradient: Gradient) -> list[Tensor]:
    return [torch.linalg.vector_norm(tensor_SN, dim=1, keepdim=True) for tensor_SN in gradient.tensors]


def _norms_of_blocks(gradient: Gradient) -> list[Tensor]:
    return [torch.linalg.vector_norm(block_SN, dim=1, keepdim=True) for block_SN in gradient.blocks]


def _norm_acts(largest: float, *, threshold: float) -> bool:
    norm, limit = (torch.tensor(number, dtype=torch.float32) for number in (largest, threshold))
    sound = (norm < LARGEST_NORM) & (limit >= SMALLEST_LIMIT)
    return not bool(sound & (norm <= limit))


COMPARED: dict[str, Compared] = {
    "value": Compared(_ends_of_part, _largest, _component_acts),
    "norm": Compared(_norms_of_tensors, _largest, _norm_acts),
    "global_norm": Compared(_norms_of_blocks, _joined, _norm_acts),
}
"""Of the rules that can say so, what they compare; cells that another rule clips are always trained."""
