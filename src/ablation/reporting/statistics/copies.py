"""Which cells are one outcome under several names: their curves are the same to the bit.

A clipping whose threshold is never reached is no clipping; with the logistic function the slides' initializer is
Glorot's. Such cells are no further evidence, and "no clear difference" would be the wrong word for them: there is none.
"""

import numpy as np
import pandas as pd

from ablation.reporting.design import Design
from ablation.reporting.naming import Label
from ablation.reporting.statistics.intervals import Ints

MEASURED = ("step", "train_loss", "val_loss", "train_accuracy", "val_accuracy", "grad_norm")
"""What two cells must have in common at every evaluation; of a clipping itself other columns tell."""

COPIES = "factor level cells same share twin".split()


def outcome_numbers(curves: pd.DataFrame, cells: int) -> Ints:
    """A number a cell, the same for those whose curves are the same to the bit.

    A cell without an evaluation, which diverged at its first step, has a number of its own.

    Args:
        curves: ``row``, the cell's place, and ``MEASURED``, sorted by cell and step.
        cells: how many there are.
    """
    row = curves["row"].to_numpy()
    values = np.ascontiguousarray(curves[list(MEASURED)].to_numpy(dtype=np.float64))
    start = np.searchsorted(row, np.arange(cells + 1))
    seen: dict[bytes, int] = {}
    numbers = np.empty(cells, np.int64)
    for cell in range(cells):
        own = values[start[cell] : start[cell + 1]].tobytes() or b"cell %d" % cell
        numbers[cell] = seen.setdefault(own, len(seen))
    return numbers


def study_copies(cells: pd.DataFrame, design: Design) -> pd.DataFrame:
    """How many cells of each level are those of another level again, all else equal: the nuisance and the seed too.

    A level is held against those that stand before it, the reference first, so that of two alike the later is called
    the copy. Columns ``COPIES``: ``twin`` is the level that it most often repeats, empty where it never does.
    """
    rows: list[dict[str, object]] = []
    varying = [factor for factor in (*design.compared, *design.nuisance) if design.varies(factor)]
    for factor in design.compared:
        if not design.varies(factor):
            continue
        others = [*(other for other in varying if other != factor), "seed"]
        table = cells.pivot_table("outcome", others, factor, aggfunc="first", observed=True, sort=False)
        first = design.reference(factor)
        order = [first, *(level for level in design.levels[factor] if level != first)]
        order = [level for level in order if level in table.columns]
        for place, level in enumerate(order):
            there = table[level].notna()
            twins: dict[Label, int] = {}
            left = there.to_numpy(dtype=bool).copy()
            for other in order[:place]:
                same = left & (table[level] == table[other]).to_numpy(dtype=bool)
                twins[other] = int(same.sum())
                left &= ~same
            count, size = sum(twins.values()), int(there.sum())
            twin = max(twins, key=lambda other: twins[other]) if count else None
            rows.append(
                {"factor": factor, "level": level, "cells": size, "same": count}
                | {"share": count / size if size else np.nan, "twin": twin}
            )
    return pd.DataFrame(rows, columns=COPIES)
