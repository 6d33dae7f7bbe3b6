"""How small a difference so many seeds can show: the power of the tests over seeds, reckoned before a study is run.

Two levels' marginal means differ by one number a seed (``marginal``), and Student's t test of S such numbers finds a
difference delta between them with probability

    power = P(|T| > t),  T = (Z + delta sqrt(S) / sd) / U,  Z ~ N(0, 1),  U^2 ~ chi^2(S - 1) / (S - 1)

with sd their standard deviation from seed to seed and t the critical value of S - 1 degrees of freedom (Student's
noncentral t; Lehmann & Romano 2005, section 5.2). Given Z this is chi^2's distribution function, so that one smooth
integral over Z is all: series for the noncentral t lose themselves where few seeds and many terms make t large.

A term of several degrees of freedom asks for more than two levels alone, and so does the smallest of many p-values;
the latter is reckoned at a level after Bonferroni. With sd known from the seeds of an earlier study, which are few, it
is a guess itself: ``trust`` says how rough a one.
"""

import itertools
import math
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import optimize, stats

from ablation.reporting.statistics.marginal import marginal_means, marginal_weights
from ablation.reporting.statistics.responses import Effects

LEVEL, POWER = 0.05, 0.8
"""What is asked of a test: its share of false findings, and of true ones of the smallest size that counts as shown."""
SAME = 1e-9
"""Seeds whose differences vary by no more give the very same."""
REACH, NODES = 9.0, 4001
"""Standard deviations of Z that are integrated over, to either side, and at how many places: six digits of a power."""
JUDGED = ("epochs", "rmst", "accuracy")
"""The responses of which it is told how small a difference can be shown."""
SPREADS = ["response", "factor", "sd", "pairs", "combinations", "seeds"]


class Range(NamedTuple):
    """A standard deviation over seeds of the difference of two levels' means: small, middling, large."""

    low: float
    typical: float
    high: float


ALONE = {
    "epochs": Range(0.045, 0.112, 0.202),
    "rmst": Range(0.022, 0.074, 0.179),
    "accuracy": Range(0.0054, 0.0175, 0.0815),
}
MANY = {
    "epochs": Range(0.013, 0.028, 0.046),
    "rmst": Range(0.008, 0.014, 0.021),
    "accuracy": Range(0.0042, 0.0070, 0.0102),
}
"""Measured in ``study=core`` (9,000 cells of digits, 15 epochs, five seeds), in decades of time, shares of the horizon
and shares of the examples, for studies of which nothing is known yet. ``ALONE`` has the first tenth, the middle and the
last tenth of the standard deviations over seeds between two tuned combinations that differ in one factor (about 2,000
pairs, without those that give every seed the very same); ``MANY`` the least, middle and most of the five factors'
``spreads``, of means over 72 to 180 combinations."""
OVER = 106
"""Of how many combinations ``MANY`` is taken to be: about their harmonic mean."""


def power(shift: float, seeds: int, level: float = LEVEL) -> float:
    """How often the two-sided t test over ``seeds`` seeds finds a difference of ``shift`` standard deviations.

    Raises:
        ValueError: there are no two seeds, which it takes for a test.
    """
    if seeds < 2:
        raise ValueError(f"{seeds} seeds: a test over seeds takes two")
    df = seeds - 1
    z, weights = _nodes()
    beyond = stats.chi2.cdf(df * ((z + shift * np.sqrt(seeds)) / stats.t.isf(level / 2, df)) ** 2, df)
    return float(weights @ beyond)


@cache
def _nodes() -> tuple[np.ndarray, np.ndarray]:
    """Places over Z's line, and the normal law's weights there: of what is smooth, a plain sum is as good as any."""
    z = np.linspace(-REACH, REACH, NODES)
    return z, stats.norm.pdf(z) * (z[1] - z[0])


@cache
def smallest(seeds: int, level: float = LEVEL, wanted: float = POWER) -> float:
    """The difference, in standard deviations over seeds, that is found with this probability; infinite with one seed.

    About 2.8 / sqrt(S) with many seeds at 5%, and far more with two or three.
    """
    if seeds < 2:
        return math.inf
    # Where the shift alone exceeds the critical value twice over, and by three more, few tests miss it.
    most = (2 * stats.t.isf(level / 2, seeds - 1) + 3) / np.sqrt(seeds)
    return float(optimize.brentq(lambda shift: power(shift, seeds, level) - wanted, 0, most))


def count_terms(levels: Sequence[int], seeds: int) -> int:
    """How many terms a full crossing of factors with so many levels each is taken apart into, as by ``fit_model``.

    Main effects and two-way interactions, the latter only where they leave something to judge by.
    """
    several = [size for size in levels if size > 1]
    singles = sum(size - 1 for size in several)
    pairs = sum((one - 1) * (other - 1) for one, other in itertools.combinations(several, 2))
    left = math.prod(several) * seeds - 1 - (seeds - 1)
    if left - singles - pairs > 0:
        return len(several) + len(several) * (len(several) - 1) // 2
    return len(several) if left - singles > 0 else 0


def spreads(found: Iterable[Effects]) -> pd.DataFrame:
    """How far differences of two levels' marginal means lie apart from seed to seed, by response and factor.

    Columns ``SPREADS``: ``sd`` is the root mean square over the factor's ``pairs`` of levels of the standard deviation
    over ``seeds``, in the response's own unit (decades for logarithms); ``combinations`` is how many a level's mean is
    over. Pairs that give every seed the very same, such as copies, are none of them. No row where a response or a
    factor's means cannot be had, or where there is one seed.
    """
    rows = []
    for effects in found:
        model, seeds = effects.model, effects.model.seeds
        for factor, own in model.levels.items():
            weights = marginal_weights(model.combinations, model.levels, factor)
            if effects.response.why or weights is None or seeds < 2:
                continue
            means = marginal_means(effects.y, weights)
            apart = [means[one] - means[other] for one, other in itertools.combinations(range(len(own)), 2)]
            varying = [each.var(ddof=1) for each in apart if np.ptp(each) > SAME]
            if varying:
                sd = float(np.sqrt(np.mean(varying)))
                size = len(model.combinations) / len(own)
                # A ratio of times is the same in any unit.
                name = JUDGED[0] if effects.times is not None else effects.response.name
                rows.append((name, factor, sd, len(varying), size, seeds))
    return pd.DataFrame(rows, columns=SPREADS)


def usual(response: str, combinations: float, horizon: float) -> Range:
    """The range to expect where there are no results yet, of means over so many combinations.

    Variances are those of one combination and of ``OVER``, and linear in 1 / combinations between: a part that all
    share, and one of each. What more of them would take off is not counted on.
    """
    share = (1 / min(max(combinations, 1), OVER) - 1 / OVER) / (1 - 1 / OVER)
    one, many = np.array(ALONE[response]), np.array(MANY[response])
    sd = (horizon if response == "rmst" else 1) * np.sqrt(share * one**2 + (1 - share) * many**2)
    return Range(*map(float, sd))


def measured(table: pd.DataFrame, response: str, factors: Collection[str]) -> Range | None:
    """The range of ``spreads`` over these factors, or over all where none of them is there; None without any."""
    found = table[table["response"] == response]
    own = found[found["factor"].isin(factors)]
    sd = (own if len(own) else found)["sd"]
    return Range(float(sd.min()), float(sd.median()), float(sd.max())) if len(sd) else None


def trust(seeds: int, confidence: float = 0.95) -> tuple[float, float]:
    """Between which multiples of a standard deviation estimated from so many seeds the true one lies.

    By chi^2 of S - 1 degrees of freedom. That a mean over pairs of levels is surer than one of them is not counted on.
    """
    df = seeds - 1
    most, least = stats.chi2.ppf((1 + confidence) / 2, df), stats.chi2.ppf((1 - confidence) / 2, df)
    return math.sqrt(df / most), math.sqrt(df / least)
