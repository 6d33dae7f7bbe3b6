"""What the explorer should hold, by other code: read from the page's text, and computed from the Parquet files."""

import base64
import gzip
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from tests.reporting.synthetic import STEPS, Outcome, write_study

LEVELS = {
    "activation": ["tanh", "relu"],
    "depth": [2, 5],
    "lr": [0.1, 1.0],
    "seed": [0, 1, 2, 3],
}
EPOCHS = 6
GUESS = {"val_accuracy": 0.1, "val_loss": np.log(10)}


def varied(cell: Mapping[str, Any]) -> Outcome:
    """Every seed ends elsewhere, some diverge, and which rate is the best hangs on the activation and the seed."""
    seed, relu = cell["seed"], cell["activation"] == "relu"
    if relu and cell["lr"] == 1.0 and seed == 1:
        return Outcome(diverges=3, decades=0.5)
    better = (cell["lr"] == 1.0) == (relu or seed == 2)
    final = 0.9 - 0.028 * seed + 0.04 * better
    more = {"decades": 0.3 + 0.2 * ((3 * seed) % 4), "dead": 0.1 * seed * relu, "saturated": 0.2 + 0.1 * seed}
    return Outcome(1.0 + seed, final=final, loss=(2.5, 0.5 - 0.2 * better + 0.01 * seed), **more)


def write_varied(folder: Path) -> Path:
    return write_study(folder, LEVELS, varied, EPOCHS, name="varied")


def unpack(text: str) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The header and its fields, read as ``packed.py`` says they lie."""
    whole = gzip.decompress(base64.b64decode(text))
    size = int.from_bytes(whole[:4], "little")
    header, place, fields = json.loads(whole[4 : 4 + size]), 4 + size, {}
    for field in header["fields"]:
        length = int(np.prod(field["shape"]))
        positive = np.zeros(length, np.int64)
        for plane in range(field["planes"]):
            positive += np.frombuffer(whole, np.uint8, length, place).astype(np.int64) << (8 * plane)
            place += length
        change = np.where(positive % 2, -(positive + 1) // 2, positive // 2).reshape(field["shape"])
        numbers = change.cumsum(axis=-1)
        fields[field["name"]] = np.where(numbers > 0, (numbers - 1 + field["base"]) / field["parts"], np.nan)
    assert place == len(whole)
    return header, fields


def chosen(folder: Path, activation: str, depth: int, lr: float | None) -> pd.DataFrame:
    """The cells behind a line; without a rate, for each seed those at the rate that is best for the others."""
    cells = pd.read_parquet(folder / "cells.parquet")
    cells = cells[(cells["activation"] == activation) & (cells["depth"] == depth)]
    if lr is not None:
        return cells[cells["lr"] == lr].set_index("seed").sort_index()
    losses = cells.assign(loss=cells["best_val_loss"].where(cells["status"] == "finished", np.inf))
    losses = losses.pivot_table(index="seed", columns="lr", values="loss")
    best = {seed: losses.drop(index=seed).median().idxmin() for seed in losses.index}
    return (
        cells[[best[seed] == lr for seed, lr in zip(cells["seed"], cells["lr"], strict=True)]]
        .set_index("seed")
        .sort_index()
    )


def interval(values: pd.DataFrame, least: float, most: float) -> np.ndarray:
    """Mean over columns with Student's t interval, NaN where all agree: three rows."""
    found = []
    for row in values.to_numpy():
        known = row[np.isfinite(row)]
        low = high = np.nan
        if len(known) > 1 and np.ptp(known) > 1e-12:
            low, high = stats.t.interval(0.95, len(known) - 1, known.mean(), stats.sem(known))
        found.append([known.mean() if len(known) else np.nan, max(low, least), min(high, most)])
    return np.array(found).T


def curve(folder: Path, cells: pd.DataFrame, column: str) -> np.ndarray:
    """Mean, low and high at every epoch; what diverged counts as guessing, and no loss as more than that."""
    curves = pd.read_parquet(folder / "curves.parquet").pivot_table(index="epoch", columns="key", values=column)
    own = curves.reindex(range(EPOCHS + 1))[cells["key"]].astype(float).fillna(GUESS[column])
    if column == "val_loss":
        return interval(own.clip(upper=GUESS[column]), 0, np.inf)
    return interval(own, 0, 1)


def layers(folder: Path, cells: pd.DataFrame, column: str, step: int) -> pd.DataFrame:
    """A measurement of every layer at a step, a column a cell that had not diverged."""
    found = pd.read_parquet(folder / "layers.parquet")
    found = found[(found["step"] == step) & found["key"].isin(cells["key"])]
    found = found.pivot_table(index="layer", columns="key", values=column)
    return found.reindex(columns=cells["key"]).astype(float)


LAST = EPOCHS * STEPS
