"""The chance that a winner is the best: right as often as it says; and who cannot be told from it."""

import numpy as np
import pytest
from scipy import stats

from ablation.reporting.design import Options
from ablation.reporting.statistics.winners import chances, contenders, seed_weights

OPTIONS = Options(bootstrap=400)
STUDIES = 400


def studies(levels, seeds, effects):
    """True means of standard deviation ``effects``, and observations with as much noise as 1, blocks and all."""
    rng = np.random.default_rng([levels, seeds])
    truth = effects * rng.normal(size=(STUDIES, levels))
    noise = rng.normal(size=(STUDIES, levels, seeds)) + 2 * rng.normal(size=(STUDIES, 1, seeds))
    return truth, truth[:, :, None] + noise


def test_chance_of_one_of_two_is_the_paired_t_test():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(2, 4)) + np.array([[0.0], [0.7]])
    p = stats.ttest_rel(*values, alternative="less").pvalue
    assert chances(values, Options(bootstrap=100_000))[0] == pytest.approx(1 - p, abs=0.005)


@pytest.mark.parametrize("levels", [2, 5])
@pytest.mark.parametrize("seeds", [3, 5, 10])
def test_a_winner_is_the_best_as_often_as_its_chance_says(levels, seeds):
    truth, seen = studies(levels, seeds, 1.0)
    won = seen.mean(axis=2).argmin(axis=1)
    said = np.array([chances(values, OPTIONS)[at] for values, at in zip(seen, won, strict=True)])
    right = won == truth.argmin(axis=1)
    assert said.mean() == pytest.approx(right.mean(), abs=0.06)
    sure = said > 0.9
    assert right[sure].mean() >= 0.85


def test_whole_seeds_drawn_with_replacement_would_promise_more():
    truth, seen = studies(5, 3, 1.0)
    won = seen.mean(axis=2).argmin(axis=1)
    drawn = seen @ np.random.default_rng(0).multinomial(3, np.full(3, 1 / 3), 400).T
    said = (drawn.argmin(axis=1) == won[:, None]).mean(axis=1)
    assert said.mean() > (won == truth.argmin(axis=1)).mean() + 0.08


@pytest.mark.parametrize("effects", [0.0, 0.5, 2.0])
@pytest.mark.parametrize(("levels", "seeds"), [(2, 3), (5, 3), (20, 5)])
def test_the_best_is_among_the_contenders(levels, seeds, effects):
    truth, seen = studies(levels, seeds, effects)
    inside = [contenders(values, 0.95)[at] for values, at in zip(seen, truth.argmin(axis=1), strict=True)]
    assert np.mean(inside) >= 0.93


def test_clear_losers_are_no_contenders():
    values = np.array([[1.0, 1.1, 0.9], [1.1, 1.0, 1.0], [9.0, 9.2, 9.15]])
    assert contenders(values, 0.95).tolist() == [True, True, False]
    assert chances(values, OPTIONS)[2] < 0.01


def test_ties_share_their_chance():
    values = np.array([[1.0, 1, 1], [1, 1, 1], [1, 1, 1], [4, 4, 4]])
    assert chances(values, OPTIONS) == pytest.approx([7 / 24, 7 / 24, 7 / 24, 1 / 8])
    crossed = np.array([[1.0, 2, 3], [3, 2, 1], [1, 2, 3]])
    assert chances(crossed, OPTIONS).sum() == pytest.approx(1)
    assert chances(crossed, OPTIONS)[0] == chances(crossed, OPTIONS)[2]


@pytest.mark.parametrize("seeds", [2, 3, 8])
def test_seeds_that_agree_are_as_sure_as_a_sign_test(seeds):
    values = np.array([[1.0], [2.0]]) + np.arange(seeds)
    assert chances(values, OPTIONS) == pytest.approx([1 - 0.5**seeds, 0.5**seeds])
    assert contenders(values, 0.95).tolist() == [True, seeds < 5]


def test_one_seed_tells_nothing_and_one_level_everything():
    assert np.isnan(chances(np.array([[1.0], [2.0]]), OPTIONS)).all()
    assert contenders(np.array([[1.0], [2.0]]), 0.95).all()
    assert chances(np.array([[1.0, 2.0]]), OPTIONS).tolist() == [1]
    assert contenders(np.array([[1.0, 2.0]]), 0.95).tolist() == [True]


def test_resamples_are_seeded_and_have_the_variance_of_a_mean():
    weights = seed_weights(12, Options(bootstrap=100_000))
    assert np.array_equal(weights[:5], seed_weights(12, Options(bootstrap=100_000))[:5])
    values = np.random.default_rng(1).normal(size=12)
    drawn = weights @ (values - values.mean())
    # Student's t with 11 degrees of freedom has 11/9 of the variance.
    assert drawn.var() == pytest.approx(values.var(ddof=1) / 12 * 11 / 9, rel=0.05)
