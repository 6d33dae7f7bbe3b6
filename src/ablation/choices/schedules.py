"""Schedules: the factor on the learning rate in a step.

A rule returns a number, or one a cell as [S, 1]. It asks for the step, the number of steps and what else it goes by in
its signature, as parameters without a default.
"""

from collections.abc import Callable

from torch import Tensor

Schedule = Callable[..., float | Tensor]


def constant() -> float:
    """Return 1 in every step."""
    return 1.0


SCHEDULES: dict[str, Schedule] = {"constant": constant}
