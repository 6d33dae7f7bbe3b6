"""What a cell costs, reckoned from its specification: bytes in training, bytes of its measurements, and time.

Counts are exact; what a count costs was measured: of eager cells on one core of an AMD EPYC of the third generation, by
which runs of 4 to 3,000 units a layer, alone and stacked, took 0.6 to 1.6 times as long as reckoned; of native ones on
one of the fourth.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import torch

from ablation.choices.clipping import CLIPPINGS
from ablation.choices.optimizers import OPTIMIZERS, Optimizer, State
from ablation.studies.machine.products import Products
from ablation.training.clock import Clock, steps_between
from ablation.training.descent import Descent, Numbers, Part, without_decay
from ablation.training.ingredients import Moment
from ablation.training.measurement import CURVE_METRICS, EVALUATION_CHUNK
from ablation.training.networks import build
from ablation.training.probes import METRICS
from ablation.training.spec import Level, Spec

FLOAT = 4
"""Bytes of a number."""


class Costs(NamedTuple):
    """Seconds that one core takes.

    Attributes:
        product: for a multiplication or an addition of a matrix product.
        element: for what else is done for a unit and example of a step.
        normalized: what normalization adds, as a share of that.
        parameter: for a number of a pass over all parameters.
        operation: to start an operation on a whole stack.
        matrix: the same for one more matrix of it.
    """

    product: float
    element: float
    normalized: float
    parameter: float
    operation: float
    matrix: float


EAGER = Costs(1 / 80e9, 5e-9, 0.7, 1.3e-9, 16e-6, 2.8e-6)
NATIVE = Costs(1 / 105e9, 1e-9, 1.0, 0.15e-9, 0.0, 0.2e-6)

COHORT = 5e-3
"""Seconds that it takes to begin a cohort, and to end it."""

SIDE = 8
"""Of the square matrix on which an optimizer's own products are counted."""


class Ends(NamedTuple):
    """What data are to a network.

    Attributes:
        features: inputs.
        outputs: of a network: classes, or 1 of a regression.
        train: examples to train on.
        val: examples to validate on.
        test: examples to test on.
    """

    features: int
    outputs: int
    train: int
    val: int
    test: int

    @classmethod
    def of(cls, card: Mapping[str, Any]) -> "Ends":
        """Return what the data of a card are to a network."""
        return cls(*(int(card[name]) for name in cls._fields))

    @property
    def values(self) -> int:
        """How many numbers the data are."""
        return self.features * (self.train + self.val + self.test)


class Memory(NamedTuple):
    """Bytes that a cell takes at most: for its parameters and all that is as large, for activations, for results."""

    parameters: float
    activations: float
    results: float

    @property
    def whole(self) -> float:
        """All of it."""
        return sum(self)


@dataclass(frozen=True)
class Counts:
    """How much there is of everything in a cell's network and its training."""

    weights: int
    """Weights of all matrices."""
    first: int
    """Weights of the first matrix, through which no gradient is handed on."""
    largest: int
    """Weights of the largest matrix."""
    cubes: int
    """Weights of all matrices, each times its shorter side: what an optimizer's own products grow with."""
    parameters: int
    units: int
    """Units of all layers, outputs among them."""
    layers: int
    """Matrices."""
    probed: int
    """Places that are probed."""
    steps: int
    probes: int
    evaluations: int


def counts(spec: Spec, ends: Ends) -> Counts:
    """Return how much there is of everything."""
    network = build(spec, ends.features, ends.outputs)
    shapes = network.layout.shapes
    matrices = [fan_in * fan_out for fan_in, fan_out in shapes]
    clock = Clock.of(spec, ends.train)
    steps = clock.steps
    between = steps_between(*clock, spec.evaluations)
    powers = {2**exponent for exponent in range(steps.bit_length()) if 2**exponent % clock.length} if steps else set()
    return Counts(
        sum(matrices),
        matrices[0],
        max(matrices),
        sum(fan_in * fan_out * min(fan_in, fan_out) for fan_in, fan_out in shapes),
        network.layout.parameters,
        sum(fan_out for _, fan_out in shapes),
        len(matrices),
        network.depth,
        steps,
        spec.epochs + 1 + len(between | powers),
        spec.epochs + 1 + len(between),
    )


def memory(spec: Spec, ends: Ends) -> Memory:
    """Return about how many bytes a cell takes in training, at its highest point: an evaluation or a step.

    As large as all parameters are: they themselves, those before a step, the gradient and its copy in an evaluation,
    what the optimizer remembers, a network into which its normalization was folded, and the mean gradient of several
    batches, in double precision.
    """
    of, normalizes = counts(spec, ends), _normalizes(spec)
    alike = 4 + _remembered(spec.optimizer) + normalizes + 2 * (spec.gradient_batches > 0)
    examples = max(spec.batch_size, min(spec.probe_size, ends.train), min(EVALUATION_CHUNK, max(ends.val, ends.test)))
    return Memory(
        FLOAT * (alike * of.parameters + of.largest),
        FLOAT * examples * ((6 + 3 * normalizes) * of.units + ends.features),
        results(spec, ends),
    )


def results(spec: Spec, ends: Ends) -> float:
    """Return how many bytes a cell's measurements take, as they are gathered and handed on."""
    of = counts(spec, ends)
    rows = of.evaluations * (len(CURVE_METRICS) + 2) + of.probes * (len(METRICS) * of.probed + 2)
    return 2 * FLOAT * rows


def layers_blob(spec: Spec, ends: Ends) -> int:
    """Return how many bytes a cell's measurements of its layers take in the result store, in one piece."""
    of = counts(spec, ends)
    return FLOAT * of.probes * len(METRICS) * of.probed


def seconds(spec: Spec, ends: Ends, cells: int) -> float:
    """Return about how long a cohort of so many cells trains on one core of the machine that was measured."""
    of, each = counts(spec, ends), NATIVE if spec.compile == "native" else EAGER
    slower = 1 + each.normalized * _normalizes(spec)
    probed = min(spec.probe_size, ends.train)
    scored = of.evaluations * (min(ends.train, ends.val) + ends.val) + ends.test
    there_and_back = 6 * of.weights - 2 * of.first
    drawn = of.evaluations * spec.gradient_batches  # batches by which noise is measured
    products = there_and_back * ((of.steps + drawn) * spec.batch_size + of.probes * probed)
    products += 2 * of.weights * scored
    own = _multiplied(spec.optimizer) * of.cubes * of.steps
    elements = (of.steps + drawn) * spec.batch_size + 4 * of.probes * probed + 0.5 * scored
    passes = 3 * of.steps + 8 * drawn + 6 * of.probes + 4 * of.evaluations + 8
    chunks = of.evaluations * 2 * math.ceil(ends.val / EVALUATION_CHUNK) + math.ceil(ends.test / EVALUATION_CHUNK)
    operations = (of.steps + drawn) * 12 + of.probes * 50 + 4 * chunks
    matrices = 3 * (of.steps + drawn) + 3 * of.probes + chunks
    of_a_cell = each.product * (products + own) + each.element * slower * elements * of.units
    of_a_cell += each.parameter * passes * of.parameters + each.matrix * of.layers * matrices
    return cells * of_a_cell + each.operation * of.layers * operations * slower + COHORT


def _normalizes(spec: Spec) -> bool:
    return spec.normalization.kind != "none"


@cache
def _tried(optimizer: Optimizer, parameters: Sequence[tuple[str, float]], shape: tuple[int, int]) -> tuple[int, float]:
    """Try an optimizer on a weight matrix: return how many numbers it remembers a parameter, and how many
    multiplications and additions its own products are in a step."""
    state: State = {}
    one, (fan_in, fan_out) = torch.ones(1, 1), shape
    size = fan_in * fan_out
    with torch.inference_mode(), Products() as products:  # type: ignore[no-untyped-call]
        for step in range(2):
            grad_SN = torch.ones(1, size)
            factors = torch.ones(1, 4, fan_in), torch.ones(1, 4, fan_out)
            part = Part(0, torch.ones(1, size), grad_SN, [grad_SN], state, {}, shape, *factors)
            moment = Moment(torch.tensor(step), 2, 1, one, torch.tensor(0))
            descend = Descent(CLIPPINGS["none"], optimizer)
            descend([part], one, Numbers({}, dict(parameters)), moment)
    return sum(tensor.numel() == size for tensor in state.values()), products.operations / 2


def _remembered(level: Level) -> int:
    parameters: Any = tuple(without_decay(level).settings.items())
    return _tried(OPTIMIZERS[level.kind], parameters, (2, 3))[0]


def _multiplied(level: Level) -> float:
    """Return how many operations the products of an optimizer's own are a step, by the cube of a matrix's side."""
    parameters: Any = tuple(without_decay(level).settings.items())
    return _tried(OPTIMIZERS[level.kind], parameters, (SIDE, SIDE))[1] / SIDE**3
