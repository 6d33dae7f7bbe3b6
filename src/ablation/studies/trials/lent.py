"""Tensors that a rule is lent: which of them it may write into, and that it keeps none.

Others are handed the same tensors, and their memory is used again: what a rule wrote there would be theirs, and what it
kept there would become something else.
"""

from collections.abc import Collection, Iterator, Mapping

import torch
from torch import Tensor

from ablation.training.ingredients import Moment


class LentError(ValueError):
    """What a rule did with a tensor that it was lent, in words, with the remedy."""


class Lent:
    """Tensors that are handed to a rule.

    Args:
        named: by the names of its parameters: tensors, and lists of them.
        may_write: names of those that it may change.
    """

    def __init__(self, named: Mapping[str, object], may_write: Collection[str]) -> None:
        self._named, self._may_write = dict(_tensors(named)), may_write
        self._before = {name: x.clone() for name, x in self._named.items() if name.split("[")[0] not in may_write}

    def check(self, state: Mapping[str, Tensor]) -> None:
        """Look at them, and at what the rule remembers, once it has been called.

        Raises:
            LentError: it wrote where it must not, or remembers what it does not own.
        """
        for name, before in self._before.items():
            if not torch.equal(self._named[name], before):
                only = " and ".join(self._may_write) or "its state"
                raise LentError(f"writes into {name}, and may change {only} alone; a copy to change is {name}.clone()")
        owners = {_memory(x): name for name, x in self._named.items() if name not in Moment._fields and x.numel()}
        for entry, kept in state.items():
            owner = owners.setdefault(_memory(kept), f"its {entry}")
            if kept.numel() and owner != f"its {entry}":
                copied = entry if owner.startswith("its ") else owner
                raise LentError(
                    f"keeps {entry} in its state in the memory of {owner}, which changes; a copy of its own is "
                    f"{copied}.clone()"
                )


def _tensors(named: Mapping[str, object]) -> Iterator[tuple[str, Tensor]]:
    for name, given in named.items():
        if isinstance(given, Tensor):
            yield name, given
        elif isinstance(given, list):
            yield from _tensors({f"{name}[{place}]": each for place, each in enumerate(given)})


def _memory(x: Tensor) -> int:
    return x.untyped_storage().data_ptr()
