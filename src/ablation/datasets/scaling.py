"""Columns of different scales, each standardized by its own mean and deviation over the training part.

In double precision, from sums that are rounded once (``math.fsum``): the same bytes on every machine.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ablation import UserError
from ablation.datasets.examples import Examples

Floats = NDArray[np.float64]
Columns = dict[str, NDArray[Any]]


class Scaled(NamedTuple):
    """A standardized column.

    Attributes:
        z: ``[n]``, (x - mean) / std; all zero where the training part has one value, of which nothing can be learned.
        mean: of the training part, in raw units.
        std: its (population) standard deviation; 1 where that is 0.
    """

    z: Floats
    mean: float
    std: float


def standardized(label: str, examples: Examples, train: NDArray[np.int64]) -> tuple[Columns, Columns]:
    """Return inputs and targets as they are kept, by axis, and the means and deviations that have standardized them.

    Raises:
        UserError: a value lies too far from the training part's.
    """
    columns: Columns = {"x": examples.x, "y": examples.y}
    scales: Columns = {}
    names = {"x": examples.about.get("columns", ()), "y": ("the target",)}
    for axis, values in columns.items():
        if values.dtype != np.float64:
            continue

        def told(column: int, row: int, of: Sequence[str] = names[axis]) -> str:
            return f"data.{label}: {of[column]} in row {row + 1}"

        z, scales[f"{axis}_mean"], scales[f"{axis}_std"] = standardize_columns(
            values.reshape(len(values), -1), train, told
        )
        columns[axis] = z.reshape(values.shape)
    return columns, scales


def standardize(x: Floats, train: NDArray[np.int64]) -> Scaled:
    """Standardize one column by its rows ``train``."""
    trained = x[train]
    if (trained == trained[0]).all():
        return Scaled(np.zeros_like(x), float(trained[0]), 1.0)
    # By powers of two, which round nothing: neither the largest doubles nor the smallest leave their range on the way.
    unit = math.ldexp(1.0, math.frexp(float(np.abs(trained).max()))[1] - 1)
    with np.errstate(over="ignore"):  # of a value that lies that far from those to train on: refused below
        scaled = x / unit
        mean = math.fsum(scaled[train].tolist()) / len(train)
        distance = scaled - mean
        reach = math.ldexp(1.0, math.frexp(float(np.abs(distance[train]).max()))[1] - 1)
        distance = distance / reach
        std = math.sqrt(math.fsum(np.square(distance[train]).tolist()) / len(train))
        return Scaled(distance / std, mean * unit, std * reach * unit)


def standardize_columns(
    x: Floats, train: NDArray[np.int64], told: Callable[[int, int], str]
) -> tuple[NDArray[np.float32], Floats, Floats]:
    """Standardize every column of ``[n, columns]``; return it in single precision, with their means and deviations.

    Args:
        x: finite numbers.
        train: the rows by which.
        told: names a column and a row, both counted from 0, for the message.

    Raises:
        UserError: a value lies beyond single precision when measured in deviations of the training part.
    """
    z = np.empty(x.shape, np.float32)
    mean, std = np.empty(x.shape[1]), np.empty(x.shape[1])
    for column in range(x.shape[1]):
        scaled = standardize(x[:, column], train)
        with np.errstate(over="ignore"):
            z[:, column] = scaled.z
        beyond = np.flatnonzero(~np.isfinite(z[:, column]))
        if len(beyond):
            raise UserError(
                f"{told(column, int(beyond[0]))} is {x[beyond[0], column]:g}, which in deviations of the training part "
                f"({scaled.std:g}) is more than single precision holds"
            )
        mean[column], std[column] = scaled.mean, scaled.std
    return z, mean, std


def variance(y: NDArray[np.float32]) -> float:
    """Return the (population) variance of some targets."""
    values = y.astype(np.float64).tolist()
    mean = math.fsum(values) / len(values)
    return math.fsum((value - mean) ** 2 for value in values) / len(values)
