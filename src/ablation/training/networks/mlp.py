"""The multilayer perceptron, stacked: forward, inference and its own backward pass for all cells at once.

Hidden layers are those of ``hidden.py``, one matrix product before each; the output layer is linear.
"""

from collections.abc import Iterator, Sequence
from itertools import repeat
from typing import ClassVar

from torch import Tensor

from ablation.training.networks.hidden import Hidden
from ablation.training.networks.layout import Linear, Scale, Vectors, Views
from ablation.training.networks.network import Folded, LayerProbe, Tape, WeightGradient
from ablation.training.networks.passes import begin, go_back, layout_of, normalizes_input, record
from ablation.training.products import fetch, is_beyond_cache, linear


class Mlp:
    """A multilayer perceptron's shape and arithmetic; its numbers are kept outside, flat, a row a cell.

    Args:
        features: inputs.
        widths: units of each hidden layer.
        classes: outputs.
        hidden: what every hidden layer does behind its product. Batch normalization may normalize the inputs too.
    """

    mean_field: ClassVar[str | None] = "perceptron"
    one_width: ClassVar[bool] = False

    def __init__(self, features: int, widths: Sequence[int], classes: int, hidden: Hidden) -> None:
        self.hidden, self.depth = hidden, len(widths)
        self.layout = layout_of(features, widths, classes, hidden)

    def forward(
        self,
        parameters: Views,
        x_SBI: Tensor,
        running: list[Scale] | None = None,
        keep: bool = False,
        hidden: Hidden | None = None,
    ) -> tuple[Tensor, Tape]:
        """As ``Network.forward``."""
        hidden, tape = hidden or self.hidden, Tape()
        beyond_cache = is_beyond_cache(x_SBI, self.layout.parameters)
        h = begin(parameters, x_SBI, running, hidden, tape)
        scales = zip(self._hidden_scales(parameters.scale), self._hidden_scales(running or []), strict=False)
        for layer, (scale, moved) in zip(parameters.linear[:-1], scales, strict=False):
            tape.inputs.append(h)
            if beyond_cache:
                fetch(layer.weight_SIO)
            h = record(tape, hidden.forward(h, layer, scale, moved, keep), keep)
        tape.inputs.append(h)
        return linear(h, *parameters.linear[-1]), tape

    def backward(
        self, parameters: Views, tape: Tape, grad_SBC: Tensor, vectors: Vectors, hidden: Hidden | None = None
    ) -> Iterator[WeightGradient | LayerProbe]:
        """As ``Network.backward``."""
        return go_back(self, parameters, tape, grad_SBC, vectors, hidden or self.hidden)

    def folded(self, parameters: Views, running: list[Scale]) -> Folded:
        """Return the network for inference: layers that hold their normalization by the running statistics.

        y = s x + t in front of a product is  W' = diag(s) W, b' = b + t W; behind it  W' = W diag(s), b' = s b + t.
        """
        layers, normalization = list(parameters.linear), self.hidden.normalization
        if normalization is None:
            return Folded(layers, [])
        first = 1 if normalization.input else 0
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
        return iter(scales[1:] if normalizes_input(self.hidden) else scales) if scales else repeat(None)
