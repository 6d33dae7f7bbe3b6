"""Which cells are trained together: cohorts that share a graph, fit into memory and keep every worker busy."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from ablation.studies.cells import Cell
from ablation.studies.engines.stack_size import BATCH, fastest_stack, timed
from ablation.studies.machine.cost import Ends, memory
from ablation.training.networks import build
from ablation.training.networks.layout import Layout

COHORT_BYTES = 32 * 2**20
"""What the weights and activations of a cohort may take on a processor that was not measured."""

FEW_CELLS, FEW_CELLS_BYTES = 16, 128 * 2**20
"""So many cells may be trained together on a processor whatever its cache, while they take no more memory than this:
fewer lose more time to the overhead of a step than to memory beyond the cache (5 to 7% with 8 cells of 20 x 100)."""

COHORT_CELLS = 64
"""Beyond this many cells the overhead of a step is spread thin enough."""

CUDA_SHARE = 0.5
"""Share of a GPU's free memory that the cohorts which train on it at a time may take."""

REMOTE_CUDA_BYTES = 4 * 2**30
"""What it may take on a GPU of another machine, whose memory is not known here."""

CUDA_CELLS = 4096
"""Most cells of a cohort on a GPU."""


class Limits(NamedTuple):
    """How large a cohort may be.

    Attributes:
        memory: bytes of its weights and activations.
        cells: their number.
        memory_of_few: bytes that a cohort of at most ``FEW_CELLS`` may take, where that is more.
        room: bytes that all of a cohort may take, its results among it, where that is known.
        splits: whether a cohort is split where some workers would have none. On one GPU two halves take longer than one
            whole, for each launches as many kernels.
        mixes: whether cells are trained where those that differ in activation and clipping share a stack too.
    """

    memory: int
    cells: int
    memory_of_few: int = 0
    room: float = math.inf
    splits: bool = True
    mixes: bool = False


@dataclass(frozen=True)
class Cohort:
    """Cells trained together.

    Attributes:
        places: their places in the list that the engine was given.
        cells: the cells.
        name: of the cohort.
        watched: clipping rules of which it is noted what they would have compared, with the names to note it by.
    """

    places: list[int]
    cells: list[Cell]
    name: str
    watched: Mapping[str, str] = field(default_factory=dict)


def make_cohorts(
    cells: Sequence[Cell], ends: Mapping[str, Ends], workers: int, limits: Limits, begin: int = 0
) -> list[Cohort]:
    """Group cells into cohorts, the costliest first, so that the last ones to run are short.

    Args:
        cells: what is to be trained.
        ends: what each data set is to a network, by label.
        workers: how many cohorts train at a time; every one of them gets work, if there is enough.
        limits: how large they may be; one cell always fits.
        begin: the number that the first is named by.
    """
    groups: dict[str, list[int]] = {}
    for place, cell in enumerate(cells):
        shared = json.dumps([cell.data, cell.spec.shared(limits.mixes)], sort_keys=True)
        groups.setdefault(shared, []).append(place)
    if limits.mixes:
        for group in groups.values():
            # Cells of a kind side by side: what is done to them alike is done to neighbours in one go.
            group.sort(key=lambda place: _kind(cells[place]))
    parts: list[list[int]] = []
    for group in groups.values():
        first = cells[group[0]]
        each = _bytes(first, ends)
        few = min(FEW_CELLS, limits.memory_of_few // each)
        most = min(limits.cells, max(few, limits.memory // each))
        if limits.room < math.inf:
            most = min(most, limits.room / memory(first.spec, ends[first.data]).whole)
        most = max(1, int(most))
        count = -(-len(group) // most)
        parts += [group[part * len(group) // count : (part + 1) * len(group) // count] for part in range(count)]

    def cost(part: list[int]) -> float:
        return len(part) * _bytes(cells[part[0]], ends)

    while limits.splits and len(parts) < min(workers, len(cells)):
        widest = max((part for part in parts if len(part) > 1), key=cost)
        parts.remove(widest)
        parts += [widest[: len(widest) // 2], widest[len(widest) // 2 :]]
    parts.sort(key=cost, reverse=True)
    return [Cohort(part, [cells[place] for place in part], f"{number:04d}") for number, part in enumerate(parts, begin)]


def _kind(cell: Cell) -> str:
    return json.dumps([(level.kind, level.settings) for level in (cell.spec.activation, cell.spec.clipping)])


def _bytes(cell: Cell, ends: Mapping[str, Ends]) -> float:
    features, outputs, *_ = ends[cell.data]
    return bytes_of(build(cell.spec, features, outputs).layout, cell.spec.batch_size)


def bytes_of(layout: Layout, batch: int) -> float:
    """Return about how much memory a cell takes in training: weights, gradients, a step taken; and four numbers a
    unit-sample. Its time is about in proportion.

    Args:
        layout: its network's.
        batch: examples of a step.
    """
    weights = sum(fan_in * fan_out for fan_in, fan_out in layout.shapes)
    values = layout.shapes[0][0] + sum(fan_out for _, fan_out in layout.shapes)
    return 4.0 * (3 * weights + 4 * batch * values)


def cohort_limits(device: torch.device, measure: bool) -> Limits:
    """Return how large cohorts may be.

    Args:
        device: where cohorts train.
        measure: whether this machine's processor trains them and is worth measuring.
    """
    if device.type != "cuda":
        if not measure:
            return Limits(COHORT_BYTES, COHORT_CELLS, FEW_CELLS_BYTES)
        return Limits(int(fastest_stack() * bytes_of(timed().layout, BATCH)), COHORT_CELLS, FEW_CELLS_BYTES)
    if not torch.cuda.is_available():
        return Limits(REMOTE_CUDA_BYTES, CUDA_CELLS, mixes=True)
    free, _ = torch.cuda.mem_get_info(device)
    return Limits(int(free * CUDA_SHARE), CUDA_CELLS, mixes=True)
