"""What a cohort computes with, beside its matrix products: eager functions, or the same ones compiled."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from ablation.choices.clipping import Gradient
from ablation.choices.optimizers import State
from ablation.training.networks.hidden import Hidden

Loss = Callable[[Tensor, Tensor], tuple[Tensor, ...]]
Numbers = Mapping[str, float | Tensor]


@dataclass
class Descent:
    """Clipping and step of one weight matrix, by a clipping that need not see the whole gradient.

    Attributes:
        clip: the clipping's rule.
        optimize: the optimizer's.
    """

    clip: Callable[..., Tensor]
    optimize: Callable[..., None]

    def __call__(
        self, param_SN: Tensor, grad_SN: Tensor, lr_S1: Tensor, state: State, of_clip: Numbers, of_optimizer: Numbers
    ) -> Tensor:
        """Change the parameters in place and return which cells were clipped, [S]; the gradient is used up.

        ``of_clip`` and ``of_optimizer`` are the rules' numbers.
        """
        clipped_S = self.clip(Gradient([grad_SN], [grad_SN]), **of_clip)
        self.optimize(param_SN, grad_SN, lr_S1, state, **of_optimizer)
        return clipped_S


@dataclass(frozen=True)
class Arithmetic:
    """The five functions that a cohort's levels decide.

    Attributes:
        hidden: a hidden layer, in training and in inference.
        loss: outputs and labels to the loss of every cell and its gradient.
        score: outputs and labels to the loss of every cell and how many examples are right.
        summary: a layer's gradient health, ``probes.summary``.
        descend: clipping and step of a weight matrix.
    """

    hidden: Hidden
    loss: Loss
    score: Loss
    summary: Callable[..., Sequence[Tensor]]
    descend: Descent


def score(loss: Loss, output_SBC: Tensor, label_B: Tensor) -> tuple[Tensor, Tensor]:
    """Return the loss of every cell and how many examples have their largest output at the label."""
    loss_S = loss(output_SBC, label_B.expand(output_SBC.shape[:2]))[0]
    # Outputs may be a transposed view, in which a search along classes is eight times slower.
    return loss_S, (output_SBC.contiguous().argmax(2) == label_B).sum(1)
