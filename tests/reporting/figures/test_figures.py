"""What holds of every figure: it says why it cannot be drawn, keeps its panels few, and leaves them room."""

import pytest

from ablation.reporting.figures import draw, drawings, name_of
from ablation.reporting.figures.view import View
from ablation.reporting.options import DRAWABLE
from ablation.reporting.questions import QUESTIONS
from tests.reporting.figures.drawn import drawn
from tests.reporting.synthetic import Outcome

EVERY = pytest.mark.parametrize("drawing", drawings(), ids=lambda drawing: drawing.__name__.rpartition(".")[2])


def test_the_options_know_every_figure():
    assert (*map(name_of, drawings()), *(question.NAME for question in QUESTIONS)) == DRAWABLE


def test_panels_stay_few_and_say_what_is_left_out(analysed):
    levels = {"depth": range(1, 13), "normalization": ["none", "batch"], "activation": ["relu", "tanh"]}
    analysis = analysed(levels, lambda _: Outcome())
    for drawing in drawings():
        view = drawing.show(analysis)
        assert len(view.rows) * len(view.columns) <= 12
        shown = view.frame["depth"].nunique() if "depth" in view.frame else 0
        if 1 < shown < 12:
            assert f" {shown} of 12 levels of depth are shown" in view.caption


@EVERY
def test_what_cannot_be_drawn_says_why(drawing, analysed):
    view = drawing.show(analysed({"depth": [1]}, lambda _: Outcome(), epochs=0))
    assert view.why.endswith(".") or len(view.frame) > 0
    assert isinstance(view, View)
    assert not view.why or draw(drawing, view, None).files == {}


@EVERY
def test_nineteen_long_names_leave_room_for_the_panels(drawing, analysed):
    levels = {"activation": [*(f"elu_with_a_long_name_{i}" for i in range(18)), "x" * 150], "depth": [2, 5]}
    a = analysed(levels, lambda _: Outcome())
    view = drawing.show(a)
    if view.why:
        return
    figure = drawn(drawing, view, a.design)
    panels = [axis for axis in figure.axes if axis.axison]
    heights = [axis.get_window_extent().height / figure.dpi for axis in panels]
    assert min(heights) > 0.5
    top = max(axis.get_tightbbox().y1 for axis in panels)
    assert figure._suptitle.get_window_extent().y0 >= top - 1
    for legend in figure.legends:
        assert legend.get_window_extent().y1 <= min(axis.get_window_extent().y0 for axis in panels)
