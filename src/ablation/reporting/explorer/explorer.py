"""The page's explorer: what it shows, packed; its part of the page, its style and its script."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from importlib.resources import files
from typing import Any

import numpy as np
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from ablation.reporting.analysis import Analysis
from ablation.reporting.design import plural
from ablation.reporting.explorer.header import header, picks
from ablation.reporting.explorer.lines import Lines, study_lines
from ablation.reporting.explorer.measured import curves, ends, gradients, probed_steps
from ablation.reporting.explorer.packed import Field, Stored, distinct, packed, stored
from ablation.reporting.statistics.intervals import Ints
from ablation.reporting.wording.captions import interval_text, seeds_text, tuning_text
from ablation.reporting.wording.phrases import listed

MOST = 1_400_000
"""Characters of data in the page."""
SCRIPTS = ("vendor/uPlot.iife.min.js", "data.js", "choice.js", "marks.js", "charts.js", "told.js", "script.js")
STYLES = ("vendor/uPlot.min.css", "style.css")


@dataclass(frozen=True)
class Explorer:
    """The explorer as the page takes it."""

    section: Markup
    style: str
    script: str


@dataclass(frozen=True)
class Data:
    """What is packed, and what was left out for it, in a sentence."""

    lines: Lines
    fields: list[Stored]
    row: Ints
    steps: Ints
    omitted: str


def explorer(analysis: Analysis) -> Explorer:
    """The explorer of a study; where even the least of it would be too large, a sentence that says so."""
    environment = Environment(
        loader=FunctionLoader(part), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    template = environment.get_template("explorer.html.jinja")
    for data in smaller(analysis):
        text = packed(header(analysis, data.lines, data.steps), [stored_rows(data), *data.fields])
        if len(text) <= MOST:
            told: dict[str, Any] = {"caption": caption(analysis, data), "columns": columns(analysis)}
            told |= {"factors": picks(analysis, data.lines), "data": text}
            script = "{\n" + "\n".join(part(name) for name in SCRIPTS[1:]) + "}\n"
            return Explorer(
                Markup(template.render(**told)), "\n".join(map(part, STYLES)), f"{part(SCRIPTS[0])}\n{script}"
            )
    return Explorer(Markup(template.render(data="")), part("style.css"), "")


def part(name: str) -> str:
    """A file that lies beside this one: the template, a style or a script."""
    return files("ablation.reporting.explorer").joinpath(name).read_text("utf-8")


def smaller(analysis: Analysis) -> Iterator[Data]:
    """All that could be shown, then less and less: every second probe, every fourth, ...; then tuned lines alone."""
    for settings in (True, False):
        lines, steps = study_lines(analysis, settings), probed_steps(analysis)
        if not settings and not lines.tuned:
            return
        fields = [stored(field) for field in (*ends(analysis, lines), *curves(analysis, lines))]
        probes = [stored(field) for field in gradients(analysis, lines, steps)]
        kept = np.arange(len(steps))
        while True:
            shown = [*fields, *(replace(field, numbers=field.numbers[..., kept]) for field in probes)]
            first, row = distinct(shown)
            without = [] if settings else [f"lines at a given {listed(lines.tuned)}"]
            if len(kept) < len(steps):
                without.append(f"the layers at {len(steps) - len(kept)} of {len(steps)} probed steps")
            omitted = f" To keep the page small it is without {listed(without)}." if without else ""
            fewer = [replace(field, numbers=field.numbers[first]) for field in shown]
            yield Data(lines, fewer, row, steps[kept], omitted)
            if len(kept) <= 2:
                break
            kept = np.unique([*kept[::2], kept[-1]])


def stored_rows(data: Data) -> Stored:
    """Where each line's numbers stand, among those of the lines that differ."""
    return stored(Field("row", data.row, 1))


def caption(analysis: Analysis, data: Data) -> str:
    """What is shown, and how it was aggregated."""
    design = analysis.design
    best = f" What is called best is {tuning_text(analysis)}." if data.lines.tuned else ""
    return (
        f"{plural(len(data.lines.picks), 'line')} to pick from, each the mean over {seeds_text(design)} of one "
        f"combination; band: {interval_text(analysis)}.{best} From where a cell diverged on, it counts as guessing, as "
        "does a loss above that, and its layers are not shown. The gradient is the root mean square of delta, of a "
        "line the median over seeds, the lower one of an even number, rounded to a fiftieth of a decade; its band: "
        f"{interval_text(analysis, of='medians')}. Colors and markers are those of the figures.{data.omitted}"
    )


def columns(analysis: Analysis) -> str:
    """What the columns of the lines' table are."""
    design = analysis.design
    return (
        f"Met target: how many cells reach {design.goal} within {design.length}, and the median of when. "
        f"Best and final: {design.score.validation}; test: {design.score.test}."
    )
