"""Whole reports: every kind of study gets one, complete, escaped, and the same bytes twice."""

import csv
import json
import re
import xml.etree.ElementTree as ElementTree
from html import unescape
from html.parser import HTMLParser

import pytest

from ablation import UserError
from ablation.records import files as records
from ablation.records.columns import FACTORS
from ablation.reporting import figures, report, tables
from ablation.reporting.figures import painters
from ablation.reporting.figures.theme import themed
from ablation.reporting.findings import findings
from ablation.reporting.options import NEVER_TUNED, Options
from ablation.reporting.questions import QUESTIONS
from ablation.reporting.report import write_report
from tests.reporting.synthetic import SMALL, Outcome, plausible, write_study

FIGURES = {figures.name_of(one): one.TOPIC for of in figures.figures_for(Options()).values() for one in of}
FIGURES |= {question.NAME: question.TOPIC for question in QUESTIONS}
TABLES = [build.__name__ for build in tables.builders(Options())]
ALWAYS = sorted(
    ["index.html", "metrics.json", "methods.md"]
    + [f"tables/{name}.{kind}" for name in TABLES for kind in ("csv", "md", "tex")]
)
OPTIONS = Options()
HOSTILE = ["<script>alert(1)</script>", "%", "_", "a|b", "$x^2$", "=1+1", "y" * 200, "{{ 7*7 }}", '"><img src=x>']


@pytest.fixture
def sketched(monkeypatch):
    """Figures are put together and not laid out or written, which takes most of a report's time."""
    png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + bytes(8)

    def sketch(drawing, view, design, style):
        if view.why:
            return figures.Drawn(view, {})
        with themed(style):
            drawing.plot(view, design)
        pdf = f"%PDF {view.title} {view.caption} {view.frame.to_csv()}".encode()
        return figures.Drawn(view, {"png": png, "svg": b"<svg/>", "pdf": pdf})

    monkeypatch.setattr(painters, "draw", sketch)


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def whole(written):
    """The names of a report's figures; with them it has every file that belongs to a report, and no other."""
    names = sorted({path[8:-4] for path in written if path.startswith("figures/")})
    drawn = [f"figures/{name}.{kind}" for name in names for kind in ("png", "svg", "pdf")]
    assert sorted(written) == sorted([*ALWAYS, *drawn])
    return names


def records_of(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Page(HTMLParser):
    """What a browser would find: tags, and every address."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.images = [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        self.images += [dict(attrs)] if tag == "img" else []


FEW = {**SMALL, "init": ["he_normal"], "depth": [2, 5]}


def plausible_any(cell):
    return Outcome(2 if len(cell["activation"]) < 100 else None)


STUDIES = {
    "one cell": ({}, lambda _: Outcome()),
    "one cell diverged": ({}, lambda _: Outcome(diverges=2)),
    "all diverged": (FEW, lambda _: Outcome(diverges=1)),
    "none reaches": (FEW, lambda _: Outcome(None)),
    "no epoch": (FEW, lambda _: Outcome(), 0),
    "one seed": ({**FEW, "seed": [3]}, plausible),
    "depth one": ({"depth": [1], "activation": ["relu", "tanh"]}, lambda _: Outcome()),
    "two data sets": ({"data": ["digits", "mnist"], "init": ["he_normal", "zeros"]}, lambda _: Outcome(3)),
    "hostile names": (
        {"activation": HOSTILE, "init": HOSTILE[:3], "normalization": ["_", "none"]},
        lambda _: Outcome(),
    ),
    "all diverged at step 0": (FEW, lambda _: Outcome(diverges=0)),
    "several losses": ({"loss": ["cross_entropy", "mse", "mine"], "seed": [0, 1]}, lambda _: Outcome(2)),
    "many long names": ({"activation": [*(f"elu_with_a_long_name_{i}" for i in range(18)), "x" * 150]}, plausible_any),
    "hostile clipping": ({"clipping": HOSTILE[:4], "normalization": HOSTILE[1:3]}, lambda _: Outcome()),
}


DRAWN = ("one cell", "all diverged at step 0", "hostile names")
"""Studies whose figures are drawn to the end: the smallest, the emptiest, and the one that is to be escaped."""


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_gets_a_whole_report(name, tmp_path, request):
    if name not in DRAWN:
        request.getfixturevalue("sketched")
    page = write_report(write_study(tmp_path / "in", *STUDIES[name]), tmp_path / "out", OPTIONS)
    assert page == tmp_path / "out" / "index.html"
    written = files(tmp_path / "out")
    drawn = whole(written)
    for path, content in written.items():
        if path.endswith(".svg"):
            ElementTree.fromstring(content)
        if path.endswith(".png"):
            assert len(content) < 500_000
    assert "NaN" not in written["metrics.json"].decode()
    assert all(isinstance(x, int | float | None) for x in json.loads(written["metrics.json"]).values())
    html = written["index.html"].decode()
    found = Page(html)
    assert found.tags.count("img") == html.count('class="enlarge') == len(drawn)
    for figure, topic in FIGURES.items():
        shown = html.count(f'<figure id="figure-{figure}"')
        if figure in drawn:
            assert shown == 1
        else:  # of an answer whose figure nobody could read there are the words
            assert topic.replace("{unit}", "epochs").replace("{Unit}", "Epochs") in unescape(html.split('id="more"')[1])
            assert shown == 0 or figure.startswith("question_")
    assert all(image["alt"] for image in found.images)
    assert found.tags.count("script") == 3  # the page's, the explorer's data and its script
    assert all(address.startswith(("#", "data:")) or address in written for address in found.addresses)


def test_same_bytes_in_any_order_of_rows(small, tmp_path, sketched):
    import pyarrow.parquet as pq

    shuffled = tmp_path / "shuffled"
    shuffled.mkdir()
    for name in records.TABLES:
        table = pq.read_table(small / f"{name}.parquet")
        pq.write_table(table.take(list(range(len(table) - 1, -1, -1))), shuffled / f"{name}.parquet")
    records.write_manifest(json.loads((small / "manifest.json").read_text("utf-8")), shuffled)
    once = files(write_report(small, tmp_path / "once", OPTIONS).parent)
    again = files(write_report(shuffled, tmp_path / "again", OPTIONS).parent)
    assert again == once


def test_headlines_are_the_planted_ones(tmp_path, sketched):
    reach = {2: 1.0, 5: 4.0, 9: None}
    plant = lambda c: Outcome(reach[c["depth"]], diverges=1 if c["depth"] == 9 and c["seed"] else None)  # noqa: E731
    folder = write_study(tmp_path / "in", {"depth": list(reach), "seed": [0, 1], "activation": ["relu", "tanh"]}, plant)
    numbers = json.loads((write_report(folder, tmp_path / "out", OPTIONS).parent / "metrics.json").read_text())
    assert len(numbers) == 10
    assert (numbers["cells"], numbers["diverged"]) == (12, 2)
    assert numbers["success_rate"] == pytest.approx(8 / 12, rel=1e-5)
    assert numbers["depth_9_best_median_epochs"] is None
    assert (numbers["depth_9_success_rate"], numbers["depth_9_rmst"]) == (0, 6)
    best = records_of(tmp_path / "out" / "tables" / "accuracy.csv")[numbers["best_combination"] - 1]
    assert best["combination"] == str(numbers["best_combination"])
    assert (float(best["val_accuracy"]), float(best["test_accuracy"])) == (0.96, pytest.approx(0.86))
    assert (numbers["best_val_accuracy"], numbers["best_test_accuracy"]) == (0.96, pytest.approx(0.86))


def test_a_failing_report_leaves_the_one_before(small, tmp_path, monkeypatch, sketched):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "index.html").write_text("the one before")
    before = files(tmp_path)

    def fail(*_):
        raise RuntimeError

    monkeypatch.setattr(report, "headlines", fail)
    with pytest.raises(RuntimeError):
        write_report(small, tmp_path / "out", Options(confidence=0.9))
    assert files(tmp_path) == before


def test_missing_results_are_one_line(tmp_path):
    with pytest.raises(UserError, match=r"cells\.parquet: missing"):
        write_report(tmp_path / "nothing", tmp_path / "out", OPTIONS)
    assert not (tmp_path / "out").exists()


def test_a_file_where_the_folder_belongs_is_one_line(small, tmp_path):
    (tmp_path / "out").write_text("mine")
    with pytest.raises(UserError, match="no folder"):
        write_report(small, tmp_path / "out", OPTIONS)
    assert (tmp_path / "out").read_text() == "mine"


def cone(cell):
    """Two models with widths of their own beside the others: each has one depth and width."""
    return (cell["depth"], cell["width"]) == {"cone": (3, 64), "thin": (4, 8)}.get(cell["model"], (cell["depth"], 32))


@pytest.mark.parametrize("models", [["mlp", "cone"], ["cone", "mlp", "thin"], ["thin", "cone"]])
def test_models_with_their_own_widths_get_a_report(models, tmp_path, sketched):
    factors = {"model": models, "depth": [2, 3, 4, 5], "width": [8, 32, 64], "seed": [0, 1]}
    planned = lambda c: cone(c) and (c["model"] != "mlp" or c["depth"] in (2, 5))  # noqa: E731
    folder = write_study(tmp_path / "in", factors, lambda _: Outcome(), planned=planned)
    assert whole(files(write_report(folder, tmp_path / "out", OPTIONS).parent))


NUISANCE = [factor for factor in FACTORS if factor not in NEVER_TUNED]
VARYING = {factor: ["none", "other"] for factor in NUISANCE} | {"width": [4, 8], "batch_size": [4, 8], "lr": [0.1, 1.0]}


@pytest.mark.parametrize("factor", NUISANCE)
@pytest.mark.parametrize("others", [{}, {"activation": ["relu", "elu"], "normalization": ["none", "batch"]}])
@pytest.mark.parametrize("varies", [True, False])
def test_every_factor_can_be_tuned_over(factor, others, varies, analysed):
    levels = {**others, factor: VARYING[factor]} if varies else others
    plant = lambda c: Outcome(1 if c[factor] == VARYING[factor][0] else 3)  # noqa: E731
    analysis = analysed(levels, plant, nuisance=(factor,))
    assert factor not in analysis.design.compared
    assert all(len(build(analysis).frame) for build in tables.builders())
    assert all(view.why or len(view.frame) for view in (drawing.show(analysis) for drawing in figures.drawings()))
    assert findings(analysis)


@pytest.mark.parametrize("factor", ["activation", "normalization", "init"])
def test_panels_that_tuning_left_empty_are_drawn(factor, tmp_path, sketched):
    levels = {"init": ["a", "b"], "activation": ["relu", "elu"], "normalization": ["none", "batch"], "depth": [2, 5]}
    folder = write_study(tmp_path / "in", levels, lambda c: Outcome(best_loss=float(c[factor] == levels[factor][0])))
    page = write_report(folder, tmp_path / "out", Options(nuisance=(factor,)))
    assert whole(files(page.parent))


def test_the_page_says_how_to_make_it_with_its_own_options(tmp_path, sketched):
    folder = write_study(tmp_path / "in", {"lr": [0.1, 1.0]}, lambda _: Outcome(), name="mine")
    page = write_report(folder, tmp_path / "out", Options(nuisance=("lr", "clipping")))
    command = "python pipelines/report.py name=mine 'report.nuisance=[lr,clipping]'"
    assert f"<code>{command}</code>" in unescape(page.read_text())
    assert Options().overrides() == []


@pytest.mark.parametrize("epochs", [6, 0])
def test_a_baseline_brings_a_chapter_and_goes_with_it(epochs, tmp_path, sketched):
    levels = {"init": ["he_normal", "zeros"], "activation": ["relu", "tanh"], "depth": [2, 5], "seed": [0, 1]}
    folder = write_study(tmp_path / "in", levels, lambda c: Outcome(1 + c["seed"]), epochs, name="mine")
    baseline = Options(reference=(("init", "he_normal"),))
    page = write_report(folder, tmp_path / "out", baseline)
    without = {*files(write_report(folder, tmp_path / "other", OPTIONS).parent)}
    own = {f"tables/against_reference.{kind}" for kind in ("csv", "md", "tex")}
    own |= {f"figures/against_reference.{kind}" for kind in ("png", "svg", "pdf")}
    assert {*files(page.parent)} - without == own
    assert '<h2 id="reference">Against the baseline</h2>' in page.read_text()
    command = "python pipelines/report.py name=mine 'report.reference={init: he_normal}'"
    assert f"<code>{command}</code>" in unescape(page.read_text())
    assert {*files(write_report(folder, tmp_path / "out", OPTIONS).parent)} == without, "it goes with it"


@pytest.mark.parametrize(("option", "given", "most"), [(None, 3, 3), (1, 3, 1), (2, 1, 2), (None, 500, len(FIGURES))])
def test_as_many_draw_as_the_setting_says_and_no_more_than_there_are_figures(
    option, given, most, small, tmp_path, monkeypatch, sketched
):
    asked = []

    class Alone(painters.Painters):
        def __init__(self, workers):
            asked.append(workers)
            super().__init__(1)

    monkeypatch.setattr(report, "Painters", Alone)
    page = write_report(small, tmp_path / "out", Options(workers=option), given)
    assert asked == [most]
    assert "report.workers" not in page.read_text()


@pytest.mark.parametrize("inside", ["tables/failures.csv", "figures/delta_norm.png", "index.html"])
def test_a_place_that_is_taken_leaves_every_file_as_it_was(inside, small, tmp_path, sketched):
    for name in [*ALWAYS, "figures/delta_norm.png"]:
        (tmp_path / "out" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "out" / name).write_text("old")
    (tmp_path / "out" / inside).unlink()
    (tmp_path / "out" / inside / "kept").mkdir(parents=True)
    before = files(tmp_path)
    with pytest.raises(UserError, match=inside):
        write_report(small, tmp_path / "out", OPTIONS)
    assert files(tmp_path) == before


def test_of_one_cell_there_is_what_a_cell_can_show_and_the_end_says_what_more_would_take(tmp_path, sketched):
    page = write_report(write_study(tmp_path / "in", {}, lambda _: Outcome()), tmp_path / "out", OPTIONS)
    assert whole(files(tmp_path / "out")) == [
        "dead_saturated",
        "delta_norm",
        "learning_curves",
        "predicted_delta",
        "trainable",
    ]
    shown, more = page.read_text().split('<h2 id="more">')
    assert "Missing in this study" not in shown
    assert "+normalization.batch={}" in unescape(more)


def test_only_the_figures_that_are_named_are_made_and_the_page_holds_these(small, tmp_path, sketched):
    write_report(small, tmp_path / "out", OPTIONS)
    (tmp_path / "out" / "figures" / "mine.png").write_bytes(b"mine")
    page = write_report(small, tmp_path / "out", Options(figures=("delta_norm", "question_clipping")))
    written = files(tmp_path / "out")
    assert written.pop("figures/mine.png") == b"mine"
    assert whole(written) == ["delta_norm", "question_clipping"]
    html = page.read_text()
    assert html.count("<figure id=") == html.count("<img") == 2
    assert 'id="table-' not in html
    assert "'report.figures=[delta_norm,question_clipping]'" in unescape(html)


def test_a_figure_for_a_talk_has_larger_type_twice_the_pixels_and_its_own_title(small, tmp_path):
    made = {}
    for style, title in (("paper", None), ("lecture", "What depth does, in 'words'")):
        options = Options(figures=("trainable",), style=style, title=title)
        page = write_report(small, tmp_path / style, options)
        svg = (page.parent / "figures" / "trainable.svg").read_text()
        png = (page.parent / "figures" / "trainable.png").read_bytes()
        made[style] = int.from_bytes(png[16:20], "big"), page.read_text(), svg
    assert made["lecture"][0] > 1.9 * made["paper"][0]
    widths = [int(re.search(r'" width="(\d+)"', html)[1]) for _, html, _ in made.values()]
    assert widths[1] < 1.3 * widths[0], "on the page it is hardly larger"
    assert "<!-- What depth does, in 'words' -->" in made["lecture"][2]
    assert r"""report.title='"'"'What depth does, in \'"'"'words""" in unescape(made["lecture"][1])


def test_another_target_is_met_where_the_curves_meet_it(tmp_path, sketched):
    """Accuracy rises by the line that ``write_study`` draws until it jumps to 0.96 at the fourth epoch."""
    folder = write_study(tmp_path / "in", {"depth": [2], "seed": [0, 1]}, lambda _: Outcome(4.0))
    found = {}
    for target in (None, 0.11, 0.97):
        page = write_report(folder, tmp_path / f"out{target}", Options(target=target))
        numbers = json.loads((page.parent / "metrics.json").read_text())
        found[target] = numbers["success_rate"], numbers["depth_2_best_median_epochs"]
    assert found == {None: (1.0, 4), 0.11: (1.0, 2), 0.97: (0.0, None)}
    assert "97% validation accuracy" in page.read_text()
    with pytest.raises(UserError, match=r"report\.target=0\.8: synthetic trains for no epoch; must be null"):
        write_report(write_study(tmp_path / "still", {}, lambda _: Outcome(), 0), tmp_path / "no", Options(target=0.8))
