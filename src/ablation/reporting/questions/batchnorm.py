"""Does batch normalization let the network learn the best scale, and where should it stand?

Three comparisons, each over pairs of cells that differ in nothing else:

- scale: how much the scale of the initializer matters with it and without (``asking.initial_scale``);
- placement: before the activation (Ioffe & Szegedy 2015, section 3.2) or after it;
- inputs: the network's inputs normalized too, or not.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from ablation.reporting.analysis import Analysis
from ablation.reporting.asking.initial_scale import entering, first_norms, learned_scale, time_spread
from ablation.reporting.asking.kinds import batches, of_kind, unlike_zeros
from ablation.reporting.asking.lacking import lacking, lacking_of, obstacle, variant
from ablation.reporting.asking.question import Question, unanswered
from ablation.reporting.design import Design, digits, plural
from ablation.reporting.figures.lettering import worded
from ablation.reporting.figures.panels import along, dots, grid, level_key, no_cells, start_end
from ablation.reporting.figures.room import across, fitting, places
from ablation.reporting.figures.theme import styles
from ablation.reporting.figures.view import View, few, hold, left_out, present, thinned, with_interval
from ablation.reporting.naming import Label
from ablation.reporting.wording.captions import interval_text, never_probed, seeds_text, tuning_text
from ablation.reporting.wording.evidence import difference_text, full_difference
from ablation.reporting.wording.phrases import words

TOPIC = "Does batch normalization let the network learn the best scale, and where should it stand?"
NAME = "question_batch_normalization"
HALF = 0.5
"""The answer is a plain yes where less than this share of the spread between initializers is left."""


def ask(analysis: Analysis) -> Question:
    """With against without, before against after, and with the inputs against without them."""
    if why := obstacle(analysis, "init", "normalization"):
        return unanswered(NAME, TOPIC, why)
    without, any_batch = of_kind(analysis, "normalization", "none"), of_kind(analysis, "normalization", "batch")
    if not any_batch:
        return unanswered(NAME, TOPIC, lacking(["batch normalization"], ["+normalization.batch={}"]))
    shown = ("init", "activation", "depth", "normalization")
    cells, held = hold(analysis.design, unlike_zeros(analysis, analysis.tuned), shown)
    base = (batches(analysis) or any_batch)[0]
    after, inputs = batches(analysis, "after"), batches(analysis, inputs=True)
    inits = present(cells, "init")
    lacks = {
        "no normalization": (not without, "+normalization.none={}"),
        "initializers of several scales": (len(inits) < 2, "+init.torch_default={}"),
        "batch normalization before the activation": (not batches(analysis), variant(analysis, "before")),
        "batch normalization after the activation": (not after, variant(analysis, "after")),
        "batch normalization of the inputs too": (not inputs, variant(analysis, "before", inputs=True)),
    }
    missing = lacking_of(lacks)
    heads, evidence = [], []
    if without and len(inits) > 1:
        head, rest = scale(analysis, cells, without[0], base)
        heads.append(head)
        evidence += rest
    places = ((after, "after the activation rather than before it"), (inputs, "on the inputs too"))
    for level, place in places if batches(analysis) else ():
        if level and (found := place_of(analysis, cells, level[0], base)):
            heads.append(f"{place}: {found[0]}")
            evidence += found[1]
    if not heads:
        return unanswered(NAME, TOPIC, missing)
    normalizations = [*without[:1], *any_batch]
    return Question(
        TOPIC, f"{'; '.join(heads)}.", evidence, missing, view(analysis, cells, few(normalizations, 5), held)
    )


def scale(analysis: Analysis, cells: pd.DataFrame, without: Label, base: Label) -> tuple[str, list[str]]:
    """Whether the initial scale matters less, and what it rests on."""
    both = cells[cells["normalization"].isin([without, base])]
    found = time_spread(analysis, both, base, without)
    if found is None:
        return "Whether it frees the network from its initial scale cannot be told: no initializers to pair", []
    freed = found.times[0] < HALF * found.times[1]
    lead = {
        -1: f"{'Yes' if freed else 'In part'}: with it the scale with which the network begins matters less",
        0: "Not clearly: with it the scale with which the network begins matters about as much",
        1: "No: with it the scale with which the network begins matters more",
    }[found.difference.sign]
    fold = "" if found.fold is None else f", whose weights differ up to {found.fold:.3g}-fold in size"
    evidence = [
        f"Over {plural(found.initializers, 'initializer')}{fold}, the restricted mean time spreads by "
        f"{digits(found.times[0])} {analysis.design.unit} with {words(analysis.design, 'normalization', base)} and "
        f"{digits(found.times[1])} without; {found.reached[0]:.0%} and {found.reached[1]:.0%} of cells reach the "
        "target. Where no initializer "
        "reaches it there is no spread either."
    ]
    # Elsewhere than before the activation, what enters it is not gamma's doing.
    if base in batches(analysis):
        evidence += learned(analysis, both, without, base)
    return (
        f"{lead} (spread of times between initializers: {full_difference(found.difference, analysis.design.unit)})",
        evidence,
    )


def learned(analysis: Analysis, cells: pd.DataFrame, without: Label, base: Label) -> list[str]:
    """How the standard deviation of what enters the activation moves, in words."""
    found = learned_scale(analysis, cells, base, without)
    if found is None:
        return []
    change, sides = found.change, zip(found.folds, ("with it", "without"), strict=True)
    lead = "Training moves the scale" if change.sign else "Training does not clearly move the scale"
    factor = f"{found.start:.3g} by a factor of {10**change.mean:.3g}"
    factor += "" if change.seeds < 2 else f" [{10**change.low:.3g}, {10**change.high:.3g}]"
    folds = " and ".join(f"{fold:.3g}-fold {text}" for fold, text in sides if fold is not None)
    return [
        f"{lead}: the standard deviation of what enters the activation changes from {factor}; at the end it differs "
        f"between initializers {folds}. It holds what gamma and beta do, not recorded themselves."
    ]


def place_of(analysis: Analysis, cells: pd.DataFrame, level: Label, base: Label) -> tuple[str, list[str]] | None:
    """What another place of batch normalization does to the time, and by depth; None without cells to compare."""
    groups = cells["normalization"] == level, cells["normalization"] == base
    found = analysis.paired(cells, "time", groups, ("normalization",))
    if found is None:
        return None
    lead = {-1: "better", 0: "not clearly another", 1: "worse"}[found.sign]
    design, parts = analysis.design, []
    for depth in present(cells, "depth"):
        there = cells["depth"] == depth
        if part := analysis.paired(cells[there], "time", (groups[0][there], groups[1][there]), ("normalization",)):
            parts.append(f"{difference_text(part, design.unit)} at {words(design, 'depth', depth)}")
    names = f"{words(design, 'normalization', level)} against {words(design, 'normalization', base)}"
    evidence = [f"By depth, {names}: {'; '.join(parts)}."] if len(parts) > 1 else []
    return f"{lead} ({full_difference(found, design.unit)})", evidence


def view(analysis: Analysis, cells: pd.DataFrame, normalizations: Sequence[Label], held: str) -> View:
    """Restricted mean and pre-activation scale by initializer, a column per depth."""
    design = analysis.design
    most = min(places(len(normalizations)), len(present(cells, "init")))
    columns = few(present(cells, "depth"), fitting(across(most, len(normalizations), 0.14), 3))
    cells = cells[cells["depth"].isin(columns) & cells["normalization"].isin(normalizations)]
    inits = present(cells, "init")
    size = first_norms(analysis, cells).groupby("init", observed=True)["weight_norm"].mean().reindex(inits)
    order = sorted(inits, key=lambda level: (float(np.nan_to_num(size[level])), inits.index(level)))
    by = ["depth", "normalization", "init"]
    parts = [with_interval(analysis, cells, by, "time", most=design.horizon).assign(measure="time", probe="last")]
    scales = with_interval(analysis, entering(analysis, cells), [*by, "probe"], "log_std", -np.inf, np.inf)
    scales[["mean", "low", "high"]] = 10.0 ** scales[["mean", "low", "high"]]
    frame = pd.concat([*parts, scales.assign(measure="scale")], ignore_index=True)
    frame["init"] = pd.Categorical(frame["init"].astype(object), categories=order, ordered=True)
    frame["normalization"] = pd.Categorical(
        frame["normalization"].astype(object), categories=list(normalizations), ordered=True
    )
    deep = frame[(frame["measure"] == "time") & (frame["depth"] == columns[-1])]
    spans = [
        f"{span(part['mean'])} with {words(design, 'normalization', level)}"
        for level in normalizations
        if len(part := deep[deep["normalization"] == level])
    ]
    heading = f"{design.unit.capitalize()} to the target at {words(design, 'depth', columns[-1])}"
    title = f"{heading}, over initializers: {'; '.join(spans[:2])}"
    caption = (
        f"Above: restricted mean time to {design.goal}. Below: standard deviation of what enters the activation, "
        "geometric mean over layers; hollow: before training, filled: at the last probe. Initializers in the order of "
        f"the size of their weights. {seeds_text(design)}, pooled over activations; bar: "
        f"{interval_text(analysis)}; {tuning_text(analysis)}.{never_probed(analysis, cells)}{held}"
        f"{left_out(design, 'depth', columns)}"
    )
    frame, some = thinned(design, frame, "init", most)
    frame["init"] = frame["init"].cat.remove_unused_categories()
    return View(NAME, title, caption + some, f"Points with intervals. {title}.", columns=columns, frame=frame)


def span(values: pd.Series) -> str:
    """From the least to the largest of some numbers, in words."""
    return " to ".join(dict.fromkeys(digits(end) for end in (values.min(), values.max())))


def plot(view: View, design: Design) -> Figure:
    """Initializers along, a color per normalization; times above scales."""
    inits, normalizations = (list(view.frame[name].cat.categories) for name in ("init", "normalization"))
    shape = View(view.name, view.title, rows=("time", "scale"), columns=view.columns)
    figure, axes = grid(shape, across(len(inits), len(normalizations), 0.14), 1.8, sharex=True, sharey="row")
    style, names = styles(design, "normalization"), along(design, view.frame, "init")
    for row, measure in zip(axes, shape.rows, strict=True):
        for axis, depth in zip(row, view.columns, strict=True):
            part = view.frame[(view.frame["depth"] == depth) & (view.frame["measure"] == measure)]
            no_cells(axis, part)
            dots(axis, part[part["probe"] == "first"], "init", "normalization", style, names, hollow=True)
            dots(axis, part[part["probe"] == "last"], "init", "normalization", style, names)
            if measure == "time":
                axis.set(title=worded(design, "depth", depth), ylim=(0, design.horizon * 1.04 or 1))
            elif (view.frame["measure"] == measure).any():  # an empty axis cannot be a logarithmic one
                axis.set_yscale("log")
                axis.yaxis.set_major_formatter("{x:g}")
                axis.yaxis.set_minor_formatter(NullFormatter())
    axes[0, 0].set_ylabel(f"restricted mean ({design.unit})")
    axes[1, 0].set_ylabel("pre-activation's std")
    level_key(
        figure,
        design,
        "normalization",
        normalizations,
        style,
        start_end({"marker": "o", "mfc": "w", "ls": ""}, {"marker": "o", "ls": ""}),
        line=False,
    )
    return figure
