"""How a cell's parameters begin."""

import torch
from torch import Tensor

from ablation.choices.initializers import INITIALIZERS, NO_ACTIVATION, Draws
from ablation.training.data import generator
from ablation.training.networks.layout import Layout
from ablation.training.spec import Spec, bind


def initial_parameters(layout: Layout, spec: Spec) -> Tensor:
    """Return a cell's parameters before the first step, [P]: float32, on the CPU.

    The draws come from the cell's seed alone, layer by layer from the input on, so that cells of the same seed share
    them, and a deeper network begins with the layers of a shallower one.
    """
    initialize = bind(INITIALIZERS, spec.init)
    draw = generator(spec.seed, "weights")
    flat_1P = torch.empty(1, layout.parameters)
    views = layout.views(flat_1P)
    for layer, activation in zip(views.linear, activations_behind(layout, spec.activation.kind), strict=True):
        weight_SIO, bias_SO = layer
        draws = Draws(
            torch.randn(weight_SIO.shape[1:], generator=draw),
            torch.randn(bias_SO.shape[1:], generator=draw),
            activation,
        )
        weight_IO, bias_O = initialize(draws)
        weight_SIO[0], bias_SO[0] = weight_IO, bias_O
    for gamma_SO, beta_SO in views.scale:
        gamma_SO.fill_(1.0)
        beta_SO.zero_()
    return flat_1P[0]


def activations_behind(layout: Layout, activation: str) -> list[str]:
    """Return the kind of what follows each of a network's matrices, ``activation`` or none, as ``Draws`` says it."""
    return [activation if activated else NO_ACTIVATION for activated in layout.activated]
