"""Mine against the baseline: how every level differs from the reference level in time and in the final test score."""

import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design, digits
from ablation.reporting.figures.lettering import named
from ablation.reporting.figures.panels import dots, entitle, grid, key
from ablation.reporting.figures.room import PLACES, WIDE, across
from ablation.reporting.figures.theme import INK, styles
from ablation.reporting.figures.view import View, few
from ablation.reporting.naming import Label
from ablation.reporting.statistics.against import ALL, CLEAR, deepest
from ablation.reporting.wording.baseline import averaged_text, baseline_text
from ablation.reporting.wording.captions import confidence_text, seeds_text, tuning_text
from ablation.reporting.wording.phrases import words

TOPIC = "Every level against the baseline"
NAME = "against_reference"
FACTORS, DEPTHS = 4, 5
"""Most factors and depths shown."""


def show(analysis: Analysis) -> View:
    """The differences in restricted mean time and test score, a row of panels a factor."""
    design, frame = analysis.design, analysis.against_reference
    if frame.empty:
        return View(NAME, TOPIC, why="The study has no level to hold against the baseline.")
    measures = [response for response in ("rmst", "test_accuracy") if (frame["response"] == response).any()]
    all_depths = [depth for depth in (*design.levels["depth"], ALL) if (frame["depth"] == depth).any()]
    rows = list(dict.fromkeys(frame["factor"]))
    shown, depths = rows[:FACTORS], few(all_depths, DEPTHS, [all_depths[-1]])
    frame = frame[frame["response"].isin(measures) & frame["factor"].isin(shown) & frame["depth"].isin(depths)]
    left = "".join(
        f" {len(some)} of {len(every)} {what} are shown."
        for some, every, what in ((shown, rows, "factors"), (depths, all_depths, "depths"))
        if len(some) < len(every)
    )
    for factor in shown:
        levels = list(dict.fromkeys(frame.loc[frame["factor"] == factor, "level"]))
        if len(levels) > PLACES:
            keep = few(levels, PLACES)
            frame = frame[(frame["factor"] != factor) | frame["level"].isin(keep)]
            left += f" {PLACES} of {len(levels)} levels of {factor} are shown."
    frame = frame.rename(columns={f"difference{end}": name for end, name in ENDS.items()}).reset_index(drop=True)
    frame.loc[frame["response"] == "test_accuracy", list(ENDS.values())] *= design.score.scale
    title = heading(analysis, str(shown[0]), measures[0])
    caption = (
        f"Difference to the baseline {baseline_text(design)}, one choice changed at a time{averaged_text(design)}: of "
        f"the restricted mean time to {design.goal}, min(T, {design.horizon:g}), and of the {design.score.test}; below "
        f"zero is sooner, or worse. Bars: Student's t {confidence_text(analysis.options)} interval, paired over "
        f"{seeds_text(design)}. Hollow: not clear after Holm's correction over all comparisons of the table "
        f"{NAME}. {tuning_text(analysis)[0].upper()}{tuning_text(analysis)[1:]}.{left}"
    )
    return View(NAME, title, caption, f"Points with intervals. {title}.", rows=shown, columns=measures, frame=frame)


ENDS = {"": "mean", "_low": "low", "_high": "high"}


def heading(analysis: Analysis, factor: str, response: str) -> str:
    """The clearest difference of the first factor at the deepest depth, as a title."""
    design, frame = analysis.design, analysis.against_reference
    depth, own = deepest(frame[(frame["factor"] == factor) & (frame["response"] == response)], design)
    base, at = words(design, factor, design.baseline[factor]), "" if depth == ALL else f" at depth {depth}"
    clear = own[own["evidence"] == CLEAR]
    if clear.empty:
        return f"Against {base}{at}, no other {factor.replace('_', ' ')} differs clearly"
    if response != "rmst":
        return f"Against {base}{at}, {len(clear)} of {len(own)} differ clearly in {design.score.test}"
    most = clear.sort_values("difference", kind="stable").iloc[0]
    if most["difference"] > 0:
        return f"Against {base}{at}, no other {factor.replace('_', ' ')} arrives clearly sooner"
    gain = -most["difference"]
    apart = f"{digits(gain)} {design.noun if gain == 1 else design.unit}"
    return f"Against {base}{at}, {words(design, factor, most['level'])} arrives sooner by {apart}"


def base(design: Design, factor: str) -> str:
    """The baseline's level of a factor."""
    return named(design, factor, design.baseline[factor], 16)


def plot(view: View, design: Design) -> Figure:
    """A mark with its interval at each level, those of the depths side by side, about a line at zero."""
    depths: list[Label] = [x for x in (*design.levels["depth"], ALL) if (view.frame["depth"] == x).any()]
    most = int(view.frame.groupby("factor")["level"].nunique().max())
    width = min(max(3.0, across(most, len(depths))), WIDE / len(view.columns))
    figure, axes = grid(view, width, 2.1)
    style = {**styles(design, "depth"), ALL: {"color": INK, "marker": "o"}}
    titles = {"rmst": f"{design.unit} to target", "test_accuracy": design.score.test}
    entitle(axes, [(titles[str(y)], f"{x} against {base(design, str(x))}") for x in view.rows for y in view.columns])
    for row, factor in zip(axes, view.rows, strict=True):
        own = view.frame[view.frame["factor"] == factor]
        present = set(own["level"])
        levels = [level for level in design.levels[str(factor)] if level in present]
        names = [named(design, str(factor), level, 16) for level in levels]
        own = own.assign(
            level=pd.Categorical(own["level"], categories=levels),
            depth=pd.Categorical(own["depth"], categories=depths),
        )
        for axis, measure in zip(row, view.columns, strict=True):
            part = own[own["response"] == measure]
            axis.axhline(0, color=INK, lw=0.8)
            clear = part["evidence"] == CLEAR
            for some, hollow in ((part[clear], False), (part[~clear], True)):
                dots(axis, some, "level", "depth", style, names, hollow)
        row[0].set_ylabel(f"difference ({design.unit})" if view.columns[0] == "rmst" else "difference")
        if len(row) > 1:
            row[1].set_ylabel(f"difference ({design.score.unit})" if design.score.unit else "difference")
    marks = [Line2D([], [], ls="", ms=4.5, **style[str(depth)]) for depth in depths]
    marks += [Line2D([], [], ls="", marker="o", color=INK), Line2D([], [], ls="", marker="o", color=INK, mfc="w")]
    key(
        figure, marks, [*(f"depth {depth}" if depth != ALL else "all depths" for depth in depths), "clear", "not clear"]
    )
    return figure
