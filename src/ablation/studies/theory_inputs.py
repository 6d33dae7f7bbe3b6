"""What theory needs to know of a study's activations and initializers, measured on the registered functions themselves.

No formula of theirs stands here, so a new activation or initializer is covered with no line of code: an activation is
tabulated on the nodes of a quadrature rule, and an initializer is given draws that are as normal as so many numbers can
be, whereupon its weights' mean square is its variance.

Legend: I fan-in, O fan-out of a layer.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from scipy.optimize import brentq
from scipy.special import erf, ndtri
from torch import Tensor

from ablation.choices import activations, initializers
from ablation.choices.initializers import Draws
from ablation.records.columns import ACTIVATIONS, INITIALIZERS, NETWORK
from ablation.studies.cells import Cell
from ablation.studies.machine.fingerprint import one_thread
from ablation.studies.study import Study
from ablation.training.data import generator
from ablation.training.networks import build
from ablation.training.networks.initial import activations_behind
from ablation.training.spec import Level, bind

OCTAVES = 126
"""Octaves on either side of 1 that the rule spans, those that a float32 has: a pre-activation lies nowhere else."""

KINKS = 16
"""Multiples of 1/2 that are panel edges too, up to 8: where a piecewise activation has its corners."""

ORDER = 12
"""Nodes of a panel. E f(sqrt(q) z) is then exact to 1e-13 for every activation here and every q in the span."""

FEWEST = 1024
"""Numbers that stand for draws, at least: what they say of a third kind of distribution is then right to 1e-4."""

DIGITS = 12
"""Significant digits that are kept of a variance: beyond, it depends on how a library sums."""


def quadrature() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return nodes and weights of a rule for integrals over the real line, each half-line by itself.

    Gauss and Legendre's rule on panels [2^k, 2^(k+1)], mirrored: the panels grow with the distance from 0, so that one
    set of nodes does for a normal density of any width, and a kink at 0 lies on an edge. Weights are those of dx.
    """
    powers = 2.0 ** np.arange(-OCTAVES, OCTAVES + 1)
    edges = np.unique(np.concatenate([[0.0], powers, 0.5 * np.arange(1, KINKS + 1)]))
    node, weight = np.polynomial.legendre.leggauss(ORDER)
    half, middle = np.diff(edges)[:, None] / 2, (edges[:-1] + edges[1:])[:, None] / 2
    x, w = (middle + half * node).ravel(), (half * weight).ravel()
    return np.concatenate([-x[::-1], x]), np.concatenate([w[::-1], w])


def activation_values(study: Study) -> pa.Table:
    """Return every activation's value and derivative in float64 on the nodes of ``quadrature``."""
    x, weight = quadrature()
    parts = []
    for label, level in study.levels["activation"].items():
        value, derivative = values_of(level)
        columns = {"activation": [label] * len(x), "x": x, "weight": weight, "value": value, "derivative": derivative}
        parts.append(pa.table(columns, schema=ACTIVATIONS))
    return pa.concat_tables(parts).combine_chunks()


def values_of(level: Level) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return an activation's values and derivatives on the nodes of ``quadrature``."""
    with one_thread():
        # It may work in place on the nodes, which are made anew each time.
        value, derivative = bind(activations.ACTIVATIONS, level)(torch.from_numpy(quadrature()[0]))
    return value.numpy(), derivative.numpy()


def weight_variances(study: Study, cells: Sequence[Cell], cards: Mapping[str, Mapping[str, Any]]) -> pa.Table:
    """Return sigma_w^2 = I E W^2 and sigma_b^2 = E b^2 of every layer that the study initializes, output included."""
    networks = {tuple(cell.factors[name] for name in NETWORK): cell for cell in cells}
    known: dict[tuple[str, str, int, int], tuple[float, float]] = {}
    rows: list[dict[str, Any]] = []
    for network, cell in networks.items():
        card = cards[cell.data]
        layout = build(cell.spec, int(card["features"]), int(card["outputs"])).layout
        activations = activations_behind(layout, cell.spec.activation.kind)
        for layer, ((fan_in, fan_out), activation) in enumerate(zip(layout.shapes, activations, strict=True), start=1):
            kind = (cell.factors["init"], activation, fan_in, fan_out)
            if kind not in known:
                known[kind] = layer_variances(cell.spec.init, activation, fan_in, fan_out)
            variances = dict(zip(("sigma_w2", "sigma_b2"), known[kind], strict=True))
            place = {"layer": layer, "fan_in": fan_in, "fan_out": fan_out}
            rows.append({**dict(zip(NETWORK, network, strict=True)), **place, **variances})
    return pa.Table.from_pylist(rows, schema=INITIALIZERS)


def layer_variances(init: Level, activation: str, fan_in: int, fan_out: int) -> tuple[float, float]:
    """Return sigma_w^2 and sigma_b^2 of one layer, to ``DIGITS`` digits.

    A layer has few biases, and a few numbers stand badly for a distribution: so it is initialized as often as it takes
    to have ``FEWEST`` of them, each time with other draws, and the mean squares are those of all.
    """
    times = -(-FEWEST // fan_out)
    initialize = bind(initializers.INITIALIZERS, init)
    weights, biases = _normal(times, fan_in, fan_out), _normal(times, fan_out)
    with one_thread():
        made = [
            initialize(Draws(weight_IO, bias_O, activation)) for weight_IO, bias_O in zip(weights, biases, strict=True)
        ]
        moments = fan_in * _mean_square([weight_IO for weight_IO, _ in made]), _mean_square([bias for _, bias in made])
    sigma_w2, sigma_b2 = (float(f"{moment:.{DIGITS}g}") for moment in moments)
    return sigma_w2, sigma_b2


def _mean_square(parts: Sequence[Tensor]) -> float:
    """Return the mean square of all numbers of tensors of one shape."""
    return float(np.mean([np.mean(part.numpy() ** 2) for part in parts]))


def _normal(*shape: int) -> Tensor:
    """Return at least ``FEWEST`` numbers that stand for standard normal draws, float64, in an order fixed once for all.

    They are the normal quantiles at the middles of equal shares of probability, whose distribution function is uniform
    to the square of their spacing. What lies in the tails beyond them their variance lacks, and 2 Phi(z) - 1, uniform
    on (-1, 1), has a little less than its variance, 1/3. Two pairs of them make up for it, the outermost and the
    quartiles: these move until both are exact. So a normal initializer has its own variance, and a uniform one too.
    """
    size = math.prod(shape)
    draws = ndtri((np.arange(size) + 0.5) / size)
    outer, inner = size - 1, size * 3 // 4
    pairs = [outer, inner, size - 1 - inner, 0]
    others = np.delete(draws, pairs)
    square = (size - float(np.sum(others**2))) / 2
    uniform_square = (size / 3 - float(np.sum(_uniform(others) ** 2))) / 2

    def excess(quartile: float) -> float:
        return float(_uniform(math.sqrt(square - quartile**2)) ** 2 + _uniform(quartile) ** 2 - uniform_square)

    quartile = float(brentq(excess, 0.0, draws[outer], xtol=1e-15))
    outermost = math.sqrt(square - quartile**2)
    draws[pairs] = outermost, quartile, -quartile, -outermost
    order = torch.randperm(size, generator=generator(0, "theory"))
    return torch.from_numpy(draws)[order].reshape(shape)


def _uniform(normal: Any) -> Any:
    """Return 2 Phi(z) - 1, uniform on (-1, 1) where z is standard normal."""
    return erf(normal / math.sqrt(2.0))
