"""The same arithmetic, compiled: one fused pass over memory in place of one an operation.

A graph holds what lies between two matrix products, for any number of cells, batch and width. So a network of twenty
layers needs no more of them than one of two, and none is made anew when cells leave the stack. What fuses little stays
eager: the products, the probes' own pass through the network, the step itself. Compiled numbers agree with eager ones
to rounding, no further, so how a cell is trained is part of its key.

Graphs are traced and compiled here rather than by ``torch.compile``, which looks at every argument anew at each call:
that takes as long as the passes over memory that a small layer is spared.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor

from ablation.choices.normalization import BatchStatistics
from ablation.training.arithmetic import Arithmetic
from ablation.training.layers import Backward, Forward, Hidden, Linear, Scale
from ablation.training.products import product
from ablation.training.spec import Spec

CELLS, BATCH, UNITS, FAN_IN, CLASSES = 16, 64, 100, 90, 10
"""Sizes with which a graph is traced. It fits any others; they only hint at what is large."""


class CannotCompileError(ValueError):
    """What is to be compiled holds for certain sizes alone."""


def has_compiler() -> bool:
    """Return whether torch finds the C++ compiler that it compiles for a CPU with."""
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler:
        return False
    return True


def compiled(function: Callable[..., Any], example: Sequence[Tensor]) -> Callable[..., tuple[Tensor, ...]]:
    """Return a function of tensors compiled for all shapes; torch keeps what it compiles on disk.

    Args:
        function: takes tensors and returns a tensor or a tuple of them; may change them in place.
        example: such tensors, laid out as they will be. What has the same length or stride here is taken to be always
            the same, what has another may differ.

    Raises:
        CannotCompileError: the function was traced for certain lengths alone.
    """
    from torch._inductor import config, standalone_compile
    from torch.fx.experimental.proxy_tensor import make_fx

    # Compiling happens in this process, for a pool of compiling processes would outlive a worker that is killed.
    config.compile_threads = 1
    with torch.no_grad(), _compiling():
        graph = make_fx(function, tracing_mode="symbolic")(*example)
        _refuse_sizes(graph)
        made: Callable[..., tuple[Tensor, ...]] = standalone_compile(graph, list(example), donate_graph_module=True)
    return made


def _refuse_sizes(graph: torch.fx.GraphModule) -> None:
    """Refuse a graph that was traced for certain lengths: its arguments are not looked at when it is called."""
    shapes = next(iter(graph.graph.nodes)).meta["val"].fake_mode.shape_env
    for guard in shapes.guards:
        if any(atom.is_Integer and int(atom) > 1 for atom in guard.expr.atoms()):
            raise CannotCompileError(f"a choice makes a Python number of a length, or branches on it ({guard.expr})")


@contextmanager
def _compiling() -> Iterator[None]:
    """Have ``torch.compiler.is_compiling()`` say so while a function is traced."""
    torch.compiler._is_compiling_flag = True
    try:
        yield
    finally:
        torch.compiler._is_compiling_flag = False


class CompiledHidden(Hidden):
    """A hidden layer, compiled; it keeps nothing for probes."""

    def __init__(self, hidden: Hidden, device: torch.device) -> None:
        super().__init__(hidden.activation, hidden.normalization)
        z, bias = torch.zeros(CELLS, BATCH, UNITS, device=device), _row(device)
        self._inference = compiled(lambda z, bias: hidden.activation(z + bias.unsqueeze(1))[:1], [z, bias])
        if hidden.normalization is None:
            self._forward = compiled(lambda z, bias: hidden.activation(z + bias.unsqueeze(1)), [z, bias])
            return

        def forward(z: Tensor, bias: Tensor, *numbers: Tensor) -> tuple[Tensor, ...]:
            passed = hidden.behind(z + bias.unsqueeze(1), Scale(*numbers[:2]), Scale(*numbers[2:]))
            return passed.output_SBO, passed.derivative_SBO, *(passed.statistics or ())

        def backward(grad: Tensor, derivative: Tensor, gamma: Tensor, *statistics: Tensor) -> tuple[Tensor, ...]:
            at = hidden.backward(grad.clone(), derivative, BatchStatistics(*statistics), Scale(gamma, gamma))
            bias = () if at.bias_grad_SO is None else (at.bias_grad_SO,)
            return at.grad_SBO, *(at.scale_grad or ()), *bias

        moved = [torch.zeros(CELLS, UNITS, device=device) for _ in range(2)]
        self._forward = compiled(forward, [z, bias, _row(device), _row(device), *moved])
        rows = [torch.zeros(CELLS, 1, UNITS, device=device) for _ in range(3)]
        self._backward = compiled(backward, [z, z.clone(), _row(device), z.clone(), *rows])

    def forward(self, h_SBI: Tensor, layer: Linear, scale: Scale | None, running: Scale | None = None) -> Forward:
        """As ``Hidden.forward``, without pre-activation and activation."""
        z_SBO = product(h_SBI, layer.weight_SIO).contiguous()
        if self.normalization is None:
            output_SBO, derivative_SBO = self._forward(z_SBO, layer.bias_SO)
            return Forward(output_SBO, derivative_SBO, None, None, None)
        assert scale is not None
        assert running is not None
        output_SBO, derivative_SBO, *kept = self._forward(z_SBO, layer.bias_SO, *scale, *running)
        return Forward(output_SBO, derivative_SBO, BatchStatistics(*kept), None, None)

    def backward(
        self, grad_SBO: Tensor, derivative_SBO: Tensor, statistics: BatchStatistics | None, scale: Scale | None
    ) -> Backward:
        """As ``Hidden.backward``, without delta; eager where nothing is normalized, for it is only two passes."""
        if statistics is None or scale is None or self.normalization is None:
            return super().backward(grad_SBO, derivative_SBO, statistics, scale)
        grad_SBO, gamma_grad_SO, beta_grad_SO, *bias = self._backward(
            grad_SBO.contiguous(), derivative_SBO, scale.first_SO, *statistics
        )
        return Backward(grad_SBO, grad_SBO, bias[0] if bias else None, Scale(gamma_grad_SO, beta_grad_SO))

    def inference(self, h_SBI: Tensor, layer: Linear) -> Tensor:
        """As ``Hidden.inference``."""
        return self._inference(product(h_SBI, layer.weight_SIO).contiguous(), layer.bias_SO)[0]


def compiled_arithmetic(eager: Arithmetic, spec: Spec, device: torch.device) -> Arithmetic:
    """Return the same arithmetic, compiled; what a level decides is compiled once in a process.

    Args:
        eager: the functions to compile.
        spec: a cell of the cohort, whose levels decide them.
        device: where their tensors will be.
    """
    layer_levels, loss_level = (spec.activation, spec.normalization), spec.loss
    output = torch.zeros(CELLS, CLASSES, BATCH, device=device).transpose(1, 2)
    label = torch.zeros(CELLS, BATCH, dtype=torch.int64, device=device)
    loss = _once(loss_level, lambda: compiled(eager.loss, [output, label]))
    score = _once(("score", loss_level), lambda: compiled(eager.score, [output, label[0].clone()]))
    return Arithmetic(
        _once(layer_levels, lambda: CompiledHidden(eager.hidden, device)),
        lambda output_SBC, label_SB: loss(_classes_first(output_SBC), label_SB),
        lambda output_SBC, label_B: score(_classes_first(output_SBC), label_B),
        _once("summary", lambda: _compiled_summary(eager.summary, device)),
    )


def _compiled_summary(
    summary: Callable[..., Sequence[Tensor]], device: torch.device
) -> Callable[..., Sequence[Tensor]]:
    size = FAN_IN * UNITS
    weights = [torch.zeros(CELLS, size + 1, device=device)[:, :size].view(CELLS, FAN_IN, UNITS) for _ in range(2)]
    gradient = torch.zeros(CELLS, FAN_IN, UNITS, device=device)
    values = [torch.zeros(CELLS, BATCH, UNITS, device=device) for _ in range(4)]
    return compiled(summary, [*weights, gradient, *values, torch.zeros((), device=device)])


def _row(device: torch.device) -> Tensor:
    """Return a vector a unit, as it lies in the flat matrix of all parameters."""
    return torch.zeros(CELLS, 3 * UNITS + 1, device=device)[:, :UNITS]


def _classes_first(output_SBC: Tensor) -> Tensor:
    """Return outputs with their numbers in the order in which narrow products leave them."""
    return output_SBC.transpose(1, 2).contiguous().transpose(1, 2)


_MADE: dict[str, Any] = {}
"""What was compiled in this process, by the levels that decide it: cohorts to come need not trace it again."""


def _once(levels: object, make: Callable[[], Any]) -> Any:
    """Return what ``make`` made when these levels were first asked for in this process."""
    name = repr(levels)
    if name not in _MADE:
        _MADE[name] = make()
    return _MADE[name]
