"""Intervals: Wilson's for a share of seeds, Student's t over seeds for a mean, order statistics for a median.

Seeds are blocks: cells that share one share their batches and their standard draws. So what is independent are whole
seeds, and an interval for a mean, or for a difference of two, is that of one number per seed; taken over the same
seeds, differences are paired.

Why no percentile bootstrap over seeds (Efron 1979)? With few seeds it covers far less than it says, for its spread is
sqrt((S - 1) / S) of the right one and its tails are no heavier than a normal's. Of 95% intervals for a normal mean,
4,000 times simulated, this many cover it (``tests/reporting/statistics/test_intervals.py`` holds the two ends):

    seeds                                      2     3     5     10    20
    percentile bootstrap                       51%   75%   84%   90%   93%
    BCa (Efron 1987)                           51%   68%   84%   90%   93%
    bootstrap-t (Efron & Tibshirani 1993, 12)   0%   82%   95%   95%   95%
    Student's t                                95%   95%   95%   95%   95%

Colas et al. (2019, arXiv 1904.06979) found the same of comparisons over seeds.
"""

import numpy as np
import numpy.typing as npt
from scipy.stats import binom, t
from statsmodels.stats.proportion import proportion_confint

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]


def wilson(successes: npt.ArrayLike, trials: npt.ArrayLike, confidence: float) -> tuple[Floats, Floats]:
    """Wilson's score interval (Wilson 1927) for a share: within [0, 1], of positive width at 0 and at n of n too.

    It takes what it counts as independent: seeds are, cells that share a seed are not.
    """
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


def student(values: Floats, confidence: float) -> tuple[Floats, Floats]:
    """Student's t interval (1908) for the mean over the last axis, one value a seed; NaN where there is a single seed.

    mean +- t(S - 1) s / sqrt(S). Exact for normal values, and a number per seed that is a mean over many cells is
    near enough to that. Of no width where all seeds agree.
    """
    size = values.shape[-1]
    center = values.mean(axis=-1)
    if size < 2:
        return np.full_like(center, np.nan), np.full_like(center, np.nan)
    half = t.ppf((1 + confidence) / 2, size - 1) * values.std(axis=-1, ddof=1) / np.sqrt(size)
    return center - half, center + half


def seed_interval(
    sums: Floats, counts: Floats, confidence: float, least: float = -np.inf, most: float = np.inf
) -> tuple[Floats, Floats]:
    """Student's t interval over seeds for the mean of each group, from sums and counts per group and seed.

    With as many cells in every seed it is ``student`` of the seeds' means; else that of the ratio of two means (Cochran
    1977, equation 6.13), whose residual of a seed is sum - mean * count. What lies beyond ``least`` and ``most``, which
    no mean can, is cut off: that costs no cover. NaN for a group with a single seed, and for one in which all seeds
    agree, as where all are censored: no width would claim a certainty that nobody has.

    For min(T, H), of which a share is censored and the rest is skewed, this many of 95% intervals cover, with 3 to 10
    seeds: for groups of 24 cells a seed 94 to 95% with up to 40% censored, 92 to 93% with 65%, 88 to 90% with 87%; for
    single combinations, one cell a seed, 91 to 93%, and 90 to 92% with 65% censored.
    """
    size, total = (counts > 0).sum(axis=1), counts.sum(axis=1)
    low, high = np.full(len(sums), np.nan), np.full(len(sums), np.nan)
    several = size > 1
    size, total = size[several], total[several]
    center = sums[several].sum(axis=1) / total
    residual = sums[several] - center[:, None] * counts[several]
    error = np.sqrt(size / (size - 1) * (residual**2).sum(axis=1)) / total
    # Rounding leaves seeds that agree a hair apart.
    error[error <= 1e-12 * np.abs(center)] = np.nan
    half = t.ppf((1 + confidence) / 2, size - 1) * error
    low[several], high[several] = np.maximum(center - half, least), np.minimum(center + half, most)
    return low, high


def median_interval(size: int, confidence: float) -> tuple[int, int]:
    """Which of ``size`` sorted values, counted from 0, bound the interval for their median (Thompson 1936).

    The number of values below the median is Binomial(size, 1/2), whatever their distribution. With fewer than six
    values no interval reaches 95%: it is then their range, and ``median_cover`` says how often that holds the median.
    """
    # The value at place k lies above the median where k values or fewer lie below it.
    above = binom.cdf(np.arange(size), size, 0.5)
    lower = max(int(np.searchsorted(above, (1 - confidence) / 2, side="right")) - 1, 0)
    return lower, size - 1 - lower


def median_cover(size: int, confidence: float) -> float:
    """How often the interval of ``median_interval`` holds the median."""
    lower, _ = median_interval(size, confidence)
    return float(1 - 2 * binom.cdf(lower, size, 0.5))


def holm(p: npt.ArrayLike) -> Floats:
    """Holm's (1979) adjusted p-values: the chance of a single false finding among all is at most their limit.

    Those that are not known stay so, and do not count as tests.
    """
    raw = np.asarray(p, np.float64)
    order = np.argsort(raw)  # what is not known comes last
    tests = int(np.isfinite(raw).sum())
    adjusted = np.full(raw.shape, np.nan)
    steps = (tests - np.arange(tests)) * raw[order[:tests]]
    adjusted[order[:tests]] = np.minimum(np.maximum.accumulate(steps), 1)
    return adjusted
