"""Clipping, weight decay and step of all of a cell's parameters at once, whatever rules its neighbours are clipped by.

Where operations cost more than passes over memory, on a GPU: one operation in place of one a weight matrix. It is for
rules to which that makes no difference but for rounding: a norm over all of the gradient is summed in one piece here,
and from the norms of the parts in ``descent.py``; all else has the same bits as there.

Legend of the suffixes: S cells of a cohort, R those that one rule clips, P parameters of a cell.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from ablation.choices.clipping import CLIPPINGS, UNCLIPPED, Clipping, Gradient
from ablation.choices.optimizers import OPTIMIZERS, Optimizer
from ablation.training.descent import Decay, Descent, Numbers, Part, without_decay
from ablation.training.ingredients import Moment
from ablation.training.spec import Level, Spec, bind, without_numbers
from ablation.training.stack import numbers_in_stack


class _Clipped(NamedTuple):
    """The cells that one rule clips.

    Attributes:
        rule: the rule, with those of its settings filled in that are no real numbers.
        numbers: the others, one a cell, [R, 1].
        rows_R: where they lie in the stack; None if it is all of it.
    """

    rule: Clipping
    numbers: Mapping[str, float | Tensor]
    rows_R: Tensor | None


class WholeDescent(Descent):
    """As ``Descent``, for one part that is all of a network, ``Stack.whole``.

    Args:
        clippings: each cell's, in the order of the stack.
        optimize: the optimizer's rule.
        decay: how weights decay, if they do.
        device: where the cells are trained.
    """

    is_whole = True

    def __init__(
        self, clippings: Sequence[Level], optimize: Optimizer, decay: Decay | None, device: torch.device
    ) -> None:
        super().__init__(CLIPPINGS[UNCLIPPED], optimize, decay)
        self._device, self._clippings = device, list(clippings)
        self._bind()

    @classmethod
    def of(cls, cohort: Sequence[Spec], device: torch.device) -> "WholeDescent":
        """Return that of cells with the same optimizer."""
        optimizer = cohort[0].optimizer
        optimize = bind(OPTIMIZERS, without_numbers(without_decay(optimizer)))
        return cls([spec.clipping for spec in cohort], optimize, Decay.of(optimizer), device)

    def keep(self, rows: Iterable[int]) -> None:
        """Go on with these rows of the stack only."""
        self._clippings = [self._clippings[row] for row in rows]
        self._bind()

    def clipped(self, parts: Sequence[Part], numbers: Numbers, moment: Moment) -> Tensor:
        """As ``Descent.clipped``, by rules and numbers of its own."""
        (part,) = parts
        grad_SP, sizes = part.grad_SN, [tensor.shape[1] for tensor in part.tensors]
        clipped_S = torch.zeros(len(grad_SP), dtype=torch.bool, device=grad_SP.device)
        for rule, own, rows_R in self._clipped:
            if rows_R is None:
                return rule(Gradient([grad_SP], part.tensors), **own)
            # A stack of their own, so that what the rule does is what it does to them alone.
            grad_RP = grad_SP.index_select(0, rows_R)
            clipped_R = rule(Gradient([grad_RP], torch.split(grad_RP, sizes, dim=1)), **own)
            grad_SP.index_copy_(0, rows_R, grad_RP)
            clipped_S.index_copy_(0, rows_R, clipped_R)
        return clipped_S

    def __call__(self, parts: Sequence[Part], lr_S1: Tensor, numbers: Numbers, moment: Moment) -> Tensor:
        """As ``Descent``."""
        (part,) = parts
        clipped_S = self.clipped(parts, numbers, moment)
        if self.decay is not None:
            columns = slice(None if self.decay.vectors else part.matrices)
            self.decayed(part.param_SN[:, columns], part.grad_SN[:, columns], lr_S1, numbers.decay)
        self.optimize(part.param_SN, part.grad_SN, lr_S1, part.state, **numbers.optimizer)
        return clipped_S

    def _bind(self) -> None:
        """Find the cells of each rule that acts."""
        by_rule: dict[str, tuple[Level, list[int]]] = {}
        for row, level in enumerate(self._clippings):
            if level.kind != UNCLIPPED:
                by_rule.setdefault(level.kind, (without_numbers(level), []))[1].append(row)
        self._clipped = [
            _Clipped(
                bind(CLIPPINGS, level),
                # On the device already: a float would be brought there in every step.
                numbers_in_stack([self._clippings[row] for row in rows], False, self._device),
                None if len(rows) == len(self._clippings) else torch.tensor(rows, device=self._device),
            )
            for level, rows in by_rule.values()
        ]
