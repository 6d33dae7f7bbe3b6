"""Derivatives of a choice of a user's own, held against finite differences before anything is trained with them."""

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from torch import Tensor

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.losses import LOSSES, cross_entropy
from ablation.training.networks import build
from ablation.training.networks.initial import initial_parameters
from ablation.training.networks.network import Network, WeightGradient
from ablation.training.spec import Level, Spec, bind

STEPS = (1e-6, 1e-4)
"""Steps of the differences; the wider is for functions that round to single precision within."""

TOLERANCE = 1e-3
"""How far a derivative may lie from the differences, as a share of the larger of them and 1."""

ROUNDED = 2e-7
"""Share of a number that single precision may take from it."""

REACH, POINTS, SHIFT = 12.0, 481, 0.0137
"""Pre-activations that are tried: so many from minus to plus this number, off the round ones where corners lie."""

CELLS, EXAMPLES, CLASSES, FEATURES = 2, 6, 4, 5
"""Sizes of what a loss and a network are tried on."""

NUMBERS = 5
"""Parameters that are tried of each tensor of a network."""


class WrongDerivativeError(ValueError):
    """A derivative that is not that of the value: where, and the two numbers."""


def check_activation(level: Level) -> None:
    """Hold an activation's derivative against the rise of its value, at some hundred pre-activations.

    In a corner any slope between those on either side is taken.

    Raises:
        WrongDerivativeError: at the first place where it is another.
    """
    activation = bind(ACTIVATIONS, level)
    x = (torch.linspace(-REACH, REACH, POINTS) + SHIFT).double()
    value, derivative = (part.clone() for part in activation(x.clone()))
    fits = torch.zeros(POINTS, dtype=torch.bool)
    for step in STEPS:
        above, below = (activation(x + side)[0].clone() for side in (step, -step))
        left, right = (value - below) / step, (above - value) / step
        allowed = TOLERANCE * torch.maximum(left.abs(), right.abs()).clamp_min(1.0)
        allowed += ROUNDED * value.abs() / step if step > STEPS[0] else 0.0
        fits |= (torch.minimum(left, right) - allowed <= derivative) & (
            derivative <= torch.maximum(left, right) + allowed
        )
    for place in (~fits).nonzero().flatten()[:1].tolist():
        step = STEPS[0]
        rise = (activation(x + step)[0][place] - activation(x - step)[0][place]) / (2 * step)
        raise WrongDerivativeError(
            f"its derivative at {x[place]:.6g} is {derivative[place]:.6g}, where finite differences of its value give "
            f"{rise:.6g}"
        )
    single = [part.double() for part in activation(x.float())]
    for name, one, other in zip(("value", "derivative"), single, (value, derivative), strict=True):
        off = (one - other).abs() > TOLERANCE * other.abs().clamp_min(1.0)
        for place in off.nonzero().flatten()[:1].tolist():
            raise WrongDerivativeError(
                f"its {name} at {x[place]:.6g} is {one[place]:.6g} in float32 and {other[place]:.6g} in float64"
            )


def check_loss(level: Level) -> None:
    """Hold a loss's gradient against the rise of its value, at every output of a few cells.

    Raises:
        WrongDerivativeError: at the first output where it is another.
    """
    loss = bind(LOSSES, level)
    draw = torch.Generator().manual_seed(0)
    output_SBC = torch.randn(CELLS, EXAMPLES, CLASSES, generator=draw, dtype=torch.float64)
    label_SB = torch.randint(CLASSES, (CELLS, EXAMPLES), generator=draw)
    grad_SBC = loss(output_SBC.clone(), label_SB)[1].clone()
    for cell, example, of_class in torch.cartesian_prod(*map(torch.arange, output_SBC.shape)).tolist():

        def at(shift: float, cell: int = cell, example: int = example, of_class: int = of_class) -> float:
            moved_SBC = output_SBC.clone()
            moved_SBC[cell, example, of_class] += shift
            return float(loss(moved_SBC, label_SB)[0][cell])

        given = float(grad_SBC[cell, example, of_class])
        if not _fits(given, at):
            raise WrongDerivativeError(
                f"its gradient at output {of_class} of example {example}, which is "
                f"{output_SBC[cell, example, of_class]:.6g}, is {given:.6g}, where finite differences of its value "
                f"give {_rise(at):.6g}"
            )


def check_network(spec: Spec) -> None:
    """Hold the gradients of a small network with a choice of its own against the rise of the loss.

    Raises:
        WrongDerivativeError: at the first parameter where one is another.
    """
    draw = torch.Generator().manual_seed(0)
    x_SBI = torch.randn(1, EXAMPLES, FEATURES, generator=draw, dtype=torch.float64)
    label_SB = torch.randint(CLASSES, (1, EXAMPLES), generator=draw)
    network = build(replace(spec, activation=Level("tanh", {})), FEATURES, CLASSES)
    flat_SP = initial_parameters(network.layout, spec).double().unsqueeze(0)
    for name, place, given in _gradients(network, flat_SP, x_SBI, label_SB):

        def at(shift: float, place: int = place) -> float:
            moved_SP = flat_SP.clone()
            moved_SP[0, place] += shift
            output_SBC, _ = network.forward(network.layout.views(moved_SP), x_SBI.clone())
            return float(cross_entropy(output_SBC, label_SB)[0])

        if not _fits(given, at):
            # Before a normalization that centres over the batch a bias has no effect, and the network gives none.
            centred = "; it must take the batch's mean away" if name.startswith("bias") and given == 0 else ""
            raise WrongDerivativeError(
                f"the gradient of {name} of a network with it is {given:.6g}, where finite differences of the loss "
                f"give {_rise(at):.6g}{centred}"
            )


def _gradients(network: Network, flat_SP: Tensor, x_SBI: Tensor, label_SB: Tensor) -> Iterator[tuple[str, int, float]]:
    """Yield some parameters of every tensor: what to call them, their places in the flat matrix, their gradients."""
    layout, grad_SP = network.layout, torch.zeros_like(flat_SP)
    *weights, vectors_SV = layout.blocks(grad_SP)
    parameters = layout.views(flat_SP)
    output_SBC, tape = network.forward(parameters, x_SBI.clone())
    _, grad_SBC = cross_entropy(output_SBC, label_SB)
    for found in network.backward(parameters, tape, grad_SBC, layout.views_of_vectors(vectors_SV)):
        assert isinstance(found, WeightGradient), "nothing was kept to be probed"
        weights[found.place].copy_(found.grad_SIO.flatten(1))
    names = [f"weight matrix {place}" for place in range(len(weights))]
    names += [f"bias {place}" for place in range(len(weights))]
    names += [f"{which} {place}" for place in range(len(layout.scale_widths)) for which in ("gamma", "beta")]
    first = weights[-1].shape[1] + layout.weights[-1].start
    columns = [*layout.weights, *(slice(first + each.start, first + each.stop) for each in layout.vectors)]
    for name, where in zip(names, columns, strict=True):
        count = where.stop - where.start
        for place in torch.linspace(where.start, where.stop - 1, min(NUMBERS, count)).long().tolist():
            yield name, place, float(grad_SP[0, place])


def _fits(given: float, at: Callable[[float], float]) -> bool:
    """Whether a derivative lies between the slopes on either side, to the tolerance; ``at`` gives the value beside."""
    for step in STEPS:
        here, above, below = at(0.0), at(step), at(-step)
        left, right = (here - below) / step, (above - here) / step
        allowed = TOLERANCE * max(abs(left), abs(right), TOLERANCE)
        allowed += ROUNDED * abs(here) / step if step > STEPS[0] else 1e-9
        if math.isfinite(given) and min(left, right) - allowed <= given <= max(left, right) + allowed:
            return True
    return False


def _rise(at: Callable[[float], float]) -> float:
    return (at(STEPS[0]) - at(-STEPS[0])) / (2 * STEPS[0])
