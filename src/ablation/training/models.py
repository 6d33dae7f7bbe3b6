"""The multilayer perceptron, stacked: forward, inference and its own backward pass for all cells at once.

A hidden layer is  z = h W + b,  a = N(z),  h' = phi(a)  with normalization N before the activation, or
a = z,  h' = N(phi(a))  with it after. The output layer is linear. a, which enters the activation, is what this project
calls the *pre-activation*; delta is the gradient of the loss with respect to it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from ablation.choices.normalization import Batch, BatchStatistics
from ablation.training.products import linear, product

Activation = Callable[[Tensor], tuple[Tensor, Tensor]]


class Linear(NamedTuple):
    """Views of one layer's weights, or of their gradients."""

    weight_SIO: Tensor
    bias_SO: Tensor


class Scale(NamedTuple):
    """Views of one batch normalization's gamma and beta, of their gradients, or of its running mean and variance."""

    first_SO: Tensor
    second_SO: Tensor


class Views(NamedTuple):
    """A flat matrix, a row a cell, seen as the tensors of the network."""

    linear: list[Linear]
    scale: list[Scale]


@dataclass
class Tape:
    """What the forward pass leaves for the backward pass, an entry a hidden layer."""

    inputs: list[Tensor]
    preactivations: list[Tensor]
    activations: list[Tensor]
    derivatives: list[Tensor]
    statistics: list[BatchStatistics]


class Mlp:
    """A multilayer perceptron's shape and arithmetic; its numbers are kept outside, flat, a row a cell.

    Args:
        features: inputs.
        widths: units of each hidden layer.
        classes: outputs.
        activation: value and derivative behind every hidden layer.
        normalization: batch normalization of every hidden layer (and of the inputs), or none.
    """

    def __init__(
        self, features: int, widths: Sequence[int], classes: int, activation: Activation, normalization: Batch | None
    ) -> None:
        self.activation = activation
        self.normalization = normalization
        self.normalizes_input = normalization is not None and normalization.input
        sizes = [features, *widths, classes]
        self.shapes = list(pairwise(sizes))
        self.depth = len(widths)
        self.scale_widths = ([features] if self.normalizes_input else []) + (list(widths) if normalization else [])
        self.tensors: list[slice] = []
        for columns in [size for i, o in self.shapes for size in (i * o, o)] + [
            size for width in self.scale_widths for size in (width, width)
        ]:
            start = self.tensors[-1].stop if self.tensors else 0
            self.tensors.append(slice(start, start + columns))
        self.parameters = self.tensors[-1].stop

    def views(self, flat_SP: Tensor) -> Views:
        """See a flat matrix of parameters, or of gradients, as the network's tensors."""
        parts = [flat_SP[:, columns] for columns in self.tensors]
        weights = 2 * len(self.shapes)
        return Views(
            [
                Linear(weight.view(-1, *shape), bias)
                for weight, bias, shape in zip(parts[0:weights:2], parts[1:weights:2], self.shapes, strict=True)
            ],
            [Scale(*pair) for pair in zip(parts[weights::2], parts[weights + 1 :: 2], strict=True)],
        )

    def running(self, cells: int, like: Tensor) -> list[Scale]:
        """Return running statistics as training begins: mean 0, variance 1."""
        return [Scale(like.new_zeros(cells, width), like.new_ones(cells, width)) for width in self.scale_widths]

    def forward(
        self, parameters: Views, x_SBI: Tensor, running: list[Scale] | None = None, keep_preactivations: bool = False
    ) -> tuple[Tensor, Tape]:
        """Return the outputs, [S, B, C], in training mode, and the tape.

        ``running`` statistics, where given, are moved in place. Pre-activations are kept only when asked for, since
        the backward pass does without them.
        """
        normalization = self.normalization
        scales = iter(enumerate(parameters.scale))
        tape = Tape([], [], [], [], [])

        def normalize(x_SBO: Tensor) -> Tensor:
            assert normalization is not None
            place, scale = next(scales)
            y_SBO, statistics = normalization.forward(x_SBO, scale.first_SO, scale.second_SO)
            tape.statistics.append(statistics)
            if running is not None:
                normalization.update(running[place].first_SO, running[place].second_SO, statistics)
            return y_SBO

        h = normalize(x_SBI) if self.normalizes_input else x_SBI
        before = normalization is not None and normalization.placement == "before"
        after = normalization is not None and normalization.placement == "after"
        for layer in parameters.linear[:-1]:
            tape.inputs.append(h)
            a = linear(h, layer.weight_SIO, layer.bias_SO)
            if before:
                a = normalize(a)
            h, derivative = self.activation(a)
            if keep_preactivations:
                tape.preactivations.append(a)
                tape.activations.append(h)
            tape.derivatives.append(derivative)
            if after:
                h = normalize(h)
        tape.inputs.append(h)
        return linear(h, *parameters.linear[-1]), tape

    def backward(self, parameters: Views, tape: Tape, grad_SBC: Tensor, gradients: Views) -> list[Tensor]:
        """Write the gradients of all parameters into ``gradients`` and return delta_1 ... delta_D, each [S, B, O]."""
        normalization = self.normalization
        scales = list(zip(parameters.scale, gradients.scale, tape.statistics, strict=True))
        deltas: list[Tensor] = []

        def denormalize(grad_SBO: Tensor) -> Tensor:
            assert normalization is not None
            scale, gradient, statistics = scales.pop()
            grad_SBO, gamma_grad_SO, beta_grad_SO = normalization.backward(grad_SBO, statistics, scale.first_SO)
            gradient.first_SO.copy_(gamma_grad_SO)
            gradient.second_SO.copy_(beta_grad_SO)
            return grad_SBO

        before = normalization is not None and normalization.placement == "before"
        after = normalization is not None and normalization.placement == "after"
        grad = grad_SBC
        for place in range(self.depth, -1, -1):
            if place < self.depth:
                if after:
                    grad = denormalize(grad)
                grad = grad.mul_(tape.derivatives[place])
                deltas.append(grad)
                if before:
                    grad = denormalize(grad)
            # Into a view of the flat matrix a copy is cheaper than the product's own ``out=``.
            gradients.linear[place].weight_SIO.copy_(product(tape.inputs[place].transpose(1, 2), grad))
            torch.sum(grad, 1, out=gradients.linear[place].bias_SO)
            if place > 0 or self.normalizes_input:
                grad = product(grad, parameters.linear[place].weight_SIO.transpose(1, 2))
        if self.normalizes_input:
            denormalize(grad)
        return deltas[::-1]

    def inference(self, parameters: Views, running: list[Scale], x_SBI: Tensor) -> Tensor:
        """Return the outputs, [S, B, C], with normalization by the running statistics."""
        normalization = self.normalization
        scales = iter(zip(parameters.scale, running, strict=True))

        def normalize(x_SBO: Tensor) -> Tensor:
            assert normalization is not None
            scale, statistics = next(scales)
            return normalization.inference(x_SBO, *scale, *statistics)

        h = normalize(x_SBI) if self.normalizes_input else x_SBI
        for layer in parameters.linear[:-1]:
            a = linear(h, layer.weight_SIO, layer.bias_SO)
            if normalization is not None and normalization.placement == "before":
                a = normalize(a)
            h = self.activation(a)[0]
            if normalization is not None and normalization.placement == "after":
                h = normalize(h)
        return linear(h, *parameters.linear[-1])
