"""Adam and its kin: a mean of gradients over the root of a mean of their squares.

Both are exponential averages, m <- beta1 m + (1 - beta1) g and v <- beta2 v + (1 - beta2) g^2, and c1 = 1 - beta1^t
and c2 = 1 - beta2^t is what they should be divided by (``moments.py``). An Adam step takes seven passes over memory,
one of SGD takes one.
"""

import torch
from torch import Tensor

from ablation.choices.optimizers.moments import (
    Positive,
    Share,
    State,
    accumulate,
    accumulate_weight,
    descend_by_root,
    kept,
    per_cell,
)

MOMENTUM_DECAY, DECAY_BASE = 0.004, 0.96
"""Psi of Nadam's warming momentum as in torch, and its base (Dozat 2016, section 3.1)."""


def adam(
    param_SP: Tensor,
    grad_SP: Tensor,
    lr_S1: Tensor,
    state: State,
    *,
    beta1: Share = 0.9,
    beta2: Share = 0.999,
    epsilon: Positive = 1e-8,
) -> None:
    """w <- w - lr (m / c1) / (sqrt(v / c2) + epsilon) (Kingma & Ba 2015, algorithm 1)."""
    mean_SP, square_SP, scaled_S1, weight2_S1, room_SP = _averages(grad_SP, lr_S1, state, beta1, beta2)
    descend_by_root(param_SP, mean_SP, scaled_S1, square_SP, weight2_S1, epsilon, room_SP)


def adamw(
    param_SP: Tensor,
    grad_SP: Tensor,
    lr_S1: Tensor,
    state: State,
    *,
    beta1: Share = 0.9,
    beta2: Share = 0.999,
    epsilon: Positive = 1e-8,
) -> None:
    """Take Adam's step: what makes it AdamW (Loshchilov & Hutter 2019, algorithm 2) is the decay of weights before."""
    adam(param_SP, grad_SP, lr_S1, state, beta1=beta1, beta2=beta2, epsilon=epsilon)


def amsgrad(
    param_SP: Tensor,
    grad_SP: Tensor,
    lr_S1: Tensor,
    state: State,
    *,
    beta1: Share = 0.9,
    beta2: Share = 0.999,
    epsilon: Positive = 1e-8,
) -> None:
    """u <- max(u, v); w <- w - lr (m / c1) / (sqrt(u / c2) + epsilon) (Reddi et al. 2018, algorithm 2).

    With Adam's c1 and c2, which the paper leaves out, as in torch: the largest v is kept before c2 divides it.
    """
    mean_SP, square_SP, scaled_S1, weight2_S1, room_SP = _averages(grad_SP, lr_S1, state, beta1, beta2)
    largest_SP = kept(state, "largest", square_SP)
    torch.maximum(largest_SP, square_SP, out=largest_SP)
    descend_by_root(param_SP, mean_SP, scaled_S1, largest_SP, weight2_S1, epsilon, room_SP)


def nadam(
    param_SP: Tensor,
    grad_SP: Tensor,
    lr_S1: Tensor,
    state: State,
    *,
    beta1: Share = 0.9,
    beta2: Share = 0.999,
    epsilon: Positive = 1e-8,
) -> None:
    """w <- w - lr (b m + a g) / (sqrt(v / c2) + epsilon): Adam with Nesterov's momentum (Dozat 2016, algorithm 2).

    mu_t = beta1 (1 - 0.96^(0.004 t) / 2), a = (1 - mu_t) / (1 - prod_1..t mu), b = mu_t+1 / (1 - prod_1..t+1 mu), as in
    torch, whose momentum_decay of 0.004 is a constant here: 0.96^(0.004 t) is kept as a running product.
    """
    beta1_S1, beta2_S1, decay = per_cell(beta1, lr_S1), per_cell(beta2, lr_S1), DECAY_BASE**MOMENTUM_DECAY
    if not state:
        state["decay"], state["lacking"] = torch.ones_like(lr_S1), torch.zeros_like(lr_S1)
    decay_S1 = state["decay"].mul_(decay)
    now_S1, next_S1 = beta1_S1 * (1.0 - 0.5 * decay_S1), beta1_S1 * (1.0 - 0.5 * (decay_S1 * decay))
    # 1 - prod mu, without its cancelling: 1 - mu (1 - x) = mu x + (1 - mu).
    lacking_S1 = state["lacking"].mul_(now_S1).add_(1.0 - now_S1)
    of_grad_S1 = (1.0 - now_S1) / lacking_S1
    of_mean_S1 = next_S1 / (next_S1 * lacking_S1 + (1.0 - next_S1)) * (1.0 - beta1_S1)
    mean_SP = accumulate(state, "mean", grad_SP, beta1_S1)
    room_SP = grad_SP.square()
    square_SP = accumulate(state, "square", room_SP, beta2_S1)
    weight_S1 = accumulate_weight(state, "square_weight", beta2_S1)
    direction_SP = grad_SP.mul_(of_grad_S1).addcmul_(mean_SP, of_mean_S1)
    descend_by_root(param_SP, direction_SP, lr_S1, square_SP, weight_S1, epsilon, room_SP)


def _averages(
    grad_SP: Tensor, lr_S1: Tensor, state: State, beta1: float | Tensor, beta2: float | Tensor
) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
    """Return m, v, lr / c1, c2, and room as large as the gradient, which it was."""
    beta1_S1, beta2_S1 = per_cell(beta1, lr_S1), per_cell(beta2, lr_S1)
    weight1_S1 = accumulate_weight(state, "mean_weight", beta1_S1)
    weight2_S1 = accumulate_weight(state, "square_weight", beta2_S1)
    mean_SP = accumulate(state, "mean", grad_SP, beta1_S1)
    room_SP = grad_SP.mul_(grad_SP)
    square_SP = accumulate(state, "square", room_SP, beta2_S1)
    return mean_SP, square_SP, lr_S1 / weight1_S1, weight2_S1, room_SP


RULES = {"adam": adam, "adamw": adamw, "nadam": nadam, "amsgrad": amsgrad}
