"""How good the networks are in the end: every combination, and every level at each depth."""

from ablation.reporting.analysis import Analysis
from ablation.reporting.statistics.scores import scores_by_level
from ablation.reporting.tables.table import Table, factors, mixed
from ablation.reporting.wording.captions import interval_text, seeds_text, tuning_text


def accuracy(analysis: Analysis) -> Table:
    """Every combination's scores at its tuned setting."""
    design, frame = analysis.design, analysis.scores.copy()
    chosen = analysis.summary[list(design.nuisance)]
    for place, factor in enumerate(design.nuisance):
        frame.insert(len(design.compared) + place, factor, chosen[factor].to_numpy())
    frame.insert(0, "combination", range(1, len(frame) + 1))
    caption = (
        f"Each combination over {seeds_text(design)}, {tuning_text(analysis)}; combination: its number, as in "
        f"metrics.json. {meaning(analysis)}"
    )
    title = f"{design.score.name} of every combination".capitalize()
    return Table("accuracy", title, caption, frame, factors(design))


def accuracy_by_level(analysis: Analysis) -> Table:
    """The scores of every level of every factor at each depth."""
    design = analysis.design
    frame = scores_by_level(analysis.tuned, design, analysis.options.confidence)
    caption = (
        f"Means over all tuned cells of a level at a depth, {seeds_text(design)}, {tuning_text(analysis)}. "
        f"{meaning(analysis)}"
    )
    title = f"{design.score.name} by level".capitalize()
    return Table("accuracy_by_level", title, caption, frame, mixed(design, "level"))


def meaning(analysis: Analysis) -> str:
    """What the columns are, in words."""
    score = analysis.design.score
    own = "" if score.is_share else " These are R squared."
    return (
        "best_val_accuracy: the best one of all evaluations in validation, which is flattered by having been picked; "
        "val_accuracy: that in validation at the end; test_accuracy: that on the test part at the end, by which "
        f"nothing was chosen.{own} Means, _low and _high: {interval_text(analysis)}; none where all agree. diverged: "
        f"how many of the cells did, each of which has the score of guessing.{score.noted}"
    )
