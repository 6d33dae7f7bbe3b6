"""The two responses whose effects are estimated, and a whole study's effects on each.

``epochs`` is log10 of min(T, H): a cell that never reaches the target, and a diverged one, stand at the horizon H; one
that is there before the first step counts as half an epoch. ``val_loss`` is log10 of the validation loss at the end;
a diverged cell, and one that does worse than guessing every class alike, counts as guessing, for one exploding loss
would outweigh all others. So no response is infinite, and both are ratios: an effect says how many times as long.

Both are of tuned cells: the setting of the nuisance factors with the lowest median over seeds of the best validation
loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ablation.reporting.design import Design
from ablation.reporting.statistics.anova import anova, nothing_to_judge
from ablation.reporting.statistics.contrasts import Model, Note, blocks, fit_model
from ablation.reporting.statistics.intervals import Floats

SOONEST = 0.5
"""Epochs of a cell that meets the target before its first step; a logarithm has none."""
LEAST_LOSS = 1e-12


@dataclass(frozen=True)
class Response:
    """A response of every tuned cell, in powers of ten.

    Attributes:
        values: of every cell, in the order of the tuned cells.
        why: the sentence that stands in its place where it cannot be had.
    """

    name: str
    words: str
    values: Floats
    why: str = ""


@dataclass(frozen=True)
class Effects:
    """A response with the study's model of it: ``y`` of shape (C, S), the table of terms, and what is to be said.

    Attributes:
        places: the cells behind ``y``, as rows of the tuned cells.
        notes: per term, or with an empty name of the whole, what is left out and why.
    """

    response: Response
    model: Model
    places: np.ndarray
    y: Floats
    table: pd.DataFrame
    notes: list[Note]


def responses(cells: pd.DataFrame, design: Design) -> list[Response]:
    """Both responses of the tuned cells, in which ``guessing`` is what guessing every class alike costs."""
    nothing = np.zeros(len(cells))
    words = f"log10 of min(T, {design.horizon:g}) in epochs to {design.goal}"
    if design.horizon > 0:
        times = np.clip(cells["epochs_primary"].to_numpy(dtype=float), min(SOONEST, design.horizon / 2), design.horizon)
        time = Response("epochs", words, np.log10(times))
    else:
        time = Response("epochs", words, nothing, "Nothing was trained, so there is no time to a target.")
    words = "log10 of the validation loss at the end, at most that of guessing"
    guessing = cells["guessing"].to_numpy(dtype=float)
    if design.varies("loss"):
        loss = Response("val_loss", words, nothing, "Several losses are compared, which have no scale in common.")
    elif np.isnan(guessing).any():
        loss = Response("val_loss", words, nothing, "What guessing costs is not known for this loss.")
    else:
        final = cells["val_loss"].to_numpy(dtype=float, na_value=np.nan)
        final = np.where(np.isfinite(final) & ~cells["diverged"].to_numpy(dtype=bool), final, guessing)
        loss = Response("val_loss", words, np.log10(np.clip(final, LEAST_LOSS, guessing)))
    return [time, loss]


def study_effects(cells: pd.DataFrame, design: Design, factors: Sequence[str], confidence: float) -> list[Effects]:
    """The effects of ``factors`` on each response of these tuned cells."""
    combinations, places, lacking = blocks(cells, factors)
    seeds = places.shape[1]
    model = fit_model(combinations, factors, seeds)
    found = []
    for response in responses(cells, design):
        y = response.values[places]
        why = response.why or nothing_to_judge(y, model)
        table = anova(y, model, confidence).iloc[: 0 if why else None]
        said = [] if response.why else model.notes
        if response.why or model.terms or not said:  # a model without terms has said why
            said = [("", why), *said] if why else said
        notes = [*lacking, *said]
        notes += untested(table, seeds)
        found.append(Effects(response, model, places, y, table, notes))
    return found


def untested(table: pd.DataFrame, seeds: int) -> list[Note]:
    """What of a table's numbers is not known, in words."""
    notes: list[Note] = []
    if len(table) and seeds == 1:
        notes.append(("", "There is one seed: no interval, and three-way interactions stand for the error."))
    elif len(table) and table["omega_low"].isna().all():
        notes.append(("", "No interval: with one seed fewer nothing is left to judge by."))
    alone = table["p"].isna()
    notes += [(name, "No test: a single cell decides it, which leaves no error.") for name in table["term"][alone]]
    return notes
