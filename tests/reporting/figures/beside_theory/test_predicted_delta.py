"""Theory over measurement: what is drawn, what it says, and what stands in its place."""

import numpy as np
import pytest

from ablation.reporting.figures.beside_theory import predicted_delta
from ablation.reporting.figures.delta_axis import FLOOR
from tests.reporting.figures.drawn import drawn
from tests.reporting.synthetic import Outcome

LEVELS = {"init": ["he_normal", "xavier_normal"], "activation": ["relu", "tanh"], "depth": [10], "seed": [0, 1, 2]}


def test_measured_and_predicted_lines_are_those_of_the_data(analysed):
    plant = lambda c: Outcome(decades=0.15 + 0.01 * c["seed"])  # noqa: E731
    analysis = analysed(LEVELS, plant)
    view = predicted_delta.show(analysis)
    frame = view.frame
    assert len(frame) == 2 * 2 * 10
    part = frame[(frame["init"] == "xavier_normal") & (frame["activation"] == "relu")].sort_values("layer")
    np.testing.assert_allclose(part["median"], 1e-2 * 10 ** (0.16 * (part["layer"] - 10)), rtol=1e-5)
    np.testing.assert_allclose(part["predicted"], 1e-2 * 2 ** (-0.5 * (10 - part["layer"])), rtol=1e-5)
    assert "off (tanh + he_normal + no normalization)" in view.title
    figure = drawn(predicted_delta, view, analysis.design)
    styles = {line.get_linestyle() for line in figure.axes[0].get_lines()}
    assert styles == {"-", "--"}


def test_a_right_prediction_is_said_to_be_right(analysed):
    analysis = analysed(
        {**LEVELS, "init": ["xavier_normal"], "activation": ["relu"]}, lambda _: Outcome(decades=np.log10(2) / 2)
    )
    assert "layer 1's delta lies within a factor 1 of theory" in predicted_delta.show(analysis).title


def test_more_activations_than_panels_are_said_to_be_left_out(analysed):
    names = "identity logistic tanh relu leaky_relu elu selu gelu".split()
    view = predicted_delta.show(
        analysed({"activation": names, "normalization": ["none", "batch", "other"]}, lambda _: Outcome())
    )
    assert len(view.rows) * len(view.columns) <= 12
    assert "6 of 8 levels of activation are shown" in view.caption
    assert "2 of 3 levels of normalization are shown" in view.caption


@pytest.mark.parametrize(
    ("levels", "outcome", "why"),
    [
        ({"depth": [1]}, Outcome(), "one hidden layer"),
        ({}, Outcome(diverges=0), "diverged before"),
        ({"normalization": ["layer"]}, Outcome(), "no theory here"),
    ],
)
def test_what_cannot_be_drawn_says_why(levels, outcome, why, analysed):
    view = predicted_delta.show(analysed(levels, lambda _: outcome))
    assert why in view.why


def test_zeros_stand_on_the_floor(analysed):
    analysis = analysed({"init": ["zeros"], "depth": [4]}, lambda _: Outcome(decades=400.0))
    view = predicted_delta.show(analysis)
    assert view.frame.loc[view.frame["layer"] < 4, ["median", "predicted"]].eq(FLOOR).all(axis=None)
    texts = [text.get_text() for text in drawn(predicted_delta, view, analysis.design).axes[0].texts]
    assert "0 or below 1e-30" in texts
