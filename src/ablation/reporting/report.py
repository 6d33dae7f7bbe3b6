"""A study's report: read its results, compute, draw, and put every file in place together."""

import itertools
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ablation import UserError
from ablation.reporting.analysis import Analysis, analyse
from ablation.reporting.design import Options
from ablation.reporting.figures import FIGURES, drawings
from ablation.reporting.figures.painters import Painters
from ablation.reporting.figures.view import View
from ablation.reporting.findings import findings, headlines
from ablation.reporting.page.page import CHAPTERS, Chapter, picture, render
from ablation.reporting.questions import QUESTIONS, ask_all
from ablation.reporting.questions.question import Question
from ablation.reporting.tables import TABLES
from ablation.reporting.tables.table import written
from ablation.studies.records import read_results, write_json

__all__ = ["Options", "write_report"]


def write_report(results_folder: Path, reports_folder: Path, options: Options, workers: int = 1) -> Path:
    """Write the report of the study in ``results_folder`` into ``reports_folder``; the path of its page.

    Files: ``index.html``, ``metrics.json``, ``tables/<name>.csv``, ``.md`` and ``.tex``, ``figures/<name>.png``,
    ``.svg`` and ``.pdf``. ``options.workers`` processes draw the figures, or else ``workers``, to the same bytes.
    Everything is computed and written beside the folder first and then moved (``move_into``), so a report that fails
    leaves the one before as it was.

    Raises:
        UserError: the results are missing or incomplete, processes cannot be started, or the report cannot be written.
    """
    if reports_folder.exists() and not reports_folder.is_dir():
        raise UserError(f"{reports_folder}: a report cannot be written here: it is no folder")
    plots = [*drawings(), *QUESTIONS]
    with Painters(min(options.workers or workers, len(plots))) as painters:
        results = read_results(results_folder)
        if results.cells.empty:
            raise UserError(f"{results_folder}: holds no cell; run the study first")
        analysis = analyse(results, options)
        asked = ask_all(analysis)
        views = [*(drawing.show(analysis) for drawing in drawings()), *(question.view for question in asked)]
        drawn = painters.draw(plots, views, analysis.design)
        files = list(compose(analysis, asked, views, drawn))
    try:
        reports_folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".report-", dir=reports_folder.parent) as name:
            folder = Path(name)
            for path, content in files:
                (folder / path).parent.mkdir(exist_ok=True)
                (folder / path).write_bytes(content)
            write_json(headlines(analysis), folder / "metrics.json")
            move_into(folder, reports_folder)
    except OSError as error:
        raise UserError(f"{reports_folder}: the report cannot be written here: {error.strerror or error}") from error
    return reports_folder / "index.html"


def compose(
    analysis: Analysis, asked: Sequence[Question], views: Sequence[View], drawn: Iterable[dict[str, bytes]]
) -> Iterator[tuple[Path, bytes]]:
    """Every file of the report but its numbers, with its place; the page last."""
    built = {name: [build(analysis) for build in builders] for name, builders in TABLES.items()}
    if untrained := analysis.design.untrained:
        for name in ("convergence", "effects"):
            built[name] = [replace(table, caption=f"{untrained} {table.caption}") for table in built[name]]
    for table in itertools.chain.from_iterable(built.values()):
        for ending, text in written(table, analysis.design.horizon).items():
            yield Path("tables", f"{table.name}.{ending}"), text.encode("utf-8")
    topics = [*(drawing.TOPIC for drawing in drawings()), *(question.title for question in asked)]
    pictures = []
    for topic, view, files in zip(topics, views, drawn, strict=True):
        pictures.append(picture(topic, view, files["png"]))
        for ending, content in files.items():
            yield Path("figures", f"{view.name}.{ending}"), content
    rest = iter(pictures)
    shown = {name: list(itertools.islice(rest, len(chapter))) for name, chapter in FIGURES.items()}
    chapters = [Chapter(name, title, shown.get(name, []), built.get(name, [])) for name, title in CHAPTERS.items()]
    filled = [chapter for chapter in chapters if chapter.pictures or chapter.tables]
    answers = list(zip(asked, rest, strict=True))
    yield Path("index.html"), render(analysis, findings(analysis), filled, answers).encode("utf-8")


def move_into(source: Path, target: Path) -> None:
    """Move every file of ``source`` to its place under ``target``, the page last; other files there stay.

    No file is ever half there. Nothing is moved before every place was found free or replaceable and a copy of what
    stood there was made; a move that fails nevertheless, or is interrupted, is undone from the copies. So the files
    are all the new ones or all the old ones, unless the process is killed or the machine stops between two moves.
    Then the page is still the old one, and the next report makes all of them anew.

    Raises:
        UserError: a folder stands where a file belongs, or a file where a folder does.
        OSError: a file cannot be moved.
    """
    paths = sorted(path.relative_to(source) for path in source.rglob("*") if path.is_file())
    paths.sort(key=lambda path: path.name == "index.html")
    for path in paths:
        place = target / path
        if place.is_dir() and not place.is_symlink():
            raise UserError(f"{place}: a report cannot be written here: it is a folder; move it away")
        for folder in place.parents[: len(path.parts)]:
            if os.path.lexists(folder) and not folder.is_dir():
                raise UserError(f"{folder}: a report cannot be written here: it is no folder; move it away")
    with tempfile.TemporaryDirectory(prefix=".before-", dir=source) as name:
        before = Path(name)
        for path in paths:
            (target / path).parent.mkdir(parents=True, exist_ok=True)
            if os.path.lexists(target / path):
                (before / path).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(target / path, before / path, follow_symlinks=False)
        moved: list[Path] = []
        try:
            for path in paths:
                moved.append(path)  # first, so that an interrupt cannot fall between
                os.replace(source / path, target / path)
        except (OSError, KeyboardInterrupt):
            for path in moved:
                if os.path.lexists(before / path):
                    os.replace(before / path, target / path)
                else:
                    (target / path).unlink(missing_ok=True)
            raise
