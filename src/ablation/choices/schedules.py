"""Schedules: the factor on the learning rate as a function of the step, and nothing else."""

from collections.abc import Callable


def constant(step: int, steps: int) -> float:
    """Return 1 at every one of the ``steps`` steps, which count from 0."""
    return 1.0


SCHEDULES: dict[str, Callable[..., float]] = {"constant": constant}
