"""Headline numbers of a study: the ten by which two reports of it are compared."""

import numpy as np

from ablation.reporting.analysis import Analysis
from ablation.reporting.statistics.scores import best_combination


def headlines(analysis: Analysis) -> dict[str, float | int | None]:
    """Numbers for ``metrics.json``: flat, few, and null where a median lies beyond the horizon.

    How many cells there are and how many diverged; the share that reaches the target, of all and of the tuned ones; of
    the tuned ones at the largest depth that share, the restricted mean time, and the best combination's median time;
    and the combination with the best score in validation at the end, by its number in the table *accuracy*, with that
    score and the one on the test part.
    """
    cells, tuned, design = analysis.cells, analysis.tuned, analysis.design
    deepest = tuned["depth"].cat.remove_unused_categories().cat.categories[-1]
    deep, scores, depth = tuned[tuned["depth"] == deepest], analysis.scores, f"depth_{deepest}"
    fastest = analysis.extremes[analysis.extremes["depth"] == deepest].iloc[0]
    best = best_combination(scores)
    numbers: dict[str, float | int | None] = {
        "cells": len(cells),
        "diverged": int(cells["diverged"].sum()),
        "success_rate": float(cells["reached"].mean()),
        "success_rate_tuned": float(tuned["reached"].mean()),
        f"{depth}_success_rate": float(deep["reached"].mean()),
        f"{depth}_rmst": float(deep["time"].mean()),
        f"{depth}_best_median_{design.unit}": float(fastest[f"median_{design.unit}"]),
        "best_combination": best + 1,
        "best_val_accuracy": float(scores["val_accuracy"].iloc[best]),
        "best_test_accuracy": float(scores["test_accuracy"].iloc[best]),
    }
    # Rounded as the tables are, so that the last bits of a sum change no file.
    return {
        name: value
        if isinstance(value, int) or value is None
        else float(f"{value:.6g}")
        if np.isfinite(value)
        else None
        for name, value in numbers.items()
    }
