"""Does the model of the times fit? The distribution of its residuals beside the one that it supposes."""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design, plural
from ablation.reporting.figures.panels import grid, key, shares
from ablation.reporting.figures.theme import INK, PALETTE
from ablation.reporting.figures.view import View
from ablation.reporting.statistics.failure_time import LOGISTIC, NORMAL, Fit, Law
from ablation.reporting.statistics.intervals import Floats
from ablation.reporting.statistics.turnbull import turnbull
from ablation.reporting.wording.captions import UNTRAINED, seeds_text
from ablation.reporting.wording.remarks import note_text

TOPIC = "Whether the model of the times fits"
GRID = np.linspace(-5, 5, 201)
"""Residuals at which the two are held against each other, in units of sigma."""
LAWS: dict[str, Law] = {"log-normal": NORMAL, "log-logistic": LOGISTIC}


def show(analysis: Analysis) -> View:
    """Turnbull's estimate of the residuals' distribution, a panel for each model."""
    design, name, found = analysis.design, "time_residuals", analysis.effects[0]
    if design.untrained:
        return View(name, TOPIC, why=UNTRAINED)
    if found.times is None or not found.times.fits:
        return View(name, TOPIC, why=note_text(found.notes[0]) if found.notes else "There is no model of the times.")
    parts = []
    for law, fits in zip(LAWS, (found.times.fits, found.times.logistic), strict=True):
        parts.append(pd.DataFrame({"law": law, "z": GRID, "observed": observed(fits), "supposed": supposed(law)}))
    frame = pd.concat(parts, ignore_index=True)
    frame["gap"] = (frame["observed"] - frame["supposed"]).abs()
    gaps = frame.groupby("law", sort=False)["gap"].max()
    normal, logistic = (f"within {gap:.0%}" for gap in gaps)
    title = f"Residuals of the log-normal model of times lie {normal} of the share that it supposes, " + (
        "and so do those of the log-logistic" if normal == logistic else f"those of the log-logistic {logistic}"
    )
    arrived = sum(int(np.isfinite(fit.high).sum()) for fit in found.times.fits)
    total = sum(len(fit.high) for fit in found.times.fits)
    caption = (
        f"Share of residuals, (ln T - x' beta) / sigma, at or below each number: by Turnbull's estimate (drawn) and as "
        f"the model supposes (dashed). {arrived:,} of {plural(total, 'cell')} of {seeds_text(design)} arrive; the "
        "others "
        "are known to be later than the horizon, so that to the right the two agree where there is nothing to see."
    )
    return View(name, title, caption, f"Two curves in each panel. {title}.", columns=list(LAWS), frame=frame)


def observed(fits: list[Fit]) -> Floats:
    """Turnbull's estimate of all seeds' residuals together, at ``GRID``."""
    low, high = (np.concatenate(part) for part in zip(*((fit.low, fit.high) for fit in fits), strict=True))
    return turnbull(low, high, GRID)


def supposed(law: str) -> Floats:
    """The law's own distribution at ``GRID``."""
    return np.asarray(np.exp(LAWS[law].log_cdf(GRID)))


def plot(view: View, design: Design) -> Figure:
    """The two curves, a panel a model."""
    figure, axes = grid(view, 2.8, 2.2, sharex=True, sharey=True)
    for axis, law in zip(axes[0], view.columns, strict=True):
        part = view.frame[view.frame["law"] == law]
        drawn = axis.step(part["z"], part["observed"], where="post", color=PALETTE[0], lw=1.4)
        dashed = axis.plot(part["z"], part["supposed"], color=INK, lw=1.0, ls="--")
        axis.set(title=str(law), xlabel="standardized residual of ln T", xlim=(-4, 4), ylim=(0, 1.02))
        shares(axis)
    axes[0, 0].set_ylabel("share of cells")
    key(figure, [*drawn, *dashed], ["by Turnbull's estimate", "as the model supposes"])
    return figure
