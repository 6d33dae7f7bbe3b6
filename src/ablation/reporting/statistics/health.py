"""What became of the gradients: their slope over depth, dead and saturated units, and one failure class per cell.

delta_l is the gradient with respect to the pre-activation of hidden layer l, its norm a root mean square over a fixed
probe batch and the layer's units. Everything here is taken at the first probe (before training) and at the last.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

from ablation.records.fates import CLASSES, HALF, SILENT, STILL
from ablation.reporting.statistics.intervals import Floats

VANISHING, EXPLODING = 1e-3, 1e3
"""delta_1 / delta_L below, or above which the gradient counts as vanishing, or exploding."""


def ends(layers: pd.DataFrame) -> pd.DataFrame:
    """The rows of each cell's first and last probe, told apart by ``probe``; with a single probe it is both."""
    row, step = layers["row"].to_numpy(), layers["step"].to_numpy()
    size = int(row.max(initial=-1)) + 1
    first, last = np.full(size, np.iinfo(np.int64).max), np.full(size, -1)
    np.minimum.at(first, row, step)
    np.maximum.at(last, row, step)
    before, after = layers[step == first[row]], layers[step == last[row]]
    both: pd.DataFrame = pd.concat([before.assign(probe="first"), after.assign(probe="last")], ignore_index=True)
    return both


def depth_profile(probes: pd.DataFrame) -> pd.DataFrame:
    """One row per cell and probe: how delta changes over depth, and the worst layer's dead and saturated fractions.

    ``slope`` is the least-squares slope of log10 delta_l against l, in decades per layer: positive where the gradient
    shrinks on its way from output to input. Layers whose delta is zero or not finite are left out of it, a single
    layer has none. ``ratio`` is delta_1 / delta_L, zero where delta_1 is.
    """
    frame = probes.sort_values(["row", "probe", "layer"], kind="stable")
    keys = ["row", "probe"]
    delta = frame["delta_norm"].to_numpy().astype(float)
    fits = np.isfinite(delta) & (delta > 0)
    x = np.where(fits, frame["layer"].to_numpy().astype(float), 0.0)
    y = np.where(fits, np.log10(np.where(fits, delta, 1.0)), 0.0)
    sums = frame[keys].assign(n=fits, x=x, y=y, xx=x * x, xy=x * y).groupby(keys).sum()
    spread = sums["n"] * sums["xx"] - sums["x"] ** 2
    with np.errstate(divide="ignore", invalid="ignore"):
        slope = (sums["n"] * sums["xy"] - sums["x"] * sums["y"]) / spread.where(spread > 0)
    grouped = frame.groupby(keys)
    first, last = grouped["delta_norm"].nth(0).to_numpy().astype(float), grouped["delta_norm"].nth(-1).to_numpy()
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        ratio = np.where(first == 0, 0.0, first / last.astype(float))
    table = grouped[["dead_fraction", "saturated_fraction"]].max()
    table = table.rename(columns={"dead_fraction": "dead", "saturated_fraction": "saturated"})
    table["update_ratio"] = grouped["update_ratio"].nth(0).to_numpy()
    table["delta_first"], table["delta_last"], table["slope"], table["ratio"] = first, last, slope, ratio
    table["vanishing"], table["exploding"] = ratio < VANISHING, ratio > EXPLODING
    return table.astype({"dead": float, "saturated": float, "update_ratio": float}).reset_index()


def clip_share(curves: pd.DataFrame, n_cells: int) -> Floats:
    """The share of all training steps that were clipped, per cell; ``clip_fraction`` covers the steps since the
    evaluation before. NaN for a cell without a step."""
    row, step = curves["row"].to_numpy(), curves["step"].to_numpy()
    since = np.where(np.append(False, row[1:] == row[:-1])[: len(row)], np.diff(step, prepend=0), 0).astype(float)
    share = np.nan_to_num(curves["clip_fraction"].to_numpy().astype(float))
    clipped = np.bincount(row, weights=share * since, minlength=n_cells)
    with np.errstate(invalid="ignore"):
        return np.asarray(clipped / np.bincount(row, weights=since, minlength=n_cells))


def standing_still(curves: pd.DataFrame, n_cells: int, horizon: float, clock: str = "epoch") -> npt.NDArray[np.bool_]:
    """Whether the training loss moved by less than 1% between the middle and the end of training, per cell.

    ``clock`` is the column of the curves in which the horizon is counted.
    """
    middle, end = np.full(n_cells, np.nan), np.full(n_cells, np.nan)
    row, loss = curves["row"].to_numpy(), curves["train_loss"].to_numpy().astype(float)
    half = curves[clock].to_numpy() <= horizon / 2
    # Rows are sorted by step, so the last assignment to a cell is its latest evaluation.
    middle[row[half]] = loss[half]
    end[row] = loss
    with np.errstate(invalid="ignore"):  # of two infinite losses, which are alike
        return np.asarray((np.abs(end - middle) < STILL * np.abs(middle)) | (end == middle))


def failure_class(
    cells: pd.DataFrame, last: pd.DataFrame, still: npt.NDArray[np.bool_], bounded: Mapping[str, bool]
) -> pd.Categorical:
    """One class per cell, the first that fits.

    ``diverged`` (non-finite loss); ``converged`` (met its primary target: a cell that learned has not failed, whatever
    its units look like); ``dead`` (over half the units of some layer); ``saturated`` (over half the unit-samples of
    some layer, asked of bounded activations alone: a rectifier has phi' = 0 on half of its samples by design);
    ``vanished`` (first-layer update ratio below 1e-8 and the loss standing still); ``plateau`` (the loss standing
    still); ``slow`` (all others). All taken at the last probe.

    Args:
        cells: ``diverged``, ``reached`` and ``activation`` per cell.
        last: ``dead``, ``saturated`` and ``update_ratio`` at the last probe, on the index of ``cells``.
        still: whether the loss stands still, per cell.
        bounded: whether an activation is bounded, by its label.
    """
    is_bounded = cells["activation"].astype(str).map(lambda name: bool(bounded.get(name, False))).to_numpy(dtype=bool)
    conditions = {
        "diverged": cells["diverged"].to_numpy(dtype=bool),
        "converged": cells["reached"].to_numpy(dtype=bool),
        "dead": last["dead"].to_numpy() > HALF,
        "saturated": (last["saturated"].to_numpy() > HALF) & is_bounded,
        "vanished": (last["update_ratio"].to_numpy() < SILENT) & still,
        "plateau": still,
    }
    chosen = np.select(list(conditions.values()), list(conditions), default="slow")
    return pd.Categorical(chosen, categories=list(CLASSES), ordered=True)
