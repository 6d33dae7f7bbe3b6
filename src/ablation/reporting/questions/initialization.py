"""How should weights be initialized so that units do not saturate? Bounded activations, by initializer.

Measured: the share of unit-samples whose derivative is below 5% of its maximum, and the standard deviation of the
activations, layer by layer, before training and at its end (Glorot & Bengio 2010, figures 2 and 3). Too large weights
saturate; too small ones let the activations fade on their way through the layers, which saturates nothing and is no
better. Which initializer is *good* is decided by the time to the target, not by either of the two.
"""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from ablation.reporting.analysis import Analysis
from ablation.reporting.asking.kinds import unlike_zeros
from ablation.reporting.asking.lacking import lacking, obstacle
from ablation.reporting.asking.question import Question, unanswered
from ablation.reporting.design import Design
from ablation.reporting.figures.lettering import named
from ablation.reporting.figures.panels import grid, level_key, lines, no_cells, start_end
from ablation.reporting.figures.room import LINES
from ablation.reporting.figures.theme import styles
from ablation.reporting.figures.view import View, few, hold, left_out, present, thinned, with_interval
from ablation.reporting.naming import Label
from ablation.reporting.wording.captions import interval_text, never_probed, seeds_text, tuning_text
from ablation.reporting.wording.evidence import difference_text

TOPIC = "How should weights be initialized so that units do not saturate?"
NAME = "question_initialization"
SATURATED = 0.05
"""A worst layer with fewer saturated unit-samples than this counts as one in which hardly any saturates."""
FADED = 0.1
"""Activations fade where the last layer's spread, before training, is below this share of the first layer's."""
MOST = {"saturated_fraction": 1.0, "act_std": np.inf}
METRICS = {"saturated_fraction": "saturated unit-samples", "act_std": "activation's std"}


def ask(analysis: Analysis) -> Question:
    """The initializers' saturation and fading for each bounded activation at the deepest depth."""
    design = analysis.design
    if why := obstacle(analysis, "init", "activation"):
        return unanswered(NAME, TOPIC, why)
    cells, held = hold(design, unlike_zeros(analysis, analysis.tuned), ("init", "activation", "depth"))
    activations = [level for level in analysis.bounded if (cells["activation"] == level).any()]
    few_inits = len(present(cells, "init")) < 2
    what = ["a bounded activation (logistic or tanh)"] * (not activations) + ["a second initializer"] * few_inits
    if what:
        add = ["+activation.tanh={}"] * (not activations) + ["+init.torch_default={}"] * few_inits
        return unanswered(NAME, TOPIC, lacking(what, add))
    deepest = present(cells, "depth")[-1]
    cells = cells[(cells["depth"] == deepest) & cells["activation"].isin(activations)]
    seen = judged(analysis, cells)
    if seen["start"].isna().all():
        return unanswered(NAME, TOPIC, "Every cell with a bounded activation diverged before the first probe.")
    columns = few(activations, 4)
    parts = [about(analysis, seen[seen["activation"] == level], level) for level in columns]
    answer = f"At depth {deepest}, {'; '.join(text for text, _ in parts)}."
    return Question(
        TOPIC, answer, [shares for _, shares in parts], "", view(analysis, cells, columns, seen, held, deepest)
    )


def judged(analysis: Analysis, cells: pd.DataFrame) -> pd.DataFrame:
    """The cells with ``start, end``, the worst layer's saturated share, ``fade``, the spread that is left, ``time``."""
    worst = analysis.profiles.pivot_table("saturated", "row", "probe").reindex(cells.index)
    first = analysis.probes[(analysis.probes["probe"] == "first") & analysis.probes["row"].isin(cells.index)]
    spread = first.sort_values(["row", "layer"]).groupby("row")["act_std"].agg(["first", "last"]).reindex(cells.index)
    with np.errstate(divide="ignore", invalid="ignore"):
        fade = (spread["last"] / spread["first"]).astype(float)
    columns = {"start": worst.get("first", np.nan), "end": worst.get("last", np.nan), "fade": fade}
    return cells.assign(**columns)


def about(analysis: Analysis, cells: pd.DataFrame, activation: Label) -> tuple[str, str]:
    """What the initializers do to one activation: which is the soonest, and what becomes of the others."""
    design = analysis.design
    means = cells.groupby("init", observed=True)[["time", "mean_loss", "start", "end", "fade"]].mean()
    inits, name = present(cells, "init"), design.short("activation", activation)
    best = min(inits, key=lambda init: (round(means["time"][init], 9), float(np.nan_to_num(means["mean_loss"][init]))))
    most = max(inits, key=lambda init: float(np.nan_to_num(means["start"][init], nan=-1)))
    least = min(inits, key=lambda init: float(np.nan_to_num(means["start"][init], nan=2)))

    def said(init: Label) -> str:
        return f"{design.short('init', init)}: {percent(means['start'][init])}, {percent(means['end'][init])}"

    def later(init: Label) -> str:
        found = analysis.paired(cells, "time", (cells["init"] == init, cells["init"] == best), ("init",))
        return (
            difference_text(found, f"{design.unit} against {design.short('init', best)}")
            if found
            else "no cells to compare"
        )

    shares = f"Saturated in the worst layer with {name}, before training and at the end, by initializer: "
    shares += f"{'; '.join(said(init) for init in inits)}."
    if not cells["reached"].any():
        text = (
            f"{name} reaches the target with no initializer, not even {design.short('init', least)}, which saturates "
        )
        return f"{text}{percent(means['start'][least])} before training: saturation alone does not decide", shares
    text = f"{name} is the soonest with {design.short('init', best)} ({design.time(round(means['time'][best], 2))})"
    if float(means[["start", "end"]].max().max()) < SATURATED:
        text += ", and hardly a unit saturates with any initializer"
    elif best == most:
        text += f", although that saturates most ({percent(means['start'][best])} of its worst layer before training)"
    else:
        text += f", which saturates {percent(means['start'][best])} of its worst layer before training, where "
        text += f"{design.short('init', most)} saturates {percent(means['start'][most])} (time {later(most)})"
    small = [x for x in inits if x != best and means["start"][x] < SATURATED and means["fade"][x] < FADED]
    if small:
        least = min(small, key=lambda init: float(means["fade"][init]))
        shares += f" Not to saturate is not enough: with {design.short('init', least)} the activations fade to "
        shares += f"{percent(means['fade'][least])} of the first layer's spread (time {later(least)})."
    return text, shares


def percent(value: float) -> str:
    """A share in words, with a decimal where it is small and not zero."""
    if np.isnan(value):
        return "an unknown share"
    return "under 0.1%" if 0 < value < 0.0005 else f"{value:.1%}" if 0 < value < 0.1 else f"{value:.0%}"


def view(
    analysis: Analysis, cells: pd.DataFrame, columns: list[Label], seen: pd.DataFrame, held: str, depth: Label
) -> View:
    """Saturation and spread by layer, a column per bounded activation."""
    by = ["activation", "init", "probe", "layer"]
    frame = analysis.probes.merge(cells[[*by[:2], "seed"]], left_on="row", right_index=True)
    means = seen.groupby(["activation", "init"], observed=True)["start"].mean().dropna().reset_index()
    most = means.sort_values("start", ascending=False, kind="stable").iloc[0]
    least = means[means["activation"] == most["activation"]].sort_values("start", kind="stable").iloc[0]
    told = list(dict.fromkeys((most["init"], least["init"])))
    parts = []
    for metric in METRICS:
        known = frame[np.isfinite(frame[metric].to_numpy())]
        parts.append(with_interval(analysis, known, by, metric, most=MOST[metric]).assign(metric=metric))
    table, some = thinned(analysis.design, pd.concat(parts, ignore_index=True), "init", LINES, told)
    name = analysis.design.short
    title = (
        f"Before training at depth {depth}, {name('init', most['init'])} saturates {percent(most['start'])} of the "
        f"worst layer's unit-samples with {name('activation', most['activation'])}, {name('init', least['init'])} "
        f"{percent(least['start'])}"
    )
    caption = (
        "Unit-samples whose derivative is below 5% of its maximum, and standard deviation of the activations over "
        "units and the probe batch, by hidden layer, 1 next to the input. Solid: before training; dashed: at the last "
        f"probe. Mean over {seeds_text(analysis.design)}; band (start only): {interval_text(analysis)}; "
        f"{tuning_text(analysis)}.{never_probed(analysis, cells)}{held}"
        f"{left_out(analysis.design, 'activation', columns) if len(columns) < len(analysis.bounded) else ''}"
    )
    return View(NAME, title, caption + some, f"Line charts. {title}.", columns=columns, frame=table)


def plot(view: View, design: Design) -> Figure:
    """Saturated share above standard deviation, a color per initializer."""
    shape = View(view.name, view.title, rows=list(METRICS), columns=view.columns)
    figure, axes = grid(shape, 2.9, 1.7, sharex=True, sharey="row")
    style = styles(design, "init")
    for place, (metric, text) in enumerate(METRICS.items()):
        for axis, level in zip(axes[place], view.columns, strict=True):
            part = view.frame[(view.frame["metric"] == metric) & (view.frame["activation"] == level)]
            no_cells(axis, part)
            ended: dict[str, Any] = {"ls": (0, (3, 1.5)), "lw": 0.9, "ms": 0}
            lines(axis, part[part["probe"] == "last"], "layer", style, band=False, by="init", dashed=False, **ended)
            lines(axis, part[part["probe"] == "first"], "layer", style, by="init", dashed=False)
            axis.xaxis.set_major_locator(MaxNLocator(6, integer=True, min_n_ticks=1))
        axes[place, 0].set_ylabel(text)
    for axis, level in zip(axes[0], view.columns, strict=True):
        axis.set_title(named(design, "activation", level))
    axes[0, 0].set_ylim(-0.03, 1.03)
    axes[0, 0].yaxis.set_major_formatter(PercentFormatter(1))
    axes[1, 0].set_ylim(0)
    for axis in axes[1]:
        axis.set_xlabel("hidden layer")
    level_key(figure, design, "init", present(view.frame, "init"), style, start_end({}, {"ls": "--"}))
    return figure
