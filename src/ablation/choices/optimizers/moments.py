"""What rules remember: sums of gradients or of their squares in which the past counts ever less.

An exponential average a <- rho a + (1 - rho) x that begins at zero is short of its due by 1 - rho^t. Kept here are the
sum s <- rho s + x and the sum of its weights n <- rho n + 1: s / n is the average with that made good, (1 - rho) s the
one without. No power is taken, whose rounding hangs on its place in memory, and nothing cancels where rho is near 1.
"""

from typing import Annotated

import torch
from torch import Tensor

State = dict[str, Tensor]
Share = Annotated[float | Tensor, "[0, 1)"]
Positive = Annotated[float | Tensor, "(0, inf)"]


def per_cell(setting: float | Tensor, like_S1: Tensor) -> Tensor:
    """Return a setting as one number a cell, so that what is reckoned from it is the same however it was given."""
    return setting if isinstance(setting, Tensor) else torch.full_like(like_S1, setting)


def kept(state: State, name: str, like: Tensor) -> Tensor:
    """Return what is remembered under a name, which begins at zero."""
    if name not in state:
        state[name] = torch.zeros_like(like)
    return state[name]


def accumulate(state: State, name: str, x: Tensor, share_S1: Tensor) -> Tensor:
    """s <- rho s + x, in one pass over memory: return it as it is kept."""
    total = kept(state, name, x)
    return torch.addcmul(x, total, share_S1, out=total)


def accumulate_weight(state: State, name: str, share_S1: Tensor) -> Tensor:
    """n <- rho n + 1: return it as it is kept, [S, 1]."""
    return accumulate(state, name, torch.ones_like(share_S1), share_S1)


def descend_by_root(
    param_SP: Tensor,
    direction_SP: Tensor,
    rate_S1: Tensor,
    sum_SP: Tensor,
    weight_S1: Tensor,
    epsilon: float | Tensor,
    room_SP: Tensor,
) -> None:
    """w <- w - rate u / (sqrt(s / n) + epsilon), where n is taken out of the root: four passes over memory.

    Args:
        param_SP: w.
        direction_SP: u.
        rate_S1: what it is multiplied by.
        sum_SP: s, a sum of squares.
        weight_S1: n, the sum of its weights.
        epsilon: above zero.
        room_SP: memory that may be written over.
    """
    scale_S1 = weight_S1.sqrt()
    torch.sqrt(sum_SP, out=room_SP).add_(epsilon * scale_S1)
    torch.div(direction_SP, room_SP, out=room_SP)
    param_SP.addcmul_(room_SP, rate_S1 * scale_S1, value=-1.0)
