"""Does an adaptive optimizer make initialization and normalization matter less?

That is the interaction of the optimizer with either: how far the initializers, or the normalizations, lie apart with
gradient descent and momentum, and how far with each adaptive optimizer, each at its own best rate. By time it is the
slowest level's restricted mean over the fastest's, by the test score the best minus the worst. ``asking/spreads.py``
says how these are chosen, so that luck is not taken for a spread.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from ablation.reporting.analysis import Analysis
from ablation.reporting.asking.kinds import of_kind, unlike_zeros
from ablation.reporting.asking.lacking import lacking_of, obstacle
from ablation.reporting.asking.question import Question, unanswered
from ablation.reporting.asking.spreads import Spread, by_adaptivity, spread, spreads
from ablation.reporting.design import Design
from ablation.reporting.figures.lettering import named
from ablation.reporting.figures.panels import HOLLOW, grid, lengths, places_along
from ablation.reporting.figures.room import PLACES
from ablation.reporting.figures.theme import INK, styles
from ablation.reporting.figures.view import View, present, thinned
from ablation.reporting.naming import Label
from ablation.reporting.statistics.differences import Difference
from ablation.reporting.wording.captions import confidence_text, interval_text, seeds_text, tuning_text
from ablation.reporting.wording.evidence import SURE, difference_text
from ablation.reporting.wording.phrases import joined, words
from ablation.reporting.wording.phrases import response as response_text

TOPIC = "Does an adaptive optimizer make initialization and normalization matter less?"
NAME = "question_adaptive"
PRESET = "study=optimizers"
FACTORS = {"init": "initializer", "normalization": "normalization"}
MATTERS = {"init": "Initialization", "normalization": "Normalization"}
MEASURES = ("decades", "gap")
NAMED = 4
"""Most optimizers that a sentence names."""
TICKS = (0.5, 0.7, 1, 1.2, 1.5, 2, 3, 5, 7, 10, 20, 50, 100)

Found = dict[str, dict[str, Spread]]
"""The spreads of each factor by each measure."""


def ask(analysis: Analysis) -> Question:
    """The spread between initializers and between normalizations, with and without an adaptive optimizer."""
    if why := obstacle(analysis, "optimizer", *FACTORS):
        return unanswered(NAME, TOPIC, why)
    cells = unlike_zeros(analysis, analysis.tuned)
    plain, adaptive = by_adaptivity(analysis, present(cells, "optimizer"))
    varying = [factor for factor in FACTORS if len(present(cells, factor)) > 1]
    other = "none" if of_kind(analysis, "normalization", "batch") else "batch"
    lacks = {
        "an optimizer that is not adaptive": (not plain, "+optimizer.sgd={}"),
        "an adaptive optimizer": (not adaptive, "+optimizer.adam={}"),
        "a second initializer": ("init" not in varying, "+init.torch_default={}"),
        "a second normalization": ("normalization" not in varying, f"+normalization.{other}={{}}"),
    }
    missing = lacking_of(lacks, PRESET)
    if not (plain and adaptive and varying):
        return unanswered(NAME, TOPIC, missing)
    found = measured(analysis, cells, varying, (plain, adaptive))
    if not found:
        return unanswered(NAME, TOPIC, "No network was trained with every level and optimizers of both kinds.")
    answer = " ".join(answered(analysis, cells, found, factor, plain) for factor in found)
    evidence = [text for factor in found for text in rests_on(analysis, cells, found, factor, (plain, adaptive))]
    evidence.append(reaching(analysis, cells, plain, adaptive))
    return Question(TOPIC, answer, evidence, missing, view(analysis, cells, found, plain))


def measured(
    analysis: Analysis, cells: pd.DataFrame, factors: list[str], kinds: tuple[list[Label], list[Label]]
) -> Found:
    """The spreads of those factors for which there are any; every factor and adaptive optimizer is a comparison."""
    frames = {factor: spreads(analysis, cells, factor) for factor in factors}
    comparisons = len(factors) * len(kinds[1])
    found: Found = {}
    for factor, frame in frames.items():
        if frame.empty:
            continue
        of = {measure: spread(analysis, frame, factor, measure, kinds, comparisons) for measure in MEASURES}
        if all(of.values()):
            found[factor] = {measure: each for measure, each in of.items() if each is not None}
    return found


def listed(analysis: Analysis, optimizers: list[Label]) -> str:
    """Optimizers by their names, "and" before the last."""
    names = [analysis.design.short("optimizer", level) for level in optimizers[:NAMED]]
    names += [f"{len(optimizers) - NAMED} more"] if len(optimizers) > NAMED else []
    return names[0] if len(names) == 1 else f"{joined(names[:-1], ', ')} and {names[-1]}"


def times_text(found: Difference) -> str:
    """How many times the ratio of plain optimizers, with its interval and how sure one can be."""
    ends = "" if np.isnan(found.low) else f" [{10**found.low:.2g}, {10**found.high:.2g}]"
    return f"{10**found.mean:.2g} times that{ends}, {SURE[found.evidence]}"


def verdict(analysis: Analysis, of: Spread) -> str:
    """With which optimizers a factor matters less, or more, or not clearly either."""
    said = {-1: "less with", 1: "more with", 0: "not clearly less or more with"}
    groups = {sign: [level for level, each in of.against.items() if each.sign == sign] for sign in said}
    return ", ".join(f"{said[sign]} {listed(analysis, group)}" for sign, group in groups.items() if group)


def answered(analysis: Analysis, cells: pd.DataFrame, found: Found, factor: str, plain: list[Label]) -> str:
    """With which optimizers a factor matters less, and by how much in time to the target."""
    of, gap = found[factor]["decades"], found[factor]["gap"]
    parts = [
        f"{10 ** of.mean(level):.3g} times with {analysis.design.short('optimizer', level)} "
        f"({times_text(of.against[level])})"
        for level in list(of.against)[:NAMED]
    ]
    return (
        f"{MATTERS[factor]} matters {verdict(analysis, of)} for the time to the target, {verdict(analysis, gap)} for "
        f"the {analysis.design.score.test}: the slowest of {len(present(cells, factor))} {FACTORS[factor]}s takes "
        f"{10**of.plain:.3g} times as long as the fastest with {listed(analysis, plain)}, {'; '.join(parts)}."
    )


def rests_on(
    analysis: Analysis, cells: pd.DataFrame, found: Found, factor: str, kinds: tuple[list[Label], list[Label]]
) -> list[str]:
    """The same by the test score, by depth, and as the terms of the study's model."""
    score, of, name = analysis.design.score, found[factor]["gap"], FACTORS[factor]
    parts = [
        f"{score.scale * of.mean(level):.3g} with {analysis.design.short('optimizer', level)} "
        f"({difference_text(of.against[level], score.unit, score.scale)})"
        for level in list(of.against)[:NAMED]
    ]
    texts = [
        f"In {score.test} the best {name} is {score.scale * of.plain:.3g} {score.unit} above the worst with "
        f"{listed(analysis, kinds[0])}, {'; '.join(parts)}."
    ]
    depths = present(cells, "depth")
    by_depth = []
    for depth in [depths[0], depths[-1]] if len(depths) > 1 else []:
        own = measured(analysis, pd.DataFrame(cells[cells["depth"] == depth]), [factor], kinds)
        if own:
            each = own[factor]["decades"]
            ratios = [f"{10**each.plain:.3g} times with {listed(analysis, kinds[0])}"]
            ratios += [
                f"{10 ** each.mean(level):.3g} with {analysis.design.short('optimizer', level)}"
                for level in list(each.against)[:NAMED]
            ]
            by_depth.append(f"at {words(analysis.design, 'depth', depth)}, {', '.join(ratios)}")
    if by_depth:
        texts.append(f"Slowest {name} against fastest: {'; '.join(by_depth)}.")
    return [*texts, *interaction(analysis, factor)]


def interaction(analysis: Analysis, factor: str) -> list[str]:
    """How much of each response the interaction of a factor with the optimizer is, if the study's model has it."""
    parts = []
    for effects in analysis.effects:
        rows = effects.table[effects.table["omega_sq"].notna()]
        rows = rows[rows["factors"].map(set) == {factor, "optimizer"}]
        if effects.response.name not in ("epochs", "accuracy") or rows.empty:
            continue
        size, low, high, p = rows.iloc[0][["omega_sq", "omega_low", "omega_high", "p_holm"]].astype(float)
        text = f"{max(size, 0.0):.2f}" + ("" if np.isnan(low) else f" [{low:.2f}, {high:.2f}]")
        sure = "not tested" if np.isnan(p) else "p < 0.001" if p < 0.001 else f"p = {p:.2g}"
        parts.append(f"{text} ({sure}) for {response_text(analysis.design, effects.response.name)}")
    if not parts:
        return []
    return [f"The interaction of {FACTORS[factor]} and optimizer has a partial omega squared of {'; '.join(parts)}."]


def reaching(analysis: Analysis, cells: pd.DataFrame, plain: list[Label], adaptive: list[Label]) -> str:
    """How many cells reach the target, for a time beyond the horizon counts as the horizon."""
    shares = cells.groupby("optimizer", observed=True)["reached"].mean()
    parts = [
        f"{shares[level]:.0%} with {analysis.design.short('optimizer', level)}"
        for level in [*plain, *adaptive][: 2 * NAMED]
    ]
    return (
        f"Of the cells, {', '.join(parts)} reach the target; a time beyond the horizon counts as the horizon, so that "
        "a ratio may be larger than is seen."
    )


def view(analysis: Analysis, cells: pd.DataFrame, found: Found, plain: list[Label]) -> View:
    """Both spreads by optimizer, a column per factor."""
    design = analysis.design
    frame = pd.concat(
        [of.frame.assign(factor=factor, measure=measure) for factor, by in found.items() for measure, of in by.items()],
        ignore_index=True,
    )
    scale = np.where(frame["measure"] == "gap", design.score.scale, 1.0)
    frame[["mean", "low", "high"]] = frame[["mean", "low", "high"]].mul(scale, axis=0)
    frame["plain"] = frame["optimizer"].isin(plain)
    factor, of = next((factor, by["decades"]) for factor, by in found.items())
    told = list(of.against)[:NAMED]
    title = (
        f"Slowest against fastest {FACTORS[factor]}: {10**of.plain:.3g} times as long with {listed(analysis, plain)}, "
    )
    title += ", ".join(f"{10 ** of.mean(level):.3g} with {design.short('optimizer', level)}" for level in told)
    frame, some = thinned(design, frame, "optimizer", PLACES, told)
    count = len(found) * len(of.against)
    caption = (
        f"Restricted mean {design.unit} to {design.goal}, the slowest level's over the fastest's, and "
        f"{design.score.test}, the best level's minus the worst's, among networks that differ in nothing else; which "
        "levels these are, is chosen for each seed by the others. Hollow: optimizers that are not adaptive. Means over "
        f"networks and {seeds_text(design)}; {interval_text(analysis)}; {tuning_text(analysis)}. The differences in "
        f"the text hold at {confidence_text(analysis.options)} for all {count} of a measure together.{some}"
    )
    return View(NAME, title, caption, f"Points with intervals. {title}.", "", MEASURES, list(found), frame)


def plot(view: View, design: Design) -> Figure:
    """A row a measure, a column a factor, a mark an optimizer."""
    shown = present(view.frame, "optimizer")
    figure, axes = grid(view, max(2.2, 0.34 * len(shown)), 1.6, sharex=True, sharey="row")
    style, at = styles(design, "optimizer"), {level: place for place, level in enumerate(shown)}
    for row, measure in zip(axes, view.rows, strict=True):
        for axis, factor in zip(row, view.columns, strict=True):
            part = view.frame[(view.frame["measure"] == measure) & (view.frame["factor"] == factor)]
            for each in part.to_dict("records"):
                ends = np.array([each["low"], each["mean"], each["high"]])
                low, mean, high = 10**ends if measure == "decades" else ends
                look = {"ls": "", "lw": 1.1, "capsize": 2, "ms": 4.5, **style[str(each["optimizer"])]}
                look |= HOLLOW if each["plain"] else {}
                axis.errorbar(at[each["optimizer"]], mean, lengths(mean, low, high), **look)
            axis.axhline(1.0 if measure == "decades" else 0.0, color=INK, lw=0.8, ls=":")
            places_along(axis, [named(design, "optimizer", x, 16) for x in shown], rotation=30, ha="right")
    for axis, factor in zip(axes[0], view.columns, strict=True):
        axis.set_title(FACTORS[str(factor)])
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.yaxis.set_major_locator(FixedLocator(TICKS))
        axis.yaxis.set_minor_locator(NullLocator())
    axes[0, 0].set_ylabel("slowest\nover fastest")
    axes[1, 0].set_ylabel(
        f"{design.score.name}, best\nminus worst{f' ({design.score.unit})' if design.score.unit else ''}"
    )
    figure.align_ylabels(axes[:, 0])
    return figure
