"""What is counted of a planted study: whether an interval covers, and which of the claims are false."""

from functools import cache

import numpy as np

from ablation.reporting.analysis import Analysis, analyse
from ablation.reporting.options import Options
from tests.reporting.planted import curves, reading
from tests.reporting.planted.plan import Plan
from tests.reporting.planted.shares import ANY, COVER, FALSE, SELDOM, Bar
from tests.reporting.planted.tables import results
from tests.reporting.planted.truths import TRUTHS, Truth

Counted = dict[str, dict[str, bool]]
"""By what is counted, whether it happened: under the empty name, or under the names of several of a kind."""

LIMIT = 0.05
FRESH = 4000
"""Seeds from which an expectation is taken."""

RATIO, DIFFERENCE = "the ratio's interval covers it", "the interval of the difference in epochs covers it"
OWN = "a false term's own p below 5% on time"
FALSE_TIME, FALSE_LOSS = "any false term after Holm on time", "any false term after Holm on loss"
BY_NAME, FOUND = "false after Holm on time: ", "found after Holm on time: "
SAID = "a level wrongly said to be the best"
LACKS = "a set lacks a level that truly is one of the best"
LACKS_ONE = "one set lacks a given level that truly is one of the best"
NOISY_SAID, NOISY_FIRST = "the noisy level said to be the fastest", "the noisy level stands first"

BARS = {RATIO: COVER, DIFFERENCE: COVER, OWN: FALSE, FALSE_TIME: FALSE, FALSE_LOSS: FALSE}
BARS |= {SAID: FALSE, LACKS: FALSE, LACKS_ONE: FALSE, NOISY_SAID: FALSE, NOISY_FIRST: SELDOM}


def bar(said: str) -> Bar:
    """Where the share of what is counted must lie."""
    if said.startswith(FOUND):
        return ANY
    return FALSE if said.startswith(BY_NAME) else BARS[said]


def study(letter: str, plan: Plan, number: int) -> Analysis:
    """The analysis of the planted study of this number."""
    rng = np.random.default_rng([ord(letter), len(plan.levels["seed"]), number])
    return analyse(results(plan, *TRUTHS[letter].draw(plan, rng)), Options(workers=1))


@cache
def fresh_means(letter: str, plan: Plan, factor: str) -> dict[object, float]:
    """The expected restricted mean time (epochs) of each level of a factor, from many seeds that no study has."""
    many = plan.with_seeds(FRESH)
    times, _ = TRUTHS[letter].draw(many, np.random.default_rng([ord(letter), 2**31]))
    clock = np.array(plan.clock)
    restricted = np.minimum(curves.seen(10 ** times.ravel(), clock), plan.horizon).reshape(many.shape)
    place = list(many.levels).index(factor)
    means = restricted.mean(axis=tuple(axis for axis in range(restricted.ndim) if axis != place))
    return dict(zip(many.levels[factor], means.tolist(), strict=True))


def count(letter: str, plan: Plan, analysis: Analysis) -> Counted:
    """Hold what a study's analysis says against its truth."""
    truth = TRUTHS[letter]
    return {**intervals(letter, plan, analysis), **terms(truth, analysis), **claims(truth, analysis)}


def intervals(letter: str, plan: Plan, analysis: Analysis) -> Counted:
    """Whether the intervals cover the planted ratio, and the expected difference in epochs."""
    factor, level, value = TRUTHS[letter].ratio
    means = fresh_means(letter, plan, factor)
    difference = means[level] - means[analysis.design.reference(factor)]
    return {
        RATIO: {"": reading.ratio(analysis, factor, level).covers(value)},
        DIFFERENCE: {"": reading.difference(analysis, factor, level).covers(difference)},
    }


def figures(letter: str, plan: Plan, analysis: Analysis) -> dict[str, tuple[float, float]]:
    """Numbers that a report gives, each with what it truly is on fresh seeds."""
    factor, level, value = TRUTHS[letter].ratio
    return {
        f"the ratio of {level} on average": (reading.ratio(analysis, factor, level).estimate, value),
        f"the epochs of {level} on average": (
            reading.epochs(analysis, factor, level),
            fresh_means(letter, plan, factor)[level],
        ),
    }


def terms(truth: Truth, analysis: Analysis) -> Counted:
    """Which terms are called effects, on the logarithms of times and losses."""
    own, time = reading.p_own(analysis, "time"), reading.p_holm(analysis, "time")
    loss = reading.p_holm(analysis, "loss")
    false = [term for term in time if term not in truth.real]
    counted = {
        OWN: {term: own[term] < LIMIT for term in false},
        FALSE_TIME: {"": any(time[term] < LIMIT for term in false)},
        FALSE_LOSS: {"": any(loss[term] < LIMIT for term in loss if term not in truth.real)},
    }
    counted |= {BY_NAME + term: {"": time[term] < LIMIT} for term in truth.named}
    return counted | {FOUND + term: {"": time[term] < LIMIT} for term in sorted(truth.real) if " x " in term}


def claims(truth: Truth, analysis: Analysis) -> Counted:
    """What is said of the best levels and combinations of the factors whose best are known."""
    wrong, lacking = False, False
    one: dict[str, bool] = {}
    noisy_said, noisy_first = False, {}
    for found in reading.bests(analysis):
        if not set(found.factors) <= set(truth.best):
            continue
        allowed = [truth.best[factor] for factor in found.factors]
        best = [level for level in found.levels if all(own in good for own, good in zip(level, allowed, strict=True))]
        wrong |= found.sure and best != [found.first]
        lacking |= not found.standing >= set(best)
        name = found.factors[0] if len(found.factors) == 1 else "combination"
        # Which of those that are truly the best is asked for does not hang on what was found.
        one[f"{name} at depth {found.depth}"] = best[len(best) // 2] not in found.standing
        if found.factors == ("activation",) and truth.noisy:
            first = found.first == (truth.noisy,)
            noisy_said |= first and found.sure
            noisy_first[f"at depth {found.depth}"] = first
    counted = {SAID: {"": wrong}, LACKS: {"": lacking}, LACKS_ONE: one}
    return counted | ({NOISY_SAID: {"": noisy_said}, NOISY_FIRST: noisy_first} if truth.noisy else {})
