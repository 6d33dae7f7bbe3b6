"""The accelerated failure time model of a study's times, fitted a seed at a time, and what it makes of them.

The model has the study's main effects and two-way interactions (``contrasts``) and one scale a seed; of very many
levels main effects alone, so that interactions are those of times as they are expected without any. A seed's fit knows
of no other seed, so that what it says is one independent word on every effect.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from ablation.reporting.design import Design
from ablation.reporting.statistics.contrasts import Model, independent
from ablation.reporting.statistics.failure_time import LOGISTIC, Fit, completed, fit
from ablation.reporting.statistics.intervals import Floats, Ints
from ablation.reporting.statistics.notes import Remark

LEAST = 2
"""Cells that must arrive with every seed, or nothing can be said of times."""
MANY = 800
"""Parameters beyond which the model has main effects alone, for it takes the cube of their number."""
LN10 = float(np.log(10))


@dataclass(frozen=True)
class TimeModel:
    """What the model makes of a study's times.

    Attributes:
        y: log10 of every time, as expected within what is known of it, (C, S).
        unseen: each seed's sum of its variances there, (S,).
        fits: the log-normal model of each seed; none where it cannot be had.
        logistic: the log-logistic one, to hold it against.
        why: why it cannot be had, if so.
        alone: whether it has main effects alone.
    """

    y: Floats
    unseen: Floats
    fits: list[Fit]
    logistic: list[Fit]
    why: Remark | None = None
    alone: bool = False


def fit_times(cells: pd.DataFrame, places: Ints, model: Model, design: Design) -> TimeModel:
    """The model of the tuned cells at these places, (C, S)."""
    size, seeds = places.shape
    nothing = TimeModel(np.zeros((size, seeds)), np.zeros(seeds), [], [])
    if design.untrained or not places.size or not model.terms:
        return nothing
    with np.errstate(divide="ignore"):
        lower = np.log(cells["later_than"].to_numpy(dtype=float))[places]
        upper = np.log(cells["no_later_than"].to_numpy(dtype=float))[places]
    if np.isfinite(upper).sum(axis=0).min() < LEAST:
        return TimeModel(nothing.y, nothing.unseen, [], [], Remark.TOO_FEW_ARRIVE)
    basis = model.basis
    alone = basis.shape[1] > MANY
    if alone:
        main = [term.basis for term in model.terms if len(term.factors) == 1]
        basis = np.hstack([basis[:, :1], independent(np.hstack(main))])
    x = basis * np.sqrt(size)
    fits = [fit(x, lower[:, seed], upper[:, seed]) for seed in range(seeds)]
    logistic = [fit(x, lower[:, seed], upper[:, seed], LOGISTIC) for seed in range(seeds)]
    mean, variance = (np.stack(part, axis=1) for part in zip(*map(completed, fits), strict=True))
    return TimeModel(mean / LN10, (variance / LN10**2).sum(axis=0), fits, logistic, alone=alone)
