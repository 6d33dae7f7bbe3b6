"""The best: the extreme combinations at each depth, and the winners with how sure they are."""

from collections.abc import Sequence

import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design
from ablation.reporting.naming import raw
from ablation.reporting.statistics.winners import Winner
from ablation.reporting.tables.table import Table, factors
from ablation.reporting.wording.captions import confidence_text, interval_text, losses_text, seeds_text, tuning_text
from ablation.reporting.wording.phrases import joined, phrase, words

NAMED = 6
"""Most contenders listed by name."""


def best_worst(analysis: Analysis) -> Table:
    """The fastest and the slowest combinations at each depth, by restricted mean."""
    design, frame = analysis.design, analysis.extremes
    counted = zip(frame["rank"], frame["of"], frame["best"], strict=True)
    place = [f"best {rank + 1}" if best else f"worst {of - rank}" for rank, of, best in counted]
    others = [factor for factor in (*design.compared, *design.nuisance) if factor != "depth"]
    outcome = ["cells", "success_rate", "success_low", "success_high", f"median_{design.unit}"]
    outcome += ["rmst", "rmst_low", "rmst_high", "mean_loss"]
    table = frame.assign(place=place)[["depth", "place", *others, *outcome]]
    tie = "mean validation loss while training"
    if design.varies("loss"):
        tie = f"best {design.score.validation}, of which a diverged cell has that of guessing"
    caption = (
        f"Ranked at each depth by restricted mean time to {design.goal} (rmst, {design.unit}, at most "
        f"{design.horizon:g}), then by {tie}. {seeds_text(design)} a combination, {tuning_text(analysis)}; "
        f"{interval_text(analysis, single=True)}."
        f"{losses_text(design)} The best of many is partly the luckiest: who cannot be told from it, the table of "
        "winners says."
    )
    return Table("best_worst", "Best and worst combinations at each depth", caption, table, factors(design))


def winners(analysis: Analysis) -> Table:
    """The best level of each factor and the best combination, at each depth, and how sure that is."""
    design, horizon = analysis.design, analysis.design.horizon
    shown: dict[str, dict[str, str]] = {"winner": {}, "others": {}}
    rows = [row(design, found, shown) for found in analysis.winners]
    if design.untrained:
        rows = [{"depth": design.deepest, "factor": "all", "winner": "none: nothing was trained"}]
    percent = confidence_text(analysis.options)
    caption = (
        f"Per depth, the level with the least restricted mean time to {design.goal} (rmst, {design.unit}, at most "
        f"{horizon:g}; with equal weight on every level of the other factors), and the best whole combination; ties go "
        f"by the mean validation loss while training. Student's t {percent} interval over {seeds_text(design)}, "
        f"{tuning_text(analysis)}. contenders: how many of all cannot be told from it, itself included (1: it is the "
        f"best alone), by one-sided paired t tests over seeds at {percent} for all comparisons of this table together. "
        "improvement: on what share of problems (combinations of the other factors) of a seed it arrives sooner than "
        f"the runner-up, ties counting half; over seeds with its interval; 0.5 is no better."
    )
    return Table("winners", "The winner at each depth", caption, pd.DataFrame(rows), shown)


def row(design: Design, found: Winner, shown: dict[str, dict[str, str]]) -> dict[str, object]:
    """A winner as the table has it; ``shown`` takes how a reader sees the names in it."""
    full, said = [], []
    for levels in found.candidates:
        full.append(name([phrase(x, level, raw(level)) for x, level in zip(found.factors, levels, strict=True)], found))
        said.append(name([words(design, x, level) for x, level in zip(found.factors, levels, strict=True)], found))
    others, others_said = listed(full, found.rest), listed(said, found.rest)
    shown["winner"][full[found.best]], shown["others"][others] = said[found.best], others_said
    return {
        "depth": found.depth,
        "factor": found.factor or "combination",
        "winner": full[found.best],
        "rmst": found.rmst,
        "rmst_low": found.low,
        "rmst_high": found.high,
        "improvement": found.improvement,
        "improvement_low": found.improvement_low,
        "improvement_high": found.improvement_high,
        "tied": found.tied,
        "contenders": len(found.rest) + 1,
        "of": len(found.candidates),
        "others": others,
    }


def name(parts: Sequence[str], found: Winner) -> str:
    """A candidate: the level itself, or those of a combination one after the other."""
    return joined(parts, " + ") if found.factor is None else parts[0]


def listed(names: Sequence[str], places: Sequence[int]) -> str:
    """The names at these places, no more than there is room for."""
    more = f" and {len(places) - NAMED} more" if len(places) > NAMED else ""
    return joined([names[at] for at in places[:NAMED]], "; ") + more
