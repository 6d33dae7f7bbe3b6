"""Gradient health: what one pass over a fixed probe batch tells about every hidden layer of every cell.

The definitions are those of the project's metrics page. RMS is over the batch and the layer's units. All of it is
measured in training mode, apart from the training steps, and changes nothing.
"""

import math
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from ablation.training.layers import Activation
from ablation.training.models import Mlp, Tape, Views

METRICS = (
    "delta_norm weight_grad_norm weight_norm update_ratio preact_mean preact_std act_mean act_std act_p98 "
    "dead_fraction saturated_fraction"
).split()
"""The columns of ``layer_health``, in its order."""

SATURATED_BELOW = 0.05
"""Share of the derivative's largest magnitude below which a unit-sample is saturated."""

PERCENTILE = 0.98
"""The percentile of the activation that Glorot & Bengio 2010 plot in figures 2 and 3."""

BLOCK = 8
"""Numbers of a block in the search for the percentile; near the square root of 1 / (1 - PERCENTILE), which is best."""

COLUMNS = 8192
"""Parameters of a cell whose products are taken at once."""


def probe_steps(epochs: int, steps_per_epoch: int) -> list[int]:
    """Return when to probe: 0, the powers of two, each epoch's end; the last step is the last epoch's end."""
    last = epochs * steps_per_epoch
    powers = {2**exponent for exponent in range(last.bit_length()) if 2**exponent <= last}
    return sorted({0, *powers, *range(0, last + 1, steps_per_epoch)})


def largest_derivative(activation: Activation) -> float:
    """Return the largest magnitude of the activation's derivative, over a fine grid on [-20, 20]."""
    grid = torch.linspace(-20.0, 20.0, 40_001, dtype=torch.float64)
    return float(activation(grid)[1].abs().max())


def is_bounded(activation: Activation) -> bool:
    """Return whether the activation levels off on both sides, as the logistic function and tanh do."""
    value = activation(torch.tensor([-2e4, -1e4, 1e4, 2e4], dtype=torch.float64))[0]
    return bool(abs(value[0] - value[1]) < 1.0 and abs(value[3] - value[2]) < 1.0)


def layer_health(
    model: Mlp,
    parameters: Views,
    gradients: Views,
    tape: Tape,
    deltas: list[Tensor],
    previous: Views | None,
    steepest: float,
) -> Tensor:
    """Return every metric of every hidden layer, [S, D, len(METRICS)].

    Args:
        model: the network.
        parameters: its parameters now.
        gradients: the probe batch's gradients, before clipping.
        tape: the probe batch's forward pass, pre-activations and activations kept.
        deltas: gradients with respect to the pre-activations, a layer each.
        previous: the parameters before the training step that led here; none at step 0, where no step was taken.
        steepest: the largest magnitude of the activation's derivative.
    """
    rows = []
    for place in range(model.depth):
        weight = parameters.linear[place].weight_SIO
        weight_norm = norm_per_cell(weight)
        if previous is None:
            update_ratio = torch.full_like(weight_norm, math.nan)
        else:
            before = previous.linear[place].weight_SIO
            update_ratio = norm_per_cell(weight - before) / norm_per_cell(before)
        preactivation, activation = tape.preactivations[place], tape.activations[place]
        delta = deltas[place]
        preact_mean, preact_std = _moments(preactivation)
        act_mean, act_std = _moments(activation)
        rows.append(
            torch.stack(
                [
                    norm_per_cell(delta) / math.sqrt(delta[0].numel()),
                    norm_per_cell(gradients.linear[place].weight_SIO),
                    weight_norm,
                    update_ratio,
                    preact_mean,
                    preact_std,
                    act_mean,
                    act_std,
                    _percentile(activation),
                    _dead(activation, delta),
                    _share(tape.derivatives[place].abs(), torch.lt, SATURATED_BELOW * steepest),
                ],
                dim=1,
            )
        )
    return torch.stack(rows, dim=1).to(tape.derivatives[0].dtype)


def norm_per_cell(x: Tensor) -> Tensor:
    """Return the norm of every cell's part, summed in double precision: the square of a gradient that vanishes or
    explodes lies outside what a float32 can hold long before the gradient itself does.
    """
    norm_S: Tensor = torch.linalg.vector_norm(x.flatten(1), dim=1, dtype=torch.float64)
    return norm_S


def clipping_cosine(raw_SP: Tensor, clipped_SP: Tensor) -> Tensor:
    """Return the cosine between each cell's gradient before and after clipping, [S]; NaN where one is zero."""
    inner_S = torch.zeros(raw_SP.shape[0], dtype=torch.float64, device=raw_SP.device)
    # Part by part, so that what is doubled stays small enough for a cache.
    for raw, clipped in zip(torch.split(raw_SP, COLUMNS, 1), torch.split(clipped_SP, COLUMNS, 1), strict=True):
        inner_S += raw.double().mul_(clipped).sum(1)
    return (inner_S / (norm_per_cell(raw_SP) * norm_per_cell(clipped_SP))).to(raw_SP.dtype)


def _moments(x_SBO: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and population standard deviation over batch and units, in double precision as the norms.

    One pass for both, Var = E[d^2] - E[d]^2 of the distances d from the first number, which takes the sting out of
    the difference (Chan, Golub & LeVeque 1983, section 3) and gives exactly zero where all numbers are equal.
    """
    distance = x_SBO.flatten(1).double()
    first = distance[:, :1].clone()
    distance.sub_(first)
    mean = distance.mean(1)
    square = torch.linalg.vector_norm(distance, dim=1).square_().div_(distance.shape[1])
    return mean + first.squeeze(1), square.sub_(mean.square()).clamp_min_(0.0).sqrt_()


def _percentile(x_SBO: Tensor) -> Tensor:
    """Return the nearest-rank percentile over batch and units: of n numbers the k-th largest.

    The k blocks of the largest maxima hold it, for no other block has a number above their maxima. Looking for it in
    them alone is three to eight times faster.
    """
    flat = x_SBO.flatten(1)
    n = flat.shape[1]
    k = n - max(1, math.ceil(PERCENTILE * n)) + 1
    columns = n // BLOCK
    if columns > k:
        whole = columns * BLOCK
        blocks = torch.unflatten(flat[:, :whole], 1, (BLOCK, columns))
        place = blocks.amax(1).topk(k, dim=1, sorted=False).indices
        within = blocks.gather(2, place.unsqueeze(1).expand(-1, BLOCK, -1)).flatten(1)
        flat = torch.cat([within, flat[:, whole:]], 1)
    rank = flat.shape[1] - k + 1
    if flat.is_cuda:
        return flat.kthvalue(rank, dim=1).values
    # numpy selects the same element ten times faster.
    return torch.from_numpy(np.partition(flat.numpy(), rank - 1, axis=1)[:, rank - 1].copy())


def _dead(activation_SBO: Tensor, delta_SBO: Tensor) -> Tensor:
    """Return the share of units with zero activation and zero gradient on the whole probe batch."""
    return _share(torch.maximum(activation_SBO.abs().amax(1), delta_SBO.abs().amax(1)), torch.le, 0.0)


def _share(x: Tensor, compare: Callable[..., Tensor], limit: float) -> Tensor:
    """Return the share of every cell's numbers of which a comparison is true. A comparison that writes floats, and
    their sum, are several times faster on a CPU than a mean of booleans, and as exact: counts.
    """
    return compare(x, limit, out=torch.empty_like(x)).flatten(1).mean(1)
