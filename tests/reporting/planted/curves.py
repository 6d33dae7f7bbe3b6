"""The curves of a cell that meets its target after so many epochs and ends with such a loss.

Accuracy rises as c - (c - 1/C) exp(-k t / T) to the ceiling c = 0.98 from that of guessing, with k such that it is the
primary target at the time T: from then on it stays above it, and the times to the other two targets are fixed multiples
of T. The loss falls from that of guessing by the same share in every epoch, and ends as it is planted; so the best one
is the last, and its logarithm has the very effects that were planted in it.
"""

import numpy as np

TARGETS = (0.8, 0.9, 0.95)
CEILING, CLASSES = 0.98, 10
GUESSING = float(np.log(CLASSES))
RATE = float(np.log((CEILING - 1 / CLASSES) / (CEILING - TARGETS[1])))
"""k, in units of 1 / T."""


def accuracy(times: np.ndarray, clock: np.ndarray) -> np.ndarray:
    """Validation accuracy at every evaluation, of shape (cells, evaluations)."""
    return CEILING - (CEILING - 1 / CLASSES) * np.exp(-RATE * clock / times[:, None])


def loss(final: np.ndarray, clock: np.ndarray) -> np.ndarray:
    """Validation loss at every evaluation, of shape (cells, evaluations)."""
    return np.asarray(GUESSING * (final[:, None] / GUESSING) ** (clock / clock[-1]))


def seen(times: np.ndarray, clock: np.ndarray) -> np.ndarray:
    """When a time is seen: at the first evaluation that is not before it, infinite where none is."""
    return np.append(clock, np.inf)[np.searchsorted(clock, times)]
