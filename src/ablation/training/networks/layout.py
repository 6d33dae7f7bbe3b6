"""A network's tensors: what they are, and where they lie in the flat matrix of all parameters, a row a cell.

All weights first, one block each, and all vectors behind them, in one block: what is done to parameters alike is done
in few passes.
"""

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import NamedTuple

import torch
from torch import Tensor


class Linear(NamedTuple):
    """Views of one layer's weights and biases, or of their gradients."""

    weight_SIO: Tensor
    bias_SO: Tensor


class Scale(NamedTuple):
    """Views of one batch normalization's gamma and beta, of their gradients, or of its running mean and variance."""

    first_SO: Tensor
    second_SO: Tensor


class Vectors(NamedTuple):
    """All vectors of a network: the layers' biases, and gammas and betas; and the block that they lie in, [S, V]."""

    bias: list[Tensor]
    scale: list[Scale]
    block_SV: Tensor

    def fill(self, bias: Sequence[Tensor | None], scale: Sequence[Scale]) -> None:
        """Take the values of others, one by one; none stands for zeros. One operation, for each is small."""
        zeros: dict[int, Tensor] = {}
        parts = []
        for mine, other in zip(self.bias, bias, strict=True):
            width = mine.shape[1]
            if other is None and width not in zeros:
                zeros[width] = mine.new_zeros(mine.shape)
            parts.append(zeros[width] if other is None else other)
        torch.cat([*parts, *(vector for pair in scale for vector in pair)], dim=1, out=self.block_SV)


class Views(NamedTuple):
    """A flat matrix, a row a cell, seen as the tensors of a network."""

    linear: list[Linear]
    scale: list[Scale]


class Layout:
    """Where the tensors of a network lie.

    Args:
        shapes: fan-in and fan-out of each weight matrix, from the input on; each has a bias.
        scale_widths: units of each batch normalization, from the input on.
        activated: whether an activation follows each matrix's product; where not given, every one's but the last's.

    Attributes:
        shapes: likewise.
        scale_widths: likewise.
        activated: likewise, one a matrix.
        weights: the columns of each weight matrix.
        vectors: those of each vector within their block: the biases, then gamma and beta of each normalization.
        parameters: numbers of a cell.
    """

    def __init__(
        self, shapes: Sequence[tuple[int, int]], scale_widths: Sequence[int], activated: Sequence[bool] | None = None
    ) -> None:
        self.shapes, self.scale_widths = list(shapes), list(scale_widths)
        self.activated = [True] * (len(self.shapes) - 1) + [False] if activated is None else list(activated)
        self.weights = _columns([fan_in * fan_out for fan_in, fan_out in self.shapes])
        sizes = [fan_out for _, fan_out in self.shapes]
        self.vectors = _columns(sizes + [size for width in self.scale_widths for size in (width, width)])
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
        return Vectors(parts[:layers], scale, vectors_SV)

    def views(self, flat_SP: Tensor) -> Views:
        """See a flat matrix of parameters as the network's tensors."""
        *weights, vectors_SV = self.blocks(flat_SP)
        vectors = self.views_of_vectors(vectors_SV)
        shaped = [weight.view(-1, *shape) for weight, shape in zip(weights, self.shapes, strict=True)]
        return Views([Linear(*pair) for pair in zip(shaped, vectors.bias, strict=True)], vectors.scale)

    def running(self, cells: int, like: Tensor) -> list[Scale]:
        """Return running statistics as training begins: mean 0, variance 1."""
        return [Scale(like.new_zeros(cells, width), like.new_ones(cells, width)) for width in self.scale_widths]


def _columns(sizes: Sequence[int]) -> list[slice]:
    """Return the columns of tensors of these sizes that lie side by side."""
    ends = list(accumulate(sizes, initial=0))
    return [slice(start, stop) for start, stop in pairwise(ends)]
