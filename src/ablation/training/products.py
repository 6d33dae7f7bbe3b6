"""Batched products whose every cell comes out the same, to the bit, alone or in a stack."""

from collections.abc import Sequence

import torch
from torch import Tensor

NARROW = 16
"""Columns of a product below which it is taken transposed, which is up to four times faster in MKL: its kernels run
along the columns, 16 float32 at a time, and a network's outputs are often ten."""

CACHED = 4 * 1024 * 1024
"""Bytes of a stack's parameters above which a training step no longer finds in a cache what the last one left there.
By measuring: above, ``fetch`` gains time; below, it costs some."""


def linear(x_SBI: Tensor, weight_SIO: Tensor, bias_SO: Tensor) -> Tensor:
    """Return x W + b, [S, B, O], for every cell."""
    if _is_narrow(x_SBI, weight_SIO):
        return _affine(bias_SO.unsqueeze(2), weight_SIO.transpose(1, 2), x_SBI.transpose(1, 2)).transpose(1, 2)
    return _affine(bias_SO.unsqueeze(1), x_SBI, weight_SIO)


def product(left: Tensor, right: Tensor) -> Tensor:
    """Return the matrix product of every cell, [S, rows, columns]."""
    if _is_narrow(left, right):
        return product(right.transpose(1, 2), left.transpose(1, 2)).transpose(1, 2)
    if _is_apart(left, right):
        return torch.bmm(_twice(left), _twice(right))[:1]
    return torch.bmm(left, right)


def by_column(x: Tensor) -> Tensor:
    """Return the same stack of matrices, each laid out column by column."""
    return x.transpose(1, 2).contiguous().transpose(1, 2)


def side_by_side(stacks: Sequence[Tensor]) -> Tensor:
    """Return the cells of several stacks of matrices as one, laid out as each of them is: by row or by column."""
    if all(x.mT.is_contiguous() for x in stacks):
        return torch.cat([x.mT for x in stacks]).mT
    return torch.cat([*stacks])


def product_by_column(left: Tensor, right: Tensor) -> Tensor:
    """Return the matrix product of every cell, [S, rows, columns], laid out column by column."""
    return product(right.transpose(1, 2), left.transpose(1, 2)).contiguous().transpose(1, 2)


def is_beyond_cache(like_SN: Tensor, parameters: int) -> bool:
    """Return whether a stack of as many cells as these, each of so many parameters, outgrows a CPU's cache."""
    return not like_SN.is_cuda and like_SN.shape[0] * parameters * like_SN.element_size() > CACHED


def fetch(x: Tensor) -> None:
    """Bring a tensor into the cache by reading it in order; nothing is computed from it.

    A batched product waits for main memory matrix by matrix; one pass in front of it streams several times faster.
    """
    x.sum()


def _affine(bias: Tensor, left: Tensor, right: Tensor) -> Tensor:
    if _is_apart(left, right):
        return torch.baddbmm(_twice(bias), _twice(left), _twice(right))[:1]
    return torch.baddbmm(bias, left, right)


def _is_narrow(left: Tensor, right: Tensor) -> bool:
    return right.shape[2] < NARROW <= left.shape[1]


def _is_apart(left: Tensor, right: Tensor) -> bool:
    """Whether this is a stack of one with a vector for a result; or, on a GPU, any stack of one.

    Such a product, and only such a one, takes another path in torch (a single GEMM, on a CPU one which ends in a GEMV)
    than its like in a stack of two or more (a batched GEMM), and is summed in another order.
    """
    return left.shape[0] == 1 and (left.is_cuda or left.shape[1] == 1 or right.shape[2] == 1)


def _twice(x: Tensor) -> Tensor:
    return x.expand(2, *x.shape[1:])
