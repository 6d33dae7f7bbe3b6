"""What chance does to the logarithm of a cell's time: laws of mean 0 and standard deviation 1."""

from collections.abc import Callable

import numpy as np

Law = Callable[[np.random.Generator, tuple[int, ...]], np.ndarray]


def normal(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Times are log-normal."""
    return rng.standard_normal(shape)


def logistic(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Times are log-logistic: of tails so heavy that one in a hundred is beyond 2.5 standard deviations."""
    return rng.logistic(scale=np.sqrt(3) / np.pi, size=shape)
