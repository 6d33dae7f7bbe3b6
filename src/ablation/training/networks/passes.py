"""What the passes of the networks here have in common: products, with a hidden layer's arithmetic behind each."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from torch import Tensor

from ablation.training.networks.hidden import Forward, Hidden
from ablation.training.networks.layout import Layout, Scale, Vectors, Views
from ablation.training.networks.network import LayerProbe, Network, Tape, WeightGradient
from ablation.training.products import fetch, is_beyond_cache, product

Joined = Callable[[int, Tensor, Tensor | None], tuple[Tensor, Tensor | None]]
"""Takes a place, and the gradients of its product and bias as the activation there has them; returns all of them."""


def normalizes_input(hidden: Hidden) -> bool:
    """Whether batch normalization normalizes the inputs too."""
    return hidden.normalization is not None and hidden.normalization.input


def layout_of(features: int, widths: Sequence[int], classes: int, hidden: Hidden) -> Layout:
    """Return the layout of products from each width to the next, with a normalization at every hidden one."""
    normalized = ([features] if normalizes_input(hidden) else []) + (list(widths) if hidden.normalization else [])
    return Layout(list(pairwise([features, *widths, classes])), normalized)


def begin(parameters: Views, x_SBI: Tensor, running: list[Scale] | None, hidden: Hidden, tape: Tape) -> Tensor:
    """Return the inputs, normalized where they are to be."""
    if hidden.normalization is None or not hidden.normalization.input:
        return x_SBI
    h, tape.input_statistics = hidden.normalization.forward(x_SBI, *parameters.scale[0])
    if running is not None:
        hidden.normalization.update(*running[0], tape.input_statistics)
    return h


def record(tape: Tape, passed: Forward, keep: bool) -> Tensor:
    """Put on the tape what a layer leaves, what probes look at if it is to be kept, and return the layer's output."""
    tape.derivatives.append(passed.derivative_SBO)
    tape.statistics.append(passed.statistics)
    if keep:
        assert passed.preactivation_SBO is not None
        assert passed.activation_SBO is not None
        tape.preactivations.append(passed.preactivation_SBO)
        tape.activations.append(passed.activation_SBO)
    return passed.output_SBO


def go_back(
    network: Network,
    parameters: Views,
    tape: Tape,
    grad_SBC: Tensor,
    vectors: Vectors,
    hidden: Hidden,
    joined: Joined | None = None,
) -> Iterator[WeightGradient | LayerProbe]:
    """As ``Network.backward``; ``joined`` adds what reaches a product's output otherwise than by its activation."""
    keep = bool(tape.preactivations)
    beyond_cache = is_beyond_cache(grad_SBC, network.layout.parameters)
    first = 1 if normalizes_input(network.hidden) else 0
    biases: list[Tensor | None] = []
    scales: list[Scale] = []
    grad: Tensor = grad_SBC
    bias_grad_SO: Tensor | None = grad_SBC.sum(1)
    for place in range(network.depth, -1, -1):
        if place < network.depth:
            scale = parameters.scale[first + place] if parameters.scale else None
            derivative_SBO = tape.derivatives.pop()
            at = hidden.backward(grad, derivative_SBO, tape.statistics.pop(), scale, keep)
            grad, bias_grad_SO = at.grad_SBO, at.bias_grad_SO
            if keep:
                assert at.delta_SBO is not None
                seen = tape.preactivations.pop(), tape.activations.pop()
                yield LayerProbe(place, place, *seen, derivative_SBO, at.delta_SBO)
            if at.scale_grad is not None:
                scales.append(at.scale_grad)
            if joined is not None:
                grad, bias_grad_SO = joined(place, grad, bias_grad_SO)
        biases.append(bias_grad_SO)
        input_SBI = tape.inputs.pop()
        if beyond_cache:
            fetch(input_SBI)
        weight_grad_SIO = product(input_SBI.transpose(1, 2), grad)
        factors = (input_SBI, grad) if tape.factors else ()
        if place > 0 or first:
            if beyond_cache:
                fetch(parameters.linear[place].weight_SIO)
            grad = hidden.propagate(grad, parameters.linear[place].weight_SIO)
        yield WeightGradient(place, weight_grad_SIO.contiguous(), *factors)
    if tape.input_statistics is not None and hidden.normalization is not None:
        gamma_SO = parameters.scale[0].first_SO
        _, *scale_grad = hidden.normalization.backward(grad, tape.input_statistics, gamma_SO)
        scales.append(Scale(*scale_grad))
    vectors.fill(biases[::-1], scales[::-1])
