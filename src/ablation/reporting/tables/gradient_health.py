"""What became of the gradients and of the cells."""

import numpy as np
import pandas as pd

from ablation.records.fates import CLASSES
from ablation.reporting.analysis import Analysis
from ablation.reporting.design import plural
from ablation.reporting.naming import raw
from ablation.reporting.statistics.rates import multiples
from ablation.reporting.tables.table import Table, factors, mixed
from ablation.reporting.wording.captions import never_probed, seeds_text, tuning_text


def health(analysis: Analysis) -> Table:
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
        f"Medians over {seeds_text(design)}, {tuning_text(analysis)}; first probe: before training, last: at its end "
        "(or "
        "before divergence). slope: decades of delta norm per layer, positive where the gradient shrinks towards the "
        "input; ratio: first over last hidden layer; dead, saturated: of the worst layer; update_ratio: of the first "
        "layer; vanishing, exploding: share of seeds with a ratio below 1e-3, above 1e3; clip_share: of all steps."
        f"{never_probed(analysis, analysis.tuned)}"
    )
    return Table("health", "Gradient health of every combination and depth", caption, table, factors(design))


def failures(analysis: Analysis) -> Table:
    """How many cells fell into each class, overall and per level of each factor."""
    design, cells = analysis.design, analysis.cells
    rows: list[dict[str, object]] = []
    listed = [factor for factor in (*design.compared, *design.nuisance) if design.varies(factor)]
    apart = analysis.tunes_rates and design.own_rates
    for factor in ["", *listed]:
        groups = [("", cells)] if not factor else list(cells.groupby(factor, observed=True))
        if factor == "lr" and apart:  # a rate has no common meaning
            factor, groups = "lr over best", by_half_decades(analysis)
        for level, group in groups:
            counts = group["failure"].value_counts()
            rows.append(
                {"factor": factor or "all", "level": raw(level), "cells": len(group)}
                | {name: int(counts[name]) for name in CLASSES}
            )
    caption = (
        f"{'All ' if len(cells) > 1 else ''}{plural(len(cells), 'cell')}, none tuned away, each in the first class "
        f"that fits: diverged; converged (met {design.goal}); dead (over half the units of some layer); saturated "
        "(over half the unit-samples of some layer, bounded activations alone); vanished (first-layer update ratio "
        "below 1e-8, loss standing still); plateau (loss moved by less than 1% over the last half); slow (all others). "
        "At the last probe."
    )
    if apart:
        caption += " lr over best: the rate as a multiple of the best one of its combination, to half a decade."
    return Table("failures", "What became of the cells", caption, pd.DataFrame(rows), mixed(design, "level"))


def by_half_decades(analysis: Analysis) -> list[tuple[str, pd.DataFrame]]:
    """The cells by their learning rate as a multiple of their combination's best, to the nearest half decade."""
    halves = np.round(2 * np.log10(multiples(analysis.cells, analysis.design)))
    return [(f"{10 ** (half / 2):.3g}", analysis.cells[halves == half]) for half in np.unique(halves)]
