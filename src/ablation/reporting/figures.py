"""The six figures, drawn: one theme, one color and marker per level wherever it appears, reproducible to the byte.

What a figure shows and says is decided in ``views.py`` and ``health_views.py``; a view that cannot be drawn becomes a
sentence that says why, so every study has the same files.
"""

import io
import itertools
import textwrap
from collections.abc import Callable, Sequence
from typing import Any, cast

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator, NullFormatter, PercentFormatter

from ablation.reporting import convergence_views, health_views
from ablation.reporting.analysis import Analysis
from ablation.reporting.design import ACTIVATIONS, ORDINAL, Design
from ablation.reporting.views import View, apart, safe, words

THEME: dict[str, Any] = {
    **sns.axes_style("whitegrid"),
    **sns.plotting_context("paper", font_scale=1.1),
    "font.family": "DejaVu Sans",  # comes with matplotlib, so every machine draws the same letters
    "figure.dpi": 130,  # that of the PNG, or text would be measured at one size and drawn at another
    "axes.titlesize": 9,
    "axes.labelsize": 9,
    "figure.titlesize": 11,
    "legend.frameon": False,
    "text.parse_math": False,  # a dollar sign in a level's name is a dollar sign
    "svg.hashsalt": "ablation",
    "hatch.linewidth": 0.5,
}
PALETTE = sns.color_palette("colorblind", 10)
ACTIVATION_COLORS = [PALETTE[i] for i in (7, 0, 1, 2, 9, 4, 3, 5, 6, 8)]
"""The palette in an order in which the activations that are most often compared differ most."""
MARKERS = "osD^vP*Xph"
LARGEST = 1500
"""Pixels along the longer side of a figure at most; beyond that its resolution gives way."""
Styles = dict[str, dict[str, Any]]
INK, PALE = "0.25", "0.92"


def styles(design: Design, factor: str) -> Styles:
    """Color and marker of every level of a factor, by its label; an activation keeps its own from study to study."""
    levels = [str(level) for level in design.levels[factor]]
    known = ACTIVATIONS if factor == "activation" else []
    order = [*known, *(level for level in levels if level not in known)]
    palette = ACTIVATION_COLORS if known else PALETTE
    if factor in ORDINAL:
        palette = sns.color_palette("flare", len(levels))
    # Beyond the palette's end the colors come again, with other markers.
    places = {level: order.index(level) for level in levels}
    return {x: {"color": palette[i % len(palette)], "marker": MARKERS[(i + i // 10) % 10]} for x, i in places.items()}


def grid(view: View, width: float, height: float, margin: float = 1.3, **share: Any) -> tuple[Figure, Any]:
    """A figure with a panel of that size (inches) per row and column of the view, its title wrapped above."""
    figure = Figure(figsize=(max(5.5, margin + width * len(view.columns)), 1.5 + height * len(view.rows)))
    figure.set_layout_engine("constrained")
    title = textwrap.wrap(view.title, int(figure.get_figwidth() * 12.5))
    figure.suptitle("\n".join(title))
    grow(figure, 0.19 * (len(title) - 2))
    return figure, figure.subplots(len(view.rows), len(view.columns), squeeze=False, **share)


def grow(figure: Figure, inches: float) -> None:
    """Make the figure higher, so that what stands around its panels takes nothing of theirs."""
    figure.set_figheight(figure.get_figheight() + max(0.0, inches))


def panels(view: View, axes: Any, row: str, column: str) -> Sequence[tuple[Axes, pd.DataFrame]]:
    """Each panel with its part of the frame, titled by its levels of ``row`` and ``column``."""
    grid = list(itertools.product(view.rows, view.columns))
    titles = [(words(column, second, 18), words(row, first, 18)) for first, second in grid]
    room = axes[0, 0].get_position().width * axes[0, 0].figure.get_figwidth()
    joint = " · " if max(len(" · ".join(title)) for title in titles) * 0.08 < room else "\n"
    for axis, title in zip(axes.flat, titles, strict=True):
        axis.set_title(joint.join(title))
    grow(axes[0, 0].figure, 0.15 * len(view.rows) if joint == "\n" and len(view.rows) > 2 else 0)
    parts = [view.frame[(view.frame[row] == first) & (view.frame[column] == second)] for first, second in grid]
    for axis, part in zip(axes.flat, parts, strict=True):
        no_cells(axis, part)
    return list(zip(axes.flat, parts, strict=True))


def no_cells(axis: Axes, part: pd.DataFrame) -> None:
    """Say so in a panel that has nothing to show."""
    if part.empty:
        axis.text(0.5, 0.5, "no cells", ha="center", va="center", color=INK, transform=axis.transAxes)


def describe(axes: Any, x: str, y: str) -> None:
    """Name the axes once per column, below, and once per row, to the left."""
    for axis in axes[-1]:
        axis.set_xlabel(x)
    for axis in axes[:, 0]:
        axis.set_ylabel(y)


def shares(axis: Axes) -> None:
    """Percent upward, whole epochs or layers along."""
    axis.yaxis.set_major_formatter(PercentFormatter(1))
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))


def key(figure: Figure, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """One legend below all panels, in as many columns as fit; the figure grows with its rows."""
    longest = max(len(text) for text in labels)
    columns = max(1, min(len(labels), int(figure.get_figwidth() / (0.55 + 0.075 * longest))))
    grow(figure, 0.2 * (-(-len(labels) // columns) - 2))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns)


def time_to_target(view: View, design: Design) -> Figure:
    """Annotated heat maps on one color scale."""
    inits, activations = design.levels["init"], design.levels["activation"]
    margin = 1.2 + 0.09 * max(len(safe(level)) for level in (*inits, *activations))
    width, height = max(1.7, 0.42 * len(activations)), max(1.0, 1.9 / len(view.rows), 0.3 * len(inits))
    figure, axes = grid(view, width, height, margin, sharex=True, sharey=True)
    grow(figure, 0.055 * max(len(safe(level)) for level in activations) - 0.55)  # their names stand aslant below
    norm, colors = Normalize(0, max(design.horizon, 1)), sns.color_palette("viridis_r", as_cmap=True)
    for axis, part in panels(view, axes, "normalization", "depth"):
        axis.grid(False)
        columns = ("init", "activation", "median_epochs", "diverged", "cells")
        for init, activation, median, diverged, cells in zip(*(part[name].tolist() for name in columns), strict=True):
            x, y = activations.index(activation), inits.index(init)
            late, gone = not np.isfinite(median), 2 * diverged > cells
            face, hatch = PALE if late else colors(norm(median)), "//" if late and not gone else None
            axis.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, facecolor=face, edgecolor="0.7", lw=0.4, hatch=hatch))
            text = "x" if gone else f">{design.horizon:g}" if late else f"{median:.3g}"
            look: dict[str, Any] = {"size": 8, "color": "0.1" if late or norm(median) < 0.5 else "w"}
            look["bbox"] = {"facecolor": PALE, "edgecolor": "none", "pad": 0.6} if hatch else None
            axis.text(x, y, text, ha="center", va="center", weight="bold" if gone else "normal", **look)
        axis.set(xlim=(-0.5, len(activations) - 0.5), ylim=(len(inits) - 0.5, -0.5))
        axis.set_xticks(range(len(activations)), [safe(x) for x in activations], rotation=45, ha="right")
        axis.set_yticks(range(len(inits)), [safe(x) for x in inits])
    scale = mpl.cm.ScalarMappable(norm, colors)
    figure.colorbar(scale, ax=axes, label=f"median epochs to\n{design.goal}", aspect=25, fraction=0.04)
    handles = [Patch(facecolor=PALE, edgecolor="0.5", hatch="//"), Line2D([], [], ls="", marker="x", color="0.1")]
    key(figure, handles, [f">{design.horizon:g}: not within the horizon", "diverged"])
    return figure


def lines(
    axis: Axes, part: pd.DataFrame, x: str, style: Styles, band: bool = True, center: str = "mean", **more: Any
) -> None:
    """A line with its band for each activation in the panel's part of the frame."""
    for level, curve in part.groupby("activation", observed=True):
        own = style[str(level)]
        every = max(1, len(curve) // 6)
        look = {"lw": 1.3, "ms": 3.5, "markevery": every, "mec": "w", "mew": 0.3, **own, **more}
        axis.plot(curve[x], curve[center], **look)
        if band and curve["low"].notna().any():
            axis.fill_between(curve[x], curve["low"], curve["high"], color=own["color"], alpha=0.18, lw=0)


def activation_key(figure: Figure, design: Design, style: Styles, extra: Sequence[Any] = ()) -> None:
    """The legend of the activations, and of what else is to be told apart."""
    levels = design.levels["activation"]
    handles = [Line2D([], [], ms=4, **style[str(level)]) for level in levels]
    key(figure, [*handles, *extra], [*(safe(level) for level in levels), *(line.get_label() for line in extra)])


def learning_curves(view: View, design: Design) -> Figure:
    """Mean accuracy with its band, single runs pale behind."""
    figure, axes = grid(view, 2.3, 1.9, sharex=True, sharey=True)
    style = styles(design, "activation")
    for axis, part in panels(view, axes, "normalization", "depth"):
        if len(view.runs):
            panel = part[["normalization", "depth"]].drop_duplicates()
            runs = view.runs.merge(panel, on=["normalization", "depth"])
            for (level, _), run in runs.groupby(["activation", "seed"], observed=True):
                axis.plot(run["epoch"], run["val_accuracy"], color=style[str(level)]["color"], lw=0.5, alpha=0.3)
        lines(axis, part, "epoch", style)
        axis.set(ylim=(0, 1.02), xlim=(0, design.horizon))
        shares(axis)
    describe(axes, "epoch", "validation accuracy")
    activation_key(figure, design, style)
    return figure


def delta_norm(view: View, design: Design) -> Figure:
    """Delta by layer on a log axis, start and end in one panel."""
    figure, axes = grid(view, 2.3, 2.0, sharex=True, sharey=True)
    style = styles(design, "activation")
    for axis, part in panels(view, axes, "normalization", "init"):
        dashed: dict[str, Any] = {"ls": (0, (3, 1.5)), "lw": 0.9, "ms": 0}
        lines(axis, part[part["probe"] == "last"], "layer", style, band=False, center="median", **dashed)
        lines(axis, part[part["probe"] == "first"], "layer", style, center="median")
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter(lambda value, _: f"1e{np.log10(value):.0f}")
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
        low, high = (health_views.FLOOR, "0 or below 1e-30"), (health_views.CEILING, "above 1e10 or not finite")
        for side, (edge, text) in {"bottom": low, "top": high}.items():
            if np.isclose(np.log10(part["median"].to_numpy()), np.log10(edge), atol=0.05).any():
                axis.axhline(edge, color=INK, lw=0.8, ls=":")
                axis.annotate(text, (0.98, edge), xycoords=("axes fraction", "data"), size=7, ha="right", va=side)
    low_end, high_end = np.log10(axes[0, 0].get_ylim())
    if np.floor(high_end) - np.ceil(low_end) < 1:  # a log axis needs two decades to be read
        axes[0, 0].set_ylim(10 ** np.floor(low_end), 10 ** np.ceil(high_end))
    describe(axes, "hidden layer", "delta norm (rms)")
    extra = [Line2D([], [], color=INK, label="before training"), Line2D([], [], color=INK, ls="--", label="last probe")]
    activation_key(figure, design, style, extra)
    return figure


def dead_saturated(view: View, design: Design) -> Figure:
    """Two rows of panels, dead above saturated, for each normalization."""
    kinds = [(kind, level) for kind in ("dead", "saturated") for level in view.rows]
    figure, axes = grid(View(view.name, view.title, rows=range(len(kinds)), columns=view.columns), 2.6, 1.5)
    style = styles(design, "activation")
    for i, (kind, normalization) in enumerate(kinds):
        for axis, depth in zip(axes[i], view.columns, strict=True):
            chosen = (view.frame["kind"] == kind) & (view.frame["normalization"] == normalization)
            part = view.frame[chosen & (view.frame["depth"] == depth)]
            no_cells(axis, part)
            lines(axis, part, "layer", style)
            axis.set(xlim=(0.5, float(part["layer"].max() if len(part) else 1) + 0.5), ylim=(-0.03, 1.03))
            axis.set_title(f"{words('depth', depth)} · {words('normalization', normalization, 16)}")
            shares(axis)
        axes[i, 0].set_ylabel(f"{kind} units" if kind == "dead" else "saturated")
    for axis in axes[-1]:
        axis.set_xlabel("hidden layer")
    activation_key(figure, design, style)
    return figure


def batchnorm_vs_clipping(view: View, design: Design) -> Figure:
    """Success rate above restricted mean, clippings side by side, a color per normalization."""
    clippings, normalizations = design.levels["clipping"], design.levels["normalization"]
    success = ("success_rate", "success", "cells that succeed", (-0.03, 1.03))
    time = ("rmst", "rmst", "restricted mean (epochs)", (0, design.horizon * 1.04 or 1))
    width = max(2.0, 0.3 * len(clippings) + 0.1 * len(clippings) * len(normalizations))
    figure, axes = grid(View(view.name, view.title, rows=range(2), columns=view.columns), width, 1.9, sharex=True)
    style = styles(design, "normalization")
    step = 0.6 / max(1, len(normalizations))
    for row, (column, interval, text, limits) in zip(axes, (success, time), strict=True):
        for axis, depth in zip(row, view.columns, strict=True):
            axis.tick_params(labelleft=axis is row[0])
            for place, level in enumerate(normalizations):
                part = view.frame[(view.frame["depth"] == depth) & (view.frame["normalization"] == level)]
                x = part["clipping"].cat.codes.to_numpy() + step * (place - (len(normalizations) - 1) / 2)
                value = part[column].to_numpy()
                low, high = part[f"{interval}_low"].to_numpy(), part[f"{interval}_high"].to_numpy()
                # An interval that rounding puts a hair beside its own mean has no length there.
                length = np.clip([value - low, high - value], 0, None)
                axis.errorbar(x, value, length, ls="", lw=1.2, capsize=2, ms=5, **style[str(level)])
            title = words("depth", depth) if column == "success_rate" else ""
            axis.set(ylim=limits, xlim=(-0.6, len(clippings) - 0.4), title=title)
            axis.set_xticks(range(len(clippings)), [safe(x) for x in clippings], rotation=30, ha="right")
            axis.grid(False, axis="x")
            axis.yaxis.set_major_formatter(PercentFormatter(1) if column == "success_rate" else "{x:g}")
        row[0].set_ylabel(text)
    figure.align_ylabels(axes[:, 0])
    handles = [Line2D([], [], ls="", **style[str(level)]) for level in normalizations]
    key(figure, handles, [words("normalization", level) for level in normalizations])
    return figure


def success_curves(view: View, design: Design) -> Figure:
    """Step curves, each labelled at its end; labels are moved apart where curves end together."""
    most = max(len(design.levels[str(factor)]) for factor in view.columns)
    across = min(3, len(view.columns))
    shape = View(view.name, view.title, rows=range(-(-len(view.columns) // across)), columns=range(across))
    height = max(1.9, 0.15 * most)
    longest = max(len(safe(level, 16)) for factor in view.columns for level in design.levels[str(factor)])
    figure, axes = grid(shape, 2.2 + 0.08 * longest, height, margin=0.8, sharey=True)
    for axis in axes.flat[len(view.columns) :]:
        axis.set_axis_off()
    end = 1.04 * max(design.horizon, 1)
    for axis, factor in zip(axes.flat, view.columns, strict=False):
        style, part = styles(design, str(factor)), view.frame[view.frame["factor"] == factor]
        ends = []
        for place, curve in part.groupby("order"):
            level = design.levels[str(factor)][int(str(place))]
            color = style[str(level)]["color"]
            # One more point, or what is reached at the horizon would have no width.
            curve = pd.concat([curve, curve.tail(1).assign(epoch=end)])
            axis.step(curve["epoch"], curve["mean"], where="post", color=color, lw=1.4)
            if curve["low"].notna().any():
                band = (curve["epoch"], curve["low"], curve["high"])
                axis.fill_between(*band, step="post", color=color, alpha=0.1, lw=0)
            ends.append((float(curve["mean"].iloc[-1]), level, color))
        spots = apart([last for last, _, _ in ends], 0.115 / (height - 0.4))
        beside = axis.get_yaxis_transform()
        for (_, level, color), spot in zip(ends, spots, strict=True):
            axis.text(1.02, spot, safe(level, 16), size=7.5, color=color, va="center", transform=beside)
        axis.set(title=str(factor), xlabel="epoch", ylim=(0, 1.03), xlim=(0, end))
        shares(axis)
    for axis in axes[:, 0]:
        axis.set_ylabel("cells at the target")
    return figure


def sentence(view: View, _: Design) -> Figure:
    """What stands where a figure cannot be drawn."""
    figure = Figure(figsize=(6.5, 1.6))
    figure.text(0.5, 0.72, view.title, ha="center", va="center", size=11, wrap=True)
    figure.text(0.5, 0.36, "\n".join(textwrap.wrap(view.why, 80)), ha="center", va="center", size=9, color=INK)
    return figure


FIGURES: tuple[tuple[Callable[[Analysis], View], Callable[[View, Design], Figure]], ...] = (
    (convergence_views.time_to_target, time_to_target),
    (convergence_views.success_curves, success_curves),
    (convergence_views.batchnorm_vs_clipping, batchnorm_vs_clipping),
    (convergence_views.learning_curves, learning_curves),
    (health_views.delta_norm, delta_norm),
    (health_views.dead_saturated, dead_saturated),
)
"""Every figure of the report, in the order of the page: what it shows, and how that is drawn."""


def draw(view: View, plot: Callable[[View, Design], Figure], design: Design) -> tuple[bytes, bytes]:
    """The figure as PNG and as SVG."""
    with mpl.rc_context(cast(Any, THEME)):
        figure = sentence(view, design) if view.why else plot(view, design)
        figure.set_dpi(min(figure.get_dpi(), LARGEST / max(figure.get_size_inches())))
        figure.draw_without_rendering()
        figure.draw_without_rendering()  # long labels need a second pass to find their room
        figure.set_layout_engine("none")  # panels stay where that drawing put them
        png, svg = io.BytesIO(), io.BytesIO()
        pillow = {"compress_level": 9}
        figure.savefig(png, format="png", dpi=figure.get_dpi(), metadata={"Software": None}, pil_kwargs=pillow)
        figure.savefig(svg, format="svg", metadata={"Date": None, "Creator": None, "Title": view.title})
    return png.getvalue(), svg.getvalue()
