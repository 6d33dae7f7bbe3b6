"""Levels whose names are hardly told apart: every table, figure and sentence of a report tells them apart."""

import csv
import io
from collections import Counter

import pytest

from ablation.records.files import read_results
from ablation.reporting.analysis import analyse
from ablation.reporting.figures import drawings
from ablation.reporting.figures.theme import themed
from ablation.reporting.findings import findings
from ablation.reporting.options import Options
from ablation.reporting.questions import ask_all
from ablation.reporting.tables import builders
from ablation.reporting.tables.latex import to_latex
from ablation.reporting.tables.table import to_csv, to_markdown, to_text
from tests.reporting.synthetic import Outcome, write_study

TWINS = ["elu_with_a_long_one_name_of_mine", "elu_with_a_long_two_name_of_mine"]
STUDIES = {
    "long names": {"activation": ["relu", *TWINS], "init": TWINS, "normalization": [*TWINS, "none"]},
    "clippings": {"clipping": ["none", "no", "neither", "both"], "normalization": ["none", "batch", "no"]},
    "learning rates": {"lr": [0.1, 0.1000001, 1e-10, 1.0000001e-10], "activation": ["relu", "elu"]},
    "spaces": {"activation": ["a b", "a  b", "a\u00a0b", "a\u200bb", "_a b"], "init": ["a \\_b", "a _b", "A _B"]},
    "widths": {"width": [1000000, 1000001], "depth": [2, 3], "activation": ["0.1", "0.10", "0.1000001"]},
    "brackets": {"init": ["a", "a + b"], "activation": ["b + c", "c"]},
    "numbers": {"clipping": ["'=1", "=1", "none"], "activation": ["…", "...", "\u6fc0\u6d3b", "\u6fc0\u6d3c"]},
}


@pytest.fixture(scope="module", params=STUDIES)
def study(request):
    return request.param


@pytest.fixture(scope="module")
def analysis(study, tmp_path_factory):
    levels = STUDIES[study]
    place = {factor: {level: place for place, level in enumerate(some)} for factor, some in levels.items()}

    def plant(cell):
        late = sum(place[factor][cell[factor]] for factor in levels)
        return Outcome(1 + late % 5, decades=0.3 * late)

    folder = write_study(tmp_path_factory.mktemp("names") / "results", {**levels, "seed": [0, 1]}, plant)
    baseline = {factor: some[-1] for factor, some in levels.items()}
    return analyse(read_results(folder), Options.of({"nuisance": [], "reference": baseline}))


def test_a_file_for_programs_has_every_level_whole(study, analysis):
    for build in builders():
        table = build(analysis)
        rows = list(csv.DictReader(io.StringIO(to_csv(table))))
        for factor, levels in STUDIES[study].items():
            if factor not in table.frame:
                continue
            known = {str(x) if isinstance(x, str) else float(x) for x in levels}
            found = [row[factor][1:] if row[factor].lstrip("'").startswith("=") else row[factor] for row in rows]
            assert {x if isinstance(levels[0], str) else float(x) for x in found} <= known
    [table] = [build(analysis) for build in builders() if build.__name__ == "failures"]
    for factor, levels in STUDIES[study].items():
        own = [row["level"] for row in csv.DictReader(io.StringIO(to_csv(table))) if row["factor"] == factor]
        assert len(set(own)) == len(levels)
        if not isinstance(levels[0], str):
            assert {float(text) for text in own} == set(levels)


def test_tables_for_readers_tell_rows_apart(study, analysis):
    for build in builders():
        table = build(analysis)
        named = [str(name) for name in table.frame if name in (*STUDIES[study], "level", "factor", "probe", "response")]
        places = [list(table.frame.columns).index(name) for name in named]
        full = Counter(map(tuple, table.frame[named].astype(str).to_numpy().tolist()))
        if max(full.values()) > 1:
            continue  # no row is named by its levels alone
        for text in (to_text(table, 6), read(to_markdown(table, 6)), read(to_latex(table, 6))):
            rows = [tuple(" ".join(row[place].split()) for place in places) for row in text[-len(full) :]]
            assert len(set(rows)) == len(full), build.__name__


def read(text):
    """The rows of a Markdown or LaTeX table."""
    by = " & " if "\\toprule" in text else " | "
    lines = [line for line in text.splitlines() if by in line and not line.startswith("\\caption")]
    return [line.removeprefix("| ").removesuffix(" |").removesuffix(" \\\\").split(by) for line in lines]


def test_no_sentence_says_one_name_for_two(study, analysis):
    for text in findings(analysis):
        if "The lead over the second" in text:
            best = text.split("the fastest is ")[1].split(": restricted")[0]
            second = text.split("over the second, ")[1].rsplit(": ", 1)[0]
            assert best != second
            worst = text.split("; the slowest ")[1].split(": restricted")[0]
            assert best != worst
    assert all(question.title for question in ask_all(analysis))


@pytest.mark.parametrize("drawing", drawings(), ids=lambda drawing: drawing.__name__.rpartition(".")[2])
def test_no_figure_has_one_name_twice(drawing, study, analysis):
    view = drawing.show(analysis)
    if view.why:
        return
    with themed():
        figure = drawing.plot(view, analysis.design)
    titles = [axis.get_title() for axis in figure.axes if axis.get_title()]
    for axis in figure.axes:
        if not axis.axison:
            continue
        for ticks in (axis.get_xticklabels(), axis.get_yticklabels()):
            once([tick.get_text() for tick in ticks])
        if drawing.__name__.endswith(("success_curves", "interactions")):
            once([text.get_text() for text in axis.texts])
    for legend in figure.legends:
        once([text.get_text() for text in legend.get_texts()])
    if not drawing.__name__.endswith("dead_saturated"):
        once(titles)


def once(texts):
    texts = [" ".join(text.split()) for text in texts if text.strip()]
    assert len(set(texts)) == len(texts), texts
