"""How far does batch size go? Steps and epochs to the target, the best learning rate, noise and accuracy by batch size.

A larger batch takes fewer steps while it halves them with every doubling, and more of the data for nothing from where
it no longer does (Shallue et al. 2019; McCandlish et al. 2018). What it does to the accuracy on examples that were not
seen is another question (Keskar et al. 2017), which is asked at the rate with the lowest validation loss.
"""

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import NullFormatter, PercentFormatter

from ablation.reporting.analysis import Analysis
from ablation.reporting.asking import batch_size as found_by
from ablation.reporting.asking.batch_size import PHASES, soonest
from ablation.reporting.asking.batch_size_said import accuracy, answer, order, turns
from ablation.reporting.asking.kinds import unlike_zeros
from ablation.reporting.asking.lacking import lacking_of, obstacle
from ablation.reporting.asking.question import Question, unanswered
from ablation.reporting.design import Design
from ablation.reporting.figures.panels import along, dots, grid, level_key, no_cells
from ablation.reporting.figures.room import across
from ablation.reporting.figures.theme import INK, styles
from ablation.reporting.figures.view import View, few, hold, left_out, present, with_interval, with_median
from ablation.reporting.naming import Label
from ablation.reporting.wording.captions import interval_text, seeds_text, tuning_text

TOPIC = "How far does batch size go?"
NAME = "question_batch_size"
PRESET = "study=batch_size"
BESIDE = ("normalization", "activation", "init", "optimizer", "order", "depth")
"""Factors of which the first that varies is shown beside the batch size."""
MOST, PLACES = 3, 8
"""Most levels of it, and most batch sizes."""
MEASURES = {
    "steps": "steps to the target",
    "epochs": "epochs to the target",
    "rate": "best learning rate",
    "gain": "speed won by a doubling",
    "noise": "noise scale (examples)",
    "accuracy": "test {score}",
}
LOGS = ("steps", "epochs", "rate", "noise")


def ask(analysis: Analysis) -> Question:
    """From which batch size on doubling it brings little, and what becomes of rate, noise and accuracy."""
    design = analysis.design
    if why := obstacle(analysis, "batch_size"):
        return unanswered(NAME, TOPIC, why)
    beside = next((factor for factor in BESIDE if factor in design.compared and design.varies(factor)), BESIDE[0])
    shown = ("batch_size", "lr", beside)
    cells, held = hold(design, unlike_zeros(analysis, analysis.cells), shown)
    lacks = {
        "several batch sizes": (len(present(cells, "batch_size")) < 2, "batch_size=[8,16,32,64,128]"),
        "several learning rates": (len(present(cells, "lr")) < 2, "lr=[0.03,0.1,0.3,1.0]"),
        "the gradient's noise": (
            not np.isfinite(analysis.curves["gradient_snr"].to_numpy(dtype=float)).any(),
            "training.gradient_batches=4",
        ),
    }
    missing = lacking_of(lacks, PRESET)
    if lacks["several batch sizes"][0]:
        return unanswered(NAME, TOPIC, missing)
    levels = few(present(cells, beside), MOST)
    cells = cells[cells[beside].isin(levels)]
    best = soonest(analysis, cells)
    if not best["reached"].any():
        return unanswered(NAME, TOPIC, f"No cell reaches {design.goal}: there are no times to compare.")
    alone = soonest(analysis, cells, alone=True)
    text, evidence = answer(analysis, beside, best, alone)
    evidence += accuracy(analysis, beside, cells[cells["tuned"]]) + order(analysis)
    return Question(TOPIC, text, evidence, missing, view(analysis, beside, cells, best, alone, held))


def view(
    analysis: Analysis, beside: str, cells: pd.DataFrame, best: pd.DataFrame, alone: pd.DataFrame, held: str
) -> View:
    """All measures by batch size, a panel each."""
    design = analysis.design
    sizes = few(present(cells, "batch_size"), PLACES)
    by = [beside, "batch_size"]
    parts = []
    for unit in ("steps", "epochs"):
        times = with_median(analysis, best, by, f"{unit}_primary").rename(columns={"median": "mean"})
        parts.append(times.assign(measure=unit))
    rates = alone.assign(log=np.log10(alone["lr"].astype(float)))
    logs = with_interval(analysis, rates, by, "log", -np.inf, np.inf)
    logs[["mean", "low", "high"]] = 10.0 ** logs[["mean", "low", "high"]]
    parts.append(logs.assign(measure="rate"))
    parts.append(gain_points(analysis, beside, best).assign(measure="gain"))
    inverse = found_by.noise(analysis, best, by)
    points = with_interval(analysis, inverse, [*by, "phase"], "inverse", -np.inf, np.inf)
    values = [found_by.scale(*ends) for ends in points[["mean", "low", "high"]].to_numpy(dtype=float)]
    points[["mean", "low", "high"]] = np.array(values, dtype=float).reshape(-1, 3)
    parts.append(points.assign(measure="noise"))
    parts.append(
        with_interval(analysis, cells[cells["tuned"]], by, "tested", design.score.least).assign(measure="accuracy")
    )
    frame = pd.concat(parts, ignore_index=True)
    frame = frame[frame["batch_size"].isin(sizes)].assign(beside=beside).reset_index(drop=True)
    title = f"A doubling of the batch takes the steps to the target to {turns(analysis, beside, best)}"
    caption = (
        f"Times to {design.goal}: median over {seeds_text(design)} at the learning rate that is the soonest there, for "
        f"each seed by the others; bar: {interval_text(analysis, of='medians')}; dashed: steps halved by every "
        "doubling; at the upper edge: not within the horizon. Best learning rate: the soonest of each seed by itself, "
        "geometric mean; dashed: linear, dotted: square root. Speed won: doublings of speed a doubling of the batch; "
        f"dashed: halved steps, of which {found_by.NEARLY:g} counts as nearly. Noise scale: batch size over "
        "signal-to-noise ratio; hollow: up to the target, filled: "
        "behind it; dashed: the batch size itself; at the upper edge: no signal to be told. "
        f"Test {design.score.name}: {tuning_text(analysis)}. Bars of means: {interval_text(analysis)}.{held}"
        f"{left_out(design, 'batch_size', sizes)}{left_out(design, beside, present(cells, beside))}"
    )
    return View(NAME, title, caption, f"Points with intervals. {title}.", rows=range(2), columns=range(3), frame=frame)


def gain_points(analysis: Analysis, beside: str, best: pd.DataFrame) -> pd.DataFrame:
    """The gain from every batch size to the next, at the smaller one, with its interval over seeds."""
    rows = []
    for level in present(best, beside):
        own = best[best[beside] == level]
        for size, values in found_by.gains(own).items():
            if found := found_by.over_seeds(values.to_numpy(dtype=float), analysis.options.confidence):
                rows.append(
                    {beside: level, "batch_size": size, "mean": found.mean, "low": found.low, "high": found.high}
                )
    frame = pd.DataFrame(rows, columns=[beside, "batch_size", "mean", "low", "high"])
    for factor in (beside, "batch_size"):
        frame[factor] = pd.Categorical(frame[factor], categories=list(best[factor].cat.categories), ordered=True)
    return frame


def plot(view: View, design: Design) -> Figure:
    """Six panels, batch sizes along, a color per level of the other factor."""
    beside = str(view.frame["beside"].iloc[0])
    frame = view.frame.assign(
        **{name: view.frame[name].cat.remove_unused_categories() for name in ("batch_size", beside)}
    )
    levels: list[Label] = list(frame[beside].cat.categories)
    figure, axes = grid(view, across(len(frame["batch_size"].cat.categories), len(levels), 0.14), 1.9)
    style, names = styles(design, beside), along(design, frame, "batch_size")
    for axis, (measure, text) in zip(axes.flat, MEASURES.items(), strict=True):
        part = frame[frame["measure"] == measure]
        part = part[np.isfinite(part["mean"].to_numpy(dtype=float))] if measure not in LOGS else part
        axis.set_title(text.format(score=design.score.name))
        no_cells(axis, part)
        if part.empty:
            axis.set_xticks([])
            continue
        if measure in LOGS:
            part = framed(axis, part)
        for phase in PHASES if measure == "noise" else ("",):
            own = part[part["phase"] == phase] if phase else part
            dots(axis, own, "batch_size", beside, style, names, hollow=phase == "early", slant=False)
        guides(axis, measure, part)
        if measure == "accuracy" and design.score.is_share:
            axis.yaxis.set_major_formatter(PercentFormatter(1))
    for axis in axes[-1]:
        axis.set_xlabel("batch size")
    early = Line2D([], [], color=INK, marker="o", ms=4, ls="", mfc="w", label="noise up to the target")
    late = Line2D([], [], color=INK, marker="o", ms=4, ls="", label="noise behind it")
    extra = [early, late] if (frame["measure"] == "noise").any() else []
    level_key(figure, design, beside, levels, style, extra, line=False)
    return figure


def framed(axis: Axes, part: pd.DataFrame) -> pd.DataFrame:
    """A logarithmic axis, and the part with what is not finite at its upper edge."""
    known = part[["mean", "low", "high"]].to_numpy(dtype=float)
    known = known[np.isfinite(known) & (known > 0)]
    low, high = (float(known.min()), float(known.max())) if len(known) else (1.0, 1.0)
    ends = low / 1.5, high * 2.0
    axis.set_yscale("log")
    axis.set_ylim(*ends)
    axis.yaxis.set_major_formatter("{x:g}")
    axis.yaxis.set_minor_formatter(NullFormatter())
    edge = high * 1.8
    return part.assign(**{name: np.minimum(part[name].to_numpy(dtype=float), edge) for name in ("mean", "low", "high")})


def guides(axis: Axes, measure: str, part: pd.DataFrame) -> None:
    """What would be perfect, or is to be held against, as thin lines."""
    sizes = np.array([float(str(size)) for size in part["batch_size"].cat.categories])
    at = np.arange(len(sizes))
    look: dict[str, Any] = {"color": INK, "lw": 0.7, "zorder": 0.5}
    if measure == "gain":
        axis.axhline(1, ls="--", **look)
        axis.axhline(0, ls="-", **look)
        return
    start = float(part["mean"].iloc[0])
    powers = {"steps": {-1.0: "--"}, "rate": {1.0: "--", 0.5: ":"}, "noise": {1.0: "--"}}.get(measure, {})
    for power, dash in powers.items():
        base = sizes[0] if measure == "noise" else start
        axis.plot(at, base * (sizes / sizes[0]) ** power, ls=dash, **look)
