"""A study's report: read its results, compute, draw, and put every file in place together."""

import itertools
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from ablation import UserError
from ablation.records.files import read_results, write_json
from ablation.reporting.analysis import Analysis, analyse
from ablation.reporting.asking.question import Question
from ablation.reporting.figures import Drawn, drawings, figures_for
from ablation.reporting.figures.painters import Painters
from ablation.reporting.findings import findings
from ablation.reporting.findings.headlines import headlines
from ablation.reporting.options import Options
from ablation.reporting.page.page import CHAPTERS, Chapter, picture, render
from ablation.reporting.placing import PAGE, digests, move_into
from ablation.reporting.questions import QUESTIONS, ask_all
from ablation.reporting.tables import tables_for
from ablation.reporting.tables.table import written
from ablation.reporting.wording.captions import UNTRAINED
from ablation.reporting.wording.methods import methods_file

__all__ = ["Options", "write_report"]


def write_report(results_folder: Path, reports_folder: Path, options: Options, workers: int = 1) -> Path:
    """Write the report of the study in ``results_folder`` into ``reports_folder``; the path of its page.

    Files: ``index.html``, ``metrics.json``, ``methods.md``, ``tables/<name>.csv``, ``.md`` and ``.tex``,
    ``figures/<name>.png``, ``.svg`` and ``.pdf``. ``options.workers`` processes draw the figures, or else ``workers``,
    to the same bytes.
    Everything is computed and written beside the folder first and then moved (``placing.move_into``), so a report that
    fails leaves the one before as it was.

    Raises:
        UserError: the results are missing or incomplete, processes cannot be started, or the report cannot be written.
    """
    if reports_folder.exists() and not reports_folder.is_dir():
        raise UserError(f"{reports_folder}: a report cannot be written here: it is no folder")
    plots = [*drawings(options), *QUESTIONS]
    with Painters(min(options.workers or workers, len(plots))) as painters:
        results = read_results(results_folder)
        if results.cells.empty:
            raise UserError(f"{results_folder}: holds no cell; run the study first")
        analysis = analyse(results, options)
        asked = ask_all(analysis)
        views = [*(drawing.show(analysis) for drawing in drawings(options)), *(question.view for question in asked)]
        drawn = painters.draw(plots, views, analysis.design)
        files, page = compose(analysis, asked, drawn)
    try:
        reports_folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".report-", dir=reports_folder.parent) as name:
            folder = Path(name)
            for path, content in files:
                (folder / path).parent.mkdir(exist_ok=True)
                (folder / path).write_bytes(content)
            write_json(headlines(analysis), folder / "metrics.json")
            (folder / "methods.md").write_bytes(methods_file(analysis).encode("utf-8"))
            (folder / PAGE).write_bytes(page(digests(folder)).encode("utf-8"))
            move_into(folder, reports_folder)
    except OSError as error:
        raise UserError(f"{reports_folder}: the report cannot be written here: {error.strerror or error}") from error
    return reports_folder / PAGE


def compose(
    analysis: Analysis, asked: Sequence[Question], drawn: Iterable[Drawn]
) -> tuple[list[tuple[Path, bytes]], Callable[[Mapping[str, str]], str]]:
    """Every table and figure with its place, and the page, which is yet to be told the digests of the files."""
    design = analysis.design
    built = {name: [build(analysis) for build in builders] for name, builders in tables_for(analysis.options).items()}
    if design.untrained:
        for name in ("convergence", "effects"):
            built[name] = [replace(table, caption=f"{UNTRAINED} {table.caption}") for table in built[name]]
    files: list[tuple[Path, bytes]] = []
    for table in itertools.chain.from_iterable(built.values()):
        for ending, text in written(table, design.horizon, design.unit).items():
            files.append((Path("tables", f"{table.name}.{ending}"), text.encode("utf-8")))
    topics = [
        *(design.in_units(drawing.TOPIC) for drawing in drawings(analysis.options)),
        *(question.title for question in asked),
    ]
    pictures = []
    for topic, drawing in zip(topics, drawn, strict=True):
        pictures.append(picture(topic, drawing.view, drawing.files["png"]))
        for ending, content in drawing.files.items():
            files.append((Path("figures", f"{drawing.view.name}.{ending}"), content))
    rest = iter(pictures)
    shown = {
        name: list(itertools.islice(rest, len(chapter))) for name, chapter in figures_for(analysis.options).items()
    }
    chapters = [Chapter(name, title, shown.get(name, []), built.get(name, [])) for name, title in CHAPTERS.items()]
    filled = [chapter for chapter in chapters if chapter.pictures or chapter.tables]
    answers = list(zip(asked, rest, strict=True))
    return files, partial(render, analysis, findings(analysis), filled, answers)
