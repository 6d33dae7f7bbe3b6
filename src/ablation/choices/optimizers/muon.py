"""Muon: a step along the orthogonal matrix that is nearest to the momentum (Jordan et al. 2024)."""

import math
from typing import Literal

import torch
from torch import Tensor

from ablation.choices.optimizers.adam import adam
from ablation.choices.optimizers.moments import Positive, Share, State, accumulate, per_cell

COEFFICIENTS, STEPS = (3.4445, -4.7750, 2.0315), 5
"""Of the quintic a x + b x^3 + c x^5 that is applied to all singular values, and how often."""


def muon(
    param_SP: Tensor,
    grad_SP: Tensor,
    lr_S1: Tensor,
    state: State,
    *,
    shape: tuple[int, int] | None,
    momentum: Share = 0.95,
    epsilon: Positive = 1e-7,
    scale: Literal["original", "match_rms_adamw"] = "match_rms_adamw",
) -> None:
    """v <- mu v + g; W <- W - lr scale NewtonSchulz(g + mu v) for a weight matrix; Adam's step for vectors.

    Every weight matrix is orthogonalized, the first and the last among them, which Jordan et al. leave to Adam. Vectors
    have Adam's own defaults. As ``torch.optim.Muon``, but in the parameters' own precision, not in bfloat16.

    Args:
        param_SP: W, a row a cell.
        grad_SP: its gradient.
        lr_S1: learning rate.
        state: what is remembered.
        shape: fan-in and fan-out; None for vectors.
        momentum: mu.
        epsilon: the least norm that (1 - mu)(g + mu v) is divided by.
        scale: sqrt(max(1, O / I)) as Jordan has it (original), or 0.2 sqrt(max(I, O)) (match_rms_adamw), with which a
            step is as long as Adam's, so that one learning rate serves both (Liu et al. 2025, equation 4).
    """
    if shape is None:
        adam(param_SP, grad_SP, lr_S1, state)
        return
    momentum_S1 = per_cell(momentum, lr_S1)
    velocity_SP = accumulate(state, "velocity", grad_SP, momentum_S1)
    direction_SP = grad_SP.addcmul_(velocity_SP, momentum_S1)
    orthogonal_SP = orthogonalized(direction_SP, shape, per_cell(epsilon, lr_S1) / (1.0 - momentum_S1))
    fan_in, fan_out = shape
    larger = (
        0.2 * math.sqrt(max(fan_in, fan_out)) if scale == "match_rms_adamw" else math.sqrt(max(1, fan_out / fan_in))
    )
    param_SP.addcmul_(orthogonal_SP, lr_S1 * larger, value=-1.0)


def orthogonalized(x_SP: Tensor, shape: tuple[int, int], least_S1: Tensor) -> Tensor:
    """Return U S' V^T of matrices U S V^T, all of S' between 0.7 and 1.2 where S is not small: Newton-Schulz iteration.

    Args:
        x_SP: the matrices, a row a cell; written over.
        shape: their rows and columns.
        least_S1: the least norm that they are divided by.
    """
    # The largest magnitude first, or the squares of what has vanished would add up to no norm, and of what has exploded
    # to an infinite one.
    largest_S1 = x_SP.abs().amax(1, keepdim=True).clamp_min_(torch.finfo(x_SP.dtype).tiny)
    norm_S1 = torch.linalg.vector_norm(x_SP.div_(largest_S1), dim=1, keepdim=True)
    x_SIO = x_SP.div_(torch.maximum(norm_S1, least_S1 / largest_S1)).view(-1, *shape)
    # With the smaller side first, on which the square matrices are.
    x_SIO = x_SIO if shape[0] <= shape[1] else x_SIO.transpose(1, 2)
    of_one, of_three, of_five = COEFFICIENTS
    for _ in range(STEPS):
        gram_SII = _product(x_SIO, x_SIO.transpose(1, 2))
        polynomial_SII = _product(gram_SII, gram_SII).mul_(of_five).add_(gram_SII.mul_(of_three))
        x_SIO = _product(polynomial_SII, x_SIO).add_(x_SIO.mul_(of_one))
    return (x_SIO if shape[0] <= shape[1] else x_SIO.transpose(1, 2)).reshape(x_SP.shape)


def _product(left: Tensor, right: Tensor) -> Tensor:
    """Return the product of every cell; in a stack of one, one row is summed in another order, on a GPU any."""
    if left.shape[0] == 1 and (left.is_cuda or left.shape[1] == 1):
        return torch.bmm(left.expand(2, -1, -1), right.expand(2, -1, -1))[:1]
    return torch.bmm(left, right)


RULES = {"muon": muon}
