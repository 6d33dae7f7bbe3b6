"""The phase diagram: six depth scales over what trained, only where there is a grid."""

import numpy as np
import pytest

from ablation.reporting.figures.beside_theory import phase
from tests.reporting import synthetic
from tests.reporting.figures.drawn import drawn
from tests.reporting.synthetic import Outcome
from tests.reporting.theory.test_mean_field import phi

GRID = {f"sigma_w_{sigma_w:g}": sigma_w for sigma_w in (0.6, 0.9, 1.2, 1.5, 2.0, 2.5)}
LEVELS = {"init": list(GRID), "activation": ["relu", "tanh"], "depth": [2, 8, 32], "seed": [0, 1]}


@pytest.fixture
def grid(monkeypatch):
    monkeypatch.setattr(synthetic, "SIGMA_W2", {label: value**2 for label, value in GRID.items()})


def limit(cell):
    """The depth up to which a rectifier network trains by theory, in closed form."""
    factor = GRID[cell["init"]] ** 2 / 2
    return 6 / abs(np.log(factor))


def test_the_line_is_six_depth_scales():
    sigma_w = np.array([0.6, 1.0, 1.3, 1.9])
    np.testing.assert_allclose(
        phase.depth_limit(phi("relu"), sigma_w, 0.0), 6 / np.abs(np.log(sigma_w**2 / 2)), rtol=1e-6
    )
    np.testing.assert_allclose(
        phase.depth_limit(phi("tanh"), sigma_w[:1], 0.0), 6 / np.abs(np.log(sigma_w[:1] ** 2)), rtol=1e-6
    )
    assert phase.depth_limit(phi("tanh"), np.array([1.0]), 0.0)[0] == np.inf
    assert phase.depth_limit(phi("elu"), np.sqrt([2.0]), 0.0)[0] == np.inf


def test_networks_that_do_as_theory_says(grid, analysed):
    plant = lambda c: Outcome(2.0 if c["depth"] <= limit(c) else None)  # noqa: E731
    analysis = analysed({**LEVELS, "activation": ["relu"]}, plant)
    view = phase.show(analysis)
    assert "relu 100% below the line, 0% above" in view.title
    assert len(view.frame[view.frame["kind"] == "cells"]) == len(GRID) * 3
    figure = drawn(phase, view, analysis.design)
    assert [text.get_text() for text in figure.axes[0].yaxis.get_ticklabels()] == ["2", "8", "32"]


def test_networks_that_do_not(grid, analysed):
    plant = lambda c: Outcome(None if c["depth"] <= limit(c) else 2.0, diverges=1 if c["depth"] == 2 else None)  # noqa: E731
    analysis = analysed({**LEVELS, "activation": ["relu"]}, plant)
    view = phase.show(analysis)
    assert "relu 0% below the line, 100% above" in view.title
    crosses = [line for line in drawn(phase, view, analysis.design).axes[0].get_lines() if line.get_marker() == "x"]
    assert len(crosses[0].get_xdata()) == len(GRID)


def test_a_panel_for_each_activation(grid, analysed):
    analysis = analysed(LEVELS, lambda _: Outcome())
    view = phase.show(analysis)
    assert list(view.columns) == ["tanh", "relu"]
    titles = [axis.get_title() for axis in drawn(phase, view, analysis.design).axes[:2]]
    assert titles == ["tanh", "relu"]


@pytest.mark.parametrize(
    ("levels", "epochs", "why"),
    [
        ({}, 6, "needs 5 values of sigma_w at 2 depths; the study has 1 value at 1 depth"),
        ({"init": list(GRID)}, 6, "the study has 6 values at 1 depth"),
        ({"init": list(GRID), "depth": [2, 4]}, 0, "trains for no epoch"),
        ({"init": list(GRID), "depth": [2, 4], "normalization": ["batch"]}, 6, "network of the study is normalized"),
    ],
)
def test_a_study_without_a_grid_says_why(levels, epochs, why, grid, analysed):
    assert why in phase.show(analysed(levels, lambda _: Outcome(), epochs=epochs)).why
