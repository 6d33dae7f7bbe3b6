"""What the figures of gradient health show: delta over depth, and dead and saturated units by layer."""

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import label, shorten
from ablation.reporting.tables import interval_text, never_probed, seeds_text, tuning_text
from ablation.reporting.views import View, few, hold, left_out, names, present, with_interval, with_median

FLOOR, CEILING = 1e-30, 1e10
"""Delta norms beyond these, zero and what is not finite among them, are drawn on a marked edge."""
KINDS = ("dead", "saturated")
"""The two ways in which a unit stops learning, as the figure's rows show them."""


def delta_norm(analysis: Analysis) -> View:
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
    delta = frame["delta_norm"].to_numpy().astype(float)
    delta = np.clip(np.where(np.isfinite(delta), delta, CEILING), FLOOR, CEILING)
    frame = with_median(analysis, frame.assign(delta=delta), [*by, "probe", "layer"], "delta")
    start = frame[frame["probe"] == "first"]
    ends = start[start["layer"] == 1].merge(start[start["layer"] == start["layer"].max()], on=by)
    ends = ends.assign(decades=np.log10(ends["median_x"] / ends["median_y"])).sort_values("decades", kind="stable")
    layers, depth = int(start["layer"].max()), label(deepest)
    steepest, most = ends["decades"].iloc[0], ends["decades"].iloc[-1]
    if steepest < -1:
        title = f"Before training at depth {depth}, {names(ends, by, 0)} loses {-steepest:.1f} decades of gradient"
        title += f" from layer {layers} to layer 1"
    elif most > 1:
        title = f"Before training at depth {depth}, {names(ends, by, -1)} gains {most:.1f} decades of gradient"
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
        f"{interval_text(analysis, wilson=False, of='medians')}; {tuning_text(design)}. Values below {FLOOR:g}, zero "
        f"among them, stand on the floor; values above {CEILING:g} or not finite on the ceiling."
        f"{never_probed(analysis, cells)}{held}"
        f"{left_out(design, 'init', columns)}{left_out(design, 'normalization', rows)}"
    )
    return View(name, title, caption, f"Line charts on a log axis. {title}.", "", rows, columns, frame)


def dead_saturated(analysis: Analysis) -> View:
    """Dead and saturated fractions by layer at the last probe, for each activation: depth by normalization."""
    design, name = analysis.design, "dead_saturated"
    cells, held = hold(design, analysis.tuned, ("init", "activation", "normalization", "depth"))
    normalizations = few(present(cells, "normalization"), 2)
    columns = few(present(cells, "depth"), 3 if len(normalizations) > 1 else 6)
    cells = cells[cells["depth"].isin(columns) & cells["normalization"].isin(normalizations)]
    by = ["depth", "normalization", "activation"]
    probes = analysis.probes[analysis.probes["probe"] == "last"]
    frame = probes.merge(cells[[*by, "seed"]], left_on="row", right_index=True)
    parts = []
    for kind in KINDS:
        known = frame[np.isfinite(frame[f"{kind}_fraction"].to_numpy())]
        parts.append(with_interval(analysis, known, [*by, "layer"], f"{kind}_fraction").assign(kind=kind))
    table = pd.concat(parts, ignore_index=True)
    if table.empty:
        return View(name, "Dead and saturated units", why="No probe holds a finite fraction: there is nothing to draw.")
    means = table.groupby(["kind", "activation"], observed=True)["mean"].mean()
    bounded = analysis.manifest["activations"]
    dead, saturated = (means[means.index.get_level_values("kind") == kind].droplevel("kind") for kind in KINDS)
    saturated = saturated[[bool(bounded.get(str(level), {}).get("bounded")) for level in saturated.index]]
    title = "Hardly any unit is dead at the end"
    if len(dead) and dead.max() >= 0.005:
        title = f"Dead units are most common with {shorten(dead.idxmax())} ({dead.max():.0%} on average)"
    if len(saturated) and saturated.max() >= 0.005:
        title += f"; of bounded activations, {shorten(saturated.idxmax())} saturates most ({saturated.max():.0%})"
    caption = (
        "At the last probe. Dead: zero activation and zero gradient on the whole probe batch; saturated: derivative "
        "below 5% of its maximum, which a rectifier has on half of its samples by design. Mean over initializers and "
        f"{seeds_text(design)}; band: {interval_text(analysis, wilson=False)}; {tuning_text(design)}."
        f"{never_probed(analysis, cells)}{held}"
        f"{left_out(design, 'depth', columns)}{left_out(design, 'normalization', normalizations)}"
    )
    return View(name, title, caption, f"Line charts. {title}.", "", normalizations, columns, table)
