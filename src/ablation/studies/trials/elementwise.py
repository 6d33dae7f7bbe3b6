"""An activation tried before it is trained with: is it a function of each number alone?"""

from collections.abc import Callable

import torch
from torch import Tensor

from ablation.choices.activations import ACTIVATIONS
from ablation.studies.trials.results import WrongResultError
from ablation.training.elementwise import activation_of
from ablation.training.spec import Level, bind

CELLS, EXAMPLES, UNITS = 5, 7, 13
"""Sizes of the tensor that an activation is tried on; odd, so that no cell ends where a vector does."""


class NotElementwiseError(ValueError):
    """An activation is no function of each number alone."""


def check_elementwise(level: Level) -> None:
    """Try an activation on a stack of cells, on each of them alone, and on another order of numbers.

    Raises:
        WrongResultError: it returns what it must not; likewise
        NotElementwiseError: saying what it does that it must not.
    """
    activation, plain = activation_of(level), bind(ACTIVATIONS, level)
    draw = torch.Generator().manual_seed(0)
    x_SBO = 3.0 * torch.randn(CELLS, EXAMPLES, UNITS, generator=draw)
    for name, part in zip(("value", "derivative"), _tried(plain, x_SBO), strict=True):
        if not bool(torch.isfinite(part).all()):
            raise WrongResultError(f"its {name} is not finite for numbers about 0")
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
        raise WrongResultError("must return two tensors, its value and its derivative")
    for name, part in zip(("value", "derivative"), result, strict=True):
        if part.shape != x.shape or part.dtype != x.dtype:
            found = f"{list(part.shape)} of {part.dtype}"
            raise WrongResultError(f"its {name} must have the shape and type of its input, and is {found}")
    # A copy, for it may be its own input.
    return [part.clone() for part in result]
