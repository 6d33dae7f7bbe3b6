"""The axis of delta norms: logarithmic, in whole powers of ten, with a floor and a ceiling for what lies beyond."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator, NullFormatter

from ablation.reporting.figures.theme import INK, enlarged
from ablation.reporting.statistics.intervals import Floats

FLOOR, CEILING = 1e-30, 1e10
"""Delta norms beyond these, zero and what is not finite among them, are drawn on a marked edge."""


def edged(delta: npt.ArrayLike) -> Floats:
    """Delta norms between floor and ceiling; what is not finite stands on the ceiling."""
    values = np.asarray(delta, dtype=np.float64)
    return np.clip(np.where(np.isfinite(values), values, CEILING), FLOOR, CEILING)


def power(value: float) -> str:
    """A norm as the power of ten that is nearest to it: 1e-30."""
    return f"1e{np.log10(value):.0f}"


def delta_by_layer(axis: Axes, part: pd.DataFrame, layers: int, beyond: str = "") -> None:
    """Delta upward and hidden layers along, and an edge marked on which a ``median`` of the panel's part stands.

    Args:
        axis: the panel.
        part: what is drawn in it.
        layers: most intervals between the ticks along.
        beyond: what else than norms above it stands on the ceiling, in words.
    """
    axis.set_yscale("log")
    axis.yaxis.set_major_formatter(lambda value, _: power(value))
    axis.yaxis.set_minor_formatter(NullFormatter())
    axis.xaxis.set_major_locator(MaxNLocator(layers, integer=True, min_n_ticks=1))
    low, high = (FLOOR, f"0 or below {power(FLOOR)}"), (CEILING, f"above {power(CEILING)}{beyond}")
    for side, (edge, text) in {"bottom": low, "top": high}.items():
        if np.isclose(np.log10(part["median"].to_numpy()), np.log10(edge), atol=0.05).any():
            axis.axhline(edge, color=INK, lw=0.8, ls=":")
            where = ("axes fraction", "data")
            axis.annotate(text, (0.98, edge), xycoords=where, size=7 * enlarged(), ha="right", va=side)


def two_decades(axis: Axes) -> None:
    """Widen an axis on which there are not two powers of ten: with fewer it cannot be read."""
    low, high = np.log10(axis.get_ylim())
    if np.floor(high) - np.ceil(low) < 1:
        axis.set_ylim(10 ** np.floor(low), 10 ** np.ceil(high))
