"""Losses: what is minimized, with its gradient with respect to the network's outputs.

A loss takes the outputs and the labels and returns the mean over each cell's batch and the gradient of that mean.

Legend: S cells, B batch, C classes.
"""

from collections.abc import Callable

import torch
from torch import Tensor

LossAndGradient = tuple[Tensor, Tensor]


def cross_entropy(output_SBC: Tensor, label_SB: Tensor) -> LossAndGradient:
    """L = mean_b -log softmax(z_b)[y_b]; dL/dz = (softmax(z) - onehot(y)) / B, for outputs z in nats.

    Source: Bridle 1990; the same as ``torch.nn.functional.cross_entropy``.
    """
    log_probability = torch.log_softmax(output_SBC, dim=2)
    target = label_SB.unsqueeze(2)
    loss_S = -log_probability.gather(2, target).squeeze(2).mean(1)
    batch = label_SB.shape[1]
    grad = log_probability.exp_().div_(batch)
    return loss_S, grad.scatter_add_(2, target, grad.new_full((1,), -1.0 / batch).expand(target.shape))


def mse(output_SBC: Tensor, label_SB: Tensor) -> LossAndGradient:
    """L = mean over batch and classes of (z - onehot(y))^2, as ``torch.nn.functional.mse_loss``."""
    target = label_SB.unsqueeze(2)
    error = output_SBC.scatter_add(2, target, output_SBC.new_full((1,), -1.0).expand(target.shape))
    loss_S = error.square().mean((1, 2))
    return loss_S, error.mul_(2.0 / (error.shape[1] * error.shape[2]))


LOSSES: dict[str, Callable[..., LossAndGradient]] = {"cross_entropy": cross_entropy, "mse": mse}
