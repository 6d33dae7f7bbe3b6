"""The law of bits, tried on a choice that is not known: no cell's numbers depend on the cells it is trained with.

Activations are applied so that they keep it; see ``training.elementwise``. Every other choice works on tensors of a
whole stack and is free to mix cells, or to use what torch rounds by place, as ``torch.sigmoid`` in a loss. That cannot
be read off a function, but a few steps show it.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

from ablation.choices.schedules import SCHEDULES
from ablation.training.data import Data, generator
from ablation.training.outcome import Outcome
from ablation.training.schedule import goes_by_time, tabulated
from ablation.training.spec import Level, Spec
from ablation.training.trainer import train

PLAIN = {
    "init": "he_normal",
    "activation": "relu",
    "normalization": "none",
    "clipping": "none",
    "optimizer": "sgd",
    "schedule": "constant",
    "loss": "cross_entropy",
}
"""What a choice is tried with."""

CELLS = 9
"""Cells of the stack that is tried."""

OTHER = Level("linear", {})
"""A schedule beside which one is tried."""

SIZES: dict[str, Any] = {"widths": (13, 7), "batch_size": 7, "epochs": 8, "probe_size": 11}
"""Odd, so that no cell ends where a vector of the processor does."""

FEATURES, CLASSES, SIZES_OF_PARTS = 11, 5, (31, 17, 13)
"""What the cells are tried on: inputs, classes, and examples to train, validate and test on."""


class UnlawfulError(ValueError):
    """A choice by which a cell's numbers depend on other cells, or on chance; how, in words."""


def check_law(choice: str, level: Level) -> None:
    """Train a few cells with a level of a choice, together, again, and each alone.

    Raises:
        UnlawfulError: the numbers of a cell differ.
    """
    if choice == "schedule" and goes_by_time(SCHEDULES[level.kind]):
        _check_table(level)
    cells = [replace(cell_with(choice, level), seed=seed) for seed in range(CELLS)]
    data = _data()
    together = train(cells, data)
    if not _alike(train(cells, data), together):
        raise UnlawfulError("the same cells train to other numbers another time")
    for place in (0, CELLS // 2, CELLS - 1):
        if not _alike(train([cells[place]], data), [together[place]]):
            raise UnlawfulError(f"a cell trains to other numbers alone than among {CELLS - 1} others")
    if choice == "schedule":
        mixed = [replace(cell, schedule=OTHER) if place % 2 else cell for place, cell in enumerate(cells)]
        if not _alike(train(mixed, data)[::2], together[::2]):
            raise UnlawfulError(f"a cell trains to other numbers beside cells of the schedule {OTHER.kind}")


def _check_table(level: Level) -> None:
    """Call a schedule that goes by time for the same steps twice, for a process that trains calls it only once."""
    known = SCHEDULES[level.kind], tuple(sorted(level.settings.items()))
    steps_per_epoch = SIZES_OF_PARTS[0] // SIZES["batch_size"]
    one, other = (tabulated(*known, SIZES["epochs"] * steps_per_epoch, steps_per_epoch) for _ in range(2))
    for step in (one.nan_to_num() != other.nan_to_num()).nonzero().flatten()[:1].tolist():
        raise UnlawfulError(f"it returns another factor at step {step} another time")


def cell_with(choice: str, level: Level) -> Spec:
    """Return the cell that a choice is tried in."""
    levels = {name: Level(kind, {}) for name, kind in PLAIN.items()} | {choice: level}
    # A network of one's own need not take layers of several widths.
    sizes = {**SIZES, "widths": (13, 13)} if choice == "model" else SIZES
    return Spec(**levels, lr=0.03, seed=0, **sizes)  # type: ignore[arg-type]


def _data() -> Data:
    draw = generator(0, "law")
    x = 3.0 * torch.randn(sum(SIZES_OF_PARTS), FEATURES, generator=draw)
    y = torch.randint(CLASSES, (sum(SIZES_OF_PARTS),), generator=draw)
    return Data.in_order(x, y, SIZES_OF_PARTS, CLASSES)


def _alike(some: Sequence[Outcome], others: Sequence[Outcome]) -> bool:
    """Whether outcomes are the same to the bit, or are no numbers in both."""
    return all(
        one.diverged_step == other.diverged_step
        and all(
            np.array_equal(mine, theirs, equal_nan=True)
            for mine, theirs in (
                (one.curves, other.curves),
                (one.layers, other.layers),
                (one.test, other.test),
                (one.weights.numpy(), other.weights.numpy()),
            )
        )
        for one, other in zip(some, others, strict=True)
    )
