"""Tuning over the nuisance factors, so that every choice is seen at its best, and how much hangs on it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ablation.reporting.design import ORDINAL, Design


def tune(cells: pd.DataFrame, by: Sequence[str], nuisance: Sequence[str]) -> pd.DataFrame:
    """The cells at the best setting of the nuisance factors for each combination of ``by``.

    Best is the lowest median over seeds of ``best_val_loss``, diverged counting as infinite; ties go to the level
    that stands first. The seeds that choose also report, so a tuned figure is a little flattering to all.
    """
    setting = [*by, *nuisance]
    loss = cells["best_val_loss"].astype(float).where(cells["status"] == "finished", np.inf).fillna(np.inf)
    # No factor is called "median"; one is called "loss".
    medians = cells[setting].assign(median=loss).groupby(setting, observed=True)["median"].median().reset_index()
    best = medians.sort_values("median", kind="stable").drop_duplicates(list(by))
    codes = pd.concat([best[setting], cells[setting]], ignore_index=True).groupby(setting, observed=True).ngroup()
    return cells[np.isin(codes[len(best) :], codes[: len(best)])]


def sensitivity(cells: pd.DataFrame, by: Sequence[str], nuisance: Sequence[str]) -> pd.DataFrame:
    """How many settings of the nuisance factors succeed per combination of ``by``: in at least half of their seeds."""
    setting = [*by, *nuisance]
    shares = cells.groupby(setting, observed=True, as_index=False)["reached"].mean()
    shares["succeed"] = shares["reached"] >= 0.5
    grouped = shares.groupby(list(by), observed=True)["succeed"]
    table = pd.DataFrame({"succeed": grouped.sum(), "tried": grouped.size()})
    return table.reset_index()


def tuned_settings(tuned: pd.DataFrame, by: Sequence[str], nuisance: Sequence[str]) -> pd.DataFrame:
    """The setting of the nuisance factors at which each combination of ``by`` stands, in the combinations' order."""
    return tuned.groupby(list(by), observed=True)[list(nuisance)].first().reset_index(drop=True)


def study_sensitivity(cells: pd.DataFrame, tuned: pd.DataFrame, design: Design) -> pd.DataFrame:
    """``sensitivity`` of every combination, with the best setting and whether it lies at an edge of the numbers tried.

    Columns: the compared factors, ``succeed, tried``, ``best_*`` for each nuisance factor, ``at_edge``.
    """
    frame = sensitivity(cells, design.compared, design.nuisance)
    chosen = tuned_settings(tuned, design.compared, design.nuisance)
    edge = np.zeros(len(frame), dtype=bool)
    for factor in design.nuisance:
        frame[f"best_{factor}"] = chosen[factor]
        if design.varies(factor) and factor in ORDINAL:
            edge |= chosen[factor].isin([design.levels[factor][0], design.levels[factor][-1]]).to_numpy(dtype=bool)
    return frame.assign(at_edge=edge)
