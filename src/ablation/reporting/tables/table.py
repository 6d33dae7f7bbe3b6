"""A table with its caption, and how it is written as CSV and Markdown; ``latex`` is beside.

CSV holds plain numbers at six significant digits (``inf`` for a time beyond the horizon, empty for what is not
known) and levels as they are: names whole, numbers with all of their digits. Markdown and LaTeX hold what a reader
wants to see (``>15``, four digits, names that can be told apart).
"""

import itertools
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from ablation.records.horizon import UNITS
from ablation.reporting.design import Design
from ablation.reporting.naming import raw

FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a spreadsheet program takes for the beginning of a formula."""


@dataclass(frozen=True)
class Table:
    """A named table with its title, and a caption that says n, what an interval is and what was tuned over.

    ``levels`` has the columns that hold levels or their names, and how each of these is shown to a reader.
    """

    name: str
    title: str
    caption: str
    frame: pd.DataFrame
    levels: Mapping[str, Mapping[Any, str]] = field(default_factory=dict)

    @cached_property
    def columns(self) -> list[tuple[str, bool]]:
        """Each column's name and whether it holds numbers, which stand to the right and sort by size."""
        return [
            (str(name), any(is_numeric_dtype(part) and not is_bool_dtype(part) for part in (kind, inner(kind))))
            for name, kind in self.frame.dtypes.items()
        ]


def factors(design: Design) -> dict[str, Mapping[Any, str]]:
    """How a table shows the levels of every factor in a column of its name."""
    return {name.format(factor): shown for factor, shown in design.labels.items() for name in ("{}", "best_{}")}


def mixed(design: Design, *columns: str) -> dict[str, Mapping[Any, str]]:
    """How a table shows columns with the levels of several factors, each there as a CSV file holds it (``raw``)."""
    names = {raw(level): text for shown in design.labels.values() for level, text in shown.items()}
    return dict.fromkeys(columns, names)


def inner(kind: Any) -> Any:
    """The type of a factor's levels, of any other column its own."""
    return kind.categories.dtype if hasattr(kind, "categories") else kind


def printed(
    value: object, column: str, horizon: float, unit: str = "epochs", levels: Mapping[Any, str] | None = None
) -> str:
    """A table's entry as a reader sees it: four digits, ``>15`` beyond a horizon in this unit of 15, and ``>H`` for it
    in another unit, in which it is another number for each cell; nothing where nothing is known.

    Of a level it is what ``levels`` has for it.
    """
    if levels and value in levels:
        return levels[value]
    if value is None or (isinstance(value, float | np.floating) and math.isnan(value)):
        return ""
    if value == math.inf and unit in column:
        return f">{horizon:g}"
    if value == math.inf and any(other in column for other in UNITS):
        return ">H"
    return f"{float(value):.4g}" if isinstance(value, float | np.floating) else str(value)


def plain(value: object, level: bool = False) -> str:
    """A table's entry in a CSV file: a number with six digits, or all that it has where it is a level.

    Text that a spreadsheet program would run as a formula gets an apostrophe in front, which such a program takes for
    "this is text"; and one more gets such a text that has an apostrophe already. No number is touched.
    """
    if isinstance(value, float | np.floating):
        return "" if math.isnan(value) else raw(float(value)) if level else f"{float(value):.6g}"
    if isinstance(value, str) and value.lstrip("'").startswith(FORMULA):
        return f"'{value}"
    return "" if value is None else str(value)


def to_csv(table: Table) -> str:
    """The table as CSV, the same bytes for the same data on every platform."""
    # As objects, or the categories of a factor would be asked to hold the strings.
    text = table.frame.astype(object)
    for name in text:
        text[name] = [plain(value, name in table.levels) for value in text[name]]
    text = text.rename(columns=lambda name: plain(str(name)))
    return str(text.to_csv(index=False, lineterminator="\n"))


def to_text(table: Table, horizon: float, unit: str = "epochs") -> list[list[str]]:
    """The table's entries as a reader sees them; the horizon is in this unit."""
    names = [str(name) for name in table.frame.columns]
    shown = [table.levels.get(name) for name in names]
    rows = table.frame.itertuples(index=False, name=None)
    clock = itertools.repeat(horizon), itertools.repeat(unit)
    return [[printed(*entry) for entry in zip(row, names, *clock, shown, strict=False)] for row in rows]


def markdown(entry: str) -> str:
    """An entry that breaks no row and is taken for no markup: no tag, emphasis, code, link or formula."""
    text = " ".join(entry.split()).replace("&", "&amp;").replace("<", "&lt;").replace("\\", "\\\\")
    text = re.sub(r"([|*`$~])", r"\\\1", text).replace("](", "]\\(")
    return re.sub(r"(?<!\w)_|_(?!\w)", r"\\_", text)  # within a word an underscore is one


def to_markdown(table: Table, horizon: float, unit: str = "epochs") -> str:
    """The table as Markdown under its title and caption."""

    def line(entries: list[str]) -> str:
        return "| " + " | ".join(markdown(entry) for entry in entries) + " |"

    rows = [line(row) for row in to_text(table, horizon, unit)]
    head = [line([name for name, _ in table.columns]), "|" + " --- |" * len(table.columns)]
    return "\n".join([f"# {table.title}", "", table.caption, "", *head, *rows, ""])
