"""How levels are written in figures, whose one font has not every letter; no two of a factor are alike there either.

A letter that the font lacks would be drawn as a box, the same for all of them. It is written as its code point instead;
the page says so and has the letters themselves.
"""

from functools import cache
from pathlib import Path

import matplotlib as mpl
from matplotlib.ft2font import FT2Font

from ablation.reporting.design import Design, short
from ablation.reporting.naming import Label, escaped, labels
from ablation.reporting.wording.phrases import phrase

FONT = "DejaVu Sans"
"""Comes with matplotlib, so that every machine draws the same letters."""


@cache
def letters() -> frozenset[int]:
    """The code points of which the font has a drawing."""
    path = Path(mpl.get_data_path(), "fonts", "ttf", f"{FONT.replace(' ', '')}.ttf")
    return frozenset(FT2Font(str(path)).get_charmap())


def drawable(one: str) -> bool:
    """Whether the font has this character."""
    return ord(one) in letters()


def legible(text: str) -> str:
    """A text with every character that the font lacks, or that cannot be seen, written as its code point."""
    return "\n".join(escaped(line, drawable) for line in text.split("\n"))


@cache
def lettered(levels: tuple[Label, ...]) -> tuple[tuple[Label, str], ...]:
    """All levels of a factor as the font can write them."""
    return tuple(labels(levels, drawable).items())


def named(design: Design, factor: str, level: Label, most: int = 22) -> str:
    """A level's label in about ``most`` characters; matplotlib takes one that begins with an underscore for none."""
    text = short(lettered(design.levels[factor]), most)[level]
    return f" {text}" if text.startswith("_") else text


def worded(design: Design, factor: str, level: Label, most: int = 22) -> str:
    """A level as one would say it in a figure (``wording.words``)."""
    return phrase(factor, level, named(design, factor, level, most))


def spelled(design: Design) -> list[str]:
    """The names that figures do not have as they are, each with what it is in full."""
    return [
        f"{text} is {design.labels[factor][level]}"
        for factor, levels in design.levels.items()
        for level, text in lettered(levels)
        if text != design.labels[factor][level]
    ]
