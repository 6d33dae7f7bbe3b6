"""What figures are put together from: a grid of panels with its title, lines with bands, one legend below."""

import itertools
import textwrap
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ablation.reporting.design import Design
from ablation.reporting.figures.lettering import legible, named, worded
from ablation.reporting.figures.room import FLAT, inches
from ablation.reporting.figures.theme import INK, Styles, enlarged
from ablation.reporting.figures.view import View
from ablation.reporting.naming import Label


def grid(view: View, width: float, height: float, margin: float = 1.3, **share: Any) -> tuple[Figure, Any]:
    """A figure with a panel of that size (inches) per row and column of the view, its title wrapped above."""
    times = enlarged()
    # Larger letters ask for room, if for less than would keep them as small in what is around them.
    width, height, margin = width * times**0.5, height * times**0.5, margin * times
    across = max(5.5, margin + width * len(view.columns))
    figure = Figure(figsize=(across, max(1.5 * times + height * len(view.rows), 1.02 * across / FLAT)))
    figure.set_layout_engine("constrained")
    title = textwrap.wrap(legible(view.title), int(figure.get_figwidth() * 12.5 / times))
    figure.suptitle("\n".join(title))
    grow(figure, 0.19 * (len(title) - 2))
    return figure, figure.subplots(len(view.rows), len(view.columns), squeeze=False, **share)


def grow(figure: Figure, inches: float) -> None:
    """Make the figure higher, so that what stands around its panels takes nothing of theirs; by inches on paper."""
    figure.set_figheight(figure.get_figheight() + max(0.0, inches * enlarged()))


def panels(view: View, design: Design, axes: Any, row: str, column: str) -> Sequence[tuple[Axes, pd.DataFrame]]:
    """Each panel with its part of the frame, titled by its levels of ``row`` and ``column``."""
    grid = list(itertools.product(view.rows, view.columns))
    entitle(axes, [(worded(design, column, second, 18), worded(design, row, first, 18)) for first, second in grid])
    parts = [view.frame[(view.frame[row] == first) & (view.frame[column] == second)] for first, second in grid]
    for axis, part in zip(axes.flat, parts, strict=True):
        no_cells(axis, part)
    return list(zip(axes.flat, parts, strict=True))


def entitle(axes: Any, titles: Sequence[tuple[str, str]], width: float | None = None) -> None:
    """Title every panel of this width in two parts, side by side or one below the other, none wider than its panel."""
    figure, room = axes[0, 0].figure, width or inches(axes[0, 0])[0]
    room /= enlarged()
    if max(len(" · ".join(title)) for title in titles) * 0.08 < room:
        texts = [" · ".join(title) for title in titles]
    else:
        most = max(19, int(room / 0.075))  # characters, of which this many fit in any panel
        texts = ["\n".join(textwrap.fill(part, most) for part in title) for title in titles]
    for axis, text in zip(axes.flat, texts, strict=True):
        axis.set_title(text)
    lines = 1 + max(text.count("\n") for text in texts)
    grow(figure, 0.15 * len(axes) * (lines - (2 if len(axes) <= 2 else 1)))


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
    """Percent upward, whole epochs, steps or layers along."""
    axis.yaxis.set_major_formatter(PercentFormatter(1))
    axis.xaxis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))


def key(figure: Figure, handles: Sequence[Any], labels: Sequence[str]) -> None:
    """One legend below all panels, in as many columns as fit; the figure grows with its rows."""
    longest = max(len(text) for text in labels)
    columns = max(1, min(len(labels), int(figure.get_figwidth() / enlarged() / (0.55 + 0.075 * longest))))
    legend = figure.legend(handles, labels, loc="outside lower center", ncols=columns)
    while columns > 1 and legend.get_window_extent().width > figure.bbox.width:
        legend.remove()
        columns -= 1
        legend = figure.legend(handles, labels, loc="outside lower center", ncols=columns)
    grow(figure, 0.2 * (-(-len(labels) // columns) - 2))


def lines(
    axis: Axes,
    part: pd.DataFrame,
    x: str,
    style: Styles,
    band: bool = True,
    center: str = "mean",
    by: str = "activation",
    **more: Any,
) -> None:
    """A line with its band for each activation, or level of another factor, in the panel's part of the frame."""
    for level, curve in part.groupby(by, observed=True):
        own = style[str(level)]
        every = max(1, len(curve) // 6)
        look = {"lw": 1.3, "ms": 3.5, "markevery": every, "mec": "w", "mew": 0.3, **own, **more}
        axis.plot(curve[x], curve[center], **look)
        if band and curve["low"].notna().any():
            axis.fill_between(curve[x], curve["low"], curve["high"], color=own["color"], alpha=0.18, lw=0)


def dots(
    axis: Axes,
    part: pd.DataFrame,
    x: str,
    by: str,
    style: Styles,
    names: Sequence[str],
    hollow: bool = False,
    slant: bool = True,
) -> None:
    """A mark with its interval at each level of ``x``, those of the levels of ``by`` side by side.

    ``part`` has ``mean, low, high``; both columns are categories, whose order is that of the axis and of the marks.
    ``names`` stand along the axis.
    """
    levels = list(part[by].cat.categories)
    step = 0.6 / max(1, len(levels))
    for place, level in enumerate(levels):
        own = part[part[by] == level]
        at = own[x].cat.codes.to_numpy() + step * (place - (len(levels) - 1) / 2)
        mean = own["mean"].to_numpy()
        length = lengths(mean, own["low"].to_numpy(), own["high"].to_numpy())
        look: dict[str, Any] = {"mfc": "w"} if hollow else {}
        axis.errorbar(at, mean, length, ls="", lw=1.1, capsize=1.5, ms=4.5, **style[str(level)], **look)
    aslant: dict[str, Any] = {"rotation": 30, "ha": "right", "rotation_mode": "anchor"} if slant else {}
    places_along(axis, names, **aslant)


def lengths(mean: Any, low: Any, high: Any) -> np.ndarray:
    """How far an interval, or each of a row of them, reaches below its mean and above: one that rounding puts a hair
    beside it, or that is none at all, has no length."""
    return np.asarray(np.nan_to_num(np.clip([mean - low, high - mean], 0, None))).reshape(2, -1)


def places_along(axis: Axes, names: Sequence[str], **how: Any) -> None:
    """A place along the axis for each of these names, which stand as ``how`` says."""
    axis.set_xlim(-0.6, len(names) - 0.4)
    axis.set_xticks(range(len(names)), names, **how)
    axis.grid(False, axis="x")


def along(design: Design, part: pd.DataFrame, factor: str, most: int = 16) -> list[str]:
    """What stands along an axis whose places are a factor's levels in this part of a frame."""
    return [named(design, factor, level, most) for level in part[factor].cat.categories]


def apart(heights: Sequence[float], gap: float, top: float) -> list[float]:
    """The heights moved up as little as keeps ``gap`` between neighbors, all down again where they pass the ``top``.

    Of equal heights the first stands highest.
    """
    order = sorted(range(len(heights)), key=lambda i: (heights[i], -i))
    spots = list(heights)
    for below, above in itertools.pairwise(order):
        spots[above] = max(spots[above], spots[below] + gap)
    for i in reversed(order):
        spots[i] = min(spots[i], top)
        top = spots[i] - gap
    return spots


def level_key(
    figure: Figure, design: Design, factor: str, levels: Sequence[Label], style: Styles, extra: Sequence[Any] = ()
) -> None:
    """The legend of these levels of a factor, and of what else is to be told apart."""
    handles = [Line2D([], [], ms=4, **style[str(level)]) for level in levels]
    names = [named(design, factor, level) for level in levels]
    key(figure, [*handles, *extra], [*names, *(line.get_label() for line in extra)])


def activation_key(
    figure: Figure, design: Design, frame: pd.DataFrame, style: Styles, extra: Sequence[Any] = ()
) -> None:
    """The legend of the activations that are drawn, and of what else is to be told apart."""
    levels = [level for level in design.levels["activation"] if (frame["activation"] == level).any()]
    level_key(figure, design, "activation", levels, style, extra)


def start_end(start: dict[str, Any], end: dict[str, Any]) -> list[Line2D]:
    """What stands in a legend for "before training" and for "last probe"."""
    return [
        Line2D([], [], color=INK, label="before training", **start),
        Line2D([], [], color=INK, label="last probe", **end),
    ]
