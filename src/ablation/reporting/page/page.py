"""``index.html``: one file that opens offline. The answer first, then the chapters, then how to make it again.

All but the first screen is folded, a line each with what it says; a browser that prints unfolds it.

Everything of the study is escaped, and the page's own policy (Content-Security-Policy) lets a browser run and load
nothing but what stands in it: one style, its own script and the explorer's, known by their hashes, and images as data.
"""

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from ablation.reporting.analysis import Analysis
from ablation.reporting.asking.question import Question
from ablation.reporting.explorer.explorer import Explorer
from ablation.reporting.figures.lettering import spelled
from ablation.reporting.figures.view import View
from ablation.reporting.findings.opening import Opening
from ablation.reporting.page.again import commands, facts, size
from ablation.reporting.placing import listed
from ablation.reporting.tables.table import Table, to_text

MOST_ROWS = 1000
"""Rows of a table on the page; a browser sorts more of them too slowly, and the file has them all."""
MOST_PRINTED = 60
"""Rows of a table on paper, about a page."""

SCALE = 0.8
"""Size of a figure on the page, per pixel of its PNG: letters come out alike in all figures, and somewhat sharper."""

CHAPTERS = {
    "convergence": "Convergence: how soon, and how often",
    "effects": "Effects: which choices matter",
    "gradients": "Gradient health",
    "theory": "Theory beside measurement",
}
"""The chapters in the order of the page, and their headings; figures and tables are registered under these keys."""


@dataclass(frozen=True)
class Picture:
    """A figure on the page, its width and height in the page's pixels."""

    name: str
    topic: str
    finding: str
    caption: str
    alt: str
    source: str
    width: int
    height: int


@dataclass(frozen=True)
class Chapter:
    """A part of the page: figures first, then the tables behind them."""

    name: str
    title: str
    pictures: Sequence[Picture]
    tables: Sequence[Table]


def picture(topic: str, view: View, png: bytes, resolution: int = 1) -> Picture:
    """A view and its drawing, as the page holds them; ``resolution`` is how many times as many pixels it has."""
    source = "data:image/png;base64," + base64.b64encode(png).decode("ascii")
    scale = SCALE / resolution
    width, height = (round(scale * int.from_bytes(png[at : at + 4], "big")) for at in (16, 20))  # PNG's header
    return Picture(view.name, topic, view.title, view.caption, view.alt, source, width, height)


def part(name: str) -> str:
    """A file that lies beside this one: a template, the style or the script."""
    return files("ablation.reporting.page").joinpath(name).read_text("utf-8")


def unbroken(text: str) -> str:
    """A text whose intervals, as "[1, 2]", stand in one line."""
    return re.sub(r"(?<=\[)([^\[\] ]+), (?=[^\[\] ]+\])", "\\1,\xa0", text)


def digest(text: str) -> str:
    """What the page's policy knows a style or script by."""
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode("utf-8")).digest()).decode("ascii")


def render(
    analysis: Analysis,
    opening: Opening,
    lead: Picture | None,
    findings: Sequence[str],
    chapters: Sequence[Chapter],
    questions: Sequence[tuple[Question, Picture | None]] = (),
    lacking: Sequence[tuple[str, str]] = (),
    digests: Mapping[str, str] | None = None,
    explorer: Explorer | None = None,
) -> str:
    """The page, which the ``lead`` picture opens.

    ``lacking`` says of figures that are not there why, ``digests`` are those of all other files.
    """
    environment = Environment(
        loader=FunctionLoader(part), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["unbroken"] = unbroken
    clock, manifest = (analysis.design.horizon, analysis.design.unit), analysis.manifest
    style, scripts = part("style.css") + (explorer.style if explorer else ""), [part("script.js")]
    if explorer and explorer.script:
        scripts.append(explorer.script)
    rows = {table.name: to_text(table, *clock)[:MOST_ROWS] for chapter in chapters for table in chapter.tables}
    return environment.get_template("page.html.jinja").render(
        name=analysis.design.name,
        size=size(manifest, analysis.design),
        opening=opening,
        lead=lead,
        findings=findings,
        spelled="; ".join(spelled(analysis.design)),
        questions=questions,
        chapters=chapters,
        lacking=lacking,
        rows=rows,
        printed=MOST_PRINTED,
        commands=commands(manifest, analysis.options),
        facts=facts(manifest, analysis),
        files=listed(digests or {}),
        config=json.dumps(manifest["config"], indent=2, ensure_ascii=False),
        style=Markup(style),
        scripts=[Markup(script) for script in scripts],
        hashes={"style": digest(style), "scripts": [digest(script) for script in scripts]},
        explorer=explorer,
    )
