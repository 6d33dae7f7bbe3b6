"""How a difference is said: its size, its interval, and how sure one can be of it."""

import pandas as pd

from ablation.reporting.design import Design, digits, plural
from ablation.reporting.statistics.differences import Difference, Evidence

SURE = {
    Evidence.COPIES: "the same runs to the bit under two names: it never acted",
    Evidence.NONE: "one seed: no interval, so no evidence either way",
    Evidence.UNCLEAR: "no clear difference",
    Evidence.WEAK: "the same in every seed but weak evidence from so few seeds",
    Evidence.CLEAR: "a clear difference",
}


def difference_text(found: Difference, unit: str, scale: float = 1) -> str:
    """A difference with its interval and how sure it is: "-3 epochs [-4, -2], a clear difference"."""
    mean, low, high = (scale * end for end in (found.mean, found.low, found.high))
    size, least, most = (digits(end, sign="+") for end in (mean, low, high))
    ends = "" if found.evidence in (Evidence.NONE, Evidence.COPIES) else f" [{least}, {most}]"
    noun, *rest = unit.split(" ")
    named = " ".join([noun.removesuffix("s") if size in ("+1", "-1") else noun, *rest])
    return f"{size} {named}".rstrip() + f"{ends}, {SURE[found.evidence]}"


def full_difference(found: Difference, unit: str) -> str:
    """The same with the number of seeds behind the unit."""
    return difference_text(found, f"{unit} over {plural(found.seeds, 'seed')}")


def times_apart(found: Difference, design: Design) -> str:
    """A difference in time, with the number of seeds behind the interval."""
    mean, low, high = (digits(end, sign="+") for end in (found.mean, found.low, found.high))
    text = f"{mean} {design.noun if abs(found.mean) == 1 else design.unit}"
    if found.evidence in (Evidence.NONE, Evidence.COPIES):
        return f"{text} ({SURE[found.evidence]})"
    return f"{text} [{low}, {high}] over {found.seeds} seeds, {SURE[found.evidence]}"


def part_of(mask: pd.Series) -> str:
    """How many cells of all: "12 of 24 cells"."""
    return f"{int(mask.sum()):,} of {plural(len(mask), 'cell')}"
