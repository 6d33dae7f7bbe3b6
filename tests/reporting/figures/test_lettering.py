"""Names whose letters the figures' font lacks are written there so that they can be told apart, with no box."""

import pytest

from ablation.reporting.figures import draw
from ablation.reporting.figures.convergence import success_curves
from ablation.reporting.figures.lettering import drawable, legible, named, spelled
from ablation.reporting.findings.opening import opening
from ablation.reporting.page.page import render
from tests.reporting.synthetic import Outcome

NAMES = ["relu", "\u6fc0\u6d3b\u51fd\u6570", "\u6fc0\u6d3b", "\ud65c\uc131\ud654", "\u3064\u3044", "\u0646\u0634\u0637"]
NAMES += ["\U0001f389", "\\u6fc0\\u6d3b", "caf\u00e9", "\u03b1-relu"]


@pytest.fixture
def analysis(analysed):
    return analysed({"activation": NAMES}, lambda _: Outcome())


def test_every_letter_of_a_name_is_in_the_font_and_no_two_names_are_alike(analysis):
    shown = [named(analysis.design, "activation", name, 60) for name in NAMES]
    assert all(map(drawable, "".join(shown)))
    assert len(set(shown)) == len(NAMES)
    assert shown[0] == "relu"
    assert [shown[5], shown[8], shown[9]] == ["\u0646\u0634\u0637", "caf\u00e9", "\u03b1-relu"], "the font has these"
    assert shown[3] == r"\ud65c\uc131\ud654"


def test_a_figure_of_such_names_has_no_box(analysis):
    # matplotlib warns of a letter that its font lacks, and here warnings are errors.
    view = success_curves.show(analysis)
    assert not draw(success_curves, view, analysis.design).view.why


def test_a_title_keeps_its_lines_and_the_page_says_what_is_meant_and_has_the_letters(analysis):
    assert legible("a \u6fc0\nb") == "a \\u6fc0\nb"
    assert rf"\ud65c\uc131\ud654 is {NAMES[3]}" in spelled(analysis.design)
    html = render(analysis, opening(analysis), None, [], [])
    assert "written by their code points" in html
    assert all(name in html for name in NAMES[:7])
    assert "relu is" not in " ".join(spelled(analysis.design))


def test_where_the_font_has_every_letter_nothing_is_said(small_analysis):
    assert spelled(small_analysis.design) == []
    assert "code points" not in render(small_analysis, opening(small_analysis), None, [], [])
