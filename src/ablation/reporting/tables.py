"""The report's tables, each with a caption, and how they are written as CSV and Markdown.

CSV holds plain numbers at six significant digits (``inf`` for a time beyond the horizon, empty for what is not
known), Markdown what a reader wants to see (``>15``, four digits).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.convergence import performance_profile, sensitivity, summarize
from ablation.reporting.design import ORDINAL, Design, label, plural
from ablation.reporting.health import CLASSES

EXTREMES = 3
"""How many of the best, and of the worst combinations are listed per depth."""


@dataclass(frozen=True)
class Table:
    """A named table with its title, and a caption that says n, what an interval is and what was tuned over."""

    name: str
    title: str
    caption: str
    frame: pd.DataFrame


def seeds_text(design: Design) -> str:
    """The number of blocks in words."""
    return "1 seed" if design.seeds == 1 else f"{design.seeds} seeds"


def tuning_text(design: Design) -> str:
    """What was tuned over, in words."""
    tuned = [f"{factor} ({len(design.levels[factor])} values)" for factor in design.nuisance if design.varies(factor)]
    if not tuned:
        return "nothing to tune over"
    return f"tuned over {' and '.join(tuned)} by the median over seeds of the best validation loss"


def never_probed(analysis: Analysis, cells: pd.DataFrame) -> str:
    """A sentence that says how many of the cells diverged before their gradient was first measured, if any."""
    count = int((~cells.index.isin(analysis.profiles["row"])).sum())
    return f" {plural(count, 'cell')} diverged before the first probe and cannot be shown." if count else ""


def interval_text(analysis: Analysis, wilson: bool = True, of: str = "means") -> str:
    """What the intervals are, in words."""
    percent = f"{100 * analysis.options.confidence:g}%"
    share = f"Wilson {percent} interval for shares" if wilson else ""
    seeds = analysis.design.seeds
    mean = f"{percent} bootstrap percentile interval over {seeds} seeds for {of}"
    if seeds == 1:
        mean = f"no interval for {of}, there is one seed"
    elif seeds < 5:
        mean += " (so few seeds: hardly more than their range)"
    return "; ".join(part for part in (share, mean) if part)


def losses_text(design: Design) -> str:
    """A sentence for tables that hold mean losses, if there are several losses."""
    return " mean_loss compares rows of one loss only." if design.varies("loss") else ""


def printed(value: object, column: str, horizon: float) -> str:
    """A table's entry as a reader sees it: four digits, ``>H`` beyond the horizon, nothing where nothing is known."""
    if value is None or (isinstance(value, float | np.floating) and math.isnan(value)):
        return ""
    if value == math.inf and "epochs" in column:
        return f">{horizon:g}"
    if value == math.inf and "steps" in column:
        return ">H"
    return f"{float(value):.4g}" if isinstance(value, float | np.floating) else label(value)


def plain(value: object) -> str:
    """A table's entry in a CSV file."""
    if isinstance(value, float | np.floating):
        return "" if math.isnan(value) else f"{float(value):.6g}"
    return "" if value is None else str(value)


def to_csv(table: Table) -> str:
    """The table as CSV, the same bytes for the same data on every platform."""
    # As objects, or the categories of a factor would be asked to hold the strings.
    text = table.frame.astype(object).map(plain)
    return str(text.to_csv(index=False, lineterminator="\n"))


def to_text(table: Table, horizon: float) -> list[list[str]]:
    """The table's entries as a reader sees them."""
    names = [str(name) for name in table.frame.columns]
    rows = table.frame.itertuples(index=False, name=None)
    return [[printed(value, name, horizon) for value, name in zip(row, names, strict=True)] for row in rows]


def to_markdown(table: Table, horizon: float) -> str:
    """The table as Markdown under its title and caption; what would break a row or be taken as markup is escaped."""

    def line(entries: list[str]) -> str:
        safe = (" ".join(entry.split()).replace("&", "&amp;").replace("<", "&lt;") for entry in entries)
        return "| " + " | ".join(entry.replace("\\", "\\\\").replace("|", "\\|") for entry in safe) + " |"

    rows = [line(row) for row in to_text(table, horizon)]
    head = [line([str(name) for name in table.frame.columns]), "|" + " --- |" * len(table.frame.columns)]
    return "\n".join([f"# {table.title}", "", table.caption, "", *head, *rows, ""])


def convergence(analysis: Analysis) -> Table:
    """Every combination at its tuned setting."""
    design = analysis.design
    by = list(design.compared)
    frame = summarize(analysis.tuned, by, design.horizon, analysis.options)
    chosen = analysis.tuned.groupby(by, observed=True)[list(design.nuisance)].first().reset_index(drop=True)
    for place, factor in enumerate(design.nuisance):
        frame.insert(len(by) + place, factor, chosen[factor])
    caption = (
        f"Each combination over {seeds_text(design)}, {tuning_text(design)}. Success: {design.goal} within "
        f"{plural(design.horizon, 'epoch')}; a diverged cell counts as not reaching it. Median and restricted mean "
        f"(rmst, the mean of min(T, {design.horizon:g})) in epochs; {interval_text(analysis)}.{losses_text(design)}"
    )
    return Table("convergence", "Convergence of every combination", caption, frame)


def gradient_health(analysis: Analysis) -> Table:
    """Every combination and depth at the first and the last probe."""
    design = analysis.design
    by = [*(factor for factor in design.compared if factor != "depth"), "depth", "probe"]
    cells = analysis.tuned[[*dict.fromkeys([*design.compared, "depth"]), "clip_share"]]
    frame = analysis.profiles.merge(cells, left_on="row", right_index=True)
    frame["probe"] = pd.Categorical(frame["probe"], categories=["first", "last"], ordered=True)
    grouped = frame.groupby(by, observed=True)
    # log10 of a ratio that is zero, or of no number at all, has no place in a median of finite numbers.
    medians = grouped[["slope", "ratio", "delta_first", "delta_last", "dead", "saturated", "update_ratio"]].median()
    shares = grouped[["vanishing", "exploding", "clip_share"]].mean()
    table = pd.concat([grouped.size().rename("cells"), medians, shares], axis=1).reset_index()
    caption = (
        f"Medians over {seeds_text(design)}, {tuning_text(design)}; first probe: before training, last: at its end (or "
        "before divergence). slope: decades of delta norm per layer, positive where the gradient shrinks towards the "
        "input; ratio: first over last hidden layer; dead, saturated: of the worst layer; update_ratio: of the first "
        "layer; vanishing, exploding: share of seeds with a ratio below 1e-3, above 1e3; clip_share: of all steps."
        f"{never_probed(analysis, analysis.tuned)}"
    )
    return Table("health", "Gradient health of every combination and depth", caption, table)


def failures(analysis: Analysis) -> Table:
    """How many cells fell into each class, overall and per level of each factor."""
    design, cells = analysis.design, analysis.cells
    rows: list[dict[str, object]] = []
    listed = [factor for factor in (*design.compared, *design.nuisance) if design.varies(factor)]
    for factor in ["", *listed]:
        groups = [("", cells)] if not factor else list(cells.groupby(factor, observed=True))
        for level, group in groups:
            counts = group["failure"].value_counts()
            rows.append(
                {"factor": factor or "all", "level": label(level), "cells": len(group)}
                | {name: int(counts[name]) for name in CLASSES}
            )
    caption = (
        f"{'All ' if len(cells) > 1 else ''}{plural(len(cells), 'cell')}, none tuned away, each in the first class "
        f"that fits: diverged; converged (met {design.goal}); dead (over half the units of some layer); saturated "
        "(over half the unit-samples of some layer, bounded activations alone); vanished (first-layer update ratio "
        "below 1e-8, loss standing still); plateau (loss moved by less than 1% over the last half); slow (all others). "
        "At the last probe."
    )
    return Table("failures", "What became of the cells", caption, pd.DataFrame(rows))


def best_worst(analysis: Analysis) -> Table:
    """The fastest and the slowest combinations at each depth, by restricted mean.

    Ties go by the mean loss while training, which tells most of how fast a cell learns; where losses are compared, and
    so have no scale in common, by the mean of the best accuracy.
    """
    design = analysis.design
    frame = convergence(analysis).frame
    if "depth" not in frame:
        frame = frame.assign(depth=design.deepest)
    tie, said = frame["mean_loss"], "mean validation loss while training"
    if design.varies("loss"):
        by = list(design.compared)
        tie = -analysis.tuned.groupby(by, observed=True)["accuracy"].mean().round(9).reset_index(drop=True)
        said = "best validation accuracy, of which a diverged cell has that of guessing"
    frame = frame.assign(tie=tie)
    ranked = frame.sort_values(["depth", "rmst", "tie"], kind="stable", ignore_index=True)
    rank = ranked.groupby("depth", observed=True).cumcount().to_numpy()
    size = ranked.groupby("depth", observed=True)["rmst"].transform("size").to_numpy()
    best = rank < np.minimum(EXTREMES, (size + 1) // 2)
    worst = size - rank <= np.minimum(EXTREMES, size // 2)
    place = np.where(best, [f"best {r + 1}" for r in rank], [f"worst {n - r}" for n, r in zip(size, rank, strict=True)])
    others = [factor for factor in (*design.compared, *design.nuisance) if factor != "depth"]
    outcome = ["cells", "success_rate", "success_low", "success_high", "median_epochs"]
    outcome += ["rmst", "rmst_low", "rmst_high", "mean_loss"]
    table = ranked.assign(place=place)[best | worst][["depth", "place", *others, *outcome]]
    caption = (
        f"Ranked at each depth by restricted mean time to {design.goal} (rmst, epochs, at most {design.horizon:g}), "
        f"then by {said}. {seeds_text(design)} a combination, {tuning_text(design)}; {interval_text(analysis)}."
        f"{losses_text(design)} The best of many is partly the luckiest: overlapping intervals are no ranking."
    )
    return Table("best_worst", "Best and worst combinations at each depth", caption, table.reset_index(drop=True))


def learning_rate(analysis: Analysis) -> Table:
    """How many settings of the nuisance factors succeed, and whether the best one lies at the edge of those tried."""
    design = analysis.design
    by, nuisance = list(design.compared), list(design.nuisance)
    frame = sensitivity(analysis.cells, by, nuisance)
    chosen = analysis.tuned.groupby(by, observed=True)[nuisance].first().reset_index(drop=True)
    edge = np.zeros(len(frame), dtype=bool)
    for factor in nuisance:
        frame[f"best_{factor}"] = chosen[factor]
        if design.varies(factor) and factor in ORDINAL:
            edge |= chosen[factor].isin([design.levels[factor][0], design.levels[factor][-1]]).to_numpy(dtype=bool)
    frame["at_edge"] = np.where(edge, "yes", "no")
    names = " and ".join(nuisance) or "no factor"
    caption = (
        f"Of the values of {names} tried, how many bring at least half of {seeds_text(design)} to {design.goal} "
        f"within {plural(design.horizon, 'epoch')}, and which has the lowest median best validation loss. at_edge: the "
        "best is the first or last number tried, so a better one may lie outside."
    )
    return Table("learning_rate", "Sensitivity to the learning rate", caption, frame)


def profile(analysis: Analysis) -> Table:
    """Performance profiles of every factor's levels."""
    design = analysis.design
    taus = np.geomspace(1, analysis.options.profile_max_tau, 5)
    parts = []
    for factor in design.compared:
        others = [other for other in design.compared if other != factor]
        part = performance_profile(analysis.tuned, factor, others, taus)
        part.insert(0, "factor", factor)
        part["level"] = part["level"].map(label).astype(object)
        parts.append(part)
    crossed = math.prod(len(design.levels[factor]) for factor in (*design.compared, "seed")) == len(analysis.tuned)
    alone = "" if crossed else " A problem that only one level was given counts for none."
    caption = (
        f"Share of problems (a combination of the other factors and a seed; {tuning_text(design)}) on which a level "
        f"reaches {design.goal} within tau times the epochs of the level that is fastest there (Dolan & More 2002). "
        f"A problem that no level solves counts against all.{alone}"
    )
    return Table("performance_profile", "Performance profiles", caption, pd.concat(parts, ignore_index=True))


TABLES: tuple[Callable[[Analysis], Table], ...] = (
    best_worst,
    failures,
    learning_rate,
    profile,
    convergence,
    gradient_health,
)
"""Every table of the report, in the order of the page."""
