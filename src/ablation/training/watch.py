"""What clipping rules would have compared with their thresholds, in cells that are not clipped.

Afterwards it says of any threshold whether the rule would ever have acted; where it would not, the cell that it clips
is this one, to the bit. Watching changes no number of a cell.

Legend of the suffixes: S cells of a cohort, N numbers of a part in a row, 1 an axis of length one.
"""

from collections.abc import Iterable, Iterator, Mapping

import torch
from torch import Tensor

from ablation.choices.clipping import COMPARED, Gradient
from ablation.training.descent import Part


class Watch:
    """The largest number that each watched rule would have compared so far, of every cell.

    Args:
        kinds: the rules, keys of ``COMPARED``; none of them costs nothing.
        cells: how many cells there are, none of which is clipped, and all trained eagerly.
        device: where.
    """

    def __init__(self, kinds: Iterable[str], cells: int, device: torch.device) -> None:
        # Every number compared is a magnitude.
        self._largest = {kind: torch.zeros(cells, 1, device=device) for kind in kinds}

    def over(self, parts: Iterable[Part]) -> Iterator[Part]:
        """Pass on all parts of a gradient, in the order in which a rule would see them, having looked at each."""
        found: dict[str, list[Tensor]] = {kind: [] for kind in self._largest}
        for part in parts:
            for kind, numbers in found.items():
                numbers += COMPARED[kind].of_part(Gradient([part.grad_SN], part.tensors))
            yield part
        for kind, numbers in found.items():
            # What is not a number stays none from here on.
            torch.maximum(self._largest[kind], COMPARED[kind].of_all(numbers), out=self._largest[kind])

    @property
    def kinds(self) -> list[str]:
        """The watched rules."""
        return [*self._largest]

    def note(self, largest: Mapping[str, Tensor]) -> None:
        """Note the largest numbers, [S, 1] by kind, that were found otherwise; of more kinds than are watched."""
        self._largest = {kind: torch.maximum(seen_S1, largest[kind]) for kind, seen_S1 in self._largest.items()}

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows only."""
        self._largest = {kind: largest_S1[rows] for kind, largest_S1 in self._largest.items()}

    def of(self, row: int) -> dict[str, float]:
        """Return the largest numbers of one cell, by the rule's kind."""
        return {kind: float(largest_S1[row]) for kind, largest_S1 in self._largest.items()}
