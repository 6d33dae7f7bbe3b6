"""``results/<study>/``, made from the store and nothing else, so that the same study gives the same bytes."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ablation import UserError
from ablation.records.columns import CELLS, CURVES, LAYERS
from ablation.records.files import write_json, write_manifest, write_parts, write_table
from ablation.studies.cells import Cell
from ablation.studies.known import bits_of, count_known
from ablation.studies.machine.environment import Environment
from ablation.studies.manifest import manifest_of, steps_per_epoch
from ablation.studies.placing import put_as_one
from ablation.studies.store import Record, Store
from ablation.studies.study import Study
from ablation.studies.theory_inputs import activation_values, weight_variances
from ablation.training.measurement import CURVE_METRICS, TEST_METRICS
from ablation.training.probes import METRICS

PART = 256
"""Cells that are held in memory at once while the tables are written, and that make up a row group."""

Part = Sequence[tuple[str, Cell, Record]]


def write_results(
    study: Study,
    cells: Sequence[Cell],
    keys: Sequence[str],
    store: Store,
    cards: Mapping[str, dict[str, Any]],
    environment: Environment,
    planned: int | None = None,
) -> dict[str, Any]:
    """Write the study's tables and its manifest; return the manifest.

    Args:
        study: the study.
        cells: its cells, or those that are finished.
        keys: theirs in the store.
        store: which holds them.
        cards: the data's, by name.
        environment: how the cells were trained.
        planned: how many cells the study has, where these are not all.

    Raises:
        UserError: the folder cannot be written to.
    """
    ordered = sorted(zip(keys, cells, strict=True), key=lambda pair: pair[0])
    folder = study.results_folder
    try:
        with put_as_one(folder, "manifest.json") as new:
            table, known = _write_measurements(ordered, store, cards, new)
            write_table(activation_values(study), new / "activations.parquet")
            write_table(weight_variances(study, cells, cards), new / "initializers.parquet")
            diverged = pc.sum(pc.equal(table["status"], "diverged")).as_py()
            manifest = manifest_of(study, cells, diverged, known, cards, environment)
            manifest["cells"]["expected"] = len(cells) if planned is None else planned
            write_manifest(manifest, new)
    except OSError as error:
        raise UserError(f"{folder}: cannot be written to ({error.strerror})") from error
    return manifest


def _write_measurements(
    ordered: Sequence[tuple[str, Cell]], store: Store, cards: Mapping[str, Mapping[str, Any]], folder: Path
) -> tuple[pa.Table, int]:
    """Write what was measured of the cells, in the order of their keys.

    Returns:
        The table of the cells, and how many of them have the numbers of their unclipped sibling: by their bits, for
        what the store held before, and so what was trained, must not matter.
    """
    tables: list[pa.Table] = []
    bits: list[bytes] = []
    with (
        write_parts(CURVES, folder / "curves.parquet") as curves,
        write_parts(LAYERS, folder / "layers.parquet") as layers,
    ):
        for start in range(0, len(ordered), PART):
            part = [(key, cell, store.get(key)) for key, cell in ordered[start : start + PART]]
            # Part by part, for rows as Python's objects take five times the memory of a table (1.9 kB each).
            tables.append(pa.Table.from_pylist([cell_row(*each) for each in part], schema=CELLS))
            bits += [bits_of(record) for _, _, record in part]
            curves(_curves(part, cards))
            layers(_layers(part))
    table = pa.concat_tables(tables).combine_chunks()
    write_table(table, folder / "cells.parquet")
    return table, count_known([cell for _, cell in ordered], bits)


def write_timing(study: Study, timing: Mapping[str, Any]) -> None:
    """Write what the run cost, beside the results: no part of them, for no two runs take the same time.

    Raises:
        UserError: the folder cannot be written to.
    """
    try:
        write_json(timing, study.results_folder / "timing.json")
    except OSError as error:
        raise UserError(f"{study.results_folder}: cannot be written to ({error.strerror})") from error


def cell_row(key: str, cell: Cell, record: Record) -> dict[str, Any]:
    """Return a cell's row of ``cells.parquet``."""
    row = {"cell": cell.name, "key": key, **cell.factors, "parameters": record.parameters}
    diverged = record.diverged_step is not None
    row |= {"status": "diverged" if diverged else "finished", "diverged_step": record.diverged_step}
    columns = dict(zip(CURVE_METRICS, record.curves.T, strict=True))
    for name in ("train_loss", "val_loss", "train_accuracy", "val_accuracy"):
        row[name] = None if diverged else _number(columns[name][-1])
    row |= {name: _number(value) for name, value in zip(TEST_METRICS, record.test, strict=True)}
    for name, best in (("val_loss", np.min), ("val_accuracy", np.max)):
        finite = columns[name][np.isfinite(columns[name])]
        row[f"best_{name}"] = float(best(finite)) if len(finite) else None
    return row


def _number(value: np.float32) -> float | None:
    return None if math.isnan(value) else float(value)


def _curves(part: Part, cards: Mapping[str, Mapping[str, Any]]) -> pa.Table:
    lengths = [len(record.curve_steps) for _, _, record in part]
    steps = np.concatenate([record.curve_steps for _, _, record in part])
    per_epoch = [steps_per_epoch(cards[cell.data], cell.spec.batch_size) for _, cell, _ in part]
    values = np.concatenate([record.curves for _, _, record in part])
    columns = [_keys(part, lengths), pa.array(steps), pa.array(steps / np.repeat(per_epoch, lengths))]
    metrics = _columns(values, CURVE_METRICS, CURVES.names[3:])
    return pa.table([*columns, *metrics], schema=CURVES)


def _layers(part: Part) -> pa.Table:
    shapes = [record.layers.shape for _, _, record in part]
    steps = np.concatenate([np.repeat(record.layer_steps, record.layers.shape[1]) for _, _, record in part])
    layer = np.concatenate([np.tile(np.arange(1, depth + 1, dtype=np.int32), probes) for probes, depth, _ in shapes])
    values = np.concatenate([record.layers.reshape(-1, record.layers.shape[2]) for _, _, record in part])
    keys = _keys(part, [probes * depth for probes, depth, _ in shapes])
    return pa.table(
        [keys, pa.array(steps), pa.array(layer), *_columns(values, METRICS, LAYERS.names[3:])], schema=LAYERS
    )


def _keys(part: Part, lengths: list[int]) -> pa.Array:
    """Return each cell's key as often as it has rows."""
    return pa.array([key for key, _, _ in part], pa.string()).take(pa.array(np.repeat(np.arange(len(part)), lengths)))


def _columns(values: NDArray[np.float32], packed: Sequence[str], wanted: Sequence[str]) -> list[pa.Array]:
    """Return the metrics as columns, by their names; what was not measured (NaN) is null."""
    columns = dict(zip(packed, values.T, strict=True))
    return [pa.array(np.ascontiguousarray(columns[name]), from_pandas=True) for name in wanted]
