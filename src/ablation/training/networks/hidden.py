"""A hidden layer: product, normalization and activation, forward and backward.

With z = h W + b the layer is  a = N(z),  h' = phi(a)  with normalization N before the activation, or  a = z,
h' = N(phi(a))  with it after. a, which enters the activation, is what this project calls the *pre-activation*; delta
is the gradient of the loss with respect to it.
"""

from dataclasses import dataclass
from typing import NamedTuple

from torch import Tensor

from ablation.choices.normalization import BatchNormalization, BatchStatistics
from ablation.training.elementwise import Activation
from ablation.training.networks.layout import Linear, Scale
from ablation.training.products import linear, product


class Forward(NamedTuple):
    """What a layer hands on, what its backward pass needs, and what probes look at, where that was to be kept."""

    output_SBO: Tensor
    derivative_SBO: Tensor
    statistics: BatchStatistics | None
    preactivation_SBO: Tensor | None
    activation_SBO: Tensor | None


class Backward(NamedTuple):
    """The gradients at a layer: delta, where it was to be kept, that of z, of the bias and those of gamma and beta.

    That of a bias right before a batch normalization is zero, and none is given: the batch's mean takes it away again.
    """

    delta_SBO: Tensor | None
    grad_SBO: Tensor
    bias_grad_SO: Tensor | None
    scale_grad: Scale | None


@dataclass
class Hidden:
    """The layer's arithmetic, in eager mode; its numbers are kept outside.

    Attributes:
        activation: value and derivative.
        normalization: batch normalization, or none.
    """

    activation: Activation
    normalization: BatchNormalization | None

    def forward(
        self, h_SBI: Tensor, layer: Linear, scale: Scale | None, running: Scale | None = None, keep: bool = False
    ) -> Forward:
        """Return what the layer makes of its input in training mode.

        ``scale`` is gamma and beta, where it normalizes; ``running`` statistics, where given, are moved in place. What
        probes look at is there if it is to be kept, and may be there without.
        """
        return self.behind(linear(h_SBI, *layer), scale, running)

    def product(self, h_SBI: Tensor, layer: Linear) -> Tensor:
        """Return z = h W + b, in memory of its own."""
        return linear(h_SBI, *layer)

    def behind(self, z_SBO: Tensor, scale: Scale | None, running: Scale | None, keep: bool = False) -> Forward:
        """Return what the layer makes of z = h W + b, which stays as it is; the rest as ``forward``."""
        a_SBO, statistics = z_SBO, None
        if self._normalizes("before"):
            a_SBO, statistics = self._normalize(z_SBO, scale, running)
        activation_SBO, derivative_SBO = self.activation(a_SBO)
        output_SBO = activation_SBO
        if self._normalizes("after"):
            output_SBO, statistics = self._normalize(activation_SBO, scale, running)
        return Forward(output_SBO, derivative_SBO, statistics, a_SBO, activation_SBO)

    def backward(
        self,
        grad_SBO: Tensor,
        derivative_SBO: Tensor,
        statistics: BatchStatistics | None,
        scale: Scale | None,
        keep: bool = False,
    ) -> Backward:
        """Return the layer's gradients, given that of its output, which is used up; for ``keep`` see ``forward``."""
        scale_grad = None
        if self._normalizes("after"):
            grad_SBO, scale_grad = self._denormalize(grad_SBO, statistics, scale)
        delta_SBO = grad_SBO = grad_SBO.mul_(derivative_SBO)
        if self._normalizes("before"):
            grad_SBO, scale_grad = self._denormalize(grad_SBO, statistics, scale)
            return Backward(delta_SBO, grad_SBO, None, scale_grad)
        return Backward(delta_SBO, grad_SBO, grad_SBO.sum(1), scale_grad)

    def propagate(self, grad_SBO: Tensor, weight_SIO: Tensor) -> Tensor:
        """Return the gradient of a product's left factor, dh = dz W', [S, B, I]."""
        return product(grad_SBO, weight_SIO.transpose(1, 2))

    def activate(self, z_SBO: Tensor) -> Tensor:
        """Return the activation alone, for inference."""
        return self.activation(z_SBO)[0]

    def inference(self, h_SBI: Tensor, layer: Linear) -> Tensor:
        """Return the output of a layer into which its normalization has been folded."""
        return self.activation(linear(h_SBI, *layer))[0]

    def _normalizes(self, placement: str) -> bool:
        return self.normalization is not None and self.normalization.placement == placement

    def _normalize(self, x_SBO: Tensor, scale: Scale | None, running: Scale | None) -> tuple[Tensor, BatchStatistics]:
        assert self.normalization is not None
        assert scale is not None
        y_SBO, statistics = self.normalization.forward(x_SBO, *scale)
        if running is not None:
            self.normalization.update(*running, statistics)
        return y_SBO, statistics

    def _denormalize(
        self, grad_SBO: Tensor, statistics: BatchStatistics | None, scale: Scale | None
    ) -> tuple[Tensor, Scale]:
        assert self.normalization is not None
        assert statistics is not None
        assert scale is not None
        grad_SBO, gamma_grad_SO, beta_grad_SO = self.normalization.backward(grad_SBO, statistics, scale.first_SO)
        return grad_SBO, Scale(gamma_grad_SO, beta_grad_SO)
