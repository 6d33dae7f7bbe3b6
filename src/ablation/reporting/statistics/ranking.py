"""The fastest and the slowest combinations at each depth."""

import numpy as np
import pandas as pd

from ablation.reporting.design import Design

EXTREMES = 3
"""How many of the best, and of the worst combinations are kept per depth."""


def best_and_worst(summary: pd.DataFrame, tuned: pd.DataFrame, design: Design) -> pd.DataFrame:
    """The rows of a study's summary with the least and the most restricted mean at each depth, the best first.

    Ties go by the mean loss while training, which tells most of how fast a cell learns; where losses are compared, and
    so have no scale in common, by the mean of the best accuracy. Added are ``rank``, from 0 within the depth, ``of``,
    how many there are, and ``best``, whether a row is one of the best rather than of the worst.
    """
    frame = summary if "depth" in summary else summary.assign(depth=design.deepest)
    tie = frame["mean_loss"]
    if design.varies("loss"):
        accuracy = tuned.groupby(list(design.compared), observed=True)["accuracy"].mean()
        tie = -accuracy.round(9).reset_index(drop=True)
    ranked = frame.assign(tie=tie).sort_values(["depth", "rmst", "tie"], kind="stable", ignore_index=True)
    grouped = ranked.groupby("depth", observed=True)
    rank, size = grouped.cumcount().to_numpy(), grouped["rmst"].transform("size").to_numpy()
    best, worst = rank < np.minimum(EXTREMES, (size + 1) // 2), size - rank <= np.minimum(EXTREMES, size // 2)
    kept: pd.DataFrame = ranked.assign(rank=rank, of=size, best=best)[best | worst]
    return kept.reset_index(drop=True)
