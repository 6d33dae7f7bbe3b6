"""Theory layer by layer through one network as it was built: lengths forward, delta's mean square backward.

Layer l of L hidden ones has the length q_l; step l leads from delta_{l+1} back to delta_l, l = 1 ... L-1:

    no normalization        sigma_w^2 E phi'(q_l)^2                              times fan-out over fan-in
    before the activation   sigma_w^2 E phi'(q_l)^2 / (v_{l+1} + epsilon)        v = sigma_w^2 Var phi(q_l)
    after the activation    sigma_w^2 E phi'(q_l)^2 / (Var phi(q_l) + epsilon)   q_l = sigma_w^2 + sigma_b^2

with the variances of layer l + 1. Batch normalization divides each unit by its deviation over a batch and takes two
directions out of the gradient; what that comes to for a batch of B, to the order 1/B, is ``_before`` and ``_after``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ablation.reporting.statistics.intervals import Floats
from ablation.reporting.theory.mean_field import Activation, Moments, length_map


@dataclass(frozen=True)
class Network:
    """The layers of a network: entry l - 1 of each array is hidden layer l's, the output layer left out."""

    fan_in: Floats
    fan_out: Floats
    sigma_w2: Floats
    sigma_b2: Floats


@dataclass(frozen=True)
class Prediction:
    """Of one network: ``length`` at each hidden layer, ``factor`` and ``scatter`` of each step back, L - 1 of them.

    ``factor`` is that of delta's mean square. ``scatter`` is the variance that a finite width gives the logarithm of a
    single sample's: (3 E phi'^4 / (E phi'^2)^2 - 1) / n, which is Hanin's (2018) 5 / n for a rectifier and 2 / n for a
    linear layer. The samples of a batch share their weights, so averaging over them lessens it, by an amount that hangs
    on how alike they are: it is an upper bound.
    """

    length: Floats
    factor: Floats
    scatter: Floats

    def log_delta(self) -> Floats:
        """log10 of delta's root mean square at each layer over that at the last."""
        with np.errstate(divide="ignore"):
            steps = 0.5 * np.log10(self.factor)
        return np.append(np.cumsum(steps[::-1])[::-1], 0.0)


def is_known(normalization: Mapping[str, Any]) -> bool:
    """Whether there is a prediction with this normalization."""
    return normalization["kind"] == "none" or normalization.get("placement") in ("before", "after")


def predict(
    phi: Activation, network: Network, normalization: Mapping[str, Any], first: float, batch: int
) -> Prediction:
    """Propagate from the measured length of the first layer.

    Args:
        normalization: its kind and parameters, one that ``is_known``.
        first: second moment of the first layer's pre-activations, as they enter the activation.
        batch: examples of the probe, over which batch normalization averages.
    """
    placement, epsilon = normalization.get("placement"), float(normalization.get("epsilon", 0.0))
    q, length, factor, scatter = first, [first], [], []
    for place in range(1, len(network.fan_in)):
        w, b = float(network.sigma_w2[place]), float(network.sigma_b2[place])
        moments = phi.moments(q, batch if placement == "before" and batch > 4 else None)
        back = w * network.fan_out[place] / network.fan_in[place] * moments.slope_square
        with np.errstate(divide="ignore", invalid="ignore"):
            fourth = np.float64(moments.slope_fourth) / moments.slope_square**2
            if placement == "before":
                variance = w * _batch_variance(moments, batch)
                back *= np.float64(_before(moments, batch)) / (variance + epsilon)
                q = float(np.float64(variance) / (variance + epsilon))
            elif placement == "after":
                variance = _batch_variance(moments, batch)
                back *= np.float64(_after(moments, batch)) / (variance + epsilon)
                q = float(w * np.float64(variance) / (variance + epsilon) + b)
            else:
                q = length_map(phi, q, w, b)
        length.append(q)
        factor.append(float(back))
        scatter.append(float((3 * fourth - 1) / network.fan_in[place]))
    return Prediction(np.array(length), np.array(factor), np.array(scatter))


def local(phi: Activation, network: Network, length: Floats) -> Floats:
    """The factor of delta's mean square of each step back, of layers of these lengths, without normalization."""
    moments = [phi.moments(q).slope_square for q in length[:-1].tolist()]
    return np.asarray(network.sigma_w2[1:] * network.fan_out[1:] / network.fan_in[1:] * np.array(moments))


def _batch_variance(moments: Moments, batch: int) -> float:
    """What a unit's variance over a batch of samples is on average, divided by B.

    Centred vectors of B samples correlate with -1 / (B - 1) between them: phi then covaries by -(E z phi)^2 / (B - 1).
    """
    return (1 - 1 / batch) * (moments.variance + moments.product**2 / (batch - 1))


def _before(moments: Moments, batch: int) -> float:
    """What a batch of B makes of 1 / v, times the share of the gradient that outlives both projections.

    A unit's deviation is that of B - 1 normal numbers: the mean of 1 / deviation^2 exceeds 1 / v by (B - 1) / (B - 3).
    Of delta = phi' g, with g independent of the forward pass, the parts along 1 and along the pre-activation are lost.
    For the identity this is (B - 2) / (B - 3) in all, the deep linear network with batch normalization.
    """
    if batch <= 3:
        return float("inf")
    along_one = moments.slope_square - moments.slope_mean**2
    along_z = moments.slope_moment - moments.slope_product**2
    lost = (along_one + along_z) / ((batch - 1) * moments.slope_square) if moments.slope_square > 0 else 0.0
    return (batch - 1) / (batch - 3) * (1 - lost)


def _after(moments: Moments, batch: int) -> float:
    """The same behind the activation. Its deviation varies as phi's fourth moment says, and along with phi'."""
    if not (moments.variance > 0 and moments.slope_square > 0):
        return 1.0
    kurtosis = moments.fourth / moments.variance**2
    along = moments.slope_centred / (moments.variance * moments.slope_square)
    lost = 1 - moments.slope_mean**2 / moments.slope_square + along
    return (1 + (kurtosis - along) / batch) * (1 - lost / batch)
