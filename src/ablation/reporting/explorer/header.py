"""What the explorer's script must know beside the numbers: what can be picked, how it looks, and how it is trained."""

from typing import Any

import numpy as np
from matplotlib.colors import to_hex

from ablation.reporting.analysis import Analysis
from ablation.reporting.explorer.commands import commands
from ablation.reporting.explorer.lines import Lines
from ablation.reporting.figures.delta_axis import CEILING, FLOOR
from ablation.reporting.figures.theme import styles
from ablation.reporting.statistics.intervals import Ints
from ablation.reporting.wording.phrases import words

DRAWN = 12
"""Lines that are drawn at a time; more could not be told apart."""


def header(analysis: Analysis, lines: Lines, steps: Ints) -> dict[str, Any]:
    """What the script must know beside the numbers."""
    design, manifest = analysis.design, analysis.manifest
    score = design.score
    per_epoch = set(manifest["steps_per_epoch"].values())
    return {
        "noun": design.noun,
        "unit": design.unit,
        "horizon": design.horizon,
        "goal": design.goal,
        "score": {"name": score.validation, "brief": score.name, "share": score.is_share, "least": score.least},
        "tested": score.tested,
        "floor": float(np.log10(FLOOR)),
        "ceiling": float(np.log10(CEILING)),
        "times": [round(float(time), 6) for time in analysis.grid],
        "steps": steps.tolist(),
        "epoch": per_epoch.pop() if len(per_epoch) == 1 else None,
        "factors": picks(analysis, lines),
        "picks": lines.picks.tolist(),
        "settings": settings(analysis, lines),
        "start": start(analysis, lines),
        "drawn": DRAWN,
        **commands(manifest, design, list(lines.factors)),
    }


def picks(analysis: Analysis, lines: Lines) -> list[dict[str, Any]]:
    """What can be picked of each factor, with the words for it, and the color and marker that it has in the figures."""
    design, found = analysis.design, []
    for factor, levels in lines.factors.items():
        look = styles(design, factor)
        found.append(
            {
                "name": factor,
                "tuned": factor in lines.tuned,
                "levels": [
                    {
                        "key": str(level),
                        "name": design.short(factor, level, 40),
                        "said": words(design, factor, level, 40),
                        "color": to_hex(look[str(level)]["color"]),
                        "marker": look[str(level)]["marker"],
                    }
                    for level in levels
                ],
            }
        )
    return found


def settings(analysis: Analysis, lines: Lines) -> list[list[list[int]]]:
    """For each line that leaves something to the tuning, the settings of its cells: levels, and how many cells."""
    place = [list(lines.factors).index(factor) for factor in lines.tuned]
    codes = np.stack(
        [analysis.cells[factor].cat.codes.to_numpy().astype(np.int64) + 1 for factor in lines.tuned]
        or [np.zeros(len(analysis.cells), np.int64)],
        axis=1,
    )
    found: list[list[list[int]]] = []
    for pick, cells in zip(lines.picks, lines.members, strict=True):
        if (pick[place] > 0).all():
            found.append([])
            continue
        own, count = np.unique(codes[cells[cells >= 0]], axis=0, return_counts=True)
        found.append(np.column_stack([own, count]).tolist())
    return found


def start(analysis: Analysis, lines: Lines) -> list[list[int]]:
    """The levels that are picked at first: of the fastest combination of the deepest networks, and all activations."""
    design, summary = analysis.design, analysis.summary
    if "depth" in design.compared:
        summary = summary[summary["depth"] == summary["depth"].max()]
    best = summary.sort_values(["rmst", "mean_loss"], kind="stable").iloc[0]
    leading = next(factor for factor in ("activation", "optimizer", *lines.factors) if factor in lines.factors)
    found = []
    for factor, levels in lines.factors.items():
        if factor in lines.tuned:
            found.append([0])
        elif factor == leading:
            found.append(list(range(1, len(levels) + 1))[:DRAWN])
        else:
            found.append([levels.index(best[factor]) + 1])
    return found
