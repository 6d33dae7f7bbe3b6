"""Units that stopped learning: dead, saturated and blocked fractions by layer at the last probe."""

import itertools

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design
from ablation.reporting.figures.lettering import worded
from ablation.reporting.figures.panels import activation_key, entitle, grid, lines, no_cells, shares
from ablation.reporting.figures.room import LINES, PANELS, fitting
from ablation.reporting.figures.theme import styles
from ablation.reporting.figures.view import View, few, hold, left_out, present, thinned, with_interval
from ablation.reporting.wording.captions import interval_text, never_probed, seeds_text, tuning_text

TOPIC = "Dead, saturated and blocked units"
KINDS = {"dead": "dead units", "saturated": "saturated", "blocked": "blocked"}
"""The ways in which a unit stops learning, and what stands along their axis. A bounded activation saturates; what a
rectifier does on the samples that it passes nothing of is called blocked."""
COLUMN = {"dead": "dead_fraction", "saturated": "saturated_fraction", "blocked": "saturated_fraction"}
"""Where they stand in ``layers.parquet``."""
WIDTH = 2.6
"""Inches of a panel."""


def show(analysis: Analysis) -> View:
    """Each kind by layer at the last probe, for each activation: a column per depth and normalization."""
    design, name = analysis.design, "dead_saturated"
    cells, held = hold(design, analysis.tuned, ("init", "activation", "normalization", "depth"))
    bounded = {level: level in analysis.bounded for level in present(cells, "activation")}
    kinds = ["dead", *["saturated"] * any(bounded.values()), *["blocked"] * (not all(bounded.values()))]
    normalizations = few(present(cells, "normalization"), 2)
    across = fitting(WIDTH, PANELS // len(kinds))
    columns = few(present(cells, "depth"), max(1, across // len(normalizations)))
    cells = cells[cells["depth"].isin(columns) & cells["normalization"].isin(normalizations)]
    by = ["depth", "normalization", "activation"]
    probes = analysis.probes[analysis.probes["probe"] == "last"]
    frame = probes.merge(cells[[*by, "seed"]], left_on="row", right_index=True)
    is_bounded = frame["activation"].isin([level for level, has in bounded.items() if has])
    of_kind = {"dead": np.full(len(frame), True), "saturated": is_bounded, "blocked": ~is_bounded}
    parts = []
    for kind in kinds:
        known = frame[np.isfinite(frame[COLUMN[kind]].to_numpy()) & of_kind[kind]]
        parts.append(with_interval(analysis, known, [*by, "layer"], COLUMN[kind]).assign(kind=kind))
    table = pd.concat(parts, ignore_index=True)
    if table.empty:
        return View(name, "Dead and saturated units", why="No probe holds a finite fraction: there is nothing to draw.")
    means = table.groupby(["kind", "activation"], observed=True)["mean"].mean()
    of = {kind: means[means.index.get_level_values("kind") == kind].droplevel("kind") for kind in KINDS}
    dead, saturated = of["dead"], of["saturated"]
    title = "Hardly any unit is dead at the end"
    if len(dead) and dead.max() >= 0.005:
        most = design.short("activation", str(dead.idxmax()))
        title = f"Dead units are most common with {most} ({dead.max():.0%} on average)"
        if len(dead) == 1:
            title = f"With {most}, {dead.max():.0%} of the units are dead at the end"
    if len(saturated) and saturated.max() >= 0.005:
        most = design.short("activation", str(saturated.idxmax()))
        title += f"; of bounded activations, {most} saturates most ({saturated.max():.0%})"
    caption = (
        "At the last probe. Dead: zero activation and zero gradient on the whole probe batch. Derivative below 5% of "
        "its maximum: saturated, of a bounded activation; blocked, of any other, as a rectifier is on half of its "
        f"samples by design. Mean over initializers and {seeds_text(design)}; band: {interval_text(analysis)}; "
        f"{tuning_text(analysis)}."
        f"{never_probed(analysis, cells)}{held}"
        f"{left_out(design, 'depth', columns)}{left_out(design, 'normalization', normalizations)}"
    )
    told = [str(part.idxmax()) for part in (dead, saturated) if len(part)]
    table, some = thinned(design, table, "activation", LINES, told)
    found = set(zip(table["depth"], table["normalization"], strict=True))
    pairs = [pair for pair in itertools.product(columns, normalizations) if pair in found]
    table["panel"] = [pairs.index(pair) for pair in zip(table["depth"], table["normalization"], strict=True)]
    return View(name, title, caption + some, f"Line charts. {title}.", "", kinds, range(len(pairs)), table)


def plot(view: View, design: Design) -> Figure:
    """A row a kind, a column a depth and normalization."""
    figure, axes = grid(view, WIDTH, 1.5, sharex="col", sharey=True)
    style, pairs = styles(design, "activation"), view.frame.drop_duplicates("panel").set_index("panel")
    depths, normalizations = (
        [worded(design, factor, pairs[factor][panel], 16) for panel in view.columns]
        for factor in ("depth", "normalization")
    )
    entitle(axes[:1], list(zip(depths, normalizations, strict=True)), WIDTH)
    for row, kind in zip(axes, view.rows, strict=True):
        for axis, panel in zip(row, view.columns, strict=True):
            part = view.frame[(view.frame["kind"] == kind) & (view.frame["panel"] == panel)]
            no_cells(axis, part)
            lines(axis, part, "layer", style)
            axis.set(xlim=(0.5, float(part["layer"].max() if len(part) else 1) + 0.5), ylim=(-0.03, 1.03))
            shares(axis)
        row[0].set_ylabel(KINDS[str(kind)])
    for axis in axes[-1]:
        axis.set_xlabel("hidden layer")
    activation_key(figure, design, view.frame, style)
    return figure
