"""Normalization of a layer's values over the batch, with its own analytic backward pass.

Legend: S cells, B batch, O units. Statistics are per cell and unit, over the batch alone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Literal, NamedTuple

import torch
from torch import Tensor


class BatchStatistics(NamedTuple):
    """What the forward pass leaves for the backward pass and for the running statistics."""

    normalized_SBO: Tensor
    inverse_std_S1O: Tensor
    mean_S1O: Tensor
    variance_S1O: Tensor


@dataclass(frozen=True)
class Batch:
    """Batch normalization: y = gamma (x - mean) / sqrt(variance + epsilon) + beta (Ioffe & Szegedy 2015, algorithm 1).

    Keras is followed, not torch: ``epsilon`` 1e-3 (torch 1e-5); ``momentum`` 0.99 is the share of the running
    statistics that is *kept* at a step (torch's 0.1 is the share that is replaced); and the running variance averages
    the biased variance, the one that the training step divides by (torch averages the unbiased one).

    Attributes:
        placement: before or after the activation of every hidden layer.
        input: whether the network's inputs are normalized too, by one more such layer.
        epsilon: added to the variance.
        momentum: share of the running mean and variance kept at each step.
    """

    placement: Literal["before", "after"] = "before"
    input: bool = False
    epsilon: Annotated[float, "(0, inf)"] = 1e-3
    momentum: Annotated[float, "[0, 1)"] = 0.99

    def forward(self, x_SBO: Tensor, gamma_SO: Tensor, beta_SO: Tensor) -> tuple[Tensor, BatchStatistics]:
        """Normalize by the batch's own mean and (biased) variance: training mode."""
        mean_S1O = x_SBO.mean(1, keepdim=True)
        centred = x_SBO - mean_S1O
        # A mean of squares, not torch.var: over the batch axis that is 40 times slower on a CPU.
        variance_S1O = centred.square().mean(1, keepdim=True)
        inverse_std_S1O = (variance_S1O + self.epsilon).rsqrt_()
        normalized = centred.mul_(inverse_std_S1O)
        y_SBO = torch.addcmul(beta_SO.unsqueeze(1), normalized, gamma_SO.unsqueeze(1))
        return y_SBO, BatchStatistics(normalized, inverse_std_S1O, mean_S1O, variance_S1O)

    def backward(
        self, grad_SBO: Tensor, statistics: BatchStatistics, gamma_SO: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients of the input, gamma and beta, given that of the output.

        dx = gamma / sqrt(variance + epsilon) * (dy - mean(dy) - xhat mean(dy xhat)), which is what the chain rules of
        Ioffe & Szegedy 2015, section 3, come to.
        """
        normalized = statistics.normalized_SBO
        batch = grad_SBO.shape[1]
        beta_grad_SO = grad_SBO.sum(1)
        gamma_grad_SO = (grad_SBO * normalized).sum(1)
        scale_S1O = statistics.inverse_std_S1O * gamma_SO.unsqueeze(1)
        x_grad = grad_SBO - (beta_grad_SO / batch).unsqueeze(1)
        x_grad.addcmul_(normalized, (gamma_grad_SO / batch).unsqueeze(1), value=-1.0)
        return x_grad.mul_(scale_S1O), gamma_grad_SO, beta_grad_SO

    def update(self, running_mean_SO: Tensor, running_variance_SO: Tensor, statistics: BatchStatistics) -> None:
        """Move the running statistics, in place, toward this batch's."""
        running_mean_SO.lerp_(statistics.mean_S1O.squeeze(1), 1.0 - self.momentum)
        running_variance_SO.lerp_(statistics.variance_S1O.squeeze(1), 1.0 - self.momentum)

    def inference(
        self, x_SBO: Tensor, gamma_SO: Tensor, beta_SO: Tensor, running_mean_SO: Tensor, running_variance_SO: Tensor
    ) -> Tensor:
        """Normalize by the running statistics: each sample by itself (Ioffe & Szegedy 2015, algorithm 2)."""
        scale_SO = gamma_SO * (running_variance_SO + self.epsilon).rsqrt_()
        shift_SO = torch.addcmul(beta_SO, running_mean_SO, scale_SO, value=-1.0)
        return torch.addcmul(shift_SO.unsqueeze(1), x_SBO, scale_SO.unsqueeze(1))


def none() -> None:
    """No normalization: the values pass as they are."""
    return


NORMALIZATIONS: dict[str, Callable[..., Batch | None]] = {"none": none, "batch": Batch}
