"""The planted studies: what is true in each, and how its times and losses are drawn.

Times are planted by their logarithms to the base ten. A loss at the end goes with the square root of the time, with a
little chance of its own, so that tuning by the best loss is tuning by the time, and an effect on the one is an effect
on the other.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ablation.records.columns import FACTORS
from tests.reporting.planted.noise import logistic, normal
from tests.reporting.planted.plan import Plan

Outcomes = tuple[np.ndarray, np.ndarray]
Draw = Callable[[Plan, np.random.Generator], Outcomes]

INIT = {"torch_default": 0.05, "xavier_normal": 0.0, "he_normal": -0.05, "slides_normal": 0.02}
ACTIVATION = {"logistic": 0.25, "tanh": -0.08, "relu": 0.05, "leaky_relu": 0.0, "elu": -0.2}
DEPTH = {2: -0.4, 8: 0.0, 20: 0.4}
"""With these, an eighth of the cells never arrive, a quarter of those without normalization."""
BLOCK = 0.02
"""The standard deviation of what all cells of a seed have in common."""
COPIES = 0.77
"""The share of combinations in which clipping by value never acts, as in the core study."""
WANDERS = 0.06
"""The standard deviation over seeds of each activation's effect, where it differs from seed to seed."""
NOISY, QUIET, LOUD = "relu", 0.05, 0.22
"""The activation that is noisier than all others, and the noises."""


@dataclass(frozen=True)
class Truth:
    """A study whose truth is known.

    Attributes:
        factors: the levels in full, and ``small``, those for a test.
        real: the terms that there are, of the logarithms of times and losses.
        ratio: a factor, a level, and how many times as long it takes as the factor's reference level.
        best: by factor, the levels that truly are the fastest; a factor that is not here is not judged.
        named: false terms that are counted by name.
        noisy: the activation that must not be called the fastest, if any.
    """

    said: str
    draw: Draw
    factors: Mapping[str, tuple[Any, ...]]
    small: Mapping[str, tuple[Any, ...]]
    ratio: tuple[str, str, float]
    best: Mapping[str, frozenset[Any]]
    real: frozenset[str] = frozenset()
    named: tuple[str, ...] = ()
    noisy: str | None = None


def main(plan: Plan, **effects: Mapping[Any, float]) -> np.ndarray:
    """Main effects on the logarithm of the time, by level."""
    total = np.zeros([1] * len(FACTORS))
    for factor, values in effects.items():
        total = total + plan.along([values[level] for level in plan.levels[factor]], factor)
    return total


def outcomes(plan: Plan, rng: np.random.Generator, epochs: float, effects: Any, chance: np.ndarray) -> Outcomes:
    """Times around so many epochs, with these effects and chance, and the losses that go with them."""
    block = plan.along(BLOCK * rng.standard_normal(plan.size("seed")), "seed")
    time = np.log10(epochs) + effects + block + chance
    return time, -0.5 + 0.5 * (time - 0.7) + 0.02 * rng.standard_normal(plan.shape)


def faster(plan: Plan, rng: np.random.Generator) -> Outcomes:
    """A: batch normalization takes 0.40 times as long, all else adds to the logarithm, no two interact."""
    normalization = {"none": 0.0, "batch": np.log10(0.40)}
    effects = main(plan, init=INIT, activation=ACTIVATION, depth=DEPTH, normalization=normalization)
    return outcomes(plan, rng, 7.2, effects, 0.06 * normal(rng, plan.shape))


def copied(plan: Plan, rng: np.random.Generator) -> Outcomes:
    """B: nothing matters, but where clipping by value never acts its cells are those without clipping to the bit."""
    clipping, none = FACTORS.index("clipping"), plan.levels["clipping"].index("none")
    value = plan.levels["clipping"].index("value")
    time, loss = outcomes(plan, rng, 5.0, 0.0, 0.1 * normal(rng, plan.shape))
    # Of a combination all seeds are copies or none is.
    shape = [1 if factor in ("clipping", "seed") else size for factor, size in zip(FACTORS, plan.shape, strict=True)]
    same = (rng.random(shape) < COPIES).take(0, axis=clipping)
    for values in (time, loss):
        own = np.moveaxis(values, clipping, 0)
        own[value] = np.where(same, own[none], own[value])
    return time, loss


def wandering(plan: Plan, rng: np.random.Generator) -> Outcomes:
    """C: an activation's effect differs from seed to seed, around zero."""
    effects = plan.along(WANDERS * rng.standard_normal(plan.size("activation", "seed")), "activation", "seed")
    return outcomes(plan, rng, 5.0, effects, 0.05 * normal(rng, plan.shape))


def noisier(plan: Plan, rng: np.random.Generator) -> Outcomes:
    """D: one activation is noisier than the others, and the learning rate, which does nothing, is tuned."""
    noise = plan.along([LOUD if level == NOISY else QUIET for level in plan.levels["activation"]], "activation")
    return outcomes(plan, rng, 4.35, 0.0, noise * normal(rng, plan.shape))


def nothing(plan: Plan, rng: np.random.Generator) -> Outcomes:
    """E: nothing matters."""
    return outcomes(plan, rng, 5.0, 0.0, 0.1 * normal(rng, plan.shape))


def interacting(plan: Plan, rng: np.random.Generator) -> Outcomes:
    """F: activation and depth interact; normalization, with a ratio of 0.5, interacts with nothing."""
    normalization = {"none": 0.0, "batch": np.log10(0.5)}
    effects = main(plan, init=INIT, depth={2: -0.2, 8: 0.0, 20: 0.1}, normalization=normalization)
    deep = {"logistic": 0.25, "tanh": -0.05, "relu": 0.0, "leaky_relu": -0.05, "elu": -0.1}
    growing = [[deep[level] * (depth > 2) for depth in plan.levels["depth"]] for level in plan.levels["activation"]]
    effects = effects + plan.along(growing, "activation", "depth")
    return outcomes(plan, rng, 7.0, effects, 0.1 * normal(rng, plan.shape))


def unequal(plan: Plan, rng: np.random.Generator) -> Outcomes:
    """G: log-logistic chance, far larger without normalization and with some activations; a ratio of 0.5."""
    spread = {"logistic": 1.6, "tanh": 0.6, "relu": 1.0, "leaky_relu": 1.0, "elu": 0.6}
    noise = plan.along([spread[level] for level in plan.levels["activation"]], "activation")
    noise = noise * plan.along([0.15 if level == "none" else 0.05 for level in plan.levels["normalization"]], *NORM)
    effects = main(plan, depth={2: -0.1, 8: 0.0, 20: 0.1}, normalization={"none": 0.0, "batch": np.log10(0.5)})
    return outcomes(plan, rng, 6.0, effects, noise * logistic(rng, plan.shape))


NORM = ("normalization",)
CORE = {
    "init": tuple(INIT),
    "activation": tuple(ACTIVATION),
    "normalization": ("none", "batch"),
    "clipping": ("none", "value", "global_norm"),
    "depth": tuple(DEPTH),
    "lr": (0.01, 0.1, 1.0),
}
"""The levels of the core study."""


def plans(small: str, more: str = "") -> dict[str, Mapping[str, tuple[Any, ...]]]:
    """The levels of these factors in a small study, which has but two depths, and of them and some more in full."""
    full = {name: CORE[name] for name in CORE if name in f"{small} {more}".split()}
    few = {name: levels for name, levels in full.items() if name in small.split()}
    return {"factors": full, "small": few | ({"depth": (2, 20)} if "depth" in few else {})}


ALIKE = {factor: frozenset(levels) for factor, levels in CORE.items()}
BATCH = {"normalization": frozenset(["batch"])}
MAIN = frozenset(["init", "activation", "normalization", "depth"])

TRUTHS = {
    "A": Truth(
        "normalization 0.40, main effects, no interaction",
        faster,
        **plans("activation normalization depth", "init"),
        ratio=("normalization", "batch", 0.40),
        best=BATCH,
        real=MAIN,
        named=("normalization x depth", "activation x depth", "activation x normalization"),
    ),
    "B": Truth(
        "nothing matters, 77% of clippings by value are copies of none",
        copied,
        **plans("init activation normalization clipping", "depth"),
        ratio=("normalization", "batch", 1.0),
        best=ALIKE,
    ),
    "C": Truth(
        "activations differ from seed to seed around zero",
        wandering,
        **plans("init activation normalization", "depth"),
        ratio=("activation", "tanh", 1.0),
        best=ALIKE,
        named=("activation",),
    ),
    "D": Truth(
        f"{NOISY} is noisier, the learning rate is tuned among noise",
        noisier,
        **plans("init activation normalization lr", "depth"),
        ratio=("activation", NOISY, 1.0),
        best={**ALIKE, "activation": ALIKE["activation"] - {NOISY}},
        noisy=NOISY,
    ),
    "E": Truth(
        "nothing matters",
        nothing,
        **plans("activation normalization depth"),
        ratio=("normalization", "batch", 1.0),
        best=ALIKE,
    ),
    "F": Truth(
        "activation x depth interact, normalization 0.50 with nothing",
        interacting,
        **plans("activation normalization depth", "init"),
        ratio=("normalization", "batch", 0.50),
        best=BATCH,
        real=MAIN | {"activation x depth"},
        named=("normalization x depth", "activation x normalization"),
    ),
    "G": Truth(
        "log-logistic, unequal variances, normalization 0.50",
        unequal,
        **plans("activation normalization depth"),
        ratio=("normalization", "batch", 0.50),
        best=BATCH,
        real=frozenset(["normalization", "depth"]),
        named=("activation x normalization",),
    ),
}
"""By letter, every planted study."""
