"""The gradient over depth: delta norm per layer at the deepest depth, before and after training."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design
from ablation.reporting.figures.delta_axis import CEILING, FLOOR, decades, delta_by_layer, edged, two_decades
from ablation.reporting.figures.panels import activation_key, describe, grid, lines, panels
from ablation.reporting.figures.room import LINES
from ablation.reporting.figures.theme import INK, styles
from ablation.reporting.figures.view import View, few, hold, left_out, present, thinned, with_median
from ablation.reporting.wording.captions import interval_text, never_probed, seeds_text, tuning_text
from ablation.reporting.wording.phrases import names

TOPIC = "The gradient over depth"


def show(analysis: Analysis) -> View:
    """Delta norm per layer at the deepest depth, before and after training: initializer by normalization."""
    design, name = analysis.design, "delta_norm"
    heading = "Norm of the gradient in each layer"
    cells, held = hold(design, analysis.tuned, ("init", "activation", "normalization", "depth"))
    deepest = present(cells, "depth")[-1]
    cells = cells[cells["depth"] == deepest]
    columns = few(present(cells, "init"), 6)
    rows = few(present(cells, "normalization"), 2 if len(columns) > 4 else 3)
    cells = cells[cells["init"].isin(columns) & cells["normalization"].isin(rows)]
    by = ["normalization", "init", "activation"]
    frame = analysis.probes.merge(cells[[*by, "seed"]], left_on="row", right_index=True)
    if deepest == 1:
        return View(name, heading, why="The deepest network has one hidden layer: there is no depth to look along.")
    if frame.empty:
        why = "Every cell at the largest depth diverged before its gradient was first measured."
        return View(name, heading, why=why)
    frame = with_median(analysis, frame.assign(delta=edged(frame["delta_norm"])), [*by, "probe", "layer"], "delta")
    start = frame[frame["probe"] == "first"]
    ends = start[start["layer"] == 1].merge(start[start["layer"] == start["layer"].max()], on=by)
    ends = ends.assign(decades=np.log10(ends["median_x"] / ends["median_y"])).sort_values("decades", kind="stable")
    layers, depth = int(start["layer"].max()), deepest
    steepest, most = ends["decades"].iloc[0], ends["decades"].iloc[-1]
    if steepest < -1:
        title = (
            f"Before training at depth {depth}, {names(design, ends, by, 0)} loses {-steepest:.1f} decades of gradient"
        )
        title += f" from layer {layers} to layer 1"
    elif most > 1:
        title = f"Before training at depth {depth}, {names(design, ends, by, -1)} gains {most:.1f} decades of gradient"
        title += f" from layer {layers} to layer 1"
    else:
        title = (
            f"Before training at depth {depth}, no combination changes the gradient more than tenfold over its layers"
        )
    of = f"{depth}, the deepest" if deepest == design.deepest else depth
    caption = (
        "Root mean square of delta (gradient with respect to the pre-activation) by hidden layer, 1 next to the "
        f"input, at depth {of}. Solid: before training; dashed: at the last probe. Median over {seeds_text(design)}, "
        "the lower one of an even number, so that one exact zero does not stand for all; band (start only): "
        f"{interval_text(analysis, of='medians')}; {tuning_text(analysis)}. Values below {FLOOR:g}, zero "
        f"among them, stand on the floor; values above {CEILING:g} or not finite on the ceiling."
        f"{never_probed(analysis, cells)}{held}"
        f"{left_out(design, 'init', columns)}{left_out(design, 'normalization', rows)}"
    )
    frame, some = thinned(design, frame, "activation", LINES, [ends["activation"].iloc[place] for place in (0, -1)])
    return View(name, title, caption + some, f"Line charts on a log axis. {title}.", "", rows, columns, frame)


def plot(view: View, design: Design) -> Figure:
    """Delta by layer on a log axis, start and end in one panel."""
    figure, axes = grid(view, 2.3, 2.0, sharex=True, sharey="row")
    style = styles(design, "activation")
    for axis, part in panels(view, design, axes, "normalization", "init"):
        dashed: dict[str, Any] = {"ls": (0, (3, 1.5)), "lw": 0.9, "ms": 0}
        look: dict[str, Any] = {"center": "median", "dashed": False, "logarithmic": True}
        look |= {"span": decades(part["median"])}
        lines(axis, part[part["probe"] == "last"], "layer", style, band=False, **look, **dashed)
        lines(axis, part[part["probe"] == "first"], "layer", style, **look)
        delta_by_layer(axis, part, 6, " or not finite")
    for axis in axes[:, 0]:
        two_decades(axis)
    describe(axes, "hidden layer", "delta norm (rms)")
    extra = [Line2D([], [], color=INK, label="before training"), Line2D([], [], color=INK, ls="--", label="last probe")]
    activation_key(figure, design, view.frame, style, extra)
    return figure
