"""Which cells never arrive: of the whole study, and of every level of every factor."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from ablation.reporting.design import Design
from ablation.reporting.naming import Label

MUCH = 0.3
"""Beyond this share of censored cells min(T, H) says little of how much slower a level is."""
MOST = 2 / 3
"""Beyond this share a model of the times is a guess at what nobody saw."""


@dataclass(frozen=True)
class Censoring:
    """The shares of ``cells`` cells that are censored at the horizon.

    Attributes:
        whole: of all of them.
        by_level: of those of each level of each factor that is compared.
    """

    cells: int
    whole: float
    by_level: Mapping[tuple[str, Label], float]

    @property
    def much(self) -> list[tuple[str, Label]]:
        """The levels with too many for min(T, H) to say by how much they are slower, the worst first."""
        return self.beyond(MUCH)

    @property
    def most(self) -> list[tuple[str, Label]]:
        """The levels of which fewer than a third of the cells arrive, the worst first; a third is not fewer."""
        return self.beyond(MOST)

    def beyond(self, share: float) -> list[tuple[str, Label]]:
        """The levels with a larger share, the worst first."""
        # Of 2 cells of 3 one minus a third is more than two thirds, by a last bit.
        found = [level for level, own in self.by_level.items() if own > share + 1e-9]
        return sorted(found, key=lambda level: -self.by_level[level])


def censoring(cells: pd.DataFrame, design: Design) -> Censoring:
    """The censored shares of these cells."""
    shares = {
        (factor, level): 1 - float(share)
        for factor in design.compared
        if design.varies(factor)
        for level, share in cells.groupby(factor, observed=True)["reached"].mean().items()
    }
    return Censoring(len(cells), 1 - float(cells["reached"].mean()), shares)  # type: ignore[arg-type]  # labels
