"""What a cohort computes with, beside its matrix products: eager functions, or the same ones compiled."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from torch import Tensor

from ablation.training.layers import Hidden

Loss = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class Arithmetic:
    """The four functions that a cohort's levels decide.

    Attributes:
        hidden: a hidden layer, in training and in inference.
        loss: outputs and labels to the loss of every cell and its gradient.
        score: outputs and labels to the loss of every cell and how many examples are right.
        summary: a layer's gradient health, ``probes.summary``.
    """

    hidden: Hidden
    loss: Loss
    score: Loss
    summary: Callable[..., Sequence[Tensor]]


def score(loss: Loss, output_SBC: Tensor, label_B: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss of every cell and how many examples have their largest output at the label."""
    loss_S = loss(output_SBC, label_B.expand(output_SBC.shape[:2]))[0]
    # Outputs may be a transposed view, in which a search along classes is eight times slower.
    return loss_S, (output_SBC.contiguous().argmax(2) == label_B).sum(1)
