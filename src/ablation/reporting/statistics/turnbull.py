"""The distribution of what is known to lie in intervals, without a model: Turnbull's estimate.

Of all distributions it is the one of the largest likelihood, found by giving each observation's weight to the bins of
its interval in proportion to what they have, again and again (Turnbull 1976, equation 3: the self-consistency of Efron
1967).
"""

import numpy as np

from ablation.reporting.statistics.intervals import Floats

ROUNDS = 2000
STILL = 1e-5
"""Rounds end where no share moves by more than this."""


def turnbull(low: Floats, high: Floats, grid: Floats) -> Floats:
    """The share at or below each point of an ascending grid, of numbers known to lie in (low, high], (n,) each.

    Intervals are widened to the grid's points; beyond its last point there is one more bin, and before its first.
    """
    first, last = np.searchsorted(grid, low, side="right") - 1, np.searchsorted(grid, high, side="left")
    # Bin j is (grid[j - 1], grid[j]].
    bins = np.arange(len(grid) + 1)
    member = ((bins > first[:, None]) & (bins <= np.maximum(last, first + 1)[:, None])).astype(float)
    kinds, counts = np.unique(member, axis=0, return_counts=True)
    share = np.full(len(bins), 1 / len(bins))
    for _ in range(ROUNDS):
        inside = kinds * share
        new = counts @ (inside / inside.sum(axis=1, keepdims=True)) / len(low)
        if np.abs(new - share).max() < STILL:
            break
        share = new
    return np.asarray(share.cumsum()[:-1])
