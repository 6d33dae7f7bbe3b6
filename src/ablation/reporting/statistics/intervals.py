"""Two intervals: Wilson's for a share of cells, and the bootstrap over seeds for a mean or a median.

Seeds are blocks: cells that share one share their batches and their standard draws. So the bootstrap resamples whole
seeds, with the same resamples for every group, which also makes differences between groups paired.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import binom
from statsmodels.stats.proportion import proportion_confint

from ablation.reporting.design import Options

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CHUNK = 2_000_000
"""Most resampled means held at once, so that a study of many epochs needs no more memory than one of few."""


def wilson(successes: npt.ArrayLike, trials: npt.ArrayLike, confidence: float) -> tuple[Floats, Floats]:
    """Wilson's score interval (Wilson 1927) for a share: within [0, 1], of positive width at 0 and at n of n too."""
    k, n = np.asarray(successes), np.asarray(trials)
    low, high = proportion_confint(k, n, alpha=1 - confidence, method="wilson")
    # Rounding leaves these two ends a hair beside the numbers that they are.
    return np.where(k == 0, 0.0, low), np.where(k == n, 1.0, high)


def by_seed(values: npt.ArrayLike, groups: Ints, seeds: Ints, n_groups: int, n_seeds: int) -> tuple[Floats, Floats]:
    """Sums and counts of ``values`` per group and seed, each of shape (groups, seeds)."""
    flat, size = groups * n_seeds + seeds, n_groups * n_seeds
    sums: Floats = np.bincount(flat, weights=np.asarray(values, np.float64), minlength=size).astype(np.float64)
    counts: Floats = np.bincount(flat, minlength=size).astype(np.float64)
    return sums.reshape(n_groups, n_seeds), counts.reshape(n_groups, n_seeds)


def resamples(n_seeds: int, options: Options) -> Floats:
    """How often each seed is drawn in each of the resamples, of shape (resamples, seeds)."""
    generator = np.random.default_rng(options.bootstrap_seed)
    return generator.multinomial(n_seeds, np.full(n_seeds, 1 / n_seeds), size=options.bootstrap).astype(float)


def percentile_interval(draws: Floats, confidence: float) -> tuple[Floats, Floats]:
    """The percentile interval (Efron 1979) over the last axis; a resample in which a group is empty is left out."""
    ends = [(1 - confidence) / 2, (1 + confidence) / 2]
    quantile: Any = np.nanquantile if np.isnan(draws).any() else np.quantile
    low, high = quantile(draws, ends, axis=-1)
    return np.asarray(low), np.asarray(high)


def median_interval(size: int, confidence: float) -> tuple[int, int]:
    """Which of ``size`` sorted values bound the bootstrap percentile interval of their lower median.

    No resample need be drawn (Efron 1979, section 3): the lower median of a resample is at most the k-th smallest
    value where at least half of its ``size`` draws are, so P(median* <= x_(k)) = P(Binomial(size, k / size) >= half).
    """
    half = (size + 1) // 2
    below = binom.sf(half - 1, size, np.arange(1, size + 1) / size)
    tail = (1 - confidence) / 2
    low, high = np.searchsorted(below, [tail, 1 - tail - 1e-12])
    return int(low), int(high)


def bootstrap_means(sums: Floats, counts: Floats, options: Options) -> Floats:
    """Resampled means per group, of shape (groups, resamples), from sums and counts per group and seed."""
    drawn = resamples(sums.shape[1], options).T
    with np.errstate(invalid="ignore"):
        return np.asarray((sums @ drawn) / (counts @ drawn))


def seed_interval(sums: Floats, counts: Floats, options: Options) -> tuple[Floats, Floats]:
    """Bootstrap percentile interval over seeds for the mean of each group; NaN for a group with a single seed.

    With two or three seeds it is hardly more than their range, and covers less often than it says.
    """
    low, high = np.full(len(sums), np.nan), np.full(len(sums), np.nan)
    several = np.flatnonzero((counts > 0).sum(axis=1) > 1)
    rows = max(1, CHUNK // options.bootstrap)
    for start in range(0, len(several), rows):
        part = several[start : start + rows]
        draws = bootstrap_means(sums[part], counts[part], options)
        low[part], high[part] = percentile_interval(draws, options.confidence)
    return low, high
