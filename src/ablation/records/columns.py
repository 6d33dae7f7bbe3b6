"""The columns of a study's tables: name, type, unit and definition of each. They may be added, never renamed.

From this one list come the schemas of the Parquet files, the names in MLflow and ``docs/metrics.md``.
"""

from collections.abc import Sequence
from typing import NamedTuple

import pyarrow as pa


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        name: as in the file.
        type: of its values; any may be null.
        unit: what its numbers count, empty where they are names.
        definition: what it is, in a line of Markdown.
        logged: whether MLflow shows it as a curve.
    """

    name: str
    type: pa.DataType
    unit: str
    definition: str
    logged: bool = False


def schema(columns: Sequence[Column]) -> pa.Schema:
    """Return the schema of a table of these columns."""
    return pa.schema([(column.name, column.type) for column in columns])


TEXT, WHOLE, SHORT, SINGLE, DOUBLE = pa.string(), pa.int64(), pa.int32(), pa.float32(), pa.float64()

RIGHT = "right answers, or R squared of a regression,"
LEVEL = "level of the factor"
FACTOR_COLUMNS = [
    *(
        Column(name, TEXT, "", f"{LEVEL} *{name}*, by its name")
        for name in "init activation normalization clipping optimizer schedule loss model data".split()
    ),
    Column("depth", WHOLE, "hidden layers", f"{LEVEL} *depth*"),
    Column("width", WHOLE, "units", f"{LEVEL} *width*, or the widest layer's where a model says each layer's"),
    Column("batch_size", WHOLE, "examples", f"{LEVEL} *batch_size*"),
    Column("order", TEXT, "", f"{LEVEL} *order*: order of an epoch's examples: *random*, *fixed* or *sorted*"),
    Column("lr", DOUBLE, "", f"{LEVEL} *lr*, the learning rate before the schedule's factor"),
    Column("split", WHOLE, "", f"{LEVEL} *split*: which split of the data into training, validation and test part"),
    Column("examples", WHOLE, "examples", f"{LEVEL} *examples*: of the training part, that are trained on; null: all"),
    Column("label_noise", DOUBLE, "share", f"{LEVEL} *label_noise*: of the training labels, that random ones replace"),
    Column("seed", WHOLE, "", f"{LEVEL} *seed*"),
]

FACTORS = [column.name for column in FACTOR_COLUMNS]
"""What can be compared, in the order in which a cell's name and its table's columns list it."""

ORDINAL = [column.name for column in FACTOR_COLUMNS if column.type != TEXT]
"""Factors whose levels are numbers; they stand in ascending order everywhere."""

DEFAULTS: dict[str, str | int | float | None] = {"order": "random", "examples": None, "label_noise": 0.0}
"""Factors that came later, each with the level at which results of before them were trained."""

OUTCOME_COLUMNS = [
    Column("train_loss", DOUBLE, "nats or squares", "loss on the fixed sample of the training part, at the end"),
    Column("val_loss", DOUBLE, "nats or squares", "loss on the validation part, at the end"),
    Column("train_accuracy", DOUBLE, "share", f"{RIGHT} on the fixed sample of the training part, at the end"),
    Column("val_accuracy", DOUBLE, "share", f"{RIGHT} on the validation part, at the end"),
    Column("test_loss", DOUBLE, "nats or squares", "loss on the test part, at the end, by which nothing is chosen"),
    Column("test_accuracy", DOUBLE, "share", f"{RIGHT} on the test part, at the end, likewise"),
    Column("best_val_loss", DOUBLE, "nats or squares", "the smallest validation loss of all evaluations"),
    Column("best_val_accuracy", DOUBLE, "share", "the largest validation accuracy, or R squared, of all evaluations"),
]

OUTCOMES = [column.name for column in OUTCOME_COLUMNS]

CELL_COLUMNS = [
    Column("cell", TEXT, "", "its name: its levels, joined"),
    Column("key", TEXT, "", "SHA-256 of all that decides its numbers"),
    *FACTOR_COLUMNS,
    Column("status", TEXT, "", "*finished* or *diverged*; outcomes at the end are null in a cell that diverged"),
    Column("diverged_step", WHOLE, "steps", "steps taken when its loss was first not finite; else null"),
    Column("parameters", WHOLE, "numbers", "how many are trained"),
    *OUTCOME_COLUMNS,
]
"""``cells.parquet``: a row a cell."""

CURVE_COLUMNS = [
    Column("key", TEXT, "", "the cell"),
    Column("step", WHOLE, "steps", "steps taken"),
    Column("epoch", DOUBLE, "epochs", "passes over the training part, a fraction where one is under way"),
    Column("train_loss", SINGLE, "nats or squares", "loss on the fixed sample of the training part", logged=True),
    Column("val_loss", SINGLE, "nats or squares", "loss on the validation part", logged=True),
    Column("train_accuracy", SINGLE, "share", f"{RIGHT} on the fixed sample of the training part"),
    Column("val_accuracy", SINGLE, "share", f"{RIGHT} on the validation part", logged=True),
    Column(
        "grad_norm", SINGLE, "loss / weight", "norm of the whole gradient before clipping, on the probe batch", True
    ),
    Column(
        "clip_fraction",
        SINGLE,
        "share",
        "training steps since the evaluation before that were clipped; null at step 0",
        logged=True,
    ),
    Column("clip_cosine", SINGLE, "-1 to 1", "cosine between the probe batch's gradient before and after clipping"),
    Column(
        "gradient_snr",
        SINGLE,
        "",
        "signal-to-noise ratio of the gradient of one batch, from `training.gradient_batches` of them; null where 0",
        logged=True,
    ),
]
"""``curves.parquet``: a row a cell and evaluation."""

LOGGED = [column.name for column in CURVE_COLUMNS if column.logged]
"""The columns of ``curves.parquet`` that MLflow shows, under the same names."""

LAYER_COLUMNS = [
    Column("key", TEXT, "", "the cell"),
    Column("step", WHOLE, "steps", "steps taken"),
    Column("layer", SHORT, "", "hidden layer; 1 is the one next to the input"),
    Column("delta_norm", SINGLE, "loss / unit", "RMS of delta, the gradient at the pre-activation: sqrt(mean delta^2)"),
    Column("weight_grad_norm", SINGLE, "loss / weight", "Frobenius norm of the weights' gradient, dL/dW"),
    Column("weight_norm", SINGLE, "", "Frobenius norm of the weights, W"),
    Column("update_ratio", SINGLE, "", "norm of the last step's change of W over that of W before it; null at step 0"),
    Column("preact_mean", SINGLE, "", "mean of the pre-activation"),
    Column("preact_std", SINGLE, "", "standard deviation of the pre-activation"),
    Column("act_mean", SINGLE, "", "mean of the activation"),
    Column("act_std", SINGLE, "", "standard deviation of the activation"),
    Column("act_p98", SINGLE, "", "98th percentile of the activation (Glorot & Bengio 2010, figures 2 and 3)"),
    Column("dead_fraction", SINGLE, "share", "units with zero activation and zero gradient on every example"),
    Column("saturated_fraction", SINGLE, "share", "unit-samples whose derivative is below 5% of its largest magnitude"),
]
"""``layers.parquet``: a row a cell, probe and hidden layer. All of the probe batch, apart from the training steps; RMS,
mean and standard deviation are over its examples and the layer's units."""

LAYER_METRICS = [column.name for column in LAYER_COLUMNS[3:]]

ACTIVATION_COLUMNS = [
    Column("activation", TEXT, "", "level of the factor *activation*"),
    Column("x", DOUBLE, "", "a node of a quadrature rule, in ascending order"),
    Column("weight", DOUBLE, "", "its weight: an integral over dx is the sum of weight times the integrand"),
    Column("value", DOUBLE, "", "phi(x)"),
    Column("derivative", DOUBLE, "", "phi'(x)"),
]
"""``activations.parquet``: each activation on the nodes of a quadrature rule."""

NETWORK = ("init", "activation", "data", "model", "depth", "width")
"""The factors that decide how a network is built and begins."""

INITIALIZER_COLUMNS = [
    *(next(column for column in FACTOR_COLUMNS if column.name == name) for name in NETWORK),
    Column("layer", WHOLE, "", "layer; 1 is the one next to the input, the output layer is the last"),
    Column("fan_in", WHOLE, "units", "inputs of each unit"),
    Column("fan_out", WHOLE, "units", "units of the layer"),
    Column("sigma_w2", DOUBLE, "", "mean square of the weights, times the fan-in"),
    Column("sigma_b2", DOUBLE, "", "mean square of the biases"),
]
"""``initializers.parquet``: a row a network and layer, as it begins."""

COLUMNS = {
    "cells": CELL_COLUMNS,
    "curves": CURVE_COLUMNS,
    "layers": LAYER_COLUMNS,
    "activations": ACTIVATION_COLUMNS,
    "initializers": INITIALIZER_COLUMNS,
}
"""The columns of each table of ``results/<study>/``, by the names of their files."""

TABLES = {name: schema(columns) for name, columns in COLUMNS.items()}
"""Their schemas."""

CELLS, CURVES, LAYERS, ACTIVATIONS, INITIALIZERS = TABLES.values()
