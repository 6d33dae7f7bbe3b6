"""An activation of a stack whose cells have several: each cell's own, on its own rows."""

from collections.abc import Iterable, Sequence
from itertools import groupby

import torch
from torch import Tensor

from ablation.training.elementwise import activation_of
from ablation.training.products import side_by_side
from ablation.training.spec import Level


class MixedActivation:
    """Value and derivative of pre-activations, [S, ...], of cells with different activations.

    Neighbours of the same level are a run, which the level's function is given as a view. It is a function of each
    number alone, so a cell's bits are those that it has alone; and what comes of the runs is laid out as that of one.

    Args:
        levels: each cell's activation, in the order of the stack. Any order is right; of cells sorted by it the runs
            are few.
    """

    def __init__(self, levels: Sequence[Level]) -> None:
        self._levels = list(levels)
        self._bind()

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return value and derivative, [S, ...]."""
        if len(self._functions) == 1:
            return self._functions[0](x)
        runs = zip(self._functions, torch.split(x, self._sizes), strict=True)
        values, derivatives = zip(*(function(of_run) for function, of_run in runs), strict=True)
        return side_by_side(values), side_by_side(derivatives)

    def keep(self, rows: Iterable[int]) -> None:
        """Go on with these rows of the stack only."""
        self._levels = [self._levels[row] for row in rows]
        self._bind()

    def _bind(self) -> None:
        runs = [(level, len(list(cells))) for level, cells in groupby(self._levels)]
        self._functions = [activation_of(level) for level, _ in runs]
        self._sizes = [size for _, size in runs]
