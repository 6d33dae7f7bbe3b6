"""A term against its interaction with the seed: textbook numbers, and false findings whatever cells have in common."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.anova import AnovaRM

from ablation.reporting.statistics.intervals import holm
from ablation.reporting.statistics.replicates import term_test
from tests.reporting.statistics.factorial import factorial, unit, within

STUDIES = 1000
MOST_FALSE = stats.binom.ppf(0.999, STUDIES, 0.05) / STUDIES
"""What 5% false findings give at most in so many studies, but for 1 in 1,000 times."""


def test_one_degree_of_freedom_is_the_t_test_over_seeds():
    rng, model = np.random.default_rng(0), factorial((2, 3), 4)
    y = rng.normal(size=(6, 4))
    first = model.combinations["a"].to_numpy() == 0
    t, p = stats.ttest_1samp(y[first].mean(axis=0) - y[~first].mean(axis=0), 0)
    assert term_test(y, model.terms[0].basis) == pytest.approx((t**2, 1, p))


def test_f_is_that_of_repeated_measures():
    """statsmodels' AnovaRM knows no correction: its p-value is that of an epsilon of 1."""
    rng, model = np.random.default_rng(1), factorial((3, 4), 5)
    y = rng.normal(size=(12, 5))
    frame = pd.DataFrame({name: np.repeat(model.combinations[name].to_numpy(), 5) for name in ("a", "b")})
    table = (
        AnovaRM(frame.assign(seed=np.tile(np.arange(5), 12), y=y.ravel()), "y", "seed", ["a", "b"]).fit().anova_table
    )
    for term, row in zip(model.terms, ("a", "b", "a:b"), strict=True):
        statistic, epsilon, p = term_test(y, term.basis)
        df = term.basis.shape[1]
        assert statistic == pytest.approx(table.loc[row, "F Value"])
        assert stats.f.sf(statistic, df, 4 * df) == pytest.approx(table.loc[row, "Pr > F"])
        assert 1 / df <= epsilon <= 1
        assert p == pytest.approx(stats.f.sf(statistic, epsilon * df, 4 * epsilon * df))


def test_epsilon_is_greenhouse_and_geissers():
    """From the double-centred covariance of a factor's levels (Greenhouse & Geisser 1959, equation 4)."""
    rng, model = np.random.default_rng(2), factorial((4,), 9)
    y = rng.normal(size=(4, 9)) * np.array([1.0, 2, 3, 4])[:, None]
    s = np.cov(y)
    k, mean = 4, s.mean()
    top = k**2 * (np.trace(s) / k - mean) ** 2
    below = (k - 1) * ((s**2).sum() - 2 * k * (s.mean(axis=1) ** 2).sum() + k**2 * mean**2)
    assert term_test(y, model.terms[0].basis)[1] == pytest.approx(top / below)


def noise(rng, shape):
    """Every cell by itself, and what a seed adds to all."""
    return rng.normal(size=shape) + rng.normal(size=(shape[0], 1, shape[2]))


def unequal(rng, shape):
    """Noise that is four times as large for every third combination."""
    return rng.normal(size=shape) * np.where(np.arange(shape[1]) % 3, 1, 4)[:, None]


def copies(rng, shape):
    """Three in four cells are those of the combination before again."""
    y = rng.normal(size=shape)
    again = (np.arange(shape[1]) % 2 == 1) & (np.arange(shape[1]) % 8 != 7)
    y[:, again] = y[:, np.flatnonzero(again) - 1]
    return y


KINDS = {"noise": noise, "unequal variances": unequal, "copies": copies}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("levels", "seeds"), [((2, 3), 3), ((3, 4, 2), 3), ((10, 6), 3), ((3, 4, 2), 5), ((3, 4), 10)])
def test_holm_keeps_false_findings_at_five_in_a_hundred(levels, seeds, kind):
    model = factorial(levels, seeds)
    studies = KINDS[kind](np.random.default_rng([*levels, seeds]), (STUDIES, len(model.basis), seeds))
    p = [[term_test(y, term.basis)[2] for term in model.terms] for y in studies]
    assert np.mean([(holm(row) < 0.05).any() for row in p]) <= MOST_FALSE


@pytest.mark.parametrize("seeds", [3, 5])
def test_an_effect_that_differs_from_seed_to_seed_around_zero_is_none(seeds):
    """Cells that agree ever so well within a seed say nothing of the next one."""
    model, rng = factorial((2, 3, 4), seeds), np.random.default_rng(3)
    found = 0
    for _ in range(STUDIES):
        own = within(model.terms[0].basis, rng.normal(size=(24, seeds)))
        found += term_test(own + 0.01 * rng.normal(size=(24, seeds)), model.terms[0].basis)[2] < 0.05
    assert 0.03 <= found / STUDIES <= 0.07


def test_planted_effects_are_found_and_the_others_are_not():
    model, rng = factorial((3, 4, 2), 5), np.random.default_rng(7)
    found = np.zeros(len(model.terms))
    for _ in range(100):
        y = unit(rng, model.terms[0].basis) + 0.8 * unit(rng, model.terms[3].basis)
        y = y[:, None] + rng.normal(size=(24, 5)) / 2
        found += holm([term_test(y, term.basis)[2] for term in model.terms]) < 0.05
    assert [term.name for term in model.terms] == ["a", "b", "c", "a x b", "a x c", "b x c"]
    assert found[0] >= 95
    assert found[3] >= 80
    assert found[[1, 2, 4, 5]].sum() <= 12


def test_one_seed_and_seeds_that_agree_leave_nothing_to_hold_a_term_against():
    model = factorial((3, 2), 3)
    basis = model.terms[0].basis
    assert np.isnan(term_test(np.arange(6.0)[:, None], basis)).all()
    assert np.isnan(term_test(np.arange(6.0)[:, None] + np.array([0.0, 5, 9]), basis)).all()
    assert np.isnan(term_test(np.zeros((6, 3)), basis)).all()
