"""How large a difference between two groups of cells is, and how sure one can be of it.

Cells are set in pairs that differ in what is compared and agree in everything else, the seed among it. The interval is
over seeds (``intervals.seed_interval``), each with the mean of its pairs. A difference is *clear* where its interval
leaves out zero. Where all seeds give the very same difference there is no spread to tell from; then the sign test
decides, which fewer than six seeds never pass at 5%.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
import pandas as pd

from ablation.reporting.design import Design
from ablation.reporting.options import Options
from ablation.reporting.statistics.intervals import by_seed, seed_interval

ENOUGH_SEEDS = 6
"""So many agree by chance alone in 2 of 64 cases: the fewest that pass the sign test at 5%."""


class Evidence(Enum):
    """How sure one can be of a difference."""

    COPIES = auto()
    """The cells of either side are the same to the bit: one outcome under two names."""
    NONE = auto()
    """One seed: there is no interval."""
    UNCLEAR = auto()
    """The interval includes zero."""
    WEAK = auto()
    """All seeds give the very same, and are too few for a sign test."""
    CLEAR = auto()
    """The interval leaves out zero."""


@dataclass(frozen=True)
class Difference:
    """A mean difference of cells with its interval over ``seeds`` seeds; NaN ends where there is one.

    ``copies`` says that either side's cells are the other's again.
    """

    mean: float
    low: float
    high: float
    seeds: int
    copies: bool = False

    @property
    def evidence(self) -> Evidence:
        """How sure one can be of it."""
        if self.copies:
            return Evidence.COPIES
        if self.seeds < 2:
            return Evidence.NONE
        if self.low <= 0 <= self.high:
            return Evidence.UNCLEAR
        return Evidence.WEAK if self.low == self.high and self.seeds < ENOUGH_SEEDS else Evidence.CLEAR

    @property
    def sign(self) -> int:
        """Which way a clear difference goes, -1 or 1; 0 where it is not clear."""
        return (int(self.mean > 0) - int(self.mean < 0)) * (self.evidence is Evidence.CLEAR)


def rounded(value: float) -> float:
    """A difference without what rounding makes of one between equal means."""
    return round(float(value), 9) + 0.0


def paired(
    design: Design,
    options: Options,
    cells: pd.DataFrame,
    value: str,
    groups: tuple[pd.Series, pd.Series],
    apart: Sequence[str],
    alike: Sequence[str] = (),
) -> Difference | None:
    """The mean of ``value`` in the first group minus that in the second; None where no two cells make a pair.

    Args:
        design: the study's.
        options: the interval's confidence.
        cells: what is compared; a cell whose value is not finite takes part in no pair.
        value: the column.
        groups: which cells belong to either group. Where one has several cells for a pair, their mean is taken.
        apart: the compared factors in which the two of a pair differ.
        alike: further factors in which they agree, such as those that are elsewhere tuned over.
    """
    first, second = groups
    known = np.isfinite(cells[value].to_numpy(dtype=float)) & (first | second)
    by = [*(factor for factor in design.compared if factor not in apart), *alike, "seed"]
    side = pd.Series(np.where(first, "first", "second"), cells.index)[known]
    sided = cells[known].assign(side=side)
    means = sided.pivot_table(value, by, "side", observed=True).reindex(columns=["first", "second"]).dropna()
    if means.empty:
        return None
    found = (means["first"] - means["second"]).reset_index(name="difference")
    seeds = found["seed"].cat.codes.to_numpy().astype(np.int64)
    one = np.zeros(len(found), np.int64)
    sums, counts = by_seed(found["difference"].to_numpy(), one, seeds, 1, design.seeds)
    low, high = seed_interval(sums, counts, options.confidence)
    size, mean = int((counts > 0).sum()), float(sums.sum() / counts.sum())
    # Seeds that all agree have an interval of no width, which ``evidence`` takes for what it is.
    ends = (mean, mean) if size > 1 and np.isnan(low[0]) else (float(low[0]), float(high[0]))
    return Difference(
        rounded(mean), rounded(ends[0]), rounded(ends[1]), size, not found["difference"].any() and copies(sided, by)
    )


def copies(sided: pd.DataFrame, by: Sequence[str]) -> bool:
    """Whether every cell of one ``side`` has the outcome of one of the other's that agrees with it in ``by``."""
    if "outcome" not in sided:
        return False
    for which in ("min", "max"):  # of several cells for a pair
        both = sided.pivot_table("outcome", by, "side", aggfunc=which, observed=True)
        both = both.reindex(columns=["first", "second"]).dropna()
        if (both["first"] != both["second"]).any():
            return False
    return True
