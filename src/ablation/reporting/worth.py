"""What each choice is worth: its best level against its worst, in time and in score, and where that is otherwise.

Times are restricted means, differences paired over seeds; whether a choice matters at all is asked of its test in the
table of effects, after Holm's correction over all tests there.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design
from ablation.reporting.naming import Label
from ablation.reporting.options import PROBLEMS
from ablation.reporting.statistics.anova import interactions
from ablation.reporting.statistics.differences import Difference

SURE = 0.05
"""A term matters where its p-value, corrected over all tests, is below this."""

ASKED = ("rmst", "accuracy")
"""The responses by which a choice may matter; by the first of them it is weighed."""


@dataclass(frozen=True)
class Worth:
    """What a choice does, on average over everything else.

    Attributes:
        factor: which it is.
        best, worst: its levels with the least and the largest restricted mean time.
        sooner: by how much the best is before the worst, in the study's unit.
        higher: by how much its final test score is above the worst's.
        sure: whether it is sure to matter, for the time or for the score.
        weight: its partial omega squared for the time, or else for the score.
    """

    factor: str
    best: Label
    worst: Label
    sooner: Difference
    higher: Difference
    sure: bool
    weight: float


@dataclass(frozen=True)
class Turn:
    """Where a choice is worth most and least: ``sooner`` at two levels of another factor, in their order."""

    worth: Worth
    by: str
    levels: tuple[Label, Label]
    sooner: tuple[Difference, Difference]


def worths(analysis: Analysis) -> list[Worth]:
    """What each choice of the study is worth, the weightiest first; without those that no two cells compare."""
    design, cells = analysis.design, analysis.tuned
    found = []
    for factor in asked(design):
        best, worst = ends(cells, factor)
        sooner, higher = (apart(analysis, cells, factor, column, best, worst) for column in ("time", "tested"))
        if best != worst and sooner is not None and higher is not None:
            sure, weight = weighed(analysis, (factor,))
            found.append(Worth(factor, best, worst, negative(sooner), higher, sure, weight))
    return sorted(found, key=lambda each: -each.weight)


def asked(design: Design) -> list[str]:
    """The factors of which a study asks what they do: its choices, of which depth is none, or else what it varies."""
    varying = [factor for factor in design.compared if design.varies(factor)]
    return [factor for factor in varying if factor not in ("depth", *PROBLEMS)] or varying


def ends(cells: pd.DataFrame, factor: str) -> tuple[Label, Label]:
    """The levels with the least and the largest mean time; of two alike, that with the higher score is the better."""
    means = cells.groupby(factor, observed=True)[["time", "tested"]].mean().round(9)
    order = np.lexsort((-means["tested"].to_numpy(), means["time"].to_numpy()))
    return means.index[order[0]], means.index[order[-1]]


def apart(
    analysis: Analysis, cells: pd.DataFrame, factor: str, column: str, best: Label, worst: Label
) -> Difference | None:
    """The mean of a column with one level less that with another, paired in everything else."""
    return analysis.paired(cells, column, (cells[factor] == best, cells[factor] == worst), (factor,))


def negative(found: Difference) -> Difference:
    """The same difference, of the second from the first."""
    return Difference(-found.mean + 0.0, -found.high + 0.0, -found.low + 0.0, found.seeds, found.copies)


def weighed(analysis: Analysis, factors: tuple[str, ...]) -> tuple[bool, float]:
    """Whether a term is sure to matter for the time or for the score, and its weight."""
    sure, weights = False, []
    for name in ASKED:
        for row in rows(analysis, name):
            if set(row["factors"]) == set(factors):
                sure |= bool(row["p_holm"] < SURE)
                weights.append(float(row["omega_sq"]))
    return sure, weights[0] if weights else float("nan")


def rows(analysis: Analysis, name: str) -> Iterator[pd.Series]:
    """The rows of the table of effects on a response, with what is known of them."""
    for found in analysis.effects:
        if found.response.name == name:
            for _, row in found.table[found.table["omega_sq"].notna()].iterrows():
                yield row


def turn(analysis: Analysis, found: list[Worth]) -> Turn | None:
    """The choice that hangs most on another factor, of those interactions that are sure; None where none is."""
    design, known = analysis.design, {each.factor: each for each in found}
    for effects in analysis.effects:
        if effects.response.name != ASKED[0]:
            continue
        pairs = effects.table[interactions(effects.table) & (effects.table["p_holm"] < SURE)]
        for first, second in pairs.sort_values("omega_sq", ascending=False, kind="stable")["factors"]:
            # Of a choice and a depth it is the choice that is worth something; of two choices, the weightier.
            own = min((each for each in (first, second) if each in known), key=[*known].index, default=None)
            if own is None:
                continue
            by, worth = second if own == first else first, known[own]
            sooner = {}
            for level in design.levels[by]:
                cells = analysis.tuned[analysis.tuned[by] == level]
                each = apart(analysis, cells, own, "time", worth.best, worth.worst)
                if each is not None:
                    sooner[level] = negative(each)
            if len(sooner) > 1:
                order = sorted(sooner, key=lambda level: sooner[level].mean)
                first_level, last_level = sorted((order[0], order[-1]), key=[*sooner].index)
                return Turn(worth, by, (first_level, last_level), (sooner[first_level], sooner[last_level]))
    return None
