"""A fixed split of labelled data into three: a part to train on, one to validate on, and one to test on in the end.

Every example draws one uniform number: those with the smallest validate, those with the largest test. So with one seed,
a larger share only adds to the validation part, or to the test part, and neither moves the other.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ablation import UserError
from ablation.levels import shown

Places = NDArray[np.int64]
Parts = tuple[Places, Places, Places]
"""The places of the examples to train, validate and test on, each ascending, so that all keep the source's order."""


def stratified_split(
    label: str, labels: NDArray[Any], validation: float, test: float, seed: int, names: Sequence[str] | None = None
) -> Parts:
    """Set shares of each class apart, rounded to whole examples.

    Args:
        label: the level's name, for the message.
        labels: ``[n]``, the class of each example.
        validation: the share to validate on, between 0 and 1.
        test: the share to test on, likewise; some are left.
        seed: of the generator, PCG64.
        names: the classes', for the message; where they have none, it gives their numbers.

    Raises:
        UserError: a class would be without an example in one of the parts.
    """
    draws = _draws(len(labels), seed)
    side = np.zeros(len(labels), np.int8)
    for number in np.unique(labels):
        members = np.flatnonzero(labels == number)
        whose = f"class {shown(names[number] if names else number, 40)} with its {len(members)} examples"
        validates, tests = shares_of(label, len(members), validation, test, whose)
        ascending = members[np.argsort(draws[members], kind="stable")]
        side[ascending[:validates]] = 1
        side[ascending[len(members) - tests :]] = 2
    train, val, last = (np.flatnonzero(side == part) for part in range(3))
    return train, val, last


def shares_of(label: str, examples: int, validation: float, test: float, whose: str = "") -> tuple[int, int]:
    """Return how many of so many examples are validated on and tested on, rounded to whole ones.

    Raises:
        UserError: one of the parts would be left without.
    """
    validates, tests = round(examples * validation), round(examples * test)
    for count, verb in ((validates, "validate"), (tests, "test"), (examples - validates - tests, "train")):
        if count < 1:
            raise UserError(
                f"data.{label}.validation_fraction={validation} data.{label}.test_fraction={test}: leave "
                f"{whose or f'its {examples} examples'} none to {verb} on"
            )
    return validates, tests


def random_split(examples: int, validation: int, test: int, seed: int) -> Parts:
    """Set so many of the examples apart to validate and to test on, whatever their classes, chosen by ``seed``."""
    ascending = np.argsort(_draws(examples, seed), kind="stable")
    ends = validation, examples - test
    val, train, last = (np.sort(places) for places in np.split(ascending, ends))
    return train, val, last


def _draws(count: int, seed: int) -> NDArray[np.float64]:
    # Uniform doubles and a stable sort, rather than the generator's shuffle: numpy has changed its shuffles before.
    return np.random.Generator(np.random.PCG64(seed)).random(count)
