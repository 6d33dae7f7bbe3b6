"""What each choice does: the time to the target with each of its levels, at each depth. It opens the page."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design, plural
from ablation.reporting.figures.lettering import named, worded
from ablation.reporting.figures.panels import grid, key, lengths
from ablation.reporting.figures.room import LINES
from ablation.reporting.figures.theme import styles
from ablation.reporting.figures.view import View, few, left_out, present, with_interval
from ablation.reporting.wording.captions import UNTRAINED, interval_text, tuning_text
from ablation.reporting.worth import worths

TOPIC = "What each choice does to the {unit} to the target"

PANELS, DEPTHS = 4, 4
"""Most choices and depths shown."""


def show(analysis: Analysis) -> View:
    """The restricted mean time of each level of the weightiest choices, at each depth."""
    design, name, heading = analysis.design, "choices", "What each choice does"
    if design.untrained:
        return View(name, heading, why=UNTRAINED)
    found = worths(analysis)
    if not found:
        return View(name, heading, why="No factor varies: there are no levels to compare.")
    shown = [each.factor for each in found[:PANELS]]
    depths = few(present(analysis.tuned, "depth"), DEPTHS)
    cells = analysis.tuned[analysis.tuned["depth"].isin(depths)]
    parts, caption = [], ""
    for factor in shown:
        levels = few(present(cells, factor), LINES, [found[shown.index(factor)].best])
        by = [factor, "depth"] if factor != "depth" else [factor]
        part = with_interval(analysis, cells[cells[factor].isin(levels)], by, "time", 0, design.horizon)
        part = part.rename(columns={factor: "level"}).assign(factor=factor)
        parts.append(part.assign(depth=part["level"]) if factor == "depth" else part)
        caption += left_out(design, factor, levels)
    frame = pd.concat([part.astype({"level": object, "depth": object}) for part in parts], ignore_index=True)
    if len(found) == 1:
        title = f"What {shown[0]} does to the {design.unit} to {design.goal}"
    else:
        title = f"Of {len(found)} choices, {shown[0]} changes the {design.unit} to {design.goal} most"
        title += f", {found[-1].factor} least" if len(found) > 2 else ""
    rest = f" {len(shown)} of {len(found)} choices are shown." if len(shown) < len(found) else ""
    caption = (
        f"Restricted mean time to {design.goal}, at most {design.length}, with each level of a choice: mean over the "
        f"other choices and {plural(design.seeds, 'seed')}; {tuning_text(analysis)}; bar: {interval_text(analysis)}."
        f"{rest}{caption}{left_out(design, 'depth', depths)}"
    )
    return View(name, title, caption, f"Points with intervals, a row a level. {title}.", columns=shown, frame=frame)


def plot(view: View, design: Design) -> Figure:
    """A panel a choice, a row a level, a color a depth."""
    orders = {
        str(factor): [level for level in design.levels[str(factor)] if level in set(part["level"])]
        for factor, part in view.frame.groupby("factor", sort=False)
    }
    longest = max(len(named(design, factor, level, 16)) for factor, levels in orders.items() for level in levels)
    most = max(map(len, orders.values()))
    across = len(view.columns) if len(view.columns) < PANELS else PANELS // 2
    shape = View(view.name, view.title, rows=range(-(-len(view.columns) // across)), columns=range(across))
    figure, axes = grid(
        shape, (2.6 if across < 3 else 1.8) + 0.075 * longest, max(1.3, 0.55 + 0.22 * most), margin=0.4, sharex=True
    )
    for axis in axes.flat[len(view.columns) :]:
        axis.set_axis_off()
    style, depths = styles(design, "depth"), [x for x in design.levels["depth"] if x in set(view.frame["depth"])]
    for axis, (factor, levels) in zip(axes.flat, orders.items(), strict=False):
        part = view.frame[view.frame["factor"] == factor]
        for place, depth in enumerate(depths):
            own = part[part["depth"] == depth]
            # Side by side, for at one depth levels may be as fast as at another.
            shift = 0.0 if factor == "depth" else 0.5 * (place - (len(depths) - 1) / 2) / max(1, len(depths))
            at = [levels.index(level) + shift for level in own["level"]]
            mean, low, high = (own[column].to_numpy() for column in ("mean", "low", "high"))
            look = {"ls": "", "lw": 1.1, "capsize": 1.5, "ms": 4.5, **style[str(depth)]}
            axis.errorbar(mean, at, xerr=lengths(mean, low, high), **look)
        axis.set_yticks(range(len(levels)), [named(design, factor, level, 16) for level in levels])
        axis.set_ylim(len(levels) - 0.5, -0.5)
        axis.grid(False, axis="y")
        axis.set(title=factor, xlim=(0, 1.03 * design.horizon))
    for axis in axes[-1]:
        axis.set_xlabel(f"{design.unit} to the target")
    if len(depths) > 1:
        handles = [Line2D([], [], ms=4, **style[str(depth)]) for depth in depths]
        key(figure, handles, [worded(design, "depth", depth) for depth in depths])
    return figure
