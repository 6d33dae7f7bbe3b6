"""What the trainer knows of a network: its layout, its passes there and back, and what the way back hands out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NamedTuple, Protocol

from torch import Tensor

from ablation.choices.normalization import BatchStatistics
from ablation.training.networks.hidden import Hidden
from ablation.training.networks.layout import Layout, Linear, Scale, Vectors, Views


class WeightGradient(NamedTuple):
    """The gradient of one weight matrix: all of it, over whatever uses the matrix had.

    Attributes:
        place: which matrix, in the layout's order.
        grad_SIO: the gradient, in memory of its own.
        input_SBI: left factor of the product that it is the gradient of, if the tape was to hand out factors.
        error_SBO: the gradient of that product, likewise.
    """

    place: int
    grad_SIO: Tensor
    input_SBI: Tensor | None = None
    error_SBO: Tensor | None = None


class LayerProbe(NamedTuple):
    """What probes look at, at one place where an activation stands; only where the forward pass was told to keep it.

    Attributes:
        layer: which place, from the input on.
        weight: the weight matrix that leads to it.
        preactivation_SBO: what enters the activation.
        activation_SBO: what leaves it.
        derivative_SBO: the activation's derivative there.
        delta_SBO: the gradient with respect to the pre-activation.
    """

    layer: int
    weight: int
    preactivation_SBO: Tensor
    activation_SBO: Tensor
    derivative_SBO: Tensor
    delta_SBO: Tensor


@dataclass
class Tape:
    """What the forward pass leaves for the backward pass, which uses it up; an entry a hidden layer.

    Pre-activations and activations are there only if they were asked for: the backward pass does without them. With
    ``factors`` set it hands out, beside each weight gradient, what it was multiplied of, which then lives longer.
    """

    inputs: list[Tensor] = field(default_factory=list)
    preactivations: list[Tensor] = field(default_factory=list)
    activations: list[Tensor] = field(default_factory=list)
    derivatives: list[Tensor] = field(default_factory=list)
    statistics: list[BatchStatistics | None] = field(default_factory=list)
    input_statistics: BatchStatistics | None = None
    factors: bool = False


class Folded(NamedTuple):
    """A network for inference, its normalization by the running statistics.

    Attributes:
        linear: its layers, with all normalization that a product can hold.
        affine: scale and shift of what none can hold, a pair a hidden layer, or none at all.
    """

    linear: list[Linear]
    affine: list[Scale]


class Network(Protocol):
    """A network's shape and arithmetic; its numbers are kept outside, flat, a row a cell.

    Attributes:
        hidden: what stands behind every hidden product.
        layout: where its tensors lie.
        depth: places that are probed, numbered from the input on.
        mean_field: the map of the mean-field theory that describes it, or none: then nothing is predicted for it.
        one_width: whether all its hidden layers must have the same width.
    """

    mean_field: ClassVar[str | None]
    one_width: ClassVar[bool]
    hidden: Hidden
    layout: Layout
    depth: int

    def __init__(self, features: int, widths: Sequence[int], classes: int, hidden: Hidden) -> None: ...

    def forward(
        self,
        parameters: Views,
        x_SBI: Tensor,
        running: list[Scale] | None = None,
        keep: bool = False,
        hidden: Hidden | None = None,
    ) -> tuple[Tensor, Tape]:
        """Return the outputs, [S, B, C], in training mode, and the tape.

        ``running`` statistics, where given, are moved in place. What probes look at is put on the tape if it is to be
        kept. ``hidden`` stands in for the network's own: the same arithmetic, compiled.
        """
        ...

    def backward(
        self, parameters: Views, tape: Tape, grad_SBC: Tensor, vectors: Vectors, hidden: Hidden | None = None
    ) -> Iterator[WeightGradient | LayerProbe]:
        """Go back through the network and hand out what is found as soon as it is there, the last layer first.

        A weight matrix whose gradient has been handed out is done with: it may be changed before the next is asked
        for, while it is still in a cache. A probe comes before the gradient of the matrix that leads to it. The
        gradients of the vectors are written into ``vectors``, and are complete at the end. The tape and ``grad_SBC``
        are used up.
        """
        ...

    def folded(self, parameters: Views, running: list[Scale]) -> Folded:
        """Return the network for inference, its normalization by the running statistics."""
        ...

    def inference(self, folded: Folded, x_SBI: Tensor, hidden: Hidden | None = None) -> Tensor:
        """Return the outputs, [S, B, C], of the network for inference."""
        ...
