"""The responses whose effects are estimated, and a whole study's effects on each.

- ``epochs``, or ``steps``: log10 of the time to target T in the study's unit. It is known to lie between two
  evaluations, or beyond the horizon, so it is what a log-normal accelerated failure time model of a seed's cells
  expects it to be there (``failure_time``): whatever is linear in it, an effect or the ratio of two levels, is the
  model's own.
- ``rmst``: min(T, H), whose mean is the restricted mean time: nothing is modelled, and it tells of the time up to H
  alone.
- ``val_loss``: log10 of the validation loss at the end; a diverged cell, and one that does worse than guessing every
  class alike, counts as guessing, for one exploding loss would outweigh all others.
- ``accuracy``: that on the test part at the end, of which a diverged cell has that of guessing.

Effects on the logarithms are ratios: how many times as long. All are of tuned cells (``tuning``).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ablation.records.horizon import UNITS
from ablation.reporting.design import Design
from ablation.reporting.statistics.anova import anova, nothing_to_judge
from ablation.reporting.statistics.contrasts import Model, blocks, fit_model
from ablation.reporting.statistics.intervals import Floats, holm
from ablation.reporting.statistics.notes import Note, Remark
from ablation.reporting.statistics.time_model import TimeModel, fit_times

LEAST_LOSS = 1e-12
RATIOS = (*UNITS, "val_loss")
"""Responses that are logarithms, so that a difference is a ratio."""


@dataclass(frozen=True)
class Response:
    """A response of every combination and seed.

    Attributes:
        y: of shape (C, S).
        unseen: each seed's sum of what it varies by within what is known of it, (S,).
        why: why it cannot be had, if so.
    """

    name: str
    y: Floats
    unseen: Floats
    why: Remark | None = None


@dataclass(frozen=True)
class Effects:
    """A response with the study's model of it: the table of terms, and what is to be noted.

    Attributes:
        places: the cells behind ``response.y``, as rows of the tuned cells.
        notes: what of the whole and of each term is left out, and why.
        times: the model of the times, where the response is of it.
    """

    response: Response
    model: Model
    places: np.ndarray
    table: pd.DataFrame
    notes: list[Note]
    times: TimeModel | None = None

    @property
    def y(self) -> Floats:
        """The response, of shape (C, S)."""
        return self.response.y


def final_loss(cells: pd.DataFrame, design: Design) -> tuple[Floats, Remark | None]:
    """log10 of the validation loss at the end of every cell, and why it cannot be had, if so."""
    guessing = cells["guessing"].to_numpy(dtype=float)
    if design.varies("loss"):
        return np.zeros(len(cells)), Remark.SEVERAL_LOSSES
    if np.isnan(guessing).any():
        return np.zeros(len(cells)), Remark.UNKNOWN_GUESSING
    final = cells["val_loss"].to_numpy(dtype=float, na_value=np.nan)
    final = np.where(np.isfinite(final) & ~cells["diverged"].to_numpy(dtype=bool), final, guessing)
    return np.log10(np.clip(final, LEAST_LOSS, guessing)), None


def study_effects(cells: pd.DataFrame, design: Design, factors: Sequence[str], confidence: float) -> list[Effects]:
    """The effects of ``factors`` on each response of these tuned cells, with Holm's p-values over all of them."""
    combinations, places, lacking = blocks(cells, factors)
    model = fit_model(combinations, factors, places.shape[1])
    times = fit_times(cells, places, model, design)
    loss, no_loss = final_loss(cells, design)
    nothing = np.zeros(places.shape[1])
    untrained = Remark.UNTRAINED if design.untrained else None
    responses = [
        Response(design.unit, times.y, times.unseen, untrained or times.why),
        Response("rmst", cells["time"].to_numpy(dtype=float)[places], nothing, untrained),
        Response("val_loss", loss[places], nothing, no_loss),
        Response("accuracy", cells["tested"].to_numpy(dtype=float)[places], nothing),
    ]
    found = [
        estimated(response, model, places, lacking, confidence, times if response.name == design.unit else None)
        for response in responses
    ]
    tests = [effects.table["p"].to_numpy(dtype=float) for effects in found]
    ends = np.cumsum([len(p) for p in tests])[:-1]
    for effects, p in zip(found, np.split(holm(np.concatenate(tests)), ends), strict=True):
        effects.table["p_holm"] = p
    return found


def estimated(
    response: Response,
    model: Model,
    places: np.ndarray,
    lacking: Sequence[Note],
    confidence: float,
    times: TimeModel | None,
) -> Effects:
    """The effects on one response, and what is to be said of them."""
    why = response.why or nothing_to_judge(response.y, model, response.unseen)
    table = anova(response.y, model, confidence, response.unseen).iloc[: 0 if why else None].copy()
    noted = [] if response.why else model.notes
    if why and (response.why or model.terms or not noted):  # a model without terms has noted why
        noted = [Note(why), *noted]
    noted = [*noted, Note(Remark.MAIN_ALONE)] if times is not None and times.alone else noted
    notes = [*lacking, *noted, *untested(table, places.shape[1])]
    return Effects(response, model, places, table, notes, times)


def untested(table: pd.DataFrame, seeds: int) -> list[Note]:
    """What of a table's numbers is not known."""
    if len(table) and seeds == 1:
        return [Note(Remark.ONE_SEED)]
    notes = [Note(Remark.NO_INTERVAL)] if len(table) and table["omega_low"].isna().all() else []
    without = table[table["p"].isna()]
    return [
        *notes,
        *(
            Note(Remark.NEVER if size == 0 else Remark.AGREE, factors)
            for factors, size in zip(without["factors"], without["sum_sq"], strict=True)
        ),
    ]
