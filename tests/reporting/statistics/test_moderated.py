"""Variances that are drawn together: as limma does by hand, and tests of them that keep their level."""

import numpy as np
import pytest
from scipy import stats

from ablation.reporting.statistics.moderated import FEWEST, FREEST, moderated


@pytest.mark.parametrize("prior", [2.0, 4.0, 10.0])
def test_what_was_planted_is_found(prior):
    """Variances of a scaled inverse chi squared, seen on four degrees of freedom each."""
    rng = np.random.default_rng(0)
    true = 0.25 * prior / rng.chisquare(prior, 20_000)
    seen = true * rng.chisquare(4, 20_000) / 4
    drawn, df = moderated(seen, 4)
    assert df - 4 == pytest.approx(prior, rel=0.1)
    # The expected precision given what is seen is one over the drawn variance (Smyth 2004, section 4).
    bins = np.digitize(drawn, np.quantile(drawn, [0.25, 0.5, 0.75]))
    for each in range(4):
        assert (drawn / true)[bins == each].mean() == pytest.approx(1, rel=0.05)


def test_equal_variances_become_one_and_few_are_left_alone():
    seen = np.random.default_rng(1).chisquare(4, 5000) / 4
    drawn, df = moderated(seen, 4)
    assert df >= 0.7 * FREEST
    assert drawn == pytest.approx(np.ones(5000), rel=0.25)
    few = seen[: FEWEST - 1]
    assert moderated(few, 4) == (few, 4.0) or np.array_equal(moderated(few, 4)[0], few)


def test_zeros_are_drawn_to_the_others():
    seen = np.append(np.random.default_rng(2).chisquare(4, 200) / 4, np.zeros(5))
    drawn, _ = moderated(seen, 4)
    assert (drawn[-5:] > 0).all()


@pytest.mark.parametrize("spread", ["alike", "two kinds", "inverse chi squared"])
def test_t_keeps_its_level_far_out(spread):
    """At one in 2,000, where with five seeds a variance by itself asks for t beyond 8."""
    rng, studies, many = np.random.default_rng(3), 400, 100
    false = 0
    for _ in range(studies):
        scale = {
            "alike": np.ones(many),
            "two kinds": np.where(np.arange(many) % 5, 1.0, 3.0),
            "inverse chi squared": np.sqrt(3 / rng.chisquare(3, many)),
        }[spread]
        values = scale[:, None] * rng.normal(size=(many, 5))
        variance, df = moderated(values.var(axis=1, ddof=1), 4)
        false += (values.mean(axis=1) > stats.t.ppf(1 - 1 / 2000, df) * np.sqrt(variance / 5)).sum()
    assert false / (studies * many) <= 1.5 / 2000
