"""Mine against the baseline: every level of a factor against its reference level, at each depth.

The **baseline** names a level of each of some factors. One choice is changed at a time: while the levels of one factor
are compared, the others that the baseline names stand at its levels, and what it does not name is averaged, every level
with equal weight (``marginal``). A comparison is one difference a seed, and its interval and test are over these, as
everywhere: the test is ``replicates.term_test`` of the one difference, which is Student's paired t test; where all
seeds agree to the bit and there is a difference, the sign test, p = 2^(1 - S). All comparisons of the table, every
response at every depth, are counted by Holm (1979).

Of a ratio of times the response is log10 of the time that the study's model expects (``responses``), so that the ratio
is the model's own, and a guess where fewer than a third of a level's cells arrive.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from ablation.reporting.design import Design
from ablation.reporting.naming import Label
from ablation.reporting.statistics.contrasts import blocks, coded
from ablation.reporting.statistics.intervals import Floats, holm
from ablation.reporting.statistics.marginal import (
    DIFFERENCE,
    RATIO,
    compare_levels,
    marginal_means,
    marginal_weights,
)
from ablation.reporting.statistics.replicates import term_test
from ablation.reporting.statistics.responses import Effects

SCORES = {"best_val_accuracy": "accuracy", "val_accuracy": "validated", "test_accuracy": "tested"}
"""The scores that are compared, by their columns in the study's table of cells, and that of what they count as."""

CLEAR, UNCLEAR, WEAK, COPIES, ONE_SEED = "clear", "unclear", "weak", "copies", "none"
"""How sure one can be of a difference: by ``p_holm``; not by it; not by it though all seeds agree, which are too few;
the runs of either side are the same to the bit; there is one seed and no interval."""

SAME = 1e-9
"""What rounding leaves between seeds that agree."""

ALL = "all"
"""What stands for the depth where depths are compared."""

AGAINST = ["factor", "level", "reference", "depth", "response", "cells", "censored", "reference_censored"]
AGAINST += ["value", "reference_value", *DIFFERENCE, *RATIO, "p", "p_holm", "evidence"]


def study_against(cells: pd.DataFrame, found: Sequence[Effects], design: Design, confidence: float) -> pd.DataFrame:
    """Every comparison with the baseline, a row each, with the columns ``AGAINST``.

    ``cells`` counts the level's tuned ones at that depth, ``censored`` the share of them that never arrive;
    ``difference`` is the level's value less the reference's, and a ratio of times has ``ratio`` in its place;
    ``evidence`` is one of the words above.

    Args:
        cells: the tuned ones.
        found: the study's effects, of which that on times has the model.
        design: the study's, with the baseline.
        confidence: of every interval; what is clear by p is so at this level for all rows together.
    """
    factors = [factor for factor in design.baseline if factor in design.compared]
    if not factors:
        return pd.DataFrame(columns=AGAINST)
    cells = cells.assign(log_time=log_times(cells, found))
    columns = {} if design.untrained else {"rmst": "time", design.unit: "log_time"}
    columns = {name: column for name, column in (columns | SCORES).items() if cells[column].notna().any()}
    parts = [
        part
        for factor in factors
        for depth, own in scopes(cells, factor, design)
        for part in compared(own, factor, depth, columns, design, confidence)
    ]
    if not parts:
        return pd.DataFrame(columns=AGAINST)
    frame = pd.concat(parts, ignore_index=True)
    frame["p_holm"] = holm(frame["p"])
    frame.loc[frame["p_holm"] < 1 - confidence, "evidence"] = CLEAR
    places = {factor: list(design.levels[factor]).index for factor in factors}
    frame["place"] = [places[factor](level) for factor, level in zip(frame["factor"], frame["level"], strict=True)]
    frame["order"] = frame["factor"].map(factors.index)
    return frame.sort_values(["order", "place"], kind="stable", ignore_index=True).reindex(columns=AGAINST)


def log_times(cells: pd.DataFrame, found: Sequence[Effects]) -> Floats:
    """log10 of the time of every cell as the study's model expects it; NaN where there is no model, or not of it."""
    times = np.full(len(cells), np.nan)
    for effects in found:
        if effects.times is not None and effects.times.fits:
            times[effects.places] = effects.y
    return times


def scopes(cells: pd.DataFrame, factor: str, design: Design) -> Iterator[tuple[Label, pd.DataFrame]]:
    """The cells among which a factor's levels are compared, at each depth; what else the baseline names is at it."""
    for other, level in design.baseline.items():
        if other not in (factor, "depth") and other in design.compared:
            cells = cells[cells[other] == level]
    if factor == "depth":
        yield ALL, cells
    else:
        yield from ((depth, own) for depth, own in cells.groupby("depth", observed=True))  # type: ignore[misc]


def compared(
    cells: pd.DataFrame, factor: str, depth: Label, columns: dict[str, str], design: Design, confidence: float
) -> Iterator[pd.DataFrame]:
    """Each level but the baseline's against that, among these cells, a frame a response."""
    if cells.empty:
        return
    others = [other for other in design.compared if other not in (factor, "depth")]
    combinations, places, _ = blocks(cells, [factor, *others])
    numbers, levels = coded(combinations, [factor, *others])
    base = design.baseline[factor]
    if factor not in levels or base not in levels[factor]:
        return
    weights = marginal_weights(numbers, levels, factor)
    if weights is None:
        return
    own: list[Label] = [level for level in design.levels[factor] if level in levels[factor]]
    grouped = cells.groupby(factor, observed=True)["reached"]
    censored, sizes = 1 - grouped.mean().reindex(own), grouped.size().reindex(own)
    same = repeated(cells, factor, own, base, others)
    for response, column in columns.items():
        y = cells[column].to_numpy(dtype=float)[places]
        if np.isnan(y).any():
            continue
        part = compare_levels(y, weights, own, base, confidence)
        means = marginal_means(y, weights)
        apart = means - means[own.index(base)]
        part["reference_value"] = part["mean"].iloc[own.index(base)]
        part["p"] = [tested(means[own.index(base)], each) for each in means]
        part["evidence"] = pd.Series([evidence(*of) for of in zip(apart, same, strict=True)], dtype=object)
        part["p"] = part["p"].where(part["evidence"] != COPIES)
        if column == "log_time":
            logs = ["mean", "reference_value", *DIFFERENCE]
            part[logs] = 10 ** part[logs]
            part = part.rename(columns=dict(zip(DIFFERENCE, RATIO, strict=True)))
        part = part.rename(columns={"mean": "value"}).assign(
            factor=factor,
            reference=pd.Series([base] * len(own), dtype=object),
            depth=pd.Series([depth] * len(own), dtype=object),
            response=response,
            cells=sizes.to_numpy(),
            censored=censored.to_numpy(),
            reference_censored=censored[base],
        )
        yield part[[level != base for level in own]]


def deepest(frame: pd.DataFrame, design: Design) -> tuple[Label, pd.DataFrame]:
    """The largest depth at which there are comparisons, or ``ALL``, and the comparisons there."""
    depth = [depth for depth in (*design.levels["depth"], ALL) if (frame["depth"] == depth).any()][-1]
    return depth, frame[frame["depth"] == depth]


def tested(reference: Floats, level: Floats) -> float:
    """p of the difference between two rows of one number a seed; NaN where there is one seed, or no difference."""
    apart, seeds = level - reference, len(level)
    if seeds > 1 and np.ptp(apart) < SAME:
        return 2.0 ** (1 - seeds) if abs(apart.mean()) > SAME else np.nan
    return term_test(np.stack([reference, level]), np.array([[-1.0], [1.0]]) / np.sqrt(2))[2]


def evidence(apart: Floats, copies: bool) -> str:
    """How sure one can be of a difference, before its p-value is known."""
    if copies:
        return COPIES
    if len(apart) < 2:
        return ONE_SEED
    agree = np.ptp(apart) < SAME and abs(apart.mean()) > SAME
    return WEAK if agree else UNCLEAR


def repeated(
    cells: pd.DataFrame, factor: str, levels: Sequence[Label], base: Label, others: Sequence[str]
) -> list[bool]:
    """Whether all cells of each level are those of the base again, to the bit."""
    by = [*others, "seed"]
    table = cells.pivot_table("outcome", by, factor, aggfunc="first", observed=True)
    both = [table[[level, base]].dropna() if level != base else table[[base]] for level in levels]
    return [len(pair) > 0 and bool((pair.iloc[:, 0] == pair[base]).all()) for pair in both]
