"""A fixed split of labelled data into a part to train on and a part to validate on."""

import numpy as np
from numpy.typing import NDArray

from ablation import UserError


def stratified_split(
    label: str, labels: NDArray[np.int64], fraction: float, seed: int
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Set ``fraction`` of each class apart for validation, rounded to whole images, chosen by ``seed``.

    Every image draws one uniform number, and those of a class with the smallest go to validation. So with one seed, a
    larger fraction only adds to the validation part. Both parts keep the source's order.

    Args:
        label: the level's name, for the message.
        labels: ``[n]``, the class of each image.
        fraction: between 0 and 1.
        seed: of the generator, PCG64.

    Returns:
        The places of the images to train on and of those to validate on, each ascending; together, all ``n``.

    Raises:
        UserError: a class would be without an image in one of the parts.
    """
    # Uniform doubles and a stable sort, rather than the generator's shuffle: numpy has changed its shuffles before.
    draws = np.random.Generator(np.random.PCG64(seed)).random(len(labels))
    validates = np.zeros(len(labels), bool)
    for number in np.unique(labels):
        members = np.flatnonzero(labels == number)
        chosen = round(len(members) * fraction)
        if not 0 < chosen < len(members):
            side = "validate" if chosen == 0 else "train"
            raise UserError(
                f"data.{label}.validation_fraction={fraction}: leaves class {number} with its {len(members)} images "
                f"none to {side} on"
            )
        validates[members[np.argsort(draws[members], kind="stable")[:chosen]]] = True
    return np.flatnonzero(~validates), np.flatnonzero(validates)
