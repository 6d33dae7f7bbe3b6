"""A cohort's training as a GPU would be given it, where there is none: by tensors that say they are on one.

They have no numbers (torch's fake tensors), but an operation on two devices fails, and so does one that looks at a
number, depends on numbers for its size, or copies from or to the CPU: whatever a captured graph could not repeat.
"""

import copy
from collections.abc import Sequence
from typing import Any
from unittest.mock import patch

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode

from ablation.training import trainer
from ablation.training.data import Data
from ablation.training.executing.execution import Eager
from ablation.training.executing.rehearsal import Rehearsal
from ablation.training.spec import Spec


def go_through(cohort: Sequence[Spec], data: Data, wide: bool = True) -> str | None:
    """Call every part of a training: as at the first step, and as at those that are captured.

    Args:
        cohort: the cells.
        data: the data set, on the CPU.
        wide: whether as on a GPU of this machine, or as wherever operations cost little.

    Raises:
        RuntimeError: an operation that a GPU could not do, or a graph not repeat.
    """
    # Not in inference mode, in which some operations ask for the GPU's driver before they are told that all is fake.
    with torch.no_grad(), patch.object(trainer, "is_wide", lambda device: wide):
        run = trainer._Run(cohort, data, (), Eager(looks=False))
        with FakeTensorMode(), patch.multiple(Tensor, **METHODS):
            with patch.object(Tensor, "__deepcopy__", there):
                # Without the batches' order: its generators cannot be copied so, and no part asks it.
                run = copy.deepcopy(run, {id(run.order): run.order})
            with Rehearsal() as rehearsal:
                run._look(evaluates=True, is_first=True)
                run._take_step()
                run._look(evaluates=False, is_first=False)
                run._take_step()
                run._look(evaluates=True, is_first=False)
                run._take_step()
    return rehearsal.found


def there(x: Tensor, memo: object) -> Tensor:
    """Return a tensor like this one, on a GPU."""
    return torch.empty_strided(x.shape, x.stride(), dtype=x.dtype, device="cuda")


def taken(x: Tensor, key: Any) -> Tensor:
    """As ``x[key]`` with numbers and slices; what else may be there looks at numbers."""
    dim = 0
    for each in key if isinstance(key, tuple) else (key,):
        if isinstance(each, int):
            x = torch.select(x, dim, each)
        else:
            x, dim = torch.ops.aten.slice(x, dim, each.start, each.stop), dim + 1
    return x


METHODS = {
    "__getitem__": taken,
    "contiguous": lambda x: x if x.is_contiguous() else torch.clone(x, memory_format=torch.contiguous_format),
    "__invert__": lambda x: torch.bitwise_not(x),
    "copy_": lambda x, other, non_blocking=False: torch.ops.aten.copy_(x, other, non_blocking),
}
"""Those of a tensor's that ask for the driver of a GPU before they are told that all is fake, as they are besides."""
