"""Synthetic studies: tables as the study stage writes them, with outcomes planted by the test."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from ablation.choices import activations
from ablation.records.columns import ACTIVATIONS, CELLS, CURVES, FACTORS, INITIALIZERS, LAYER_METRICS, LAYERS, NETWORK
from ablation.records.files import write_manifest, write_table
from ablation.studies.theory_inputs import quadrature

SINGLE = {
    "init": ["he_normal"],
    "activation": ["relu"],
    "normalization": ["none"],
    "clipping": ["none"],
    "optimizer": ["sgd"],
    "schedule": ["constant"],
    "loss": ["cross_entropy"],
    "model": ["mlp"],
    "data": ["digits"],
    "depth": [3],
    "width": [16],
    "batch_size": [32],
    "order": ["random"],
    "lr": [0.1],
    "split": [0],
    "examples": [None],
    "label_noise": [0.0],
    "seed": [0],
}
BOUNDED = {"logistic", "tanh"}
STEPS = 8
"""Steps an epoch of batches of 32, and a period of equal steps."""
SIGMA_W2 = {"zeros": 0.0, "torch_default": 1 / 3, "he_normal": 2.0}
"""Fan-in times the weights' variance; 1 for all others."""
FEATURES, CLASSES = 64, 10


@dataclass(frozen=True)
class Outcome:
    """What becomes of a cell: it reaches the accuracies at these epochs, or diverges at one.

    ``rise`` is how far the training loss lies above its line at the second epoch; ``weight`` the norm of each hidden
    layer's weights; ``preact`` the pre-activations' standard deviation at the first and at all later probes; ``fade``
    what is left in the last layer of the activations' spread in the first; ``fits`` the training accuracy at the end,
    that of validation where it is not given; ``snr`` the gradient's signal-to-noise ratio at the first evaluation and
    at all later ones, if it was measured.
    """

    reaches: float | None = 2.0
    diverges: int | None = None
    final: float = 0.96
    best_loss: float | None = None
    decades: float = 0.1
    dead: float = 0.0
    saturated: float = 0.1
    update_ratio: float = 1e-3
    loss: tuple[float, float] = (2.4, 0.2)
    rise: float = 0.0
    weight: float = 0.5
    preact: tuple[float, float] = (0.5, 0.5)
    fade: float = 1.0
    fits: float | None = None
    snr: tuple[float, float] | None = None


Plant = Callable[[Mapping[str, Any]], Outcome]


def steps_per_epoch(batch_size: int) -> int:
    """Steps of a pass over the 256 examples."""
    return max(1, 256 // batch_size)


def probe_steps(epochs: int) -> list[int]:
    """Steps 0, powers of two, and each epoch's end."""
    total = epochs * STEPS
    return sorted({0, *(2**k for k in range(20) if 2**k <= total), *(e * STEPS for e in range(epochs + 1))})


def write_study(
    folder: Path,
    factors: Mapping[str, Sequence[Any]],
    plant: Plant,
    epochs: int = 6,
    name: str = "synthetic",
    planned: Callable[[Mapping[str, Any]], bool] = lambda _: True,
    equal_steps: bool = False,
    rates: Mapping[str, Sequence[float]] | None = None,
) -> Path:
    """Write the tables of a study with these levels (one level where a factor is not given) into ``folder``.

    A cell that diverges at epoch 0 leaves no rows behind, as with the trainer; of the product only the ``planned``
    cells are there. Of ``equal_steps`` what are epochs else are periods of as many steps, and a pass over the data has
    fewer steps the larger a batch is.
    ``rates`` has the learning rates of the levels of optimizer that bring their own.
    """
    levels = {factor: list(factors.get(factor, SINGLE[factor])) for factor in FACTORS}
    shared, own = levels["lr"], dict(rates or {})
    if own:
        levels["lr"] = list(dict.fromkeys(lr for name in levels["optimizer"] for lr in own.get(name, shared)))
    cells: list[dict[str, Any]] = []
    curves: list[dict[str, np.ndarray]] = []
    layers: list[dict[str, np.ndarray]] = []
    keys: list[tuple[str, int, int]] = []
    steps = np.array(probe_steps(epochs))
    for number, values in enumerate(itertools.product(*levels.values())):
        cell = dict(zip(levels, values, strict=True))
        if not planned(cell) or cell["lr"] not in own.get(cell["optimizer"], shared):
            continue
        outcome, per_epoch = plant(cell), steps_per_epoch(cell["batch_size"])
        key = f"{number:08x}"
        end = epochs if outcome.diverges is None else outcome.diverges
        unseen = outcome.diverges == 0
        epoch = np.arange(0 if unseen else end + 1)
        accuracy = np.minimum(0.1 + 0.05 * epoch / max(epochs, 1), 0.5)
        if outcome.reaches is not None:
            accuracy = np.where(epoch >= outcome.reaches, outcome.final, accuracy)
        loss = outcome.loss[0] + (outcome.loss[1] - outcome.loss[0]) * epoch / max(epochs, 1)
        if outcome.diverges is not None and not unseen:
            loss[-1] = np.nan
        finite = loss[np.isfinite(loss)]
        best = (float(finite.min()) if len(finite) else None) if outcome.best_loss is None else outcome.best_loss
        gone = outcome.diverges is not None
        fits = outcome.fits if outcome.fits is not None or not len(accuracy) else accuracy[-1]
        final = [None] * 4 if gone else [loss[-1], loss[-1], fits, accuracy[-1]]
        cells.append(
            {"cell": "/".join(map(str, values)), "key": key, **cell}
            | {"status": "diverged" if gone else "finished", "diverged_step": end * STEPS if gone else None}
            | {"parameters": parameters(cell)}
            | dict(zip(("train_loss", "val_loss", "train_accuracy", "val_accuracy"), final, strict=True))
            | {"test_loss": final[1], "test_accuracy": None if gone else final[3] - 0.1}
            | {"best_val_loss": best, "best_val_accuracy": float(accuracy.max()) if len(accuracy) else None}
        )
        curves.append(
            {
                "step": epoch * (STEPS if equal_steps else per_epoch),
                "epoch": epoch * STEPS / per_epoch if equal_steps else epoch,
                "train_loss": loss + outcome.rise * (epoch == 2),
                "val_loss": loss,
                "train_accuracy": accuracy,
            }
            | {"val_accuracy": accuracy, "grad_norm": np.ones(len(epoch))}
            | {"clip_fraction": np.where(epoch == 0, np.nan, 0.25), "clip_cosine": np.ones(len(epoch))}
            | {"gradient_snr": np.where(epoch == 0, *(outcome.snr or (np.nan, np.nan)))}
        )
        seen = steps[:0] if unseen else steps[steps <= end * STEPS]
        depth = int(cell["depth"])
        step, layer = np.repeat(seen, depth), np.tile(np.arange(1, depth + 1), len(seen))
        row = {metric: np.full(len(step), 0.5) for metric in LAYER_METRICS}
        row["delta_norm"] = 1e-2 * 10.0 ** (outcome.decades * (layer - depth))
        row["dead_fraction"] = np.where(step > 0, outcome.dead, 0.0) * layer / depth
        row["saturated_fraction"] = np.full(len(step), outcome.saturated)
        row["weight_norm"] = np.full(len(step), outcome.weight)
        row["preact_std"] = np.where(step > 0, outcome.preact[1], outcome.preact[0])
        row["act_std"] = 0.5 * outcome.fade ** ((layer - 1) / max(depth - 1, 1))
        row["update_ratio"] = np.where(step == 0, np.nan, outcome.update_ratio)
        layers.append({"step": step, "layer": layer, **row})
        keys.append((key, len(epoch), len(step)))
    folder.mkdir(parents=True, exist_ok=True)
    write_table(pa.Table.from_pylist(cells, CELLS), folder / "cells.parquet")
    for parts, schema, place in ((curves, CURVES, 1), (layers, LAYERS, 2)):
        columns = {column: np.concatenate([part[column] for part in parts]) for column in parts[0]}
        names = np.repeat([item[0] for item in keys], [item[place] for item in keys])
        arrays = [pa.array(names if c == "key" else columns[c]).cast(schema.field(c).type) for c in schema.names]
        write_table(pa.Table.from_arrays(arrays, schema=schema), folder / f"{schema_name(schema)}.parquet")
    write_table(tabulated(levels["activation"]), folder / "activations.parquet")
    write_table(variances(cells), folder / "initializers.parquet")
    diverged = sum(cell["status"] == "diverged" for cell in cells)
    manifest = {
        "name": name,
        "overrides": ["study=single", f"name={name}"],
        "config": {"name": name, "training": {"epochs": epochs, "probe_size": 64}},
        "factors": levels,
        "levels": {factor: {str(level): kind(level) for level in levels[factor]} for factor in FACTORS[:9]}
        | {"model": {str(level): network(level) for level in levels["model"]}}
        | {"optimizer": {x: {**kind(x), **({"lr": list(own[x])} if x in own else {})} for x in levels["optimizer"]}},
        "cells": {"expected": len(cells), "finished": len(cells) - diverged, "diverged": diverged}
        | {"names": [cell["cell"] for cell in cells]},
        "horizon": {"steps": epochs * STEPS} if equal_steps else {"epochs": epochs},
        "targets": {data: [0.8, 0.9, 0.95] for data in levels["data"]},
        "data": {
            data: {
                "digests": {"0": "0" * 64},
                "n_train": 256,
                "n_val": 64,
                "n_test": 64,
                "classes": CLASSES,
                "features": FEATURES,
            }
            for data in levels["data"]
        },
        "steps_per_epoch": {f"{data}/{size}": STEPS for data in levels["data"] for size in levels["batch_size"]},
        "activations": {label: {"bounded": label in BOUNDED} for label in levels["activation"]},
        "environment": {"torch": "2.13.0", "device": "cpu"},
    }
    write_manifest(manifest, folder)
    return folder


def parameters(cell: Mapping[str, Any]) -> int:
    """How many weights and biases a perceptron of these sizes has."""
    sizes = [FEATURES, *[cell["width"]] * cell["depth"], CLASSES]
    return sum((fan_in + 1) * fan_out for fan_in, fan_out in itertools.pairwise(sizes))


def kind(level: Any) -> dict[str, Any]:
    """A level's kind, which is its name, with the parameters that a report reads."""
    if level in ("batch", "batch_after", "batch_input"):
        place = {"placement": "after" if level == "batch_after" else "before", "input": level == "batch_input"}
        return {"kind": "batch", "epsilon": 1e-3, **place}
    if str(level).startswith("warmed_"):
        return {"kind": str(level).removeprefix("warmed_"), "warmup": 0.1}
    return {"kind": str(level)}


def network(label: Any) -> dict[str, Any]:
    """A model's entry in the manifest; all but those called another are perceptrons."""
    another = str(label).startswith("another")
    return {"kind": "another" if another else "mlp", "mean_field": None if another else "perceptron"}


def tabulated(labels: Sequence[str]) -> pa.Table:
    """Activations by their labels on the nodes; of one that does not exist, those of relu."""
    x, weight = quadrature()
    parts = []
    for label in labels:
        function = activations.ACTIVATIONS.get(label, activations.relu)
        value, derivative = (part.numpy() for part in function(torch.from_numpy(x.copy())))
        columns = {"activation": np.repeat(label, len(x)), "x": x, "weight": weight}
        parts.append(pa.table({**columns, "value": value, "derivative": derivative}, ACTIVATIONS))
    return pa.concat_tables(parts)


def variances(cells: Sequence[Mapping[str, Any]]) -> pa.Table:
    """Every layer of every network, of the variance that its initializer's label has."""
    rows = []
    for network in sorted({tuple(cell[name] for name in NETWORK) for cell in cells}):
        own = dict(zip(NETWORK, network, strict=True))
        sizes = [FEATURES, *[own["width"]] * own["depth"], CLASSES]
        for layer in range(1, own["depth"] + 2):
            place = {"layer": layer, "fan_in": sizes[layer - 1], "fan_out": sizes[layer]}
            rows.append({**own, **place, "sigma_w2": SIGMA_W2.get(own["init"], 1.0), "sigma_b2": 0.0})
    return pa.Table.from_pylist(rows, INITIALIZERS)


def schema_name(schema: pa.Schema) -> str:
    """Which of the two long tables a schema is of."""
    return "curves" if "epoch" in schema.names else "layers"


def plausible(cell: Mapping[str, Any]) -> Outcome:
    """A study as one would expect it: depth hurts, batch normalization helps, a large rate with relu diverges."""
    depth, batch = cell["depth"], cell["normalization"] != "none"
    rate = ["logistic", "tanh", "relu", "leaky_relu", "elu"].index(cell["activation"])
    decades = 0.02 if batch else [0.6, 0.25, 0.15, 0.14, 0.1][rate]
    if cell["lr"] > 0.5 and not batch and cell["clipping"] == "none" and rate > 1:
        return Outcome(diverges=1 + cell["seed"], decades=decades)
    late = 1 + depth / (10 if batch else 3) + (0.1 / cell["lr"]) + cell["seed"] - rate
    if late > 12:
        dead = 0.7 if rate == 2 else 0.0
        saturated = 0.8 if rate == 0 else 0.5
        still = (2.31, 2.3) if rate == 0 else (2.4, 1.9)
        update = 1e-12 if rate == 0 and depth > 10 else 1e-3
        return Outcome(None, decades=decades, dead=dead, saturated=saturated, loss=still, update_ratio=update)
    return Outcome(max(1, late), decades=decades, dead=0.1 * (rate == 2), loss=(2.4, 0.1 + 0.01 * late))


CORE = {
    "init": ["torch_default", "xavier_normal", "he_normal", "slides_normal"],
    "activation": ["elu", "relu", "leaky_relu", "tanh", "logistic"],
    "normalization": ["none", "batch"],
    "clipping": ["none", "value", "global_norm"],
    "depth": [2, 8, 20],
    "lr": [0.01, 0.1, 1.0],
    "seed": [0, 1, 2],
}
SMALL = {**CORE, "init": ["torch_default", "he_normal"], "activation": ["relu", "tanh"], "clipping": ["none", "value"]}
SMALL |= {"depth": [2, 20], "lr": [0.1, 1.0], "seed": [0, 1]}
