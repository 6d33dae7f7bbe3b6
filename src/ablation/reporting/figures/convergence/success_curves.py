"""How many have arrived: the share of cells at the target by each epoch or step, per level of each factor."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design, plural
from ablation.reporting.figures.hidden import dashes
from ablation.reporting.figures.lettering import named
from ablation.reporting.figures.panels import apart, grid, shares
from ablation.reporting.figures.room import LINES
from ablation.reporting.figures.theme import enlarged, styles
from ablation.reporting.figures.view import View, few, left_out
from ablation.reporting.statistics.intervals import Floats, seed_interval
from ablation.reporting.wording.captions import UNTRAINED, interval_text, tuning_text
from ablation.reporting.wording.phrases import words

TOPIC = "Success as a function of {unit}"


def show(analysis: Analysis) -> View:
    """The share of cells that have reached the target by each time, per level of each compared factor."""
    design, name = analysis.design, "success_curves"
    if design.untrained:
        return View(name, f"Cells that have reached {design.goal}", why=UNTRAINED)
    varying = [factor for factor in design.compared if design.varies(factor)][:12]
    if not varying:
        return View(
            name,
            f"Cells that have reached {design.goal}",
            why="No factor varies; 'depth=[2,10]' has two levels.",
        )
    grid, within = analysis.grid, design.length
    frame = pd.concat([arrived(analysis, factor, grid) for factor in varying], ignore_index=True)
    end = frame[frame[design.noun] == grid[-1]]
    spread = end.groupby("factor", sort=False)["mean"].agg(np.ptp)
    widest = end[end["factor"] == spread.idxmax()].sort_values("mean", ascending=False, kind="stable")
    if widest["mean"].iloc[0] == 0:
        title = f"No cell reaches {design.goal} within {within}"
    elif spread.max() == 0:
        title = f"Every level of every factor ends at {widest['mean'].iloc[0]:.0%} of cells; see how soon"
    else:
        best, worst = widest.iloc[0], widest.iloc[-1]
        first, last = (words(design, row["factor"], row["level"]) for row in (best, worst))
        title = (
            f"Success differs most with {best['factor']}: {best['mean']:.0%} of cells with "
            f"{first}, {worst['mean']:.0%} with {last}"
        )
    caption = (
        f"Share of cells that have reached {design.goal} by each {design.noun}: one minus Kaplan-Meier, which with the "
        f"common horizon of {within} is the empirical distribution. {plural(len(analysis.tuned), 'cell')}, pooled "
        "over the "
        f"other factors, {tuning_text(analysis)}; band: {interval_text(analysis)}."
    )
    parts = []
    for factor in varying:
        part, levels = frame[frame["factor"] == factor], design.levels[factor]
        kept = [widest["level"].iloc[place] for place in (0, -1)] if factor == widest["factor"].iloc[0] else []
        shown = few(levels, LINES, kept)
        parts.append(part[part["level"].isin(shown)])
        caption += left_out(design, factor, shown)
    frame = pd.concat(parts, ignore_index=True)
    return View(name, title, caption, f"Step curves. {title}.", columns=varying, frame=frame)


def arrived(analysis: Analysis, factor: str, grid: Floats) -> pd.DataFrame:
    """``mean, low, high`` of the share of cells that have arrived by each time of ``grid``, per level."""
    cells, seeds = analysis.tuned, analysis.design.seeds
    levels = analysis.design.levels[factor]
    flat = cells[factor].cat.codes.to_numpy().astype(np.int64) * seeds + cells["seed"].cat.codes.to_numpy()
    counts = np.bincount(flat, minlength=len(levels) * seeds).astype(float)
    reached = cells["reached"].to_numpy(dtype=bool)
    at = np.searchsorted(grid, cells["arrival"].to_numpy()[reached])
    events = np.zeros((len(levels) * seeds, len(grid)))
    np.add.at(events, (flat[reached], at), 1.0)
    sums = events.cumsum(axis=1).reshape(len(levels), seeds, len(grid)).swapaxes(1, 2).reshape(-1, seeds)
    sizes = np.repeat(counts.reshape(len(levels), seeds), len(grid), axis=0)
    low, high = seed_interval(sums, sizes, analysis.options.confidence, 0, 1)
    index = {"factor": factor, "level": np.repeat(np.array(levels, object), len(grid))}
    clock = {"place": np.repeat(np.arange(len(levels)), len(grid)), analysis.design.noun: np.tile(grid, len(levels))}
    with np.errstate(invalid="ignore"):
        mean = sums.sum(axis=1) / sizes.sum(axis=1)
    return pd.DataFrame({**index, **clock, "mean": mean, "low": low, "high": high}).dropna(subset=["mean"])


def plot(view: View, design: Design) -> Figure:
    """Step curves, each labelled at its end; labels are moved apart where curves end together."""
    shown = {factor: set(part) for factor, part in view.frame.groupby("factor")["level"]}
    most = max(map(len, shown.values()))
    across = min(3, len(view.columns))
    shape = View(view.name, view.title, rows=range(-(-len(view.columns) // across)), columns=range(across))
    height = max(1.9, 0.15 * most)
    longest = max(len(named(design, str(x), level, 16)) for x, levels in shown.items() for level in levels)
    figure, axes = grid(shape, 2.2 + 0.08 * longest, height, margin=0.8, sharey=True)
    for axis in axes.flat[len(view.columns) :]:
        axis.set_axis_off()
    end = 1.04 * max(design.horizon, 1)
    for axis, factor in zip(axes.flat, view.columns, strict=False):
        style, part = styles(design, str(factor)), view.frame[view.frame["factor"] == factor]
        ends = []
        groups = list(part.groupby("place"))
        points = [(curve[design.noun].to_numpy(float), curve["mean"].to_numpy(float)) for _, curve in groups]
        for (place, curve), dash in zip(groups, dashes(points, 1.0), strict=True):
            level = design.levels[str(factor)][int(str(place))]
            color = style[str(level)]["color"]
            # One more point, or what is reached at the horizon would have no width.
            curve = pd.concat([curve, curve.tail(1).assign(**{design.noun: end})])
            axis.step(curve[design.noun], curve["mean"], where="post", color=color, lw=1.4, ls=dash)
            if curve["low"].notna().any():
                band = (curve[design.noun], curve["low"], curve["high"])
                axis.fill_between(*band, step="post", color=color, alpha=0.1, lw=0)
            ends.append((float(curve["mean"].iloc[-1]), level, color))
        spots = apart([last for last, _, _ in ends], 0.115 / (height - 0.4), 1.03)
        beside = axis.get_yaxis_transform()
        for (_, level, color), spot in zip(ends, spots, strict=True):
            name = named(design, str(factor), level, 16)
            axis.text(1.02, spot, name, size=7.5 * enlarged(), color=color, va="center", transform=beside)
        axis.set(title=str(factor), xlabel=design.noun, ylim=(0, 1.03), xlim=(0, end))
        shares(axis)
    for axis in axes[:, 0]:
        axis.set_ylabel("cells at the target")
    return figure
