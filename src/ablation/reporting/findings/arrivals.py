"""How many cells arrive, which combinations first, what a choice does against its reference, and what became of all."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import ORDINAL, plural
from ablation.reporting.statistics.differences import between
from ablation.reporting.statistics.health import CLASSES
from ablation.reporting.statistics.intervals import wilson
from ablation.reporting.wording.evidence import epochs_apart
from ablation.reporting.wording.phrases import names, words

Mask = pd.Series


def share(count: int, total: int, confidence: float) -> str:
    """A share of cells with its Wilson interval, in words."""
    low, high = wilson([count], [total], confidence)
    interval = f"{100 * confidence:g}% interval {low[0]:.0%} to {high[0]:.0%}"
    return f"{count:,} of {plural(total, 'cell')} ({count / total:.0%}, {interval})"


def reached(analysis: Analysis) -> str:
    """How many cells got to the target."""
    design, cells, tuned = analysis.design, analysis.cells, analysis.tuned
    confidence = analysis.options.confidence
    all_cells = share(int(cells["reached"].sum()), len(cells), confidence)
    text = f"{all_cells} reached {design.goal} within {plural(design.horizon, 'epoch')}"
    if len(tuned) < len(cells):
        by = " and ".join(design.nuisance)
        text += f"; at the best {by} of each combination, {share(int(tuned['reached'].sum()), len(tuned), confidence)}"
    return f"{text}. {plural(int(cells['diverged'].sum()), 'cell')} diverged."


def extremes(analysis: Analysis) -> list[str]:
    """The fastest and the slowest combination at each depth."""
    design, by = analysis.design, [*analysis.design.compared]
    table, texts = analysis.extremes, []
    shown = [factor for factor in by if factor != "depth"] or ["activation"]
    frame = table if set(shown) <= set(table.columns) else table.assign(activation=design.levels["activation"][0])
    for depth, part in frame.groupby("depth", observed=True):
        best = part.iloc[0]
        if best["success_rate"] == 0:
            texts.append(f"At depth {depth}, no combination reached {design.goal} with any seed.")
            continue
        text = f"At depth {depth}, the fastest is {names(design, part, shown, 0)}: {outcome(best)}"
        if len(part) > 1:
            text += f"; the slowest {names(design, part, shown, -1)}: {outcome(part.iloc[-1])}"
            tuned = analysis.tuned
            masks = [same(tuned, part.iloc[place], by) for place in (0, 1)]
            text += (
                f". The lead over the second, {names(design, part, shown, 1)}: {compare(analysis, masks[0], masks[1])}"
            )
        texts.append(text + ".")
    return texts


def outcome(row: pd.Series) -> str:
    """How one combination did, in words."""
    bounds = "" if np.isnan(row["rmst_low"]) else f" [{row['rmst_low']:.3g}, {row['rmst_high']:.3g}]"
    done, seeds = round(row["success_rate"] * row["cells"]), plural(row["cells"], "seed")
    return f"restricted mean {plural(row['rmst'], 'epoch')}{bounds}, {done} of {seeds} reach the target"


def same(cells: pd.DataFrame, row: pd.Series, by: Sequence[str]) -> Mask:
    """Which cells belong to the combination of ``row``."""
    return pd.Series(np.logical_and.reduce([cells[factor] == row[factor] for factor in by]), cells.index)


def compare(analysis: Analysis, mask: Mask, other: Mask) -> str:
    """The difference in restricted mean between two groups of tuned cells, its interval, and how sure it is."""
    both = mask | other
    cells = analysis.tuned[both]
    return epochs_apart(between(analysis.design, cells, mask[both], analysis.options.confidence))


def against_reference(analysis: Analysis, factor: str) -> list[str]:
    """What each other level of a factor does at the deepest depth, against the reference level."""
    design, tuned = analysis.design, analysis.tuned
    if factor not in design.compared or not design.varies(factor):
        return []
    deep = tuned["depth"] == design.deepest
    reference, texts = design.reference(factor), []
    base = deep & (tuned[factor] == reference)
    for level in design.levels[factor]:
        mask = deep & (tuned[factor] == level)
        if level == reference or not mask.any() or not base.any():
            continue
        rates = [float(tuned.loc[which, "reached"].mean()) for which in (mask, base)]
        texts.append(
            f"At depth {design.deepest}, {words(design, factor, level)} brings {rates[0]:.0%} of "
            f"{plural(int(mask.sum()), 'cell')} to the target, {words(design, factor, reference)} {rates[1]:.0%} of "
            f"{int(base.sum()):,}; the restricted mean time differs by {compare(analysis, mask, base)}."
        )
    return texts


def outcomes(analysis: Analysis) -> str:
    """How many cells fell into each class."""
    counts = analysis.cells["failure"].value_counts()
    found = ", ".join(f"{counts[name]:,} {name}" for name in CLASSES if counts[name])
    size = len(analysis.cells)
    total = "the only cell" if size == 1 else f"all {size:,} cells"
    return f"What became of {total}, by the first class that fits: {found}."


def edges(analysis: Analysis) -> list[str]:
    """Whether the tuning was bounded by the values tried."""
    design = analysis.design
    numbers = [factor for factor in design.nuisance if factor in ORDINAL and design.varies(factor)]
    if not numbers:
        return []
    table = analysis.sensitivity
    at_edge, by = int(table["at_edge"].sum()), " or ".join(numbers)
    robust = int((table["succeed"] == table["tried"]).sum())
    return [
        f"The best {by} lies at the edge of the values tried in {at_edge} of {plural(len(table), 'combination')}, "
        f"where a better one may lie outside; {plural(robust, 'combination')} {'reaches' if robust == 1 else 'reach'} "
        "the target at every value tried."
    ]
