"""Is a term there at all? Its effect is held against how it differs from seed to seed.

What is claimed is to hold for new seeds, so the **seed is the replicate**: cells that share one share their batches and
standard draws, and what a choice does with one seed it may not do with another. A term of df degrees of freedom has one
effect a seed, e_s = U' y_s, a vector of df numbers (``contrasts``), and seeds are all that is independent:

    F = S |mean_s e_s|^2 / df  over  sum_s |e_s - mean e|^2 / (df (S - 1))

is the F test of the term over its interaction with the seed, as in every design of repeated measures (Kirk 2013,
chapter 8). With one degree of freedom it is Student's t test of S numbers. With more, the numbers of a seed vary
unequally and together, by a covariance V, and both degrees of freedom shrink by **epsilon** = tr(V)^2 / (df tr(V^2))
(Greenhouse & Geisser 1959; Box 1954), V taken from the seeds. As S seeds give V a rank of S - 1 at most, few seeds make
this careful with terms of many degrees of freedom: such a term must be large to be found with three.

``tests/reporting/statistics/test_replicates.py`` and the planted studies (``docs/statistics.md``) hold that it finds
what is not there in 5% of studies or fewer, whatever the cells of a seed have in common.
"""

import numpy as np
from scipy import stats

from ablation.reporting.statistics.intervals import Floats

SAME = 1e-20
"""Seeds whose effects vary by less than this share of the response's squares agree but for rounding."""
LEAST_P = 1e-300
"""A p-value is no smaller: a zero would say what no test can."""


def term_test(y: Floats, basis: Floats) -> tuple[float, float, float]:
    """F, Greenhouse and Geisser's epsilon, and the p-value of the term with this basis, for a response [C, S].

    NaN where there is one seed, or all seeds agree, so that nothing is left to hold the term against.
    """
    seeds, df = y.shape[1], basis.shape[1]
    effects = basis.T @ y
    mean = effects.mean(axis=1)
    apart = effects - mean[:, None]
    error = float((apart**2).sum())
    if seeds < 2 or error <= SAME * float((y**2).sum()):
        return np.nan, np.nan, np.nan
    # tr(V) and tr(V^2) from the seeds' products, of which there are few.
    products = apart.T @ apart
    epsilon = float(np.trace(products) ** 2 / (products**2).sum()) / df
    statistic = seeds * float(mean @ mean) / (error / (seeds - 1))
    p = stats.f.sf(statistic, epsilon * df, epsilon * df * (seeds - 1))
    return statistic, epsilon, max(float(p), LEAST_P)
