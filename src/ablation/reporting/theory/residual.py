"""Theory through a network of pre-activation residual blocks without normalization, as ``propagation`` of perceptrons.

Each block adds to a stream, s' = s + W2 phi(u) + b2 with u = W1 phi(s) + b1, so lengths and gradients add (Yang &
Schoenholz 2017, theorems 5 and 8, for blocks whose first activation stands behind W1):

    E u^2 = sigma_w^2 E phi(s)^2 + sigma_b^2             E s'^2 = E s^2 + sigma_w^2 E phi(u)^2 + sigma_b^2
    delta_u^2 = sigma_w^2 E phi'(u)^2 G'                 delta_s^2 = sigma_w^2 E phi'(s)^2 delta_u^2
    G = G' + delta_s^2

with G the mean square of the loss's gradient at the stream, and delta that at what enters an activation, by way of that
activation alone: what a probe measures. The stream's length grows with every block, so gradients neither vanish nor
explode as they do in a perceptron.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ablation.reporting.statistics.intervals import Floats
from ablation.reporting.theory.mean_field import Activation, length_map
from ablation.reporting.theory.propagation import Network, Prediction


def is_known(normalization: Mapping[str, Any]) -> bool:
    """Whether there is a prediction with this normalization."""
    return bool(normalization["kind"] == "none")


def predict(
    phi: Activation, network: Network, normalization: Mapping[str, Any], first: float, batch: int
) -> Prediction:
    """Propagate from the measured length of the first layer; see ``propagation.predict``."""
    length = np.array(list(_lengths(phi, network, first)))
    fourth = np.array([phi.moments(q).slope_fourth / phi.moments(q).slope_square ** 2 for q in length[:-1].tolist()])
    # An upper bound here too: what a stream hands on unchanged is scattered by no weight.
    return Prediction(length, local(phi, network, length), (3 * fourth - 1) / network.fan_in[1:])


def local(phi: Activation, network: Network, length: Floats) -> Floats:
    """The factor of delta's mean square of each step back, of layers of these lengths."""
    depth = len(length)
    delta, stream = np.ones(depth), 1.0
    for place in range(depth - 2, -1, -1):
        behind = place + 1
        back = network.sigma_w2[behind] * network.fan_out[behind] / network.fan_in[behind]
        reached = stream if _is_of_stream(behind, depth) else delta[behind]
        delta[place] = back * phi.moments(float(length[place])).slope_square * reached
        if _is_of_stream(place, depth):
            stream += delta[place]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(delta[:-1] / delta[1:])


def _lengths(phi: Activation, network: Network, first: float) -> Iterator[float]:
    """Yield the second moment of what enters each activation."""
    yield first
    depth, before, stream = len(network.fan_in), first, first
    for place in range(1, depth):
        added = length_map(phi, before, float(network.sigma_w2[place]), float(network.sigma_b2[place]))
        if _is_of_stream(place, depth):
            added = stream = stream + added
        before = added
        yield before


def _is_of_stream(place: int, depth: int) -> bool:
    """Whether a product's output belongs to the stream; of an even depth the last block has one product."""
    return place % 2 == 0 or place == depth - 1
