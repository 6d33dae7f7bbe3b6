"""Tuning over the nuisance factors, so that every choice is seen at its best, and how much hangs on it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd


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
