"""How soon, how often, and with what the target is reached: every combination, its tuning, and profiles."""

import math

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.naming import raw
from ablation.reporting.statistics.rates import NEAR
from ablation.reporting.statistics.times import performance_profile as profiles
from ablation.reporting.tables.table import Table, factors, mixed
from ablation.reporting.wording.captions import interval_text, losses_text, seeds_text, tuning_text


def convergence(analysis: Analysis) -> Table:
    """Every combination at its tuned setting."""
    design = analysis.design
    caption = (
        f"Each combination over {seeds_text(design)}, {tuning_text(analysis)}. Success: {design.goal} within "
        f"{design.length}; a diverged cell counts as not reaching it. Median and restricted mean "
        f"(rmst, the mean of min(T, {design.horizon:g})) in {design.unit}; {interval_text(analysis, single=True)}. "
        f"test_accuracy: the mean {'' if design.score.is_share else 'R squared '}at the end, on examples by which "
        f"nothing was tuned; a diverged cell guesses.{design.score.noted}{losses_text(design)}"
    )
    return Table("convergence", "Convergence of every combination", caption, analysis.summary, factors(design))


def learning_rate(analysis: Analysis) -> Table:
    """How many settings of the nuisance factors succeed, and whether the best one lies at the edge of those tried."""
    design = analysis.design
    frame = analysis.sensitivity.copy()
    frame["at_edge"] = frame["at_edge"].replace("", "no")
    names = " and ".join(design.nuisance) or "no factor"
    caption = (
        f"Of the values of {names} tried, how many bring at least half of {seeds_text(design)} to {design.goal} "
        f"within {design.length}, and which has the lowest median best validation loss. at_edge: the "
        "best is the highest or lowest number tried, so a better one may lie beyond that end. chosen: share of seeds "
        "that are reported at that setting, the best by all seeds together, "
        f"{tuning_text(analysis)}."
    )
    if analysis.tunes_rates:
        caption += (
            f" decades: of rates around the one at which a seed is reported, within which at most {NEAR:.0%} of what "
            "training gains over guessing is lost, by the best validation loss, linear between the rates tried; one "
            f"number a seed, 0 where it learns nothing, with {interval_text(analysis)}. near_from, near_to: these "
            "rates' ends, geometric means over the seeds that learn, as multiples of best_lr. cut: share of seeds in "
            "which the rates tried end before these do, so that there are at least as many decades."
        )
    return Table("learning_rate", "Sensitivity to the learning rate", caption, frame, factors(design))


def performance_profile(analysis: Analysis) -> Table:
    """Performance profiles of the levels of every factor that is a choice."""
    design = analysis.design
    taus = np.geomspace(1, analysis.options.profile_max_tau, 5)
    parts = []
    for factor in design.choices:
        others = [other for other in design.compared if other != factor]
        part = profiles(analysis.tuned, factor, others, taus, analysis.options.confidence)
        part.insert(0, "factor", factor)
        part["level"] = part["level"].map(raw).astype(object)
        parts.append(part)
    crossed = math.prod(len(design.levels[factor]) for factor in (*design.compared, "seed")) == len(analysis.tuned)
    alone = "" if crossed else " A problem that only one level was given counts for none."
    caption = (
        f"Share of problems (a combination of the other factors and a seed; {tuning_text(analysis)}) on which a level "
        f"reaches {design.goal} within tau times the {design.unit} of the level that is fastest there (Dolan & More "
        f"2002). A problem that no level solves counts against all.{alone} rho: the share, with its interval over "
        "seeds: "
        f"{interval_text(analysis)}."
    )
    frame = pd.concat(parts, ignore_index=True)
    return Table("performance_profile", "Performance profiles", caption, frame, mixed(design, "level"))
