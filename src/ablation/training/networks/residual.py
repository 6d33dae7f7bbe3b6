"""Pre-activation residual blocks, stacked: a stream to which each block adds what it makes of it.

h' = h + W2 phi(N(W1 phi(N(h)) + b1)) + b2  (He et al. 2016, Identity Mappings in Deep Residual Networks, equation 1
with figure 4e), behind a first product that brings the inputs to the stream's width; the last layer reads phi(N(h)).
``depth`` counts weight matrices before the output's: the first product, then two a block; of an even depth the last
block has one.

Each place where an activation stands is led to by one matrix, as in the perceptron, and what enters it there, N of the
stream or of a block's inner sum, is its pre-activation.
"""

from collections.abc import Iterator, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from ablation.training.networks.hidden import Hidden
from ablation.training.networks.layout import Linear, Scale, Vectors, Views
from ablation.training.networks.network import Folded, LayerProbe, Tape, WeightGradient
from ablation.training.networks.passes import begin, go_back, layout_of, normalizes_input, record
from ablation.training.products import fetch, is_beyond_cache, linear


class Residual:
    """A residual network's shape and arithmetic; its numbers are kept outside, flat, a row a cell.

    Args:
        features: inputs.
        widths: units of each hidden layer, the same of all.
        classes: outputs.
        hidden: what stands at every activation. Batch normalization may normalize the inputs too.

    Raises:
        ValueError: the layers have several widths.
    """

    mean_field: ClassVar[str | None] = "residual"
    one_width: ClassVar[bool] = True

    def __init__(self, features: int, widths: Sequence[int], classes: int, hidden: Hidden) -> None:
        if len(set(widths)) > 1:
            raise ValueError("the layers of a residual network have one width")
        self.hidden, self.depth = hidden, len(widths)
        self.layout = layout_of(features, widths, classes, hidden)

    def is_of_stream(self, place: int) -> bool:
        """Whether a product's output belongs to the stream, and not to the inside of a block."""
        return place % 2 == 0 or place == self.depth - 1

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
        first = 1 if normalizes_input(hidden) else 0
        h = begin(parameters, x_SBI, running, hidden, tape)
        stream: Tensor | None = None
        for place, layer in enumerate(parameters.linear[:-1]):
            tape.inputs.append(h)
            if beyond_cache:
                fetch(layer.weight_SIO)
            sum_SBO = hidden.product(h, layer)
            if self.is_of_stream(place):
                stream = sum_SBO if stream is None else sum_SBO.add_(stream)
            scale = parameters.scale[first + place] if parameters.scale else None
            moved = running[first + place] if running else None
            h = record(tape, hidden.behind(sum_SBO, scale, moved, keep), keep)
        tape.inputs.append(h)
        return linear(h, *parameters.linear[-1]), tape

    def backward(
        self, parameters: Views, tape: Tape, grad_SBC: Tensor, vectors: Vectors, hidden: Hidden | None = None
    ) -> Iterator[WeightGradient | LayerProbe]:
        """As ``Network.backward``."""
        of_stream: Tensor | None = None

        def joined(place: int, grad: Tensor, bias_grad_SO: Tensor | None) -> tuple[Tensor, Tensor | None]:
            nonlocal of_stream
            if self.is_of_stream(place):
                if of_stream is not None:
                    # Not in place, for it may be the delta of the probe that was handed out.
                    grad = grad + of_stream
                    bias_grad_SO = grad.sum(1)
                of_stream = grad
            return grad, bias_grad_SO

        return go_back(self, parameters, tape, grad_SBC, vectors, hidden or self.hidden, joined)

    def folded(self, parameters: Views, running: list[Scale]) -> Folded:
        """As ``Network.folded``: what normalizes a product's input goes into the product; what normalizes the stream
        or an inner sum, before an activation, stays apart, for the stream itself goes on without.
        """
        layers, normalization = list(parameters.linear), self.hidden.normalization
        if normalization is None:
            return Folded(layers, [])
        affine = [
            Scale(*normalization.affine(*scale, *moved)) for scale, moved in zip(parameters.scale, running, strict=True)
        ]
        first = 1 if normalization.input else 0
        in_front = range(len(affine)) if normalization.placement == "after" else range(first)
        for place in in_front:
            at = place - first + 1
            (weight_SIO, bias_SO), (scale_SO, shift_SO) = layers[at], affine[place]
            bias_SO = linear(shift_SO.unsqueeze(1), weight_SIO, bias_SO).squeeze(1)
            layers[at] = Linear(weight_SIO * scale_SO.unsqueeze(2), bias_SO)
        return Folded(layers, [] if normalization.placement == "after" else affine[first:])

    def inference(self, folded: Folded, x_SBI: Tensor, hidden: Hidden | None = None) -> Tensor:
        """As ``Network.inference``."""
        h, hidden = x_SBI, hidden or self.hidden
        stream: Tensor | None = None
        for place, layer in enumerate(folded.linear[:-1]):
            sum_SBO = hidden.product(h, layer)
            if self.is_of_stream(place):
                stream = sum_SBO if stream is None else sum_SBO.add_(stream)
            if folded.affine:
                scale_SO, shift_SO = folded.affine[place]
                sum_SBO = torch.addcmul(shift_SO.unsqueeze(1), sum_SBO, scale_SO.unsqueeze(1))
            h = hidden.activate(sum_SBO)
        return linear(h, *folded.linear[-1])
