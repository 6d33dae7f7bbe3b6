"""Does batch normalization free the network from the scale with which it begins, and what becomes of that scale?

How far the time to the target spreads between initializers of different scales, with it and without, in networks that
differ in nothing else; and the standard deviation of what enters the activation. With batch normalization before the
activation that is 1 at the start and afterwards what gamma and beta make of it, which are themselves not recorded.
"""

import numpy as np
import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import plural
from ablation.reporting.naming import Level
from ablation.reporting.questions.evidence import paired
from ablation.reporting.questions.levels import batches
from ablation.reporting.wording import words

FLOOR = 1e-30
"""A standard deviation below this, zero among them, counts as this."""
HALF = 0.5
"""The answer is a plain yes where less than this share of the spread is left."""


def scale(analysis: Analysis, cells: pd.DataFrame, without: Level, base: Level) -> tuple[str, list[str]]:
    """Whether the initial scale matters less, and what it rests on."""
    by = [factor for factor in analysis.design.compared if factor not in ("init", "normalization")]
    both = cells[cells["normalization"].isin([without, base])]
    times = both.pivot_table("time", [*by, "seed", "normalization"], "init", observed=True).dropna()
    spread = (times.max(axis=1) - times.min(axis=1)).rename("spread").reset_index()
    sides = spread["normalization"] == base, spread["normalization"] == without
    found = paired(analysis, spread, "spread", sides, ("init", "normalization")) if len(spread) else None
    if found is None:
        return "Whether it frees the network from its initial scale cannot be told: no initializers to pair", []
    means = spread.groupby("normalization", observed=True)["spread"].mean()
    freed = means[base] < HALF * means[without]
    lead = {
        -1: f"{'Yes' if freed else 'In part'}: with it the scale with which the network begins matters less",
        0: "Not clearly: with it the scale with which the network begins matters about as much",
        1: "No: with it the scale with which the network begins matters more",
    }[found.sign]
    reach = both.groupby("normalization", observed=True)["reached"].mean()
    norms = first_norms(analysis, both)["weight_norm"]
    fold = f", whose weights differ up to {norms.max() / norms.min():.3g}-fold in size" if len(norms) else ""
    name = words(analysis.design, "normalization", base)
    evidence = [
        f"Over {plural(times.shape[1], 'initializer')}{fold}, the restricted mean time spreads by {means[base]:.3g} "
        f"epochs with {name} and {means[without]:.3g} without; {reach[base]:.0%} and "
        f"{reach[without]:.0%} of cells reach the target. Where no initializer reaches it there is no spread either."
    ]
    evidence += learned(analysis, both, without, base)
    return f"{lead} (spread of times between initializers: {found.full})", evidence


def first_norms(analysis: Analysis, cells: pd.DataFrame) -> pd.DataFrame:
    """The first layer before training, with ``weight_norm`` and the cell's ``init``."""
    first = analysis.probes[(analysis.probes["probe"] == "first") & (analysis.probes["layer"] == 1)]
    return pd.DataFrame(first.merge(cells[["init"]], left_on="row", right_index=True))


def learned(analysis: Analysis, cells: pd.DataFrame, without: Level, base: Level) -> list[str]:
    """How the standard deviation of what enters the activation moves; nothing where it is not gamma's doing."""
    frame = entering(analysis, cells)
    own = frame[frame["normalization"] == base]
    if base not in batches(analysis) or own.empty:
        return []
    found = paired(analysis, own, "log_std", (own["probe"] == "last", own["probe"] == "first"), ())
    if found is None:
        return []
    centre = own.groupby("probe")["log_std"].mean()
    ends = frame[frame["probe"] == "last"].groupby(["normalization", "init"], observed=True)["log_std"].mean()
    folds = [
        f"{10 ** float(ends[level].max() - ends[level].min()):.3g}-fold {text}"
        for level, text in ((base, "with it"), (without, "without"))
        if level in ends
    ]
    lead = "Training moves the scale" if found.sign else "Training does not clearly move the scale"
    factor = f"{10 ** centre['first']:.3g} by a factor of {10**found.mean:.3g}"
    factor += "" if found.seeds < 2 else f" [{10**found.low:.3g}, {10**found.high:.3g}]"
    return [
        f"{lead}: the standard deviation of what enters the activation changes from {factor}; at the end it differs "
        f"between initializers {' and '.join(folds)}. It holds what gamma and beta do, not recorded themselves."
    ]


def entering(analysis: Analysis, cells: pd.DataFrame) -> pd.DataFrame:
    """The cells twice, before training and at the last probe, with ``log_std``: log10 of the pre-activation's standard
    deviation, mean over layers."""
    std = analysis.probes[np.isfinite(analysis.probes["preact_std"].to_numpy())]
    std = std.assign(log_std=np.log10(np.maximum(std["preact_std"].to_numpy().astype(float), FLOOR)))
    means = std.groupby(["row", "probe"])["log_std"].mean().reset_index()
    return pd.DataFrame(means.merge(cells, left_on="row", right_index=True))
