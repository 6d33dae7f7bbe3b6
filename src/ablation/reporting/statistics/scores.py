"""How good networks are: the best score in validation, the final one, and that on the test part, over seeds."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ablation.reporting.design import Design
from ablation.reporting.naming import raw
from ablation.reporting.statistics.against import SCORES
from ablation.reporting.statistics.intervals import by_seed, seed_interval


def score_summary(cells: pd.DataFrame, by: Sequence[str], design: Design, confidence: float) -> pd.DataFrame:
    """One row per combination of ``by``: ``cells``, how many ``diverged``, and each score's mean and interval.

    A diverged cell has the score of guessing. The scores have the names of ``SCORES``, the ends of Student's t interval
    over seeds end in ``_low`` and ``_high``; there is none where all seeds agree, or there is one.
    """
    grouped = cells.groupby(list(by), observed=True)
    groups, seeds = grouped.ngroup().to_numpy().astype(np.int64), cells["seed"].cat.codes.to_numpy().astype(np.int64)
    table = grouped.size().reset_index(name="cells")
    table["diverged"] = np.bincount(groups, weights=cells["diverged"], minlength=len(table)).astype(int)
    for name, column in SCORES.items():
        sums, counts = by_seed(cells[column].to_numpy(dtype=float), groups, seeds, len(table), design.seeds)
        # Rounded, for seeds summed in another order differ in their last bits.
        table[name] = (sums.sum(axis=1) / counts.sum(axis=1)).round(9)
        ends = seed_interval(sums, counts, confidence, design.score.least, 1)
        table[f"{name}_low"], table[f"{name}_high"] = ends
    return table


def scores_by_level(cells: pd.DataFrame, design: Design, confidence: float) -> pd.DataFrame:
    """``score_summary`` of every level of every compared factor at each depth, with ``factor`` and ``level``."""
    parts = []
    for factor in design.compared:
        if factor != "depth" and design.varies(factor):
            part = score_summary(cells, [factor, "depth"], design, confidence)
            levels = [raw(level) for level in part.pop(factor)]
            part.insert(0, "factor", factor)
            part.insert(1, "level", pd.Series(levels, dtype=object))
            parts.append(part)
    if not parts:  # depth alone is compared, or nothing is
        part = score_summary(cells, ["depth"], design, confidence)
        part.insert(0, "factor", "depth")
        part.insert(1, "level", pd.Series([raw(level) for level in part["depth"]], dtype=object))
        parts.append(part)
    return pd.concat(parts, ignore_index=True)


def best_combination(summary: pd.DataFrame) -> int:
    """The row with the best mean score in validation at the end; of equal ones the first.

    By no score of the test part: the best of many would be flattered by it.
    """
    return int(summary["val_accuracy"].to_numpy().argmax())
