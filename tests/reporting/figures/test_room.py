"""However many levels a study has, each of its figures can be read, or a sentence says why there is none."""

import random

import pytest
from matplotlib.figure import Figure

from ablation.reporting.figures import draw, drawings
from ablation.reporting.figures.convergence import time_to_target
from ablation.reporting.figures.room import FLAT, LINES, PANELS, PLACES, SIDE, fitting, places, unreadable
from ablation.reporting.figures.view import few
from ablation.reporting.questions import QUESTIONS, ask_all
from tests.reporting.figures.drawn import drawn
from tests.reporting.synthetic import Outcome

KINDS = ["logistic", "tanh", "relu", "elu"]
STUDIES = {
    "activations": {"activation": [*KINDS, *(f"unit_{i}" for i in range(24))], "depth": range(1, 7)},
    "initializers": {"init": ["zeros", *(f"init_{i}" for i in range(26))], "activation": [*KINDS, "a", "b"]},
    "pairs": {"normalization": ["none", "batch", *"abcdefghij"], "clipping": ["none", *(f"c{i}" for i in range(25))]},
}


@pytest.fixture(params=STUDIES)
def analysis(request, analysed):
    def plant(cell):
        number = sum(map(ord, str(cell)))
        return Outcome(1 + number % 3 if number % 4 else None, decades=number % 5 / 9)

    return analysed(STUDIES[request.param], plant, epochs=3)


@pytest.mark.slow
def test_figures_of_many_levels_stay_readable_and_say_what_they_leave_out(analysis):
    design = analysis.design
    views = [(drawing, drawing.show(analysis)) for drawing in drawings()]
    views += [(question, asked.view) for question, asked in zip(QUESTIONS, ask_all(analysis), strict=True)]
    for drawing, view in views:
        if view.why:
            continue
        figure = drawn(drawing, view, design)
        assert not unreadable(figure, design.levels), view.name
        width, height = figure.bbox.width, figure.bbox.height
        for legend in figure.legends:
            box = legend.get_window_extent()
            assert 0 <= box.x0 < box.x1 <= width + 1, view.name
            assert 0 <= box.y0 < box.y1 <= height, view.name
            assert len(legend.get_texts()) <= LINES + 2
        for axis in figure.axes:
            for ticks in (axis.get_xticklabels(), axis.get_yticklabels()):
                assert len(ticks) <= PLACES
        if drawing in QUESTIONS:  # which are of some levels by their nature
            continue
        for factor in ("activation", "init", "clipping", "normalization"):
            if factor in view.frame and 1 < view.frame[factor].nunique() < len(design.levels[factor]):
                assert f" levels of {factor} are shown" in view.caption, (view.name, factor)


@pytest.mark.slow
def test_names_that_only_their_whole_length_tells_apart_are_no_figure(analysed):
    letters = random.Random(0)
    names = ["".join(letters.choices("ab", k=150)) + "x" * 60 for _ in range(9)]
    names = ["y" * 60 + name for name in names]
    analysis = analysed({"activation": names, "depth": [2, 5]}, lambda _: Outcome())
    made = draw(time_to_target, time_to_target.show(analysis), analysis.design)
    assert made.view.why.startswith("It would be ")
    assert "would make it readable" in made.view.why
    assert made.files == {}


@pytest.mark.parametrize(
    ("size", "panels", "why"),
    [
        ((8, 4), (1, 2), ""),
        ((SIDE + 1, 12), (1, 2), "It would be 18 by 12 inches large"),
        ((9, 9 / FLAT - 0.1), (1, 2), "It would be 9 by 3 inches large"),
        ((12, 10), (4, 4), f"It would have {PANELS + 4} panels"),
        ((4, 3), (1, 11), "Its panels would be too small"),
    ],
)
def test_what_cannot_be_read(size, panels, why):
    figure = Figure(figsize=size)
    figure.subplots(*panels)
    said = unreadable(figure, {"activation": ["a", "b", "c"], "depth": [2]})
    assert said.startswith(why)
    assert bool(said) is bool(why)
    if why:
        assert "fewer levels, as activation=[a,c], would make it readable" in said


def test_what_is_told_is_among_the_few():
    assert few(range(30), 4, keep=[7]) == [0, 7, 15, 29]
    assert few(range(3), 2, keep=[1, 2]) == [1, 2]
    assert few(range(3), 1, keep=[1, 2]) == [1, 2]


def test_panels_and_places_fit():
    assert (fitting(2.0), fitting(100.0), fitting(3.0, 2)) == (7, 1, 2)
    assert (places(1), places(8), places(1000)) == (PLACES, 10, 2)
