"""Compiled graphs: a function of tensors, traced once for all sizes and compiled by torch's inductor.

Three places keep what is made, each faster than the next: this process; a file that holds the graph's program, so that
another process need not trace it; and torch's own cache, which holds the machine code.

Graphs are traced and called here rather than through ``torch.compile``, which looks at every argument anew at each
call: that takes as long as the passes over memory that a small layer is spared.
"""

import hashlib
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ablation.training import sources

Program = Callable[[list[Tensor]], tuple[Tensor, ...]]


DIGESTED = ("ablation.choices.", "ablation.training.")
"""The modules whose files decide a graph beside its name and choices."""


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


def graph(
    name: object, function: Callable[..., Any], example: Sequence[Tensor], choices: Sequence[object] = ()
) -> Callable[..., Any]:
    """Return a function of tensors compiled for all sizes; one of the same name is made only once.

    Args:
        name: what, beside the project's own code and ``choices``, decides the function: the levels bound in it.
        function: takes tensors and returns a tuple of them; may change them in place.
        example: such tensors, laid out as they will be. What has the same length or stride here is taken to be always
            the same, what has another may differ.
        choices: the registered choices that it calls. With one that is not of the files whose digest is in the key, and
            whose text could change unseen, nothing is kept on disk.

    Raises:
        CannotCompileError: the function was traced for certain lengths alone.
    """
    device = example[0].device
    foreign = [choice for choice in map(_unbound, choices) if not str(choice.__module__).startswith(DIGESTED)]
    key = _key((name, [id(choice) for choice in foreign]), device)
    if key not in _MADE:
        # A GPU's program alone would not do: what calls it moves tensors that are not aligned as it takes them to be.
        kept = not foreign and device.type == "cpu"
        with _settings():
            _MADE[key] = _kept_program(key, function, example) if kept else _compile(function, example), foreign
    program = _MADE[key][0]
    return lambda *tensors: program(list(tensors))


_MADE: dict[str, tuple[Program, list[Any]]] = {}
"""What was made in this process, by its key, and the choices whose identity is part of that."""


@contextmanager
def _settings() -> Iterator[None]:
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


def _unbound(choice: Any) -> Any:
    return choice.func if isinstance(choice, partial) else choice


def _key(name: object, device: torch.device) -> str:
    """Return the digest of all that decides a graph's program."""
    from torch._inductor.cpu_vec_isa import pick_vec_isa

    # The number of threads is written into a processor's program.
    where = (str(pick_vec_isa()), torch.get_num_threads()) if device.type == "cpu" else str(device)
    digest = hashlib.sha256(repr((name, torch.__version__, where)).encode())
    for path in sources().values():
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _kept_program(key: str, function: Callable[..., Any], example: Sequence[Tensor]) -> Program:
    """Return the program kept under this key, or trace the function and keep it."""
    from torch._inductor.codecache import PyCodeCache
    from torch._inductor.runtime.cache_dir_utils import cache_dir

    path = Path(cache_dir()) / "ablation" / f"{key}.py"
    if not path.exists():
        made = _compile(function, example)
        if made.constants:
            # Tensors of its own, which its text does not hold.
            return made  # type: ignore[no-any-return]  # typed Any, for torch is imported late
        path.parent.mkdir(parents=True, exist_ok=True)
        # Other workers may be writing the same: whoever is last replaces a whole file by a whole one.
        unfinished = path.with_suffix(f".{uuid.uuid4().hex}")
        unfinished.write_text(made.source_code, "utf-8")
        unfinished.replace(path)
    program: Program = PyCodeCache.load_by_key_path(key, str(path)).call
    return program


def _compile(function: Callable[..., Any], example: Sequence[Tensor]) -> Any:
    """Trace a function and return inductor's graph, which is called with a list of tensors."""
    from torch._inductor.compile_fx import compile_fx_inner
    from torch._inductor.decomposition import select_decomp_table
    from torch._inductor.output_code import CompiledFxGraph
    from torch.fx.experimental.proxy_tensor import make_fx

    with torch.inference_mode(False), torch.no_grad(), _compiling():
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
def _compiling() -> Iterator[None]:
    """Have ``torch.compiler.is_compiling()`` say so while a function is traced."""
    torch.compiler._is_compiling_flag = True
    try:
        yield
    finally:
        torch.compiler._is_compiling_flag = False
