"""How the parts of a training are executed: called as they are, or captured once and replayed.

The trainer is one loop over three of them, a training step, a probe, and a probe with an evaluation. Each is a function
without arguments that reads and writes tensors which stay in place: what it is to work on is put into them before.
"""

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

from ablation.choices.optimizers import State

Kind = Literal["step", "probe", "evaluation"]
"""The parts; an evaluation has a probe in it."""

Body = Callable[[], None]


class Execution(Protocol):
    """How the parts are executed.

    Attributes:
        looks: whether a look at numbers between two parts costs next to nothing. Then cells that have diverged leave
            the stack at each probe; else they stay until most have.
    """

    looks: bool

    def run(self, kind: Kind, body: Body, states: Sequence[State]) -> None:
        """Execute a part.

        Args:
            kind: which.
            body: what it does now.
            states: what rules remember, in which they may put other tensors in the place of those that are there.
        """
        ...

    def forget(self) -> None:
        """Take note that the tensors are others from here on, for cells have left."""
        ...

    def close(self) -> None:
        """Give back what was taken for the cohort."""
        ...


class Eager:
    """Every part is called as it is.

    Args:
        looks: as ``Execution``.
    """

    def __init__(self, looks: bool = True) -> None:
        self.looks = looks

    def run(self, kind: Kind, body: Body, states: Sequence[State]) -> None:
        """As ``Execution.run``."""
        body()

    def forget(self) -> None:
        """As ``Execution.forget``: there is nothing to."""

    def close(self) -> None:
        """As ``Execution.close``: nothing was taken."""
