"""How far a factor's levels lie apart under each optimizer, the slowest from the fastest and the best from the worst.

The slowest of several levels is partly the unluckiest and the fastest the luckiest: chosen and compared by the same
seeds, levels that are all alike lie apart, and the further, the noisier the optimizer. So for each seed they are those
of the other seeds, as in tuning (Varma & Simon 2006), among networks that differ in nothing else: levels that are alike
then lie nothing apart on average, under any optimizer.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.asking.kinds import parameters
from ablation.reporting.figures.view import with_interval
from ablation.reporting.naming import Label
from ablation.reporting.statistics.differences import Difference, paired
from ablation.reporting.statistics.intervals import Floats

PLAIN = ("sgd", "momentum", "nesterov")
"""Kinds of optimizers that are not adaptive, for results whose manifest does not say which are."""


@dataclass(frozen=True)
class Spread:
    """How far a factor's levels lie apart under each optimizer, by one measure.

    Attributes:
        frame: a row an optimizer: ``mean`` over networks and seeds, with ``low, high``.
        plain: the mean of those optimizers that are not adaptive.
        against: of each adaptive one, its spread minus theirs in networks alike, all comparisons counted.
    """

    frame: pd.DataFrame
    plain: float
    against: dict[Label, Difference]

    def mean(self, optimizer: Label) -> float:
        """The spread under one optimizer."""
        return float(self.frame.set_index("optimizer")["mean"][optimizer])


def by_adaptivity(analysis: Analysis, levels: Sequence[Label]) -> tuple[list[Label], list[Label]]:
    """Those of the optimizers that are not adaptive, and those that are: whose steps are not as long as gradients."""
    known = analysis.manifest.get("optimizers", {})

    def is_adaptive(level: Label) -> bool:
        if str(level) in known:
            return bool(known[str(level)]["adaptive"])
        return parameters(analysis, "optimizer", level)["kind"] not in PLAIN

    return [level for level in levels if not is_adaptive(level)], [level for level in levels if is_adaptive(level)]


def spreads(analysis: Analysis, cells: pd.DataFrame, factor: str) -> pd.DataFrame:
    """A row a network and seed of which there is a cell with every level of the factor.

    Columns: ``decades``, log10 of the slowest level's restricted time over the fastest's; ``gap``, the best level's
    score on the test part minus the worst's; and what the rows are told apart by.
    """
    by = [name for name in analysis.design.compared if name != factor]
    # A target that is met before training is met no sooner than one can see.
    logs = np.log10(np.maximum(cells["time"].to_numpy(dtype=float), analysis.design.soonest))
    frame = cells.assign(logs=logs)
    parts = []
    for name, value in (("decades", "logs"), ("gap", "tested")):
        table = frame.pivot_table(value, [*by, "seed"], factor, observed=True).dropna()
        apart = [
            pd.Series(told_apart(own.to_numpy(dtype=float)), own.index) for _, own in table.groupby(by, observed=True)
        ]
        parts.append(pd.concat(apart).rename(name) if apart else pd.Series(dtype=float, name=name))
    return pd.DataFrame() if parts[0].empty else pd.concat(parts, axis=1).reset_index()


def told_apart(values: Floats) -> Floats:
    """Each seed's largest of (S, L) values minus its smallest, at the levels that the other seeds have for these."""
    seeds = np.arange(len(values))
    others = (values.sum(axis=0) - values if len(values) > 1 else values).round(9)
    return np.asarray(values[seeds, others.argmax(axis=1)] - values[seeds, others.argmin(axis=1)])


def spread(
    analysis: Analysis,
    frame: pd.DataFrame,
    factor: str,
    measure: str,
    kinds: tuple[Sequence[Label], Sequence[Label]],
    comparisons: int,
) -> Spread | None:
    """The spread under each optimizer by a measure of ``spreads``; None where no optimizer of either kind has any.

    ``kinds`` are the optimizers that are not adaptive, and those that are; so many ``comparisons`` are made in all.
    """
    plain, adaptive = kinds
    is_plain = frame["optimizer"].isin(plain)
    confidence = 1 - (1 - analysis.options.confidence) / max(1, comparisons)
    options = replace(analysis.options, confidence=confidence)
    found = {
        level: paired(
            analysis.design, options, frame, measure, (frame["optimizer"] == level, is_plain), ("optimizer", factor)
        )
        for level in adaptive
    }
    against = {level: difference for level, difference in found.items() if difference is not None}
    if not against:
        return None
    shown = frame[frame["optimizer"].isin([*plain, *against])]
    table = with_interval(analysis, shown, ["optimizer"], measure, -np.inf, np.inf)
    return Spread(table, float(frame.loc[is_plain, measure].mean()), against)
