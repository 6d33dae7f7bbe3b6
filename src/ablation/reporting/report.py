"""A study's report: read its results, compute, draw, and put every file in place together."""

import os
import shutil
import tempfile
from pathlib import Path

from ablation import UserError
from ablation.reporting import figures, tables
from ablation.reporting.analysis import analyse
from ablation.reporting.design import Options
from ablation.reporting.findings import findings, headlines
from ablation.reporting.page import page
from ablation.reporting.tables.table import to_csv, to_markdown
from ablation.studies.records import read_results, write_json

__all__ = ["Options", "write_report"]


def write_report(results_folder: Path, reports_folder: Path, options: Options) -> Path:
    """Write the report of the study in ``results_folder`` into ``reports_folder``; the path of its page.

    Files: ``index.html``, ``metrics.json``, ``tables/<name>.csv`` and ``.md``, ``figures/<name>.png`` and ``.svg``.
    Everything is computed and written beside the folder first and then moved (``move_into``), so a report that fails
    leaves the one before as it was.

    Raises:
        UserError: the results are missing or incomplete, or the report cannot be written there.
    """
    if reports_folder.exists() and not reports_folder.is_dir():
        raise UserError(f"{reports_folder}: a report cannot be written here: it is no folder")
    results = read_results(results_folder)
    if results.cells.empty:
        raise UserError(f"{results_folder}: holds no cell; run the study first")
    analysis = analyse(results, options)
    written = [table(analysis) for table in tables.builders()]
    horizon = analysis.design.horizon
    try:
        reports_folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".report-", dir=reports_folder.parent) as name:
            folder = Path(name)
            (folder / "tables").mkdir()
            (folder / "figures").mkdir()
            for table in written:
                (folder / "tables" / f"{table.name}.csv").write_text(to_csv(table), "utf-8", newline="")
                (folder / "tables" / f"{table.name}.md").write_text(to_markdown(table, horizon), "utf-8", newline="")
            pictures = []
            for drawing in figures.drawings():
                view = drawing.show(analysis)
                png, svg = figures.draw(drawing, view, analysis.design)
                (folder / "figures" / f"{view.name}.png").write_bytes(png)
                (folder / "figures" / f"{view.name}.svg").write_bytes(svg)
                pictures.append(page.picture(drawing.TOPIC, view, png))
            write_json(headlines(analysis), folder / "metrics.json")
            html = page.render(analysis, findings(analysis), pictures, written)
            (folder / "index.html").write_text(html, "utf-8", newline="")
            move_into(folder, reports_folder)
    except OSError as error:
        raise UserError(f"{reports_folder}: the report cannot be written here: {error.strerror or error}") from error
    return reports_folder / "index.html"


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
