"""Theory against measurement: delta norm per layer before training, and the line that theory draws through it."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ablation.records.columns import FACTORS
from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design
from ablation.reporting.figures.delta_axis import CEILING, FLOOR, decades, delta_by_layer, edged, two_decades
from ablation.reporting.figures.lettering import named
from ablation.reporting.figures.panels import describe, grid, key, lines, panels
from ablation.reporting.figures.room import PANELS
from ablation.reporting.figures.theme import INK, styles
from ablation.reporting.figures.view import View, few, hold, left_out, present, with_median
from ablation.reporting.naming import Label
from ablation.reporting.theory.agreement import BY
from ablation.reporting.wording.captions import interval_text, seeds_text
from ablation.reporting.wording.phrases import names

TOPIC = "Predicted and measured gradient, layer by layer"


def show(analysis: Analysis) -> View:
    """Delta norm per layer at the deepest depth, measured and predicted: a panel an activation and normalization."""
    design, name = analysis.design, "predicted_delta"
    heading = "Theory against measurement"
    layers = analysis.agreement.layers.copy()
    for factor in (*BY, "seed"):
        layers[factor] = pd.Categorical(layers[factor], categories=list(design.levels[factor]), ordered=True)
    shown = ("init", "activation", "normalization", "depth")
    layers, held = hold(design, layers, (*shown, *(factor for factor in FACTORS if factor not in BY)))
    deepest = present(layers, "depth")[-1]
    if deepest == 1:
        return View(name, heading, why="The deepest network has one hidden layer: there is no depth to look along.")
    layers = layers[layers["depth"] == deepest]
    if layers["delta"].isna().all():
        return View(name, heading, why="Every cell at the largest depth diverged before its gradient was measured.")
    if layers["predicted"].isna().all():
        return View(name, heading, why="There is no theory here for any of the study's networks and normalizations.")
    columns = few(present(layers, "activation"), 6)
    rows = present(layers, "normalization")[: min(3, PANELS // len(columns))]
    inits = few(present(layers, "init"), 8)
    chosen = layers["normalization"].isin(rows) & layers["activation"].isin(columns) & layers["init"].isin(inits)
    by = ["normalization", "activation", "init", "layer"]
    # Where a cell diverged before the probe there is nothing, where delta is not finite it stands at the edge.
    known = layers[chosen & layers["delta"].notna()]
    measured = with_median(analysis, known.assign(delta=edged(known["delta"])), by, "delta")
    told = layers[chosen & layers["predicted"].notna()]
    predicted = with_median(analysis, told.assign(predicted=edged(told["predicted"])), by, "predicted")
    frame = measured.merge(predicted[[*by, "median"]].rename(columns={"median": "predicted"}), on=by, how="left")
    title = finding(design, frame, deepest)
    of = f"{deepest}, the deepest" if deepest == design.deepest else deepest
    caption = (
        "Root mean square of delta (gradient with respect to the pre-activation) by hidden layer, 1 next to the "
        f"input, before training at depth {of}. Marks and solid lines: median over {seeds_text(design)}, band: "
        f"{interval_text(analysis, of='medians')}. Dashed: the prediction for wide networks, from the "
        "measured delta of the last layer and the measured length of the first. Values below "
        f"{FLOOR:g}, zero among them, stand on the floor; values above {CEILING:g} on the ceiling.{held}"
        f"{left_out(design, 'activation', columns)}{left_out(design, 'normalization', rows)}"
        f"{left_out(design, 'init', inits)}"
    )
    return View(name, title, caption, f"Line charts on a log axis. {title}.", "", rows, columns, frame)


def finding(design: Design, frame: pd.DataFrame, depth: Label) -> str:
    """How far the first layer's delta lies from the predicted one, in words."""
    first = frame[(frame["layer"] == 1) & frame["predicted"].notna()]
    factor = 10 ** np.abs(np.log10(first["median"] / first["predicted"]))
    first = first.assign(factor=factor.round(9)).sort_values("factor", kind="stable", ascending=False)
    worst, by = first["factor"].iloc[0], ["activation", "init", "normalization"]
    name = names(design, first, by, 0)
    if len(first) == 1:
        return f"At depth {depth}, layer 1's delta lies within a factor {worst:.3g} of theory ({name})"
    middle = float(np.median(first["factor"]))
    return (
        f"At depth {depth}, layer 1's delta lies within a factor {middle:.3g} of theory in half of {len(first)} "
        f"combinations, at most a factor {worst:.3g} off ({name})"
    )


def plot(view: View, design: Design) -> Figure:
    """Delta by layer on a log axis, measured solid and predicted dashed in the initializer's color."""
    figure, axes = grid(view, 2.0, 1.8, sharex=True, sharey="row")
    style = styles(design, "init")
    for axis, part in panels(view, design, axes, "normalization", "activation"):
        look: dict[str, Any] = {"span": decades(part["median"]), "logarithmic": True, "dashed": False, "lw": 0.8}
        lines(axis, part, "layer", style, center="median", by="init", **look)
        for level, curve in part.groupby("init", observed=True):
            axis.plot(curve["layer"], curve["predicted"], color=style[str(level)]["color"], ls=(0, (4, 2)), lw=1.6)
        delta_by_layer(axis, part, 5)
    for axis in axes[:, 0]:
        two_decades(axis)
    describe(axes, "hidden layer", "delta norm (rms)")
    levels = [level for level in design.levels["init"] if (view.frame["init"] == level).any()]
    handles = [Line2D([], [], ms=4, lw=0.8, **style[str(level)]) for level in levels]
    extra = [Line2D([], [], color=INK, lw=0.8, marker="o", ms=4), Line2D([], [], color=INK, ls=(0, (4, 2)), lw=1.6)]
    key(figure, [*handles, *extra], [*(named(design, "init", level) for level in levels), "measured", "predicted"])
    return figure
