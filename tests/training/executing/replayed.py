"""A stand-in for a captured graph that works on a CPU: it records operations on tensors, and replays these alone."""

from collections.abc import Callable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Recording(TorchDispatchMode):
    """Does what is asked for, and writes it down: operation, arguments, results; and how to undo it."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[tuple[Any, Any, Any, Any]] = []
        self._before: list[tuple[Tensor, Tensor]] = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        for place, argument in enumerate(func._schema.arguments):
            if argument.alias_info is not None and argument.alias_info.is_write:
                changed = args[place] if place < len(args) else kwargs.get(argument.name)
                self._before += [(tensor, tensor.clone()) for tensor in tree_leaves(changed) if is_tensor(tensor)]
        result = func(*args, **kwargs)
        self.calls.append((func, args, kwargs, result))
        return result

    def undo(self) -> None:
        for tensor, was in reversed(self._before):
            tensor.copy_(was)


class Replayed:
    """As of a CUDA graph, capturing changes nothing, and no Python is run in a replay: what was a number in the capture
    is the same number ever after.
    """

    def __init__(self) -> None:
        self.calls: list[tuple[Any, Any, Any, Any]] = []
        self.replays = 0

    def capture(self, body: Callable[[], None]) -> None:
        recording = Recording()
        try:
            with recording:
                body()
        finally:
            recording.undo()
        self.calls = recording.calls

    def replay(self) -> None:
        self.replays += 1
        for func, args, kwargs, was in self.calls:
            given = {tensor.untyped_storage().data_ptr() for tensor in tree_leaves((args, kwargs)) if is_tensor(tensor)}
            now = func(*args, **kwargs)
            for old, new in zip(tree_leaves(was), tree_leaves(now), strict=True):
                # What is a view, or was changed in place, is there already.
                if is_tensor(old) and old.untyped_storage().data_ptr() not in given:
                    old.copy_(new)

    def reset(self) -> None:
        self.calls = []


def is_tensor(value: object) -> bool:
    return isinstance(value, Tensor)
