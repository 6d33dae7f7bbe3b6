"""``index.html``: one file that opens offline, findings first, then figures, tables, and how to make each again."""

import base64
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined
from pandas.api.types import is_bool_dtype, is_numeric_dtype

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import Options, label, plural, shorten
from ablation.reporting.figures.view import View
from ablation.reporting.tables.table import Table, to_text

MOST_ROWS = 1000
"""Rows of a table on the page; a browser sorts more of them too slowly, and the file has them all."""


@dataclass(frozen=True)
class Picture:
    """A figure on the page."""

    name: str
    title: str
    caption: str
    alt: str
    source: str


def picture(topic: str, view: View, png: bytes) -> Picture:
    """A view and its drawing, as the page holds them; a view that was not drawn says why instead of a caption."""
    source = "data:image/png;base64," + base64.b64encode(png).decode("ascii")
    return Picture(view.name, topic, view.why or view.caption, view.why or view.alt, source)


def columns(table: Table) -> list[tuple[str, bool]]:
    """Each column's name and whether it holds numbers, which stand to the right and sort by size."""
    frame = table.frame
    return [
        (str(name), any(is_numeric_dtype(part) and not is_bool_dtype(part) for part in (kind, inner(kind))))
        for name, kind in frame.dtypes.items()
    ]


def inner(kind: Any) -> Any:
    """The type of a factor's levels, of any other column its own."""
    return kind.categories.dtype if hasattr(kind, "categories") else kind


def commands(manifest: Mapping[str, Any], options: Options) -> list[tuple[str, str]]:
    """What makes the results, and what makes the report out of them, with this report's own options."""
    study = shlex.join(["python", "pipelines/study.py", *manifest["overrides"]])
    report = shlex.join(["python", "pipelines/report.py", f"name={manifest['name']}", *options.overrides()])
    return [
        ("Train every cell that the result store does not hold yet", study),
        ("Write this page, its tables and figures again", report),
    ]


def facts(manifest: Mapping[str, Any], analysis: Analysis) -> list[tuple[str, str]]:
    """The study in a few lines: its size and every factor with its levels."""
    design, counts = analysis.design, manifest["cells"]
    rows = [
        ("cells", f"{counts['expected']:,} planned, {counts['finished']:,} finished, {counts['diverged']:,} diverged"),
        ("horizon", plural(design.horizon, "epoch")),
        (
            "targets",
            "; ".join(f"{k}: {', '.join(f'{t:g}' for t in v)} (middle one primary)" for k, v in design.targets.items()),
        ),
    ]
    rows += [(factor, ", ".join(shorten(x, 60) for x in levels)) for factor, levels in design.levels.items()]
    rows += [(f"data {name}", json.dumps(card, sort_keys=True)) for name, card in sorted(manifest["data"].items())]
    return [*rows, *((key, label(value)) for key, value in sorted(manifest["environment"].items()))]


def render(analysis: Analysis, findings: Sequence[str], pictures: Sequence[Picture], tables: Sequence[Table]) -> str:
    """The page; everything that comes from the study is escaped."""
    source = files("ablation.reporting.page").joinpath("page.html.jinja").read_text("utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    horizon, manifest = analysis.design.horizon, analysis.manifest
    return environment.from_string(source).render(
        name=analysis.design.name,
        findings=findings,
        pictures=pictures,
        tables=[(table, columns(table), to_text(table, horizon)[:MOST_ROWS]) for table in tables],
        commands=commands(manifest, analysis.options),
        facts=facts(manifest, analysis),
        config=json.dumps(manifest["config"], indent=2, ensure_ascii=False),
    )
