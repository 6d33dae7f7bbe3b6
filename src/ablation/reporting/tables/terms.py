"""Which factors matter, by how much and how surely: effects, marginal means, log-rank tests, winners."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import plural, reference
from ablation.reporting.naming import Level, raw
from ablation.reporting.statistics import marginal
from ablation.reporting.statistics.anova import COLUMNS
from ablation.reporting.statistics.contrasts import blocks, coded
from ablation.reporting.statistics.intervals import Floats, holm, student
from ablation.reporting.statistics.responses import Effects, study_effects
from ablation.reporting.statistics.survival import log_rank_of
from ablation.reporting.statistics.winners import chances, contenders
from ablation.reporting.tables.table import Table, mixed
from ablation.reporting.wording.captions import confidence_text, seeds_text, tuning_text
from ablation.reporting.wording.phrases import full_names, joined, names, phrase, words

MUCH = 0.3
"""Beyond this share of censored cells min(T, H) says little of how much slower a level is."""
NAMED = 6
"""Most contenders listed by name."""


def of_study(analysis: Analysis) -> list[Effects]:
    """The effects on both responses."""
    design = analysis.design
    return study_effects(analysis.tuned, design, design.compared, analysis.options.confidence)


def scopes(analysis: Analysis) -> Iterator[tuple[Level | None, pd.DataFrame]]:
    """The whole study, and where it has several depths each of them."""
    yield None, analysis.tuned
    if "depth" in analysis.design.compared:
        for depth, cells in analysis.tuned.groupby("depth", observed=True):
            yield int(str(depth)), cells


def censoring(analysis: Analysis) -> str:
    """How many of the tuned cells are censored, and where that is too many for a mean to say much."""
    share = {depth: 1 - float(cells["reached"].mean()) for depth, cells in scopes(analysis)}
    text = f"{share[None]:.1%} of {plural(len(analysis.tuned), 'cell')} are censored at the horizon"
    much = [f"depth {depth} ({value:.1%})" for depth, value in share.items() if depth and value > MUCH]
    if share[None] > MUCH:
        much.insert(0, "the study as a whole")
    if not much:
        return f"{text}; nowhere more than {MUCH:.0%}."
    return (
        f"{text}; more than {MUCH:.0%} are in {', '.join(much)}, where min(T, H) understates how much slower the slow "
        "are: hold the log-rank tests beside it, which ask only who arrives first."
    )


def effects(analysis: Analysis) -> Table:
    """Every term's size and test, for time to target and for the final validation loss."""
    design, percent = analysis.design, confidence_text(analysis.options)
    tests = logrank(analysis).frame
    whole = tests[tests["scope"] == "all"].set_index("factor")["p_holm"]
    parts = []
    for found in of_study(analysis):
        part = found.table.assign(note="")
        said = dict[str, list[str]]()
        for term, note in found.notes:
            said.setdefault(term, []).append(note)
        part["note"] = [" ".join(said.pop(term, [])) for term in part["term"]]
        rest = pd.DataFrame([{"term": term, "note": " ".join(notes)} for term, notes in said.items()])
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
        f"{plural(len(analysis.tuned), 'cell')}, {tuning_text(design)}. {censoring(analysis)}"
    )
    return Table("effects", "Effects of the factors and their interactions", caption, frame)


def marginal_means(analysis: Analysis) -> Table:
    """Each level's marginal mean and its ratio to the reference level."""
    design, percent = analysis.design, confidence_text(analysis.options)
    parts = []
    for found in of_study(analysis):
        for factor, levels in found.model.levels.items():
            weights = marginal.marginal_weights(found.model.combinations, found.model.levels, factor)
            if found.response.why or weights is None:
                continue
            first = reference([level for level in design.levels[factor] if level in levels])
            part = marginal.compare_levels(found.y, weights, levels, first, analysis.options.confidence)
            part[list(part.columns[1:])] = 10 ** part[list(part.columns[1:])]
            part = part.rename(columns=lambda name: str(name).replace("difference", "ratio"))
            grouped = analysis.tuned.groupby(factor, observed=True)["reached"]
            part.insert(1, "cells", grouped.size().reindex(levels).to_numpy())
            part.insert(2, "censored", 1 - grouped.mean().reindex(levels).to_numpy())
            part["level"] = part["level"].map(raw).astype(object)
            part["reference"] = raw(first)
            part.insert(0, "factor", factor)
            part.insert(0, "response", found.response.name)
            parts.append(part)
    columns = "response factor level cells censored mean low high ratio ratio_low ratio_high reference".split()
    frame = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=columns)
    if frame.empty:
        why = [note for found in of_study(analysis) for _, note in found.notes]
        frame = pd.DataFrame([{"response": why[0] if why else "no level to compare"}]).reindex(columns=columns)
    caption = (
        f"Geometric means of min(T, {design.horizon:g}) in epochs and of the final validation loss, with equal weight "
        "on every level of the other factors (of the additive model where combinations are missing), and each level's "
        f"ratio to the reference level, paired by seed; Student's t {percent} intervals over {seeds_text(design)}, "
        f"{tuning_text(design)}. {censoring(analysis)}"
    )
    return Table("marginal_means", "Marginal means of every level", caption, frame, mixed(design, "level", "reference"))


def logrank(analysis: Analysis) -> Table:
    """The log-rank test between the levels of every factor, in the whole study and at each depth."""
    design = analysis.design
    rows = []
    for depth, cells in scopes(analysis):
        for factor in design.compared:
            if depth is not None and factor == "depth":
                continue
            others = [other for other in design.compared if other not in (factor, *(["depth"] if depth else []))]
            test = log_rank_of(cells, factor, others)
            known = np.isfinite(test.excess)
            ends = [int(np.nanargmax(test.excess)), int(np.nanargmin(test.excess))] if known.any() and test.df else []
            soonest, latest = [raw(design.levels[factor][end]) for end in ends] or ["", ""]
            rows.append(
                {"scope": "all" if depth is None else f"depth {depth}", "factor": factor, "cells": len(cells)}
                | {"censored": 1 - float(cells["reached"].mean()), "strata": test.strata, "statistic": test.statistic}
                | {"df": test.df, "p": test.p, "soonest": soonest, "latest": latest, "note": test.why}
            )
    frame = pd.DataFrame(rows)
    frame.insert(8, "p_holm", holm(frame["p"]))
    caption = (
        f"Do the levels of a factor arrive at {design.goal} at the same times? Log-rank tests, stratified by all other "
        "factors and by the seed: only cells that differ in this factor alone are compared. With the common horizon of "
        f"{plural(design.horizon, 'epoch')} the survival function is one minus the empirical distribution of T. "
        "strata: those in which somebody arrives before another; soonest and latest: the levels with the most and the "
        "fewest arrivals for those expected; p_holm: Holm's over the table. Cells of a stratum are taken as "
        f"independent of those of other strata. {plural(len(analysis.tuned), 'cell')} of {seeds_text(design)}, "
        f"{tuning_text(design)}. {censoring(analysis)}"
    )
    return Table("logrank", "Log-rank tests between levels", caption, frame, mixed(design, "soonest", "latest"))


def winners(analysis: Analysis) -> Table:
    """The best level of each factor and the best combination, at each depth, and how sure that is."""
    design, horizon = analysis.design, analysis.design.horizon
    factors = [factor for factor in design.compared if factor != "depth"]
    rows: list[dict[str, object]] = []
    shown: dict[str, dict[str, str]] = {"winner": {}, "others": {}}
    if horizon <= 0:
        rows.append({"depth": design.deepest, "factor": "all", "winner": "none: nothing was trained"})
    for depth, cells in [] if horizon <= 0 else list(scopes(analysis))[1:] or [(design.deepest, analysis.tuned)]:
        found, places, _ = blocks(cells, factors or design.compared)
        time = np.minimum(cells["epochs_primary"].to_numpy(dtype=float), horizon)[places]
        loss = cells["mean_loss"].to_numpy(dtype=float)[places].mean(axis=1)
        numbers, levels = coded(found, factors)
        for factor in levels:
            weights = marginal.marginal_weights(numbers, levels, factor)
            if weights is not None:
                named = [level for level in design.levels[factor] if level in levels[factor]]
                said = [words(design, factor, level) for level in named]
                full = [phrase(factor, level, raw(level)) for level in named]
                row = winner(analysis, marginal.marginal_means(time, weights), weights @ loss, full, said, shown)
                rows.append({"depth": depth, "factor": factor} | row)
        if len(levels) != 1 and len(found):
            by = factors or ["depth"]
            said = [names(design, found, by, place) for place in range(len(found))]
            full = [full_names(found, by, place) for place in range(len(found))]
            row = winner(analysis, time, loss, full, said, shown)
            rows.append({"depth": depth, "factor": "combination"} | row)
    percent = confidence_text(analysis.options)
    caption = (
        f"Per depth, the level with the least restricted mean time to {design.goal} (rmst, epochs, at most "
        f"{horizon:g}; with equal weight on every level of the other factors), and the best whole combination; ties go "
        f"by the mean validation loss while training. Student's t {percent} interval over {seeds_text(design)}, "
        f"{tuning_text(design)}. chance: that it is really the best, by {analysis.options.bootstrap} resamples of the "
        "seeds' deviations with t weights; ties share. contenders: how many of all cannot be told from it, itself "
        f"included, by one-sided paired t tests at {percent} over all comparisons; the truly best is among them."
    )
    return Table("winners", "The winner at each depth", caption, pd.DataFrame(rows), shown)


def winner(
    analysis: Analysis,
    time: Floats,
    loss: Floats,
    full: Sequence[str],
    said: Sequence[str],
    shown: dict[str, dict[str, str]],
) -> dict[str, object]:
    """Of several rows of one restricted mean a seed the best, with its chance and who cannot be told from it.

    ``full`` are the rows' names, ``said`` how a reader sees them; ``shown`` takes the latter of what is in the result.
    """
    mean = time.mean(axis=1).round(9)
    order = np.lexsort((np.arange(len(mean)), np.nan_to_num(loss, nan=np.inf).round(9), mean))
    best = int(order[0])
    low, high = student(time[best], analysis.options.confidence)
    agree = np.ptp(time[best]) < 1e-9
    inside = contenders(time, analysis.options.confidence)
    rest = [int(at) for at in order if inside[at] and at != best]
    more = f" and {len(rest) - NAMED} more" if len(rest) > NAMED else ""
    others, others_said = (joined([x[at] for at in rest[:NAMED]], "; ") + more for x in (full, said))
    shown["winner"][full[best]], shown["others"][others] = said[best], others_said
    return {
        "winner": full[best],
        "rmst": float(mean[best]),
        "rmst_low": np.nan if agree else max(float(low), 0.0),
        "rmst_high": np.nan if agree else min(float(high), analysis.design.horizon),
        "chance": float(chances(time, analysis.options)[best]),
        "tied": int((mean == mean[best]).sum()) - 1,
        "contenders": int(inside.sum()),
        "of": len(mean),
        "others": others,
    }
