"""A study's censored cells, and its log-rank tests: of the whole, and of each depth where several are compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ablation.reporting.design import Design
from ablation.reporting.naming import Label
from ablation.reporting.statistics.intervals import holm
from ablation.reporting.statistics.survival import LogRank, log_rank_of

Scope = tuple[Label | None, pd.DataFrame]
"""A depth with its cells, or none with those of the whole study."""
MUCH = 0.3
"""Beyond this share of censored cells min(T, H) says little of how much slower a level is."""


@dataclass(frozen=True)
class Censoring:
    """The shares of ``cells`` cells that are censored at the horizon.

    Attributes:
        whole: of all of them.
        by_depth: of those at each depth, where depths are compared.
    """

    cells: int
    whole: float
    by_depth: Mapping[Label, float]

    @property
    def much(self) -> list[Label | None]:
        """Where it is too many for min(T, H) to say much: the depths, and before them None for the whole."""
        whole: list[Label | None] = [None] if self.whole > MUCH else []
        return [*whole, *(depth for depth, share in self.by_depth.items() if share > MUCH)]


@dataclass(frozen=True)
class FactorTest:
    """The log-rank test between a factor's levels, in the whole study (no ``depth``) or at one depth.

    Attributes:
        cells: how many take part.
        censored: the share of them that never arrives.
        p_holm: Holm's adjusted p-value over all such tests of a study.
        soonest, latest: the levels with the most and the fewest arrivals for those expected, if there is a test.
    """

    depth: Label | None
    factor: str
    cells: int
    censored: float
    test: LogRank
    p_holm: float
    soonest: Label | None
    latest: Label | None


def log_ranks(scopes: Sequence[Scope], design: Design) -> list[FactorTest]:
    """The test of every compared factor in each scope; at one depth that of depth is left out."""
    asked = [
        (depth, cells, factor)
        for depth, cells in scopes
        for factor in design.compared
        if depth is None or factor != "depth"
    ]
    tests = []
    for depth, cells, factor in asked:
        held = {factor} if depth is None else {factor, "depth"}
        tests.append(log_rank_of(cells, factor, [other for other in design.compared if other not in held]))
    found = []
    for (depth, cells, factor), test, p in zip(asked, tests, holm([test.p for test in tests]).tolist(), strict=True):
        ends: tuple[Label | None, Label | None] = (None, None)
        if test.df and np.isfinite(test.excess).any():
            levels = design.levels[factor]
            ends = levels[int(np.nanargmax(test.excess))], levels[int(np.nanargmin(test.excess))]
        found.append(FactorTest(depth, factor, len(cells), 1 - float(cells["reached"].mean()), test, p, *ends))
    return found


def censoring(scopes: Sequence[Scope]) -> Censoring:
    """The censored shares in each scope, the whole study among them."""
    shares = {depth: 1 - float(cells["reached"].mean()) for depth, cells in scopes}
    sizes = {depth: len(cells) for depth, cells in scopes}
    return Censoring(sizes[None], shares[None], {depth: share for depth, share in shares.items() if depth is not None})
