"""Batch normalization against gradient clipping: how many reach the target, and how soon, for every pair."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import PercentFormatter

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design, plural
from ablation.reporting.figures.lettering import named, worded
from ablation.reporting.figures.panels import grid, key
from ablation.reporting.figures.room import fitting, places
from ablation.reporting.figures.theme import styles
from ablation.reporting.figures.view import View, few, left_out, thinned
from ablation.reporting.statistics.times import summarize
from ablation.reporting.wording.captions import UNTRAINED, interval_text, seeds_text, tuning_text
from ablation.reporting.wording.phrases import names, words

TOPIC = "Batch normalization against clipping"
OTHERS = {"normalization": "'normalization=[none,batch]'", "clipping": "'clipping=[none,global_norm]'"}
"""What adds levels of the two."""


def show(analysis: Analysis) -> View:
    """Success rate and restricted mean of every pair of a normalization and a clipping, at each depth."""
    design, name = analysis.design, "batchnorm_vs_clipping"
    heading = "Batch normalization against gradient clipping"
    if design.untrained:
        return View(name, heading, why=UNTRAINED)
    pair = ("normalization", "clipping")
    single = " and ".join(f"one level of {factor}" for factor in pair if not design.varies(factor))
    if single:
        add = [OTHERS[factor] for factor in pair if not design.varies(factor)]
        return View(name, heading, why=f"The study has {single}; {' '.join(add)} would set several side by side.")
    tuned = " and ".join(factor for factor in pair if factor in design.nuisance)
    if tuned:
        return View(name, heading, why=f"The report tunes over {tuned}: there are no levels to set side by side.")
    marks = min(8, len(design.levels["normalization"]))
    size = (min(places(marks), len(design.levels["clipping"])), marks)
    columns = few(design.levels["depth"], fitting(panel_width(*size), 6))
    cells = analysis.tuned[analysis.tuned["depth"].isin(columns)]
    frame = summarize(cells, ["depth", "normalization", "clipping"], design, analysis.options)
    plain, unclipped = design.reference("normalization"), design.reference("clipping")
    deep = frame[frame["depth"] == columns[-1]].sort_values(["success_rate", "rmst"], ascending=[False, True])
    batch = deep[(deep["normalization"] != plain) & (deep["clipping"] == unclipped)]
    clip = deep[(deep["normalization"] == plain) & (deep["clipping"] != unclipped)]
    neither = deep[(deep["normalization"] == plain) & (deep["clipping"] == unclipped)]
    if plain == unclipped == "none" and not (batch.empty or clip.empty or neither.empty):
        parts = (("normalization", batch), ("clipping", clip))
        alone = [words(design, factor, part[factor].iloc[0]) for factor, part in parts]
        title = (
            f"At depth {columns[-1]}, {batch['success_rate'].iloc[0]:.0%} of cells reach the target with "
            f"{alone[0]} alone, {clip['success_rate'].iloc[0]:.0%} with "
            f"{alone[1]} alone, {neither['success_rate'].iloc[0]:.0%} with neither"
        )
    else:  # there is no "alone" to speak of
        title = (
            f"At depth {columns[-1]}, {deep['success_rate'].iloc[0]:.0%} of cells reach the target with "
            f"{names(design, deep, pair, 0)}, {deep['success_rate'].iloc[-1]:.0%} with {names(design, deep, pair, -1)}"
        )
    least, most = int(frame["cells"].min()), int(frame["cells"].max())
    each = plural(most, "cell") if least == most else f"{least:,} to {plural(most, 'cell')}"
    caption = (
        f"Share of cells that reach {design.goal} within {design.length}, and restricted mean time "
        f"to it; {interval_text(analysis, most <= design.seeds)}. {each} a bar, pooled over all other factors and "
        f"{seeds_text(design)}, {tuning_text(analysis)}.{left_out(design, 'depth', columns)}"
    )
    told = [*(part.iloc[0] for part in (batch, clip, neither) if len(part)), deep.iloc[0], deep.iloc[-1]]
    for factor, most in zip(("clipping", "normalization"), size, strict=True):
        frame, some = thinned(design, frame, factor, most, list(dict.fromkeys(row[factor] for row in told)))
        caption += some
    return View(name, title, caption, f"Points with intervals. {title}.", columns=columns, frame=frame)


def panel_width(clippings: int, normalizations: int) -> float:
    """Inches of a panel in which every pair has a place."""
    return max(2.0, 0.3 * clippings + 0.1 * clippings * normalizations)


def plot(view: View, design: Design) -> Figure:
    """Success rate above restricted mean, clippings side by side, a color per normalization."""
    pair = ("clipping", "normalization")
    clippings, normalizations = (
        [level for level in design.levels[factor] if (view.frame[factor] == level).any()] for factor in pair
    )
    success = ("success_rate", "success", "cells that succeed", (-0.03, 1.03))
    time = ("rmst", "rmst", f"restricted mean ({design.unit})", (0, design.horizon * 1.04 or 1))
    width = panel_width(len(clippings), len(normalizations))
    figure, axes = grid(View(view.name, view.title, rows=range(2), columns=view.columns), width, 1.9, sharex=True)
    style = styles(design, "normalization")
    at = {level: place for place, level in enumerate(clippings)}
    step = 0.6 / max(1, len(normalizations))
    for row, (column, interval, text, limits) in zip(axes, (success, time), strict=True):
        for axis, depth in zip(row, view.columns, strict=True):
            axis.tick_params(labelleft=axis is row[0])
            for place, level in enumerate(normalizations):
                part = view.frame[(view.frame["depth"] == depth) & (view.frame["normalization"] == level)]
                x = part["clipping"].map(at).to_numpy(dtype=float) + step * (place - (len(normalizations) - 1) / 2)
                value = part[column].to_numpy()
                low, high = part[f"{interval}_low"].to_numpy(), part[f"{interval}_high"].to_numpy()
                # An interval that rounding puts a hair beside its own mean has no length there.
                length = np.clip([value - low, high - value], 0, None)
                axis.errorbar(x, value, length, ls="", lw=1.2, capsize=2, ms=5, **style[str(level)])
            title = worded(design, "depth", depth) if column == "success_rate" else ""
            axis.set(ylim=limits, xlim=(-0.6, len(clippings) - 0.4), title=title)
            axis.set_xticks(
                range(len(clippings)), [named(design, "clipping", x) for x in clippings], rotation=30, ha="right"
            )
            axis.grid(False, axis="x")
            axis.yaxis.set_major_formatter(PercentFormatter(1) if column == "success_rate" else "{x:g}")
        row[0].set_ylabel(text)
    figure.align_ylabels(axes[:, 0])
    handles = [Line2D([], [], ls="", **style[str(level)]) for level in normalizations]
    key(figure, handles, [worded(design, "normalization", level) for level in normalizations])
    return figure
