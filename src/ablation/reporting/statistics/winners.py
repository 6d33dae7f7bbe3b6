"""The winner among levels or combinations, the chance that it is really the best, and who cannot be told from it.

The level with the least mean over a few seeds is often not the one with the least mean over all seeds, the less so the
more there are. Its **chance** is the share of resamples in which it has the least mean. Resampled are the seeds, by a
parametric bootstrap (Davison & Hinkley 1997, section 2.2): a resample's means are mean + sum_s w_s (y_s - mean), with
weights w that are Student's t with S - 1 degrees of freedom, the same for all levels, so that the chance of one of two
levels is the one-sided p-value of the paired t test. Drawing whole seeds with replacement instead calls the better of
two levels that are alike the best with a chance of 89% with two seeds and 84% with three, where it is right in 61% and
64% of studies; the weights say 76% and 77% there, and where the effects are as large as the noise they say what is
true within some five points (``tests/reporting/statistics/test_winners.py``).

The **set that cannot be told from the winner** holds the best in at least 95% of studies: a level is left out where a
one-sided paired t test against the winner rejects it at 5% over the number of comparisons (Hsu 1984; Bonferroni).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t

from ablation.reporting.design import Design, Options
from ablation.reporting.naming import Label
from ablation.reporting.statistics.contrasts import blocks, coded
from ablation.reporting.statistics.intervals import Floats, student
from ablation.reporting.statistics.marginal import marginal_means, marginal_weights

CHUNK = 4_000_000
"""Most resampled means held at once."""


def seed_weights(n_seeds: int, options: Options) -> Floats:
    """How much each seed's deviation counts in each resample, of shape (resamples, seeds)."""
    generator = np.random.default_rng(options.bootstrap_seed)
    normal = generator.standard_normal((options.bootstrap, n_seeds))
    scale = np.sqrt((n_seeds - 1) / generator.chisquare(n_seeds - 1, (options.bootstrap, 1)))
    return np.asarray(normal * scale / np.sqrt(n_seeds * (n_seeds - 1)))


def chances(values: Floats, options: Options) -> Floats:
    """The chance of each row to have the least mean, from one value a seed: (levels, S) to (levels,).

    Rows that tie share their chance, and so do those that are alike in every seed. Rows that are behind the best by the
    very same in every seed leave no spread to tell from; so many seeds agree on a sign by chance alone in 1 of 2^S
    cases, and such rows share that much of the best one's chance. NaN where there is one seed, unless one row is all
    there is.
    """
    count, seeds = values.shape
    if count == 1:
        return np.ones(1)
    if seeds < 2:
        return np.full(count, np.nan)
    # Sums in another order differ in their last bits, and ties would hang on those.
    rows, place, sizes = np.unique(values.round(9), axis=0, return_inverse=True, return_counts=True)
    center = rows.mean(axis=1, keepdims=True)
    weights = seed_weights(seeds, options)
    won = np.zeros(len(rows))
    step = max(1, CHUNK // len(rows))
    for start in range(0, len(weights), step):
        drawn = center + (rows - center) @ weights[start : start + step].T
        best = drawn <= drawn.min(axis=0) + 1e-9
        shares = best * sizes[:, None]
        won += (shares / shares.sum(axis=0)).sum(axis=1)
    first = int(center[:, 0].argmin())
    behind = (np.ptp(rows - rows[first], axis=1) < 1e-9) & (center[:, 0] > center[first, 0])
    if behind.any():
        given = won[first] / 2**seeds
        won[behind] += given * sizes[behind] / sizes[behind].sum()
        won[first] -= given
    return np.asarray((won / sizes / len(weights))[place.ravel()])


def contenders(values: Floats, confidence: float) -> np.ndarray:
    """Which rows cannot be told from the one with the least mean, that one included, from one value a seed.

    All of them where there is one seed.
    """
    count, seeds = values.shape
    if seeds < 2 or count < 2:
        return np.ones(count, dtype=bool)
    apart = values - values[int(values.mean(axis=1).argmin())]
    mean, error = apart.mean(axis=1), apart.std(axis=1, ddof=1) / np.sqrt(seeds)
    level = (1 - confidence) / (count - 1)
    limit = t.ppf(1 - level, seeds - 1)
    alike = (np.ptp(apart, axis=1) < 1e-9) & (0.5**seeds > level)  # no spread: the sign test, which so few do not pass
    return np.asarray((mean <= limit * error + 1e-9) | alike)


@dataclass(frozen=True)
class Winner:
    """The level of a factor, or the whole combination, with the least restricted mean at one depth.

    Attributes:
        factor: whose levels are compared; None where it is whole combinations.
        factors: what a candidate is a level of each of.
        candidates: the levels of each candidate.
        best: the winner's place among them.
        rest: the places of those that cannot be told from it, the better ones first.
        rmst, low, high: its restricted mean (epochs) with Student's t interval; no interval where all seeds agree.
        chance: that it is really the best.
        tied: how many others have the same mean.
    """

    depth: Label
    factor: str | None
    factors: tuple[str, ...]
    candidates: Sequence[tuple[Label, ...]]
    best: int
    rest: Sequence[int]
    rmst: float
    low: float
    high: float
    chance: float
    tied: int


def winners_at(depth: Label, cells: pd.DataFrame, design: Design, options: Options) -> Iterator[Winner]:
    """The winner of every factor but depth among these cells, all of one depth, and of their combinations.

    The levels of a factor are compared by their marginal means; ties go by the mean loss while training.
    """
    factors = tuple(factor for factor in design.compared if factor != "depth")
    found, places, _ = blocks(cells, factors or design.compared)
    time, loss = cells["time"].to_numpy()[places], cells["mean_loss"].to_numpy(dtype=float)[places].mean(axis=1)
    numbers, levels = coded(found, factors)
    for factor in levels:
        weights = marginal_weights(numbers, levels, factor)
        if weights is not None:
            own = [(level,) for level in design.levels[factor] if level in levels[factor]]
            judged = _judged(marginal_means(time, weights), weights @ loss, design.horizon, options)
            yield Winner(depth, factor, (factor,), own, *judged)
    # The combinations of a single factor are its levels.
    if len(levels) != 1 and len(found):
        combinations = list(found.itertuples(index=False, name=None))
        yield Winner(depth, None, tuple(found.columns), combinations, *_judged(time, loss, design.horizon, options))


def _judged(
    time: Floats, loss: Floats, horizon: float, options: Options
) -> tuple[int, list[int], float, float, float, float, int]:
    """What ``Winner`` holds behind the candidates, from one restricted mean a candidate and seed."""
    mean = time.mean(axis=1).round(9)
    order = np.lexsort((np.arange(len(mean)), np.nan_to_num(loss, nan=np.inf).round(9), mean))
    best = int(order[0])
    low, high = student(time[best], options.confidence)
    inside = contenders(time, options.confidence)
    rest = [int(at) for at in order if inside[at] and at != best]
    agree = np.ptp(time[best]) < 1e-9
    ends = (np.nan, np.nan) if agree else (max(float(low), 0.0), min(float(high), horizon))
    chance = float(chances(time, options)[best])
    return best, rest, float(mean[best]), *ends, chance, int((mean == mean[best]).sum()) - 1
