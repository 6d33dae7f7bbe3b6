"""A table with its caption, and how it is written as CSV and Markdown.

CSV holds plain numbers at six significant digits (``inf`` for a time beyond the horizon, empty for what is not
known), Markdown what a reader wants to see (``>15``, four digits).
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ablation.reporting.design import label


@dataclass(frozen=True)
class Table:
    """A named table with its title, and a caption that says n, what an interval is and what was tuned over."""

    name: str
    title: str
    caption: str
    frame: pd.DataFrame


def printed(value: object, column: str, horizon: float) -> str:
    """A table's entry as a reader sees it: four digits, ``>H`` beyond the horizon, nothing where nothing is known."""
    if value is None or (isinstance(value, float | np.floating) and math.isnan(value)):
        return ""
    if value == math.inf and "epochs" in column:
        return f">{horizon:g}"
    if value == math.inf and "steps" in column:
        return ">H"
    return f"{float(value):.4g}" if isinstance(value, float | np.floating) else label(value)


def plain(value: object) -> str:
    """A table's entry in a CSV file."""
    if isinstance(value, float | np.floating):
        return "" if math.isnan(value) else f"{float(value):.6g}"
    return "" if value is None else str(value)


def to_csv(table: Table) -> str:
    """The table as CSV, the same bytes for the same data on every platform."""
    # As objects, or the categories of a factor would be asked to hold the strings.
    text = table.frame.astype(object).map(plain)
    return str(text.to_csv(index=False, lineterminator="\n"))


def to_text(table: Table, horizon: float) -> list[list[str]]:
    """The table's entries as a reader sees them."""
    names = [str(name) for name in table.frame.columns]
    rows = table.frame.itertuples(index=False, name=None)
    return [[printed(value, name, horizon) for value, name in zip(row, names, strict=True)] for row in rows]


def to_markdown(table: Table, horizon: float) -> str:
    """The table as Markdown under its title and caption; what would break a row or be taken as markup is escaped."""

    def line(entries: list[str]) -> str:
        safe = (" ".join(entry.split()).replace("&", "&amp;").replace("<", "&lt;") for entry in entries)
        return "| " + " | ".join(entry.replace("\\", "\\\\").replace("|", "\\|") for entry in safe) + " |"

    rows = [line(row) for row in to_text(table, horizon)]
    head = [line([str(name) for name in table.frame.columns]), "|" + " --- |" * len(table.frame.columns)]
    return "\n".join([f"# {table.title}", "", table.caption, "", *head, *rows, ""])
