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
from scipy.special import ndtri
from torch import Tensor

from ablation.choices import activations, initializers
from ablation.choices.initializers import Draws
from ablation.records.columns import ACTIVATIONS, INITIALIZERS, NETWORK
from ablation.studies.cells import Cell
from ablation.studies.machine.fingerprint import one_thread
from ablation.studies.study import Study
from ablation.training.data import generator
from ablation.training.networks import build
from ablation.training.spec import Level, bind

OCTAVES = 126
"""Octaves on either side of 1 that the rule spans, those that a float32 has: a pre-activation lies nowhere else."""

KINKS = 16
"""Multiples of 1/2 that are panel edges too, up to 8: where a piecewise activation has its corners."""

ORDER = 12
"""Nodes of a panel. E f(sqrt(q) z) is then exact to 1e-13 for every activation here and every q in the span."""

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
        with one_thread():
            # An activation may work in place.
            value, derivative = bind(activations.ACTIVATIONS, level)(torch.from_numpy(x.copy()))
        columns = {"activation": [label] * len(x), "x": x, "weight": weight}
        columns |= {"value": value.numpy(), "derivative": derivative.numpy()}
        parts.append(pa.table(columns, schema=ACTIVATIONS))
    return pa.concat_tables(parts).combine_chunks()


def weight_variances(study: Study, cells: Sequence[Cell], cards: Mapping[str, Mapping[str, Any]]) -> pa.Table:
    """Return sigma_w^2 = I E W^2 and sigma_b^2 = E b^2 of every layer that the study initializes, output included."""
    networks = {tuple(cell.factors[name] for name in NETWORK): cell for cell in cells}
    known: dict[tuple[str, str, int, int], tuple[float, float]] = {}
    rows: list[dict[str, Any]] = []
    for network, cell in networks.items():
        card = cards[cell.data]
        layout = build(cell.spec, int(card["features"]), int(card["classes"])).layout
        for layer, (fan_in, fan_out) in enumerate(layout.shapes, start=1):
            kind = (cell.factors["init"], cell.factors["activation"], fan_in, fan_out)
            if kind not in known:
                known[kind] = layer_variances(cell.spec.init, cell.spec.activation.kind, fan_in, fan_out)
            variances = dict(zip(("sigma_w2", "sigma_b2"), known[kind], strict=True))
            place = {"layer": layer, "fan_in": fan_in, "fan_out": fan_out}
            rows.append({**dict(zip(NETWORK, network, strict=True)), **place, **variances})
    return pa.Table.from_pylist(rows, schema=INITIALIZERS)


def layer_variances(init: Level, activation: str, fan_in: int, fan_out: int) -> tuple[float, float]:
    """Return sigma_w^2 and sigma_b^2 of one layer, to ``DIGITS`` digits."""
    draws = Draws(_normal(fan_in, fan_out), _normal(fan_out), activation)
    with one_thread():
        weight_IO, bias_O = bind(initializers.INITIALIZERS, init)(draws)
    moments = fan_in * np.mean(weight_IO.numpy() ** 2), np.mean(bias_O.numpy() ** 2)
    sigma_w2, sigma_b2 = (float(f"{moment:.{DIGITS}g}") for moment in moments)
    return sigma_w2, sigma_b2


def _normal(*shape: int) -> Tensor:
    """Return numbers that stand for standard normal draws, float64, in an order fixed once for all.

    They are the normal quantiles at the middles of equal shares of probability, whose distribution function is uniform
    to the square of their spacing. Their variance lacks what lies in the tails beyond them, and the two outermost get
    it, which hardly changes the rest: so a normal initializer has its own variance exactly, a uniform one nearly so.
    """
    size = math.prod(shape)
    draws = ndtri((np.arange(size) + 0.5) / size)
    if size == 1:
        return torch.ones(shape, dtype=torch.float64)
    draws[-1] = math.sqrt(draws[-1] ** 2 + (size - float(np.sum(draws**2))) / 2)
    draws[0] = -draws[-1]
    order = torch.randperm(size, generator=generator(0, "theory"))
    return torch.from_numpy(draws)[order].reshape(shape)
