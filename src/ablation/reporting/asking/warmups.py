"""Schedules with a warm-up against the same without: which they are, and what it changes at each one's best rate.

Levels are found by their kind and settings: two make a pair that differ in ``warmup`` alone, one of them without.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.asking.kinds import parameters, unlike_zeros
from ablation.reporting.naming import Label
from ablation.reporting.statistics.differences import Difference

MEASURES = ("ratio", "time", "tested", "rates", "best")
"""What is compared: log10 of the time to target, that restricted to the horizon, the final test accuracy, how many of
the rates train, and log10 of the best rate."""


@dataclass(frozen=True)
class Pair:
    """A schedule without a warm-up, the same with one, and its share of the training."""

    without: Label
    warmed: Label
    share: float


@dataclass(frozen=True)
class Gains:
    """What a warm-up changes.

    Attributes:
        of: the difference, with minus without, of each of ``MEASURES`` that can be had; of the ratio only where runs
            arrive on both sides, for of times that nobody sees a model tells what it was told of others.
        arrive: whether any run arrives, with or without.
    """

    of: Mapping[str, Difference]
    arrive: bool


def pairs(analysis: Analysis) -> list[Pair]:
    """The study's pairs, in the order of its levels."""
    found: dict[Any, dict[Label, float]] = {}
    for level in analysis.design.levels["schedule"]:
        settings = dict(parameters(analysis, "schedule", level))
        share = settings.pop("warmup", None)
        # Of a schedule that knows no warm-up none can be asked for.
        found.setdefault(tuple(sorted(settings.items())), {})[level] = float(share or 0.0)
    return [
        Pair(without, warmed, share)
        for alike in found.values()
        for without in [level for level, none in alike.items() if none == 0][:1]
        for warmed, share in alike.items()
        if share > 0
    ]


def sides(analysis: Analysis, of: Sequence[Pair]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The tuned cells of the pairs with what is measured of them, and ``rates``, how many of those ``tried`` train.

    The second has a row a combination and seed. Both have ``pair``, the name of its level with a warm-up, and ``with``,
    on which side of it a row stands.
    """
    design = analysis.design
    tuned = unlike_zeros(analysis, with_times(analysis))
    tuned = tuned.assign(best=np.log10(tuned["lr"].astype(float).to_numpy()))
    trains = np.isfinite(analysis.cells[f"{design.unit}_easy"].to_numpy(dtype=float))
    every = unlike_zeros(analysis, analysis.cells.assign(rates=trains.astype(float)))
    grouped = every.groupby([*dict.fromkeys([*design.compared, "depth", "seed"])], observed=True)["rates"]
    rates = grouped.agg(rates="sum", tried="size").reset_index()
    return by_pair(tuned, of), by_pair(rates, of)


def with_times(analysis: Analysis) -> pd.DataFrame:
    """The tuned cells with ``ratio``, log10 of the time to target as the model of all times expects it."""
    times = analysis.effects[0]
    log = np.full(len(analysis.tuned), np.nan)
    if times.response.why is None:
        log[times.places.ravel()] = times.y.ravel()
    return analysis.tuned.assign(ratio=log)


def by_pair(cells: pd.DataFrame, of: Sequence[Pair]) -> pd.DataFrame:
    """The cells of each pair; a level without a warm-up stands in several where there are several with."""
    parts = [
        cells[cells["schedule"].isin([pair.without, pair.warmed])].assign(
            pair=pair.warmed, **{"with": lambda part, pair=pair: part["schedule"] == pair.warmed}
        )
        for pair in of
    ]
    return pd.concat(parts, ignore_index=True)


def gains(analysis: Analysis, frames: tuple[pd.DataFrame, pd.DataFrame], **where: Label) -> Gains:
    """What a warm-up changes where factors, or ``pair``, have these levels."""
    tuned, rates = frames
    for name, level in where.items():
        tuned, rates = tuned[tuned[name] == level], rates[rates[name] == level]
    arrive = tuned.groupby("with")["reached"].any().reindex([True, False], fill_value=False)
    found = {}
    for measure in MEASURES:
        if measure == "ratio" and not arrive.all():
            continue
        frame = rates if measure == "rates" else tuned
        groups = frame["with"], ~frame["with"]
        difference = analysis.paired(frame, measure, groups, ("schedule",), ("pair",)) if len(frame) else None
        if difference is not None:
            found[measure] = difference
    return Gains(found, bool(arrive.any()))
