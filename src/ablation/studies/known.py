"""What need not be trained: a clipped cell in which nothing is ever clipped is the unclipped one, to the bit.

While the unclipped cell trains, it is noted what the rule would have compared with its threshold
(``training/watch.py``); if that never exceeds the clipped cell's, its record is the unclipped cell's. That holds where
a cell has the same bits in any cohort and its step the same arithmetic with a rule as without: on a processor, and
not with compiled layers.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

import torch

from ablation.choices.clipping import CLIPPINGS, COMPARED, UNCLIPPED
from ablation.studies.cells import Cell
from ablation.studies.code import choice_digest, digest, function_digest
from ablation.studies.store import Record


def siblings(cells: Sequence[Cell]) -> dict[int, int]:
    """Return the place of each clipped cell's unclipped sibling, the same cell but for clipping, where there is one.

    Only of cells that may be known by it: whose layers are not compiled, and whose rule says what it compares.
    """
    clipped = {
        place: _but_clipping(cell)
        for place, cell in enumerate(cells)
        if cell.spec.clipping.kind in COMPARED and cell.spec.compile != "layers"
    }
    if not clipped:
        return {}
    unclipped = {_but_clipping(cell): place for place, cell in enumerate(cells) if cell.spec.clipping.kind == UNCLIPPED}
    return {place: unclipped[others] for place, others in clipped.items() if others in unclipped}


def _but_clipping(cell: Cell) -> tuple[object, ...]:
    """Return the levels of all other factors: in a study they are all else that the spec and the data hang on."""
    return tuple(level for factor, level in cell.factors.items() if factor != "clipping")


def count_known(cells: Sequence[Cell], bits: Sequence[bytes]) -> int:
    """Return how many cells have the bits of their unclipped sibling, be it that they were trained or not."""
    return sum(bits[place] == bits[sibling] for place, sibling in siblings(cells).items())


def bits_of(record: Record) -> bytes:
    """Return a digest of what was measured of a cell."""
    told = repr((record.diverged_step, record.parameters, record.curves.shape, record.layers.shape))
    sha = hashlib.sha256(told.encode())
    for values in (record.curve_steps, record.curves, record.layer_steps, record.layers):
        sha.update(values.tobytes())
    return sha.digest()


def noted_as(kind: str) -> str:
    """Return the name under which a record keeps what a rule would have compared: a digest of the rule.

    The unclipped cell's key does not say what the rule does; should that change, its numbers are no longer asked for.
    """
    return digest([choice_digest(CLIPPINGS, kind), *map(function_digest, COMPARED[kind])])


class Waiting:
    """The clipped cells of a study that wait for what their unclipped sibling tells.

    Args:
        cells: the study's.
        missing: the places of those whose results are wanted.
        device: where cells are trained.
    """

    def __init__(self, cells: Sequence[Cell], missing: Iterable[int], device: torch.device) -> None:
        self._cells = cells
        wanted = set(missing) if device.type == "cpu" else set()
        self._sibling = {place: other for place, other in siblings(cells).items() if place in wanted}
        self._for: dict[int, list[int]] = {}
        for place, other in self._sibling.items():
            self._for.setdefault(other, []).append(place)
        self._names = {kind: noted_as(kind) for kind in {cells[place].spec.clipping.kind for place in self._sibling}}

    def __contains__(self, place: int) -> bool:
        return place in self._sibling

    @property
    def awaited(self) -> list[int]:
        """The places of the unclipped cells."""
        return [*self._for]

    def watched(self, places: Iterable[int]) -> dict[str, str]:
        """Return the rules that cells wait for at these places, each with the name for its numbers."""
        kinds = {self._cells[each].spec.clipping.kind for place in places for each in self._for.get(place, ())}
        return {kind: self._names[kind] for kind in sorted(kinds)}

    def told(self, place: int, record: Record) -> Iterator[tuple[int, Record]]:
        """Yield the cells that a record of the cell at this place tells, each with its own; none of them waits on."""
        for each in self._for.pop(place, ()):
            del self._sibling[each]
            spec = self._cells[each].spec
            largest = record.compared.get(self._names[spec.clipping.kind])
            acts = COMPARED[spec.clipping.kind].acts
            if largest is not None and not acts(largest, **spec.clipping.settings):
                yield each, replace(record, spec=spec.as_dict(), compared={})
