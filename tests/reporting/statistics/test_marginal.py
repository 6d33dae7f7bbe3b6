"""Marginal means against plain means and statsmodels, and how often their intervals cover."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.formula.api import ols

from ablation.reporting.statistics.contrasts import coded
from ablation.reporting.statistics.marginal import compare_levels, marginal_means, marginal_weights
from tests.reporting.statistics.factorial import combinations

STUDIES = 400


def weights_of(levels, factor, drop=()):
    table = combinations(levels, drop)
    return table, marginal_weights(*coded(table, list(table.columns)), factor)


def test_in_a_full_crossing_they_are_plain_means():
    table, weights = weights_of((3, 4, 2), "b")
    y = np.random.default_rng(0).normal(size=(24, 3))
    plain = pd.DataFrame(y).groupby(table["b"].cat.codes.to_numpy()).mean().to_numpy()
    assert marginal_means(y, weights) == pytest.approx(plain)


def test_with_missing_combinations_they_are_predictions_of_the_additive_model():
    table, weights = weights_of((3, 4, 2), "a", drop=(0, 1, 2, 17))
    y = np.random.default_rng(1).normal(size=(20, 1))
    frame = pd.DataFrame({name: table[name].cat.codes for name in table}).assign(y=y)
    reference = ols("y ~ C(a) + C(b) + C(c)", frame).fit()
    full = pd.DataFrame([(a, b, c) for a in range(3) for b in range(4) for c in range(2)], columns=list("abc"))
    expected = reference.predict(full).groupby(full["a"]).mean()
    assert marginal_means(y, weights)[:, 0] == pytest.approx(expected.to_numpy())


def test_a_level_is_not_judged_by_the_company_it_keeps():
    """The second level of a meets mostly the slow one of b: its plain mean is worse, its marginal mean the same."""
    table, weights = weights_of((2, 2, 3), "a", drop=(6, 7))
    y = 2.0 * table["b"].cat.codes.to_numpy()[:, None]
    assert marginal_means(y, weights)[:, 0] == pytest.approx([1, 1])
    assert y[table["a"].cat.codes == 1].mean() > 1.3


def test_what_cannot_be_told_apart_has_none():
    table = combinations((2, 2, 3))
    table = table[table["a"].cat.codes == table["b"].cat.codes].reset_index(drop=True)
    numbers, levels = coded(table, ["a", "b", "c"])
    assert marginal_weights(numbers, levels, "a") is None
    assert marginal_weights(numbers, levels, "c") is not None


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_means_and_differences_are_covered(seeds):
    """With blocks, noise, and a factor that works differently from seed to seed."""
    table, weights = weights_of((3, 4), "a")
    rng = np.random.default_rng(seeds)
    truth = np.array([1.0, 1.5, 0.0])
    levels = ["x", "y", "z"]
    codes = table["a"].cat.codes.to_numpy()
    seedwise = 0.3 * rng.normal(size=(STUDIES, 3, seeds))
    y = truth[codes][:, None] + rng.normal(size=(STUDIES, 12, seeds)) + rng.normal(size=(STUDIES, 1, seeds))
    y = y + seedwise[:, codes]
    tables = [compare_levels(study, weights, levels, "z", 0.95) for study in y]
    mean = np.mean([(x["low"] <= truth) & (truth <= x["high"]) for x in tables])
    apart = np.mean([((x["difference_low"] <= truth) & (truth <= x["difference_high"]))[:2] for x in tables])
    assert 0.93 <= mean <= 0.97
    assert 0.93 <= apart <= 0.97


def test_no_interval_leaves_the_range_or_claims_certainty():
    _, weights = weights_of((2, 2), "a")
    y = np.array([[1.0, 1.0, 1.0], [1, 1, 1], [1, 0, 1], [1, 1, 0]])
    table = compare_levels(y, weights, ["p", "q"], "p", 0.95, (0.0, 1.0))
    assert np.isnan(table["low"][0])
    assert table["high"][1] == 1
    assert np.isnan(table["difference"][0])
    assert table["difference"][1] == pytest.approx(-1 / 3)
