"""A hidden layer, compiled: what lies behind its product, in one graph there and one back.

Its tensors lie unit by unit, the batch along memory: a graph's sums over the batch, and its passes over rows that are
seldom a multiple of the processor's eight or sixteen numbers wide, are up to twice as fast there.
"""

import torch
from torch import Tensor

from ablation.choices.normalization import BatchStatistics
from ablation.training.compiled.examples import CELLS, UNITS, by_unit, row
from ablation.training.compiled.graphs import Graph
from ablation.training.networks.hidden import Backward, Forward, Hidden
from ablation.training.networks.layout import Linear, Scale
from ablation.training.products import by_column, product_by_column


class CompiledHidden(Hidden):
    """A hidden layer that does not normalize, compiled; its backward pass is eager, for it is only two passes.

    Args:
        hidden: the layer.
        levels: those of activation and normalization, which decide it.
        device: where its tensors will be.

    Attributes:
        graphs: what it calls, to be made before.
    """

    def __init__(self, hidden: Hidden, levels: tuple[object, object], device: torch.device) -> None:
        super().__init__(hidden.activation, hidden.normalization)
        self._activate = Graph(
            ("activation", levels[0]),
            lambda z, bias: hidden.activation(z + bias.unsqueeze(1)),
            [by_unit(device), row(device)],
            [hidden.activation],
        )
        self.graphs = [self._activate]

    def forward(
        self, h_SBI: Tensor, layer: Linear, scale: Scale | None, running: Scale | None = None, keep: bool = False
    ) -> Forward:
        """As ``Hidden.forward``; what is to be kept is made again from what the graph returns."""
        z_SBO = product_by_column(h_SBI, layer.weight_SIO)
        output_SBO, derivative_SBO = self._activate(z_SBO, layer.bias_SO)
        a_SBO = z_SBO.add_(layer.bias_SO.unsqueeze(1)) if keep else None
        return Forward(output_SBO, derivative_SBO, None, a_SBO, output_SBO if keep else None)

    def product(self, h_SBI: Tensor, layer: Linear) -> Tensor:
        """As ``Hidden.product``."""
        return product_by_column(h_SBI, layer.weight_SIO).add_(layer.bias_SO.unsqueeze(1))

    def behind(self, z_SBO: Tensor, scale: Scale | None, running: Scale | None, keep: bool = False) -> Forward:
        """As ``Hidden.behind``; the bias is in z already."""
        output_SBO, derivative_SBO = self._activate(z_SBO, _no_bias(z_SBO))
        return Forward(output_SBO, derivative_SBO, None, z_SBO, output_SBO)

    def activate(self, z_SBO: Tensor) -> Tensor:
        """As ``Hidden.activate``."""
        return self._activate(z_SBO, _no_bias(z_SBO))[0]

    def inference(self, h_SBI: Tensor, layer: Linear) -> Tensor:
        """As ``Hidden.inference``: whatever the normalization, for it has been folded into the layer."""
        return self._activate(product_by_column(h_SBI, layer.weight_SIO), layer.bias_SO)[0]

    def propagate(self, grad_SBO: Tensor, weight_SIO: Tensor) -> Tensor:
        """As ``Hidden.propagate``."""
        return product_by_column(grad_SBO, weight_SIO.transpose(1, 2))


class CompiledNormalized(CompiledHidden):
    """A hidden layer that normalizes, compiled.

    Args:
        hidden: the layer.
        levels: those of activation and normalization, which decide it.
        device: where its tensors will be.
    """

    def __init__(self, hidden: Hidden, levels: tuple[object, object], device: torch.device) -> None:
        super().__init__(hidden, levels, device)

        def forward(z: Tensor, bias: Tensor, *numbers: Tensor) -> tuple[Tensor, ...]:
            passed = hidden.behind(z + bias.unsqueeze(1), Scale(*numbers[:2]), Scale(*numbers[2:]))
            return passed.output_SBO, passed.derivative_SBO, *(passed.statistics or ())

        def backward(grad: Tensor, derivative: Tensor, gamma: Tensor, *statistics: Tensor) -> tuple[Tensor, ...]:
            at = hidden.backward(grad.clone(), derivative, BatchStatistics(*statistics), Scale(gamma, gamma))
            bias = () if at.bias_grad_SO is None else (at.bias_grad_SO,)
            return at.grad_SBO, *(at.scale_grad or ()), *bias

        rows, moved = [row(device) for _ in range(3)], [torch.zeros(CELLS, UNITS, device=device) for _ in range(2)]
        choices = [hidden.activation, hidden.normalization]
        self._forward = Graph(("forward", levels), forward, [by_unit(device), *rows, *moved], choices)
        statistics = [by_unit(device), *[torch.zeros(CELLS, 1, UNITS, device=device) for _ in range(3)]]
        # Whatever the activation, its derivative is there.
        self._backward = Graph(
            ("backward", levels[1]), backward, [by_unit(device), by_unit(device), row(device), *statistics], choices[1:]
        )
        self.graphs += [self._forward, self._backward]

    def forward(
        self, h_SBI: Tensor, layer: Linear, scale: Scale | None, running: Scale | None = None, keep: bool = False
    ) -> Forward:
        """As ``Hidden.forward``; what is to be kept is made again from what the graph returns."""
        return self._passed(product_by_column(h_SBI, layer.weight_SIO), layer.bias_SO, scale, running, keep)

    def behind(self, z_SBO: Tensor, scale: Scale | None, running: Scale | None, keep: bool = False) -> Forward:
        """As ``Hidden.behind``; the bias is in z already."""
        return self._passed(z_SBO, None, scale, running, keep)

    def _passed(
        self, z_SBO: Tensor, bias_SO: Tensor | None, scale: Scale | None, running: Scale | None, keep: bool
    ) -> Forward:
        assert scale is not None
        moved = running or [z_SBO.new_zeros(z_SBO.shape[0], z_SBO.shape[2]) for _ in range(2)]
        output_SBO, derivative_SBO, *rest = self._forward(
            z_SBO, _no_bias(z_SBO) if bias_SO is None else bias_SO, *scale, *moved
        )
        statistics = BatchStatistics(*rest)
        if not keep:
            return Forward(output_SBO, derivative_SBO, statistics, None, None)
        if self._normalizes("after"):
            a_SBO = z_SBO if bias_SO is None else z_SBO.add_(bias_SO.unsqueeze(1))
            return Forward(output_SBO, derivative_SBO, statistics, a_SBO, self.activation(a_SBO)[0])
        gamma_SO, beta_SO = scale
        factor_S1O = statistics.inverse_std_S1O * gamma_SO.unsqueeze(1)
        a_SBO = torch.addcmul(beta_SO.unsqueeze(1), statistics.centred_SBO, factor_S1O)
        return Forward(output_SBO, derivative_SBO, statistics, a_SBO, output_SBO)

    def backward(
        self,
        grad_SBO: Tensor,
        derivative_SBO: Tensor,
        statistics: BatchStatistics | None,
        scale: Scale | None,
        keep: bool = False,
    ) -> Backward:
        """As ``Hidden.backward``."""
        assert statistics is not None
        assert scale is not None
        grad_SBO = by_column(grad_SBO)
        delta_SBO = grad_SBO * derivative_SBO if keep and self._normalizes("before") else None
        grad_SBO, gamma_grad_SO, beta_grad_SO, *bias = self._backward(
            grad_SBO, derivative_SBO, scale.first_SO, *statistics
        )
        if keep and delta_SBO is None:
            delta_SBO = grad_SBO
        return Backward(delta_SBO, grad_SBO, bias[0] if bias else None, Scale(gamma_grad_SO, beta_grad_SO))


def _no_bias(z_SBO: Tensor) -> Tensor:
    return z_SBO.new_zeros(z_SBO.shape[0], z_SBO.shape[2])
