"""The training steps of a stack, native: from one probe to the next in one call.

Legend of the suffixes: T steps, B batch.
"""

import ctypes
from collections.abc import Callable

import torch
from torch import Tensor

from ablation.training.data import BatchOrder, Data
from ablation.training.native.form import Form
from ablation.training.native.interface import DATA, LONG, address, begin, call, cells_of, labels, network_of, rule_of
from ablation.training.networks.network import Network
from ablation.training.spec import Spec
from ablation.training.stack import Stack

EXAMPLES, WORK = 1 << 19, 3e10
"""Examples that are named, and multiplications done, in one call at most. The more steps are taken in one, the longer a
cell stays in a cache; but none takes much longer than a second, in which this process hears of nothing."""

WATCHED = ("value", "norm", "global_norm")
"""Clipping rules in the order in which what they would have compared is noted."""

ROUNDING = 1.0 + 1e-6
"""By so much a norm found here may be short of what the rule finds, which adds up in another order; what is larger for
it counts as reached where that is not certain."""


class NativeSteps:
    """Takes the training steps of a stack.

    Args:
        form: the cohort's.
        network: what is trained.
        spec: a cell of the cohort.
        data: the data set, on the CPU.
        stack: the cells.
    """

    def __init__(self, form: Form, network: Network, spec: Spec, data: Data, stack: Stack) -> None:
        self._form, self._network, self._rule = form, network_of(network, spec, data, form), rule_of(form)
        self._x, self._y, self._batch = data.train_x.contiguous(), data.train_y.contiguous(), spec.batch_size
        self._examples = DATA(x=address(self._x), **labels(self._y))
        self._weights = sum(fan_in * fan_out for fan_in, fan_out in network.layout.shapes)
        begin(stack, form)

    def take(self, stack: Stack, order: BatchOrder, rate: Callable[[int], Tensor], start: int, stop: int) -> None:
        """Take the steps from ``start`` on, before ``stop``; ``rate`` says each cell's learning rate in a step, [S, 1].

        ``stack.spare_SP`` has the parameters before the last of them.
        """
        examples = len(stack) * self._batch
        most = max(1, min(EXAMPLES // examples, int(WORK / (3 * self._weights * examples))))
        for first in range(start, stop, most):
            numbers = range(first, min(first + most, stop))
            index_TSB = torch.stack([order.batch(number) for number in numbers])
            lr_TS1 = torch.stack([rate(number) for number in numbers])
            largest = torch.zeros(len(stack), 3) if stack.watch.kinds else None
            cells = cells_of(stack, self._form, lr=lr_TS1, index=index_TSB, largest=largest)
            call(
                self._form.functions.ablation_train,
                *map(ctypes.byref, (self._network, self._rule, self._examples, cells)),
                *map(LONG, (len(stack), self._batch, numbers.start, numbers.stop)),
            )
            note(stack, largest)


def note(stack: Stack, largest: Tensor | None) -> None:
    """Tell the watch of a stack what its gradients have come to, [S, 3] in the order of ``WATCHED``."""
    if largest is not None:
        largest[:, 1:] *= ROUNDING
        stack.watch.note(dict(zip(WATCHED, largest.unsqueeze(2).unbind(1), strict=True)))
