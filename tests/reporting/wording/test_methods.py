"""The paragraph for a paper: its numbers are the study's, and what it cites is what the project says of itself."""

import re
import tomllib

import pytest
import yaml

from ablation import __version__
from ablation.reporting.wording.methods import AUTHORS, CITATION, TITLE, YEAR, methods, methods_file
from tests.conftest import ROOT
from tests.reporting.synthetic import Outcome


def test_it_tells_the_study(small_analysis):
    text = methods(small_analysis)
    assert text.startswith("We trained fully connected networks with 2 and 20 hidden layers of 16 units: 128 runs")
    assert "of which 8 diverged." in text
    assert "digits (64 inputs, 10 classes; 256 training, 64 validation and 64 test examples)" in text
    assert "initialization: torch_default and he_normal; activation: tanh and relu" in text
    assert "batch (epsilon 0.001, placement before)" in text
    assert "loss cross_entropy" in text
    assert "learning rate was tuned over 0.1 and 1, separately for each combination" in text
    assert "for each seed by the other seeds" in text
    assert "reach 90% validation accuracy" in text
    assert f"{small_analysis.censoring.whole:.1%} of the tuned runs" in text
    assert "PyTorch 2.13.0 on CPUs" in text
    assert CITATION in text
    assert "\n" not in text


@pytest.mark.parametrize(
    ("factors", "more", "says"),
    [
        ({}, {"epochs": 0}, "Nothing was trained; every network was measured at initialization, with 1 seed."),
        ({}, {}, "With one seed there is no interval and no test."),
        ({"lr": [0.1]}, {}, "The learning rate was 0.1."),
        ({"lr": [0.1, 1.0], "seed": [0, 1]}, {"tuning": "same"}, "by the seeds that are reported"),
        ({"optimizer": ["sgd", "adam"]}, {"rates": {"adam": [1e-3, 1e-2]}}, "0.1 for sgd; 0.001 and 0.01 for adam"),
        ({}, {"variance": 1.0}, "digits (64 inputs, regression;"),
        ({"split": [0, 1], "seed": [0, 1]}, {}, ", with split 0 and 1."),
        ({"init": ["a", "b"], "seed": [0, 1]}, {"reference": (("init", "b"),)}, "The baseline was b;"),
    ],
)
def test_it_tells_what_is_special_of_a_study(factors, more, says, analysed):
    assert says in methods(analysed(factors, lambda _: Outcome(), **more))


def test_as_a_file_it_has_the_citation_for_a_bibliography_too(small_analysis):
    text = methods_file(small_analysis)
    assert methods(small_analysis) in text
    assert re.search(r"@software\{ablation, author = \{\{The contributors to ablation\}\}, .*year = \{2026\}", text)


def test_the_version_and_the_citation_are_one_everywhere():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert cited["version"] == project["version"] == __version__
    assert cited["cff-version"] == "1.2.0"
    assert (cited["title"], [author["name"] for author in cited["authors"]]) == (TITLE, [AUTHORS])
    assert cited["license"] == project["license"]
    assert f"(c) {YEAR} the contributors" in (ROOT / "LICENSE").read_text("utf-8")
    assert {"message", "authors", "title", "cff-version"} <= cited.keys(), "what the format asks for"
