"""How the score grows: accuracy, or R squared, in validation against time for each activation, with its band.

Where there is one activation, the lines are the optimizers, or the levels of another choice.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design
from ablation.reporting.figures.panels import describe, grid, level_key, lines, panels, shares
from ablation.reporting.figures.room import LINES
from ablation.reporting.figures.theme import styles
from ablation.reporting.figures.view import View, few, hold, left_out, line_factor, present, thinned, with_interval
from ablation.reporting.options import NESTED
from ablation.reporting.statistics.trajectories import over_time
from ablation.reporting.statistics.tuning import tune
from ablation.reporting.wording.captions import UNTRAINED, interval_text, seeds_text
from ablation.reporting.wording.phrases import names

TOPIC = "Learning curves"


def show(analysis: Analysis) -> View:
    """The score in validation against time for each level of a choice, a panel per depth and normalization."""
    design, name = analysis.design, "learning_curves"
    if design.untrained:
        return View(name, "Learning curves", why=UNTRAINED)
    line = line_factor(design, "activation", "optimizer")
    by = ["depth", "normalization", line]
    chosen = [factor for factor in dict.fromkeys([*design.nuisance, "init"]) if factor not in by]
    cells, held = hold(design, analysis.cells, [*by, *chosen])
    rows, columns = few(present(cells, "normalization"), 3), few(present(cells, "depth"), 4)
    cells = cells[cells["normalization"].isin(rows) & cells["depth"].isin(columns)]
    cells = tune(cells, by, chosen, analysis.options.tuning)
    score = design.score
    runs = accuracy_by_time(analysis, cells, score.least, line)
    frame = with_interval(analysis, runs, [*by, design.noun], "val_accuracy", score.least)
    last = frame[(frame[design.noun] == frame[design.noun].max()) & (frame["depth"] == columns[-1])]
    last = last.sort_values("mean", ascending=False, kind="stable")
    shown = [line, *(["normalization"] if len(rows) > 1 else [])]
    accuracy = score.goal(float(f"{last['mean'].iloc[0]:.2f}"))
    if cells.loc[cells["depth"] == columns[-1], "diverged"].all():
        title = f"At depth {columns[-1]}, every cell diverged"
    elif len(last) > 1 and last["mean"].iloc[0] == last["mean"].iloc[-1]:
        title = f"At depth {columns[-1]} after {design.length}, all are at {accuracy}"
    elif len(last) > 1:
        title = (
            f"At depth {columns[-1]} after {design.length}, {score.validation} lies between "
            f"{score.text(last['mean'].iloc[-1])} ({names(design, last, shown, -1)}) and "
            f"{score.text(last['mean'].iloc[0])} ({names(design, last, shown, 0)})"
        )
    else:
        title = f"At depth {columns[-1]} after {design.length}, {names(design, last, shown, 0)} is at {accuracy}"
    caption = (
        f"Mean over {seeds_text(design)}; band: {interval_text(analysis)}. Each {line} at the "
        f"{' and '.join(sorted(chosen))} with the lowest median best validation loss"
        f"{' of the other seeds' if analysis.options.tuning == NESTED and design.seeds > 1 else ''}. "
        "From where a cell diverged on, "
        f"it counts as guessing.{score.noted}{held}{left_out(design, 'depth', columns)}"
        f"{left_out(design, 'normalization', rows)}"
    )
    frame, some = thinned(design, frame, line, LINES, [last[line].iloc[place] for place in (0, -1)])
    caption += some
    few_runs = runs if 1 < design.seeds <= 5 and len(design.levels[line]) <= 8 else pd.DataFrame()
    return View(name, title, caption, f"Line charts. {title}.", "", rows, columns, frame, few_runs)


def accuracy_by_time(
    analysis: Analysis, cells: pd.DataFrame, least: float = 0.0, line: str = "activation"
) -> pd.DataFrame:
    """A row per cell and time of the grid; from where a cell diverged on its accuracy is that of guessing.

    A cell keeps its accuracy until it is evaluated again: cells of other batches are evaluated at other fractions.
    What is below ``least`` counts as that.
    """
    grid, clock = analysis.grid, analysis.design.noun
    values = np.maximum(analysis.curves["val_accuracy"].to_numpy(dtype=np.float64), least)
    accuracy = over_time(analysis.curves, values, clock, grid, cells, cells["chance"].to_numpy(dtype=np.float64))
    long = cells.loc[cells.index.repeat(len(grid)), ["depth", "normalization", line, "seed"]]
    times = {clock: np.tile(grid, len(cells))}
    return long.assign(**times, val_accuracy=accuracy.ravel()).reset_index(drop=True)


def floor(view: View, design: Design) -> float:
    """Where the score's axis begins: at zero, or where a mean or a single run is below."""
    shown = [*view.frame["mean"], *view.frame["low"].dropna(), *(view.runs["val_accuracy"] if len(view.runs) else ())]
    return 0.0 if design.score.is_share else min(0.0, 1.05 * float(np.nanmin(shown)))


def plot(view: View, design: Design) -> Figure:
    """Mean accuracy with its band, single runs pale behind."""
    figure, axes = grid(view, 2.3, 1.9, sharex=True, sharey=True)
    line = line_factor(design, "activation", "optimizer")
    style = styles(design, line)
    for axis, part in panels(view, design, axes, "normalization", "depth"):
        if len(view.runs):
            panel = part[["normalization", "depth"]].drop_duplicates()
            runs = view.runs.merge(panel, on=["normalization", "depth"])
            for (level, _), run in runs.groupby([line, "seed"], observed=True):
                axis.plot(run[design.noun], run["val_accuracy"], color=style[str(level)]["color"], lw=0.5, alpha=0.3)
        lines(axis, part, design.noun, style, by=line)
        axis.set(ylim=(floor(view, design), 1.02), xlim=(0, design.horizon))
        shares(axis)
        if not design.score.is_share:
            axis.yaxis.set_major_formatter("{x:g}")
    describe(axes, design.noun, design.score.validation)
    drawn = [level for level in design.levels[line] if (view.frame[line] == level).any()]
    level_key(figure, design, line, drawn, style)
    return figure
