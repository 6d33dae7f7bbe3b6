"""Optimizers: how a gradient becomes a step.

A rule changes parameters of a whole cohort in place: those of one weight matrix, or any others. It keeps what it must
remember about them from step to step in ``state``, a dict of their own that begins empty, with a row a cell in every
tensor. ``grad_SP`` is used up. A momentum is a float, or one a cell as [S, 1]. A rule that needs more asks for it in
its signature; one that must see all of a cell's parameters at once, as [S, P], annotates its gradient with "whole".

Legend: S cells, P parameters of a cell that are changed together, 1 an axis of length one.
"""

from collections.abc import Callable
from typing import Annotated

import torch
from torch import Tensor

Optimizer = Callable[..., None]
State = dict[str, Tensor]
Momentum = Annotated[float | Tensor, "[0, 1)"]


def sgd(param_SP: Tensor, grad_SP: Tensor, lr_S1: Tensor, state: State) -> None:
    """w <- w - lr g (Robbins & Monro 1951)."""
    param_SP.addcmul_(grad_SP, lr_S1, value=-1.0)


def momentum(param_SP: Tensor, grad_SP: Tensor, lr_S1: Tensor, state: State, *, momentum: Momentum = 0.9) -> None:
    """v <- mu v + g; w <- w - lr v: the heavy ball of Polyak 1964, with the learning rate outside as in torch."""
    velocity = _velocity(state, grad_SP, momentum)
    param_SP.addcmul_(velocity, lr_S1, value=-1.0)


def nesterov(param_SP: Tensor, grad_SP: Tensor, lr_S1: Tensor, state: State, *, momentum: Momentum = 0.9) -> None:
    """v <- mu v + g; w <- w - lr (g + mu v) (Nesterov 1983, as in Sutskever et al. 2013, equations 3 and 4)."""
    velocity = _velocity(state, grad_SP, momentum)
    param_SP.addcmul_(grad_SP.add_(velocity * momentum), lr_S1, value=-1.0)


def _velocity(state: State, grad_SP: Tensor, momentum: float | Tensor) -> Tensor:
    if "velocity" not in state:
        state["velocity"] = torch.zeros_like(grad_SP)
    return state["velocity"].mul_(momentum).add_(grad_SP)


OPTIMIZERS: dict[str, Optimizer] = {"sgd": sgd, "momentum": momentum, "nesterov": nesterov}
