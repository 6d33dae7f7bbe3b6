"""Which cells a planted study has, and at which epochs they are evaluated."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ablation.records.columns import FACTORS
from tests.reporting.synthetic import SINGLE

HORIZON = 15
WHOLE = tuple(float(epoch) for epoch in range(HORIZON + 1))
"""Evaluations at the end of every epoch alone."""
QUARTERS = (*(0.25 * place for place in range(8)), 2.0, 2.5, 3.0, 3.5, *WHOLE[4:])
"""Evaluations close together at first, where the fast cells differ."""


@dataclass(frozen=True)
class Plan:
    """The full product of ``factors`` (one level where a factor is not among them), evaluated at ``clock``.

    An array over its cells has an axis a factor, in the order of ``FACTORS``, so that effects are broadcast.
    """

    factors: tuple[tuple[str, tuple[Any, ...]], ...]
    clock: tuple[float, ...] = QUARTERS

    @classmethod
    def of(cls, seeds: int, clock: tuple[float, ...] = QUARTERS, **factors: Sequence[Any]) -> "Plan":
        """A plan of so many seeds."""
        levels = {**factors, "seed": range(seeds)}
        return cls(tuple((name, tuple(own)) for name, own in levels.items()), clock)

    @cached_property
    def levels(self) -> dict[str, tuple[Any, ...]]:
        """Every factor's levels."""
        given = dict(self.factors)
        return {factor: given.get(factor, tuple(SINGLE[factor])) for factor in FACTORS}

    @property
    def shape(self) -> tuple[int, ...]:
        """How many levels each factor has."""
        return tuple(len(self.levels[factor]) for factor in FACTORS)

    @property
    def horizon(self) -> float:
        """The last evaluation."""
        return self.clock[-1]

    def with_seeds(self, seeds: int) -> "Plan":
        """The same plan with so many seeds."""
        return Plan((*(item for item in self.factors if item[0] != "seed"), ("seed", tuple(range(seeds)))), self.clock)

    def size(self, *factors: str) -> tuple[int, ...]:
        """How many levels these factors have."""
        return tuple(len(self.levels[factor]) for factor in factors)

    def along(self, values: np.ndarray | Sequence[float], *factors: str) -> np.ndarray:
        """Values with an axis for each of these factors, in the order of ``FACTORS``, to broadcast over the cells."""
        assert list(factors) == [factor for factor in FACTORS if factor in factors]
        own = np.asarray(values, dtype=np.float64)
        assert own.shape == self.size(*factors)
        return own.reshape([len(self.levels[factor]) if factor in factors else 1 for factor in FACTORS])
