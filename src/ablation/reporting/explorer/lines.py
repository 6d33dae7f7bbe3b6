"""Which lines can be drawn: combinations of the compared factors, at each setting of the nuisance factors or the best.

Behind each line stand its cells, one a seed. At the tuned setting they are those of the report: for each seed the ones
that the other seeds choose, so that a line may hold cells of several settings.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, combinations

import numpy as np

from ablation.reporting.analysis import Analysis
from ablation.reporting.naming import Label
from ablation.reporting.statistics.intervals import Ints
from ablation.reporting.statistics.tuning import tune


@dataclass(frozen=True)
class Lines:
    """The lines of a study.

    Attributes:
        factors: the levels of what can be picked, by factor, in the order of the design.
        tuned: those of them that can be left to the tuning.
        picks: the number of each line's level of each factor [lines, factors], from 1; 0 is the tuned one.
        members: the number of each line's cell of each seed [lines, seeds], -1 where it has none.
    """

    factors: Mapping[str, tuple[Label, ...]]
    tuned: tuple[str, ...]
    picks: Ints
    members: Ints


def study_lines(analysis: Analysis, settings: bool = True) -> Lines:
    """Every line of the study; without ``settings`` those at the tuned setting alone."""
    design, cells = analysis.design, analysis.cells
    tuned = tuple(factor for factor in design.nuisance if len(design.levels[factor]) > 1)
    factors = (*design.compared, *tuned)
    codes = np.stack([cells[factor].cat.codes.to_numpy().astype(np.int64) + 1 for factor in factors], axis=1)
    seeds = cells["seed"].cat.codes.to_numpy().astype(np.int64)
    picks, members = [], []
    for fixed in chain.from_iterable(combinations(tuned, size) for size in range(len(tuned) + 1 if settings else 1)):
        left = [factor for factor in tuned if factor not in fixed]
        chosen = tune(cells, [*design.compared, *fixed], left, analysis.options.tuning).index.to_numpy()
        own = np.where([factor in left for factor in factors], 0, codes[chosen])
        found, line = np.unique(own, axis=0, return_inverse=True)
        cell = np.full((len(found), design.seeds), -1, np.int64)
        cell[line.ravel(), seeds[chosen]] = chosen
        picks.append(found)
        members.append(cell)
    return Lines(
        {factor: design.levels[factor] for factor in factors}, tuned, np.concatenate(picks), np.concatenate(members)
    )
