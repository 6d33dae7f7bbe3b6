"""When does a network memorize? Its training and validation scores over depth, width, examples and random labels.

Random labels can be fitted by memory alone (Zhang et al. 2017), so the size from which on a network fits them is what
it can memorize; what it then does on the validation part, whose labels are true, is what that costs.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter, PercentFormatter

from ablation.reporting.analysis import Analysis
from ablation.reporting.asking.capacity import FITS, Size, ends, fold, scored, size_of
from ablation.reporting.asking.kinds import unlike_zeros
from ablation.reporting.asking.lacking import lacking_of, obstacle
from ablation.reporting.asking.question import Question, unanswered
from ablation.reporting.design import Design, plural
from ablation.reporting.figures.lettering import worded
from ablation.reporting.figures.panels import describe, grid, key, lines, panels
from ablation.reporting.figures.room import fitting
from ablation.reporting.figures.theme import INK, styles
from ablation.reporting.figures.view import View, few, hold, left_out, present, thinned, with_interval
from ablation.reporting.naming import Label
from ablation.reporting.wording.captions import interval_text, seeds_text, tuning_text
from ablation.reporting.wording.evidence import difference_text
from ablation.reporting.wording.phrases import capital, listed, words

TOPIC = "When does a network memorize?"
NAME = "question_memorize"
PRESET = "study=capacity"
SHOWN = ("depth", "width", "examples", "label_noise")
"""The factors that the question is about."""
TOLD = 3
"""Most depths, and shares of random labels, that a sentence names."""
WIDTH = 2.6
"""Inches of a panel."""


def ask(analysis: Analysis) -> Question:
    """Which networks fit their labels, and what comes of it."""
    if why := obstacle(analysis, "width"):
        return unanswered(NAME, TOPIC, why)
    if not analysis.design.score.is_share:
        return unanswered(NAME, TOPIC, "The question is of labels, and this study predicts numbers.")
    cells, held = hold(analysis.design, unlike_zeros(analysis, analysis.tuned), SHOWN)
    noisy = present(cells, "label_noise")[-1] != 0
    lacks = {
        "several widths": (len(present(cells, "width")) < 2, "width=[4,16,64]"),
        "random labels": (not noisy, "label_noise=[0,1]"),
        "fewer examples": (len(present(cells, "examples")) < 2, "examples=[256,null]"),
    }
    missing = lacking_of(lacks, PRESET)
    if lacks["several widths"][0]:
        return unanswered(NAME, TOPIC, missing)
    cells = scored(analysis, cells)
    most = cells[cells["shown"] == cells["shown"].max()]
    text, evidence = answer(analysis, cells, most)
    return Question(TOPIC, text, evidence, missing, view(analysis, cells, most, held))


def answer(analysis: Analysis, cells: pd.DataFrame, most: pd.DataFrame) -> tuple[str, list[str]]:
    """The sentence, and what it rests on; ``most`` are the cells with the most examples."""
    true, random = ends(present(cells, "label_noise"))
    texts = [f"with {labels(noise)} a network fits {sizes_text(analysis, at(most, noise))}" for noise in {random: 0}]
    if true != random:
        texts.append(f"with {labels(true)} {sizes_text(analysis, at(most, true), brief=True)}")
    evidence = [*times(analysis, most, true, random), *fewer(analysis, cells, random), gaps(analysis, cells)]
    return f"{capital('; '.join(texts))}.", [*evidence, *costs(analysis, cells, most), sample(analysis, cells)]


def at(cells: pd.DataFrame, noise: Label) -> pd.DataFrame:
    """The cells with this share of random labels."""
    return pd.DataFrame(cells[cells["label_noise"] == noise])


def labels(noise: Label) -> str:
    """Which labels there are, in words."""
    share = float(noise)
    return (
        "the true labels"
        if share == 0
        else "random labels"
        if share == 1
        else f"{100 * share:.3g}% of the labels random"
    )


def sizes_text(analysis: Analysis, cells: pd.DataFrame, brief: bool = False) -> str:
    """From which size on these cells fit, by depth."""
    depths = few(present(cells, "depth"), TOLD)
    found = {depth: size_of(analysis, pd.DataFrame(cells[cells["depth"] == depth])) for depth in depths}
    several = len(present(cells, "depth")) > 1
    parts = [
        size_text(size) + (f" at {words(analysis.design, 'depth', depth)}" if several else "")
        for depth, size in found.items()
    ]
    what = "" if brief else f"{FITS:.0%} of the labels of {plural(found[depths[0]].examples, 'example')} "
    return what + listed(parts)


def size_text(size: Size) -> str:
    """A size as one would say it: "from between 760 and 1,510 parameters on (0.7 to 1.4 an example)"."""
    if size.low == 0:
        return f"from {size.high:,.0f} parameters on or fewer ({size.high / size.examples:.2g} an example)"
    if size.is_known:
        share = f"{size.low / size.examples:.2g} to {size.high / size.examples:.2g} an example"
        return f"from between {size.low:,.0f} and {size.high:,.0f} parameters on ({share})"
    part = f"only with {size.fitting} of {plural(size.seeds, 'seed')}" if size.fitting else "with no seed"
    return f"{part} up to {plural(size.largest, 'parameter')} ({size.largest / size.examples:.2g} an example)"


def times(analysis: Analysis, most: pd.DataFrame, true: Label, random: Label) -> list[str]:
    """How many times the parameters random labels take, at the first depth at which that is known."""
    for depth in present(most, "depth"):
        own = pd.DataFrame(most[most["depth"] == depth])
        found = None if true == random else fold(analysis, at(own, true), at(own, random))
        if found is not None:
            return [
                f"At {words(analysis.design, 'depth', depth)}, {labels(random)} take {found[0]:.2g} to "
                f"{found[1]:.2g} times the parameters that {labels(true)} take."
            ]
    return []


def fewer(analysis: Analysis, cells: pd.DataFrame, noise: Label) -> list[str]:
    """From which size on the fewest examples are fitted, where there are fewer than the most."""
    least = pd.DataFrame(cells[cells["shown"] == cells["shown"].min()])
    if least["shown"].iloc[0] == cells["shown"].max() or at(least, noise).empty:
        return []
    return [f"With {labels(noise)} a network fits {sizes_text(analysis, at(least, noise))}."]


def gaps(analysis: Analysis, cells: pd.DataFrame) -> str:
    """How far training and validation scores lie apart, and how that hangs on each factor."""
    texts = []
    for factor in SHOWN:
        levels = present(cells, factor)
        if len(levels) > 1:
            first, last = ends(levels)
            found = analysis.paired(cells, "gap", (cells[factor] == last, cells[factor] == first), (factor,))
            if found is not None:
                names = [words(analysis.design, factor, level) for level in (last, first)]
                texts.append(f"{names[0]} against {names[1]} {difference_text(found, 'points', 100)}")
    mean = f"Training accuracy lies {100 * cells['gap'].mean():.3g} points above validation accuracy on average"
    return f"{mean}; the gap changes by: {'; '.join(texts)}." if texts else f"{mean}."


def costs(analysis: Analysis, cells: pd.DataFrame, most: pd.DataFrame) -> list[str]:
    """What cells that fit have on the validation part, against the way there and against the best width."""
    fit = cells[cells["fits"]]
    if fit.empty:
        return [f"No network fits {FITS:.0%} of its labels, so there is no cost of it to tell."]
    means = fit.groupby("label_noise", observed=True)["right"].mean()
    parts = [f"{means[noise]:.0%} with {labels(noise)}" for noise in few(present(fit, "label_noise"), TOLD)]
    texts = [f"Networks that fit have on the validation part, whose labels are true, {listed(parts)} on average."]
    for noise in [level for level in present(fit, "label_noise") if 0 < float(level) < 1][:1]:
        table = with_interval(analysis, at(fit, noise).assign(one=0), ["one"], "lost").iloc[0]
        bounds = "" if np.isnan(table["low"]) else f" [{100 * table['low']:.3g}, {100 * table['high']:.3g}]"
        texts.append(
            f"With {labels(noise)} they end {100 * table['mean']:.3g} points{bounds} below their best evaluation on "
            "the way, which as the best of many flatters a little: that is what stopping early would save."
        )
        texts += widest(analysis, at(most, noise), noise)
    return texts


def widest(analysis: Analysis, cells: pd.DataFrame, noise: Label) -> list[str]:
    """What the largest width has on the validation part against the width that has most."""
    means, widths = cells.groupby("width", observed=True)["right"].mean(), present(cells, "width")
    if len(widths) < 2:
        return []
    best, last = max(widths, key=lambda width: means[width]), widths[-1]
    lead = f"With {labels(noise)} of {plural(int(cells['shown'].iloc[0]), 'example')}"
    name = words(analysis.design, "width", best)
    if best == last:
        return [f"{lead} the widest networks, {name}, are the best on the validation part all the same."]
    found = analysis.paired(cells, "right", (cells["width"] == last, cells["width"] == best), ("width",))
    if found is None:
        return []
    return [
        f"{lead} {words(analysis.design, 'width', last)} has {difference_text(found, 'points', 100)}, on the "
        f"validation part against {name}, the best of {plural(len(widths), 'width')}."
    ]


def sample(analysis: Analysis, cells: pd.DataFrame) -> str:
    """Of how many examples a training score is, and what became of cells that diverged."""
    known = [int(analysis.manifest["data"][str(name)]["n_val"]) for name in present(cells, "data")]
    gone = int(cells["diverged"].sum())
    text = f"Training accuracy is that at the end on the noisy labels of a fixed sample, of up to {max(known):,}"
    return f"{text}; {plural(gone, 'cell')} that diverged count as guessing." if gone else f"{text}."


def view(analysis: Analysis, cells: pd.DataFrame, most: pd.DataFrame, held: str) -> View:
    """Both scores against the number of parameters: shares of random labels in columns, examples in rows."""
    design = analysis.design
    columns = few(present(cells, "label_noise"), fitting(WIDTH, 4))
    rows = few(present(cells, "examples"), 3)
    drawn = cells[cells["label_noise"].isin(columns) & cells["examples"].isin(rows)]
    by = ["examples", "label_noise", "depth", "parameters"]
    both = [with_interval(analysis, drawn, by, score).assign(score=score) for score in ("fit", "right")]
    examples = drawn.groupby("examples", observed=True)["shown"].first()
    frame = pd.concat(both, ignore_index=True)
    frame["shown"] = frame["examples"].astype(object).map(dict(examples.items())).astype(float)
    frame, some = thinned(design, frame, "depth", 6)
    noise = present(most, "label_noise")[-1]
    sizes = {
        depth: size_of(analysis, at(pd.DataFrame(most[most["depth"] == depth]), noise))
        for depth in present(most, "depth")
    }
    depth, size = next((item for item in sizes.items() if item[1].is_known), next(iter(sizes.items())))
    title = (
        f"With {labels(noise)}, {words(design, 'depth', depth)} fits {FITS:.0%} of "
        f"{plural(size.examples, 'training label')} {size_text(size)}"
    )
    caption = (
        f"Accuracy at the end on the training labels (solid), random ones among them, and on the true labels of the "
        f"validation part (dashed); dotted: {FITS:.0%}, and one parameter an example. Mean over {seeds_text(design)}; "
        f"band: {interval_text(analysis)}; sizes: {interval_text(analysis, of='medians')}, widened to the next sizes "
        f"tried; {tuning_text(analysis)}. A cell that diverged counts as guessing.{held}"
        f"{left_out(design, 'label_noise', columns) if len(columns) < len(present(cells, 'label_noise')) else ''}"
        f"{left_out(design, 'examples', rows) if len(rows) < len(present(cells, 'examples')) else ''}{some}"
    )
    return View(NAME, title, caption, f"Line charts. {title}.", "", rows, columns, frame)


def plot(view: View, design: Design) -> Figure:
    """Accuracy upward, parameters along, a color per depth."""
    figure, axes = grid(view, WIDTH, 1.9, sharex=True, sharey=True)
    style = styles(design, "depth")
    sizes = view.frame["parameters"]
    ticks = (1,) if sizes.max() >= 10 * sizes.min() else (1, 2, 5)
    dashed = {level: {**look, "mfc": "w", "mec": look["color"]} for level, look in style.items()}
    for axis, part in panels(view, design, axes, "examples", "label_noise"):
        axis.axhline(FITS, color=INK, lw=0.8, ls=":")
        axis.set_xscale("log")
        if len(part):
            axis.axvline(part["shown"].iloc[0], color=INK, lw=0.8, ls=":")
        lines(axis, part[part["score"] == "fit"], "parameters", style, by="depth", dashed=False, markevery=1)
        own = part[part["score"] == "right"]
        lines(axis, own, "parameters", dashed, by="depth", dashed=False, ls="--", markevery=1, mew=0.8)
        axis.set_ylim(0, 1.04)
        axis.yaxis.set_major_formatter(PercentFormatter(1))
        axis.xaxis.set_major_locator(LogLocator(subs=ticks))
        axis.xaxis.set_major_formatter(FuncFormatter(lambda count, _: f"{count:,.0f}"))
        axis.xaxis.set_minor_formatter(NullFormatter())
    describe(axes, "parameters", "accuracy")
    depths = present(view.frame, "depth")
    handles = [Line2D([], [], ms=4, **style[str(depth)]) for depth in depths]
    kinds = [Line2D([], [], color=INK), Line2D([], [], color=INK, ls="--")]
    names = [worded(design, "depth", depth) for depth in depths]
    key(figure, [*handles, *kinds], [*names, "training", "validation"])
    return figure
