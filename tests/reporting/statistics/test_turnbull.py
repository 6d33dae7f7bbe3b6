"""Turnbull's estimate: the empirical distribution of what is exact, Kaplan and Meier's of what is censored."""

import numpy as np
import pytest
from scipy.optimize import minimize
from statsmodels.duration.survfunc import SurvfuncRight

from ablation.reporting.statistics.turnbull import turnbull

GRID = np.arange(0.0, 11.0)


def test_of_exact_numbers_it_is_the_empirical_distribution():
    values = np.array([1.0, 2, 2, 5, 9])
    expected = [(values <= point).mean() for point in GRID]
    assert turnbull(values - 1e-9, values, GRID) == pytest.approx(expected, abs=1e-4)


def test_of_right_censored_numbers_it_is_kaplan_and_meiers():
    values, arrived = np.array([1.0, 2, 3, 4, 6, 8, 9]), np.array([1, 0, 1, 1, 0, 1, 1])
    found = turnbull(values - (arrived == 1) * 1e-9, np.where(arrived == 1, values, np.inf), GRID)
    survival = SurvfuncRight(values, arrived)
    for time, left in zip(survival.surv_times, survival.surv_prob, strict=True):
        assert found[int(time)] == pytest.approx(1 - left, abs=1e-3)


def test_no_other_distribution_is_likelier():
    rng = np.random.default_rng(0)
    low = rng.integers(0, 8, 60).astype(float)
    high = np.where(rng.random(60) < 0.2, np.inf, low + rng.integers(1, 4, 60))
    low[rng.random(60) < 0.1] = -np.inf

    def likelihood(cumulative):
        ends = np.concatenate([[0.0], cumulative, [1.0]])
        first, last = np.searchsorted(GRID, low, side="right"), np.searchsorted(GRID, high, side="left") + 1
        return np.log(np.maximum(ends[np.minimum(last, 12)] - ends[first], 1e-300)).sum()

    def softened(free):
        share = np.exp(free - free.max())
        return -likelihood(np.cumsum(share / share.sum())[:-1])

    best = minimize(softened, np.zeros(12), method="BFGS").fun
    assert likelihood(turnbull(low, high, GRID)) >= -best - 1e-2
