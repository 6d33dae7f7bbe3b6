"""Does batch normalization free the network from the scale with which it begins, and what becomes of that scale?

How far the time to the target spreads between initializers of different scales, with it and without, in networks that
differ in nothing else; and the standard deviation of what enters the activation. With batch normalization before the
activation that is 1 at the start and afterwards what gamma and beta make of it, which are themselves not recorded.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.naming import Label
from ablation.reporting.statistics.differences import Difference

FLOOR = 1e-30
"""A standard deviation below this, zero among them, counts as this."""


@dataclass(frozen=True)
class Spread:
    """How far the restricted mean time spreads between initializers. Pairs of numbers are with and without.

    Attributes:
        difference: the spread with batch normalization minus that without.
        initializers: how many there are.
        fold: the largest norm of their first weights over the smallest; None where no cell was probed.
        times: the spreads, in the unit of the study.
        reached: the shares of cells that reach the target.
    """

    difference: Difference
    initializers: int
    fold: float | None
    times: tuple[float, float]
    reached: tuple[float, float]


@dataclass(frozen=True)
class Learned:
    """What training makes of the standard deviation of what enters the activation, with batch normalization.

    Attributes:
        change: its common logarithm at the last probe minus that at the first.
        start: its geometric mean at the first probe.
        folds: the largest over the smallest initializer's at the last probe, with and without; None where unknown.
    """

    change: Difference
    start: float
    folds: tuple[float | None, float | None]


def time_spread(analysis: Analysis, cells: pd.DataFrame, base: Label, without: Label) -> Spread | None:
    """The spread of times with the normalization ``base`` and without; None where no initializers make a pair."""
    design = analysis.design
    by = [factor for factor in design.compared if factor not in ("init", "normalization")]
    times = cells.pivot_table("time", [*by, "seed", "normalization"], "init", observed=True).dropna()
    spread = (times.max(axis=1) - times.min(axis=1)).rename("spread").reset_index()
    if spread.empty:
        return None
    sides = spread["normalization"] == base, spread["normalization"] == without
    found = analysis.paired(spread, "spread", sides, ("init", "normalization"))
    if found is None:
        return None
    means = spread.groupby("normalization", observed=True)["spread"].mean()
    reach = cells.groupby("normalization", observed=True)["reached"].mean()
    norms = first_norms(analysis, cells)["weight_norm"]
    fold = float(norms.max() / norms.min()) if len(norms) else None
    ends = (float(means[base]), float(means[without])), (float(reach[base]), float(reach[without]))
    return Spread(found, times.shape[1], fold, *ends)


def first_norms(analysis: Analysis, cells: pd.DataFrame) -> pd.DataFrame:
    """The first layer before training, with ``weight_norm`` and the cell's ``init``."""
    first = analysis.probes[(analysis.probes["probe"] == "first") & (analysis.probes["layer"] == 1)]
    return pd.DataFrame(first.merge(cells[["init"]], left_on="row", right_index=True))


def learned_scale(analysis: Analysis, cells: pd.DataFrame, base: Label, without: Label) -> Learned | None:
    """How the standard deviation of what enters the activation moves; None where no cell was probed."""
    frame = entering(analysis, cells)
    own = frame[frame["normalization"] == base]
    if own.empty:
        return None
    sides = own["probe"] == "last", own["probe"] == "first"
    found = analysis.paired(own, "log_std", sides, ())
    if found is None:
        return None
    start = 10 ** float(own.groupby("probe")["log_std"].mean()["first"])
    ends = frame[frame["probe"] == "last"].groupby(["normalization", "init"], observed=True)["log_std"].mean()

    def fold(level: Label) -> float | None:
        return 10 ** float(ends[level].max() - ends[level].min()) if level in ends else None

    return Learned(found, start, (fold(base), fold(without)))


def entering(analysis: Analysis, cells: pd.DataFrame) -> pd.DataFrame:
    """The cells twice, before training and at the last probe, with ``log_std``: log10 of the pre-activation's standard
    deviation, mean over layers."""
    std = analysis.probes[np.isfinite(analysis.probes["preact_std"].to_numpy())]
    std = std.assign(log_std=np.log10(np.maximum(std["preact_std"].to_numpy().astype(float), FLOOR)))
    means = std.groupby(["row", "probe"])["log_std"].mean().reset_index()
    return pd.DataFrame(means.merge(cells, left_on="row", right_index=True))
