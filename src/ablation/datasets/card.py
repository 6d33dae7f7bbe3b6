"""The card of prepared data: what they are, made from nothing but them and their level, so it can be made again."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ablation import UserError
from ablation.datasets.examples import CLASSIFICATION, OUTPUTS_OF_REGRESSION, task_of
from ablation.datasets.scaling import variance
from ablation.datasets.settings import content_parameters
from ablation.datasets.sources import CLASSES, SOURCES

PARTS = ("train", "val", "test")
"""The parts of a data set, in the order in which a source splits them; each has a tensor ``_x`` and one ``_y``."""

NAMES = {"train": "training", "val": "validation", "test": "test"}
"""What they are called."""

SCALES = ("mean", "std")
"""What standardized columns are kept with, likewise."""

OTHERWISE_TOLD = ("image_shape", "made_from", "columns", "class_names")
"""What of a card its tensors do not tell; some have it."""

Tensors = dict[str, NDArray[Any]]


def describe(
    label: str, split: int, kind: str, params: Mapping[str, Any], tensors: Tensors, rest: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the card of ``tensors``, made from nothing but them, the level and ``rest``.

    ``rest`` has what of ``OTHERWISE_TOLD`` there is.

    Raises:
        UserError: there is nothing to learn by in the training part, or nothing to score by in another.
    """
    train_x = tensors["train_x"]
    # Floats were drawn from N(0, 1), or standardized when they were prepared, and are left as they are.
    mean, std = mean_and_std(train_x) if train_x.dtype == np.uint8 else (0.0, 1.0)
    still: Sequence[int] = np.flatnonzero((train_x == train_x[0]).all(axis=0)).tolist() if "columns" in rest else []
    if std == 0 or len(still) == train_x.shape[1]:
        what = f"pixel to train on is {mean:g}" if std == 0 else "column has one value in the training part"
        raise UserError(f"data.{label}: every {what}, so there is nothing to standardize or learn")
    return {
        "label": label,
        "split": split,
        "kind": kind,
        "parameters": content_parameters(params),
        "source": SOURCES[kind].citation,
        "features": train_x.shape[1],
        **{key: rest[key] for key in OTHERWISE_TOLD if key in rest},
        **({"constant": [rest["columns"][column] for column in still]} if "columns" in rest else {}),
        **_targets_told(label, params, tensors, rest),
        **{part: len(tensors[f"{part}_y"]) for part in PARTS},
        "mean": mean,
        "std": std,
        "digest": digest(tensors),
    }


def _targets_told(label: str, params: Mapping[str, Any], tensors: Tensors, rest: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a card says of the targets: of classes how many examples have each, of numbers their variance."""
    labels = {part: tensors[f"{part}_y"] for part in PARTS}
    task = task_of(labels["train"])
    if task == CLASSIFICATION:
        classes = len(rest["class_names"]) if "class_names" in rest else int(params.get("classes", CLASSES))
        counts = {part: np.bincount(y, minlength=classes).tolist() for part, y in labels.items()}
        return {"task": task, "classes": classes, "outputs": classes, "counts": counts}
    variances = {part: variance(y) for part, y in labels.items()}
    for part, spread in variances.items():
        if spread == 0:
            raise UserError(
                f"data.{label}: all {len(labels[part])} targets of the {NAMES[part]} part are the same, so that R "
                "squared is not defined; give more examples, or larger shares"
            )
    scale = {f"target_{scale}": float(tensors[f"y_{scale}"][0]) for scale in SCALES}
    return {"task": task, "classes": None, "outputs": OUTPUTS_OF_REGRESSION, **scale, "variances": variances}


def digest(tensors: Mapping[str, NDArray[Any]]) -> str:
    """Return the SHA-256 of the tensors' names, types, shapes and little-endian bytes, as hexadecimal digits."""
    sha = hashlib.sha256()
    for name in sorted(tensors):
        array = tensors[name]
        array = np.ascontiguousarray(array, array.dtype.newbyteorder("<"))
        sha.update(json.dumps([name, array.dtype.name, list(array.shape)]).encode() + b"\n")
        sha.update(array.data)
    return sha.hexdigest()


def mean_and_std(pixels: NDArray[np.uint8]) -> tuple[float, float]:
    """Return mean and (population) standard deviation of all pixels, in raw units.

    From exact integer sums over the histogram, with one rounding at the end: the same on every machine, whatever its
    summation order.
    """
    flat = pixels.reshape(-1)
    # In blocks, since bincount widens what it counts to eight bytes each.
    counts = np.zeros(256, np.int64)
    for start in range(0, flat.size, 2**20):
        counts += np.bincount(flat[start : start + 2**20], minlength=256)
    total = sum(value * count for value, count in enumerate(counts.tolist()))
    squares = sum(value * value * count for value, count in enumerate(counts.tolist()))
    return total / flat.size, math.sqrt(flat.size * squares - total * total) / flat.size
