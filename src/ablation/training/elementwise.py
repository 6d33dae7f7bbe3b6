"""Activations, applied so that a number depends neither on its place in a tensor nor on its neighbours.

Torch computes most functions of a tensor in vectors of the processor, and what is left over at the end of the memory
one by one: ``torch.sigmoid`` and ``torch.tanh`` round otherwise there. What is left over depends on how many cells are
stacked. So an activation that is not known to be indifferent to that is given a tensor that has no rest.
"""

from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from ablation.choices.activations import ACTIVATIONS, INDIFFERENT
from ablation.training.spec import Level, bind

Activation = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Pre-activations to values and derivatives."""

VECTORS = 64
"""Numbers of which a tensor without a rest has a multiple: what torch takes in one go, and more."""


def activation_of(level: Level) -> Activation:
    """Return a level's activation, a function of each number alone."""
    function = bind(ACTIVATIONS, level)
    return function if level.kind in INDIFFERENT else partial(_without_rest, function)


def _without_rest(function: Activation, x: Tensor) -> tuple[Tensor, Tensor]:
    rest = -x.numel() % VECTORS
    if torch.compiler.is_compiling():  # a graph's rest is taken in vectors too
        return function(x)
    # A copy in any case, for it may work in place, and its input is looked at by probes.
    flat = torch.cat([x.reshape(-1), x.new_zeros(rest)])
    value, derivative = function(flat)
    return value[: x.numel()].view(x.shape), derivative[: x.numel()].view(x.shape)
