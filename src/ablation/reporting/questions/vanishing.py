"""Does the activation cure vanishing gradients? The gradient lost on the way through the layers, by activation.

Measured: log10(delta_1 / delta_L), the decades between the first and the last of L hidden layers. An activation would
be a cure if the gradient vanished (ratio below 1e-3) with none of the initializers; so it is counted with how many it
does.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ablation.reporting.analysis import Analysis
from ablation.reporting.asking.kinds import unlike_zeros
from ablation.reporting.asking.lacking import lacking, obstacle
from ablation.reporting.asking.question import Question, unanswered
from ablation.reporting.design import Design, plural
from ablation.reporting.figures.lettering import worded
from ablation.reporting.figures.panels import along, dots, grid, level_key, no_cells
from ablation.reporting.figures.room import across, fitting, places
from ablation.reporting.figures.theme import INK, enlarged, styles
from ablation.reporting.figures.view import View, few, hold, left_out, present, thinned, with_median
from ablation.reporting.naming import Label
from ablation.reporting.statistics.health import EXPLODING, VANISHING
from ablation.reporting.wording.captions import interval_text, never_probed, seeds_text, tuning_text
from ablation.reporting.wording.evidence import difference_text

TOPIC = "Does the activation cure vanishing gradients?"
NAME = "question_vanishing"
FLOOR, CEILING = -30, 10
"""Decades beyond which a ratio, zero and what is not finite among them, stands at the edge."""
PROBES = {"first": "before training", "last": "at the last probe"}


def ask(analysis: Analysis) -> Question:
    """The decades of gradient lost by each activation with each initializer, at the deepest depth."""
    design = analysis.design
    if why := obstacle(analysis, "init", "activation"):
        return unanswered(NAME, TOPIC, why)
    cells, held = hold(design, unlike_zeros(analysis, analysis.tuned), ("init", "activation", "depth"))
    alone, flat = len(present(cells, "activation")) < 2, present(cells, "depth")[-1:] in ([], [1])
    what = ["a second activation"] * alone + ["a depth above 1"] * flat
    if what:
        return unanswered(NAME, TOPIC, lacking(what, ["+activation.logistic={}"] * alone + ["depth=[2,15]"] * flat))
    seen = analysis.profiles.merge(cells, left_on="row", right_index=True, suffixes=("", "_"))
    with np.errstate(divide="ignore"):
        decades = np.log10(seen["ratio"].to_numpy().astype(float))
    decades = np.clip(np.nan_to_num(decades, nan=CEILING), FLOOR, CEILING)
    seen = seen.assign(decades=decades, lost=np.maximum(-decades, 0))
    deepest = present(cells, "depth")[-1]
    deep = seen[seen["depth"] == deepest]
    start, end = (deep[deep["probe"] == probe] for probe in PROBES)
    if start["activation"].nunique() < 2:
        gone = f"Of the cells at depth {deepest}, all but those of one activation diverged before the first probe."
        return unanswered(NAME, TOPIC, gone)
    return Question(TOPIC, *answer(analysis, start, end, deepest), view(analysis, cells, seen, start, held))


def answer(analysis: Analysis, start: pd.DataFrame, end: pd.DataFrame, depth: Label) -> tuple[str, list[str], str]:
    """The sentence, what it rests on, and nothing missing."""
    before, after = vanishes(start), vanishes(end)
    best, worst = extremes(start)
    name = {level: analysis.design.short("activation", level) for level in present(start, "activation")}
    counts, total = before.sum(axis=1), before.notna().sum(axis=1)
    found = analysis.paired(start.set_index("row"), "lost", side(start, worst, best), ("activation",))
    if counts.max() == 0:
        lead = "There is nothing to cure: the gradient vanishes with no activation and no initializer"
    elif counts[best] == 0:
        lead = f"Yes, as far as these initializers go: with {name[best]} it vanishes with none of them"
    elif counts[best] < counts[worst]:
        lead = "In part: the activation matters, but none keeps the gradient with every initializer"
    else:
        lead = f"No: with every activation the gradient vanishes with {plural(int(counts[best]), 'initializer')}"
    text = f"{lead}; on its way through {depth} layers {name[worst]} loses "
    lost = start.groupby("activation", observed=True)["lost"].mean()
    text += f"{lost[worst]:.3g} decades of gradient before training and {name[best]} {lost[best]:.3g}"
    text += f" ({difference_text(found, 'decades')})." if found else "."
    reach = analysis.tuned.loc[start["row"]].groupby("activation", observed=True)["reached"].mean()
    exploding = start.groupby("activation", observed=True)["exploding"].mean()

    def said(level: Label) -> str:
        later = f", {int(after.sum(axis=1)[level])} after training" if level in after.index else ""
        more = f", exploding in {exploding[level]:.0%} of cells" if exploding[level] > 0 else ""
        return (
            f"{name[level]} with {int(counts[level])} of {plural(int(total[level]), 'initializer')}{later}{more} "
            f"({reach[level]:.0%} of its cells reach the target)"
        )

    evidence = [
        f"It vanishes (first over last layer below 1e-3) for {'; '.join(said(level) for level in before.index)}."
    ]
    across, along = spread(start, "activation", "init"), spread(start, "init", "activation")
    if before.shape[1] > 1:
        more = "more than" if along > 1.1 * across else "less than" if across > 1.1 * along else "as much as"
        evidence.append(
            f"The initializer matters {more} the activation: initializers differ by {along:.1f} decades with the same "
            f"activation, activations by {across:.1f} with the same initializer."
        )
    return text, evidence, ""


def side(start: pd.DataFrame, first: Label, second: Label) -> tuple[pd.Series, pd.Series]:
    """Which cells belong to either activation, on the cells' index."""
    activation = start.set_index("row")["activation"]
    return activation == first, activation == second


def vanishes(seen: pd.DataFrame) -> pd.DataFrame:
    """Whether the gradient vanishes in more than half of the seeds, activation by initializer."""
    share = seen.pivot_table("vanishing", "activation", "init", observed=True)
    return (share > 0.5).where(share.notna())


def extremes(start: pd.DataFrame) -> tuple[Label, Label]:
    """The activation that keeps the gradient best and the one that loses most: by how many initializers it vanishes
    with, then by the decades lost on average, a gradient that grows counting as none lost."""
    table = pd.DataFrame(
        {
            "vanishes": vanishes(start).sum(axis=1),
            "lost": start.groupby("activation", observed=True)["lost"].mean(),
        }
    ).sort_values(["vanishes", "lost"], kind="stable")
    return table.index[0], table.index[-1]


def spread(start: pd.DataFrame, of: str, within: str) -> float:
    """How many decades the levels of a factor differ by, largest minus smallest, on average within another's levels."""
    medians = start.pivot_table("decades", within, of, aggfunc="median", observed=True)
    return float((medians.max(axis=1) - medians.min(axis=1)).mean())


def view(analysis: Analysis, cells: pd.DataFrame, seen: pd.DataFrame, start: pd.DataFrame, held: str) -> View:
    """Decades per activation and initializer: probes in rows, depths in columns."""
    inits = min(8, len(present(cells, "init")))
    width = across(min(places(inits), len(present(cells, "activation"))), inits)
    columns = few([depth for depth in present(cells, "depth") if depth != 1], fitting(width, 3))
    by = ["depth", "probe", "activation", "init"]
    # Lost is above zero, as in the text: what the axis has is the opposite of log10 of the ratio.
    lost_of = seen[seen["depth"].isin(columns)].assign(fall=lambda frame: 0.0 - frame["decades"])
    table = with_median(analysis, lost_of, by, "fall").rename(columns={"median": "mean"})
    best, worst = extremes(start)
    name = {level: analysis.design.short("activation", level) for level in (best, worst)}
    lost = start.groupby("activation", observed=True)["lost"].mean()
    title = (
        f"Decades of gradient lost from the last hidden layer to the first, at depth {columns[-1]} before training, on "
        f"average over initializers: {lost[worst]:.3g} with {name[worst]}, {lost[best]:.3g} with {name[best]}"
    )
    caption = (
        "log10 of delta in the last over delta in the first hidden layer, below zero where the gradient grows; beyond "
        f"the dotted lines it vanishes (the first layer has {VANISHING:g} of the last) or explodes ({EXPLODING:g}). "
        f"Median over {seeds_text(analysis.design)}; bar: "
        f"{interval_text(analysis, of='medians')}; {tuning_text(analysis)}. Zero stands at "
        f"{-FLOOR}, what is not finite at {-CEILING}.{never_probed(analysis, cells)}{held}"
        f"{left_out(analysis.design, 'depth', columns) if len(columns) < len(present(cells, 'depth')) else ''}"
    )
    table, some_inits = thinned(analysis.design, table, "init", 8)
    table, some = thinned(analysis.design, table, "activation", places(len(present(table, "init"))), (best, worst))
    caption += some_inits + some
    return View(NAME, title, caption, f"Points with intervals. {title}.", "", list(PROBES), columns, table)


def plot(view: View, design: Design) -> Figure:
    """Activations along, decades upward, a color per initializer."""
    activations = view.frame["activation"].cat.remove_unused_categories()
    frame = view.frame.assign(activation=activations, init=view.frame["init"].cat.remove_unused_categories())
    width = across(len(activations.cat.categories), len(frame["init"].cat.categories))
    figure, axes = grid(view, width, 1.8, sharex=True, sharey=True)
    style = styles(design, "init")
    for row, probe in zip(axes, view.rows, strict=True):
        for axis, depth in zip(row, view.columns, strict=True):
            part = frame[(frame["depth"] == depth) & (frame["probe"] == probe)]
            no_cells(axis, part)
            for text, ratio, side in (("vanishing", VANISHING, "bottom"), ("exploding", EXPLODING, "top")):
                axis.axhline(-np.log10(ratio), color=INK, lw=0.8, ls=":")
                where = ("axes fraction", "data")
                axis.annotate(text, (0.99, -np.log10(ratio)), xycoords=where, size=7 * enlarged(), ha="right", va=side)
            dots(axis, part, "activation", "init", style, along(design, frame, "activation"))
            axis.set_title(f"{worded(design, 'depth', depth)} · {PROBES[str(probe)]}")
            axis.set_ylim(min(-4, frame["mean"].min() - 1), max(4, frame["mean"].max() + 1))
        row[0].set_ylabel("decades lost")
    level_key(figure, design, "init", list(frame["init"].cat.categories), style, line=False)
    return figure
