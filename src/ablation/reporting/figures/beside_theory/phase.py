"""The phase diagram: depth against the initial sigma_w, what trains there, and six depth scales drawn over it."""

from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patheffects import withStroke
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from ablation.records.columns import NETWORK
from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design, plural
from ablation.reporting.figures.lettering import worded
from ablation.reporting.figures.panels import describe, grid, key, panels
from ablation.reporting.figures.theme import INK
from ablation.reporting.figures.view import View, few, hold, left_out, present
from ablation.reporting.statistics.intervals import Floats
from ablation.reporting.theory.maps import is_perceptron
from ablation.reporting.theory.mean_field import TRAINED, Activation, settled_factor, trained_depth
from ablation.reporting.wording.captions import UNTRAINED, seeds_text, tuning_text
from ablation.reporting.wording.phrases import words

TOPIC = "Phase diagram: depth against the scale of the weights"
FEWEST = 5
"""Values of sigma_w that make a grid."""
LINE = 160
"""Points of the predicted line."""
COLORS = mpl.colormaps["viridis"]
STROKE = [withStroke(linewidth=3, foreground="w")]


def show(analysis: Analysis) -> View:
    """Best score by sigma_w and depth, a panel an activation, without normalization."""
    design, name = analysis.design, "phase"
    heading = "Depth against the scale of the initial weights"
    if design.untrained:
        return View(name, heading, why=UNTRAINED)
    if "none" not in design.levels["normalization"]:
        return View(name, heading, why="Every network of the study is normalized, which undoes the scale of weights.")
    cells, held = hold(design, analysis.tuned, ("init", "activation", "depth"))
    cells = cells[cells["normalization"] == "none"]
    described = [model for model in design.levels["model"] if is_perceptron(analysis.manifest, str(model))]
    cells = cells[cells["model"].isin(described)]
    cells = cells.merge(scales(analysis), on=list(NETWORK), how="left")
    cells["activation"] = pd.Categorical(cells["activation"], list(design.levels["activation"]), ordered=True)
    grids = cells.groupby("activation", observed=True)["sigma_w"].nunique()
    depths = cells.groupby("activation", observed=True)["depth"].nunique()
    activations = [level for level in present(cells, "activation") if grids[level] >= FEWEST and depths[level] > 1]
    if not activations:
        most = plural(int(grids.max()) if len(grids) else 0, "value")
        deep = plural(int(depths.max()) if len(depths) else 0, "depth")
        why = f"A phase diagram needs {FEWEST} values of sigma_w at 2 depths; the study has {most} at {deep}."
        return View(name, heading, why=f"{why} The preset study=phase has such a grid.")
    columns = few(activations, 4)
    cells = cells[cells["activation"].isin(columns)]
    by = ["activation", "sigma_w", "depth"]
    grouped = cells.groupby(by, observed=True)
    frame = grouped[["accuracy", "reached", "diverged"]].mean().reset_index().assign(kind="cells")
    parts = [frame]
    for level in columns:
        own = cells[cells["activation"] == level]
        sigma_w = np.linspace(own["sigma_w"].min(), own["sigma_w"].max(), LINE)
        sigma_b2 = float(own["sigma_b2"].median())
        limit = depth_limit(analysis.activations[str(level)], sigma_w, sigma_b2)
        parts.append(pd.DataFrame({"activation": level, "sigma_w": sigma_w, "depth": limit, "kind": "limit"}))
    whole = pd.concat(parts, ignore_index=True)
    title = finding(analysis, cells, columns)
    caption = (
        f"Best {design.score.validation}, mean over {seeds_text(design)}, {tuning_text(analysis)}; x: more than half "
        "diverged. "
        f"Line: {TRAINED} depth scales, 1 / abs(ln chi) at the length where the map settles: below it a signal passes "
        "the network (Schoenholz et al. 2017), to the left of its peak the gradient vanishes, to the right it "
        "explodes. sigma_w is the root of the fan-in times the variance of a weight, in hidden layers."
        f"{held}{left_out(design, 'activation', columns)}"
    )
    alt = f"Heat maps of {plural(len(frame), 'combination')} of sigma_w and depth with a line. {title}."
    return View(name, title, caption, alt, columns=columns, frame=whole.assign(normalization="none"), rows=("none",))


def scales(analysis: Analysis) -> pd.DataFrame:
    """``sigma_w`` and ``sigma_b2`` of each network's hidden layers behind the first, or of that where it is alone."""
    layers = analysis.initializers
    inner = layers[(layers["layer"] <= layers["depth"]) & ((layers["layer"] > 1) | (layers["depth"] == 1))]
    table = inner.groupby(list(NETWORK))[["sigma_w2", "sigma_b2"]].median().reset_index()
    return table.assign(sigma_w=np.sqrt(table["sigma_w2"]).round(6)).drop(columns="sigma_w2")


def depth_limit(phi: Activation, sigma_w: Floats, sigma_b2: float) -> Floats:
    """Six depth scales at each sigma_w; infinite where critical."""
    return np.array([trained_depth(settled_factor(phi, s * s, sigma_b2)) for s in sigma_w])


def finding(analysis: Analysis, cells: pd.DataFrame, columns: Any) -> str:
    """What share of the networks below and above the line reach the target, for each activation."""
    texts = []
    for level in columns:
        own = cells[cells["activation"] == level]
        points = own[["sigma_w", "sigma_b2"]].drop_duplicates().to_numpy()
        limits = {s: float(depth_limit(analysis.activations[str(level)], np.array([s]), b)[0]) for s, b in points}
        below = own["depth"].astype(int).to_numpy() <= own["sigma_w"].map(limits).to_numpy()
        shares = [f"{own.loc[side, 'reached'].mean():.0%}" if side.any() else "none" for side in (below, ~below)]
        texts.append(f"{words(analysis.design, 'activation', level)} {shares[0]} below the line, {shares[1]} above")
    return f"Networks that reach {analysis.design.goal}: {'; '.join(texts)}"


def edges(centers: Floats) -> Floats:
    """The borders of cells around these centers, half way between them."""
    middle = (centers[1:] + centers[:-1]) / 2
    return np.concatenate([[2 * centers[0] - middle[0]], middle, [2 * centers[-1] - middle[-1]]])


def plot(view: View, design: Design) -> Figure:
    """Heat maps over true axes, the line over them."""
    figure, axes = grid(view, 3.0, 2.7, sharey=True)
    # Of R squared, what is below zero is as dark as that: no better than guessing.
    norm = Normalize(0, 1, clip=True)
    for axis, part in panels(view, design, axes, "normalization", "activation"):
        cells = part[part["kind"] == "cells"]
        table = cells.pivot_table("accuracy", "depth", "sigma_w", observed=True)
        x, depth = table.columns.to_numpy(float), table.index.to_numpy(float)
        y = 2 ** edges(np.log2(depth))
        axis.pcolormesh(edges(x), y, table.to_numpy(), norm=norm, cmap=COLORS, edgecolors="w", linewidth=0.3)
        gone = cells[cells["diverged"] > 0.5]
        axis.plot(gone["sigma_w"], gone["depth"].astype(float), ls="", marker="x", ms=4, color="w")
        limit = part[part["kind"] == "limit"]
        height = np.minimum(limit["depth"].to_numpy(float), 4 * y[-1])
        axis.plot(limit["sigma_w"], height, color=INK, lw=1.6, path_effects=STROKE)
        axis.set_yscale("log", base=2)
        axis.set(xlim=(edges(x)[0], edges(x)[-1]), ylim=(y[0], y[-1]))
        axis.yaxis.set_major_locator(FixedLocator([float(level) for level in few(depth.tolist(), 8)]))
        axis.yaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:.0f}")
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.set_title(worded(design, "activation", part["activation"].iloc[0]))
        axis.grid(False)
    describe(axes, "sigma_w at initialization", "hidden layers")
    scale = mpl.cm.ScalarMappable(norm, COLORS)
    figure.colorbar(scale, ax=axes, label=f"best {design.score.validation}", aspect=25, fraction=0.04)
    line = Line2D([], [], color=INK, lw=1.6)
    cross = Line2D([], [], ls="", marker="x", ms=5, color=INK)
    lost = (view.frame["diverged"] > 0.5).any()
    key(figure, [line, cross][: 1 + lost], [f"{TRAINED} depth scales, predicted", "diverged"][: 1 + lost])
    return figure
