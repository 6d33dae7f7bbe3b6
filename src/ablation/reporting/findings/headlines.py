"""Headline numbers of a study."""

import numpy as np

from ablation.records.fates import CLASSES
from ablation.reporting.analysis import Analysis
from ablation.reporting.statistics.times import median_time


def headlines(analysis: Analysis) -> dict[str, float | int | None]:
    """Numbers for ``metrics.json``: flat, and null where a median lies beyond the horizon or nothing was measured."""
    cells, tuned, unit = analysis.cells, analysis.tuned, analysis.design.unit
    numbers: dict[str, float | int | None] = {
        "cells": len(cells),
        "finished": int((~cells["diverged"]).sum()),
        "diverged": int(cells["diverged"].sum()),
        "success_rate": float(cells["reached"].mean()),
        "success_rate_tuned": float(tuned["reached"].mean()),
    }
    for name in CLASSES:
        numbers[f"share_{name}"] = float((cells["failure"] == name).mean())
    table = analysis.extremes
    for depth, part in tuned.groupby("depth", observed=True):
        median = median_time(part["arrival"].to_numpy(), np.zeros(len(part), np.int64), 1)[0]
        best = table[table["depth"] == depth].iloc[0]
        numbers[f"depth_{depth}_success_rate"] = float(part["reached"].mean())
        numbers[f"depth_{depth}_rmst"] = float(part["time"].mean())
        numbers[f"depth_{depth}_median_{unit}"] = float(median)
        numbers[f"depth_{depth}_best_median_{unit}"] = float(best[f"median_{unit}"])
    # Rounded as the tables are, so that the last bits of a sum change no file.
    return {
        name: value
        if isinstance(value, int) or value is None
        else float(f"{value:.6g}")
        if np.isfinite(value)
        else None
        for name, value in numbers.items()
    }
