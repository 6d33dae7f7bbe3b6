"""What a cohort computes with, beside its matrix products: eager functions, or the same ones compiled."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from torch import Tensor

from ablation.choices.clipping import CLIPPINGS
from ablation.choices.losses import LOSSES
from ablation.choices.optimizers import OPTIMIZERS
from ablation.training.descent import Decay, Descent, without_decay
from ablation.training.networks import hidden_of
from ablation.training.networks.hidden import Hidden
from ablation.training.probes import summary
from ablation.training.spec import Spec, bind, without_numbers

Loss = Callable[[Tensor, Tensor], tuple[Tensor, ...]]


class Mixed(Protocol):
    """What goes by which kind each row of a stack is of."""

    def keep(self, rows: Iterable[int]) -> None:
        """Go on with these rows of the stack only."""
        ...


@dataclass(frozen=True)
class Arithmetic:
    """The five functions that a cohort's levels decide.

    Attributes:
        hidden: a hidden layer, in training and in inference.
        loss: outputs and labels to the loss of every cell and its gradient.
        score: outputs and labels to the loss of every cell and what ``score`` counts.
        summary: a layer's gradient health, ``probes.summary``.
        descend: clipping and step.
        is_wide: whether few large operations are better than many small ones, each in a cache; see ``wide.py``.
        kinds: those of the functions in which cells differ.
    """

    hidden: Hidden
    loss: Loss
    score: Loss
    summary: Callable[..., Sequence[Tensor]]
    descend: Descent
    is_wide: bool = False
    kinds: Sequence[Mixed] = ()

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows of the stack only."""
        for each in self.kinds:
            each.keep(rows.tolist())


def arithmetic_of(spec: Spec) -> Arithmetic:
    """Return the eager functions that a specification's levels name.

    Raises:
        ValueError: a rule asks for what it is not handed.
    """
    loss = bind(LOSSES, spec.loss)
    clip = bind(CLIPPINGS, without_numbers(spec.clipping))
    optimize = bind(OPTIMIZERS, without_numbers(without_decay(spec.optimizer)))
    descent = Descent(clip, optimize, Decay.of(spec.optimizer))
    return Arithmetic(hidden_of(spec), loss, partial(score, loss), summary, descent)


def score(loss: Loss, output_SBC: Tensor, label_B: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss of every cell and how many examples have their largest output at the label.

    Of labels that are real numbers it is the sum of squared residuals, as doubles.
    """
    loss_S = loss(output_SBC, label_B.expand(output_SBC.shape[:2]))[0]
    if label_B.is_floating_point():
        return loss_S, (output_SBC.squeeze(2).double() - label_B).square().sum(1)
    # Outputs may be a transposed view, in which a search along classes is eight times slower.
    return loss_S, (output_SBC.contiguous().argmax(2) == label_B).sum(1)
