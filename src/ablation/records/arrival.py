"""When a cell meets its target: the one rule, for whoever has its curve."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from ablation.records.files import Results
from ablation.records.horizon import UNITS, horizon_of

Floats = npt.NDArray[np.float64]


class Arrivals(NamedTuple):
    """When every cell meets its target: in epochs and in steps, and the evaluations around it in the study's unit.

    The target was met after ``after`` and no later than ``by``: 0 and the first evaluation behind the start where a
    cell is there before its first step; the last evaluation and infinity where it never gets there.
    """

    epochs: Floats
    steps: Floats
    after: Floats
    by: Floats


def time_to_target(
    curves: pd.DataFrame, target: Floats, diverged: npt.NDArray[np.bool_], horizon: float, clock: str = "epoch"
) -> Arrivals:
    """Time to target in epochs and in steps, infinite for a cell that never gets there or diverges.

    It is the first evaluation with ``val_accuracy >= target`` that is followed by another that meets it, or is the
    last: a single lucky evaluation does not count.

    Args:
        curves: ``row`` (the cell's place in the table of cells), ``step``, ``epoch``, ``val_accuracy``, sorted.
        target: the score aimed at, per cell.
        diverged: whether the cell diverged, per cell.
        horizon: that of all cells.
        clock: the column of the curves in which the horizon is counted.
    """
    row, moment = curves["row"].to_numpy(), curves[clock].to_numpy()
    # Accuracies are stored in single precision; 324 of 360 right must meet a target of 0.9.
    met = curves["val_accuracy"].to_numpy().astype(np.float32) >= target.astype(np.float32)[row]
    last = np.append(row[1:] != row[:-1], True)[: len(row)]
    held = np.flatnonzero(met & (last | np.append(met[1:], False)[: len(row)]))
    rows, at = np.unique(row[held], return_index=True)
    at = held[at]
    never = np.full(len(target), np.inf)
    epochs, steps, by = never.copy(), never.copy(), never.copy()
    after = np.full(len(target), float(horizon))
    epochs[rows], steps[rows] = curves["epoch"].to_numpy()[at], curves["step"].to_numpy()[at]
    is_first = np.append(True, row[1:] != row[:-1])[: len(row)]
    after[rows] = np.where(is_first[at], 0.0, moment[np.maximum(at - 1, 0)])
    by[rows] = np.where(is_first[at] & ~last[at], moment[np.minimum(at + 1, len(row) - 1)], moment[at])
    for times, censored in ((epochs, np.inf), (steps, np.inf), (after, float(horizon)), (by, np.inf)):
        times[diverged] = censored
    return Arrivals(epochs, steps, after, by)


def times_to_target(results: Results, cells: pd.DataFrame) -> list[float]:
    """Return each of these cells' time to the primary target of its data, in the study's unit."""
    unit, horizon = horizon_of(results.manifest)
    curves = results.curves.assign(row=pd.Index(cells["key"]).get_indexer(pd.Index(results.curves["key"])))
    curves = curves[curves["row"] >= 0].sort_values(["row", "step"], kind="stable", ignore_index=True)
    targets = np.array([results.manifest["targets"][data][1] for data in cells["data"]], dtype=np.float64)
    gone = (cells["status"] != "finished").to_numpy(dtype=bool)
    found = time_to_target(curves, targets, gone, horizon, UNITS[unit])
    return [float(time) for time in (found.epochs if unit == "epochs" else found.steps)]
