"""From a function of tensors to a program: traced once for all sizes, compiled by torch's inductor."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor


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


@contextmanager
def compiler_settings() -> Iterator[None]:
    """Have torch's compiler work as it should here, where it makes a program as where it loads one: its machine code is
    looked for by its settings too, and would be made anew, otherwise.
    """
    from torch._inductor import config

    settings = {
        # Compiling happens in this process, for a pool of compiling processes would outlive a worker that is killed.
        "compile_threads": 1,
        # A product and a sum in one operation, as the processor has it: half of a polynomial's work, rounded once.
        "cpp.enable_floating_point_contract_flag": "fast",
    }
    with config.patch(settings):
        yield


def trace(function: Callable[..., Any], example: Sequence[Tensor]) -> Any:
    """Trace a function and return inductor's graph, which is called with a list of tensors.

    Raises:
        CannotCompileError: the function was traced for certain lengths alone.
    """
    from torch._inductor.compile_fx import compile_fx_inner
    from torch._inductor.decomposition import select_decomp_table
    from torch._inductor.output_code import CompiledFxGraph
    from torch.fx.experimental.proxy_tensor import make_fx

    with torch.inference_mode(False), torch.no_grad(), compiling():
        # Tensors that were made in inference mode cannot be traced where they are changed.
        plain = [torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device=x.device) for x in example]
        # Twice, for what changes tensors in place can be written without that only once it consists of few operations.
        traced = make_fx(function, tracing_mode="symbolic")(*plain)
        _refuse_sizes(traced)
        # Views are left as they are: a slice would become a copy of all that it is taken from.
        pure = torch.func.functionalize(traced, remove="mutations")
        traced = make_fx(pure, tracing_mode="symbolic", decomposition_table=select_decomp_table())(*plain)
        inputs = [node.meta["val"] for node in traced.graph.nodes if node.op == "placeholder"]
        made = compile_fx_inner(traced, inputs)
    assert isinstance(made, CompiledFxGraph)
    return made


def _refuse_sizes(traced: torch.fx.GraphModule) -> None:
    """Refuse a graph that was traced for certain lengths: its arguments are not looked at when it is called."""
    shapes = next(iter(traced.graph.nodes)).meta["val"].fake_mode.shape_env
    for guard in shapes.guards:
        if any(atom.is_Integer and int(atom) > 1 for atom in guard.expr.atoms()):
            raise CannotCompileError(f"a choice makes a Python number of a length, or branches on it ({guard.expr})")


@contextmanager
def compiling() -> Iterator[None]:
    """Have ``torch.compiler.is_compiling()`` say so, by which a function takes the form that has few operations."""
    torch.compiler._is_compiling_flag = True
    try:
        yield
    finally:
        torch.compiler._is_compiling_flag = False
