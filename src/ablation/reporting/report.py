"""A study's report: read its results, compute, draw, and put every file in place together."""

import itertools
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from ablation import UserError
from ablation.records.files import read_results, write_json
from ablation.records.unfinished import unfinished_text
from ablation.reporting.analysis import Analysis, analyse
from ablation.reporting.asking.question import Asked, Question
from ablation.reporting.explorer.explorer import explorer
from ablation.reporting.figures import FIGURES, KINDS, Drawing, Drawn, name_of
from ablation.reporting.figures.painters import Painters
from ablation.reporting.figures.theme import RESOLUTION
from ablation.reporting.findings import findings
from ablation.reporting.findings.headlines import headlines
from ablation.reporting.findings.opening import opening
from ablation.reporting.options import DRAWABLE, Options
from ablation.reporting.page.page import CHAPTERS, Chapter, Picture, picture, render
from ablation.reporting.placing import PAGE, digests, move_into
from ablation.reporting.progress import Progress
from ablation.reporting.questions import QUESTIONS, ask_all
from ablation.reporting.tables import TABLES
from ablation.reporting.tables.table import written
from ablation.reporting.wording.captions import UNTRAINED

__all__ = ["Options", "write_report"]

FOLDERS = ("tables", "figures")
"""There even where nothing lies in them: DVC misses outs that are not."""


def write_report(
    results_folder: Path, reports_folder: Path, options: Options, workers: int = 1, shows: bool = False
) -> Path:
    """Write the report of the study in ``results_folder`` into ``reports_folder``; the path of its page.

    Files: ``index.html``, ``metrics.json``, ``tables/<name>.csv``, ``.md`` and ``.tex``, and ``figures/<name>.png``,
    ``.svg`` and ``.pdf`` of those figures that apply to the study and that the options name. ``options.workers``
    processes draw them, or else ``workers``, to the same bytes. Everything is computed and written beside the folder
    first and then moved (``placing.move_into``), so a report that fails leaves the one before as it was. ``shows``:
    whether its progress is shown on stderr.

    Raises:
        UserError: the results are missing or incomplete, processes cannot be started, or the report cannot be written.
    """
    if reports_folder.exists() and not reports_folder.is_dir():
        raise UserError(f"{reports_folder}: a report cannot be written here: it is no folder")
    chapters, questions = wanted(options)
    plots = [*itertools.chain.from_iterable(chapters.values()), *questions]
    with (
        closing(Progress(results_folder.name if shows else "", len(plots))) as progress,
        Painters(min(options.workers or workers, len(plots))) as painters,
    ):
        progress.now("reading")
        results = read_results(results_folder)
        if results.cells.empty:
            raise UserError(f"{results_folder}: holds no cell; run the study first")
        if shows and (told := unfinished_text(results.manifest)):
            progress.tell(told)
        progress.now("computing")
        analysis = analyse(results, options)
        asked = ask_all(analysis, questions)
        views = [drawing.show(analysis) for of in chapters.values() for drawing in of]
        views += [question.view for question in asked]
        if options.title:
            views = [replace(view, title=options.title) for view in views]
        progress.now("drawing")
        drawn = progress.count(painters.draw(plots, views, analysis.design, options.style))
        files, page = compose(analysis, chapters, asked, drawn)
    try:
        reports_folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".report-", dir=reports_folder.parent) as name:
            folder = Path(name)
            for path, content in files:
                (folder / path).parent.mkdir(exist_ok=True)
                (folder / path).write_bytes(content)
            write_json(headlines(analysis), folder / "metrics.json")
            (folder / PAGE).write_bytes(page(digests(folder)).encode("utf-8"))
            for name in FOLDERS:
                (reports_folder / name).mkdir(parents=True, exist_ok=True)
            known = [Path("figures", f"{figure}.{kind}") for figure in DRAWABLE for kind in KINDS]
            move_into(folder, reports_folder, known)
    except OSError as error:
        raise UserError(f"{reports_folder}: the report cannot be written here: {error.strerror or error}") from error
    return reports_folder / PAGE


def wanted(options: Options) -> tuple[dict[str, list[Drawing]], list[Asked]]:
    """The figures by chapter, and the questions, that the options name; all of them where they name none."""
    names = options.figures or DRAWABLE
    chapters = {name: [drawing for drawing in of if name_of(drawing) in names] for name, of in FIGURES.items()}
    return chapters, [question for question in QUESTIONS if question.NAME in names]


def compose(
    analysis: Analysis, figures: Mapping[str, Sequence[Drawing]], asked: Sequence[Question], drawn: Iterable[Drawn]
) -> tuple[list[tuple[Path, bytes]], Callable[[Mapping[str, str]], str]]:
    """Every table and figure with its place, and the page, which is yet to be told the digests of the files.

    Of a report of some figures the page holds these alone. What was not drawn is told at the page's end, with what the
    questions lack.
    """
    design, options = analysis.design, analysis.options
    built = {name: [build(analysis) for build in builders] for name, builders in TABLES.items()}
    if design.untrained:
        for name in ("convergence", "effects"):
            built[name] = [replace(table, caption=f"{UNTRAINED} {table.caption}") for table in built[name]]
    files: list[tuple[Path, bytes]] = []
    for table in itertools.chain.from_iterable(built.values()):
        for ending, text in written(table, design.horizon, design.unit).items():
            files.append((Path("tables", f"{table.name}.{ending}"), text.encode("utf-8")))
    topics = [design.in_units(drawing.TOPIC) for of in figures.values() for drawing in of]
    topics += [question.title for question in asked]
    pictures: list[Picture | None] = []
    missing: dict[str, list[str]] = {}
    for topic, drawing in zip(topics, drawn, strict=True):
        if drawing.files:
            pictures.append(picture(topic, drawing.view, drawing.files["png"], RESOLUTION[options.style]))
        else:
            pictures.append(None)
            missing.setdefault(drawing.view.why, []).append(topic)
        for ending, content in drawing.files.items():
            files.append((Path("figures", f"{drawing.view.name}.{ending}"), content))
    for question in asked:
        if question.answer and question.missing:
            missing.setdefault(question.missing, []).append(question.title)
    # What each choice does opens the page; where there is none to compare, the first figure that there is.
    lead = next((each for each in pictures if each), None)
    rest = iter(pictures)
    shown = {
        name: [each for each in itertools.islice(rest, len(of)) if each and each is not lead]
        for name, of in figures.items()
    }
    tables = {} if options.figures else built
    chapters = [
        Chapter(name, title, shown.get(name, []), tables.get(name, []))
        for name, title in CHAPTERS.items()
        if shown.get(name) or tables.get(name)
    ]
    answers = [pair for pair in zip(asked, rest, strict=True) if pair[0].answer]
    lacking = [("; ".join(topics), why) for why, topics in missing.items()]
    explored = None if options.figures else explorer(analysis)
    first = opening(analysis)
    return files, partial(
        render, analysis, first, lead, findings(analysis), chapters, answers, lacking, explorer=explored
    )
