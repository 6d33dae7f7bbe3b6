"""How small a difference seeds can show: held against statsmodels, simulated tests and studies of known spread."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from ablation.reporting.statistics.contrasts import Model
from ablation.reporting.statistics.notes import Remark
from ablation.reporting.statistics.power import (
    ALONE,
    JUDGED,
    MANY,
    OVER,
    Range,
    count_terms,
    measured,
    power,
    smallest,
    spreads,
    trust,
    usual,
)
from ablation.reporting.statistics.responses import Effects, Response
from tests.reporting.statistics.factorial import factorial

BONFERRONI = 0.05 / 60


@pytest.mark.parametrize("seeds", [3, 5, 10, 30, 300])
@pytest.mark.parametrize("shift", [0.0, 0.3, 1.0])
def test_power_is_statsmodels(seeds, shift):
    assert power(shift, seeds) == pytest.approx(TTestPower().power(shift, seeds, 0.05), abs=1e-6)


@pytest.mark.parametrize(("seeds", "level"), [(3, 0.05), (5, 0.05), (20, 0.05), (10, BONFERRONI), (100, BONFERRONI)])
def test_the_smallest_difference_is_found_by_statsmodels_with_that_power(seeds, level):
    """By the side that it lies on; the other finds it next to never, and scipy's noncentral t loses itself there."""
    theirs = TTestPower().power(smallest(seeds, level), seeds, level / 2, alternative="larger")
    assert theirs == pytest.approx(0.8, abs=1e-5)


@pytest.mark.parametrize(("seeds", "level"), [(2, 0.05), (3, 0.05), (5, BONFERRONI), (10, 0.05)])
def test_so_many_simulated_studies_find_the_smallest_difference(seeds, level):
    """Also where scipy's noncentral t knows no answer."""
    studies = 20_000
    values = np.random.default_rng(0).normal(smallest(seeds, level), 1.0, (studies, seeds))
    found = (stats.ttest_1samp(values, 0, axis=1).pvalue < level).mean()
    assert abs(found - 0.8) < stats.norm.isf(5e-4) * math.sqrt(0.8 * 0.2 / studies)


def test_with_nothing_to_find_a_test_finds_its_level():
    for seeds in (2, 3, 10, 100):
        assert power(0.0, seeds) == pytest.approx(0.05, abs=1e-6)
        assert power(0.0, seeds, BONFERRONI) == pytest.approx(BONFERRONI, rel=1e-4)


def test_one_seed_shows_nothing_however_large():
    assert smallest(1) == math.inf
    with pytest.raises(ValueError, match="takes two"):
        power(1e9, 1)


def test_more_seeds_show_less_and_a_stricter_level_more():
    found = [smallest(seeds) for seeds in (2, 3, 4, 5, 10, 20, 100)]
    assert found == sorted(found, reverse=True)
    assert smallest(1000) * math.sqrt(1000) == pytest.approx(stats.norm.isf(0.025) + stats.norm.ppf(0.8), rel=2e-3)
    assert smallest(5, BONFERRONI) > 2 * smallest(5)


@pytest.mark.parametrize(
    ("levels", "seeds"),
    [((2, 3), 3), ((2, 3), 1), ((4, 5, 2, 3, 3), 2), ((4,), 2), ((4,), 1), ((2, 1, 2), 1), ((1,), 3)],
)
def test_terms_are_those_of_the_reports_model(levels, seeds):
    assert count_terms(levels, seeds) == len(factorial(levels, seeds).terms)


def effects(y, model: Model, name: str = "epochs", why: Remark | None = None) -> Effects:
    response = Response(name, y, np.zeros(y.shape[1]), why)
    return Effects(response, model, np.empty(0), pd.DataFrame(), [])


def test_the_spread_is_that_of_the_t_test_of_two_levels():
    model, rng = factorial((3, 2), 5), np.random.default_rng(1)
    y = rng.normal(size=(6, 5)) + 10 * rng.normal(size=(1, 5))  # what a seed adds to all is in no difference
    table = spreads([effects(y, model)]).set_index("factor")
    first, second = (y[model.combinations["b"] == level].mean(axis=0) for level in (0, 1))
    assert table.loc["b", "sd"] == pytest.approx(np.std(first - second, ddof=1))
    a = [y[model.combinations["a"] == level].mean(axis=0) for level in range(3)]
    pairs = [np.var(a[i] - a[j], ddof=1) for i, j in ((0, 1), (0, 2), (1, 2))]
    assert table.loc["a", "sd"] == pytest.approx(np.sqrt(np.mean(pairs)))
    assert table[["pairs", "combinations", "seeds"]].to_numpy().tolist() == [[3, 2, 5], [1, 3, 5]]


def test_levels_that_are_copies_and_responses_that_are_not_there_are_none_of_it():
    model, rng = factorial((3,), 4), np.random.default_rng(2)
    y = rng.normal(size=(3, 4))
    y[1] = y[0]
    table = spreads([effects(y, model), effects(y, model, "rmst", Remark.UNTRAINED)])
    assert table["response"].tolist() == ["epochs"]
    assert table["pairs"].item() == 2
    assert table["sd"].item() == pytest.approx(np.std(y[0] - y[2], ddof=1))
    assert spreads([effects(np.ones((3, 4)), model)]).empty
    assert spreads([effects(y[:, :1], factorial((3,), 1))]).empty


def test_a_range_is_that_of_the_planned_factors_or_else_of_all():
    table = pd.DataFrame(
        {"response": "epochs", "factor": ["init", "depth", "loss"], "sd": [0.1, 0.3, 0.9]}, index=range(3)
    )
    assert measured(table, "epochs", {"init": 2, "depth": 3}) == Range(0.1, pytest.approx(0.2), 0.3)
    assert measured(table, "epochs", ["optimizer"]) == Range(0.1, 0.3, 0.9)
    assert measured(table, "rmst", ["init"]) is None


@pytest.mark.parametrize("response", JUDGED)
def test_without_results_means_over_more_combinations_spread_less_down_to_what_was_measured(response):
    scale = 15 if response == "rmst" else 1
    assert usual(response, 1, 15) == pytest.approx([scale * sd for sd in ALONE[response]])
    assert (
        usual(response, OVER, 15) == usual(response, 1000, 15) == pytest.approx([scale * sd for sd in MANY[response]])
    )
    middle = [usual(response, size, 15).typical for size in (1, 2, 4, 12, 36)]
    assert middle == sorted(middle, reverse=True)


def test_trust_covers_the_true_deviation_in_so_many_studies():
    low, high = trust(5)
    found = np.random.default_rng(3).normal(size=(20_000, 5)).std(axis=1, ddof=1)
    assert ((low * found < 1) & (high * found > 1)).mean() == pytest.approx(0.95, abs=0.006)
    assert trust(100) == pytest.approx((0.88, 1.16), abs=0.01)
