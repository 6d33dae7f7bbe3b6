"""Batched products whose every cell comes out the same, to the bit, alone or in a stack."""

import torch
from torch import Tensor


def linear(x_SBI: Tensor, weight_SIO: Tensor, bias_SO: Tensor) -> Tensor:
    """Return x W + b, [S, B, O], for every cell."""
    bias_S1O = bias_SO.unsqueeze(1)
    if _is_vector_product(x_SBI, weight_SIO):
        return torch.baddbmm(_twice(bias_S1O), _twice(x_SBI), _twice(weight_SIO))[:1]
    return torch.baddbmm(bias_S1O, x_SBI, weight_SIO)


def product(left: Tensor, right: Tensor) -> Tensor:
    """Return the matrix product of every cell, [S, rows, columns]."""
    if _is_vector_product(left, right):
        return torch.bmm(_twice(left), _twice(right))[:1]
    return torch.bmm(left, right)


def _is_vector_product(left: Tensor, right: Tensor) -> bool:
    """Whether this is a stack of one with a vector for a result.

    Such a product, and only such a one, takes another path in torch (a single GEMM, which ends in a GEMV) than its
    like in a stack of two or more (a batched GEMM), and is summed in another order.
    """
    return left.shape[0] == 1 and (left.shape[1] == 1 or right.shape[2] == 1)


def _twice(x: Tensor) -> Tensor:
    return x.expand(2, *x.shape[1:])
