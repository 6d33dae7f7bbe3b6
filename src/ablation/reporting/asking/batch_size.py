"""What a batch size does to the steps that a network takes, to its best learning rate and to the noise of its gradient.

A learning rate is chosen here by how soon the target is reached, which is what is asked (Shallue et al. 2019, section
4); the report's own, by validation loss, is that of the accuracies. With twice the batch

    gain = log2(T_B / T_2B)      doublings of speed a doubling of the batch

is 1 where the steps are halved and 0 where nothing is won. The simple noise scale B / snr of McCandlish et al. (2018,
equation 2.9) says where to expect the turn: at the batch whose gradient has as much signal as noise.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.options import SAME
from ablation.reporting.statistics.intervals import Floats, student
from ablation.reporting.statistics.tuning import tune

PHASES = ("early", "late")
"""Up to the target, and behind it."""
NEARLY = 0.75
"""A gain below this no longer nearly halves the steps: a doubling takes them to 59% of what they were, or more."""
SAME_WIDTH = 1e-9
"""An interval that is no wider is of seeds that agree."""
TIE = 1e-6
"""Of the mean validation loss, what is added to a time, so that it decides between times that are the same."""


@dataclass(frozen=True)
class Estimate:
    """A mean over seeds with its interval; the ends are NaN where there is one seed."""

    mean: float
    low: float
    high: float
    seeds: int

    @property
    def agree(self) -> bool:
        """Whether all seeds give the very same, so that there is no spread to tell from."""
        return self.high - self.low < SAME_WIDTH


@dataclass(frozen=True)
class Turn:
    """Where doubling the batch stops nearly halving the steps.

    Attributes:
        size: the batch size from which on it does not; None where it does to the end.
        before: doublings of speed a doubling of the batch, up to there, or over all sizes; None where there are none.
        behind: likewise from there on.
    """

    size: float | None
    before: Estimate | None
    behind: Estimate | None


def over_seeds(values: Floats, confidence: float) -> Estimate | None:
    """The mean of one number a seed with its interval; None where there is none."""
    known = values[np.isfinite(values)]
    if not len(known):
        return None
    low, high = student(known, confidence)
    return Estimate(float(known.mean()), float(low), float(high), len(known))


def soonest(analysis: Analysis, cells: pd.DataFrame, alone: bool = False) -> pd.DataFrame:
    """The cells at the learning rate that is the soonest at the target for their combination, one a seed.

    For each seed the others choose (``tuning.tune``); ``alone`` it does so by itself: of choices that have all but one
    seed in common no spread over seeds can be told.
    """
    design = analysis.design
    score = cells["time"] + TIE * cells["mean_loss"].fillna(0)
    by = [factor for factor in design.compared if factor != "lr"]
    nuisance = list(dict.fromkeys(["lr", *design.nuisance]))
    how = SAME if alone else analysis.options.tuning
    # What cells are chosen by is called the best validation loss there.
    chosen = tune(cells.assign(best_val_loss=score), [*by, "seed"] if alone else by, nuisance, how)
    return pd.DataFrame(cells.loc[chosen.index])


def sizes_of(cells: pd.DataFrame) -> list[float]:
    """The batch sizes of these cells, ascending."""
    return sorted(float(size) for size in cells["batch_size"].unique())


def steps_by_seed(cells: pd.DataFrame) -> pd.DataFrame:
    """log2 of the steps to the target, seeds by batch sizes; NaN where it is never reached."""
    steps = cells["steps_primary"].to_numpy(dtype=float)
    known = cells.assign(log=np.log2(np.where(np.isfinite(steps), np.maximum(steps, 1), np.nan)))
    known = known.assign(size=known["batch_size"].astype(float), seed=known["seed"].astype(object))
    return known.pivot_table("log", "seed", "size", dropna=False)


def gains(cells: pd.DataFrame) -> pd.DataFrame:
    """The gain from every batch size to the next, per doubling: seeds by the smaller size of each pair."""
    table = steps_by_seed(cells)
    pairs = list(pairwise(sizes_of(cells)))
    found = {one: gain(table, one, other) for one, other in pairs}
    return pd.DataFrame(found, index=table.index)


def gain(table: pd.DataFrame, one: float, other: float) -> Floats:
    """Doublings of speed a doubling of the batch between two sizes, by seed; NaN where either is never there."""
    return np.asarray((table[one] - table[other]) / np.log2(other / one), dtype=float)


def turn(cells: pd.DataFrame, confidence: float) -> Turn | None:
    """From which batch size on no doubling nearly halves the steps; None where no two sizes can be compared.

    The smallest from which on the mean gain of every pair of neighbors falls short of ``NEARLY``.
    """
    table, sizes = steps_by_seed(cells), sizes_of(cells)
    means = {one: over_seeds(gain(table, one, other), confidence) for one, other in pairwise(sizes)}
    # A pair of which no seed reaches the target twice says nothing.
    told = [(one, found.mean) for one, found in means.items() if found is not None]
    if not told:
        return None
    short: list[float] = []
    for one, mean in reversed(told):
        if mean >= NEARLY:
            break
        short.append(one)
    there = [size for size in sizes if np.isfinite(table[size].to_numpy(dtype=float)).any()]
    size = short[-1] if short else there[-1]
    before, behind = (
        over_seeds(gain(table, one, other), confidence) if one < other else None
        for one, other in ((there[0], size), (size, there[-1]))
    )
    return Turn(size if short else None, before, behind)


def slope(cells: pd.DataFrame, confidence: float) -> Estimate | None:
    """The exponent of the best learning rate in the batch size: least squares of log lr on log B, a seed at a time.

    Linear scaling is 1 (Goyal et al. 2017), that of the square root 1/2 (Krizhevsky 2014). None below three sizes.
    """
    if len(sizes_of(cells)) < 3:
        return None
    found = []
    for _, own in cells[cells["reached"]].groupby("seed", observed=True):
        x, y = (np.log(own[name].astype(float).to_numpy()) for name in ("batch_size", "lr"))
        if len(np.unique(x)) > 2:
            found.append(float(np.polyfit(x, y, 1)[0]))
    return over_seeds(np.array(found), confidence)


def at_edge(analysis: Analysis, cells: pd.DataFrame) -> int:
    """How many of these cells' learning rates are the lowest or the highest that was tried."""
    rates = analysis.cells["lr"].astype(float)
    own = cells["lr"].astype(float)
    return int(own.isin([rates.min(), rates.max()]).sum())


def noise(analysis: Analysis, cells: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """1 / B_simple = snr / B of the cells, a row a cell and ``phase``: *early*, up to the target, or *late*, behind it.

    Its mean over evaluations is what is averaged, over seeds too: squares of gradients over their variances, while
    B_simple itself is of no mean where an estimate of the square is near zero.
    """
    of = cells[[*by, "seed", "no_later_than"]].assign(own=cells["batch_size"].astype(float))
    frame = analysis.curves[["row", analysis.design.noun, "gradient_snr"]].merge(of, left_on="row", right_index=True)
    ratio = frame["gradient_snr"].to_numpy(dtype=float)
    early = frame[analysis.design.noun] <= frame["no_later_than"]
    frame = frame.assign(inverse=ratio / frame["own"], phase=np.where(early, "early", "late"))[np.isfinite(ratio)]
    means = frame.groupby(["row", "phase"])["inverse"].mean().reset_index()
    return pd.DataFrame(means.merge(of.drop(columns=["own", "no_later_than"]), left_on="row", right_index=True))


def scale(mean: float, low: float, high: float) -> tuple[float, float, float]:
    """B_simple with its interval from its inverse's; where that is not above zero it has no bound."""
    found, most, least = (1 / end if not end <= 0 else np.inf for end in (mean, low, high))
    return found, least, most


def noise_scale(frame: pd.DataFrame, phase: str, confidence: float) -> tuple[float, float, float] | None:
    """B_simple of these cells in a phase, one mean a seed; None where nothing was measured."""
    means = frame[frame["phase"] == phase].groupby("seed", observed=True)["inverse"].mean()
    found = over_seeds(means.to_numpy(dtype=float), confidence)
    return None if found is None else scale(found.mean, found.low, found.high)
