"""How a difference is said: its size, its interval, and how sure one can be of it."""

import pandas as pd

from ablation.reporting.design import plural
from ablation.reporting.statistics.differences import Difference, Evidence

SURE = {
    Evidence.COPIES: "the same runs to the bit under two names: it never acted",
    Evidence.NONE: "one seed: no interval, so no evidence either way",
    Evidence.UNCLEAR: "no clear difference",
    Evidence.WEAK: "the same in every seed but weak evidence from so few seeds",
    Evidence.CLEAR: "a clear difference",
}


def difference_text(found: Difference, unit: str = "epochs", scale: float = 1) -> str:
    """A difference with its interval and how sure it is: "-3 epochs [-4, -2], a clear difference"."""
    mean, low, high = (scale * end for end in (found.mean, found.low, found.high))
    ends = "" if found.evidence in (Evidence.NONE, Evidence.COPIES) else f" [{low:+.3g}, {high:+.3g}]"
    size, (noun, *rest) = f"{mean:+.3g}", unit.split(" ")
    named = " ".join([noun.removesuffix("s") if size in ("+1", "-1") else noun, *rest])
    return f"{size} {named}".rstrip() + f"{ends}, {SURE[found.evidence]}"


def full_difference(found: Difference) -> str:
    """The same of epochs, with the number of seeds behind the unit."""
    return difference_text(found, f"epochs over {plural(found.seeds, 'seed')}")


def epochs_apart(found: Difference) -> str:
    """A difference in epochs, with the number of seeds behind the interval."""
    text = f"{found.mean:+.3g} {'epoch' if abs(found.mean) == 1 else 'epochs'}"
    if found.evidence in (Evidence.NONE, Evidence.COPIES):
        return f"{text} ({SURE[found.evidence]})"
    return f"{text} [{found.low:+.3g}, {found.high:+.3g}] over {found.seeds} seeds, {SURE[found.evidence]}"


def part_of(mask: pd.Series) -> str:
    """How many cells of all: "12 of 24 cells"."""
    return f"{int(mask.sum()):,} of {plural(len(mask), 'cell')}"
