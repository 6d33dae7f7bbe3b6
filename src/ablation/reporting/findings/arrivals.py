"""How many cells arrive, which combinations first, what a choice does against its reference, and what became of all."""

from collections.abc import Sequence

import numpy as np
import pandas as pd

from ablation.records.fates import CLASSES
from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design, digits, plural
from ablation.reporting.options import PROBLEMS
from ablation.reporting.statistics.intervals import by_seed
from ablation.reporting.statistics.times import success_interval
from ablation.reporting.wording.captions import confidence_text
from ablation.reporting.wording.evidence import times_apart
from ablation.reporting.wording.phrases import names, words

NAMED = 4
"""Most levels named whose outcomes are others again."""


def share(analysis: Analysis, cells: pd.DataFrame, total: str) -> str:
    """How many of these cells reach the target, with the share's interval over seeds, in words."""
    seeds, zero = cells["seed"].cat.codes.to_numpy().astype(np.int64), np.zeros(len(cells), np.int64)
    sums, counts = by_seed(cells["reached"], zero, seeds, 1, analysis.design.seeds)
    (low,), (high,) = success_interval(sums, counts, analysis.options.confidence)
    percent = confidence_text(analysis.options)
    interval = "" if np.isnan(low) else f", {percent} interval over seeds {low:.0%} to {high:.0%}"
    count = int(cells["reached"].sum())
    return f"{count:,} of {total} ({count / len(cells):.0%}{interval})"


def reached(analysis: Analysis) -> str:
    """How many cells got to the target."""
    design, cells, tuned = analysis.design, analysis.cells, analysis.tuned
    text = f"{share(analysis, cells, plural(len(cells), 'cell'))} reached {design.goal}"
    text += f" within {design.length}"
    if len(tuned) < len(cells):
        by = " and ".join(design.nuisance)
        text += f"; at the best {by} of each combination, {share(analysis, tuned, plural(len(tuned), 'cell'))}"
    return f"{text}. {plural(int(cells['diverged'].sum()), 'cell')} diverged."


def copies(analysis: Analysis) -> list[str]:
    """How many outcomes there are, where cells of several names are one."""
    if analysis.distinct == len(analysis.cells):
        return []
    design, found = analysis.design, analysis.copies
    texts = []
    repeated = found[found["same"] > 0].sort_values("share", ascending=False, kind="stable")
    for row in repeated.head(NAMED).to_dict("records"):
        level, twin = (words(design, row["factor"], row[name]) for name in ("level", "twin"))
        said = f"{level} never acted" if row["twin"] == "none" else f"{level} is {twin} again"
        texts.append(f"{said} in {row['share']:.0%} of {plural(row['cells'], 'cell')}")
    rest = len(repeated) - len(texts)
    more = f", and so on for {rest} more levels" if rest > 0 else ""
    return (
        [f"The {len(analysis.cells):,} cells have {analysis.distinct:,} distinct outcomes: {'; '.join(texts)}{more}."]
        if texts
        else []
    )


def extremes(analysis: Analysis) -> list[str]:
    """The fastest combinations at each depth, as many as cannot be told apart, and the slowest one."""
    design, by = analysis.design, [*analysis.design.compared]
    table, texts = analysis.extremes, []
    shown = [factor for factor in by if factor != "depth"] or ["activation"]
    frame = table if set(shown) <= set(table.columns) else table.assign(activation=design.levels["activation"][0])
    for depth, part in frame.groupby("depth", observed=True):
        best, count = part.iloc[0], int(part["of"].iloc[0])
        if best["success_rate"] == 0:
            texts.append(f"At depth {depth}, no combination reached {design.goal} with any seed.")
            continue
        name = names(design, part, shown, 0)
        tied = alike(analysis, depth, shown)
        if count == 1:
            text = f"At depth {depth}, {name}: {outcome(design, best)}"
        elif tied == 1:
            text = f"At depth {depth}, the fastest is {name}: {outcome(design, best)}"
        elif tied == count:
            text = f"At depth {depth}, none of the {count} combinations can be told from the fastest, {name}: "
            text += outcome(design, best)
        else:
            text = f"At depth {depth}, the fastest cannot be told apart: {tied} of {count} combinations, "
            text += f"among them {name}: {outcome(design, best)}"
        if 1 < count > tied:
            text += f"; the slowest {names(design, part, shown, -1)}: {outcome(design, part.iloc[-1])}"
        texts.append(text + ".")
    return texts


def alike(analysis: Analysis, depth: object, shown: Sequence[str]) -> int:
    """How many combinations cannot be told from the fastest at a depth, itself included."""
    factor = shown[0] if len(shown) == 1 and shown[0] not in PROBLEMS else None
    for found in analysis.winners:
        if found.depth == depth and found.factor == factor:
            return len(found.rest) + 1
    return 1


def outcome(design: Design, row: pd.Series) -> str:
    """How one combination did, in words."""
    bounds = "" if np.isnan(row["rmst_low"]) else f" [{digits(row['rmst_low'])}, {digits(row['rmst_high'])}]"
    done, seeds = round(row["success_rate"] * row["cells"]), plural(row["cells"], "seed")
    return f"restricted mean {design.time(row['rmst'])}{bounds}, {done} of {seeds} reach the target"


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
        apart = analysis.paired(tuned, "time", (mask, base), (factor,))
        differs = (
            f"the restricted mean time differs by {times_apart(apart, design)}"
            if apart
            else "they have no pair of cells"
        )
        texts.append(
            f"At depth {design.deepest}, {words(design, factor, level)} brings {rates[0]:.0%} of "
            f"{plural(int(mask.sum()), 'cell')} to the target, {words(design, factor, reference)} {rates[1]:.0%} of "
            f"{int(base.sum()):,}; {differs}."
        )
    return texts


def outcomes(analysis: Analysis) -> str:
    """How many cells fell into each class."""
    counts = analysis.cells["failure"].value_counts()
    found = ", ".join(f"{counts[name]:,} {name}" for name in CLASSES if counts[name])
    size = len(analysis.cells)
    total = "the only cell" if size == 1 else f"all {size:,} cells"
    return f"What became of {total}, by the first class that fits: {found}."
