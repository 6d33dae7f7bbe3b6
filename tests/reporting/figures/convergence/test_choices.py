"""What each choice does: means of planted times, at each depth, the weightiest choice first."""

import pytest

from ablation.reporting.figures.convergence import choices
from tests.reporting.figures.drawn import drawn
from tests.reporting.figures.effects.luck import luck
from tests.reporting.synthetic import Outcome

FACTORS = {
    "init": ["he_normal", "zeros"],
    "activation": ["relu", "tanh", "elu"],
    "normalization": ["none", "batch"],
    "depth": [2, 8],
    "seed": [0, 1, 2],
}


def planted(cell):
    return Outcome(2 + 4 * (cell["normalization"] == "none") + (cell["depth"] == 8) + luck(cell, 3) / 4)


def test_the_weightiest_choice_comes_first_and_means_are_those_of_the_cells(analysed):
    analysis = analysed(FACTORS, planted, 15)
    view = choices.show(analysis)
    assert view.columns[0] == "normalization"
    assert sorted(view.columns) == ["activation", "init", "normalization"]
    assert view.title.startswith("Of 3 choices, normalization changes the epochs to 90% validation accuracy most, ")
    for row in view.frame.to_dict("records"):
        cells = analysis.tuned[(analysis.tuned[row["factor"]] == row["level"])]
        cells = cells[cells["depth"] == row["depth"]]
        assert row["mean"] == pytest.approx(cells["time"].mean())
        assert not row["low"] > row["mean"]  # none where all seeds agree
        assert not row["high"] < row["mean"]
    assert len(view.frame) == 2 * (2 + 3 + 2)


def test_each_level_has_a_row_in_its_order_and_each_depth_a_color(analysed):
    analysis = analysed(FACTORS, planted, 15)
    figure = drawn(choices, choices.show(analysis), analysis.design)
    names = [[label.get_text() for label in axis.get_yticklabels()] for axis in figure.axes]
    assert names[0] == ["none", "batch"]
    assert ["tanh", "relu", "elu"] in names, "activations by meaning"
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["depth 2", "depth 8"]
    assert figure.axes[0].yaxis_inverted()


def test_depth_alone_is_its_own_choice(analysed):
    view = choices.show(analysed({"depth": [2, 8], "seed": [0, 1, 2]}, planted, 15))
    assert list(view.columns) == ["depth"]
    assert len(view.frame) == 2


@pytest.mark.parametrize(("factors", "epochs", "why"), [({}, 6, "No factor varies"), (FACTORS, 0, "no epoch")])
def test_without_choices_or_training_there_is_no_figure(factors, epochs, why, analysed):
    assert why in choices.show(analysed(factors, lambda _: Outcome(), epochs)).why
