"""The least-squares slope of log10 delta over depth, and how far finite width lets it stray from the wide limit's.

log10 delta_l is a random walk from the last layer down, a step a layer, whose variances ``Prediction.scatter`` holds.
"""

import numpy as np
from scipy import stats

from ablation.reporting.statistics.intervals import Floats
from ablation.reporting.theory.propagation import Prediction

LN = 0.5 / np.log(10)
"""From the natural logarithm of delta's mean square to log10 of delta."""

POWER = 0.8
"""How probably a departure that is called detectable is found."""


def slope(layer: Floats, y: Floats) -> float:
    """Least-squares slope of ``y`` against ``layer``, in decades a layer where y is log10 delta."""
    return float(weights(layer) @ y)


def weights(layer: Floats) -> Floats:
    """What the least-squares slope multiplies its ordinates by."""
    centred = layer - layer.mean()
    return np.asarray(centred / (centred @ centred))


def allowance(layer: Floats, prediction: Prediction) -> tuple[float, float]:
    """The shift and the standard deviation of one seed's slope over these layers, in decades a layer.

    The step k, from layer k + 1 to k, is part of log10 delta_l for all l <= k, so it enters the slope with the sum of
    the weights up to k. The shift is there because the mean of a logarithm lies below the logarithm of the mean, by
    half the variance where the logarithm is normal.
    """
    at = np.searchsorted(layer, np.arange(1, len(prediction.factor) + 1), side="right")
    steps = np.append(0.0, np.cumsum(weights(layer)))[at]
    shift = LN * abs(float(prediction.scatter @ steps)) / 2
    return shift, LN * float(np.sqrt(prediction.scatter @ steps**2))


def detectable(shift: float, error: float, quantile: float) -> float:
    """The departure from the predicted slope that is found with the probability ``POWER`` at least, in decades a layer.

    A mean slope of this standard ``error`` counts as another one beyond a tolerance of shift + quantile * error. At
    worst the shift goes against the departure, which has to make up for it too.
    """
    return float(2 * shift + (quantile + stats.norm.ppf(POWER)) * error)
