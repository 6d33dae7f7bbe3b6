"""The log-rank test between the levels of a factor: do they reach the target at the same times?

Time to target is censored at one common horizon H, so Kaplan & Meier's (1958) estimate of the share still on its way
is one minus the empirical distribution. Where many cells are censored, min(T, H) says little of by how much a level is
slower, and the log-rank test (Mantel 1966), which asks only who arrives first, stands beside the effects.

It is **stratified** by all other compared factors and by the seed: a stratum holds the cells that differ in the one
factor alone, one a level. In a factorial the other factors move T far more than most single ones, and unstratified
their differences would drown it; and cells of a seed share their draws. Strata so small are what the Mantel-Haenszel
variance is made for (Breslow 1981): what grows is their number.

statsmodels' ``survdiff`` is the same statistic; it has no answer where levels never meet within a stratum or always
tie, and goes through the strata one by one (``tests/reporting/statistics/test_survival.py`` holds this against it).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

import numpy as np
import pandas as pd
from scipy.stats import chi2

from ablation.reporting.statistics.intervals import Floats, Ints


class Untold(Enum):
    """Why there is no test between the levels of a factor."""

    NOBODY_ARRIVES = auto()
    ALWAYS_TIED = auto()
    """No two levels ever arrive at different times in a stratum."""


@dataclass(frozen=True)
class LogRank:
    """The statistic with its degrees of freedom and p-value; ``untold`` says why it cannot be computed, if so.

    Attributes:
        strata: how many strata have several levels and somebody who arrives.
        excess: observed over expected arrivals per level, NaN for a level that no stratum compares; above 1 is sooner.
    """

    statistic: float
    df: int
    p: float
    strata: int
    excess: Floats
    untold: Untold | None = None


def log_rank(times: Floats, levels: Ints, strata: Ints, n_levels: int) -> LogRank:
    """The stratified log-rank test; a time that is infinite is censored at the horizon, after all arrivals.

    With r of level k and n in all still on their way in a stratum at a time at which d arrive, level k is expected to
    have d r / n of them, with covariance d (n - d) / (n - 1) (r_k / n) (delta_kl - r_l / n) (the hypergeometric one).
    """
    arrivals = np.unique(times[np.isfinite(times)])
    groups = np.unique(strata, return_inverse=True)[1]
    observed = np.zeros((int(groups.max(initial=-1)) + 1, n_levels, len(arrivals)))
    risk = np.zeros_like(observed)
    for at, time in enumerate(arrivals):
        np.add.at(observed[:, :, at], (groups[times == time], levels[times == time]), 1)
        np.add.at(risk[:, :, at], (groups[times >= time], levels[times >= time]), 1)
    d, n = observed.sum(axis=1), risk.sum(axis=1)
    share = risk / np.maximum(n, 1)[:, None]
    expected = share * d[:, None]
    weight = d * (n - d) / np.maximum(n - 1, 1)
    several = weight * ((risk > 0).sum(axis=1) > 1)
    variance = np.diag(np.einsum("gu,gku->k", several, share)) - np.einsum("gu,gku,glu->kl", several, share, share)
    told = (observed - expected).sum(axis=(0, 2))
    compared = ((risk > 0).sum(axis=1) > 1)[:, None] & (risk > 0) & (d > 0)[:, None]
    met = (np.where(compared, observed, 0).sum(axis=(0, 2)), np.where(compared, expected, 0).sum(axis=(0, 2)))
    excess = np.divide(*met, out=np.full(n_levels, np.nan), where=met[1] > 0)
    informative = int((several > 0).any(axis=1).sum())
    # Levels that never meet leave directions in which nothing is known: no degrees of freedom are counted for those.
    size, directions = np.linalg.eigh(variance)
    known = size > 1e-9 * max(float(size[-1]) if len(size) else 0.0, 1e-300)
    df = int(known.sum()) if informative else 0
    if not df:
        untold = Untold.ALWAYS_TIED if len(arrivals) else Untold.NOBODY_ARRIVES
        return LogRank(float("nan"), 0, float("nan"), informative, excess, untold)
    statistic = float((((told @ directions)[known]) ** 2 / size[known]).sum())
    return LogRank(statistic, df, max(float(chi2.sf(statistic, df)), 1e-300), informative, excess)


def log_rank_of(cells: pd.DataFrame, factor: str, others: Sequence[str]) -> LogRank:
    """The test between the levels of ``factor``, stratified by ``others`` and the seed."""
    strata = cells.groupby([*others, "seed"], observed=True).ngroup().to_numpy().astype(np.int64)
    levels = cells[factor].cat.codes.to_numpy().astype(np.int64)
    times = cells["epochs_primary"].to_numpy(dtype=np.float64)
    return log_rank(times, levels, strata, len(cells[factor].cat.categories))
