"""A planted study's tables and manifest in memory, as ``read_results`` would return them."""

import itertools
from functools import cache
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from ablation.records.columns import CELLS, CURVES, FACTORS, LAYER_METRICS, LAYERS
from ablation.records.files import Results
from tests.reporting.planted import curves
from tests.reporting.planted.plan import Plan
from tests.reporting.synthetic import BOUNDED, CLASSES, FEATURES, STEPS, kind, network, tabulated, variances


def table(schema: pa.Schema, columns: dict[str, Any]) -> pd.DataFrame:
    """A table of these columns, null in all others, with the types that a file of this schema is read with."""
    size = len(next(iter(columns.values())))
    arrays = [
        pa.array(columns[field.name]).cast(field.type) if field.name in columns else pa.nulls(size, field.type)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema).to_pandas()


@cache
def frame(plan: Plan) -> tuple[pd.DataFrame, pd.DataFrame, Results]:
    """What is the same for every study of a plan: cells without outcomes, all layers, and the rest of the results."""
    rows = list(itertools.product(*plan.levels.values()))
    names = ["/".join(map(str, row)) for row in rows]
    keys = [f"{number:08x}" for number in range(len(rows))]
    factors = {factor: [row[at] for row in rows] for at, factor in enumerate(FACTORS)}
    finished = {"status": ["finished"] * len(rows), "parameters": [1000] * len(rows)}
    cells = table(CELLS, {"cell": names, "key": keys, **factors, **finished})
    depth = np.array(factors["depth"])
    # The first and the last layer at the first and the last probe are all that an analysis without theory looks at.
    layer = np.stack([np.ones_like(depth), depth, np.ones_like(depth), depth], axis=1).ravel()
    step = np.tile([0, 0, int(plan.horizon) * STEPS, int(plan.horizon) * STEPS], len(rows))
    layers = {"key": np.repeat(keys, 4), "step": step, "layer": layer}
    layers |= {metric: np.full(len(step), 0.1) for metric in LAYER_METRICS}
    data = {"digest": "0" * 64, "n_train": 256, "n_val": 64, "classes": CLASSES, "features": FEATURES}
    manifest = {
        "name": "planted",
        "overrides": ["study=single", "name=planted"],
        "config": {"name": "planted", "training": {"epochs": plan.horizon, "probe_size": 64}},
        "factors": {factor: list(levels) for factor, levels in plan.levels.items()},
        "levels": {
            factor: {str(level): network(level) if factor == "model" else kind(level) for level in levels}
            for factor, levels in list(plan.levels.items())[:9]
        },
        "cells": {"expected": len(rows), "finished": len(rows), "diverged": 0, "names": names},
        "horizon": {"epochs": plan.horizon},
        "targets": {name: list(curves.TARGETS) for name in plan.levels["data"]},
        "data": dict.fromkeys(plan.levels["data"], data),
        "steps_per_epoch": {
            f"{name}/{size}": STEPS for name in plan.levels["data"] for size in plan.levels["batch_size"]
        },
        "activations": {label: {"bounded": label in BOUNDED} for label in plan.levels["activation"]},
        "environment": {"torch": "2.13.0", "device": "cpu"},
    }
    networks = [dict(zip(FACTORS, row, strict=True)) for row in rows]
    rest = Results(
        cells=cells.iloc[:0],
        curves=pd.DataFrame(),
        layers=pd.DataFrame(),
        activations=tabulated(plan.levels["activation"]).to_pandas(),
        initializers=variances(networks).to_pandas(),
        manifest=manifest,
    )
    return cells, table(LAYERS, layers), rest


def results(plan: Plan, log_time: np.ndarray, log_loss: np.ndarray) -> Results:
    """The study of these log10 times (epochs) and log10 final losses, both of the plan's shape."""
    cells, layers, rest = frame(plan)
    clock = np.array(plan.clock)
    size, evaluations = len(cells), len(clock)
    accuracy = curves.accuracy(10 ** log_time.ravel(), clock)
    loss = curves.loss(10 ** log_loss.ravel(), clock)
    outcomes = {"loss": loss[:, -1], "accuracy": accuracy[:, -1]}
    cells = cells.assign(
        **{f"{part}_{name}": values for name, values in outcomes.items() for part in ("train", "val")},
        best_val_loss=loss.min(axis=1),
        best_val_accuracy=accuracy.max(axis=1),
    )
    columns = {
        "key": np.repeat(cells["key"].to_numpy(), evaluations),
        "step": np.tile((clock * STEPS).astype(np.int64), size),
        "epoch": np.tile(clock, size),
        "train_loss": loss.ravel(),
        "val_loss": loss.ravel(),
        "train_accuracy": accuracy.ravel(),
        "val_accuracy": accuracy.ravel(),
        "grad_norm": np.ones(loss.size),
        "clip_fraction": np.tile(np.where(clock == 0, np.nan, 0.0), size),
        "clip_cosine": np.ones(loss.size),
    }
    return Results(cells, table(CURVES, columns), layers, rest.activations, rest.initializers, rest.manifest)
