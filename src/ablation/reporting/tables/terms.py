"""Which factors matter, by how much and how surely: effects, marginal means, the model of times, and copies."""

import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import plural
from ablation.reporting.naming import raw
from ablation.reporting.statistics.anova import COLUMNS
from ablation.reporting.statistics.marginal import MEANS
from ablation.reporting.tables.table import Table, mixed
from ablation.reporting.wording.captions import confidence_text, seeds_text, tuning_text
from ablation.reporting.wording.remarks import censoring_text, note_text, notes_by_term


def effects(analysis: Analysis) -> Table:
    """Every term's size and test, for each response."""
    design, percent = analysis.design, confidence_text(analysis.options)
    parts = []
    for found in analysis.effects:
        said = notes_by_term(found.notes)
        part = found.table.assign(note=[said.pop(term, "") for term in found.table["term"]])
        rest = pd.DataFrame([{"term": term, "note": text} for term, text in said.items()])
        part = pd.concat([part.astype(object), rest], ignore_index=True)
        part.insert(0, "response", found.response.name)
        parts.append(part)
    frame = pd.concat(parts, ignore_index=True)
    frame = frame.reindex(columns=["response", *COLUMNS, "note"]).astype(dict.fromkeys(COLUMNS[2:], float))
    caption = (
        f"Main effects and two-way interactions (sum contrasts, type II). Response {design.unit}: log10 of the time to "
        f"{design.goal}, by a log-normal accelerated failure time model of times known to lie between two evaluations "
        "or "
        f"beyond the horizon, fitted a seed at a time; rmst: min(T, {design.horizon:g}) in {design.unit}; val_loss: "
        "log10 of the final validation loss, at most that of guessing, which a diverged cell counts as; accuracy: "
        f"{design.score.final}.{design.score.noted} omega_sq: partial omega squared, the term's share of its own and "
        "the error's variance "
        "(below zero: less than chance would give), with its "
        f"jackknife {percent} interval over {seeds_text(design)}. F: the term against its interaction with the seed, "
        "for the seed is the replicate; epsilon: Greenhouse and Geisser's, by which both degrees of freedom shrink; "
        "p: of that test; p_holm: Holm's over all tests of this table. "
        f"{plural(len(analysis.tuned), 'cell')}, {tuning_text(analysis)}. "
        f"{censoring_text(analysis.design, analysis.censoring)}"
    )
    return Table("effects", "Effects of the factors and their interactions", caption, frame)


def marginal_means(analysis: Analysis) -> Table:
    """Each level's marginal mean and how it differs from the reference level's."""
    design, percent = analysis.design, confidence_text(analysis.options)
    frame = analysis.marginal_means.copy()
    for column in ("level", "reference"):
        frame[column] = frame[column].map(raw).astype(object)
    if frame.empty:
        why = [note for found in analysis.effects for note in found.notes]
        frame = pd.DataFrame([{"response": note_text(why[0]) if why else "no level to compare"}]).reindex(columns=MEANS)
    caption = (
        f"Response {design.unit}: the geometric mean time to target by the log-normal accelerated failure time model, "
        f"which may lie beyond the horizon; rmst: the mean of min(T, {design.horizon:g}), in {design.unit}; val_loss: "
        "the geometric mean of the final validation loss; accuracy: the mean of "
        f"{design.score.final}.{design.score.noted} With equal weight "
        "on every level of the other factors (of the additive model where combinations are missing). Each level's "
        "ratio to the reference level, or its difference where the response is no logarithm, paired by seed; Student's "
        f"t {percent} intervals over {seeds_text(design)}, none where all agree; "
        f"{tuning_text(analysis)}. {censoring_text(analysis.design, analysis.censoring)}"
    )
    return Table("marginal_means", "Marginal means of every level", caption, frame, mixed(design, "level", "reference"))


def time_model(analysis: Analysis) -> Table:
    """What the model of the times comes to with each seed, beside the log-logistic one."""
    design, found = analysis.design, analysis.effects[0]
    rows: list[dict[str, object]] = []
    if found.times is not None and found.times.fits:
        seeds = found.times.fits, found.times.logistic
        for seed, normal, logistic in zip(design.levels["seed"], *seeds, strict=False):
            rows.append(
                {"seed": raw(seed), "cells": len(normal.low), "arrived": int((normal.high < float("inf")).sum())}
                | {"sigma": normal.sigma, "log_likelihood": normal.log_likelihood}
                | {"logistic_sigma": logistic.sigma, "logistic_log_likelihood": logistic.log_likelihood}
            )
    rows = rows or [{"seed": note_text(found.notes[0]) if found.notes else "no model"}]
    caption = (
        f"The accelerated failure time model of the time to {design.goal} with each of {seeds_text(design)}: ln T = "
        "main effects + two-way "
        "interactions + sigma e. T is known to lie between two evaluations, or beyond the horizon. arrived: the cells "
        "that reach the target. sigma, log_likelihood: e is normal, as everywhere in this report; logistic_*: e is "
        "logistic (whose standard deviation is 1.81 sigma). The larger likelihood fits better; where they differ by "
        "more than a few, hold the effects of both beside each other. "
        f"{plural(len(analysis.tuned), 'cell')}, {tuning_text(analysis)}."
    )
    return Table("time_model", "The model of the times", caption, pd.DataFrame(rows))


def copies(analysis: Analysis) -> Table:
    """How many cells of each level are those of another level again, to the bit."""
    design, found = analysis.design, analysis.copies
    frame = found[found["same"] > 0].copy()
    for column in ("level", "twin"):
        frame[column] = frame[column].map(raw).astype(object)
    if frame.empty:
        frame = pd.DataFrame([{"factor": "none"}]).reindex(columns=list(found.columns))
    caption = (
        f"{plural(len(analysis.cells), 'cell')}, {analysis.distinct:,} distinct outcomes: cells whose curves are the "
        "same "
        "to the bit are one outcome under several names, as those of a clipping that never acted. Levels with such "
        "cells: same: how many of a "
        "level's cells are those of a level before it again, all else equal; twin: the level that they most often "
        "repeat."
    )
    return Table("copies", "Outcomes under several names", caption, frame, mixed(design, "level", "twin"))
