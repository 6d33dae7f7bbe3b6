"""A study of few cells at a glance: what came of each, as lines for a terminal."""

import math
from collections.abc import Iterator, Sequence

import pandas as pd

from ablation.records.arrival import times_to_target
from ablation.records.columns import FACTORS
from ablation.records.files import Results
from ablation.records.horizon import horizon_of

FEW = 20
"""Most cells that are listed; of more, the report tells."""

SCORES = {"best_val_accuracy": "best val.", "val_accuracy": "val.", "test_accuracy": "test"}
"""The columns of scores, and what stands above them before the score's name."""


def ending_lines(results: Results, most: int = FEW) -> list[str]:
    """Return a head and a line a cell: the levels that vary, its status, its time to the target, and its scores.

    The scores are accuracies in percent, or R squared. None where there are more than ``most`` cells.
    """
    if not 0 < len(results.cells) <= most:
        return []
    manifest = results.manifest
    cells = _in_order(results)
    varying = [factor for factor in FACTORS if len(cells[factor].map(_level).unique()) > 1]
    shares = {data.get("task", "classification") for data in manifest["data"].values()} == {"classification"}
    score = "accuracy" if shares else "R squared"
    unit, horizon = horizon_of(manifest)
    targets = [manifest["targets"][data][1] for data in cells["data"]]
    one = len(set(targets)) == 1
    goal = "the target" if not one else f"{100 * targets[0]:.3g}%" if shares else f"{targets[0]:.3g}"
    head = [*varying, "status", f"{unit} to {goal}", *(f"{part} {score}" for part in SCORES.values())]
    times = times_to_target(results, cells)
    rows = [
        [
            *(_level(row[factor]) for factor in varying),
            row["status"],
            "-" if row["status"] != "finished" else f">{horizon:g}" if math.isinf(time) else f"{time:.4g}",
            *(_score(row[column], shares) for column in SCORES),
        ]
        for row, time in zip(cells.to_dict("records"), times, strict=True)
    ]
    return list(_aligned([head, *rows], len(varying) + 1))


def _in_order(results: Results) -> pd.DataFrame:
    """Return the cells in the order of the study's levels."""
    factors = results.manifest["factors"]
    places = {
        factor: {_level(level): place for place, level in enumerate(factors.get(factor, ()))} for factor in FACTORS
    }
    order = results.cells[FACTORS].apply(lambda column: column.map(_level).map(places[str(column.name)]))
    return pd.DataFrame(results.cells.loc[order.sort_values(FACTORS, kind="stable").index]).reset_index(drop=True)


def _level(level: object) -> str:
    if level is None or level != level:
        return "all"  # of the examples
    return repr(float(level)).removesuffix(".0") if isinstance(level, float) else str(level)


def _score(value: float, shares: bool) -> str:
    if value is None or math.isnan(value):
        return "-"
    return f"{100 * value:.1f}%" if shares else f"{value:.3g}"


def _aligned(rows: Sequence[Sequence[str]], texts: int) -> Iterator[str]:
    """Yield the rows, columns under each other, the first ``texts`` to the left and the others to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        parts = [
            entry.ljust(width) if place < texts else entry.rjust(width)
            for place, (entry, width) in enumerate(zip(row, widths, strict=True))
        ]
        yield "  ".join(parts).rstrip()
