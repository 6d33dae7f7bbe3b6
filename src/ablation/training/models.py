"""The multilayer perceptron, stacked: forward, inference and its own backward pass for all cells at once.

Hidden layers are those of ``layers.py``, one matrix product before each; the output layer is linear.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise, repeat
from typing import NamedTuple

from torch import Tensor

from ablation.choices.normalization import BatchStatistics
from ablation.training.layers import Hidden, Linear, Scale
from ablation.training.products import fetch, is_beyond_cache, linear, product


class Vectors(NamedTuple):
    """All vectors of the network: the layers' biases, and gammas and betas."""

    bias: list[Tensor]
    scale: list[Scale]


class Views(NamedTuple):
    """A flat matrix, a row a cell, seen as the tensors of the network."""

    linear: list[Linear]
    scale: list[Scale]


class LayerGradient(NamedTuple):
    """What the backward pass has found out about one layer.

    Attributes:
        place: 0 for the first hidden layer, and so on; the last is the output layer.
        weight_SIO: the gradient of its weights, in memory of its own.
        delta_SBO: the gradient with respect to its pre-activation, where the forward pass has kept what probes look at;
            none of an output layer.
        derivative_SBO: the activation's derivative there; none of an output layer.
    """

    place: int
    weight_SIO: Tensor
    delta_SBO: Tensor | None
    derivative_SBO: Tensor | None


@dataclass
class Tape:
    """What the forward pass leaves for the backward pass, which uses it up; an entry a hidden layer.

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
        self.weights = _columns([i * o for i, o in self.shapes])
        outputs = [o for _, o in self.shapes]
        self.vectors = _columns(outputs + [size for width in self.scale_widths for size in (width, width)])
        self.parameters = self.weights[-1].stop + self.vectors[-1].stop

    def blocks(self, flat_SP: Tensor) -> list[Tensor]:
        """See a flat matrix as what is worked on in one go: each weight matrix, [S, I * O], and all vectors, [S, V]."""
        return [flat_SP[:, columns] for columns in self.weights] + [flat_SP[:, self.weights[-1].stop :]]

    def tensors(self, vectors_SV: Tensor) -> list[Tensor]:
        """See the block of all vectors as one vector each."""
        return [vectors_SV[:, columns] for columns in self.vectors]

    def views_of_vectors(self, vectors_SV: Tensor) -> Vectors:
        """See the block of all vectors as the network's."""
        parts, layers = self.tensors(vectors_SV), len(self.shapes)
        scale = [Scale(*pair) for pair in zip(parts[layers::2], parts[layers + 1 :: 2], strict=True)]
        return Vectors(parts[:layers], scale)

    def views(self, flat_SP: Tensor) -> Views:
        """See a flat matrix of parameters, weights first and vectors behind them, as the network's tensors."""
        *weights, vectors_SV = self.blocks(flat_SP)
        vectors = self.views_of_vectors(vectors_SV)
        shaped = [weight.view(-1, *shape) for weight, shape in zip(weights, self.shapes, strict=True)]
        return Views([Linear(*pair) for pair in zip(shaped, vectors.bias, strict=True)], vectors.scale)

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
        h, beyond_cache = x_SBI, is_beyond_cache(x_SBI, self.parameters)
        if hidden.normalization is not None and self.normalizes_input:
            h, tape.input_statistics = hidden.normalization.forward(h, *parameters.scale[0])
            if running is not None:
                hidden.normalization.update(*running[0], tape.input_statistics)
        scales = zip(self._hidden_scales(parameters.scale), self._hidden_scales(running or []), strict=False)
        for layer, (scale, moved) in zip(parameters.linear[:-1], scales, strict=False):
            tape.inputs.append(h)
            if beyond_cache:
                fetch(layer.weight_SIO)
            passed = hidden.forward(h, layer, scale, moved, keep)
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
        self, parameters: Views, tape: Tape, grad_SBC: Tensor, vectors: Vectors, hidden: Hidden | None = None
    ) -> Iterator[LayerGradient]:
        """Go back through the network and hand out a layer's gradients as soon as they are there, the last layer first.

        A layer that has been handed out is done with: its weights may be changed before the next is asked for, while
        they are still in a cache. The gradients of the vectors are written into ``vectors``, and are complete at the
        end. The tape and ``grad_SBC`` are used up.
        """
        hidden, keep = hidden or self.hidden, bool(tape.preactivations)
        beyond_cache = is_beyond_cache(grad_SBC, self.parameters)
        first = 1 if self.normalizes_input else 0
        grad: Tensor = grad_SBC
        bias_grad_SO: Tensor | None = grad_SBC.sum(1)
        delta_SBO: Tensor | None = None
        derivative_SBO: Tensor | None = None
        for place in range(self.depth, -1, -1):
            if place < self.depth:
                scale = parameters.scale[first + place] if parameters.scale else None
                derivative_SBO = tape.derivatives.pop()
                at = hidden.backward(grad, derivative_SBO, tape.statistics.pop(), scale, keep)
                delta_SBO, grad, bias_grad_SO = at.delta_SBO, at.grad_SBO, at.bias_grad_SO
                if at.scale_grad is not None:
                    _store(vectors.scale[first + place], at.scale_grad)
            if bias_grad_SO is None:
                vectors.bias[place].zero_()
            else:
                vectors.bias[place].copy_(bias_grad_SO)
            input_SBI = tape.inputs.pop()
            if beyond_cache:
                fetch(input_SBI)
            weight_grad_SIO = product(input_SBI.transpose(1, 2), grad)
            if place > 0 or self.normalizes_input:
                if beyond_cache:
                    fetch(parameters.linear[place].weight_SIO)
                grad = hidden.propagate(grad, parameters.linear[place].weight_SIO)
            yield LayerGradient(place, weight_grad_SIO.contiguous(), delta_SBO, derivative_SBO)
        if tape.input_statistics is not None and hidden.normalization is not None:
            gamma_SO = parameters.scale[0].first_SO
            _, *scale_grad = hidden.normalization.backward(grad, tape.input_statistics, gamma_SO)
            _store(vectors.scale[0], Scale(*scale_grad))

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


def _columns(sizes: Sequence[int]) -> list[slice]:
    """Return the columns of tensors of these sizes that lie side by side."""
    ends = list(accumulate(sizes, initial=0))
    return [slice(start, stop) for start, stop in pairwise(ends)]


def _store(gradient: Scale, value: Scale) -> None:
    for place, tensor in zip(gradient, value, strict=True):
        place.copy_(tensor)
