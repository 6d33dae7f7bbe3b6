"""A look at what a part of the training does, before it is captured: what a captured graph could not repeat.

A graph holds no look at a number, nothing whose size depends on numbers, and no copy from or to the CPU. Most such
operations would break a capture off; to be warned of them costs one slow execution, and what is broken off has to be
mended.
"""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

LOOKS = frozenset({"aten::item", "aten::is_nonzero", "aten::_local_scalar_dense", "aten::equal", "aten::allclose"})
"""Operations that return a number to Python."""

SELECTS = frozenset({"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"})
"""Those that look at numbers where they are given a mask."""

COPIES = frozenset({"aten::copy_", "aten::_to_copy", "aten::to", "aten::lift_fresh"})
"""Those that copy between devices whatever the number of dimensions."""

OURS = Path(torch.__file__).parent.as_posix()


class Rehearsal(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Lets everything be done, and notes the first operation that a graph could not repeat.

    Attributes:
        found: the function that called it, with its place and the operation; None where there was none.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: str | None = None

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        # By torch's default each of these calls is kept from the compiler, for which that is loaded: some seconds.
        return False

    def __torch_dispatch__(
        self, func: Any, types: Sequence[type], args: Sequence[Any] = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        """Do what was asked for."""
        result = func(*args, **(kwargs or {}))
        if self.found is None and _cannot_be_repeated(func, [*args, *(kwargs or {}).values()], result):
            self.found = f"{_caller()} calls {func}, which looks at numbers or copies from or to the CPU"
        return result


def _cannot_be_repeated(func: Any, args: Sequence[Any], result: Any) -> bool:
    name: str = func.name().partition(".")[0]
    if name in SELECTS:
        indices = [index for index in args[1] if isinstance(index, Tensor)]
        return any(index.dtype in (torch.bool, torch.uint8) or index.device != args[0].device for index in indices)
    if name in LOOKS or {torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape} & set(func.tags):
        return True
    if name in ("aten::masked_fill", "aten::masked_fill_"):
        return isinstance(args[2], Tensor) and args[2].device == args[0].device
    if name in COPIES:
        if name == "aten::lift_fresh":  # a tensor made of Python numbers
            return bool(result.device.type != "cpu")
        return len({tensor.device for tensor in (*_tensors(args), *_tensors([result]))}) > 1
    return False


def _tensors(values: Sequence[Any]) -> Iterator[Tensor]:
    return (value for value in values if isinstance(value, Tensor))


def _caller() -> str:
    """Return the function that an operation was called by, with its place."""
    frame = sys._getframe(2)
    while frame.f_back is not None and frame.f_code.co_filename.startswith((OURS, __file__)):
        frame = frame.f_back
    return f"{frame.f_code.co_name} ({Path(frame.f_code.co_filename).name}, line {frame.f_lineno})"
