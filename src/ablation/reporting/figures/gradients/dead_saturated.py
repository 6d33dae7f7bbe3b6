"""Units that stopped learning: dead and saturated fractions by layer at the last probe."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design
from ablation.reporting.figures.lettering import worded
from ablation.reporting.figures.panels import activation_key, entitle, grid, lines, no_cells, shares
from ablation.reporting.figures.room import LINES, fitting
from ablation.reporting.figures.theme import styles
from ablation.reporting.figures.view import View, few, hold, left_out, present, thinned, with_interval
from ablation.reporting.wording.captions import interval_text, never_probed, seeds_text, tuning_text

TOPIC = "Dead and saturated units"
KINDS = ("dead", "saturated")
"""The two ways in which a unit stops learning, as the figure's rows show them."""


def show(analysis: Analysis) -> View:
    """Dead and saturated fractions by layer at the last probe, for each activation: depth by normalization."""
    design, name = analysis.design, "dead_saturated"
    cells, held = hold(design, analysis.tuned, ("init", "activation", "normalization", "depth"))
    normalizations = few(present(cells, "normalization"), 2)
    columns = few(present(cells, "depth"), 3 if len(normalizations) > 1 else fitting(2.6, 6))
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
    dead, saturated = (means[means.index.get_level_values("kind") == kind].droplevel("kind") for kind in KINDS)
    saturated = saturated[saturated.index.isin(analysis.bounded)]
    title = "Hardly any unit is dead at the end"
    if len(dead) and dead.max() >= 0.005:
        most = design.short("activation", str(dead.idxmax()))
        title = f"Dead units are most common with {most} ({dead.max():.0%} on average)"
    if len(saturated) and saturated.max() >= 0.005:
        most = design.short("activation", str(saturated.idxmax()))
        title += f"; of bounded activations, {most} saturates most ({saturated.max():.0%})"
    caption = (
        "At the last probe. Dead: zero activation and zero gradient on the whole probe batch; saturated: derivative "
        "below 5% of its maximum, which a rectifier has on half of its samples by design. Mean over initializers and "
        f"{seeds_text(design)}; band: {interval_text(analysis)}; {tuning_text(analysis)}."
        f"{never_probed(analysis, cells)}{held}"
        f"{left_out(design, 'depth', columns)}{left_out(design, 'normalization', normalizations)}"
    )
    told = [str(part.idxmax()) for part in (dead, saturated) if len(part)]
    table, some = thinned(design, table, "activation", LINES, told)
    return View(name, title, caption + some, f"Line charts. {title}.", "", normalizations, columns, table)


def plot(view: View, design: Design) -> Figure:
    """Two rows of panels, dead above saturated, for each normalization."""
    kinds = [(kind, level) for kind in ("dead", "saturated") for level in view.rows]
    figure, axes = grid(View(view.name, view.title, rows=range(len(kinds)), columns=view.columns), 2.6, 1.5)
    style = styles(design, "activation")
    rows = [worded(design, "normalization", level, 16) for _, level in kinds]
    entitle(axes, [(worded(design, "depth", depth), row) for row in rows for depth in view.columns], 2.6)
    for i, (kind, normalization) in enumerate(kinds):
        for axis, depth in zip(axes[i], view.columns, strict=True):
            chosen = (view.frame["kind"] == kind) & (view.frame["normalization"] == normalization)
            part = view.frame[chosen & (view.frame["depth"] == depth)]
            no_cells(axis, part)
            lines(axis, part, "layer", style)
            axis.set(xlim=(0.5, float(part["layer"].max() if len(part) else 1) + 0.5), ylim=(-0.03, 1.03))
            shares(axis)
        axes[i, 0].set_ylabel(f"{kind} units" if kind == "dead" else "saturated")
    for axis in axes[-1]:
        axis.set_xlabel("hidden layer")
    activation_key(figure, design, view.frame, style)
    return figure
