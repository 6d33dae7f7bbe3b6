"""The same arithmetic, compiled: one fused pass over memory in place of one an operation.

A graph holds what lies between two matrix products, for any number of cells, batch and width. So a network of twenty
layers needs no more of them than one of two, and none is made anew when cells leave the stack. What fuses little stays
eager: the products, the backward pass of a layer that does not normalize, what is done once a step. Compiled numbers
agree with eager ones to rounding, no further, so how a cell is trained is part of its key.
"""

import torch
from torch import Tensor

from ablation.choices.clipping import OF_THE_WHOLE
from ablation.choices.normalization import BatchStatistics
from ablation.choices.optimizers import State
from ablation.training.arithmetic import Arithmetic, Descent, Numbers
from ablation.training.graphs import graph
from ablation.training.layers import Backward, Forward, Hidden, Linear, Scale
from ablation.training.products import by_column, product, product_by_column
from ablation.training.spec import Spec

CELLS, BATCH, UNITS, FAN_IN, CLASSES = 16, 64, 100, 90, 10
"""Sizes with which a graph is traced. It fits any others; they only hint at what is large."""

SIZE = FAN_IN * UNITS
"""Numbers of a weight matrix of these."""


class CompiledHidden(Hidden):
    """A hidden layer, compiled.

    Args:
        hidden: the layer.
        levels: those of activation and normalization, which decide it.
        device: where its tensors will be.
    """

    def __init__(self, hidden: Hidden, levels: tuple[object, object], device: torch.device) -> None:
        super().__init__(hidden.activation, hidden.normalization)
        z, bias = self.lay_out(torch.zeros(CELLS, BATCH, UNITS, device=device)), _row(device)
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
        self._forward = graph(("forward", levels), forward, [z, bias, _row(device), _row(device), *moved], choices)
        rows = [torch.zeros(CELLS, 1, UNITS, device=device) for _ in range(3)]
        # Whatever the activation, its derivative is there.
        self._backward = graph(
            ("backward", levels[1]), backward, [z, z.clone(), _row(device), z.clone(), *rows], choices[1:]
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


class CompiledDescent(Descent):
    """Clipping and step of a weight matrix, compiled to one pass.

    Args:
        descent: the rules, of which the clipping's is one that need not see the whole gradient.
        levels: their kinds; their numbers are a cell's own.
        names: of the clipping's and of the optimizer's numbers.
        device: where their tensors will be.
    """

    def __init__(
        self, descent: Descent, levels: tuple[str, str], names: tuple[list[str], list[str]], device: torch.device
    ) -> None:
        super().__init__(descent.clip, descent.optimize)
        clips, optimizes = names
        size, number = torch.zeros(CELLS, SIZE, device=device), torch.full((CELLS, 1), 0.5, device=device)
        remembered: State = {}
        numbers = dict.fromkeys(optimizes, number)
        descent.optimize(size.clone(), size.clone(), number, remembered, **numbers)
        self._remembered = list(remembered)

        def descend(param: Tensor, grad: Tensor, lr: Tensor, *rest: Tensor) -> tuple[Tensor]:
            of_clip = dict(zip(clips, rest, strict=False))
            of_optimizer = dict(zip(optimizes, rest[len(clips) :], strict=False))
            state = dict(zip(self._remembered, rest[len(clips) + len(optimizes) :], strict=True))
            kept = dict(state)
            clipped = Descent.__call__(self, param, grad.clone(), lr, state, of_clip, of_optimizer)
            for name, tensor in kept.items():
                # A rule may put another tensor in its place; a graph can only change the one that it was given.
                if state[name] is not tensor:
                    tensor.copy_(state[name])
            return (clipped,)

        example = [_weight(device).flatten(1), size, number.clone(), *[number.clone() for _ in clips + optimizes]]
        self._descend = graph(
            ("descend", levels, names), descend, [*example, *remembered.values()], [self.clip, self.optimize]
        )

    def __call__(
        self, param_SN: Tensor, grad_SN: Tensor, lr_S1: Tensor, state: State, of_clip: Numbers, of_optimizer: Numbers
    ) -> Tensor:
        """As ``Descent``; eager in a block's first step, where there is nothing remembered yet."""
        if len(state) < len(self._remembered):
            return super().__call__(param_SN, grad_SN, lr_S1, state, of_clip, of_optimizer)
        remembered = [state[name] for name in self._remembered]
        numbers = *of_clip.values(), *of_optimizer.values()
        clipped_S: Tensor = self._descend(param_SN, grad_SN, lr_S1, *numbers, *remembered)[0]
        return clipped_S


def compiled_arithmetic(eager: Arithmetic, spec: Spec, device: torch.device) -> Arithmetic:
    """Return the same arithmetic, compiled.

    Args:
        eager: the functions to compile.
        spec: a cell of the cohort, whose levels decide them.
        device: where their tensors will be.
    """
    hidden = CompiledHidden(eager.hidden, (spec.activation, spec.normalization), device)
    output = torch.zeros(CELLS, CLASSES, BATCH, device=device).transpose(1, 2)
    label = torch.zeros(CELLS, BATCH, dtype=torch.int64, device=device)
    loss = graph(("loss", spec.loss), eager.loss, [output, label], [eager.loss])
    score = graph(("score", spec.loss), eager.score, [output, label[0].clone()], [eager.loss])
    weights, gradient = [_weight(device) for _ in range(2)], torch.zeros(CELLS, FAN_IN, UNITS, device=device)
    values = [hidden.lay_out(torch.zeros(CELLS, BATCH, UNITS, device=device)) for _ in range(4)]
    limit = torch.zeros((), device=device)
    kinds = (spec.clipping.kind, spec.optimizer.kind)
    names = (list(spec.clipping.parameters), list(spec.optimizer.parameters))
    summary = graph(
        ("summary", eager.hidden.normalization is None), eager.summary, [*weights, gradient, *values, limit]
    )

    def summarize(weight: Tensor, before: Tensor, grad: Tensor, *rest: Tensor) -> tuple[Tensor, ...]:
        summarized: tuple[Tensor, ...] = summary(weight, before, grad, *map(hidden.lay_out, rest[:-1]), rest[-1])
        return summarized

    takes_parts = spec.clipping.kind not in OF_THE_WHOLE
    return Arithmetic(
        hidden,
        lambda output_SBC, label_SB: loss(by_column(output_SBC), label_SB),
        lambda output_SBC, label_B: score(by_column(output_SBC), label_B),
        summarize,
        CompiledDescent(eager.descend, kinds, names, device) if takes_parts else eager.descend,
    )


def _row(device: torch.device) -> Tensor:
    """Return a vector a unit, as it lies in the flat matrix of all parameters."""
    return torch.zeros(CELLS, 3 * UNITS + 1, device=device)[:, :UNITS]


def _weight(device: torch.device) -> Tensor:
    """Return a weight matrix, as it lies there."""
    return torch.zeros(CELLS, SIZE + 1, device=device)[:, :SIZE].view(CELLS, FAN_IN, UNITS)
