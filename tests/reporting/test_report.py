"""Whole reports: every kind of study gets one, complete, escaped, and the same bytes twice."""

import json
import xml.etree.ElementTree as ElementTree
from html.parser import HTMLParser

import pytest

from ablation import UserError
from ablation.reporting import figures
from ablation.reporting.design import Options
from ablation.reporting.report import write_report
from tests.reporting.synthetic import SMALL, Outcome, plausible, write_study

FIGURES = "time_to_target learning_curves delta_norm dead_saturated batchnorm_vs_clipping success_curves".split()
TABLES = "convergence health failures best_worst learning_rate performance_profile".split()
FILES = sorted(
    ["index.html", "metrics.json"]
    + [f"figures/{name}.{kind}" for name in FIGURES for kind in ("png", "svg")]
    + [f"tables/{name}.{kind}" for name in TABLES for kind in ("csv", "md")]
)
OPTIONS = Options(bootstrap=100)
HOSTILE = ["<script>alert(1)</script>", "%", "_", "a|b", "$x^2$", "=1+1", "y" * 200, "{{ 7*7 }}", '"><img src=x>']


@pytest.fixture(scope="module")
def small_report(small, tmp_path_factory):
    return write_report(small, tmp_path_factory.mktemp("reports") / "small", OPTIONS).parent


def files(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


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
STUDIES = {
    "one cell": ({}, lambda _: Outcome()),
    "one cell diverged": ({}, lambda _: Outcome(diverges=2)),
    "all diverged": (FEW, lambda _: Outcome(diverges=1)),
    "none reaches": (FEW, lambda _: Outcome(None)),
    "one seed": ({**FEW, "seed": [3]}, plausible),
    "depth one": ({"depth": [1], "activation": ["relu", "tanh"]}, lambda _: Outcome()),
    "two data sets": ({"data": ["digits", "mnist"], "init": ["he_normal", "zeros"]}, lambda _: Outcome(3)),
    "hostile names": (
        {"activation": HOSTILE, "init": HOSTILE[:3], "normalization": ["_", "none"]},
        lambda _: Outcome(),
    ),
    "hostile clipping": ({"clipping": HOSTILE[:4], "normalization": HOSTILE[1:3]}, lambda _: Outcome()),
}


@pytest.mark.parametrize("name", STUDIES)
def test_every_study_gets_a_whole_report(name, tmp_path):
    page = write_report(write_study(tmp_path / "in", *STUDIES[name]), tmp_path / "out", OPTIONS)
    assert page == tmp_path / "out" / "index.html"
    written = files(tmp_path / "out")
    assert sorted(written) == FILES
    for path, content in written.items():
        if path.endswith(".svg"):
            ElementTree.fromstring(content)
        if path.endswith(".png"):
            assert len(content) < 500_000
    assert "NaN" not in written["metrics.json"].decode()
    assert all(isinstance(x, int | float | None) for x in json.loads(written["metrics.json"]).values())
    found = Page(written["index.html"].decode())
    assert found.tags.count("img") == len(FIGURES)
    assert all(image["alt"] for image in found.images)
    assert found.tags.count("script") == 1
    assert all(address.startswith(("#", "data:")) for address in found.addresses)


def test_same_bytes_twice_and_in_any_order_of_rows(small, small_report, tmp_path):
    import pyarrow.parquet as pq

    shuffled = tmp_path / "shuffled"
    shuffled.mkdir()
    (shuffled / "manifest.json").write_bytes((small / "manifest.json").read_bytes())
    for name in ("cells", "curves", "layers"):
        table = pq.read_table(small / f"{name}.parquet")
        pq.write_table(table.take(list(range(len(table) - 1, -1, -1))), shuffled / f"{name}.parquet")
    again = files(write_report(shuffled, tmp_path / "again", OPTIONS).parent)
    assert again == files(small_report)


def test_headlines_are_the_planted_ones(tmp_path):
    reach = {2: 1.0, 5: 4.0, 9: None}
    plant = lambda c: Outcome(reach[c["depth"]], diverges=1 if c["depth"] == 9 and c["seed"] else None)  # noqa: E731
    folder = write_study(tmp_path / "in", {"depth": list(reach), "seed": [0, 1], "activation": ["relu", "tanh"]}, plant)
    numbers = json.loads((write_report(folder, tmp_path / "out", OPTIONS).parent / "metrics.json").read_text())
    assert (numbers["cells"], numbers["finished"], numbers["diverged"]) == (12, 10, 2)
    assert numbers["success_rate"] == pytest.approx(8 / 12, rel=1e-5)
    assert [numbers[f"depth_{depth}_best_median_epochs"] for depth in reach] == [1, 4, None]
    assert numbers["share_diverged"] == pytest.approx(2 / 12, rel=1e-5)


def test_a_failing_report_leaves_the_one_before(small, tmp_path, monkeypatch):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "index.html").write_text("the one before")
    before = files(tmp_path)

    def fail(*_):
        raise RuntimeError

    monkeypatch.setattr(figures, "draw", fail)
    with pytest.raises(RuntimeError):
        write_report(small, tmp_path / "out", Options(bootstrap=7))
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
