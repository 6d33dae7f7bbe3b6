"""What a figure shows: which part of the study, in words and as a frame; how it is drawn is another matter.

A figure has two or three directions to show factors in. What it does not show is either pooled, tuned over, or held
at its reference level, and the caption says which.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design
from ablation.reporting.naming import Label
from ablation.reporting.statistics.intervals import by_seed, median_interval, seed_interval
from ablation.reporting.wording.phrases import words


@dataclass(frozen=True)
class View:
    """What one figure shows. Where it cannot be drawn, ``why`` is a sentence that says so.

    Attributes:
        rows, columns: the levels whose panels make up the figure, or single empty names.
        frame: what is drawn, one row per mark or point.
        runs: single cells to be drawn pale behind, if they are few.
    """

    name: str
    title: str
    caption: str = ""
    alt: str = ""
    why: str = ""
    rows: Sequence[Label] = ("",)
    columns: Sequence[Label] = ("",)
    frame: pd.DataFrame = field(default_factory=pd.DataFrame)
    runs: pd.DataFrame = field(default_factory=pd.DataFrame)


def few(levels: Sequence[Label], most: int, keep: Collection[Label] = ()) -> list[Label]:
    """At most ``most`` of the levels: those to be kept, else the first, the last and others spread evenly."""
    others = [level for level in levels if level not in keep]
    room = max(0, min(most, len(levels)) - (len(levels) - len(others)))
    places = np.unique(np.linspace(0, len(others) - 1, room).round().astype(int))
    chosen = {others[place] for place in places} | set(keep)
    return [level for level in levels if level in chosen]


def line_factor(design: Design, *first: str) -> str:
    """Whose levels are lines: of the factors that vary these first, else another that is not a panel's."""
    others = [x for x in design.compared if design.varies(x) and x not in ("depth", "normalization")]
    return next((factor for factor in (*first, *others) if factor in others), "activation")


def present(cells: pd.DataFrame, factor: str) -> list[Label]:
    """The levels of a factor that these cells have, in their order. A study need be no full crossing."""
    return list(cells[factor].cat.remove_unused_categories().cat.categories)


def hold(design: Design, cells: pd.DataFrame, shown: Sequence[str]) -> tuple[pd.DataFrame, str]:
    """The cells in which every compared factor but the ``shown`` stands at its reference level, and that in words.

    A factor's reference is taken of the levels that the factors before it have left: a model with widths of its own
    settles its depth and width, so that what was held first decides what there is to hold next.
    """
    fixed = []
    for factor in design.compared:
        if factor not in shown:
            level = design.reference_among(factor, present(cells, factor))
            cells = cells[cells[factor] == level]
            fixed.append(words(design, factor, level))
    return cells, f" Held fixed: {', '.join(fixed)}." if fixed else ""


def thinned(
    design: Design, frame: pd.DataFrame, factor: str, most: int, keep: Collection[Label] = ()
) -> tuple[pd.DataFrame, str]:
    """The rows of the ``few`` levels of a factor that find room, and a sentence that says how many, if not all do."""
    levels = present(frame, factor)
    if len(levels) <= most:
        return frame, ""
    shown = few(levels, most, keep)
    frame = frame[frame[factor].isin(shown)].reset_index(drop=True)
    return frame, f" {len(shown)} of {len(design.levels[factor])} levels of {factor} are shown."


def left_out(design: Design, factor: str, shown: Sequence[Label]) -> str:
    """A sentence that says which levels found no room, if any."""
    total = len(design.levels[factor])
    return f" {len(shown)} of {total} levels of {factor} are shown." if len(shown) < total else ""


def with_interval(
    analysis: Analysis, frame: pd.DataFrame, by: Sequence[str], value: str, least: float = 0, most: float = 1
) -> pd.DataFrame:
    """``mean``, ``low``, ``high`` of a column per group: the mean over cells, its interval over seeds.

    No mean can lie beyond ``least`` and ``most``; they are those of a share or an accuracy if nothing else is said.
    """
    grouped = frame.groupby(list(by), observed=True)
    groups = grouped.ngroup().to_numpy().astype(np.int64)
    table = grouped.size().reset_index(name="n")
    seeds = frame["seed"].cat.codes.to_numpy().astype(np.int64)
    sums, counts = by_seed(frame[value].to_numpy(), groups, seeds, len(table), analysis.design.seeds)
    table["mean"] = sums.sum(axis=1) / counts.sum(axis=1)
    table["low"], table["high"] = seed_interval(sums, counts, analysis.options.confidence, least, most)
    return table


def with_median(analysis: Analysis, frame: pd.DataFrame, by: Sequence[str], value: str) -> pd.DataFrame:
    """``median``, ``low``, ``high`` of a column per group of cells, one a seed: an observed value, whatever the others.

    Where their number is even it is the lower of the two in the middle: between a number and zero lies no number that
    a network has.
    """
    grouped = frame.groupby(list(by), observed=True)
    groups = grouped.ngroup().to_numpy().astype(np.int64)
    table = grouped.size().reset_index(name="n")
    sizes = table["n"].to_numpy()
    values = frame[value].to_numpy().astype(float)
    ordered = values[np.lexsort((values, groups))]
    start = np.cumsum(sizes) - sizes
    table["median"] = ordered[start + (sizes - 1) // 2]
    ends = {size: median_interval(size, analysis.options.confidence) for size in np.unique(sizes).tolist()}
    for place, column in enumerate(("low", "high")):
        at = start + np.array([ends[size][place] for size in sizes.tolist()], dtype=np.int64)
        table[column] = np.where(sizes > 1, ordered[at], np.nan)
    return table
