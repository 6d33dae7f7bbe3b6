"""How far from its best may a learning rate be? The width, in decades, of the rates that stay near the best.

A rate is compared between optimizers, or initializers, as a multiple of the best one of each, for what 0.1 means to one
it does not mean to another. The loss L(r) is the best validation loss at rate r, at most L0, what guessing costs, which
a diverged cell counts as. At the rate r* by which a seed is reported, chosen by the other seeds (``tuning``), training
gains L0 - L(r*). A rate is **near** where at most a tenth of that gain is lost:

    L(r) <= L(r*) + 0.1 (L0 - L(r*))

The width is log10 of the highest over the lowest rate of the stretch around r* that is near all along, with L linear in
log10 r between the rates that were tried: one number a seed, with Student's t interval over seeds. Where a stretch
reaches the end of the list it is cut there, and the width is a lower bound.

Wortsman et al. (2023, arXiv:2309.14322, section 2.2) take the mean of min(L, L0) - L* over three decades for the same
end, and Sivaprasad et al. (2020, arXiv:1910.11758) the expected result of a search over a given prior; both hang on the
range that one averages over, and the width does not, as long as the range holds it. What a rate drawn from the list
brings is answered beside it (``questions/optimizer.py``).
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd

from ablation.reporting.design import Design
from ablation.reporting.statistics.intervals import Floats, by_seed, seed_interval
from ablation.reporting.statistics.tuning import losses, tune

NEAR = 0.1
"""The share of the gain that may be lost."""
LEARNED = 0.1
"""A seed that gains less than this share of what guessing costs has learned nothing, and no rate is near its best."""

WIDTHS = ["decades", "decades_low", "decades_high", "near_from", "near_to", "cut"]
"""What a table says of the rates near the best; none of it has the name of a factor, as *width* is."""


class Stretch(NamedTuple):
    """The rates around one that are near it: decades below and above, and whether the list ends there."""

    below: float
    above: float
    cut: bool


def capped(cells: pd.DataFrame) -> Floats:
    """What settings are chosen by, at most what guessing costs; NaN where that is not known."""
    cap = cells["guessing"].to_numpy(dtype=float)
    return np.where(np.isnan(cap), np.nan, np.minimum(losses(cells).to_numpy(dtype=float), cap))


def stretch(decades: Floats, lost: Floats, at: int) -> Stretch:
    """The stretch around the place ``at`` in which no more than ``NEAR`` of the gain is ``lost``.

    Args:
        decades: log10 of the rates, ascending.
        lost: the share of the gain that is lost at each, (L(r) - L(r*)) / (L0 - L(r*)); at ``at`` it is 0.
        at: the place of r*.
    """
    ends, cut = [], False
    for step in (-1, 1):
        place = at
        while 0 <= place + step < len(lost) and lost[place + step] <= NEAR:
            place += step
        end = decades[place]
        if 0 <= place + step < len(lost):
            rise = lost[place + step] - lost[place]
            end += (decades[place + step] - end) * (NEAR - lost[place]) / rise
        else:
            cut = True
        ends.append(abs(float(end - decades[at])))
    return Stretch(ends[0], ends[1], cut)


def seed_widths(cells: pd.DataFrame, chosen: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """The stretch of every combination of ``by`` and seed around the rate at which ``chosen`` has it.

    Columns: ``by``, ``seed``, the stretch's ends ``lowest`` and ``highest`` (log10 of rates), ``decades`` between them,
    ``cut``, ``learned``. A seed that learns nothing at its rate has 0 decades, and NaN where what guessing costs is not
    known.

    Args:
        cells: every rate of every combination; other factors are those of the chosen cells.
        chosen: one cell a combination and seed.
        by: the factors of a combination, all in which the cells differ but rate and seed.
    """
    keys = [*by, "seed"]
    frame = cells.assign(loss_=capped(cells), lr_=cells["lr"].astype(float))[[*keys, "lr_", "loss_"]]
    best = chosen.assign(best_=chosen["lr"].astype(float), cap_=chosen["guessing"])[[*keys, "best_", "cap_"]]
    frame = frame.merge(best, on=keys)
    frame = frame.sort_values([*keys, "lr_"], kind="stable", ignore_index=True)
    groups = frame.groupby(keys, observed=True, sort=False)
    table = groups[["best_"]].first().reset_index()
    start = np.concatenate([[0], np.cumsum(groups.size().to_numpy())])
    rate, loss, cap = (frame[column].to_numpy(dtype=float) for column in ("lr_", "loss_", "cap_"))
    rows = []
    for place, at_best in enumerate(table.pop("best_").to_numpy(dtype=float)):
        own = slice(start[place], start[place + 1])
        at = int(np.flatnonzero(rate[own] == at_best)[0])
        least, most = float(loss[own][at]), float(cap[own][at])
        learned = least <= (1 - LEARNED) * most
        found = Stretch(0.0, 0.0, False)
        if learned:
            found = stretch(np.log10(rate[own]), (loss[own] - least) / (most - least), at)
        center, width = np.log10(at_best), np.nan if np.isnan(most) else found.below + found.above
        rows.append((center - found.below, center + found.above, width, found.cut, learned))
    columns = zip(*rows, strict=True)
    return table.assign(**dict(zip(("lowest", "highest", "decades", "cut", "learned"), columns, strict=True)))


def study_widths(cells: pd.DataFrame, tuned: pd.DataFrame, design: Design, confidence: float) -> pd.DataFrame:
    """The width of every combination of the compared factors, at the other nuisance factors' tuned setting.

    Columns: the compared factors and ``WIDTHS``: the mean width in decades with its interval over seeds, the ends of
    the stretch (geometric means over the seeds that learn) as multiples of the one rate that all seeds choose, and the
    share of those seeds whose stretch the list cuts. All empty where no seed learns.
    """
    others = [factor for factor in design.nuisance if factor != "lr"]
    found = seed_widths(cells, tuned, [*design.compared, *others])
    groups = found.groupby(list(design.compared), observed=True)
    number = groups.ngroup().to_numpy().astype(np.int64)
    seeds = found["seed"].cat.codes.to_numpy().astype(np.int64)
    sums, counts = by_seed(found["decades"], number, seeds, groups.ngroups, design.seeds)
    low, high = seed_interval(sums, counts, confidence, least=0.0)
    learned = found["learned"].to_numpy(dtype=float)
    size = np.bincount(number, learned, groups.ngroups)
    with np.errstate(invalid="ignore", divide="ignore"):
        lowest, highest, cut = (
            np.bincount(number, learned * found[column].to_numpy(dtype=float), groups.ngroups) / size
            for column in ("lowest", "highest", "cut")
        )
        mean = np.where(size > 0, sums.sum(axis=1) / counts.sum(axis=1), np.nan)
    ends = (np.where(size > 0, end, np.nan) for end in (low, high))
    table = groups.size().reset_index()[list(design.compared)]
    best = np.log10(table.merge(best_rates(cells, design), how="left")["best_rate"].to_numpy(dtype=float))
    values = (mean, *ends, 10.0 ** (lowest - best), 10.0 ** (highest - best), cut)
    return table.assign(**dict(zip(WIDTHS, values, strict=True)))


def multiples(cells: pd.DataFrame, design: Design) -> Floats:
    """Each cell's learning rate over the best one of its combination, the one that all seeds choose."""
    own = cells[list(design.compared)].merge(best_rates(cells, design), how="left")
    return np.asarray(cells["lr"].to_numpy(dtype=float) / own["best_rate"].to_numpy(dtype=float), float)


def best_rates(cells: pd.DataFrame, design: Design) -> pd.DataFrame:
    """The learning rate that all seeds choose for each combination, as ``best_rate``."""
    best = tune(cells, design.compared, design.nuisance).groupby(list(design.compared), observed=True)["lr"].first()
    return best.astype(float).rename("best_rate").reset_index()
