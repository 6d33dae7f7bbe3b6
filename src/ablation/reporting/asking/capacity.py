"""How much a network can memorize, and from which size on it fits its training labels.

A cell *fits* where it is right on at least ``FITS`` of its training labels at the end, true or random. From which size
on networks fit is known to lie between two of the sizes tried, a seed at a time: the largest that does not fit and the
one after it. Over seeds, the interval for the median of that size is one of order statistics, from the lower ends below
to the upper ends above: so it has the sizes that were not tried in it as well as the seeds, and needs no size of a seed
that never fits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import WHOLE
from ablation.reporting.naming import Label
from ablation.reporting.statistics.intervals import Floats, median_interval

FITS = 0.99
"""Share of the training labels that a network must have right at the end to count as fitting them."""


@dataclass(frozen=True)
class Size:
    """From which number of parameters on networks of one kind fit their labels, over seeds.

    Attributes:
        low, high: between which the median over seeds lies, by ``median_interval``; ``low`` is 0 where the smallest
            fits already, ``high`` infinite where the largest does not.
        examples: how many examples there are to fit.
        smallest, largest: parameters of the networks that were tried.
        fitting: in how many seeds the largest fits, and
        seeds: of how many.
    """

    low: float
    high: float
    examples: int
    smallest: int
    largest: int
    fitting: int
    seeds: int

    @property
    def is_known(self) -> bool:
        """Whether it lies between two sizes that were tried."""
        return self.low > 0 and np.isfinite(self.high)


def scored(analysis: Analysis, cells: pd.DataFrame) -> pd.DataFrame:
    """The cells with ``shown``, how many examples they were trained on; ``fit`` and ``right``, the shares of training
    and of validation labels that they have right at the end, those of guessing where they diverged; ``gap``, the
    difference; ``fits``; and ``lost``, how far ``right`` ends below its best on the way."""
    whole = cells["data"].astype(str).map({name: card["n_train"] for name, card in analysis.manifest["data"].items()})
    given = cells["examples"].astype(object)
    found = cells.assign(shown=np.where(given == WHOLE, whole, given).astype(np.int64))
    for name, column in (("fit", "train_accuracy"), ("right", "val_accuracy")):
        found[name] = cells[column].astype(float).where(~cells["diverged"], cells["chance"])
    best = cells["best_val_accuracy"].astype(float).where(~cells["diverged"], cells["chance"])
    return found.assign(gap=found["fit"] - found["right"], fits=found["fit"] >= FITS, lost=best - found["right"])


def bracket(sizes: Floats, fits: Sequence[bool]) -> tuple[float, float]:
    """Between which two sizes all networks begin to fit, from ascending sizes: 0 and infinity are beyond those tried.

    A network that fits among larger ones that do not is no beginning.
    """
    failing = np.flatnonzero(~np.asarray(fits, dtype=bool))
    first = int(failing[-1]) + 1 if len(failing) else 0
    ends = np.concatenate([[0.0], sizes, [np.inf]])
    return float(ends[first]), float(ends[first + 1])


def brackets(cells: pd.DataFrame) -> Floats:
    """``bracket`` of every seed's cells, (seeds, 2). Of several cells of one size, as of two models, all must fit."""
    found = []
    for _, own in cells.groupby("seed", observed=True):
        by_size = own.groupby("parameters")["fits"].all()
        found.append(bracket(by_size.index.to_numpy(dtype=float), by_size.tolist()))
    return np.array(found).reshape(-1, 2)


def over_seeds(found: Floats, confidence: float) -> tuple[float, float]:
    """The interval over seeds for the median of what lies between two numbers with each of them, (seeds, 2)."""
    lower, upper = median_interval(len(found), confidence)
    low, high = np.sort(found, axis=0).T
    return float(low[lower]), float(high[upper])


def size_of(analysis: Analysis, cells: pd.DataFrame) -> Size:
    """From which size on these cells fit, which differ in their size and seed."""
    found = brackets(cells)
    low, high = over_seeds(found, analysis.options.confidence)
    sizes = cells["parameters"]
    fitting = int(np.isfinite(found[:, 1]).sum())
    examples = int(cells["shown"].iloc[0])
    return Size(low, high, examples, int(sizes.min()), int(sizes.max()), fitting, len(found))


def fold(analysis: Analysis, cells: pd.DataFrame, more: pd.DataFrame) -> tuple[float, float] | None:
    """How many times the size of ``cells`` the cells ``more`` must have to fit, with the same seeds; None where an end
    lies beyond the sizes tried. With neither known but to lie between two sizes, the interval is as wide as both."""
    one, other = brackets(cells), brackets(more)
    if len(one) != len(other):
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        low, high = over_seeds(
            np.nan_to_num(other / one[:, ::-1], nan=np.inf, posinf=np.inf), analysis.options.confidence
        )
    return (low, high) if low > 0 and np.isfinite(high) else None


def ends(levels: Sequence[Label]) -> tuple[Label, Label]:
    """The first and the last of a factor's levels."""
    return levels[0], levels[-1]
