"""How a number of seeds, an interval and the tuning are said, the same in every caption and sentence."""

import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Design, plural
from ablation.reporting.options import NESTED, Options
from ablation.reporting.statistics.intervals import median_cover

UNTRAINED = "The study trains for no epoch: nothing was learned."
"""What stands where a study that trains for no epoch has nothing to show."""


def seeds_text(design: Design) -> str:
    """The number of blocks in words."""
    return "1 seed" if design.seeds == 1 else f"{design.seeds} seeds"


def tuning_text(analysis: Analysis) -> str:
    """What was tuned over and how, in words."""
    design, how = analysis.design, analysis.options.tuning
    tuned = [f"{factor} ({values_text(design, factor)})" for factor in design.nuisance if design.varies(factor)]
    if not tuned:
        return "nothing to tune over"
    by = "the median over seeds of the best validation loss"
    if design.seeds == 1:
        return f"tuned over {' and '.join(tuned)} by the best validation loss of the one seed, which flatters"
    if how == NESTED:
        return f"tuned over {' and '.join(tuned)} for each seed by the others, by {by} (nested)"
    return f"tuned over {' and '.join(tuned)} by {by}, the same seeds that report (report.tuning=same, which flatters)"


def values_text(design: Design, factor: str) -> str:
    """How many values of a factor were tried, in words."""
    if factor != "lr" or not design.own_rates:
        return f"{len(design.levels[factor])} values"
    counts = sorted({len(rates) for rates in design.rates.values()})
    return f"{' to '.join(str(counts[end]) for end in (0, -1)[: len(counts)])} values, each optimizer's own"


def never_probed(analysis: Analysis, cells: pd.DataFrame) -> str:
    """A sentence that says how many of the cells diverged before their gradient was first measured, if any."""
    count = int((~cells.index.isin(analysis.profiles["row"])).sum())
    return f" {plural(count, 'cell')} diverged before the first probe and cannot be shown." if count else ""


def confidence_text(options: Options) -> str:
    """How often an interval holds what it is of: "95%"."""
    return f"{100 * options.confidence:g}%"


def interval_text(analysis: Analysis, single: bool = False, of: str = "means") -> str:
    """What the intervals are, in words; ``single`` where there is one cell a seed behind a share."""
    percent = confidence_text(analysis.options)
    seeds = analysis.design.seeds
    share = f"Wilson {percent} interval for shares of seeds" if single else ""
    mean = f"Student's t {percent} interval over {seeds} seeds for {of}"
    if of == "medians":
        cover = median_cover(seeds, analysis.options.confidence)
        mean = f"{percent} interval of order statistics over {seeds} seeds for medians"
        if cover < analysis.options.confidence:
            mean = (
                f"the range over {seeds} seeds for medians (so few that it holds the median in {cover:.0%} of studies)"
            )
    if seeds == 1:
        mean = f"no interval for {of}, there is one seed"
    return "; ".join(part for part in (share, mean) if part)


def losses_text(design: Design) -> str:
    """A sentence for tables that hold mean losses, if there are several losses."""
    return " mean_loss compares rows of one loss only." if design.varies("loss") else ""
