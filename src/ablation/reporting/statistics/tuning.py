"""Tuning over the nuisance factors, so that every choice is seen at its best, and how much hangs on it."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ablation.records.columns import ORDINAL
from ablation.reporting.design import Design
from ablation.reporting.naming import Label
from ablation.reporting.options import SAME


def losses(cells: pd.DataFrame) -> pd.Series:
    """What settings are chosen by: the best validation loss, infinite where a cell diverged."""
    return cells["best_val_loss"].astype(float).where(cells["status"] == "finished", np.inf).fillna(np.inf)


def tune(cells: pd.DataFrame, by: Sequence[str], nuisance: Sequence[str], how: str = SAME) -> pd.DataFrame:
    """The cells at the best setting of the nuisance factors for each combination of ``by``, one a seed.

    Best is the lowest median over seeds of ``best_val_loss``, diverged counting as infinite; ties go to the level
    that stands first. Where the same seeds choose and report, the lowest of several is partly the luckiest, and a
    figure is flattering to all, the more so the noisier they are. **Nested**, each seed is reported at the setting that
    the other seeds choose (Varma & Simon 2006; Cawley & Talbot 2010), so that no seed has a say in its own; with a
    single seed there are no others, and it is as ``same``.
    """
    setting = [*by, *nuisance]
    seeds = list(cells["seed"].unique())
    if how == SAME or len(seeds) < 2 or not nuisance:
        return cells[_chosen(cells, cells, by, setting)]
    kept = np.zeros(len(cells), dtype=bool)
    for seed in seeds:
        own = (cells["seed"] == seed).to_numpy(dtype=bool)
        kept[own] = _chosen(cells[~own], cells[own], by, setting)
    return cells[kept]


def _chosen(judged: pd.DataFrame, cells: pd.DataFrame, by: Sequence[str], setting: Sequence[str]) -> np.ndarray:
    """Which of ``cells`` are at the setting that is best in ``judged``."""
    # No factor is called "median"; one is called "loss".
    frame = judged[list(setting)].assign(median=losses(judged))
    medians = frame.groupby(list(setting), observed=True)["median"].median().reset_index()
    best = medians.sort_values("median", kind="stable").drop_duplicates(list(by))
    both = pd.concat([best[list(setting)], cells[list(setting)]], ignore_index=True)
    codes = both.groupby(list(setting), observed=True).ngroup().to_numpy()
    return np.isin(codes[len(best) :], codes[: len(best)])


def sensitivity(cells: pd.DataFrame, by: Sequence[str], nuisance: Sequence[str]) -> pd.DataFrame:
    """How many settings of the nuisance factors succeed per combination of ``by``: in at least half of their seeds."""
    setting = [*by, *nuisance]
    shares = cells.groupby(setting, observed=True, as_index=False)["reached"].mean()
    shares["succeed"] = shares["reached"] >= 0.5
    grouped = shares.groupby(list(by), observed=True)["succeed"]
    table = pd.DataFrame({"succeed": grouped.sum(), "tried": grouped.size()})
    return table.reset_index()


def tuned_settings(cells: pd.DataFrame, by: Sequence[str], nuisance: Sequence[str]) -> pd.DataFrame:
    """The setting of the nuisance factors that all seeds choose for each combination, in the combinations' order."""
    chosen = tune(cells, by, nuisance)
    return chosen.groupby(list(by), observed=True)[list(nuisance)].first().reset_index(drop=True)


def optimizers(frame: pd.DataFrame, design: Design) -> list[Label]:
    """The level of optimizer in every row of a table of combinations, be it compared, tuned over or the only one."""
    for column in ("optimizer", "best_optimizer"):
        if column in frame:
            return list(frame[column])
    return [design.levels["optimizer"][0]] * len(frame)


def study_sensitivity(cells: pd.DataFrame, tuned: pd.DataFrame, design: Design) -> pd.DataFrame:
    """``sensitivity`` of every combination, with the best setting and whether it lies at an edge of the numbers tried.

    Columns: the compared factors, ``succeed, tried``, ``best_*`` for each nuisance factor, ``at_edge``, which is empty
    where none is, or the factor and which end of it, of learning rates of those that the optimizer was given;
    ``chosen``, the share of seeds whose report stands at that setting.
    """
    frame = sensitivity(cells, design.compared, design.nuisance)
    chosen = tuned_settings(cells, design.compared, design.nuisance)
    edge = np.full(len(frame), "", dtype=object)
    for factor in design.nuisance:
        frame[f"best_{factor}"] = chosen[factor]
    for factor in design.nuisance:
        if design.varies(factor) and factor in ORDINAL:
            for end, which in ((-1, "high"), (0, "low")):
                tried = [design.tried(factor, optimizer) for optimizer in optimizers(frame, design)]
                last = [values[end] if len(values) > 1 else None for values in tried]
                there = np.array([level == value for level, value in zip(chosen[factor], last, strict=True)], bool)
                edge[there] = [f"{text} {factor} {which}".strip() for text in edge[there]]
    frame["at_edge"] = edge
    best = frame[[*design.compared, *(f"best_{factor}" for factor in design.nuisance)]]
    own = tuned[[*design.compared, *design.nuisance]].merge(best, on=list(design.compared))
    alike = np.ones(len(own), dtype=bool)
    for factor in design.nuisance:
        alike &= (own[factor].astype(object) == own[f"best_{factor}"].astype(object)).to_numpy(dtype=bool)
    shares = own.assign(alike=alike).groupby(list(design.compared), observed=True)["alike"].mean()
    return frame.assign(chosen=shares.to_numpy())
