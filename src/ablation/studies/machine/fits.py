"""What this machine's memory cannot hold is refused before anything is trained, in one line.

Estimates err by some tens of percent, mostly upward. What slips through ends in one line too, only later.
"""

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import torch

from ablation import UserError
from ablation.datasets.prepared import paths
from ablation.datasets.settings import complete
from ablation.studies.cells import Cell, count_cells, count_rates
from ablation.studies.machine import cost
from ablation.studies.machine.cost import Ends
from ablation.studies.machine.resources import address_space, memory
from ablation.studies.study import Study
from ablation.studies.views import prepared_name, view_named
from ablation.training.spec import Spec

SHARE = 0.9
"""Share of the free memory that is planned with; a machine has other things to do as well."""

CELL = 2_000
"""Bytes that a study takes a cell: the cell itself, its key, its rows in tables of names."""

DRAWING, READING = 17, 8
"""Bytes that a value of a generated data set takes while it is drawn, and one of any while it is read."""

TABULATING = 24
"""Bytes that a weight of a layer takes while its initializer is tabulated for the theory; one layer at a time."""

WRITING = 3
"""How often the measurements of the cells that are written together are in memory."""

WRITTEN_TOGETHER = 256
"""Cells whose measurements are in memory together while results are written."""

LARGEST_BLOB = 1_000_000_000
"""Bytes of the largest piece that SQLite takes, in which the result store keeps a cell's measurements of its layers."""

WORKER = 2**26
"""Bytes of a worker process beside its data and its cohort; torch itself they have in common."""


def free() -> float:
    """Return how many bytes a process of this study may plan with."""
    by_limit = address_space()
    return SHARE * min(memory(), math.inf if by_limit is None else by_limit)


def refuse_product(study: Study) -> None:
    """Refuse more cells than can be held, before they are.

    Raises:
        UserError: naming the factors that vary.
    """
    count, room = count_cells(study), free()
    if count * CELL <= room:
        return
    sizes: dict[str, int] = {factor: len(levels) for factor, levels in study.levels.items()}
    sizes |= {"model": len(study.models), "data": len(study.data)}
    sizes |= {factor: len(levels) for factor, levels in study.numbers.items()}
    if study.rates:  # of which there is no product
        del sizes["lr"]
        sizes = {"optimizer and lr" if factor == "optimizer" else factor: size for factor, size in sizes.items()}
        sizes["optimizer and lr"] = count_rates(study)
    product = " x ".join(f"{size} of {factor}" for factor, size in sizes.items() if size > 1)
    raise UserError(
        f"{product}: {count:,} cells take some {sized(count * CELL)} before the first is trained, and {sized(room)} "
        f"are free: enough for {int(room // CELL):,}; give fewer levels, or split the study"
    )


def refuse_data(study: Study) -> None:
    """Refuse data that would have to be drawn, or read, and cannot be held.

    Raises:
        UserError: naming the data level.
    """
    room = free()
    for label, given in study.data.items():
        _, parameters = complete(label, given)
        if "examples" not in parameters or "features" not in parameters:
            continue
        examples, features = int(parameters["examples"]), int(parameters["features"])
        files = [paths(label, study.data_folder, split)[0] for split in study.numbers["split"]]
        is_there = all(file.exists() for file in files)
        needed = (READING if is_there else DRAWING) * examples * 1.5 * features
        if needed > room:
            raise UserError(
                f"data.{label}.examples={examples}: with {features} features they take some {sized(needed)} to "
                f"{'read' if is_there else 'draw'}, and {sized(room)} are free; give fewer of either"
            )


def refuse_cells(cells: Sequence[Cell], missing: Sequence[Cell], ends: Mapping[str, Ends], room: float) -> None:
    """Refuse cells of which not even one fits, or whose results could not be kept or written.

    Args:
        cells: all of the study.
        missing: those that are trained.
        ends: what the data are to a network, by label.
        room: bytes that training may take, beside the data; infinite where this machine does not train.

    Raises:
        UserError: naming what is too large, and the largest there is of it.
    """
    for cell in _distinct(missing):
        spec, data = cell.spec, ends[cell.data]
        needed = cost.memory(spec, data)
        if needed.whole > room:
            worst = max(zip(needed, needed._fields, strict=True))[1]
            raise UserError(
                f"{_named(cell, worst)}: a cell takes some {sized(needed.whole)} in training, and {sized(room)} are "
                f"free; {_advice(worst)}"
            )
        blob = cost.layers_blob(spec, data)
        if blob > LARGEST_BLOB:
            raise UserError(
                f"{_named(cell, 'results')}: measurements of a cell's layers take {sized(blob)}, and the result store "
                f"keeps {sized(LARGEST_BLOB)} at most; {_advice('results')}"
            )
    room = free()
    written = min(len(cells), WRITTEN_TOGETHER)
    for cell in _distinct(cells):
        results = WRITING * written * cost.results(cell.spec, ends[cell.data]) / 2
        if results > room:
            raise UserError(
                f"{_named(cell, 'results')}: the measurements of {written} cells take some {sized(results)} to write, "
                f"and {sized(room)} are free; {_advice('results')}"
            )
        tabulated = TABULATING * cost.counts(cell.spec, ends[cell.data]).largest
        if tabulated > room:
            raise UserError(
                f"{_named(cell, 'parameters')}: a layer's initializer takes some {sized(tabulated)} to tabulate, and "
                f"{sized(room)} are free; {_advice('parameters')}"
            )


def room_to_train(
    engine: Mapping[str, Any], device: torch.device, workers: int, missing: Sequence[Cell], ends: Mapping[str, Ends]
) -> tuple[int, float]:
    """Return how many workers have room for their data and a cell, and how many bytes each has for a cohort.

    There is at least one, whose cell may be too large; see ``refuse_cells``. Of other machines nothing is known.
    """
    if not missing or engine["kind"] == "ray":
        return workers, math.inf
    data = data_of({cell.data for cell in missing}, ends)
    cell = max(cost.memory(cell.spec, ends[cell.data]).whole for cell in _distinct(missing))
    if device.type == "cuda":
        there = torch.cuda.mem_get_info(device)[0] - data
        fitting = max(1, min(workers, int(there // cell)))
        return fitting, there / fitting
    fixed = data + (0 if engine["kind"] == "serial" else WORKER)
    planned = SHARE * memory()
    fitting = max(1, min(workers, int(planned // (fixed + cell))))
    return fitting, min(planned / fitting, free()) - fixed


def data_of(names: Collection[str], ends: Mapping[str, Ends]) -> float:
    """Return how many bytes a worker's data take: the prepared ones, and of each view the examples that it picks."""
    prepared = {prepared_name(name) for name in names}
    picked = sum(ends[name].features * ends[name].train for name in names if view_named(name)[1].examples is not None)
    return READING * (sum(ends[name].values for name in prepared) + picked)


def _distinct(cells: Iterable[Cell]) -> Iterable[Cell]:
    """Return a cell of each size: those that differ in seed or learning rate alone take the same."""

    def size(spec: Spec) -> object:
        return spec.widths, spec.batch_size, spec.normalization.kind, spec.optimizer.kind

    return {(cell.data, size(cell.spec)): cell for cell in cells}.values()


def _named(cell: Cell, worst: str) -> str:
    """Return the keys of what makes a cell large."""
    spec, factors = cell.spec, cell.factors
    return {
        "parameters": f"model={factors['model']} depth={factors['depth']} width={factors['width']}",
        "activations": f"batch_size={spec.batch_size} training.probe_size={spec.probe_size}",
        "results": f"training.epochs={spec.epochs} depth={factors['depth']}",
    }[worst]


def _advice(worst: str) -> str:
    return {
        "parameters": "allowed are narrower or shallower networks",
        "activations": "allowed are smaller ones, or narrower or shallower networks",
        "results": "allowed are fewer epochs, or shallower networks",
    }[worst]


def sized(size: float) -> str:
    """Return bytes as people write them."""
    for unit in ("bytes", "kB", "MB", "GB", "TB", "PB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:,.0f} EB"
