"""Which combinations can train at which depth: how many seeds succeed, and what became of those that did not."""

from typing import Any

import matplotlib as mpl
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from ablation.records.fates import CLASSES
from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design, plural, reference
from ablation.reporting.figures.lettering import named
from ablation.reporting.figures.panels import grid, panels
from ablation.reporting.figures.room import PANELS, fitting
from ablation.reporting.figures.theme import PALE, enlarged
from ablation.reporting.figures.view import View, few, hold, left_out, present
from ablation.reporting.wording.captions import UNTRAINED, seeds_text, tuning_text
from ablation.reporting.wording.phrases import words

TOPIC = "Which combinations train at which depth"
MARKS = 200
"""Most marks in all panels."""
COLORS = mpl.colormaps["Blues"]
SHORT = {"saturated": "satur.", "vanished": "vanish.", "diverged": "div."}
"""Failure classes that are too long for their place."""


def show(analysis: Analysis) -> View:
    """Seeds that reach the target by initializer and depth, a panel per activation and normalization."""
    design, name = analysis.design, "trainable"
    heading = "Which combinations train at which depth"
    if design.untrained:
        return View(name, heading, why=UNTRAINED)
    shown = ("init", "activation", "normalization", "depth")
    cells, held = hold(design, analysis.tuned, shown)
    columns = few(present(cells, "depth"), 8)
    inits = few(present(cells, "init"), 24)
    panel = max(1, min(PANELS, MARKS * 2 // (len(columns) * len(inits))))
    rows = few(present(cells, "normalization"), min(3, panel))
    rows = rows if panel > 1 else [reference(rows)]
    activations = few(
        present(cells, "activation"), max(1, min(6, panel // len(rows), fitting(panel_width(len(columns)))))
    )
    chosen = cells["depth"].isin(columns) & cells["init"].isin(inits)
    cells = cells[chosen & cells["normalization"].isin(rows) & cells["activation"].isin(activations)]
    by = ["normalization", "activation", "init", "depth"]
    frame = cells.groupby(by, observed=True)["reached"].agg(reached="sum", cells="size").reset_index()
    failed = cells[~cells["reached"]].groupby([*by, "failure"], observed=True).size().reset_index(name="n")
    # The commonest failure; of several, the worst.
    worst = failed.sort_values(["n", "failure"], ascending=[False, False]).drop_duplicates(by)
    frame = frame.merge(worst[[*by, "failure"]], on=by, how="left")
    frame["failure"] = frame["failure"].astype(object)
    deep = frame[frame["depth"] == columns[-1]]
    texts = []
    for level, part in deep.groupby("normalization", observed=True):
        trains = int((2 * part["reached"] > part["cells"]).sum())
        texts.append(
            f"{trains} of {plural(len(part), 'combination')} with {words(design, 'normalization', str(level))}"
        )
    title = f"At depth {columns[-1]}, most seeds reach the target in {', '.join(texts)}"
    caption = (
        f"Of {seeds_text(design)}, how many reach {design.goal} within {design.length}; "
        f"{tuning_text(analysis)}. Where none does: what became of most ({', '.join(CLASSES[1:])}; the worst of a tie)."
        f"{held}{left_out(design, 'depth', columns)}{left_out(design, 'init', inits)}"
        f"{left_out(design, 'activation', activations)}{left_out(design, 'normalization', rows)}"
    )
    none = int((frame["reached"] == 0).sum())
    alt = f"Maps of {plural(len(frame), 'combination')}, {none} of which no seed trains. {title}."
    return View(name, title, caption, alt, "", rows, activations, frame)


def panel_width(depths: int) -> float:
    """Inches of a panel in which every depth has a place that a word fits into."""
    return max(1.45, 0.5 * depths)


def plot(view: View, design: Design) -> Figure:
    """Annotated maps on one color scale, initializers down and depths along."""
    inits = [level for level in design.levels["init"] if (view.frame["init"] == level).any()]
    depths = [level for level in design.levels["depth"] if (view.frame["depth"] == level).any()]
    beside = [named(design, "init", level) for level in inits]
    margin = 1.0 + 0.08 * max(map(len, beside))
    width, height = panel_width(len(depths)), 0.55 + max(0.6, 0.22 * len(inits))
    figure, axes = grid(view, width, height, margin, sharex=True, sharey=True)
    norm = Normalize(0, 1)
    for axis, part in panels(view, design, axes, "normalization", "activation"):
        axis.grid(False)
        columns = ("depth", "init", "reached", "cells", "failure")
        for depth, init, reached, seeds, failure in zip(*(part[name].tolist() for name in columns), strict=True):
            x, y, share = depths.index(depth), inits.index(init), reached / seeds
            face = COLORS(0.15 + 0.7 * norm(share)) if reached else PALE
            axis.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=face, edgecolor="w", lw=0.8))
            text = f"{reached}/{seeds}" if reached else SHORT.get(failure, failure)
            look: dict[str, Any] = {"size": 7.5 * enlarged(), "color": "w" if share > 0.6 else "0.1"}
            axis.text(x, y, text, ha="center", va="center", **look)
        axis.set(xlim=(-0.5, len(depths) - 0.5), ylim=(len(inits) - 0.5, -0.5))
        axis.set_xticks(range(len(depths)), list(map(str, depths)))
        axis.set_yticks(range(len(inits)), beside)
    for axis in axes[-1]:
        axis.set_xlabel("hidden layers")
    return figure
