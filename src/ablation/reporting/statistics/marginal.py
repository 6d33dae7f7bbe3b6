"""Marginal means: what a level's mean would be if it met every level of the other factors equally often.

In a full crossing that is the plain mean over cells. Where combinations are missing it is the mean predicted by the
additive model (Searle, Speed & Milliken 1980, "population marginal means"), so that a level is not judged by the
company it keeps. Either is a weighted sum over combinations, with the same weights for every seed; intervals are
Student's t over the seeds' sums, and differences are paired by seed.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ablation.reporting.design import Design
from ablation.reporting.statistics.contrasts import Levels, columns_of, sum_contrasts
from ablation.reporting.statistics.intervals import Floats, student
from ablation.reporting.statistics.responses import RATIOS, Effects


def marginal_weights(numbers: pd.DataFrame, levels: Levels, factor: str) -> Floats | None:
    """The weights of a factor's marginal means, of shape (levels, C); None where they cannot be estimated.

    They are rows of L (X'X)^- X' with the additive model's X and, in L, the mean and the factor's own contrasts.
    """
    size = len(numbers)
    parts = {name: columns_of(numbers, levels, (name,)) for name in levels}
    x = np.hstack([np.ones((size, 1)), *parts.values()])
    own = sum_contrasts(len(levels[factor]))
    wanted = np.zeros((len(own), x.shape[1]))
    wanted[:, 0] = 1
    start = 1 + sum(parts[name].shape[1] for name in list(parts)[: list(parts).index(factor)])
    wanted[:, start : start + own.shape[1]] = own
    weights = wanted @ np.linalg.pinv(x)
    return weights if np.allclose(weights @ x, wanted, atol=1e-7) else None


def marginal_means(y: Floats, weights: Floats) -> Floats:
    """Each level's marginal mean by seed: responses (..., C, S) to (..., levels, S)."""
    return np.asarray(weights @ y)


def compare_levels(
    y: Floats,
    weights: Floats,
    levels: Sequence[object],
    base: object,
    confidence: float,
    ends: tuple[float, float] = (-np.inf, np.inf),
) -> pd.DataFrame:
    """A row a level: its marginal ``mean``, ``low, high``, and its ``difference`` to the ``base`` with an interval.

    No mean lies beyond ``ends``, and intervals are cut off there. The difference of the base to itself is not known
    rather than zero.
    """
    means = marginal_means(y, weights)
    low, high = disagreeing(means, confidence)
    low, high = np.maximum(low, ends[0]), np.minimum(high, ends[1])
    apart = means - means[list(levels).index(base)]
    from_low, from_high = disagreeing(apart, confidence)
    other = np.array([level != base for level in levels])
    return pd.DataFrame(
        {
            "level": pd.Series(list(levels), dtype=object),
            "mean": means.mean(axis=-1),
            "low": low,
            "high": high,
            "difference": np.where(other, apart.mean(axis=-1), np.nan),
            "difference_low": np.where(other, from_low, np.nan),
            "difference_high": np.where(other, from_high, np.nan),
        }
    )


def disagreeing(values: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Student's t interval over seeds; NaN where all seeds agree, for no width would claim a certainty nobody has."""
    low, high = student(values, confidence)
    agree = np.ptp(values, axis=-1) < 1e-9
    return np.where(agree, np.nan, low), np.where(agree, np.nan, high)


APART = ("{}", "{}_low", "{}_high")
RATIO, DIFFERENCE = ([name.format(kind) for name in APART] for kind in ("ratio", "difference"))
MEANS = ["response", "factor", "level", "cells", "censored", "mean", "low", "high", *RATIO, *DIFFERENCE, "reference"]


def study_means(found: Sequence[Effects], cells: pd.DataFrame, design: Design, confidence: float) -> pd.DataFrame:
    """Every level's marginal mean on each response, no longer in logarithms, and how it differs from the reference's.

    A row a response, factor and level, with the columns ``MEANS``: ``cells`` counts the tuned ones of the level, and
    ``censored`` is the share of them that never arrives; the ``ratio`` to the reference where the response is a
    logarithm, the ``difference`` where it is not. No row where a response, or a factor's means, cannot be had.
    """
    parts = []
    for effects in found:
        numbers, levels = effects.model.combinations, effects.model.levels
        modelled = effects.times is not None  # beyond the horizon lie times as well
        ends = (-np.inf, np.inf) if modelled or not effects.y.size else (float(effects.y.min()), float(effects.y.max()))
        for factor, own in levels.items():
            weights = marginal_weights(numbers, levels, factor)
            if effects.response.why or weights is None:
                continue
            first = design.reference_among(factor, [level for level in design.levels[factor] if level in own])
            part = compare_levels(effects.y, weights, own, first, confidence, ends)
            if effects.response.name in RATIOS:
                part[list(part.columns[1:])] = 10 ** part[list(part.columns[1:])]
                part = part.rename(columns=lambda name: str(name).replace("difference", "ratio"))
            grouped = cells.groupby(factor, observed=True)["reached"]
            part.insert(1, "cells", grouped.size().reindex(own).to_numpy())
            part.insert(2, "censored", 1 - grouped.mean().reindex(own).to_numpy())
            part["reference"] = pd.Series([first] * len(part), dtype=object)
            parts.append(part.assign(response=effects.response.name, factor=factor).reindex(columns=MEANS))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=MEANS)
