"""When a cell is looked at: its training is divided into periods of equally many steps.

A period is a pass over the training part, or, where all cells of a study are to take as many steps whatever the size of
their batches, an equal share of those.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple, Self

from ablation.training.spec import Spec


class Clock(NamedTuple):
    """So many periods of so many steps.

    Attributes:
        periods: at whose ends a cell is evaluated.
        length: steps of each.
    """

    periods: int
    length: int

    @classmethod
    def of(cls, spec: Spec, examples: int) -> Self:
        """Return a cell's clock, where the training part has so many examples."""
        if spec.steps is None:
            return cls(spec.epochs, examples // spec.batch_size)
        return cls(spec.epochs, spec.steps // spec.epochs)

    @property
    def steps(self) -> int:
        """Steps of the whole training."""
        return self.periods * self.length


def steps_between(periods: int, length: int, at: Sequence[float]) -> set[int]:
    """Return the steps nearest to some moments in periods, but for those that are a period's end or beyond the last.

    A half is rounded up, and the first step is the least.
    """
    steps = {max(1, math.floor(moment * length + 0.5)) for moment in at if moment <= periods}
    return {step for step in steps if step < periods * length and step % length}


def evaluation_steps(periods: int, length: int, at: Sequence[float] = ()) -> list[int]:
    """Return when to evaluate: 0, each period's end, and the steps nearest to the moments ``at``, in periods."""
    ends = range(0, periods * length + 1, length)
    return sorted({*ends, *steps_between(periods, length, at)})


def probe_steps(periods: int, length: int, at: Sequence[float] = ()) -> list[int]:
    """Return when to probe: at each evaluation and at the powers of two; the last step is the last period's end."""
    last = periods * length
    powers = {2**exponent for exponent in range(last.bit_length()) if 2**exponent <= last}
    return sorted({*powers, *evaluation_steps(periods, length, at)})
