"""How a level, a number of seeds, an interval and the tuning are said, the same in every caption and sentence."""

from collections.abc import Sequence

import pandas as pd

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import ORDINAL, Design, Options, plural
from ablation.reporting.naming import Level, raw
from ablation.reporting.statistics.intervals import median_cover


def words(design: Design, factor: str, level: Level, most: int = 22) -> str:
    """A level as one would say it: "no clipping", "batch normalization", "depth 20", "he_normal"."""
    return phrase(factor, level, design.short(factor, level, most))


def phrase(factor: str, level: Level, name: str) -> str:
    """A level that is shown under this name, as one would say it."""
    if factor in ("normalization", "clipping"):
        if level == "none":
            return f"no {factor}"
        return f"{factor} no" if name == "no" else f"{name} {factor}"
    return f"{factor} {name}" if factor in ORDINAL else name


def names(design: Design, frame: pd.DataFrame, factors: Sequence[str], place: int) -> str:
    """The levels of ``factors`` in one row of ``frame``, in words."""
    return joined([words(design, factor, frame.iloc[place][factor]) for factor in factors], " + ")


def full_names(frame: pd.DataFrame, factors: Sequence[str], place: int) -> str:
    """The same with every name whole, as files for programs hold it."""
    row = frame.iloc[place]
    return joined([phrase(factor, row[factor], raw(row[factor])) for factor in factors], " + ")


def joined(parts: Sequence[str], by: str) -> str:
    """The parts one after the other; one that holds what joins them stands in brackets."""
    return by.join(f"({part})" if by in part else part for part in parts)


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


def confidence_text(options: Options) -> str:
    """How often an interval holds what it is of: "95%"."""
    return f"{100 * options.confidence:g}%"


def interval_text(analysis: Analysis, wilson: bool = True, of: str = "means") -> str:
    """What the intervals are, in words."""
    percent = confidence_text(analysis.options)
    share = f"Wilson {percent} interval for shares" if wilson else ""
    seeds = analysis.design.seeds
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


ENOUGH_SEEDS = 6
"""So many agree by chance alone in 2 of 64 cases: the fewest that pass the sign test at 5%."""


def verdict(low: float, high: float, seeds: int) -> str:
    """How sure one can be of a difference with this interval over so many seeds, in words.

    Where all seeds give the very same difference there is no spread to tell from, and their number decides.
    """
    if seeds < 2:
        return "one seed: no interval, so no evidence either way"
    if low <= 0 <= high:
        return "no clear difference"
    if low == high and seeds < ENOUGH_SEEDS:
        return "the same in every seed but weak evidence from so few seeds"
    return "a clear difference"
