"""How a level and a combination of levels are said, the same in every caption and sentence."""

from collections.abc import Sequence

import pandas as pd

from ablation.records.columns import ORDINAL
from ablation.records.horizon import UNITS
from ablation.reporting.design import Design
from ablation.reporting.naming import Label, raw

RESPONSES = {
    **dict.fromkeys(UNITS, "time to target"),
    "rmst": "restricted mean time",
    "val_loss": "final validation loss",
    "accuracy": "final test accuracy",
}
"""The responses whose effects are estimated; the first has the name of the unit in which times are counted."""


def response(design: Design, name: str) -> str:
    """A response as one would say it."""
    return design.score.test if name == "accuracy" else RESPONSES[name]


def words(design: Design, factor: str, level: Label, most: int = 22) -> str:
    """A level as one would say it: "no clipping", "batch normalization", "depth 20", "all examples", "he_normal"."""
    return phrase(factor, level, design.short(factor, level, most))


def phrase(factor: str, level: Label, name: str) -> str:
    """A level that is shown under this name, as one would say it."""
    if factor in ("normalization", "clipping"):
        if level == "none":
            return f"no {factor}"
        return f"{factor} no" if name == "no" else f"{name} {factor}"
    if factor in ("examples", "order"):
        return f"{name} {factor}"
    return f"{factor} {name}" if factor in ORDINAL else name


def names(design: Design, frame: pd.DataFrame, factors: Sequence[str], place: int) -> str:
    """The levels of ``factors`` in one row of ``frame``, in words."""
    return joined([words(design, factor, frame.iloc[place][factor]) for factor in factors], " + ")


def full_names(frame: pd.DataFrame, factors: Sequence[str], place: int) -> str:
    """The same with every name whole, as files for programs hold it."""
    row = frame.iloc[place]
    return joined([phrase(factor, row[factor], raw(row[factor])) for factor in factors], " + ")


def listed(parts: Sequence[str]) -> str:
    """The parts as one lists them: "a, b and c"."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def capital(text: str) -> str:
    """A text with its first letter large."""
    return text[:1].upper() + text[1:]


def joined(parts: Sequence[str], by: str) -> str:
    """The parts one after the other; one that holds what joins them stands in brackets."""
    return by.join(f"({part})" if by in part else part for part in parts)
