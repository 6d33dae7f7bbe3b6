"""Wilson's interval and the bootstrap over seeds."""

import itertools
import math

import numpy as np
import pytest

from ablation.reporting.design import Options
from ablation.reporting.statistics.intervals import (
    CHUNK,
    bootstrap_means,
    by_seed,
    median_interval,
    percentile_interval,
    seed_interval,
    wilson,
)


@pytest.mark.parametrize(("k", "n"), [(0, 5), (5, 5), (3, 10), (900, 1000)])
def test_wilson_in_closed_form(k, n):
    z, p = 1.959963984540054, k / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = wilson([k], [n], 0.95)
    assert low[0] == pytest.approx((middle - half) / (1 + z * z / n), abs=1e-12)
    assert high[0] == pytest.approx((middle + half) / (1 + z * z / n), abs=1e-12)


def test_bootstrap_resamples_whole_seeds():
    """Its ends stand where the exact distribution, all 5^5 resamples of five seeds, has 2.5% on either side."""
    seeds = np.repeat(np.arange(5), [10, 10, 20, 5, 15])
    values = np.random.default_rng(5).normal(size=60)
    sums, counts = by_seed(values, np.zeros(60, int), seeds, 1, 5)
    low, high = seed_interval(sums, counts, Options(bootstrap=20_000))
    parts = [values[seeds == seed] for seed in range(5)]
    exact = np.array(
        [np.concatenate([parts[s] for s in draw]).mean() for draw in itertools.product(range(5), repeat=5)]
    )
    for end, level in ((low[0], 0.025), (high[0], 0.975)):
        assert (exact < end - 1e-9).mean() <= level + 0.005
        assert (exact <= end + 1e-9).mean() >= level - 0.005


def test_bootstrap_is_seeded_and_leaves_the_global_state_alone():
    sums, counts = np.random.default_rng(2).normal(size=(2, 12)), np.ones((2, 12))
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    first = seed_interval(sums, counts, Options())
    assert np.array_equal(np.random.get_state()[1], before)  # noqa: NPY002
    assert np.array_equal(first, seed_interval(sums, counts, Options()))
    assert not np.array_equal(first, seed_interval(sums, counts, Options(bootstrap_seed=1)))


def test_bootstrap_interval_covers_its_mean():
    """With 30 seeds, the 95% interval covers the true mean in about 95% of simulated studies."""
    values = np.random.default_rng(0).exponential(size=(400, 30))
    low, high = seed_interval(values, np.ones_like(values), Options(bootstrap=500))
    assert 0.90 <= ((low <= 1) & (high >= 1)).mean() <= 0.97


def test_group_with_one_seed_has_none_and_empty_resamples_are_left_out():
    sums, counts = np.array([[3.0, 0.0, 0.0], [1.0, 2.0, 0.0]]), np.array([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]])
    low, high = seed_interval(sums, counts, Options())
    assert np.isnan(low[0])
    assert np.isnan(high[0])
    assert (low[1], high[1]) == (1, 2)
    assert np.isnan(bootstrap_means(sums[1:], counts[1:], Options())).any()


def test_many_groups_are_computed_in_chunks_alike():
    sums = np.random.default_rng(1).normal(size=(300, 3))
    options = Options(bootstrap=CHUNK // 100)
    low, _ = seed_interval(sums, np.ones_like(sums), options)
    whole, _ = percentile_interval(bootstrap_means(sums[250:], np.ones((50, 3)), options), 0.95)
    assert low[250:] == pytest.approx(whole)


@pytest.mark.parametrize("size", [2, 3, 4, 5])
@pytest.mark.parametrize("confidence", [0.5, 0.95])
def test_interval_of_a_median_is_that_of_every_resample(size, confidence):
    low, high = median_interval(size, confidence)
    medians = [sorted(draw)[(size - 1) // 2] for draw in itertools.product(range(size), repeat=size)]
    tail = (1 - confidence) / 2
    assert low == min(k for k in range(size) if np.mean([m <= k for m in medians]) >= tail)
    assert high == min(k for k in range(size) if np.mean([m <= k for m in medians]) >= 1 - tail - 1e-9)
