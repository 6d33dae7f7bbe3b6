"""The same layers and loss, compiled: one fused pass over memory in place of one an operation.

Graphs hold what lies between two matrix products, for any number of cells, batch and width. So a network of twenty
layers needs no more of them than one of two, and none is made anew when cells leave the stack. Only the training step
is compiled: probes and evaluations stay eager. Compiled numbers agree with eager ones to rounding, no further, so how
a step is compiled is part of a cell's key.
"""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ablation.choices.normalization import BatchStatistics
from ablation.training.layers import Backward, Forward, Hidden, Scale

VARIANTS = 16
"""Graphs of one function at most: a batch or a stack of one makes a graph of its own."""


def has_compiler() -> bool:
    """Return whether torch finds the C++ compiler that it compiles for a CPU with."""
    from torch._inductor.cpp_builder import get_cpp_compiler
    from torch._inductor.exc import InvalidCxxCompiler

    try:
        get_cpp_compiler()
    except InvalidCxxCompiler:
        return False
    return True


def compiled(function: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function compiled for all shapes; it must become a single graph.

    Compiling happens in this process, for a pool of compiling processes would outlive a worker that is killed.
    """
    from torch._inductor import config
    from torch.fx.experimental import _config

    config.compile_threads = 1
    # Two lengths that happen to be equal must not be taken for the same one, or another width would be another graph.
    _config.use_duck_shape = False
    made: Callable[..., Any] = torch.compile(  # type: ignore[call-overload]  # its stubs lag behind its signature
        function, dynamic=True, fullgraph=True, recompile_limit=VARIANTS, isolate_recompiles=True
    )
    return made


class CompiledHidden(Hidden):
    """A hidden layer, compiled; it keeps nothing for probes."""

    def __init__(self, hidden: Hidden) -> None:
        super().__init__(hidden.activation, hidden.normalization)
        self._forward = compiled(lambda z_SBO, scale: _without_kept(hidden.forward(z_SBO, scale)))
        self._backward = compiled(hidden.backward)

    def forward(self, z_SBO: Tensor, scale: Scale | None) -> Forward:
        """As ``Hidden.forward``, without pre-activation and activation."""
        passed: Forward = self._forward(z_SBO, scale)
        return passed

    def backward(
        self, grad_SBO: Tensor, derivative_SBO: Tensor, statistics: BatchStatistics | None, scale: Scale | None
    ) -> Backward:
        """As ``Hidden.backward``."""
        passed: Backward = self._backward(grad_SBO, derivative_SBO, statistics, scale)
        return passed


def _without_kept(passed: Forward) -> Forward:
    return passed._replace(preactivation_SBO=None, activation_SBO=None)


_MADE: dict[str, Any] = {}
"""What was compiled in this process, by the levels that decide it: cohorts to come need not trace it again."""


def compiled_once(levels: object, make: Callable[[], Any]) -> Any:
    """Return what ``make`` made when these levels were first asked for in this process."""
    name = repr(levels)
    if name not in _MADE:
        _MADE[name] = make()
    return _MADE[name]
