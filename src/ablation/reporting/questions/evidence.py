"""How large a difference between two groups of cells is, and how sure one can be of it.

Cells are set in pairs that differ in what is compared and agree in everything else, the seed among it. The interval is
over seeds (``statistics.intervals.seed_interval``), each with the mean of its pairs.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import plural
from ablation.reporting.statistics.intervals import by_seed, seed_interval
from ablation.reporting.wording import verdict


@dataclass(frozen=True)
class Difference:
    """The mean difference of pairs of cells with its interval over ``seeds`` seeds; NaN ends where there is one."""

    mean: float
    low: float
    high: float
    seeds: int

    @property
    def sign(self) -> int:
        """Which way a clear difference goes; 0 where the evidence is weak, the interval includes zero, or is none."""
        clear = verdict(self.low, self.high, self.seeds) == "a clear difference"
        return (int(self.mean > 0) - int(self.mean < 0)) * clear

    def text(self, unit: str = "epochs", scale: float = 1) -> str:
        """The difference, its interval and the verdict in words."""
        mean, low, high = (scale * end for end in (self.mean, self.low, self.high))
        ends = "" if self.seeds < 2 else f" [{low:+.3g}, {high:+.3g}]"
        size, (noun, *rest) = f"{mean:+.3g}", unit.split(" ")
        named = " ".join([noun.removesuffix("s") if size in ("+1", "-1") else noun, *rest])
        return f"{size} {named}".rstrip() + f"{ends}, {verdict(self.low, self.high, self.seeds)}"

    @property
    def full(self) -> str:
        """The same of epochs, with the number of seeds."""
        return self.text(f"epochs over {plural(self.seeds, 'seed')}")


def paired(
    analysis: Analysis,
    cells: pd.DataFrame,
    value: str,
    groups: tuple[pd.Series, pd.Series],
    apart: Sequence[str],
    alike: Sequence[str] = (),
) -> Difference | None:
    """The mean of ``value`` in the first group minus that in the second; None where no two cells make a pair.

    Args:
        analysis: the study.
        cells: what is compared; a cell whose value is not finite takes part in no pair.
        value: the column.
        groups: which cells belong to either group. Where one has several cells for a pair, their mean is taken.
        apart: the compared factors in which the two of a pair differ.
        alike: further factors in which they agree, such as those that are elsewhere tuned over.
    """
    first, second = groups
    known = np.isfinite(cells[value].to_numpy(dtype=float)) & (first | second)
    by = [*(factor for factor in analysis.design.compared if factor not in apart), *alike, "seed"]
    side = pd.Series(np.where(first, "first", "second"), cells.index)[known]
    means = cells[known].assign(side=side).pivot_table(value, by, "side", observed=True)
    means = means.reindex(columns=["first", "second"]).dropna()
    if means.empty:
        return None
    found = (means["first"] - means["second"]).reset_index(name="difference")
    seeds = found["seed"].cat.codes.to_numpy().astype(np.int64)
    one = np.zeros(len(found), np.int64)
    sums, counts = by_seed(found["difference"].to_numpy(), one, seeds, 1, analysis.design.seeds)
    low, high = seed_interval(sums, counts, analysis.options)
    size, mean = int((counts > 0).sum()), float(sums.sum() / counts.sum())
    # Seeds that all agree have an interval of no width, which ``verdict`` takes for what it is; and equal means differ
    # by rounding alone.
    ends = (mean, mean) if size > 1 and np.isnan(low[0]) else (float(low[0]), float(high[0]))
    low_end, high_end = (round(end, 9) + 0.0 for end in ends)
    return Difference(round(mean, 9) + 0.0, low_end, high_end, size)


def restricted(analysis: Analysis, cells: pd.DataFrame) -> pd.DataFrame:
    """The cells with ``time``, min(T, H) in epochs."""
    return cells.assign(time=np.minimum(cells["epochs_primary"].to_numpy(), analysis.design.horizon))


def share(mask: pd.Series) -> str:
    """How many cells of all, in words."""
    return f"{int(mask.sum()):,} of {plural(len(mask), 'cell')}"
