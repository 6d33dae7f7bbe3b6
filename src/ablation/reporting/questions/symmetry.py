"""Does symmetry need breaking? Networks that begin with all weights zero, against those that begin with random ones.

Measured: the best validation accuracy (R squared in a regression), the time to the target, and whether any hidden
layer's weights ever moved. That the units of a layer stay copies of each other is what theory says of such a start; it
is not recorded unit by unit.
"""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import PercentFormatter

from ablation.reporting.analysis import Analysis
from ablation.reporting.asking.kinds import of_kind
from ablation.reporting.asking.lacking import lacking, obstacle
from ablation.reporting.asking.question import Question, unanswered
from ablation.reporting.design import Design
from ablation.reporting.figures.lettering import worded
from ablation.reporting.figures.panels import along, dots, entitle, grid, level_key, no_cells
from ablation.reporting.figures.room import across, fitting, places
from ablation.reporting.figures.theme import INK, styles
from ablation.reporting.figures.view import View, few, hold, left_out, present, thinned, with_interval
from ablation.reporting.naming import Label
from ablation.reporting.scoring import Score
from ablation.reporting.wording.captions import interval_text, seeds_text, tuning_text
from ablation.reporting.wording.evidence import difference_text, full_difference, part_of

TOPIC = "Does symmetry need breaking?"
NAME = "question_symmetry"


def ask(analysis: Analysis) -> Question:
    """Cells that begin with zeros against all others, over all depths."""
    if why := obstacle(analysis, "init"):
        return unanswered(NAME, TOPIC, why)
    alike = of_kind(analysis, "init", "zeros")
    if not alike:
        return unanswered(NAME, TOPIC, lacking(["the initializer zeros"], ["+init.zeros={}"]))
    cells = analysis.tuned
    return Question(TOPIC, *answer(analysis, cells, alike), "", view(analysis, cells, alike))


def answer(analysis: Analysis, cells: pd.DataFrame, alike: list[Label]) -> tuple[str, list[str]]:
    """The sentence, and what it rests on."""
    design, score = analysis.design, analysis.design.score
    zeros, others = cells["init"].isin(alike), ~cells["init"].isin(alike)
    time = analysis.paired(cells, "time", (zeros, others), ("init",))
    accuracy = analysis.paired(cells, "accuracy", (zeros, others), ("init",))
    name, reach = " and ".join(design.short("init", level) for level in alike), cells["reached"]
    if time is None or accuracy is None:
        return f"No cell that begins with {name} has one to be compared with that differs in its initializer alone.", []
    if not reach.any():
        lead = "Not to be told here: no cell reaches the target, however its weights begin"
    elif time.sign > 0 and not reach[zeros].any():
        lead = f"Yes: with {name} no cell reaches the target"
    elif time.sign > 0:
        lead = f"Yes: with {name} the target is reached less often or later"
    elif time.sign < 0:
        lead = f"Not here: {name} does better than random weights"
    else:
        lead = f"The evidence does not tell {name} from random weights"
    text = f"{lead}; against random weights the restricted mean time differs by "
    text += f"{full_difference(time, analysis.design.unit)}."
    best = [float(cells.loc[mask, "accuracy"].mean()) for mask in (zeros, others)]
    evidence = [
        f"The target is reached in {part_of(reach[zeros])} that begin with {name} and in {part_of(reach[others])} that "
        f"do not; the best {score.validation} is {score.text(best[0])} and {score.text(best[1])} on average, where "
        f"guessing has {score.text(cells['chance'].mean())} ({difference_text(accuracy, score.unit, score.scale)})."
    ]
    if len(moved := still(analysis, cells[zeros])):
        part = f"In {part_of(moved)} that begin with {name}, no weight of any hidden layer has moved by the end"
        if 0 < moved.sum() < len(moved):
            learning = cells.loc[moved.index[~moved], "activation"].value_counts()
            names = [design.short("activation", level) for level in learning.index[learning > 0]]
            part += f"; those in which some have are of {', '.join(names)}"
        evidence.append(f"{part}.")
    return text, evidence


def still(analysis: Analysis, cells: pd.DataFrame) -> pd.Series:
    """Of the cells that were probed, whether every hidden layer's weights are all zero at the last probe."""
    last = analysis.probes[(analysis.probes["probe"] == "last") & analysis.probes["row"].isin(cells.index)]
    return last.groupby("row")["weight_norm"].max() == 0


def view(analysis: Analysis, cells: pd.DataFrame, alike: list[Label]) -> View:
    """Best score in validation per initializer and activation: depths in columns, normalizations in rows."""
    design, score = analysis.design, analysis.design.score
    shown, held = hold(design, cells, ("init", "activation", "depth", "normalization"))
    activations = min(8, len(present(shown, "activation")))
    width = across(min(places(activations), len(present(shown, "init"))), activations)
    rows, columns = present(shown, "normalization")[:2], few(present(shown, "depth"), fitting(width, 3))
    shown = shown[shown["normalization"].isin(rows) & shown["depth"].isin(columns)]
    by = ["normalization", "depth", "init", "activation"]
    frame = with_interval(analysis, shown, by, "accuracy", design.score.least)
    chance = shown.groupby(["normalization", "depth"], observed=True)["chance"].mean().reset_index()
    frame = frame.merge(chance, on=["normalization", "depth"])
    means = {x: part["mean"] for x, part in frame.groupby(frame["init"].isin(alike))}
    name = " and ".join(design.short("init", level) for level in alike)
    title = (
        f"Best {score.validation} with {name}: {span(score, means[True])}; with random weights: "
        f"{span(score, means[False])}"
        if len(means) == 2
        else f"Best {score.validation} by initializer: {span(score, frame['mean'])}"
    )
    caption = (
        f"Mean over {seeds_text(design)} of the best {score.validation}, a diverged cell with that of guessing "
        f"(dotted); bar: {interval_text(analysis)}; {tuning_text(analysis)}.{score.noted}{held}"
        f"{left_out(design, 'depth', columns)}{left_out(design, 'normalization', rows)}"
    )
    frame, some_activations = thinned(design, frame, "activation", 8)
    frame, some = thinned(design, frame, "init", places(activations), alike)
    caption += some_activations + some
    return View(NAME, title, caption, f"Points with intervals. {title}.", "", rows, columns, frame)


def span(score: Score, values: pd.Series) -> str:
    """A range of scores in words."""
    low, high = score.text(values.min()), score.text(values.max())
    return low if low == high else f"{low} to {high}"


def plot(view: View, design: Design) -> Figure:
    """Initializers along, the score upward, a color per activation."""
    frame = view.frame.assign(
        **{name: view.frame[name].cat.remove_unused_categories() for name in ("init", "activation")}
    )
    width = across(len(frame["init"].cat.categories), len(frame["activation"].cat.categories))
    figure, axes = grid(view, width, 1.8, sharex=True, sharey=True)
    style = styles(design, "activation")
    rows = [worded(design, "normalization", level, 16) for level in view.rows]
    entitle(axes, [(worded(design, "depth", depth), row) for row in rows for depth in view.columns], width)
    for row, normalization in zip(axes, view.rows, strict=True):
        for axis, depth in zip(row, view.columns, strict=True):
            part = frame[(frame["depth"] == depth) & (frame["normalization"] == normalization)]
            no_cells(axis, part)
            if len(part):
                axis.axhline(float(part["chance"].iloc[0]), color=INK, lw=0.8, ls=":")
            dots(axis, part, "init", "activation", style, along(design, frame, "init"))
            axis.yaxis.set_major_formatter(PercentFormatter(1) if design.score.is_share else "{x:g}")
        row[0].set_ylabel(design.score.best)
    level_key(figure, design, "activation", list(frame["activation"].cat.categories), style, line=False)
    return figure
