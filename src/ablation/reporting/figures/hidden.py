"""Lines that hide one another, as those of choices that do the same: which they are, so that all of them are seen.

What lies on another line is drawn with gaps, through which that shows. Where dashes have a meaning of their own, what
lies below is drawn wider instead.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ablation.reporting.statistics.intervals import Floats

NEAR = 0.012
"""Lines are on each other where they are no further apart than this share of the axis, about a line's width."""
OFTEN = 0.5
"""A line hides another where it lies on it at more than this share of their common points."""
WIDER = 1.6
"""Points by which a line is wider than the one that lies on it."""
DASHES: tuple[Any, ...] = ("-", (0, (4, 4)), (0, (2, 4)), (0, (1, 4)))
"""Of a line that lies on none, on one, on another that does so, and on more."""

Curve = tuple[Floats, Floats]


def lies_on(upper: Curve, lower: Curve, span: float) -> bool:
    """Whether the upper line hides the lower one, on an axis of this ``span``."""
    _, first, second = np.intersect1d(upper[0], lower[0], return_indices=True)
    gap = np.abs(upper[1][first] - lower[1][second])
    return bool(len(gap) and np.mean(gap <= NEAR * span) > OFTEN)


def piled(curves: Sequence[Curve], span: float) -> list[int]:
    """How many lines lie below each, of those drawn before it."""
    below: list[int] = []
    for place, curve in enumerate(curves):
        under = [below[other] for other in range(place) if lies_on(curve, curves[other], span)]
        below.append(max(under, default=-1) + 1)
    return below


def dashes(curves: Sequence[Curve], span: float) -> list[Any]:
    """The dashes of each line, by which those that it lies on are seen."""
    return [DASHES[min(below, len(DASHES) - 1)] for below in piled(curves, span)]


def widths(curves: Sequence[Curve], span: float, width: float) -> list[float]:
    """The width of each line, by which it is seen below those that lie on it."""
    return [width + WIDER * above for above in piled(curves[::-1], span)[::-1]]
