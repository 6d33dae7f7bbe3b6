"""A hidden layer, compiled: what lies behind its product, in one graph there and one back."""

import torch
from torch import Tensor

from ablation.choices.normalization import BatchStatistics
from ablation.training.compiled.examples import BATCH, CELLS, UNITS, row
from ablation.training.compiled.graphs import graph
from ablation.training.layers import Backward, Forward, Hidden, Linear, Scale
from ablation.training.products import by_column, product, product_by_column


class CompiledHidden(Hidden):
    """A hidden layer, compiled.

    Args:
        hidden: the layer.
        levels: those of activation and normalization, which decide it.
        device: where its tensors will be.
    """

    def __init__(self, hidden: Hidden, levels: tuple[object, object], device: torch.device) -> None:
        super().__init__(hidden.activation, hidden.normalization)
        z, bias = self.lay_out(torch.zeros(CELLS, BATCH, UNITS, device=device)), row(device)
        choices = [hidden.activation, hidden.normalization] if hidden.normalization else [hidden.activation]
        self._inference = graph(
            ("inference", levels[0], hidden.normalization is None),
            lambda z, bias: hidden.activation(z + bias.unsqueeze(1))[:1],
            [z, bias],
            choices[:1],
        )
        if hidden.normalization is None:
            self._forward = graph(
                ("forward", levels), lambda z, bias: hidden.activation(z + bias.unsqueeze(1)), [z, bias], choices
            )
            return

        def forward(z: Tensor, bias: Tensor, *numbers: Tensor) -> tuple[Tensor, ...]:
            passed = hidden.behind(z + bias.unsqueeze(1), Scale(*numbers[:2]), Scale(*numbers[2:]))
            return passed.output_SBO, passed.derivative_SBO, *(passed.statistics or ())

        def backward(grad: Tensor, derivative: Tensor, gamma: Tensor, *statistics: Tensor) -> tuple[Tensor, ...]:
            at = hidden.backward(grad.clone(), derivative, BatchStatistics(*statistics), Scale(gamma, gamma))
            bias = () if at.bias_grad_SO is None else (at.bias_grad_SO,)
            return at.grad_SBO, *(at.scale_grad or ()), *bias

        moved = [torch.zeros(CELLS, UNITS, device=device) for _ in range(2)]
        self._forward = graph(("forward", levels), forward, [z, bias, row(device), row(device), *moved], choices)
        rows = [torch.zeros(CELLS, 1, UNITS, device=device) for _ in range(3)]
        # Whatever the activation, its derivative is there.
        self._backward = graph(
            ("backward", levels[1]), backward, [z, z.clone(), row(device), z.clone(), *rows], choices[1:]
        )

    def forward(
        self, h_SBI: Tensor, layer: Linear, scale: Scale | None, running: Scale | None = None, keep: bool = False
    ) -> Forward:
        """As ``Hidden.forward``; what is to be kept is made again from what the graph returns."""
        z_SBO = self._product(h_SBI, layer.weight_SIO)
        if self.normalization is None:
            output_SBO, derivative_SBO = self._forward(z_SBO, layer.bias_SO)
            a_SBO = z_SBO.add_(layer.bias_SO.unsqueeze(1)) if keep else None
            return Forward(output_SBO, derivative_SBO, None, a_SBO, output_SBO if keep else None)
        assert scale is not None
        moved = running or [z_SBO.new_zeros(z_SBO.shape[0], z_SBO.shape[2]) for _ in range(2)]
        output_SBO, derivative_SBO, *rest = self._forward(z_SBO, layer.bias_SO, *scale, *moved)
        statistics = BatchStatistics(*rest)
        if not keep:
            return Forward(output_SBO, derivative_SBO, statistics, None, None)
        if self._normalizes("after"):
            a_SBO = z_SBO.add_(layer.bias_SO.unsqueeze(1))
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
        """As ``Hidden.backward``; eager where nothing is normalized, for it is only two passes."""
        if statistics is None or scale is None or self.normalization is None:
            return super().backward(grad_SBO, derivative_SBO, statistics, scale, keep)
        grad_SBO = self.lay_out(grad_SBO)
        delta_SBO = grad_SBO * derivative_SBO if keep and self._normalizes("before") else None
        grad_SBO, gamma_grad_SO, beta_grad_SO, *bias = self._backward(
            grad_SBO, derivative_SBO, scale.first_SO, *statistics
        )
        if keep and delta_SBO is None:
            delta_SBO = grad_SBO
        return Backward(delta_SBO, grad_SBO, bias[0] if bias else None, Scale(gamma_grad_SO, beta_grad_SO))

    def inference(self, h_SBI: Tensor, layer: Linear) -> Tensor:
        """As ``Hidden.inference``."""
        output_SBO: Tensor = self._inference(self._product(h_SBI, layer.weight_SIO), layer.bias_SO)[0]
        return output_SBO

    def propagate(self, grad_SBO: Tensor, weight_SIO: Tensor) -> Tensor:
        """As ``Hidden.propagate``."""
        return self._product(grad_SBO, weight_SIO.transpose(1, 2))

    def _product(self, left: Tensor, right: Tensor) -> Tensor:
        """Return the product of every cell, laid out as the graphs take it.

        Where the batch is normalized that is unit by unit: a graph's sums over the batch, and its passes over rows that
        are seldom a multiple of the processor's eight or sixteen numbers wide, are up to twice as fast there.
        """
        return product(left, right).contiguous() if self.normalization is None else product_by_column(left, right)

    def lay_out(self, x_SBO: Tensor) -> Tensor:
        """Return the same tensor, laid out as ``_product`` does."""
        return x_SBO.contiguous() if self.normalization is None else by_column(x_SBO)
