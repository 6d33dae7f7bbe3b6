"""Descent by signs: every parameter moves by the learning rate, whatever the size of its gradient."""

import torch
from torch import Tensor

from ablation.choices.optimizers.moments import Share, State, accumulate, kept, per_cell


def sign_sgd(param_SP: Tensor, grad_SP: Tensor, lr_S1: Tensor, state: State) -> None:
    """w <- w - lr sign(g) (Bernstein et al. 2018, algorithm 1)."""
    param_SP.addcmul_(sign(grad_SP), lr_S1, value=-1.0)


def lion(
    param_SP: Tensor, grad_SP: Tensor, lr_S1: Tensor, state: State, *, beta1: Share = 0.9, beta2: Share = 0.99
) -> None:
    """w <- w - lr sign(beta1 m + (1 - beta1) g); m <- beta2 m + (1 - beta2) g (Chen et al. 2023, algorithm 2)."""
    beta1_S1, beta2_S1 = per_cell(beta1, lr_S1), per_cell(beta2, lr_S1)
    mean_SP = kept(state, "mean", grad_SP)
    direction_SP = (grad_SP * (1.0 - beta1_S1)).addcmul_(mean_SP, beta1_S1 * (1.0 - beta2_S1))
    param_SP.addcmul_(sign(direction_SP), lr_S1, value=-1.0)
    accumulate(state, "mean", grad_SP, beta2_S1)


def sign(x_SP: Tensor) -> Tensor:
    """Return -1, 0 or 1, and of what is not a number the same, as which torch's sign has 0.

    A cell whose gradient is lost would stand still, and count as one that does not learn rather than as diverged.
    """
    return torch.where(x_SP.isnan(), x_SP, x_SP.sign())


RULES = {"sign_sgd": sign_sgd, "lion": lion}
