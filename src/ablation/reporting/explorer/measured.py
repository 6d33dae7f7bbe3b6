"""What a line shows, aggregated over its seeds as the report does it: curves, gradients, units, and where it ended.

L lines, S seeds, T times, K layers, P probed steps.
"""

import numpy as np
import numpy.typing as npt

from ablation.reporting.analysis import Analysis
from ablation.reporting.explorer.lines import Lines
from ablation.reporting.explorer.packed import Field
from ablation.reporting.figures.delta_axis import edged
from ablation.reporting.statistics.intervals import Ints, median_interval, seed_interval
from ablation.reporting.statistics.times import median_time
from ablation.reporting.statistics.trajectories import over_time

POINTS, LOSS, DECADES, BAND, SHARE, CLOCK = 1e4, 1e4, 50, 10, 200, 100
"""Parts to which are rounded: a score, a loss, a decade of the gradient and of its band, a share of units, a time."""

LAYERED = ("delta_norm", "dead_fraction", "saturated_fraction")


def ends(analysis: Analysis, lines: Lines) -> list[Field]:
    """Where each line ended: cells, those of them that diverged or met the target, when, and three scores [L]."""
    cells, score = analysis.cells, analysis.design.score
    there = lines.members >= 0
    row, line = lines.members[there], np.nonzero(there)[0]
    size = len(there)
    fields = [Field("cells", there.sum(axis=1), 1)]
    for name in ("diverged", "reached"):
        fields.append(Field(name, np.bincount(line, cells[name].to_numpy()[row], size), 1))
    fields.append(Field("median", median_time(cells["arrival"].to_numpy()[row], line, size), CLOCK))
    for name, column in (("best", "accuracy"), ("tested", "tested")):
        fields += average(
            analysis, name, gathered(cells[column].to_numpy(dtype=np.float64), lines), POINTS, score.least
        )
    return fields


def curves(analysis: Analysis, lines: Lines) -> list[Field]:
    """Score and loss in validation over time, with their intervals [L, T]; no loss counts as more than guessing."""
    design, cells, found = analysis.design, analysis.cells, analysis.curves
    chance, guessing = (cells[name].to_numpy(dtype=np.float64) for name in ("chance", "guessing"))
    score = np.maximum(found["val_accuracy"].to_numpy(dtype=np.float64), design.score.least)
    loss = np.nan_to_num(found["val_loss"].to_numpy(dtype=np.float64), nan=np.inf)
    loss = np.minimum(loss, guessing[found["row"].to_numpy()])
    fields: list[Field] = []
    for name, values, guess, parts, ends in (
        ("score", score, chance, POINTS, (design.score.least, 1.0)),
        ("loss", loss, guessing, LOSS, (0.0, np.inf)),
    ):
        own = over_time(found, values, design.noun, analysis.grid, cells, guess)
        fields += average(analysis, name, gathered(own, lines), parts, *ends)
    return fields


def gradients(analysis: Analysis, lines: Lines, steps: Ints) -> list[Field]:
    """Gradient, dead and saturated units by layer and probe, with intervals [L, K, P], and cells behind [L, P]."""
    delta, dead, saturated = (gathered(own, lines) for own in by_layer(analysis, steps))
    shown = np.isfinite(delta[:, :, 0]).sum(axis=1)
    return [
        Field("shown", shown, 1),
        *middle(analysis, "delta", delta),
        *average(analysis, "dead", dead, SHARE),
        *average(analysis, "saturated", saturated, SHARE),
    ]


def by_layer(analysis: Analysis, steps: Ints) -> list[npt.NDArray[np.float32]]:
    """Decades of the gradient, dead and saturated units of every cell [cells, K, P]; NaN from where it diverged on.

    A cell keeps what was measured until it is probed again: cells of other batches are probed at other steps.
    """
    layers, cells = analysis.layers, analysis.cells
    row, at = layers["row"].to_numpy(), np.searchsorted(steps, layers["step"].to_numpy())
    layer = layers["layer"].to_numpy() - 1
    shape = (len(cells), int(layer.max(initial=0)) + 1, len(steps))
    probed = np.full((len(cells), len(steps)), -1)
    probed[row, at] = at
    last = np.maximum.accumulate(probed, axis=1)
    gone = cells["diverged"].to_numpy(dtype=bool)[:, None] & (np.arange(len(steps)) > last[:, -1:])
    found = []
    for column in LAYERED:
        values = layers[column].to_numpy()
        known = np.full(shape, np.nan, np.float32)
        known[row, layer, at] = np.log10(edged(values)) if column == "delta_norm" else values
        kept = np.take_along_axis(known, np.maximum(last, 0)[:, None], axis=2)
        kept[np.broadcast_to((gone | (last < 0))[:, None], shape)] = np.nan
        found.append(kept)
    return found


def gathered(values: npt.NDArray[np.floating], lines: Lines) -> npt.NDArray[np.floating]:
    """The values [cells, ...] of each line's cells [L, S, ...], NaN where a seed has none."""
    found = values[lines.members].astype(values.dtype)
    found[lines.members < 0] = np.nan
    return found


def average(
    analysis: Analysis,
    name: str,
    values: npt.NDArray[np.floating],
    parts: float,
    least: float = 0.0,
    most: float = 1.0,
) -> list[Field]:
    """The mean over seeds of values [L, S, ...] and half of its interval's length, before it is cut at either end."""
    by_seed = np.moveaxis(values, 1, -1).astype(np.float64)
    flat = by_seed.reshape(-1, by_seed.shape[-1])
    known = np.isfinite(flat)
    sums = np.where(known, flat, 0.0)
    with np.errstate(invalid="ignore"):
        mean = sums.sum(axis=1) / known.sum(axis=1)
    low, high = seed_interval(sums, known.astype(np.float64), analysis.options.confidence, least, most)
    # Of two ends of which one was cut, the farther one has the whole length.
    half = np.maximum(mean - low, high - mean)
    shape = by_seed.shape[:-1]
    return [Field(name, mean.reshape(shape), parts), Field(f"{name}_half", half.reshape(shape), parts)]


def middle(analysis: Analysis, name: str, values: npt.NDArray[np.floating]) -> list[Field]:
    """The median over seeds of values [L, S, ...], the lower of two, and how far its interval reaches either way."""
    ordered = np.sort(values, axis=1)
    count = np.isfinite(values).sum(axis=1)
    size = values.shape[1]
    ends = np.array([(0, 0), *(median_interval(n, analysis.options.confidence) for n in range(1, size + 1))])

    def value(place: Ints) -> npt.NDArray[np.floating]:
        return np.take_along_axis(ordered, place[:, None], axis=1)[:, 0]

    median = value(np.maximum(count - 1, 0) // 2)
    below, above = median - value(ends[count, 0]), value(ends[count, 1]) - median
    lone = count < 2
    below[lone], above[lone] = np.nan, np.nan
    return [Field(name, median, DECADES), Field(f"{name}_below", below, BAND), Field(f"{name}_above", above, BAND)]


def probed_steps(analysis: Analysis) -> Ints:
    """Every step at which some cell was probed."""
    return np.unique(analysis.layers["step"].to_numpy().astype(np.int64))
