"""The multilayer perceptron, stacked: forward, inference and its own backward pass for all cells at once.

Hidden layers are those of ``hidden.py``, one matrix product before each; the output layer is linear.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise, repeat
from typing import ClassVar

from torch import Tensor

from ablation.training.networks.hidden import Hidden
from ablation.training.networks.layout import Layout, Linear, Scale, Vectors, Views
from ablation.training.networks.network import Folded, LayerProbe, Tape, WeightGradient
from ablation.training.products import fetch, is_beyond_cache, linear, product


class Mlp:
    """A multilayer perceptron's shape and arithmetic; its numbers are kept outside, flat, a row a cell.

    Args:
        features: inputs.
        widths: units of each hidden layer.
        classes: outputs.
        hidden: what every hidden layer does behind its product. Batch normalization may normalize the inputs too.
    """

    mean_field: ClassVar[str | None] = "perceptron"

    def __init__(self, features: int, widths: Sequence[int], classes: int, hidden: Hidden) -> None:
        self.hidden, self.depth = hidden, len(widths)
        normalization = hidden.normalization
        self.normalizes_input = normalization is not None and normalization.input
        scale_widths = ([features] if self.normalizes_input else []) + (list(widths) if normalization else [])
        self.layout = Layout(list(pairwise([features, *widths, classes])), scale_widths)

    def forward(
        self,
        parameters: Views,
        x_SBI: Tensor,
        running: list[Scale] | None = None,
        keep: bool = False,
        hidden: Hidden | None = None,
    ) -> tuple[Tensor, Tape]:
        """As ``Network.forward``."""
        hidden = hidden or self.hidden
        tape = Tape()
        h, beyond_cache = x_SBI, is_beyond_cache(x_SBI, self.layout.parameters)
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
    ) -> Iterator[WeightGradient | LayerProbe]:
        """As ``Network.backward``."""
        hidden, keep = hidden or self.hidden, bool(tape.preactivations)
        beyond_cache = is_beyond_cache(grad_SBC, self.layout.parameters)
        first = 1 if self.normalizes_input else 0
        grad: Tensor = grad_SBC
        bias_grad_SO: Tensor | None = grad_SBC.sum(1)
        for place in range(self.depth, -1, -1):
            if place < self.depth:
                scale = parameters.scale[first + place] if parameters.scale else None
                derivative_SBO = tape.derivatives.pop()
                at = hidden.backward(grad, derivative_SBO, tape.statistics.pop(), scale, keep)
                grad, bias_grad_SO = at.grad_SBO, at.bias_grad_SO
                if keep:
                    assert at.delta_SBO is not None
                    seen = tape.preactivations.pop(), tape.activations.pop()
                    yield LayerProbe(place, place, *seen, derivative_SBO, at.delta_SBO)
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
            yield WeightGradient(place, weight_grad_SIO.contiguous())
        if tape.input_statistics is not None and hidden.normalization is not None:
            gamma_SO = parameters.scale[0].first_SO
            _, *scale_grad = hidden.normalization.backward(grad, tape.input_statistics, gamma_SO)
            _store(vectors.scale[0], Scale(*scale_grad))

    def folded(self, parameters: Views, running: list[Scale]) -> Folded:
        """Return the network for inference: layers that hold their normalization by the running statistics.

        y = s x + t in front of a product is  W' = diag(s) W, b' = b + t W; behind it  W' = W diag(s), b' = s b + t.
        """
        layers, normalization = list(parameters.linear), self.hidden.normalization
        if normalization is None:
            return Folded(layers, [])
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
        return Folded(layers, [])

    def inference(self, folded: Folded, x_SBI: Tensor, hidden: Hidden | None = None) -> Tensor:
        """As ``Network.inference``."""
        h, hidden = x_SBI, hidden or self.hidden
        for layer in folded.linear[:-1]:
            h = hidden.inference(h, layer)
        return linear(h, *folded.linear[-1])

    def _hidden_scales(self, scales: list[Scale]) -> Iterator[Scale | None]:
        """The hidden layers' own, from the first on; without normalization as many times none as wanted."""
        return iter(scales[1:] if self.normalizes_input else scales) if scales else repeat(None)


def _store(gradient: Scale, value: Scale) -> None:
    for place, tensor in zip(gradient, value, strict=True):
        place.copy_(tensor)
