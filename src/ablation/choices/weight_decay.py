"""Weight decay: every step draws parameters toward zero, whatever the optimizer.

Coupled, it is the gradient of lambda/2 ||w||^2 (L2 regularization), which an optimizer sees and may rescale:

    g <- g + lambda w                 (Krogh & Hertz 1991, as torch's ``weight_decay``)

Decoupled, it is a step of its own before the optimizer's, which does not see it:

    w <- w - lr lambda w              (Loshchilov & Hutter 2019, algorithm 2)

Under gradient descent without momentum the two are one. Biases, gammas and betas are left alone unless asked for: to
draw them toward zero limits what a network can say, not how complex it is (Goodfellow et al. 2016, section 7.1).

Legend: S cells, N numbers of a cell in one part of its parameters, 1 an axis of length one.
"""

from collections.abc import Mapping
from typing import Annotated, Any

from torch import Tensor


def weight_decay(
    param_SN: Tensor,
    grad_SN: Tensor,
    lr_S1: Tensor,
    *,
    weight_decay: Annotated[float | Tensor, "[0, inf)"] = 0.0,
    decoupled: bool = False,
    decay_vectors: bool = False,
) -> None:
    """Decay parameters in place, or add the decay to their gradient in place.

    Args:
        param_SN: the parameters.
        grad_SN: their gradient, after clipping.
        lr_S1: each cell's learning rate in this step.
        weight_decay: lambda, a number or one a cell as [S, 1].
        decoupled: whether it is a step of its own.
        decay_vectors: whether vectors decay too; whoever calls this asks it only of parts that do.
    """
    # A product first, in both: its bits are the same by a number and by a number a cell.
    if decoupled:
        param_SN.mul_(1.0 - lr_S1 * weight_decay)
    else:
        grad_SN.add_(param_SN * weight_decay)


DECAYS: dict[str, Mapping[str, Any]] = {
    "adamw": {"weight_decay": 0.01, "decoupled": True},  # as torch's
    "lion": {"decoupled": True},
    "muon": {"decoupled": True},
}
"""Of the optimizers whose decay is not the function's own by default, what it is by default. To those that take the
sign of a gradient, or its directions alone, a decay within it would be no decay."""
