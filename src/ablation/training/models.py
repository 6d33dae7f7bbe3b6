"""The multilayer perceptron, stacked: forward, inference and its own backward pass for all cells at once.

Hidden layers are those of ``layers.py``, one matrix product before each; the output layer is linear.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise, repeat
from typing import NamedTuple

from torch import Tensor

from ablation.choices.normalization import BatchStatistics
from ablation.training.layers import Hidden, Linear, Scale
from ablation.training.products import linear, product


class Views(NamedTuple):
    """A flat matrix, a row a cell, seen as the tensors of the network."""

    linear: list[Linear]
    scale: list[Scale]


@dataclass
class Tape:
    """What the forward pass leaves for the backward pass, an entry a hidden layer.

    Pre-activations and activations are there only if they were asked for: the backward pass does without them.
    """

    inputs: list[Tensor]
    preactivations: list[Tensor]
    activations: list[Tensor]
    derivatives: list[Tensor]
    statistics: list[BatchStatistics | None]
    input_statistics: BatchStatistics | None = None


class Mlp:
    """A multilayer perceptron's shape and arithmetic; its numbers are kept outside, flat, a row a cell.

    Args:
        features: inputs.
        widths: units of each hidden layer.
        classes: outputs.
        hidden: what every hidden layer does behind its product. Batch normalization may normalize the inputs too.
    """

    def __init__(self, features: int, widths: Sequence[int], classes: int, hidden: Hidden) -> None:
        self.hidden = hidden
        normalization = hidden.normalization
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
        self,
        parameters: Views,
        x_SBI: Tensor,
        running: list[Scale] | None = None,
        keep: bool = False,
        hidden: Hidden | None = None,
    ) -> tuple[Tensor, Tape]:
        """Return the outputs, [S, B, C], in training mode, and the tape.

        ``running`` statistics, where given, are moved in place. Pre-activations and activations are put on the tape if
        they are to be kept. ``hidden`` stands in for the model's own layer: the same arithmetic, compiled.
        """
        hidden = hidden or self.hidden
        tape = Tape([], [], [], [], [])
        h = x_SBI
        if hidden.normalization is not None and self.normalizes_input:
            h, tape.input_statistics = hidden.normalization.forward(h, *parameters.scale[0])
            if running is not None:
                hidden.normalization.update(*running[0], tape.input_statistics)
        scales = zip(self._hidden_scales(parameters.scale), self._hidden_scales(running or []), strict=False)
        for layer, (scale, moved) in zip(parameters.linear[:-1], scales, strict=False):
            tape.inputs.append(h)
            passed = hidden.forward(h, layer, scale, moved)
            h = passed.output_SBO
            tape.derivatives.append(passed.derivative_SBO)
            tape.statistics.append(passed.statistics)
            if keep:
                assert passed.preactivation_SBO is not None
                assert passed.activation_SBO is not None
                tape.preactivations.append(passed.preactivation_SBO)
                tape.activations.append(passed.activation_SBO)
        tape.inputs.append(h)
        return linear(h, *parameters.linear[-1]), tape

    def backward(
        self, parameters: Views, tape: Tape, grad_SBC: Tensor, gradients: Views, hidden: Hidden | None = None
    ) -> list[Tensor]:
        """Write the gradients of all parameters into ``gradients`` and return delta_1 ... delta_D, each [S, B, O]."""
        hidden = hidden or self.hidden
        first = 1 if self.normalizes_input else 0
        grad: Tensor = grad_SBC
        bias_grad_SO: Tensor | None = grad_SBC.sum(1)
        deltas: list[Tensor] = []
        for place in range(self.depth, -1, -1):
            if place < self.depth:
                scale = parameters.scale[first + place] if parameters.scale else None
                at = hidden.backward(grad, tape.derivatives[place], tape.statistics[place], scale)
                deltas.append(at.delta_SBO)
                grad, bias_grad_SO = at.grad_SBO, at.bias_grad_SO
                if at.scale_grad is not None:
                    _store(gradients.scale[first + place], at.scale_grad)
            # Into a view of the flat matrix a copy is cheaper than the product's own ``out=``.
            gradients.linear[place].weight_SIO.copy_(product(tape.inputs[place].transpose(1, 2), grad))
            if bias_grad_SO is None:
                gradients.linear[place].bias_SO.zero_()
            else:
                gradients.linear[place].bias_SO.copy_(bias_grad_SO)
            if place > 0 or self.normalizes_input:
                grad = product(grad, parameters.linear[place].weight_SIO.transpose(1, 2))
        if tape.input_statistics is not None and hidden.normalization is not None:
            gamma_SO = parameters.scale[0].first_SO
            _, *scale_grad = hidden.normalization.backward(grad, tape.input_statistics, gamma_SO)
            _store(gradients.scale[0], Scale(*scale_grad))
        return deltas[::-1]

    def folded(self, parameters: Views, running: list[Scale]) -> list[Linear]:
        """Return the network for inference: layers that hold their normalization by the running statistics.

        y = s x + t in front of a product is  W' = diag(s) W, b' = b + t W; behind it  W' = W diag(s), b' = s b + t.
        """
        layers, normalization = list(parameters.linear), self.hidden.normalization
        if normalization is None:
            return layers
        first = 1 if self.normalizes_input else 0
        for place, (scale, moved) in enumerate(zip(parameters.scale, running, strict=True)):
            scale_SO, shift_SO = normalization.affine(*scale, *moved)
            in_front = place < first or normalization.placement == "after"
            at = place - first + (1 if in_front else 0)
            weight_SIO, bias_SO = layers[at]
            if in_front:
                bias_SO = linear(shift_SO.unsqueeze(1), weight_SIO, bias_SO).squeeze(1)
                layers[at] = Linear(weight_SIO * scale_SO.unsqueeze(2), bias_SO)
            else:
                layers[at] = Linear(weight_SIO * scale_SO.unsqueeze(1), shift_SO.addcmul_(bias_SO, scale_SO))
        return layers

    def inference(self, folded: list[Linear], x_SBI: Tensor, hidden: Hidden | None = None) -> Tensor:
        """Return the outputs, [S, B, C], of the network for inference."""
        h, hidden = x_SBI, hidden or self.hidden
        for layer in folded[:-1]:
            h = hidden.inference(h, layer)
        return linear(h, *folded[-1])

    def _hidden_scales(self, scales: list[Scale]) -> Iterator[Scale | None]:
        """The hidden layers' own, from the first on; without normalization as many times none as wanted."""
        return iter(scales[1:] if self.normalizes_input else scales) if scales else repeat(None)


def _store(gradient: Scale, value: Scale) -> None:
    for place, tensor in zip(gradient, value, strict=True):
        place.copy_(tensor)
