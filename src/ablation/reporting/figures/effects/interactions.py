"""The strongest interactions: how the effect of one factor depends on the level of another."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullFormatter, NullLocator

from ablation.records.columns import ORDINAL
from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design
from ablation.reporting.figures.lettering import named
from ablation.reporting.figures.panels import apart, grid
from ablation.reporting.figures.theme import INK, enlarged, styles
from ablation.reporting.figures.view import View, few, present
from ablation.reporting.naming import Label
from ablation.reporting.statistics import anova
from ablation.reporting.statistics.intervals import student
from ablation.reporting.statistics.responses import Effects
from ablation.reporting.wording.captions import UNTRAINED, confidence_text, seeds_text, tuning_text
from ablation.reporting.wording.remarks import note_text

TOPIC = "How the choices work together"
MOST, LINES, ALONG = 12, 8, 12
"""Most panels, lines in one, and levels along it."""
LATE = (1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000)
"""Where an axis of many steps has its ticks."""
LETTER = 0.068
"""Height of a line's name, as a share of the axis."""


def show(analysis: Analysis) -> View:
    """The interactions in time to target with the largest partial omega squared, a panel each."""
    design, name = analysis.design, "interactions"
    heading = "How the choices work together"
    if design.untrained:
        return View(name, heading, why=UNTRAINED)
    found = analysis.effects[0]
    every = found.table[anova.interactions(found.table)]
    pairs = every[every["omega_sq"] > 0].head(MOST)
    if pairs.empty:
        why = "No interaction of two factors can be seen: none explains more than chance would."
        return View(name, heading, why=note_text(found.notes[0]) if found.notes and found.table.empty else why)
    parts, cut = [], False
    for place, row in enumerate(pairs.to_dict("records")):
        along, lines = arranged(design, row["factors"])
        part = cells(found, along, lines, analysis.options.confidence)
        shown = [few(present(analysis.tuned, factor), most) for factor, most in ((along, ALONG), (lines, LINES))]
        some = part["along"].isin(shown[0]) & part["line"].isin(shown[1])
        cut |= not some.all()
        interval = "" if np.isnan(row["omega_low"]) else f" [{row['omega_low']:.2f}, {row['omega_high']:.2f}]"
        said = f"{row['omega_sq']:.2f}{interval}"
        parts.append(part[some].assign(panel=place, x=along, by=lines, words=said))
    frame = pd.concat(parts, ignore_index=True)
    best = pairs.iloc[0]
    sure = "p after Holm below 0.05" if best["p_holm"] < 0.05 else "which may be chance"
    title = f"The strongest interaction is {best['term']}: partial omega squared {best['omega_sq']:.2f}, {sure}"
    percent = confidence_text(analysis.options)
    bars = (
        f"bars: Student's t {percent} interval over {seeds_text(design)}" if design.seeds > 1 else "one seed: no bars"
    )
    caption = (
        f"Geometric mean of the {design.unit} to {design.goal} over all other factors, by the log-normal accelerated "
        f"failure time model (beyond the dotted horizon of {design.horizon:g} it is the model's alone), for the "
        f"{len(pairs)} of {len(every)} interactions with the largest partial omega squared (with its interval, above "
        f"each panel); parallel lines: none; {bars}, left out where all seeds agree. "
        f"{tuning_text(analysis).capitalize()}."
        f"{' Of factors with many levels some are shown, the first and the last among them.' if cut else ''}"
    )
    return View(name, title, caption, f"Lines by level. {title}.", columns=range(len(pairs)), frame=frame)


def arranged(design: Design, factors: Sequence[str]) -> tuple[str, str]:
    """Which of two factors stands along the axis: a numeric one, else the one of more levels."""
    first, second = sorted(factors, key=lambda factor: (factor not in ORDINAL, -len(design.levels[factor])))
    return first, second


def cells(found: Effects, along: str, lines: str, confidence: float) -> pd.DataFrame:
    """The mean of every pair of levels over the other factors, with its interval over seeds."""
    numbers, levels = found.model.combinations, found.model.levels
    pairs = numbers[along].to_numpy() * len(levels[lines]) + numbers[lines].to_numpy()
    rows = []
    for pair in np.unique(pairs):
        values = found.y[pairs == pair].mean(axis=0)
        low, high = student(values, confidence) if np.ptp(values) > 1e-9 else (np.nan, np.nan)
        ends = {"mean": 10 ** values.mean(), "low": 10**low, "high": 10**high}
        x, line = divmod(int(pair), len(levels[lines]))
        rows.append({"along": levels[along][x], "line": levels[lines][line], **ends})
    return pd.DataFrame(rows)


def plot(view: View, design: Design) -> Figure:
    """A panel an interaction, a line a level, named at its end."""
    across = min(3, len(view.columns))
    longest = max(len(named(design, *pair, 16)) for pair in zip(view.frame["by"], view.frame["line"], strict=True))
    shape = View(view.name, view.title, rows=range(-(-len(view.columns) // across)), columns=range(across))
    below = 0.05 * max(len(named(design, *pair, 14)) for pair in zip(view.frame["x"], view.frame["along"], strict=True))
    most = int(view.frame.groupby("panel")["along"].nunique().max())
    figure, axes = grid(shape, max(2.1, 0.24 * most) + 0.08 * longest, 2.1 + below, margin=0.8, sharey=True)
    least = min(float(view.frame["mean"].min()), float(view.frame["low"].min()))
    ends = (max(least, 0.4 * design.soonest) * 0.9, max(design.horizon, float(view.frame["mean"].max())) * 1.15)
    for axis in axes.flat[len(view.columns) :]:
        axis.set_axis_off()
    for axis, place in zip(axes.flat, view.columns, strict=False):
        part = view.frame[view.frame["panel"] == place]
        along, by = str(part["x"].iloc[0]), str(part["by"].iloc[0])
        levels: list[Label] = [level for level in design.levels[along] if level in set(part["along"])]
        style, last = styles(design, by), []
        drawn = [level for level in design.levels[by] if level in set(part["line"])]
        for step, level in enumerate(drawn):
            line = part[part["line"] == level]
            x = np.array([levels.index(value) for value in line["along"]]) + 0.04 * (step - (len(drawn) - 1) / 2)
            own = {"lw": 1.2, "ms": 3.5, **style[str(level)]}
            axis.plot(x, line["mean"], **own)
            axis.vlines(x, line["low"].clip(*ends), line["high"].clip(*ends), color=own["color"], lw=0.9, alpha=0.6)
            last.append((float(np.log(line["mean"].iloc[-1])), level, own["color"]))
        axis.set_yscale("log")
        axis.set(xlim=(-0.3, len(levels) - 0.7), ylim=ends)
        beside = axis.get_yaxis_transform()
        bottom, top = np.log(ends)
        # Backwards: of lines that end together, the first is the lowest.
        spots = apart([end for end, _, _ in reversed(last)], LETTER * (top - bottom), top)[::-1]
        for spot, (_, level, color) in zip(spots, last, strict=True):
            look: dict[str, Any] = {"size": 7.5 * enlarged(), "color": color, "va": "center", "transform": beside}
            axis.text(1.02, np.exp(spot), named(design, by, level, 16), **look)
        names = [named(design, along, level, 14) for level in levels]
        turned = len(levels) > 4 or max(map(len, names)) > 6
        how = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"} if turned else {}
        axis.set_xticks(range(len(levels)), names, size=7.5 * enlarged(), **how)
        axis.axhline(design.horizon, color=INK, lw=0.6, ls=":")
        ticks = [
            tick
            for tick in (0.05, 0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500, *LATE)
            if ends[0] <= tick <= ends[1]
        ]
        axis.yaxis.set_major_locator(FixedLocator(ticks))
        axis.yaxis.set_minor_locator(NullLocator())
        axis.yaxis.set_major_formatter("{x:g}")
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.set_title(f"{by} by {along}\n{part['words'].iloc[0]}")
        axis.grid(visible=False, axis="x")
    for axis in axes[:, 0]:
        axis.set_ylabel(f"{design.unit} to target")
    return figure
