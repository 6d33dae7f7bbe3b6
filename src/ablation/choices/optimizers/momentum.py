"""Descent along the gradient itself, or along what is left of those before."""

from torch import Tensor

from ablation.choices.optimizers.moments import Share, State, accumulate, per_cell


def sgd(param_SP: Tensor, grad_SP: Tensor, lr_S1: Tensor, state: State) -> None:
    """w <- w - lr g (Robbins & Monro 1951)."""
    param_SP.addcmul_(grad_SP, lr_S1, value=-1.0)


def momentum(param_SP: Tensor, grad_SP: Tensor, lr_S1: Tensor, state: State, *, momentum: Share = 0.9) -> None:
    """v <- mu v + g; w <- w - lr v: the heavy ball of Polyak 1964, with the learning rate outside as in torch."""
    velocity_SP = accumulate(state, "velocity", grad_SP, per_cell(momentum, lr_S1))
    param_SP.addcmul_(velocity_SP, lr_S1, value=-1.0)


def nesterov(param_SP: Tensor, grad_SP: Tensor, lr_S1: Tensor, state: State, *, momentum: Share = 0.9) -> None:
    """v <- mu v + g; w <- w - lr (g + mu v) (Nesterov 1983, as in Sutskever et al. 2013, equations 3 and 4)."""
    momentum_S1 = per_cell(momentum, lr_S1)
    velocity_SP = accumulate(state, "velocity", grad_SP, momentum_S1)
    param_SP.addcmul_(grad_SP.addcmul_(velocity_SP, momentum_S1), lr_S1, value=-1.0)


RULES = {"sgd": sgd, "momentum": momentum, "nesterov": nesterov}
