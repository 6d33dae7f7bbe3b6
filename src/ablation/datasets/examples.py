"""What a source yields: inputs with what is to be said of them, a class or a number."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CLASSIFICATION, REGRESSION = TASKS = ("classification", "regression")
"""What is to be said of an example: which of some classes it is of, or a number."""

OUTPUTS_OF_REGRESSION = 1
"""Numbers that are predicted of an example: one target column."""


@dataclass(frozen=True)
class Examples:
    """Labelled inputs: images, vectors that stand for them, or rows of a table."""

    x: NDArray[np.uint8] | NDArray[np.float32] | NDArray[np.float64]
    """``[n, features]``: bytes in raw units, whose pixels are standardized alike; float32 that needs no standardizing;
    float64 in raw units, of which each column is standardized by itself."""
    y: NDArray[np.int64] | NDArray[np.float64]
    """``[n]``: classes from 0, or numbers in raw units."""
    shape: tuple[int, ...]
    """Rows and columns of an image, behind its colors where it has any; their product is ``features``."""
    about: Mapping[str, Sequence[str]]
    """What the card is to tell beside: ``columns``, the features' names, and ``class_names``, in the order of the
    classes."""


def task_of(y: NDArray[Any]) -> str:
    """Return which of ``TASKS`` these labels are of."""
    return REGRESSION if y.dtype.kind == "f" else CLASSIFICATION
