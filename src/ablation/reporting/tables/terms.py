"""Which factors matter, by how much and how surely: effects, marginal means and log-rank tests."""

import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import plural
from ablation.reporting.naming import raw
from ablation.reporting.statistics.anova import COLUMNS
from ablation.reporting.statistics.marginal import MEANS
from ablation.reporting.tables.table import Table, mixed
from ablation.reporting.wording.captions import confidence_text, seeds_text, tuning_text
from ablation.reporting.wording.remarks import NO_TEST, censoring_text, note_text, notes_by_term


def effects(analysis: Analysis) -> Table:
    """Every term's size and test, for time to target and for the final validation loss."""
    design, percent = analysis.design, confidence_text(analysis.options)
    whole = {found.factor: found.p_holm for found in analysis.log_ranks if found.depth is None}
    parts = []
    for found in analysis.effects:
        said = notes_by_term(found.notes)
        part = found.table.assign(note=[said.pop(term, "") for term in found.table["term"]])
        rest = pd.DataFrame([{"term": term, "note": text} for term, text in said.items()])
        part = pd.concat([part.astype(object), rest], ignore_index=True)
        part.insert(0, "response", found.response.name)
        if found.response.name == "epochs":
            part["logrank_p_holm"] = part["term"].map(whole)
        parts.append(part)
    frame = pd.concat(parts, ignore_index=True)
    order = ["response", *COLUMNS, "logrank_p_holm", "note"]
    frame = frame.reindex(columns=order).astype(dict.fromkeys([*COLUMNS[2:], "logrank_p_holm"], float))
    caption = (
        "Least squares with sum contrasts, seeds as blocks, main effects and two-way interactions. Response epochs: "
        f"log10 of min(T, {design.horizon:g}) to {design.goal}; val_loss: log10 of the final validation loss, at most "
        "that of guessing, which a diverged cell counts as. sum_sq, F: type II. omega_sq: partial omega squared, the "
        "term's share of its own and the error's variance (below zero: less than chance would give), with its "
        f"jackknife {percent} interval over {seeds_text(design)}. p: with HC3 errors; p_holm: Holm's over the terms of "
        "a response. p_seeds: whether the term differs from seed to seed by more than the rest does; where it is "
        "small, p takes cells of a seed for more independent than they are and the interval is the better guide. "
        f"{plural(len(analysis.tuned), 'cell')}, {tuning_text(design)}. {censoring_text(analysis.censoring)}"
    )
    return Table("effects", "Effects of the factors and their interactions", caption, frame)


def marginal_means(analysis: Analysis) -> Table:
    """Each level's marginal mean and its ratio to the reference level."""
    design, percent = analysis.design, confidence_text(analysis.options)
    frame = analysis.marginal_means.copy()
    for column in ("level", "reference"):
        frame[column] = frame[column].map(raw).astype(object)
    if frame.empty:
        why = [note for found in analysis.effects for note in found.notes]
        frame = pd.DataFrame([{"response": note_text(why[0]) if why else "no level to compare"}]).reindex(columns=MEANS)
    caption = (
        f"Geometric means of min(T, {design.horizon:g}) in epochs and of the final validation loss, with equal weight "
        "on every level of the other factors (of the additive model where combinations are missing), and each level's "
        f"ratio to the reference level, paired by seed; Student's t {percent} intervals over {seeds_text(design)}, "
        f"{tuning_text(design)}. {censoring_text(analysis.censoring)}"
    )
    return Table("marginal_means", "Marginal means of every level", caption, frame, mixed(design, "level", "reference"))


def logrank(analysis: Analysis) -> Table:
    """The log-rank test between the levels of every factor, in the whole study and at each depth."""
    design = analysis.design
    rows = [
        {"scope": "all" if found.depth is None else f"depth {found.depth}", "factor": found.factor}
        | {"cells": found.cells, "censored": found.censored, "strata": found.test.strata}
        | {"statistic": found.test.statistic, "df": found.test.df, "p": found.test.p, "p_holm": found.p_holm}
        | {"soonest": "" if found.soonest is None else raw(found.soonest)}
        | {"latest": "" if found.latest is None else raw(found.latest), "note": NO_TEST[found.test.untold]}
        for found in analysis.log_ranks
    ]
    caption = (
        f"Do the levels of a factor arrive at {design.goal} at the same times? Log-rank tests, stratified by all other "
        "factors and by the seed: only cells that differ in this factor alone are compared. With the common horizon of "
        f"{plural(design.horizon, 'epoch')} the survival function is one minus the empirical distribution of T. "
        "strata: those in which somebody arrives before another; soonest and latest: the levels with the most and the "
        "fewest arrivals for those expected; p_holm: Holm's over the table. Cells of a stratum are taken as "
        f"independent of those of other strata. {plural(len(analysis.tuned), 'cell')} of {seeds_text(design)}, "
        f"{tuning_text(design)}. {censoring_text(analysis.censoring)}"
    )
    named = mixed(design, "soonest", "latest")
    return Table("logrank", "Log-rank tests between levels", caption, pd.DataFrame(rows), named)
