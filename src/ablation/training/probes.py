"""Gradient health: what one pass over a fixed probe batch tells about every hidden layer of every cell.

The definitions are those of the project's metrics page. RMS is over the batch and the layer's units. All of it is
measured in training mode, apart from the training steps, and changes nothing.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.clipping import can_look
from ablation.training.elementwise import Activation
from ablation.training.networks.network import LayerProbe
from ablation.training.spec import Level, bind

METRICS = (
    "delta_norm weight_grad_norm weight_norm update_ratio preact_mean preact_std act_mean act_std act_p98 "
    "dead_fraction saturated_fraction"
).split()
"""What ``layer_health`` gives, in the order in which it is kept."""

SUMMARY = [name for name in METRICS if name != "act_p98"]
"""What ``summary`` returns, in its order."""

SATURATED_BELOW = 0.05
"""Share of the derivative's largest magnitude below which a unit-sample is saturated."""

PERCENTILE = 0.98
"""The percentile of the activation that Glorot & Bengio 2010 plot in figures 2 and 3."""

BLOCK = 8
"""Numbers of a block in the search for the percentile; near the square root of 1 / (1 - PERCENTILE), which is best."""

COLUMNS, CUDA_COLUMNS = 8192, 2**17
"""Numbers of a cell that are made doubles at once, on a CPU and on a GPU."""

SMALLEST_NORM, LARGEST_NORM = 1e-12, 1e15
"""Within these a norm of float32 numbers is sound: squares that underflow, below 1e-38, are no part of its digits."""

SHARP = 0.01
"""Share of the mean square that a variance must have for single precision to have told the two apart."""


def largest_derivative(activation: Activation) -> float:
    """Return the largest magnitude of the activation's derivative, over a fine grid on [-20, 20]."""
    grid = torch.linspace(-20.0, 20.0, 40_001, dtype=torch.float64)
    return float(activation(grid)[1].abs().max())


def limits_in_stack(levels: Sequence[Level], device: torch.device) -> Tensor:
    """Return the magnitude of the derivative below which a unit-sample of each cell is saturated.

    Args:
        levels: each cell's activation.
        device: where the cells are trained.

    Returns:
        One number where all cells have the same activation, else one a cell, [S, 1, 1]; float32.
    """
    found: list[tuple[Level, float]] = []
    for level in levels:
        if all(level != other for other, _ in found):
            found.append((level, SATURATED_BELOW * largest_derivative(bind(ACTIVATIONS, level))))
    if len(found) == 1:
        return torch.tensor(found[0][1], device=device)
    each = [next(limit for other, limit in found if other == level) for level in levels]
    return torch.tensor(each, device=device).view(-1, 1, 1)


def is_bounded(activation: Activation) -> bool:
    """Return whether the activation levels off on both sides, as the logistic function and tanh do."""
    value = activation(torch.tensor([-2e4, -1e4, 1e4, 2e4], dtype=torch.float64))[0]
    return bool(abs(value[0] - value[1]) < 1.0 and abs(value[3] - value[2]) < 1.0)


def layer_health(
    weight_SIO: Tensor,
    before_SIO: Tensor | None,
    weight_grad_SIO: Tensor,
    probe: LayerProbe,
    limit: Tensor,
    summarize: Callable[..., Sequence[Tensor]],
) -> dict[str, Tensor]:
    """Return every metric of one hidden layer, [S] each.

    Args:
        weight_SIO: the layer's weights now.
        before_SIO: those before the training step that led here; none at step 0, where no step was taken.
        weight_grad_SIO: the probe batch's gradient of the weights, before clipping.
        probe: what its passes there and back have left of the layer.
        limit: magnitude of the derivative below which a unit-sample is saturated.
        summarize: ``summary``, or what it was compiled to.
    """
    before = weight_SIO if before_SIO is None else before_SIO
    of_units = probe.activation_SBO, probe.preactivation_SBO, probe.derivative_SBO, probe.delta_SBO
    values = dict(zip(SUMMARY, summarize(weight_SIO, before, weight_grad_SIO, *of_units, limit), strict=True))
    values["act_p98"] = _percentile(probe.activation_SBO)
    if before_SIO is None:
        values["update_ratio"] = torch.full_like(values["weight_norm"], math.nan)
    return values


def summary(
    weight_SIO: Tensor,
    before_SIO: Tensor,
    weight_grad_SIO: Tensor,
    activation_SBO: Tensor,
    preactivation_SBO: Tensor,
    derivative_SBO: Tensor,
    delta_SBO: Tensor,
    limit: Tensor,
) -> tuple[Tensor, ...]:
    """Return what ``SUMMARY`` names of one layer, [S] each: every metric but the percentile."""
    preact_mean_S, preact_std_S = _moments(preactivation_SBO)
    act_mean_S, act_std_S = _moments(activation_SBO)
    return (
        norm_per_cell(_flat(delta_SBO)).square().div_(delta_SBO.shape[1] * delta_SBO.shape[2]).sqrt_(),
        norm_per_cell(weight_grad_SIO),
        norm_per_cell(weight_SIO),
        norm_per_cell(weight_SIO - before_SIO) / norm_per_cell(before_SIO),
        preact_mean_S,
        preact_std_S,
        act_mean_S,
        act_std_S,
        _dead(activation_SBO, delta_SBO),
        _share(derivative_SBO.abs(), torch.lt, limit),
    )


def _flat(x: Tensor) -> Tensor:
    """Return every cell's numbers, [S, N], in the order in which they lie: that of a matrix, by row or by column."""
    lies_by_column = x.dim() == 3 and x.mT.is_contiguous()
    return (x.mT if lies_by_column else x).flatten(1)


def norm_per_cell(x: Tensor) -> Tensor:
    """Return the norm of every cell's part, as doubles.

    The square of a gradient that vanishes or explodes lies outside what a float32 can hold long before the gradient
    itself does. So what a single-precision sum gives is kept only where it is well inside; a cell outside is summed in
    double precision, at four times the cost.
    """
    flat = x.flatten(1)
    if can_look(flat):
        norm_S: Tensor = torch.linalg.vector_norm(flat, dim=1)
        inside_S = (norm_S > SMALLEST_NORM) & (norm_S < LARGEST_NORM)
        if bool(inside_S.all()):
            return norm_S.double()
        return torch.where(inside_S, norm_S.double(), _double_norm(flat))
    return _double_norm(flat)


def _double_norm(x_SN: Tensor) -> Tensor:
    if torch.compiler.is_compiling():
        return x_SN.double().square().sum(1).sqrt()
    # Part by part, so that what is doubled stays small enough for a cache, and for memory kept from before.
    parts: list[Tensor] = [torch.linalg.vector_norm(part, dim=1, dtype=torch.float64) for part in in_columns(x_SN)]
    if len(parts) == 1:
        (only_S,) = parts
        return only_S
    norm_S: Tensor = torch.linalg.vector_norm(torch.stack(parts, dim=1), dim=1)
    return norm_S


def in_columns(x_SN: Tensor) -> Sequence[Tensor]:
    """Return every cell's numbers in parts that are small enough to be made doubles at once."""
    return torch.split(x_SN, CUDA_COLUMNS if x_SN.is_cuda else COLUMNS, dim=1)


def norm_of_parts(parts: Sequence[Tensor]) -> Tensor:
    """Return the norm of every cell's gradient, given in parts, [S, N] each, as doubles."""
    # Added one by one: a sum across parts would be ordered in one way for one cell and in another for many.
    square_S = norm_per_cell(parts[0]).square()
    for part in parts[1:]:
        square_S += norm_per_cell(part).square()
    return square_S.sqrt()


def clipping_cosine(raw: Sequence[Tensor], clipped: Sequence[Tensor]) -> Tensor:
    """Return the cosine between each cell's gradient before and after clipping, [S]; NaN where one is zero.

    Both are given in the same parts, [S, N] each.
    """
    inner_S = torch.zeros(raw[0].shape[0], dtype=torch.float64, device=raw[0].device)
    for raw_SN, clipped_SN in zip(raw, clipped, strict=True):
        for one, other in zip(in_columns(raw_SN), in_columns(clipped_SN), strict=True):
            inner_S += one.double().mul_(other).sum(1)
    return (inner_S / (norm_of_parts(raw) * norm_of_parts(clipped))).to(raw[0].dtype)


def _moments(x_SBO: Tensor) -> tuple[Tensor, Tensor]:
    """Return mean and population standard deviation over batch and units, as doubles.

    One pass for both, Var = E[d^2] - E[d]^2 of the distances d from the first number, which takes the sting out of
    the difference (Chan, Golub & LeVeque 1983, section 3) and gives exactly zero where all numbers are equal. Where
    the first number lies so far off that the difference is small all the same, double precision has digits to spare.
    """
    flat = _flat(x_SBO)
    distance = flat - flat[:, :1]
    mean_S, variance_S, square_S = _about_first(distance)
    if can_look(flat):
        sharp_S = variance_S > SHARP * square_S
        if not bool(sharp_S.all()):
            exact_mean_S, exact_variance_S, _ = _about_first(distance.double())
            mean_S = torch.where(sharp_S, mean_S, exact_mean_S)
            variance_S = torch.where(sharp_S, variance_S, exact_variance_S)
    return mean_S + flat[:, 0], variance_S.clamp_min_(0.0).sqrt_()


def _about_first(distance_SN: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return the distances' mean, their variance and the mean of their squares."""
    if not can_look(distance_SN):
        distance_SN = distance_SN.double()
    mean_S = distance_SN.mean(1).double()
    square_S = norm_per_cell(distance_SN).square().div_(distance_SN.shape[1])
    return mean_S, square_S - mean_S.square(), square_S


def _percentile(x_SBO: Tensor) -> Tensor:
    """Return the nearest-rank percentile over batch and units: of n numbers the k-th largest.

    The k blocks of the largest maxima hold it, for no other block has a number above their maxima. Looking for it in
    them alone is three to eight times faster.
    """
    flat = _flat(x_SBO)
    n = flat.shape[1]
    k = n - max(1, math.ceil(PERCENTILE * n)) + 1
    columns = n // BLOCK
    if columns > k:
        whole = columns * BLOCK
        blocks = torch.unflatten(flat[:, :whole], 1, (BLOCK, columns))
        place = blocks.amax(1).topk(k, dim=1, sorted=False).indices
        within = blocks.gather(2, place.unsqueeze(1).expand(-1, BLOCK, -1)).flatten(1)
        flat = torch.cat([within, flat[:, whole:]], 1)
    return flat.topk(k, dim=1, sorted=False).values.amin(1)


def _dead(activation_SBO: Tensor, delta_SBO: Tensor) -> Tensor:
    """Return the share of units with zero activation and zero gradient on the whole probe batch."""
    largest_SO = _largest(activation_SBO)
    # Where no unit is without activation, none is dead, and the gradients need not be looked at.
    if not can_look(largest_SO) or bool((largest_SO == 0.0).any()):
        largest_SO = torch.maximum(largest_SO, _largest(delta_SBO))
    return _share(largest_SO, torch.le, 0.0)


def _largest(x_SBO: Tensor) -> Tensor:
    """Return the largest magnitude over the batch, [S, O]."""
    return x_SBO.abs().amax(1)


def _share(x: Tensor, compare: Callable[..., Tensor], limit: float | Tensor) -> Tensor:
    """Return the share of every cell's numbers of which a comparison is true. A comparison that writes floats, and
    their sum, are several times faster on a CPU than a mean of booleans, and as exact: counts.
    """
    return _flat(compare(x, limit, out=torch.empty_like(x))).mean(1)
