"""How much hangs on the learning rate: the best validation loss against the rate as a multiple of the best one."""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator, NullFormatter

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design
from ablation.reporting.figures.hidden import dashes
from ablation.reporting.figures.lettering import named
from ablation.reporting.figures.panels import describe, grid, key, panels
from ablation.reporting.figures.room import LINES
from ablation.reporting.figures.theme import INK, styles
from ablation.reporting.figures.view import View, few, hold, left_out, line_factor, present, thinned, with_interval
from ablation.reporting.naming import Label
from ablation.reporting.statistics.rates import NEAR, capped, seed_widths
from ablation.reporting.statistics.tuning import tune
from ablation.reporting.wording.captions import UNTRAINED, interval_text, seeds_text
from ablation.reporting.wording.phrases import names

TOPIC = "Sensitivity to the learning rate"
FLOOR = 1e-6
"""A loss below this, zero among them, is drawn as this."""


def show(analysis: Analysis) -> View:
    """Loss against the multiple of each line's best rate, a panel per depth and normalization."""
    design, name = analysis.design, "rate_sensitivity"
    if design.untrained:
        return View(name, TOPIC, why=UNTRAINED)
    if not analysis.tunes_rates:
        add = "'lr=[0.01,0.1,1.0]'" if "lr" in design.nuisance else "'report.nuisance=[lr]'"
        return View(name, TOPIC, why=f"The report tunes over no learning rate; with {add} it would.")
    by = ["depth", "normalization", line_factor(design, "optimizer", "activation")]
    free = [factor for factor in dict.fromkeys([*design.nuisance, "init"]) if factor not in (*by, "lr")]
    cells, held = hold(design, analysis.cells, [*by, *free])
    rows, columns = few(present(cells, "normalization"), 3), few(present(cells, "depth"), 4)
    cells = cells[cells["normalization"].isin(rows) & cells["depth"].isin(columns)]
    # Every line is one setting of what is chosen beside the rate: that at which its best rate is best.
    chosen = tune(cells, by, [*free, "lr"])
    cells = cells.merge(chosen[[*by, *free]].drop_duplicates(), on=[*by, *free])
    best = chosen.groupby(by, observed=True)["lr"].first().astype(float).rename("best").reset_index()
    runs = cells.merge(best, on=by)
    runs["multiple"] = (runs["lr"].astype(float) / runs["best"]).round(9)
    known = capped(runs)
    runs["log_loss"] = np.log10(
        np.maximum(np.where(np.isnan(known), runs["best_val_loss"].astype(float), known), FLOOR)
    )
    runs = runs[np.isfinite(runs["log_loss"])]
    if runs.empty:
        return View(name, TOPIC, why="No cell has a loss that is finite, and what guessing costs is not known.")
    frame = with_interval(analysis, runs, [*by, "multiple"], "log_loss", least=-np.inf, most=np.inf)
    shares = runs.groupby([*by, "multiple"], observed=True)[["reached", "diverged"]].mean().reset_index()
    frame = frame.merge(shares, on=[*by, "multiple"])
    frame[["mean", "low", "high"]] = 10.0 ** frame[["mean", "low", "high"]]
    widths = seed_widths(cells, chosen, by)
    title, told = finding(design, widths[widths["depth"] == columns[-1]], by)
    frame, some = thinned(design, frame, by[-1], LINES, told)
    others = f" at the {' and '.join(free)} that is best for it" if free else ""
    caption = (
        "Best validation loss, at most that of guessing, which a diverged cell counts as, against the learning rate as "
        f"a multiple of the best one (lowest median over seeds) of each {by[-1]}{others}. Geometric mean over "
        f"{seeds_text(design)}; band: {interval_text(analysis, of='mean logarithms')}. Filled: at least half of the "
        f"seeds reach {design.goal}; hollow: fewer; x: at least half diverge. Near the best: at most {NEAR:.0%} of "
        f"what training gains over guessing is lost.{held}{left_out(design, 'depth', columns)}"
        f"{left_out(design, 'normalization', rows)}{some}"
    )
    return View(name, title, caption, f"Line charts. {title}.", "", rows, columns, frame)


def finding(design: Design, widths: pd.DataFrame, by: list[str]) -> tuple[str, list[Label]]:
    """Between which lines of the deepest panels the width lies, and their levels."""
    shown = [by[2], *(["normalization"] if len(present(widths, "normalization")) > 1 else [])]
    table = widths[widths["learned"]].groupby(by, observed=True)[["decades", "cut"]].mean().reset_index()
    table = table.dropna().sort_values("decades", ascending=False, kind="stable")
    deepest = f"At depth {design.deepest if widths.empty else widths['depth'].iloc[0]}"
    if table.empty:
        return f"{deepest}, nothing learns at any learning rate", []

    def said(place: int) -> str:
        least = "at least " if table["cut"].iloc[place] >= 0.5 else ""
        size = f"{table['decades'].iloc[place]:.2g}"
        decades = f"{size} {'decade' if size == '1' else 'decades'}"
        return f"{least}{decades} ({names(design, table, shown, place)})"

    levels = [table[by[2]].iloc[place] for place in (0, -1)]
    if len(table) == 1:
        return f"{deepest}, the loss stays near its best over {said(0)} of rates", levels[:1]
    text = f"{deepest}, the loss stays near its best over {said(-1)} to {said(0)} of rates"
    return text, list(dict.fromkeys(levels))


def plot(view: View, design: Design) -> Figure:
    """A line a level on two logarithmic axes, its marks telling what became of the seeds."""
    factor = next(x for x in design.levels if x in view.frame and x not in ("depth", "normalization"))
    figure, axes = grid(view, 2.5, 2.0, sharex=True, sharey=True)
    style = styles(design, factor)
    levels = [level for level in design.levels[factor] if (view.frame[factor] == level).any()]
    span = float(np.ptp(np.log(view.frame["mean"].to_numpy(float))))
    for axis, part in panels(view, design, axes, "normalization", "depth"):
        axis.axvline(1, color=INK, lw=0.6, ls=":")
        curves = [part[part[factor] == level] for level in levels]
        points = [(curve["multiple"].to_numpy(float), np.log(curve["mean"].to_numpy(float))) for curve in curves]
        for level, curve, dash in zip(levels, curves, dashes(points, span), strict=True):
            look = style[str(level)]
            axis.plot(curve["multiple"], curve["mean"], color=look["color"], lw=1.2, ls=dash)
            if curve["low"].notna().any():
                axis.fill_between(curve["multiple"], curve["low"], curve["high"], color=look["color"], alpha=0.15, lw=0)
            gone = curve["diverged"] >= 0.5
            marks: dict[str, Any] = {"ls": "", "ms": 4, "color": look["color"]}
            for mask, more in (
                (~gone & (curve["reached"] >= 0.5), {"marker": look["marker"]}),
                (~gone & (curve["reached"] < 0.5), {"marker": look["marker"], "mfc": "w"}),
                (gone, {"marker": "x"}),
            ):
                axis.plot(curve["multiple"][mask], curve["mean"][mask], **marks, **more)
        axis.set(xscale="log", yscale="log")
        for one in (axis.xaxis, axis.yaxis):
            one.set_major_locator(LogLocator(10, numticks=6))
            one.set_major_formatter("{x:g}")  # no level's name is read as a formula, nor is the usual 10^k
            low, high = np.log10(one.get_view_interval())
            if np.floor(high) - np.ceil(low) >= 1:
                one.set_minor_formatter(NullFormatter())
            else:  # a single power of ten, or none, tells no scale
                one.set_minor_locator(LogLocator(10, subs=(2, 5), numticks=6))
                one.set_minor_formatter("{x:g}")
    describe(axes, "learning rate / best", "best validation loss")
    handles = [Line2D([], [], ms=4, **style[str(level)]) for level in levels]
    plain: dict[str, Any] = {"ls": "", "color": INK, "ms": 4}
    gone, reach = view.frame["diverged"] >= 0.5, view.frame["reached"] >= 0.5
    kinds: dict[str, tuple[pd.Series, dict[str, Any]]] = {
        "at least half reach the target": (reach & ~gone, {"marker": "o"}),
        "fewer do": (~reach & ~gone, {"marker": "o", "mfc": "w"}),
        "at least half diverge": (gone, {"marker": "x"}),
    }
    told = {text: look for text, (where, look) in kinds.items() if where.any()}
    handles += [Line2D([], [], **plain, **look) for look in told.values()]
    key(figure, handles, [*(named(design, factor, level) for level in levels), *told])
    return figure
