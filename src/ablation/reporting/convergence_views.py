"""What the figures of convergence show: how soon, how often, and with what the target is reached."""

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.convergence import summarize, tune
from ablation.reporting.design import label, plural, reference
from ablation.reporting.intervals import Floats, seed_interval
from ablation.reporting.tables import interval_text, seeds_text, tuning_text
from ablation.reporting.views import View, few, hold, left_out, names, present, with_interval, words


def time_to_target(analysis: Analysis) -> View:
    """Median epochs to target, initializer by activation, a panel per depth and normalization."""
    design, name = analysis.design, "time_to_target"
    heading = f"Epochs to {design.goal}"
    if not (design.varies("init") or design.varies("activation")):
        return View(name, heading, why="The study has one initializer and one activation: there is nothing to lay out.")
    cells, held = hold(design, analysis.tuned, ("init", "activation", "depth", "normalization"))
    marks = len(design.levels["init"]) * len(design.levels["activation"])
    panels = 12 if marks <= 40 else 6 if marks <= 120 else 2 if marks <= 400 else 1
    rows = few(present(cells, "normalization"), 2 if panels < 12 else 4)
    rows = [reference(rows)] if panels == 1 else rows
    depths = present(cells, "depth")
    columns = few(depths, max(1, panels // len(rows)))
    columns = depths[-1:] if len(columns) == 1 else columns
    frame = summarize(cells, ["depth", "normalization", "init", "activation"], design.horizon, analysis.options)
    frame = frame[frame["normalization"].isin(rows) & frame["depth"].isin(columns)].reset_index(drop=True)
    within = plural(design.horizon, "epoch")
    deepest = frame[frame["depth"] == columns[-1]].sort_values(["rmst", "mean_loss"], kind="stable")
    if deepest["reached"].sum() == 0:
        title = f"At depth {label(columns[-1])}, no combination reaches {design.goal} within {within}"
    else:
        epochs = deepest["median_epochs"].iloc[0]
        after = plural(epochs, "epoch") if np.isfinite(epochs) else "some seeds only"
        verb = "is among the fastest" if (deepest["rmst"] == deepest["rmst"].iloc[0]).sum() > 1 else "is the fastest"
        best = names(deepest, ["init", "activation", *(["normalization"] if len(rows) > 1 else [])], 0)
        title = f"At depth {label(columns[-1])}, {best} {verb} to {design.goal}: {after}"
    tuned = " and ".join(factor for factor in ("init", "activation") if factor in design.nuisance)
    blank = f" Blank: another {tuned} is better." if tuned else ""
    caption = (
        f"Median over {seeds_text(design)} of the epochs to {design.goal}; {tuning_text(design)}. Hatched: not within "
        f"{within} by more than half of the seeds; x: diverged in more than half.{blank}{held}"
        f"{left_out(design, 'depth', columns)}{left_out(design, 'normalization', rows)}"
    )
    late, marks_text = int((~np.isfinite(frame["median_epochs"])).sum()), plural(len(frame), "combination")
    alt = f"Heat maps of {marks_text}, {late} of them never reaching the target in the median. {title}."
    return View(name, title, caption, alt, rows=rows, columns=columns, frame=frame)


def learning_curves(analysis: Analysis) -> View:
    """Validation accuracy against epoch for each activation, a panel per depth and normalization."""
    design, name = analysis.design, "learning_curves"
    if design.horizon <= 0:
        return View(name, "Learning curves", why="The study trains for no epoch: there is no curve to draw.")
    by = ["depth", "normalization", "activation"]
    chosen = [factor for factor in dict.fromkeys([*design.nuisance, "init"]) if factor not in by]
    cells, held = hold(design, analysis.cells, [*by, *chosen])
    rows, columns = few(present(cells, "normalization"), 3), few(present(cells, "depth"), 4)
    cells = tune(cells[cells["normalization"].isin(rows) & cells["depth"].isin(columns)], by, chosen)
    runs = accuracy_by_epoch(analysis, cells)
    frame = with_interval(analysis, runs, [*by, "epoch"], "val_accuracy")
    last = frame[(frame["epoch"] == frame["epoch"].max()) & (frame["depth"] == columns[-1])]
    last = last.sort_values("mean", ascending=False, kind="stable")
    shown = ["activation", *(["normalization"] if len(rows) > 1 else [])]
    accuracy = f"{last['mean'].iloc[0]:.0%} validation accuracy"
    if cells.loc[cells["depth"] == columns[-1], "diverged"].all():
        title = f"At depth {label(columns[-1])}, every cell diverged"
    elif len(last) > 1 and last["mean"].iloc[0] == last["mean"].iloc[-1]:
        title = f"At depth {label(columns[-1])} after {plural(design.horizon, 'epoch')}, all are at {accuracy}"
    elif len(last) > 1:
        title = (
            f"At depth {label(columns[-1])} after {plural(design.horizon, 'epoch')}, {names(last, shown, 0)} leads "
            f"with {accuracy}; {names(last, shown, -1)} is at {last['mean'].iloc[-1]:.0%}"
        )
    else:
        title = (
            f"At depth {label(columns[-1])} after {plural(design.horizon, 'epoch')}, {names(last, shown, 0)} is at "
            f"{accuracy}"
        )
    caption = (
        f"Mean over {seeds_text(design)}; band: {interval_text(analysis, wilson=False)}. Each activation at the "
        f"{' and '.join(sorted(chosen))} with the lowest median best validation loss. From where a cell diverged on, "
        f"it counts as guessing.{held}{left_out(design, 'depth', columns)}{left_out(design, 'normalization', rows)}"
    )
    few_runs = runs if 1 < design.seeds <= 5 and len(design.levels["activation"]) <= 8 else pd.DataFrame()
    return View(name, title, caption, f"Line charts. {title}.", "", rows, columns, frame, few_runs)


def accuracy_by_epoch(analysis: Analysis, cells: pd.DataFrame) -> pd.DataFrame:
    """A row per cell and epoch of the grid; from where a cell diverged on its accuracy is that of guessing.

    A cell that finished keeps its accuracy until it is evaluated again.
    """
    grid = analysis.grid
    place = np.full(len(analysis.cells), -1)
    place[cells.index.to_numpy()] = np.arange(len(cells))
    curves = analysis.curves[place[analysis.curves["row"].to_numpy()] >= 0]
    accuracy = np.full((len(cells), len(grid)), np.nan)
    at = np.searchsorted(grid, curves["epoch"].to_numpy())
    accuracy[place[curves["row"].to_numpy()], at] = curves["val_accuracy"].to_numpy()
    seen = np.where(np.isfinite(accuracy), np.arange(len(grid)), 0)
    kept = np.take_along_axis(accuracy, np.maximum.accumulate(seen, axis=1), axis=1)
    accuracy = np.where(cells["diverged"].to_numpy(dtype=bool)[:, None], accuracy, kept)
    accuracy = np.where(np.isfinite(accuracy), accuracy, cells["chance"].to_numpy()[:, None])
    long = cells.loc[cells.index.repeat(len(grid)), ["depth", "normalization", "activation", "seed"]]
    return long.assign(epoch=np.tile(grid, len(cells)), val_accuracy=accuracy.ravel()).reset_index(drop=True)


def batchnorm_vs_clipping(analysis: Analysis) -> View:
    """Success rate and restricted mean of every pair of a normalization and a clipping, at each depth."""
    design, name = analysis.design, "batchnorm_vs_clipping"
    heading = "Batch normalization against gradient clipping"
    pair = ("normalization", "clipping")
    single = " and ".join(f"one level of {factor}" for factor in pair if not design.varies(factor))
    if single:
        return View(name, heading, why=f"The study has {single}: there is nothing to set side by side.")
    tuned = " and ".join(factor for factor in pair if factor in design.nuisance)
    if tuned:
        return View(name, heading, why=f"The report tunes over {tuned}: there are no levels to set side by side.")
    columns = few(design.levels["depth"], 6)
    cells = analysis.tuned[analysis.tuned["depth"].isin(columns)]
    frame = summarize(cells, ["depth", "normalization", "clipping"], design.horizon, analysis.options)
    plain, unclipped = design.reference("normalization"), design.reference("clipping")
    deep = frame[frame["depth"] == columns[-1]].sort_values(["success_rate", "rmst"], ascending=[False, True])
    batch = deep[(deep["normalization"] != plain) & (deep["clipping"] == unclipped)]
    clip = deep[(deep["normalization"] == plain) & (deep["clipping"] != unclipped)]
    neither = deep[(deep["normalization"] == plain) & (deep["clipping"] == unclipped)]
    if plain == unclipped == "none" and not (batch.empty or clip.empty or neither.empty):
        title = (
            f"At depth {label(columns[-1])}, {batch['success_rate'].iloc[0]:.0%} of cells reach the target with "
            f"{words('normalization', batch['normalization'].iloc[0])} alone, {clip['success_rate'].iloc[0]:.0%} with "
            f"{words('clipping', clip['clipping'].iloc[0])} alone, {neither['success_rate'].iloc[0]:.0%} with neither"
        )
    else:  # there is no "alone" to speak of
        title = (
            f"At depth {label(columns[-1])}, {deep['success_rate'].iloc[0]:.0%} of cells reach the target with "
            f"{names(deep, pair, 0)}, {deep['success_rate'].iloc[-1]:.0%} with {names(deep, pair, -1)}"
        )
    least, most = int(frame["cells"].min()), int(frame["cells"].max())
    each = plural(most, "cell") if least == most else f"{least:,} to {plural(most, 'cell')}"
    caption = (
        f"Share of cells that reach {design.goal} within {plural(design.horizon, 'epoch')}, and restricted mean time "
        f"to it; {interval_text(analysis)}. {each} a bar, pooled over all other factors and "
        f"{seeds_text(design)}, {tuning_text(design)}.{left_out(design, 'depth', columns)}"
    )
    return View(name, title, caption, f"Points with intervals. {title}.", columns=columns, frame=frame)


def success_curves(analysis: Analysis) -> View:
    """The share of cells that have reached the target by each epoch, per level of each compared factor."""
    design, name = analysis.design, "success_curves"
    varying = [factor for factor in design.compared if design.varies(factor)][:12]
    if not varying:
        return View(
            name, f"Cells that have reached {design.goal}", why="No factor varies: there are no levels to compare."
        )
    grid, within = analysis.grid, plural(design.horizon, "epoch")
    frame = pd.concat([arrived(analysis, factor, grid) for factor in varying], ignore_index=True)
    end = frame[frame["epoch"] == grid[-1]]
    spread = end.groupby("factor", sort=False)["mean"].agg(np.ptp)
    widest = end[end["factor"] == spread.idxmax()].sort_values("mean", ascending=False, kind="stable")
    if widest["mean"].iloc[0] == 0:
        title = f"No cell reaches {design.goal} within {within}"
    elif spread.max() == 0:
        title = f"Every level of every factor ends at {widest['mean'].iloc[0]:.0%} of cells; see how soon"
    else:
        best, worst = widest.iloc[0], widest.iloc[-1]
        title = (
            f"Success differs most with {best['factor']}: {best['mean']:.0%} of cells with "
            f"{words(best['factor'], best['level'])}, {worst['mean']:.0%} with {words(best['factor'], worst['level'])}"
        )
    caption = (
        f"Share of cells that have reached {design.goal} by each epoch: one minus Kaplan-Meier, which with the common "
        f"horizon of {within} is the empirical distribution. {plural(len(analysis.tuned), 'cell')}, pooled over the "
        f"other factors, {tuning_text(design)}; band: {interval_text(analysis, wilson=False)}."
    )
    return View(name, title, caption, f"Step curves. {title}.", columns=varying, frame=frame)


def arrived(analysis: Analysis, factor: str, grid: Floats) -> pd.DataFrame:
    """``mean, low, high`` of the share of cells that have arrived by each epoch of ``grid``, per level."""
    cells, seeds = analysis.tuned, analysis.design.seeds
    levels = analysis.design.levels[factor]
    flat = cells[factor].cat.codes.to_numpy().astype(np.int64) * seeds + cells["seed"].cat.codes.to_numpy()
    counts = np.bincount(flat, minlength=len(levels) * seeds).astype(float)
    reached = cells["reached"].to_numpy(dtype=bool)
    at = np.searchsorted(grid, cells["epochs_primary"].to_numpy()[reached])
    events = np.zeros((len(levels) * seeds, len(grid)))
    np.add.at(events, (flat[reached], at), 1.0)
    sums = events.cumsum(axis=1).reshape(len(levels), seeds, len(grid)).swapaxes(1, 2).reshape(-1, seeds)
    sizes = np.repeat(counts.reshape(len(levels), seeds), len(grid), axis=0)
    low, high = seed_interval(sums, sizes, analysis.options)
    index = {"factor": factor, "level": np.repeat(np.array([label(x) for x in levels], object), len(grid))}
    order = {"order": np.repeat(np.arange(len(levels)), len(grid)), "epoch": np.tile(grid, len(levels))}
    with np.errstate(invalid="ignore"):
        mean = sums.sum(axis=1) / sizes.sum(axis=1)
    return pd.DataFrame({**index, **order, "mean": mean, "low": low, "high": high}).dropna(subset=["mean"])
