"""From a rule or an activation to what it computes of each number: the operations that torch is asked for, recorded.

A function of tensors is called once with small examples, and every operation that reaches torch's dispatcher is noted.
What is written in place is only another value under the same memory. A function that looks at a number, moves numbers
about or adds up otherwise than over a cell's own is not taken.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from ablation.training.compiled.tracing import compiling
from ablation.training.native.calling import CannotTraceError, on_examples

CELLS, NUMBERS = 3, 7
"""Sizes of the examples, by which a value is told to be one a number or one a cell."""

Extent = Literal["number", "cell", "constant"]
"""Of what a value is one."""


@dataclass(frozen=True, eq=False)
class Value:
    """What an operation makes.

    Attributes:
        name: of the operation, as torch has it without an underscore; ``input`` of what is given.
        of: its operands: other values, or Python numbers; of an input, its name.
        dtype: of the value.
        extent: of what it is one.
    """

    name: str
    of: tuple[Any, ...]
    dtype: torch.dtype
    extent: Extent


VIEWS = frozenset(
    "view _unsafe_view unsqueeze squeeze expand alias detach reshape flatten lift_fresh t transpose permute".split()
)
"""Operations that show the same numbers otherwise."""

COPIES = frozenset("clone _to_copy to contiguous copy lift".split())

MADE = frozenset("zeros ones full zeros_like ones_like full_like new_zeros new_ones new_full scalar_tensor".split())
"""Operations that make a number out of none."""

SPELT = {"__and__": "bitwise_and", "__or__": "bitwise_or"}
"""Operations that torch has under two names."""

EMPTY = frozenset("empty empty_like new_empty empty_strided".split())

REDUCED = frozenset("amax amin sum mean linalg_vector_norm any".split())
"""Operations from one a number to one a cell."""


class Trace(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's own
    """Records what is done to tensors while it is entered."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._values: dict[tuple[int, torch.dtype], Value | None] = {}
        self._alive: list[Tensor] = []  # so that no two tensors have had the same memory

    def give(self, name: str, tensor: Tensor) -> Tensor:
        """Have a tensor be known as an input."""
        self._set(tensor, Value("input", (name,), tensor.dtype, extent_of(tensor)))
        return tensor

    def value(self, tensor: Tensor) -> Value:
        """Return what a tensor holds now.

        Raises:
            CannotTraceError: it is not of what was given, or only a part of it.
        """
        key = _key(tensor)
        if key not in self._values:
            if tensor.numel() == 1:
                return Value("constant", (tensor.item(),), tensor.dtype, "constant")
            raise CannotTraceError("uses a tensor that is neither handed to it nor a number")
        found = self._values[key]
        if found is None:
            raise CannotTraceError("reads memory that nothing was written to")
        if found.extent == "number" and tensor.numel() != CELLS * NUMBERS:
            raise CannotTraceError("takes a part of a tensor")
        return found

    def _set(self, tensor: Tensor, value: Value | None) -> None:
        self._alive.append(tensor)
        self._values[_key(tensor)] = value

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Do what torch is asked for, and note it."""
        kwargs = dict(kwargs or {})
        result = func(*args, **kwargs)
        base = func._schema.name.removeprefix("aten::")
        in_place, out = base.endswith("_") and not base.endswith("__"), kwargs.pop("out", None)
        name = SPELT.get(base) or (base.rstrip("_") if in_place else base)
        if name in VIEWS and func._overloadname != "dtype":
            if isinstance(result, Tensor) and _key(result) not in self._values and result.numel() > 1:
                raise CannotTraceError("uses a tensor that is neither handed to it nor a number")
            if name in ("t", "transpose", "permute") and min(args[0].shape, default=1) > 1:
                raise CannotTraceError(f"moves numbers about ({name})")
            return result
        if not isinstance(result, Tensor):
            raise CannotTraceError(f"asks for {name}, which has no form number by number")
        target = args[0] if in_place else result if out is None else out
        if name in EMPTY:
            self._set(target, None)
            return result
        self._set(target, self._made(name, func, args, kwargs, result))
        return result

    def _made(self, name: str, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Tensor) -> Value:
        extent = extent_of(result)
        if name in MADE or name in ("zero", "fill"):
            number = _number_made(name, args, kwargs)
            if isinstance(number, Tensor):
                number = self.value(number)
            return Value("constant", (number,), result.dtype, "constant")
        if name in COPIES:
            source = args[1] if name == "copy" else args[0]
            return Value("to", (self._operand(source),), result.dtype, extent)
        if name == "view":  # as another type
            return Value("bits", (self._operand(args[0]),), result.dtype, extent)
        if name in REDUCED:
            return self._reduced(name, func, args, kwargs, result)
        named = dict(zip((each.name for each in func._schema.arguments), args, strict=False)) | dict(kwargs)
        operands = tuple(self._operand(each) for each in named.values() if not isinstance(each, str))
        if "rounding_mode" in kwargs or any(isinstance(each, list | tuple) for each in operands):
            raise CannotTraceError(f"asks for {name}, which has no form number by number")
        if "alpha" in kwargs:
            name, operands = f"{name}_scaled", (*operands[:2], kwargs["alpha"])
        if name in ("addcmul", "addcdiv"):
            operands = (*operands[:3], kwargs.get("value", 1))
        if name == "clamp" and len(operands) < 3:
            operands = (*operands, None)
        return Value(name, operands, result.dtype, extent)

    def _reduced(self, name: str, func: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Tensor) -> Value:
        named = dict(zip((each.name for each in func._schema.arguments), args, strict=False)) | dict(kwargs)
        source = self.value(named["self"])
        along = named.get("dim")
        along = along if isinstance(along, list | tuple) else [along]
        if source.extent != "number" or list(along) not in ([1], [-1]) or named.get("ord", 2) != 2:
            raise CannotTraceError(f"asks for {name} otherwise than over a cell's own numbers")
        return Value(name, (source,), result.dtype, "cell")

    def _operand(self, each: Any) -> Any:
        return self.value(each) if isinstance(each, Tensor) else each


def _number_made(name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
    if "zero" in name:
        return 0
    if "one" in name:
        return 1
    if name == "scalar_tensor":
        return args[0]
    place = {"full": 1, "full_like": 1, "new_full": 2, "fill": 1}[name]
    return args[place] if len(args) > place else kwargs["fill_value"]


def extent_of(tensor: Tensor) -> Extent:
    """Return of what a tensor of a trace is one.

    Raises:
        CannotTraceError: of something else.
    """
    shape = tuple(tensor.shape)
    if shape == (CELLS, NUMBERS):
        return "number"
    if shape in ((CELLS, 1), (CELLS,)):
        return "cell"
    if tensor.numel() == 1:
        return "constant"
    raise CannotTraceError(f"makes a tensor of other lengths, {list(shape)}")


def _key(tensor: Tensor) -> tuple[int, torch.dtype]:
    return tensor.untyped_storage().data_ptr(), tensor.dtype


def trace_activation(activation: Callable[[Tensor], tuple[Tensor, Tensor]]) -> tuple[Value, Value]:
    """Return what an activation makes of a number, value and derivative.

    Raises:
        CannotTraceError: it has no form number by number.
    """
    x = torch.linspace(-2.0, 2.0, CELLS * NUMBERS).view(CELLS, NUMBERS)
    with on_examples(), torch.inference_mode(), compiling(), Trace() as trace:
        value, derivative = activation(trace.give("x", x))
        return trace.value(value), trace.value(derivative)


def ordered(values: Sequence[Value]) -> list[Value]:
    """Return values with all that they are made of, each after its operands."""
    found: dict[Value, None] = {}
    waiting = [(value, False) for value in reversed(values)]
    while waiting:
        value, is_ready = waiting.pop()
        if value in found:
            continue
        if is_ready:
            found[value] = None
        else:
            waiting.append((value, True))
            waiting += [(each, False) for each in value.of if isinstance(each, Value) and each not in found]
    return list(found)
