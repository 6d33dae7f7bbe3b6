"""A learning rate for every parameter, by the squares of its own gradients.

All begin with nothing remembered, and add epsilon to the root as torch does, not within it.
"""

import torch
from torch import Tensor

from ablation.choices.optimizers.moments import Positive, Share, State, accumulate, descend_by_root, kept, per_cell


def adagrad(param_SP: Tensor, grad_SP: Tensor, lr_S1: Tensor, state: State, *, epsilon: Positive = 1e-10) -> None:
    """s <- s + g^2; w <- w - lr g / (sqrt(s) + epsilon) (Duchi et al. 2011, figure 1, with a diagonal matrix)."""
    square_SP = kept(state, "square", grad_SP).addcmul_(grad_SP, grad_SP)
    descend_by_root(param_SP, grad_SP, lr_S1, square_SP, torch.ones_like(lr_S1), epsilon, torch.empty_like(grad_SP))


def rmsprop(
    param_SP: Tensor,
    grad_SP: Tensor,
    lr_S1: Tensor,
    state: State,
    *,
    rho: Share = 0.9,
    epsilon: Positive = 1e-8,
) -> None:
    """v <- rho v + (1 - rho) g^2; w <- w - lr g / (sqrt(v) + epsilon) (Tieleman & Hinton 2012, lecture 6.5, slide 29).

    ``rho`` 0.9 as there and in Keras (torch's alpha is 0.99). The average is short of its due in the first steps, which
    are longer for it.
    """
    rho_S1, room_SP = per_cell(rho, lr_S1), grad_SP.square()
    square_SP = accumulate(state, "square", room_SP, rho_S1)
    weight_S1 = torch.reciprocal(1.0 - rho_S1)  # of a past without an end
    descend_by_root(param_SP, grad_SP, lr_S1, square_SP, weight_S1, epsilon, room_SP)


def adadelta(
    param_SP: Tensor,
    grad_SP: Tensor,
    lr_S1: Tensor,
    state: State,
    *,
    rho: Share = 0.9,
    epsilon: Positive = 1e-6,
) -> None:
    """d = g sqrt(u + epsilon) / sqrt(v + epsilon); w <- w - lr d (Zeiler 2012, algorithm 1).

    v is the average of g^2, this step's among it, u that of d^2, of the steps before: a <- rho a + (1 - rho) x. A step
    has the unit of a parameter, so its own rate is 1; it begins at about sqrt(epsilon).
    """
    rho_S1, room_SP = per_cell(rho, lr_S1), grad_SP.square()
    # All is larger by 1 / (1 - rho), epsilon too, which is lost in the quotient.
    epsilon_S1 = per_cell(epsilon, lr_S1) / (1.0 - rho_S1)
    square_SP = accumulate(state, "square", room_SP, rho_S1)
    torch.add(square_SP, epsilon_S1, out=room_SP).sqrt_()
    step_SP = (kept(state, "step", grad_SP) + epsilon_S1).sqrt_().div_(room_SP).mul_(grad_SP)
    param_SP.addcmul_(step_SP, lr_S1, value=-1.0)
    accumulate(state, "step", step_SP.mul_(step_SP), rho_S1)


RULES = {"adagrad": adagrad, "rmsprop": rmsprop, "adadelta": adadelta}
