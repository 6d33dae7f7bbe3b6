"""One theme for all figures: one color and marker per level wherever it appears, sizes, and the two greys."""

import contextlib
from collections.abc import Iterator
from typing import Any

import matplotlib as mpl
import seaborn as sns

from ablation.records.columns import ORDINAL
from ablation.reporting.design import ACTIVATIONS, Design
from ablation.reporting.figures.lettering import FONT
from ablation.reporting.options import STYLES

ENLARGED = {"paper": 1.0, "lecture": 1.3}
"""How much larger letters, lines and marks are in each of ``options.STYLES``."""
RESOLUTION = {"paper": 1, "lecture": 2}
"""How many times as many pixels an inch has."""
THEME: dict[str, Any] = {
    **sns.axes_style("whitegrid"),
    "font.family": FONT,
    "legend.frameon": False,
    "text.parse_math": False,  # a dollar sign in a level's name is a dollar sign
    "svg.hashsalt": "ablation",
    "pdf.fonttype": 42,  # journals refuse matplotlib's own kind of font
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
HEAT = sns.color_palette("viridis_r", as_cmap=True)
"""From soon, which is pale, to late, which is dark."""


@contextlib.contextmanager
def themed(style: str = STYLES[0]) -> Iterator[None]:
    """A time in which matplotlib has the theme and, where that says nothing, its own defaults, and not the user's."""
    ours: Any = {name: value for name, value in mpl.rcParamsDefault.items() if not name.startswith("backend")}
    times = ENLARGED[style]
    ours |= THEME | sns.plotting_context("paper", font_scale=1.1 * times)
    # The resolution is that of the PNG, or text would be measured at one size and drawn at another.
    ours |= {"axes.titlesize": 9 * times, "axes.labelsize": 9 * times, "figure.titlesize": 11 * times}
    ours |= {"figure.dpi": 130 * RESOLUTION[style]}
    with mpl.rc_context(ours):
        yield


def enlarged() -> float:
    """How much larger letters, lines and marks are now than on paper."""
    return float(mpl.rcParams["axes.titlesize"]) / 9


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
