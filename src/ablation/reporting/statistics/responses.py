"""The two responses whose effects are estimated, and a whole study's effects on each.

``epochs`` is log10 of min(T, H): a cell that never reaches the target, and a diverged one, stand at the horizon H; one
that is there before the first step counts as half the time of the first evaluation after it. ``val_loss`` is log10 of
the validation loss at the end; a diverged cell, and one that does worse than guessing every class alike, counts as
guessing, for one exploding loss would outweigh all others. So no response is infinite, and both are ratios: an effect
says how many times as long.

Both are of tuned cells: the setting of the nuisance factors with the lowest median over seeds of the best validation
loss.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ablation.reporting.design import Design
from ablation.reporting.statistics.anova import anova, nothing_to_judge
from ablation.reporting.statistics.contrasts import Model, blocks, fit_model
from ablation.reporting.statistics.intervals import Floats
from ablation.reporting.statistics.notes import Note, Remark

AT_ONCE = 0.5
"""Share of the first evaluation's time with which a cell counts that meets the target before its first step; of no time
there is no logarithm."""
LEAST_LOSS = 1e-12


@dataclass(frozen=True)
class Response:
    """A response of every tuned cell, in powers of ten.

    Attributes:
        values: of every cell, in the order of the tuned cells.
        why: why it cannot be had, if so.
    """

    name: str
    values: Floats
    why: Remark | None = None


@dataclass(frozen=True)
class Effects:
    """A response with the study's model of it: ``y`` of shape (C, S), the table of terms, and what is to be noted.

    Attributes:
        places: the cells behind ``y``, as rows of the tuned cells.
        notes: what of the whole and of each term is left out, and why.
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
    if design.horizon > 0:
        times = np.clip(
            cells["epochs_primary"].to_numpy(dtype=float), AT_ONCE * min(design.soonest, design.horizon), design.horizon
        )
        time = Response("epochs", np.log10(times))
    else:
        time = Response("epochs", nothing, Remark.UNTRAINED)
    guessing = cells["guessing"].to_numpy(dtype=float)
    if design.varies("loss"):
        loss = Response("val_loss", nothing, Remark.SEVERAL_LOSSES)
    elif np.isnan(guessing).any():
        loss = Response("val_loss", nothing, Remark.UNKNOWN_GUESSING)
    else:
        final = cells["val_loss"].to_numpy(dtype=float, na_value=np.nan)
        final = np.where(np.isfinite(final) & ~cells["diverged"].to_numpy(dtype=bool), final, guessing)
        loss = Response("val_loss", np.log10(np.clip(final, LEAST_LOSS, guessing)))
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
        noted = [] if response.why else model.notes
        if why and (response.why or model.terms or not noted):  # a model without terms has noted why
            noted = [Note(why), *noted]
        found.append(Effects(response, model, places, y, table, [*lacking, *noted, *untested(table, seeds)]))
    return found


def untested(table: pd.DataFrame, seeds: int) -> list[Note]:
    """What of a table's numbers is not known."""
    notes = []
    if len(table) and seeds == 1:
        notes.append(Note(Remark.ONE_SEED))
    elif len(table) and table["omega_low"].isna().all():
        notes.append(Note(Remark.NO_INTERVAL))
    return [*notes, *(Note(Remark.UNTESTED, factors) for factors in table["factors"][table["p"].isna()])]
