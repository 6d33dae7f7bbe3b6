"""The tables a study leaves behind: their columns and how they are written and read.

This is the one page that the training side and the reporting side share, so it knows neither torch nor figures.
Columns may be added, never renamed.
"""

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from ablation import UserError

FACTORS = (
    "init activation normalization clipping optimizer schedule loss model data depth width batch_size lr seed"
).split()
"""What can be compared, in the order in which a cell's name and its table's columns list it."""

OUTCOMES = ("train_loss val_loss train_accuracy val_accuracy best_val_loss best_val_accuracy").split()

CELLS = pa.schema(
    [("cell", pa.string()), ("key", pa.string())]
    + [(factor, pa.string()) for factor in FACTORS[:9]]
    + [(factor, pa.int64()) for factor in ("depth", "width", "batch_size")]
    + [("lr", pa.float64()), ("seed", pa.int64())]
    + [("status", pa.string()), ("diverged_step", pa.int64()), ("parameters", pa.int64())]
    + [(outcome, pa.float64()) for outcome in OUTCOMES]
)
"""A row a cell. ``status`` is finished or diverged; a diverged cell has null where nothing finite was seen."""

CURVES = pa.schema(
    [("key", pa.string()), ("step", pa.int64()), ("epoch", pa.float64())]
    + [
        (name, pa.float32())
        for name in "train_loss val_loss train_accuracy val_accuracy grad_norm clip_fraction clip_cosine".split()
    ]
)
"""A row a cell and evaluation. ``grad_norm`` is the norm of the whole gradient before clipping, on the probe batch;
``clip_fraction`` the share of the training steps since the evaluation before that were clipped (null at step 0);
``clip_cosine`` the cosine between the probe batch's gradient before and after clipping."""

LAYER_METRICS = (
    "delta_norm weight_grad_norm weight_norm update_ratio preact_mean preact_std act_mean act_std act_p98 "
    "dead_fraction saturated_fraction"
).split()

LAYERS = pa.schema(
    [("key", pa.string()), ("step", pa.int64()), ("layer", pa.int32())]
    + [(name, pa.float32()) for name in LAYER_METRICS]
)
"""A row a cell, probe and hidden layer; layer 1 is the one next to the input."""


@dataclass(frozen=True)
class Results:
    """What the study stage left in ``results/<study>/``."""

    cells: pd.DataFrame
    curves: pd.DataFrame
    layers: pd.DataFrame
    manifest: dict[str, Any]


def write_table(table: pa.Table, path: Path) -> None:
    """Write ``table`` so that equal content gives equal bytes, and so that a reader never sees half a file."""
    partial = path.with_name(path.name + ".partial")
    pq.write_table(table, partial, compression="zstd", store_schema=False)
    os.replace(partial, path)


def write_json(value: Any, path: Path) -> None:
    """Write ``value`` as JSON with sorted keys, whole or not at all. NaN is refused: JSON has none."""
    partial = path.with_name(path.name + ".partial")
    partial.write_text(json.dumps(value, indent=2, sort_keys=True, allow_nan=False, ensure_ascii=False) + "\n", "utf-8")
    os.replace(partial, path)


def read_results(folder: Path) -> Results:
    """Read a study's tables and check that every planned cell is there.

    Raises:
        UserError: a file is missing or has not the columns of this page, or cells are missing.
    """
    tables = {}
    for name, schema in (("cells", CELLS), ("curves", CURVES), ("layers", LAYERS)):
        path = folder / f"{name}.parquet"
        if not path.is_file():
            raise UserError(f"{path}: missing; run the study first (python pipelines/study.py name={folder.name})")
        tables[name] = pq.read_table(path).to_pandas()
        absent = [column for column in schema.names if column not in tables[name].columns]
        if absent:
            raise UserError(f"{path}: has no column {', '.join(absent)}; run the study again")
    path = folder / "manifest.json"
    if not path.is_file():
        raise UserError(f"{path}: missing; run the study first (python pipelines/study.py name={folder.name})")
    manifest = json.loads(path.read_text("utf-8"))
    absent = sorted(set(manifest["cells"]["names"]) - set(tables["cells"]["cell"]))
    if absent:
        raise UserError(
            f"{folder}: {len(absent)} planned cells are missing, the first is {absent[0]}; run the study again"
        )
    return Results(**tables, manifest=manifest)
