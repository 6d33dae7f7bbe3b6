"""How soon the target is reached: annotated heat maps of the median time, initializer by activation."""

from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design, digits, plural, reference
from ablation.reporting.figures.lettering import named
from ablation.reporting.figures.panels import grid, grow, key, panels
from ablation.reporting.figures.room import PLACES, fitting
from ablation.reporting.figures.theme import HEAT, PALE, enlarged
from ablation.reporting.figures.view import View, few, hold, left_out, present, thinned
from ablation.reporting.statistics.times import summarize
from ablation.reporting.wording.captions import UNTRAINED, seeds_text, tuning_text
from ablation.reporting.wording.phrases import names

TOPIC = "{Unit} to target, initializer by activation"


def show(analysis: Analysis) -> View:
    """Median time to target, initializer by activation, a panel per depth and normalization."""
    design, name = analysis.design, "time_to_target"
    heading = f"{design.unit.capitalize()} to {design.goal}"
    if design.untrained:
        return View(name, heading, why=UNTRAINED)
    if not (design.varies("init") or design.varies("activation")):
        return View(name, heading, why="The study has one initializer and one activation: there is nothing to lay out.")
    cells, held = hold(design, analysis.tuned, ("init", "activation", "depth", "normalization"))
    size = [min(PLACES, len(present(cells, factor))) for factor in ("init", "activation")]
    marks = size[0] * size[1]
    panels = 12 if marks <= 40 else 6 if marks <= 120 else 2 if marks <= 400 else 1
    rows = few(present(cells, "normalization"), 2 if panels < 12 else 4)
    rows = [reference(rows)] if panels == 1 else rows
    depths = present(cells, "depth")
    columns = few(depths, max(1, min(panels // len(rows), fitting(panel_size(*size)[0]))))
    columns = depths[-1:] if len(columns) == 1 else columns
    frame = summarize(cells, ["depth", "normalization", "init", "activation"], design, analysis.options)
    frame = frame[frame["normalization"].isin(rows) & frame["depth"].isin(columns)].reset_index(drop=True)
    within = design.length
    deepest = frame[frame["depth"] == columns[-1]].sort_values(["rmst", "mean_loss"], kind="stable")
    if deepest["reached"].sum() == 0:
        title = f"At depth {columns[-1]}, no combination reaches {design.goal} within {within}"
    else:
        median = deepest[f"median_{design.unit}"].iloc[0]
        after = design.time(median) if np.isfinite(median) else "some seeds only"
        sole = any(found.factor is None and found.depth == columns[-1] and found.alone for found in analysis.winners)
        verb = "is the fastest" if sole else "is among the fastest"
        best = names(design, deepest, ["init", "activation", *(["normalization"] if len(rows) > 1 else [])], 0)
        title = f"At depth {columns[-1]}, {best} {verb} to {design.goal}: {after}"
    tuned = " and ".join(factor for factor in ("init", "activation") if factor in design.nuisance)
    blank = f" Blank: another {tuned} is better." if tuned else ""
    caption = (
        f"Median over {seeds_text(design)} of the {design.unit} to {design.goal}; {tuning_text(analysis)}. Hatched: "
        f"not within {within} by more than half of the seeds; x: diverged in more than half.{blank}{held}"
        f"{left_out(design, 'depth', columns)}{left_out(design, 'normalization', rows)}"
    )
    best_of = {factor: [deepest[factor].iloc[0]] for factor in ("init", "activation")}
    for factor, keep in best_of.items():
        frame, some = thinned(design, frame, factor, PLACES, keep)
        caption += some
    late, marks_text = int((~np.isfinite(frame[f"median_{design.unit}"])).sum()), plural(len(frame), "combination")
    alt = f"Heat maps of {marks_text}, {late} of them never reaching the target in the median. {title}."
    return View(name, title, caption, alt, rows=rows, columns=columns, frame=frame)


def panel_size(inits: int, activations: int, rows: int = 1) -> tuple[float, float]:
    """Inches of a panel in which every combination has a place that its number fits into."""
    return max(1.7, 0.42 * activations), max(1.0, 1.9 / rows, 0.3 * inits)


def plot(view: View, design: Design) -> Figure:
    """Annotated heat maps on one color scale."""
    inits, activations = (
        [level for level in design.levels[factor] if (view.frame[factor] == level).any()]
        for factor in ("init", "activation")
    )
    beside, below = (
        [named(design, x, level) for level in levels] for x, levels in (("init", inits), ("activation", activations))
    )
    margin = 1.2 + 0.09 * max(map(len, (*beside, *below)))
    figure, axes = grid(
        view, *panel_size(len(inits), len(activations), len(view.rows)), margin, sharex=True, sharey=True
    )
    grow(figure, 0.055 * max(map(len, below)) - 0.55)  # their names stand aslant below
    norm, colors = Normalize(0, max(design.horizon, 1)), HEAT
    for axis, part in panels(view, design, axes, "normalization", "depth"):
        axis.grid(False)
        columns = ("init", "activation", f"median_{design.unit}", "diverged", "cells")
        for init, activation, median, diverged, cells in zip(*(part[name].tolist() for name in columns), strict=True):
            x, y = activations.index(activation), inits.index(init)
            late, gone = not np.isfinite(median), 2 * diverged > cells
            face, hatch = PALE if late else colors(norm(median)), "//" if late and not gone else None
            axis.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=face, edgecolor="0.7", lw=0.4, hatch=hatch))
            text = "x" if gone else f">{design.horizon:g}" if late else digits(median)
            look: dict[str, Any] = {"size": 8 * enlarged(), "color": "0.1" if late or norm(median) < 0.5 else "w"}
            look["bbox"] = {"facecolor": PALE, "edgecolor": "none", "pad": 0.6} if hatch else None
            axis.text(x, y, text, ha="center", va="center", weight="bold" if gone else "normal", **look)
        axis.set(xlim=(-0.5, len(activations) - 0.5), ylim=(len(inits) - 0.5, -0.5))
        axis.set_xticks(range(len(activations)), below, rotation=45, ha="right")
        axis.set_yticks(range(len(inits)), beside)
    scale = mpl.cm.ScalarMappable(norm, colors)
    figure.colorbar(scale, ax=axes, label=f"median {design.unit} to\n{design.goal}", aspect=25, fraction=0.04)
    handles = [Patch(facecolor=PALE, edgecolor="0.5", hatch="//"), Line2D([], [], ls="", marker="x", color="0.1")]
    key(figure, handles, [f">{design.horizon:g}: not within the horizon", "diverged"])
    return figure
