"""How soon, how often, and with what the target is reached: every combination, the extremes, tuning, profiles."""

import math

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import ORDINAL, plural
from ablation.reporting.naming import raw
from ablation.reporting.statistics.times import performance_profile as profiles
from ablation.reporting.statistics.times import summarize
from ablation.reporting.statistics.tuning import sensitivity
from ablation.reporting.tables.table import Table, factors, mixed
from ablation.reporting.wording.captions import interval_text, losses_text, seeds_text, tuning_text

EXTREMES = 3
"""How many of the best, and of the worst combinations are listed per depth."""


def convergence(analysis: Analysis) -> Table:
    """Every combination at its tuned setting."""
    design = analysis.design
    by = list(design.compared)
    frame = summarize(analysis.tuned, by, design.horizon, analysis.options)
    chosen = analysis.tuned.groupby(by, observed=True)[list(design.nuisance)].first().reset_index(drop=True)
    for place, factor in enumerate(design.nuisance):
        frame.insert(len(by) + place, factor, chosen[factor])
    caption = (
        f"Each combination over {seeds_text(design)}, {tuning_text(design)}. Success: {design.goal} within "
        f"{plural(design.horizon, 'epoch')}; a diverged cell counts as not reaching it. Median and restricted mean "
        f"(rmst, the mean of min(T, {design.horizon:g})) in epochs; {interval_text(analysis)}.{losses_text(design)}"
    )
    return Table("convergence", "Convergence of every combination", caption, frame, factors(design))


def best_worst(analysis: Analysis) -> Table:
    """The fastest and the slowest combinations at each depth, by restricted mean.

    Ties go by the mean loss while training, which tells most of how fast a cell learns; where losses are compared, and
    so have no scale in common, by the mean of the best accuracy.
    """
    design = analysis.design
    frame = convergence(analysis).frame
    if "depth" not in frame:
        frame = frame.assign(depth=design.deepest)
    tie, said = frame["mean_loss"], "mean validation loss while training"
    if design.varies("loss"):
        by = list(design.compared)
        tie = -analysis.tuned.groupby(by, observed=True)["accuracy"].mean().round(9).reset_index(drop=True)
        said = "best validation accuracy, of which a diverged cell has that of guessing"
    frame = frame.assign(tie=tie)
    ranked = frame.sort_values(["depth", "rmst", "tie"], kind="stable", ignore_index=True)
    rank = ranked.groupby("depth", observed=True).cumcount().to_numpy()
    size = ranked.groupby("depth", observed=True)["rmst"].transform("size").to_numpy()
    best = rank < np.minimum(EXTREMES, (size + 1) // 2)
    worst = size - rank <= np.minimum(EXTREMES, size // 2)
    place = np.where(best, [f"best {r + 1}" for r in rank], [f"worst {n - r}" for n, r in zip(size, rank, strict=True)])
    others = [factor for factor in (*design.compared, *design.nuisance) if factor != "depth"]
    outcome = ["cells", "success_rate", "success_low", "success_high", "median_epochs"]
    outcome += ["rmst", "rmst_low", "rmst_high", "mean_loss"]
    table = ranked.assign(place=place)[best | worst][["depth", "place", *others, *outcome]]
    caption = (
        f"Ranked at each depth by restricted mean time to {design.goal} (rmst, epochs, at most {design.horizon:g}), "
        f"then by {said}. {seeds_text(design)} a combination, {tuning_text(design)}; {interval_text(analysis)}."
        f"{losses_text(design)} The best of many is partly the luckiest: overlapping intervals are no ranking."
    )
    return Table(
        "best_worst",
        "Best and worst combinations at each depth",
        caption,
        table.reset_index(drop=True),
        factors(design),
    )


def learning_rate(analysis: Analysis) -> Table:
    """How many settings of the nuisance factors succeed, and whether the best one lies at the edge of those tried."""
    design = analysis.design
    by, nuisance = list(design.compared), list(design.nuisance)
    frame = sensitivity(analysis.cells, by, nuisance)
    chosen = analysis.tuned.groupby(by, observed=True)[nuisance].first().reset_index(drop=True)
    edge = np.zeros(len(frame), dtype=bool)
    for factor in nuisance:
        frame[f"best_{factor}"] = chosen[factor]
        if design.varies(factor) and factor in ORDINAL:
            edge |= chosen[factor].isin([design.levels[factor][0], design.levels[factor][-1]]).to_numpy(dtype=bool)
    frame["at_edge"] = np.where(edge, "yes", "no")
    names = " and ".join(nuisance) or "no factor"
    caption = (
        f"Of the values of {names} tried, how many bring at least half of {seeds_text(design)} to {design.goal} "
        f"within {plural(design.horizon, 'epoch')}, and which has the lowest median best validation loss. at_edge: the "
        "best is the first or last number tried, so a better one may lie outside."
    )
    return Table("learning_rate", "Sensitivity to the learning rate", caption, frame, factors(design))


def performance_profile(analysis: Analysis) -> Table:
    """Performance profiles of every factor's levels."""
    design = analysis.design
    taus = np.geomspace(1, analysis.options.profile_max_tau, 5)
    parts = []
    for factor in design.compared:
        others = [other for other in design.compared if other != factor]
        part = profiles(analysis.tuned, factor, others, taus)
        part.insert(0, "factor", factor)
        part["level"] = part["level"].map(raw).astype(object)
        parts.append(part)
    crossed = math.prod(len(design.levels[factor]) for factor in (*design.compared, "seed")) == len(analysis.tuned)
    alone = "" if crossed else " A problem that only one level was given counts for none."
    caption = (
        f"Share of problems (a combination of the other factors and a seed; {tuning_text(design)}) on which a level "
        f"reaches {design.goal} within tau times the epochs of the level that is fastest there (Dolan & More 2002). "
        f"A problem that no level solves counts against all.{alone}"
    )
    frame = pd.concat(parts, ignore_index=True)
    return Table("performance_profile", "Performance profiles", caption, frame, mixed(design, "level"))
