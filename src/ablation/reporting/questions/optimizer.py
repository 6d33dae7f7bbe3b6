"""Which optimizer, at its best rate and over all rates?

An optimizer that is the best at its best rate, and at no other, is the best for whoever can afford to find that rate:
how good one is hangs on what may be spent on its settings (Sivaprasad et al. 2020, arXiv:1910.11758). So two questions
are asked at each depth. At the best rate of each combination, chosen by the other seeds: the time to target and the
accuracy on the test part. Over all rates of the optimizer's list, none chosen: the share of rates with which the target
is reached, the accuracy to expect at a rate that is drawn from the list, and the decades within which the loss stays
near its best (``statistics/rates.py``). The first two of these hang on the list; the width does not, where the list
holds it.

``asking/standing.py`` says how they are compared.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from ablation.reporting.analysis import Analysis
from ablation.reporting.asking.kinds import unlike_zeros
from ablation.reporting.asking.lacking import lacking, obstacle
from ablation.reporting.asking.question import Question, unanswered
from ablation.reporting.asking.standing import MEASURES, PANELS, Standing, judged, standing
from ablation.reporting.design import Design
from ablation.reporting.figures.lettering import named, worded
from ablation.reporting.figures.panels import HOLLOW, grid, key, lengths, places_along
from ablation.reporting.figures.room import PLACES, fitting
from ablation.reporting.figures.theme import INK, styles
from ablation.reporting.figures.view import View, few, left_out, present, thinned
from ablation.reporting.naming import Label
from ablation.reporting.statistics.intervals import Floats, student
from ablation.reporting.statistics.rates import NEAR
from ablation.reporting.wording.captions import confidence_text, interval_text, seeds_text, tuning_text, values_text
from ablation.reporting.wording.phrases import joined

TOPIC = "Which optimizer, at its best rate and over all rates?"
NAME = "question_optimizer"
PRESET = "study=optimizers"
NAMED = 4
"""Most contenders that a sentence names."""
CUT = 0.5
"""Where rates end before what is near the best does in so large a share of cells, the width is a lower bound."""


def ask(analysis: Analysis) -> Question:
    """The optimizers' standing at each depth, tuned and not."""
    design = analysis.design
    if why := obstacle(analysis, "optimizer"):
        return unanswered(NAME, TOPIC, why)
    if "lr" not in design.nuisance:
        return unanswered(
            NAME, TOPIC, "The report does not tune over lr, as report.nuisance=[lr] does: no rate is best."
        )
    tuned, cells = (unlike_zeros(analysis, each) for each in (analysis.tuned, analysis.cells))
    optimizers = present(tuned, "optimizer")
    single = [x for x in optimizers if len(design.tried("lr", x)) < 2]
    more = [f"'{key}=[0.01,0.1,1.0]'" for key in dict.fromkeys(rates_key(design, x) for x in single[:NAMED])]
    what, add = (["a second optimizer"], ["+optimizer.momentum={}"]) if len(optimizers) < 2 else ([], [])
    if len(single) == len(optimizers):
        what, add = [*what, "several learning rates"], [*add, *more]
    if what:
        return unanswered(NAME, TOPIC, lacking(what, add, PRESET))
    found = {depth: standing(analysis, tuned, cells, depth, optimizers) for depth in present(tuned, "depth")}
    standings = judged(analysis, {depth: of for depth, of in found.items() if of}, optimizers)
    if not standings:
        return unanswered(NAME, TOPIC, "No combination of the other factors was given to every optimizer.")
    depths = few(list(standings), min(3, fitting(width_of(len(optimizers)))))
    ends = depths if len(depths) < 3 else [depths[0], depths[-1]]
    answer = " ".join(answered(analysis, standings[depth], optimizers, depth) for depth in ends)
    evidence = [numbers(analysis, standings[depth], optimizers, depth) for depth in depths]
    missing = ""
    if single:
        names = joined([design.short("optimizer", x) for x in single[:NAMED]], ", ")
        missing = lacking([f"several learning rates of {names}, whose best is not known"], more, PRESET)
    return Question(TOPIC, answer, evidence, missing, view(analysis, standings, optimizers, depths))


def rates_key(design: Design, optimizer: Label) -> str:
    """The key that sets an optimizer's rates."""
    return f"optimizer.{optimizer}.lr" if optimizer in design.brings else "lr"


def told(design: Design, found: Standing, optimizers: Sequence[Label], value: str) -> str:
    """Who leads, with what, and who cannot be told from it."""
    leader = f"{design.short('optimizer', optimizers[found.order[0]])}, {value}"
    if not found.rest:
        return f"{leader} (alone)"
    if len(found.rest) == len(optimizers) - 1:
        return f"{leader} (none can be told from it)"
    names = [design.short("optimizer", optimizers[at]) for at in found.rest[:NAMED]]
    more = f" and {len(found.rest) - NAMED} more" if len(found.rest) > NAMED else ""
    return f"{leader} (not to be told from it: {joined(names, ', ')}{more})"


def said(analysis: Analysis, name: str, values: Floats) -> str:
    """An optimizer's mean by a measure with its interval over seeds, in words."""
    low, high = (float(end) for end in student(values, analysis.options.confidence))
    mean = float(values.mean())
    score = analysis.design.score
    is_score = name in ("tested", "drawn")
    percent = name == "share" or (is_score and score.is_share)
    least, most = (
        score.least if is_score else 0.0,
        1.0 if percent or is_score else analysis.design.horizon if name == "time" else np.inf,
    )
    unit = {"time": f" {analysis.design.unit}", "decades": " decades"}.get(name, "")

    def number(value: float) -> str:
        return f"{100 * value:.3g}%" if percent else f"{value:.3g}"

    ends = "" if np.isnan(low) or low == high else f" [{number(max(low, least))}, {number(min(high, most))}]"
    return f"{number(mean)}{unit}{ends}"


def answered(analysis: Analysis, found: Mapping[str, Standing], optimizers: Sequence[Label], depth: Label) -> str:
    """Who is the best at one depth, tuned and not, in two sentences."""

    def best(name: str) -> str:
        of = found[name]
        return told(analysis.design, of, optimizers, said(analysis, name, of.seeds[of.order[0]]))

    reach, tested = "no optimizer reaches the target", analysis.design.score.tested
    if analysis.design.horizon - found["time"].mean.min() > 1e-9:
        reach = f"first to the target {best('time')}"
    share = "none reaches the target"
    if found["share"].mean.max() > 0:
        share = f"the largest share reaches the target with {best('share')}"
    return (
        f"At depth {depth}, each at its best rate: {reach}; first in {tested} {best('tested')}. Over all rates of "
        f"its list: {share}; the {tested} to expect at a rate drawn from it is largest with {best('drawn')}."
    )


def numbers(analysis: Analysis, found: Mapping[str, Standing], optimizers: Sequence[Label], depth: Label) -> str:
    """What one may be off by, for every optimizer, and what a rate drawn from the list costs."""
    parts, score = [], analysis.design.score
    unit = f" {score.unit}" if score.unit else f" of {score.name}"
    for at, optimizer in enumerate(optimizers):
        width = found["decades"].seeds[at]
        cost = round(score.scale * float((found["tested"].seeds[at] - found["drawn"].seeds[at]).mean()), 9)
        near = "an unknown width" if np.isnan(width).any() else said(analysis, "decades", width)
        near = f"at least {near}" if found["cut"].mean[at] >= CUT else near
        parts.append(f"{analysis.design.short('optimizer', optimizer)} {near}, {cost:.3g}{unit}")
    return (
        f"At depth {depth}, decades of rates within which at most {NEAR:.0%} of the gain is lost (0 where nothing is "
        f"learned), and what a rate drawn from the list costs in {score.tested} against the best: {'; '.join(parts)}."
    )


def view(
    analysis: Analysis,
    standings: Mapping[Label, Mapping[str, Standing]],
    optimizers: Sequence[Label],
    depths: Sequence[Label],
) -> View:
    """Every measure by optimizer, a column per depth."""
    design, rows = analysis.design, []
    for depth in depths:
        for name, found in standings[depth].items():
            if not MEASURES[name].panel:
                continue
            low, high = student(found.seeds, analysis.options.confidence)
            for at, optimizer in enumerate(optimizers):
                row = {"depth": depth, "measure": name, "optimizer": optimizer, "mean": found.mean[at]}
                rows.append(row | {"low": low[at], "high": high[at]})
    frame = pd.DataFrame(rows)
    frame["optimizer"] = pd.Categorical(frame["optimizer"], categories=list(optimizers), ordered=True)
    deepest = standings[depths[-1]]
    first, any_rate = (deepest[name].order[0] for name in ("tested", "drawn"))

    def leads(name: str) -> str:
        found = deepest[name]
        alike = f"one of {len(found.rest) + 1} that cannot be told apart, " if found.rest else ""
        leader = design.short("optimizer", optimizers[found.order[0]])
        return f"{leader} ({alike}{design.score.text(found.mean[found.order[0]])})"

    title = (
        f"At depth {depths[-1]}, first in {design.score.tested} is {leads('tested')} at its best rate, and "
        f"{leads('drawn')} at a rate drawn from its list"
    )
    frame, some = thinned(design, frame, "optimizer", PLACES, [optimizers[first], optimizers[any_rate]])
    caption = (
        f"Restricted mean {design.unit} to {design.goal} and {design.score.tested}, each at its best rate "
        f"({tuning_text(analysis)}), and over all rates of its list (lr, {values_text(design, 'lr')}), none chosen: "
        f"hollow, the {design.score.tested} to "
        "expect at a rate drawn from the list, and the share of rates with which the target is reached. Below, the "
        f"decades of rates around the best within which at most {NEAR:.0%} of what training gains over guessing is "
        f"lost. Means over the combinations of the other factors and {seeds_text(design)}; {interval_text(analysis)}. "
        f"The sets in the text hold at {confidence_text(analysis.options)} for all comparisons of scores and of "
        f"shares here together, those of times as in the table of winners.{left_out(design, 'depth', depths)}"
    )
    return View(
        NAME, title, caption + some, f"Points with intervals. {title}.", rows=PANELS, columns=depths, frame=frame
    )


def width_of(optimizers: int) -> float:
    """Inches of a panel in which every optimizer has a place."""
    return max(2.0, 0.32 * min(optimizers, PLACES))


def plot(view: View, design: Design) -> Figure:
    """A row a measure, a column a depth, a mark an optimizer; hollow where no rate was chosen."""
    shown = [level for level in design.levels["optimizer"] if (view.frame["optimizer"] == level).any()]
    figure, axes = grid(view, width_of(len(shown)), 1.35, sharex=True, sharey="row")
    style, at = styles(design, "optimizer"), {level: place for place, level in enumerate(shown)}
    for row, panel in zip(axes, view.rows, strict=True):
        names = [name for name, measure in MEASURES.items() if measure.panel == panel]
        for axis, depth in zip(row, view.columns, strict=True):
            for name in names:
                part = view.frame[(view.frame["depth"] == depth) & (view.frame["measure"] == name)]
                shift = 0.12 * (names.index(name) - (len(names) - 1) / 2) * 2
                for optimizer, mean, low, high in part[["optimizer", "mean", "low", "high"]].itertuples(index=False):
                    look: dict[str, Any] = {"ls": "", "lw": 1.1, "capsize": 2, "ms": 4.5, **style[str(optimizer)]}
                    look |= HOLLOW if name == "drawn" else {}
                    axis.errorbar(at[optimizer] + shift, mean, lengths(mean, low, high), **look)
            places_along(axis, [named(design, "optimizer", x, 16) for x in shown], rotation=30, ha="right")
        row[0].set_ylabel(MEASURES[names[0]].text.format(unit=design.unit, score=design.score.name))
        if panel == "share" or (panel == "tested" and design.score.is_share):
            row[0].yaxis.set_major_formatter(PercentFormatter(1))
        row[0].margins(y=0.15)
        row[0].autoscale_view()
        if panel != "tested":
            row[0].set_ylim(-0.04 * row[0].get_ylim()[1])  # a mark at zero is whole
    for axis, depth in zip(axes[0], view.columns, strict=True):
        axis.set_title(worded(design, "depth", depth))
    figure.align_ylabels(axes[:, 0])
    looks: list[dict[str, Any]] = [{"ms": 4.5}, HOLLOW]
    marks = [Line2D([], [], ls="", marker="o", color=INK, **look) for look in looks]
    key(figure, marks, ["at its best rate", "at a rate drawn from its list"])
    return figure
