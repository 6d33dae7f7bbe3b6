"""What was measured at evaluations, over the times that all cells have in common."""

import numpy as np
import pandas as pd

from ablation.reporting.statistics.intervals import Floats


def over_time(
    curves: pd.DataFrame, values: Floats, clock: str, grid: Floats, cells: pd.DataFrame, guess: Floats
) -> Floats:
    """The values of these cells at every time of the grid, a row a cell [cells, times].

    A cell keeps its value until it is evaluated again: cells of other batches are evaluated at other fractions. From
    where it diverged on, and before its first finite value, it counts as guessing.

    Args:
        curves: ``row``, the cell's number, and the clock, sorted by cell and time.
        values: one for each row of the curves.
        clock: the column of the curves in which the grid is counted.
        grid: every time at which some cell was evaluated.
        cells: those wanted, with their numbers as index, and ``diverged``.
        guess: the value of guessing, for each of them.
    """
    place = cells.index.get_indexer(pd.Index(curves["row"]))
    own = place >= 0
    known = np.full((len(cells), len(grid)), np.nan)
    known[place[own], np.searchsorted(grid, curves[clock].to_numpy()[own])] = values[own]
    seen = np.where(np.isfinite(known), np.arange(len(grid)), 0)
    kept = np.take_along_axis(known, np.maximum.accumulate(seen, axis=1), axis=1)
    gone = cells["diverged"].to_numpy(dtype=bool)[:, None] & (np.arange(len(grid)) > seen.max(axis=1)[:, None])
    return np.where(np.isfinite(kept) & ~gone, kept, guess[:, None])
