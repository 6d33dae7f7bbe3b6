"""Settings that spoil what a study shows: running statistics that cannot have settled, rates at which most diverge."""

import math

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import plural
from ablation.reporting.findings.command import again
from ablation.reporting.naming import Label
from ablation.reporting.wording.phrases import words

LEFT = 0.1
"""Share of its first value that a running mean may keep at the end; beyond it what it is validated by is off."""

SETTLED = 0.01
"""The share that the suggested momentum leaves."""

MOST = 0.5
"""Share of diverged cells from which on smaller rates are suggested."""


def running(analysis: Analysis) -> list[str]:
    """Of each normalization with a momentum, in how many cells momentum^steps leaves too much, and what would not."""
    design, texts = analysis.design, []
    steps = analysis.curves.groupby("row")["step"].max().reindex(range(len(analysis.cells)))
    for level in design.levels["normalization"]:
        momentum = analysis.manifest["levels"]["normalization"].get(str(level), {}).get("momentum", 0.0)
        own = (analysis.cells["normalization"] == level) & ~analysis.cells["diverged"]
        left = float(momentum) ** steps[own.to_numpy()]
        many = left[left > LEFT]
        if many.empty:
            continue
        fewest = int(steps[many.index].min())
        wanted = math.floor(100 * SETTLED ** (1 / fewest)) / 100
        texts.append(
            f"The running statistics of {words(design, 'normalization', level)}, by which it is validated, have not "
            f"settled in {len(many):,} of {plural(int(own.sum()), 'cell')}: after {plural(fewest, 'step')} "
            f"{many.max():.0%} of their first values are left, so that its scores may lie too low: "
            f"{again(analysis, f'normalization.{level}.momentum={wanted:g}')}"
        )
    return texts


def diverging(analysis: Analysis) -> list[str]:
    """Where most cells of an optimizer diverged, the command that tries smaller rates."""
    design, texts = analysis.design, []
    for key, levels in rate_lists(analysis).items():
        cells = analysis.cells[analysis.cells["optimizer"].isin(levels)]
        if cells.empty or cells["diverged"].mean() <= MOST:
            continue
        least = float(cells["lr"].astype(float).min())
        rates = ",".join(f"{rate:g}" for rate in (least / 100, least / 10))
        of = "" if key == "lr" else f" of {', '.join(design.short('optimizer', level) for level in levels)}"
        texts.append(
            f"{int(cells['diverged'].sum()):,} of {plural(len(cells), 'cell')}{of} diverged; smaller learning rates "
            f"may not: {again(analysis, f'{key}=[{rates}]')}"
        )
    return texts


def rate_lists(analysis: Analysis) -> dict[str, list[Label]]:
    """The keys that set learning rates, each with the levels of optimizer that it is for."""
    design = analysis.design
    lists: dict[str, list[Label]] = {f"optimizer.{level}.lr": [level] for level in sorted(map(str, design.brings))}
    lists["lr"] = [level for level in design.levels["optimizer"] if level not in design.brings]
    return lists
