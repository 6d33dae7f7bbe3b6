"""A cell's numbers as MLflow's metrics: curves over the steps, and what it ended with.

MLflow's charts draw lines of what has a step of 1 or more, and bars of what has not: what a cell ended with stands at
step 0.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ablation.choices.clipping import UNCLIPPED
from ablation.records.columns import LOGGED, OUTCOMES
from ablation.records.fates import CLASSES, Course, arrival, failure_class
from ablation.studies.cells import Cell
from ablation.studies.results import cell_row
from ablation.studies.store import Record
from ablation.training.measurement import CURVE_METRICS
from ablation.training.probes import METRICS

Point = tuple[str, float, int]
"""A metric's name, its value and the step."""

MOST_ROWS = 500_000
"""Points that a study's curves have in the database, about: a point takes some 170 bytes there."""

ENDS = [name for name in OUTCOMES if name not in ("train_loss", "val_loss")]
"""Outcomes that are metrics of their own; the others are the last points of their curves."""

CURVES = 10
"""Curves of a cell, about."""

FEWEST, MOST = 5, 25
"""Points of a curve: all of a large study's cells are thinned to few. ``results/`` has every one."""


class Setting(NamedTuple):
    """What a cell's numbers are judged by.

    Attributes:
        steps_per_epoch: of its data and batch size.
        horizon: its end, in ``unit``.
        unit: epochs or steps.
        target: the score aimed at.
        bounded: whether its activation is.
        points: of a curve at most.
        shows_epochs: whether the epoch is a curve too: where the step does not tell it, for not all cells of the study
            take as many steps an epoch.
    """

    steps_per_epoch: int
    horizon: float
    unit: str
    target: float
    bounded: bool
    points: int
    shows_epochs: bool


def points_of(cells: int) -> int:
    """Return how many points a curve has in a study of so many cells."""
    return min(max(MOST_ROWS // (CURVES * cells), FEWEST), MOST)


def curves(cell: Cell, record: Record, setting: Setting) -> Iterator[Point]:
    """Yield the points of a cell's curves, of finite values: a database has no place for others, ``results/`` has."""
    found = {name: record.curves[:, CURVE_METRICS.index(name)] for name in LOGGED}
    if cell.spec.clipping.kind == UNCLIPPED:
        del found["clip_fraction"]
    if setting.shows_epochs:
        found["epoch"] = (record.curve_steps / setting.steps_per_epoch).astype(np.float32)
    yield from _points(found, record.curve_steps, setting.points)
    yield from _points(_layers(record, setting), record.layer_steps, setting.points)


def _layers(record: Record, setting: Setting) -> dict[str, NDArray[np.float32]]:
    """Return the curves of gradient health: of three layers, or of the one that is worst off.

    An activation that is not bounded has no saturation: a rectifier's derivative is 0 on half of its samples by design.
    """
    values = {name: record.layers[:, :, METRICS.index(name)] for name in METRICS}
    depth = record.layers.shape[1]
    shown = {"first": 0, "middle": depth // 2, "last": depth - 1}
    if depth < 3:
        del shown["middle"]
    worst = ("dead_fraction", "saturated_fraction") if setting.bounded else ("dead_fraction",)
    return {
        **{f"delta_norm/{name}": values["delta_norm"][:, place] for name, place in shown.items()},
        "update_ratio/first": values["update_ratio"][:, 0],
        **{f"{name}/worst": values[name].max(axis=1) for name in worst},
    }


def _points(found: dict[str, NDArray[np.float32]], steps: NDArray[np.int64], most: int) -> Iterator[Point]:
    places = _thinned(len(steps), most)
    for name, values in found.items():
        for place in places:
            if np.isfinite(values[place]):
                yield name, float(values[place]), int(steps[place])


def _thinned(count: int, most: int) -> list[int]:
    """Return at most so many places of a curve, evenly spread, with both ends."""
    return sorted({int(place) for place in np.linspace(0, count - 1, min(count, most)).round()}) if count else []


def course_of(record: Record, setting: Setting) -> Course:
    """Return how a cell trained, as far as its fate hangs on it."""
    columns = dict(zip(CURVE_METRICS, record.curves.T, strict=True))
    last = record.layers[-1] if len(record.layers) else np.full((1, len(METRICS)), np.nan, np.float32)
    health = dict(zip(METRICS, last.T, strict=True))
    per = setting.steps_per_epoch if setting.unit == "epochs" else 1
    return Course(
        record.curve_steps / per,
        columns["train_loss"],
        columns["val_accuracy"],
        float(health["dead_fraction"].max()),
        float(health["saturated_fraction"].max()),
        float(health["update_ratio"][0]),
        setting.bounded,
        record.diverged_step is not None,
    )


def ends(key: str, cell: Cell, record: Record, setting: Setting) -> tuple[str, list[Point]]:
    """Return a cell's failure class, and what it ended with."""
    row, course = cell_row(key, cell, record), course_of(record, setting)
    failure = failure_class(course, setting.target, setting.horizon)
    found = {name: row[name] for name in (*ENDS, "parameters", "diverged_step")}
    met = arrival(course, setting.target)
    found[f"{setting.unit}_to_target"] = None if met is None else course.moments[met]
    found["failure_class"] = CLASSES.index(failure)
    if cell.spec.clipping.kind != UNCLIPPED:
        found["clip_share"] = _clip_share(record)
    return failure, [
        (f"final/{name}", float(value), 0) for name, value in found.items() if value is not None and np.isfinite(value)
    ]


def _clip_share(record: Record) -> float:
    """Return the share of all steps that were clipped, NaN without a step; an evaluation has that since the last."""
    since = np.diff(record.curve_steps, prepend=0)
    share = np.nan_to_num(record.curves[:, CURVE_METRICS.index("clip_fraction")].astype(float))
    return float(share @ since / since.sum()) if since.sum() else float("nan")
