"""The log-rank test against statsmodels, by hand, and on studies with nothing or something planted."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.duration.survfunc import survdiff

from ablation.reporting.statistics.intervals import holm
from ablation.reporting.statistics.survival import Untold, log_rank, log_rank_of

STUDIES = 400
MOST_FALSE = stats.binom.ppf(0.999, STUDIES, 0.05) / STUDIES


def times_of(rng, strata, levels, effect=0.0, horizon=6.0, differ=1.0):
    """Times in whole epochs of one cell a level and stratum: strata differ more than levels do."""
    log = 1 + differ * rng.normal(size=(strata, 1)) + 0.5 * rng.normal(size=(strata, levels))
    times = np.ceil(np.exp(log + effect * np.arange(levels)))
    return np.where(times <= horizon, times, np.inf)


def matched(times):
    strata, levels = times.shape
    return log_rank(times.ravel(), np.tile(np.arange(levels), strata), np.repeat(np.arange(strata), levels), levels)


@pytest.mark.parametrize("levels", [2, 3, 5])
@pytest.mark.parametrize("per_level", [1, 4])
def test_statistic_is_statsmodels(levels, per_level):
    rng = np.random.default_rng([levels, per_level])
    times = np.hstack([times_of(rng, 30, levels, 0.2) for _ in range(per_level)]).ravel()
    level = np.tile(np.arange(levels), 30 * per_level)
    stratum = np.repeat(np.arange(30), levels * per_level)
    ours = log_rank(times, level, stratum, levels)
    statistic, p = survdiff(np.minimum(times, 6), np.isfinite(times).astype(int), level, strata=stratum)
    assert (ours.statistic, ours.p) == pytest.approx((statistic, p))
    assert ours.df == levels - 1


def test_one_stratum_is_scipys():
    rng = np.random.default_rng(3)
    one, two = times_of(rng, 40, 1).ravel(), times_of(rng, 40, 1, 0.4).ravel()
    sets = [stats.CensoredData(x[np.isfinite(x)], right=np.full(int((~np.isfinite(x)).sum()), 6.0)) for x in (one, two)]
    ours = log_rank(np.append(one, two), np.repeat([0, 1], 40), np.zeros(80, int), 2)
    assert ours.p == pytest.approx(stats.logrank(*sets).pvalue)


def test_matched_pairs_are_the_sign_test():
    """With two cells a stratum only who arrives first counts: (wins - losses)^2 / (wins + losses)."""
    times = np.array([[1, 2], [1, 3], [2, np.inf], [4, 1], [3, 3], [np.inf, np.inf], [1, 5]], float)
    ours = matched(times)
    assert ours.statistic == pytest.approx((4 - 1) ** 2 / 5)
    assert ours.strata == 5
    assert ours.excess[0] > 1 > ours.excess[1]


def test_false_findings_stay_at_five_in_a_hundred_whatever_is_censored():
    rng, p = np.random.default_rng(0), []
    for _ in range(STUDIES):
        p.append([matched(times_of(rng, 40, levels, horizon=h)).p for levels, h in ((2, 6), (3, 3), (4, 12))])
    assert (np.array(p) < 0.05).mean(axis=0) == pytest.approx(0.05, abs=0.03)
    assert np.mean([(holm(row) < 0.05).any() for row in p]) <= MOST_FALSE


def test_a_planted_effect_is_found_through_half_censored_cells_and_strata_make_it_so():
    rng, found, pooled = np.random.default_rng(1), 0, 0
    for _ in range(100):
        times = times_of(rng, 40, 3, 0.3, horizon=3)
        assert 0.3 < np.isinf(times).mean() < 0.8
        found += matched(times).p < 0.05
        pooled += log_rank(times.ravel(), np.tile(np.arange(3), 40), np.zeros(120, int), 3).p < 0.05
    assert found > 75
    assert pooled < found - 20


@pytest.mark.parametrize(
    ("times", "untold"),
    [
        ([[np.inf, np.inf]] * 4, Untold.NOBODY_ARRIVES),
        ([[2.0, 2.0], [5.0, 5.0]], Untold.ALWAYS_TIED),
        ([[2.0], [5.0]], Untold.ALWAYS_TIED),
    ],
)
def test_what_cannot_be_tested_is_said(times, untold):
    ours = matched(np.array(times))
    assert (ours.df, ours.untold) == (0, untold)
    assert np.isnan(ours.p)


def test_levels_that_never_meet_cost_their_degree_of_freedom():
    """Levels 0 and 1 meet, 2 and 3 meet, no other pair does: two comparisons, each by hand."""
    rng = np.random.default_rng(6)
    first, second = times_of(rng, 20, 2, 0.5), times_of(rng, 20, 2)
    level = np.concatenate([np.tile([0, 1], 20), np.tile([2, 3], 20)])
    ours = log_rank(np.append(first, second), level, np.repeat(np.arange(40), 2), 4)
    assert ours.df == 2
    assert ours.statistic == pytest.approx(matched(first).statistic + matched(second).statistic)


def test_strata_are_the_other_factors_and_the_seed():
    rows = list(itertools.product(["x", "=1+1"], ["none", "batch"], [0, 1, 2]))
    cells = pd.DataFrame(rows, columns=["a", "b", "seed"]).astype("category")
    cells["epochs_primary"] = np.where(cells["b"] == "batch", 1.0, np.arange(12) % 5 + 2.0)
    ours = log_rank_of(cells, "b", ["a"])
    assert (ours.strata, ours.df, ours.statistic) == (6, 1, pytest.approx(6))
