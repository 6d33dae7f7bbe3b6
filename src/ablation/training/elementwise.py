"""Activations, applied so that a number depends neither on its place in a tensor nor on its neighbours.

Torch computes most functions of a tensor in vectors of the processor, and what is left over at the end of the memory
one by one: ``torch.sigmoid`` and ``torch.tanh`` round otherwise there. What is left over depends on how many cells are
stacked. So an activation that is not known to be indifferent to that is given a tensor that has no rest, and one that
looks at more than its own number is refused.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ablation.choices.activations import ACTIVATIONS
from ablation.training.layers import Activation
from ablation.training.spec import Level, bind

INDIFFERENT = frozenset("identity logistic tanh relu leaky_relu elu selu gelu silu softplus".split())
"""The activations whose every operation rounds alike wherever a number lies; a test holds each of them to it."""

VECTORS = 64
"""Numbers of which a tensor without a rest has a multiple: what torch takes in one go, and more."""

CELLS, EXAMPLES, UNITS = 5, 7, 13
"""Sizes of the tensor that an activation is tried on; odd, so that no cell ends where a vector does."""


class NotElementwiseError(ValueError):
    """An activation is no function of each number alone."""


def activation_of(level: Level) -> Activation:
    """Return a level's activation, a function of each number alone."""
    function = bind(ACTIVATIONS, level)
    return function if level.kind in INDIFFERENT else partial(_without_rest, function)


def check_elementwise(level: Level) -> None:
    """Try an activation that is not known on a stack of cells, on each of them alone, and on another order of numbers.

    Raises:
        NotElementwiseError: saying what it does that it must not.
    """
    if level.kind in INDIFFERENT:
        return
    activation, plain = activation_of(level), bind(ACTIVATIONS, level)
    draw = torch.Generator().manual_seed(0)
    x_SBO = 3.0 * torch.randn(CELLS, EXAMPLES, UNITS, generator=draw)
    for name, part in zip(("value", "derivative"), _tried(plain, x_SBO), strict=True):
        if not bool(torch.isfinite(part).all()):
            raise NotElementwiseError(f"its {name} is not finite for numbers about 0")
    together = _tried(activation, x_SBO)
    order = torch.randperm(x_SBO.numel(), generator=draw)
    for what, given, expected in (
        ("another time", x_SBO, together),
        ("among other numbers", x_SBO[2:3], [part[2:3] for part in together]),
        ("in another place", x_SBO.flatten()[order], [part.flatten()[order] for part in together]),
    ):
        if not all(map(torch.equal, _tried(activation, given), expected)):
            raise NotElementwiseError(f"the same number gives another result {what}")


def _tried(activation: Callable[..., object], x: Tensor) -> list[Tensor]:
    given = x.clone()
    result = activation(given)
    if not (isinstance(result, tuple | list) and len(result) == 2 and all(isinstance(part, Tensor) for part in result)):
        raise NotElementwiseError("it must return two tensors, its value and its derivative")
    for name, part in zip(("value", "derivative"), result, strict=True):
        if part.shape != x.shape or part.dtype != x.dtype:
            found = f"{list(part.shape)} of {part.dtype}"
            raise NotElementwiseError(f"its {name} must have the shape and type of its input, and is {found}")
    # A copy, for it may be its own input.
    return [part.clone() for part in result]


def _without_rest(function: Activation, x: Tensor) -> tuple[Tensor, Tensor]:
    rest = -x.numel() % VECTORS
    if torch.compiler.is_compiling():  # a graph's rest is taken in vectors too
        return function(x)
    flat = x.reshape(-1)
    if rest:
        flat = torch.cat([flat, flat.new_zeros(rest)])
    value, derivative = function(flat)
    return value[: x.numel()].view(x.shape), derivative[: x.numel()].view(x.shape)
