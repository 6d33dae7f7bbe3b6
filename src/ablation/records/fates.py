"""What became of a cell: when it met its target and, if it did not learn, why. The definitions, and one cell by them.

The report applies them to whole tables at once (``reporting/statistics``); MLflow is told of a cell at a time.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

SILENT = 1e-8
"""A first-layer update ratio below this leaves the weights where they are."""

STILL = 0.01
"""A training loss that moves by less than this share over the last half of training is standing still."""

HALF = 0.5
"""More than this share of a layer's units, or unit-samples, makes a cell dead, or saturated."""

CLASSES = ("converged", "slow", "plateau", "vanished", "saturated", "dead", "diverged")
"""Failure classes from well to ill, as tables and figures list them."""

Singles = NDArray[np.float32]


@dataclass(frozen=True)
class Course:
    """How a cell trained, as far as its fate hangs on it.

    Attributes:
        moments: when it was evaluated, in the unit of the horizon; [evaluations].
        train_loss, val_accuracy: at each of them.
        dead, saturated: of its worst layer, at the last probe.
        update_ratio: of its first layer, there.
        bounded: whether its activation is.
        diverged: whether its loss became other than finite.
    """

    moments: NDArray[np.float64]
    train_loss: Singles
    val_accuracy: Singles
    dead: float
    saturated: float
    update_ratio: float
    bounded: bool
    diverged: bool


def arrival(course: Course, target: float) -> int | None:
    """Return the place of the first evaluation that meets the target and is followed by another that does, or is the
    last; None for a cell that never gets there or diverges.
    """
    # Accuracies are stored in single precision; 324 of 360 right must meet a target of 0.9.
    met = course.val_accuracy >= np.float32(target)
    held = np.flatnonzero(met & np.append(met[1:], True)[: len(met)])
    return None if course.diverged or not len(held) else int(held[0])


def failure_class(course: Course, target: float, horizon: float) -> str:
    """Return the one of ``CLASSES`` that a cell belongs to, the first that fits.

    ``diverged``; ``converged`` (met its target); ``dead``; ``saturated`` (asked of bounded activations alone);
    ``vanished`` (first-layer update ratio below ``SILENT`` and the loss standing still); ``plateau`` (the loss standing
    still); ``slow``.
    """
    if course.diverged:
        return "diverged"
    if arrival(course, target) is not None:
        return "converged"
    if course.dead > HALF:
        return "dead"
    if course.bounded and course.saturated > HALF:
        return "saturated"
    if not _standing_still(course, horizon):
        return "slow"
    return "vanished" if course.update_ratio < SILENT else "plateau"


def _standing_still(course: Course, horizon: float) -> bool:
    before = course.train_loss[course.moments <= horizon / 2]
    middle, end = (float(loss[-1]) if len(loss) else np.nan for loss in (before, course.train_loss))
    return abs(end - middle) < STILL * abs(middle) or end == middle
