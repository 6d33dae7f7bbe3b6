"""The best level or combination at each depth, by what is known: a set of those that cannot be told apart.

Who has the least restricted mean over a few seeds **leads**, and is often not who has it over all seeds, the less so
the more there are. So what is said of the best is a set. A candidate is **left out** of it where a one-sided paired t
test over seeds rejects it against the leader, at a level that counts every comparison in the report's table, for each
might have been made:

    alpha / (2 m),   m = sum over the depths and factors of k (k - 1) for k candidates,

half of alpha for levels and half for whole combinations, of which there are many more. Whatever the truth, the chance
is then at most alpha that anywhere in the table a candidate is left out that is as good as the leader (Bonferroni),
and so too that one is called the best alone which is not.

Of ten candidates and more, as combinations are, with a cell a seed of each, the variances are drawn together
(``moderated``), or five seeds could leave out none of a hundred. A time is no better known than evaluations are close,
so seeds that agree to the bit do not agree without an error: a difference's standard error is at least that of times
that lie anywhere between their two evaluations.

How much better the leader is, is told by its **probability of improvement** over the runner-up (Agarwal et al. 2021,
section 4.3, as rliable's): the share of problems, of a combination of the other factors each, on which it arrives
sooner, ties counting half; one number a seed, with Student's t interval over them. Half is no better at all.

``tests/reporting/statistics/test_winners.py`` and the planted studies (``docs/statistics.md``) hold this.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.stats import t

from ablation.reporting.design import Design
from ablation.reporting.naming import Label
from ablation.reporting.options import PROBLEMS
from ablation.reporting.statistics.contrasts import blocks, coded
from ablation.reporting.statistics.intervals import Floats, student
from ablation.reporting.statistics.marginal import disagreeing, marginal_means, marginal_weights
from ablation.reporting.statistics.moderated import FEWEST, moderated


@dataclass(frozen=True)
class Winner:
    """The best of a factor's levels, or of the whole combinations, at one depth.

    Attributes:
        factor: whose levels are compared; None where it is whole combinations.
        factors: what a candidate is a level of each of.
        candidates: the levels of each candidate.
        best: the leader's place among them.
        rest: the places of those that cannot be told from it, the better ones first.
        rmst, low, high: its restricted mean with Student's t interval; no interval where all seeds agree.
        improvement, improvement_low, improvement_high: its probability of improvement over the runner-up; NaN where
            there is none, and without an interval where all seeds agree.
        tied: how many others have the same mean.
    """

    depth: Label
    factor: str | None
    factors: tuple[str, ...]
    candidates: Sequence[tuple[Label, ...]]
    best: int
    rest: Sequence[int]
    rmst: float
    low: float
    high: float
    improvement: float
    improvement_low: float
    improvement_high: float
    tied: int

    @property
    def alone(self) -> bool:
        """Whether it is the best, and all others are worse."""
        return not self.rest


@dataclass(frozen=True)
class Contest:
    """Who is compared at one depth, and by what.

    Attributes:
        time: one restricted mean a candidate and seed, (candidates, S).
        loss: the mean loss of each while training, which decides ties.
        blur: the variance of each mean over seeds that comes of not knowing when between two evaluations.
        problems: each candidate's times on every problem, (candidates, problems, S).
    """

    depth: Label
    factor: str | None
    factors: tuple[str, ...]
    candidates: Sequence[tuple[Label, ...]]
    time: Floats
    loss: Floats
    blur: Floats
    problems: Floats


def study_winners(scopes: Sequence[tuple[Label, pd.DataFrame]], design: Design, confidence: float) -> list[Winner]:
    """The winners at each depth with its cells: of every factor but depth, and of the combinations."""
    contests = [contest for depth, cells in scopes for contest in contests_at(depth, cells, design)]
    compared = {
        whole: sum(len(each.time) * (len(each.time) - 1) for each in contests if (each.factor is None) == whole)
        for whole in (True, False)
    }
    kinds = sum(count > 0 for count in compared.values())
    return [
        judged(each, (1 - confidence) / (max(kinds, 1) * max(compared[each.factor is None], 1)), design, confidence)
        for each in contests
    ]


def contests_at(depth: Label, cells: pd.DataFrame, design: Design) -> Iterator[Contest]:
    """Every contest among these cells, all of one depth; a factor's levels are compared by their marginal means.

    Problems, as data sets and splits, are no candidates: theirs is no contest of levels, though whole combinations have
    them too.
    """
    factors = tuple(factor for factor in design.compared if factor != "depth")
    found, places, _ = blocks(cells, factors or design.compared)
    time, loss = cells["time"].to_numpy()[places], cells["mean_loss"].to_numpy(dtype=float)[places].mean(axis=1)
    between = (cells["no_later_than"] - cells["later_than"]).to_numpy(dtype=float)
    blur = np.where(np.isfinite(between), between, 0.0)[places] ** 2 / 12
    blur = blur.sum(axis=1) / max(places.shape[1], 1) ** 2
    numbers, levels = coded(found, factors)
    contested = [factor for factor in levels if factor not in PROBLEMS]
    for factor in contested:
        weights = marginal_weights(numbers, levels, factor)
        if weights is not None:
            own = [(level,) for level in design.levels[factor] if level in levels[factor]]
            problems = by_problem(time, numbers, factor, len(own))
            means = marginal_means(time, weights)
            yield Contest(depth, factor, (factor,), own, means, weights @ loss, weights**2 @ blur, problems)
    # The combinations of a single factor are its levels.
    if (len(levels) != 1 or not contested) and len(found):
        combinations = list(found.itertuples(index=False, name=None))
        yield Contest(depth, None, tuple(found.columns), combinations, time, loss, blur, time[:, None])


def by_problem(time: Floats, numbers: pd.DataFrame, factor: str, levels: int) -> Floats:
    """Each level's times on every problem, (levels, problems, S); NaN where it was not given it."""
    others = [other for other in numbers if other != factor]
    problem = numbers.groupby(others).ngroup().to_numpy() if others else np.zeros(len(numbers), np.int64)
    table = np.full((levels, int(problem.max(initial=0)) + 1, time.shape[1]), np.nan)
    table[numbers[factor].to_numpy(), problem] = time
    return table


def improvement(first: Floats, second: Floats) -> Floats:
    """The share of problems on which the first arrives sooner, ties counting half: (problems, S) each to (S,)."""
    both = np.isfinite(first) & np.isfinite(second)
    sooner = (first < second - 1e-9) + 0.5 * (np.abs(first - second) <= 1e-9)
    counts = both.sum(axis=0)
    with np.errstate(invalid="ignore"):
        return np.asarray(np.where(both, sooner, 0).sum(axis=0) / np.where(counts, counts, np.nan))


def contenders(values: Floats, blur: Floats, best: int, level: float) -> np.ndarray:
    """Which rows cannot be told from the best one, that one included, from one value a seed (levels, S).

    All of them where there is one seed; ``blur`` is the least variance of each row's mean, ``level`` that of a single
    one-sided test.
    """
    count, seeds = values.shape
    if seeds < 2 or count < 2:
        return np.ones(count, dtype=bool)
    apart = values - values[best]
    if count < FEWEST:
        variance, df = apart.var(axis=1, ddof=1), float(seeds - 1)
    else:
        # Not of the differences, which all share the leader's luck: of each candidate, less what its seed does to all.
        own, df = moderated((values - values.mean(axis=0)).var(axis=1, ddof=1), seeds - 1)
        variance = own + own[best]
    variance = np.maximum(variance / seeds, blur + blur[best])
    inside = apart.mean(axis=1) <= t.ppf(1 - level, df) * np.sqrt(variance) + 1e-9
    inside[best] = True
    return np.asarray(inside)


def judged(contest: Contest, level: float, design: Design, confidence: float) -> Winner:
    """Who leads a contest, and who cannot be told from it by tests of this level."""
    mean = contest.time.mean(axis=1).round(9)
    order = np.lexsort((np.arange(len(mean)), np.nan_to_num(contest.loss, nan=np.inf).round(9), mean))
    best = int(order[0])
    low, high = (float(end) for end in disagreeing(contest.time[best], confidence))
    inside = contenders(contest.time, contest.blur, best, level)
    rest = [int(at) for at in order if inside[at] and at != best]
    share, ends = np.nan, (np.nan, np.nan)
    if len(order) > 1:
        each = improvement(contest.problems[best], contest.problems[order[1]])
        share = float(each.mean())
        low_share, high_share = student(each, confidence)
        if np.ptp(each) >= 1e-9:
            ends = max(float(low_share), 0.0), min(float(high_share), 1.0)
    return Winner(
        contest.depth,
        contest.factor,
        contest.factors,
        contest.candidates,
        best,
        rest,
        float(mean[best]),
        max(low, 0.0),
        min(high, design.horizon),
        share,
        *ends,
        int((mean == mean[best]).sum()) - 1,
    )
