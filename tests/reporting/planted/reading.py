"""Where an ``Analysis`` holds what it claims: the one file to change where the statistics change their form."""

from dataclasses import dataclass
from typing import Any

from ablation.reporting.analysis import Analysis

RESPONSES = {"time": "epochs", "loss": "val_loss"}
"""By the planting's names, those of the responses on which effects are estimated, both of logarithms."""


@dataclass(frozen=True)
class Interval:
    """What a report gives for a number: an estimate and an interval, whose ends are NaN where there is none.

    No interval covers nothing.
    """

    estimate: float
    low: float
    high: float

    def covers(self, value: float) -> bool:
        """Whether the number is in it."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Best:
    """What is said of the best among these levels, each a tuple with a level for each of ``factors``, at a depth.

    Attributes:
        first: the level that stands first.
        sure: whether it is said to be the best.
        standing: the levels that cannot be told from the best.
    """

    depth: Any
    factors: tuple[str, ...]
    levels: tuple[tuple[Any, ...], ...]
    first: tuple[Any, ...]
    sure: bool
    standing: frozenset[tuple[Any, ...]]


def p_own(analysis: Analysis, response: str) -> dict[str, float]:
    """Every term's own p-value."""
    return _by_term(analysis, response, "p")


def p_holm(analysis: Analysis, response: str) -> dict[str, float]:
    """Every term's p-value among all of the study, by which a report calls it an effect."""
    return _by_term(analysis, response, "p_holm")


def _by_term(analysis: Analysis, response: str, column: str) -> dict[str, float]:
    found = next(found for found in analysis.effects if found.response.name == RESPONSES[response])
    return {str(term): float(p) for term, p in zip(found.table["term"], found.table[column], strict=True)}


def ratio(analysis: Analysis, factor: str, level: Any) -> Interval:
    """How many times as long a level takes as the reference level of its factor."""
    means = analysis.marginal_means
    own = (means["response"] == RESPONSES["time"]) & (means["factor"] == factor) & (means["level"] == level)
    row = means[own].iloc[0]
    return Interval(float(row["ratio"]), float(row["ratio_low"]), float(row["ratio_high"]))


def difference(analysis: Analysis, factor: str, level: Any) -> Interval:
    """By how many epochs a level's restricted mean time differs from that of the reference level of its factor."""
    column = analysis.tuned[factor]
    groups = (column == level, column == analysis.design.reference(factor))
    found = analysis.paired(analysis.tuned, "time", groups, [factor])
    if found is None:
        return Interval(*[float("nan")] * 3)
    return Interval(found.mean, found.low, found.high)


def epochs(analysis: Analysis, factor: str, level: Any) -> float:
    """A level's restricted mean time."""
    return float(analysis.tuned.loc[analysis.tuned[factor] == level, "time"].mean())


def bests(analysis: Analysis) -> list[Best]:
    """What is said of the best level of every factor, and of the best combination, at each depth."""
    return [
        Best(
            found.depth,
            found.factors,
            tuple(found.candidates),
            found.candidates[found.best],
            found.alone and len(found.candidates) > 1,
            frozenset(found.candidates[at] for at in (found.best, *found.rest)),
        )
        for found in analysis.winners
    ]
