"""Every interval over seeds against its closed form, and how often it covers."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from ablation.reporting.statistics.intervals import (
    by_seed,
    holm,
    median_cover,
    median_interval,
    seed_interval,
    student,
    wilson,
)

STUDIES = 400
SEEDS = [2, 3, 5, 10, 30]


def cover(low, high, truth):
    return float(((low <= truth) & (truth <= high)).mean())


@pytest.mark.parametrize(("k", "n"), [(0, 5), (5, 5), (3, 10), (900, 1000)])
def test_wilson_in_closed_form(k, n):
    z, p = 1.959963984540054, k / n
    middle, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low, high = wilson([k], [n], 0.95)
    assert low[0] == pytest.approx((middle - half) / (1 + z * z / n), abs=1e-12)
    assert high[0] == pytest.approx((middle + half) / (1 + z * z / n), abs=1e-12)


@pytest.mark.parametrize("n", [6, 18, 72, 1080])
def test_wilson_covers_shares_of_cells(n):
    """Over the shares that studies have: at a single one the cover of any such interval jumps with n (Brown 2001)."""
    rng = np.random.default_rng(n)
    share = rng.uniform(0.05, 0.95, STUDIES)
    assert 0.93 <= cover(*wilson(rng.binomial(n, share), np.full(STUDIES, n), 0.95), share) <= 0.97


def test_wilson_is_too_wide_rather_than_too_narrow_for_cells_that_differ():
    rng = np.random.default_rng(1)
    share = np.linspace(0.1, 0.9, 60)
    reached = (rng.random((STUDIES, 60)) < share).sum(axis=1)
    assert cover(*wilson(reached, np.full(STUDIES, 60), 0.95), 0.5) > 0.97


@pytest.mark.parametrize("seeds", SEEDS)
def test_mean_over_seeds_is_covered(seeds):
    values = np.random.default_rng(seeds).normal(size=(STUDIES, seeds))
    assert 0.93 <= cover(*student(values, 0.95), 0) <= 0.97


@pytest.mark.parametrize(("seeds", "least"), [(3, 0.70), (5, 0.80), (20, 0.91)])
def test_a_percentile_bootstrap_would_cover_less(seeds, least):
    """Why there is none: the cover that the docstring gives, with every group resampled alike."""
    rng = np.random.default_rng(seeds)
    values = rng.normal(size=(2000, seeds))
    draws = values @ rng.multinomial(seeds, np.full(seeds, 1 / seeds), 2000).T / seeds
    assert least < cover(*np.quantile(draws, [0.025, 0.975], axis=1), 0) < 0.94


def arrivals(rng, shape, middle):
    """Times to target in whole epochs, censored at 15: cells of a seed share a part of their luck."""
    own, shared = rng.normal(size=shape), rng.normal(size=(*shape[:-1], 1))
    return np.minimum(np.ceil(np.exp(np.log(middle) + 0.6 * own + 0.3 * shared)), 15)


def restricted_means(cells, seeds, middle):
    """How often the interval of the restricted mean covers, among those there are, and the share censored."""
    rng = np.random.default_rng([cells, seeds, middle])
    truth = arrivals(rng, (400_000 // cells, cells), middle)
    times = arrivals(rng, (STUDIES, seeds, cells), middle)
    low, high = seed_interval(times.sum(axis=2), np.full((STUDIES, seeds), float(cells)), 0.95, 0, 15)
    known = ~np.isnan(low)
    assert (low[known] >= 0).all()
    assert (high[known] <= 15).all()
    return cover(low[known], high[known], truth.mean()), float((truth >= 15).mean())


@pytest.mark.parametrize("seeds", [3, 5, 10])
@pytest.mark.parametrize("middle", [5, 12])
def test_restricted_mean_is_covered_with_up_to_four_in_ten_censored(seeds, middle):
    covered, censored = restricted_means(24, seeds, middle)
    assert censored < 0.45
    assert 0.93 <= covered <= 0.97


@pytest.mark.parametrize(("cells", "middle", "least"), [(24, 18, 0.90), (24, 30, 0.85), (1, 5, 0.88), (1, 18, 0.88)])
def test_restricted_mean_is_covered_less_where_most_are_censored_or_a_seed_has_one_cell(cells, middle, least):
    """What the docstring says of it; a zero width for seeds that agree would bring the last to 67%."""
    assert least <= restricted_means(cells, 3, middle)[0] <= 0.96


def test_difference_paired_by_seed_is_covered_and_sharper():
    rng = np.random.default_rng(4)
    shared, both = rng.normal(size=(STUDIES, 1, 4)), rng.normal(size=(STUDIES, 2, 4))
    values = 3 * shared + both + np.array([[1.0], [0.0]])
    low, high = student(values[:, 0] - values[:, 1], 0.95)
    assert 0.93 <= cover(low, high, 1) <= 0.97
    alone = student(values[:, 0], 0.95)
    assert np.median(high - low) < np.median(alone[1] - alone[0])


def test_equal_groups_have_students_interval():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(3, 5, 7))
    low, high = seed_interval(values.sum(axis=2), np.full((3, 5), 7.0), 0.9)
    expected = stats.t.interval(0.9, 4, values.mean(axis=(1, 2)), stats.sem(values.mean(axis=2), axis=1))
    assert np.array([low, high]) == pytest.approx(np.array(expected))


def test_unequal_groups_are_covered():
    rng = np.random.default_rng(8)
    counts = rng.integers(4, 9, size=(STUDIES, 8)).astype(float)
    sums = counts * rng.normal(size=(STUDIES, 8)) + np.sqrt(counts) * rng.normal(size=(STUDIES, 8))
    assert 0.93 <= cover(*seed_interval(sums, counts, 0.95), 0) <= 0.97


def test_one_seed_or_seeds_that_agree_have_no_interval():
    assert np.isnan(seed_interval(np.full((1, 3), 45.0), np.full((1, 3), 3.0), 0.95)).all()
    low, high = seed_interval(np.array([[3.0, 0, 0], [1, 2, 0]]), np.array([[1.0, 0, 0], [1, 1, 0]]), 0.95)
    assert np.isnan([low[0], high[0]]).all()
    assert (low[1] + high[1]) / 2 == pytest.approx(1.5)
    assert np.isnan(student(np.ones((2, 1)), 0.95)).all()


def test_sums_by_seed():
    sums, counts = by_seed([1.0, 2, 4, 8], np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1]), 2, 2)
    assert sums.tolist() == [[1, 2], [0, 12]]
    assert counts.tolist() == [[1, 1], [0, 2]]


@pytest.mark.parametrize("size", [2, 3, 5, 6, 9, 20, 50])
def test_median_is_covered_as_often_as_is_said(size):
    values = np.sort(np.random.default_rng(size).exponential(size=(20_000, size)), axis=1)
    low, high = median_interval(size, 0.95)
    said = median_cover(size, 0.95)
    assert cover(values[:, low], values[:, high], math.log(2)) == pytest.approx(said, abs=0.01)
    assert (low, high) == (0, size - 1) or said >= 0.95
    if size >= 6:
        assert 0.95 <= said <= 0.97
    # The next narrower pair would cover less than is asked.
    assert 1 - 2 * stats.binom.cdf(low + 1, size, 0.5) < 0.95


@pytest.mark.parametrize("tests", [1, 2, 15])
def test_holm_is_statsmodels_and_leaves_out_what_is_not_known(tests):
    p = np.random.default_rng(tests).random(tests) ** 3
    expected = multipletests(p, method="holm")[1]
    assert holm(p) == pytest.approx(expected)
    assert holm([np.nan, *p, np.nan]) == pytest.approx([np.nan, *expected, np.nan], nan_ok=True)
    assert np.isnan(holm([np.nan, np.nan])).all()


def test_holm_keeps_false_findings_at_five_in_a_hundred():
    p = np.random.default_rng(2).random((STUDIES, 15))
    false = np.mean([(holm(row) < 0.05).any() for row in p])
    assert false <= stats.binom.ppf(0.999, STUDIES, 0.05) / STUDIES
