"""Schedules in a cohort: what each cell's learning rate is multiplied by, whatever the schedules of the others are.

A rule that goes by the time alone is a function known beforehand: it is tabulated, and a step looks its factor up. One
that remembers, or looks at the validation loss, is called in each step for the cells of its own. Where every factor is
1, nothing is multiplied.

Legend: S cells of the cohort, R those of one rule, L levels, T steps, 1 an axis of length one.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import torch
from torch import Tensor

from ablation.choices.schedules import SCHEDULES, Schedule
from ablation.training.ingredients import Moment, asked, handed
from ablation.training.spec import Level, without_numbers
from ablation.training.stack import numbers_in_stack

OF_TIME = frozenset({"step", "steps", "steps_per_epoch"})
"""Ingredients that are known before training."""

TABLES = 256
"""Tables that a process keeps, one a level and length of training."""


@dataclass
class Called:
    """A rule that is called in each step.

    Attributes:
        rule: the function, with those of its settings filled in that are no real numbers.
        numbers: the others: a float where all its cells agree, else one a cell, [R, 1].
        rows_R: the places of its cells in the stack, ascending.
        state: what it remembers, a row a cell of its own.
    """

    rule: Schedule
    numbers: dict[str, float | Tensor]
    rows_R: Tensor
    state: dict[str, Tensor]

    def __post_init__(self) -> None:
        self._asks = asked("schedule", self.rule)

    def factor(self, moment: Moment) -> Tensor:
        """Return the factor of each of its cells, [R, 1]."""
        val_loss_S1 = moment.val_loss_S1
        if len(self.rows_R) < len(val_loss_S1):
            moment = moment._replace(val_loss_S1=val_loss_S1.index_select(0, self.rows_R))
        factor = self.rule(**self.numbers, **handed(self._asks, moment, {"state": self.state}))
        if not isinstance(factor, Tensor):
            factor = val_loss_S1.new_full((), factor)
        return factor.to(val_loss_S1).expand(len(self.rows_R), 1)

    def keep(self, rows: Tensor) -> None:
        """Go on with those of its cells that are in these rows of the stack."""
        stay = torch.isin(self.rows_R, rows).nonzero().squeeze(1)
        self.rows_R = torch.searchsorted(rows, self.rows_R[stay])
        for held in (self.state, self.numbers):
            held.update({name: x[stay] for name, x in held.items() if isinstance(x, Tensor)})


class Schedules:
    """The schedules of a cohort's cells.

    Args:
        levels: each cell's.
        steps: of the whole training.
        steps_per_epoch: of an epoch.
        device: where the cells are trained.

    Raises:
        ValueError: a rule asks for what it is not handed.
    """

    def __init__(self, levels: Sequence[Level], steps: int, steps_per_epoch: int, device: torch.device) -> None:
        tables: dict[Tensor, int] = {}  # as they are, by identity
        called: dict[Any, list[int]] = {}
        level_S = []
        by_time = {kind: goes_by_time(SCHEDULES[kind]) for kind in {level.kind for level in levels}}
        for place, level in enumerate(levels):
            if by_time[level.kind]:
                settings = tuple(sorted(level.settings.items()))
                table = table_of(SCHEDULES[level.kind], settings, steps, steps_per_epoch)
            else:
                words = without_numbers(level)
                called.setdefault((words.kind, tuple(sorted(words.settings.items()))), []).append(place)
                table = _ones(steps)
            level_S.append(tables.setdefault(table, len(tables)))
        self._table_LT = torch.stack([*tables]).to(device)
        self._level_S = torch.tensor(level_S, device=device)
        self._called = [
            Called(
                partial(SCHEDULES[kind], **dict(words)),
                numbers_in_stack([levels[place] for place in places], True, device),
                torch.tensor(places, device=device),
                {},
            )
            for (kind, words), places in called.items()
        ]
        self._look_up = self._multiplies()

    def rate(self, lr_S1: Tensor, moment: Moment) -> Tensor:
        """Return each cell's learning rate in a step, of those before the schedule."""
        if self._look_up:
            lr_S1 = lr_S1 * self._table_LT.index_select(1, moment.step.view(1)).index_select(0, self._level_S)
        for called in self._called:
            factor_R1 = called.factor(moment)
            if len(factor_R1) == len(lr_S1):
                lr_S1 = lr_S1 * factor_R1
            else:
                own_R1 = lr_S1.index_select(0, called.rows_R) * factor_R1
                lr_S1 = lr_S1.index_copy(0, called.rows_R, own_R1)
        return lr_S1

    @property
    def states(self) -> list[dict[str, Tensor]]:
        """What the rules remember that are called."""
        return [called.state for called in self._called]

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows of the stack only, which ascend."""
        self._level_S = self._level_S[rows]
        for called in self._called:
            called.keep(rows)
        self._called = [called for called in self._called if len(called.rows_R)]
        self._look_up = self._multiplies()

    def _multiplies(self) -> bool:
        """Return whether a factor of the table is any other than 1."""
        return bool((self._table_LT[torch.unique(self._level_S)] != 1.0).any())


class _Itself:
    """A rule by its identity: one of a user's own need not be hashable, nor do what an equal one does."""

    def __init__(self, rule: Schedule) -> None:
        self.rule = rule

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Itself) and self.rule is other.rule

    def __hash__(self) -> int:
        return id(self.rule)


def table_of(rule: Schedule, settings: tuple[tuple[str, Any], ...], steps: int, steps_per_epoch: int) -> Tensor:
    """Return a rule's factor in each step, [T], as it gives them one by one, rounded to float32; made once."""
    return _table_of(_Itself(rule), settings, steps, steps_per_epoch)


@lru_cache(maxsize=TABLES)
def _table_of(itself: _Itself, settings: tuple[tuple[str, Any], ...], steps: int, steps_per_epoch: int) -> Tensor:
    return tabulated(itself.rule, settings, steps, steps_per_epoch)


def tabulated(rule: Schedule, settings: tuple[tuple[str, Any], ...], steps: int, steps_per_epoch: int) -> Tensor:
    """As ``table_of``, but made anew."""
    asks = asked("schedule", rule)
    offered = {"steps": steps, "steps_per_epoch": steps_per_epoch}
    known = {**dict(settings), **{name: value for name, value in offered.items() if name in asks}}
    if "step" not in asks:
        return torch.full((steps,), float(rule(**known)))
    factors = []
    for number in range(steps):
        try:
            factors.append(float(rule(step=torch.tensor(number), **known)))
        except Exception as error:
            error.add_note(f"at step {number} of {steps}")
            raise
    return torch.tensor(factors)


@lru_cache(maxsize=TABLES)
def _ones(steps: int) -> Tensor:
    """The table of the cells whose rule is called."""
    return torch.ones(steps)


def goes_by_time(rule: Schedule) -> bool:
    """Return whether a rule is known beforehand: it asks for no more than the time."""
    return asked("schedule", rule) <= OF_TIME
