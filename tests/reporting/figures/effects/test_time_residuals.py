"""The figure of residuals: what is observed beside what is supposed, or why there is no model."""

import numpy as np

from ablation.reporting.figures.effects import time_residuals
from tests.reporting.figures.drawn import drawn
from tests.reporting.figures.effects.luck import luck
from tests.reporting.synthetic import Outcome

LEVELS = {"activation": ["relu", "tanh", "elu"], "normalization": ["none", "batch"], "seed": [0, 1, 2]}


def planted(cell):
    return Outcome(2 + luck(cell, 5))


def test_both_models_are_held_against_turnbulls_estimate(analysed):
    analysis = analysed(LEVELS, planted, epochs=8)
    view = time_residuals.show(analysis)
    assert view.columns == ["log-normal", "log-logistic"]
    for _, part in view.frame.groupby("law"):
        for curve in ("observed", "supposed"):
            values = part[curve].to_numpy()
            assert (np.diff(values) >= -1e-12).all()
            assert 0 <= values[0] < 0.02
            assert 0.98 < values[-1] <= 1 + 1e-9
    assert "18 of 18 cells of 3 seeds arrive" in view.caption
    gap = view.frame.groupby("law", sort=False)["gap"].max()
    assert f"within {gap.iloc[0]:.0%} of the share" in view.title
    assert len(drawn(time_residuals, view, analysis.design).axes) == 2


def test_without_a_model_it_is_said_why(analysed):
    assert "Too few cells" in time_residuals.show(analysed(LEVELS, lambda _: Outcome(None))).why
    assert time_residuals.show(analysed(LEVELS, planted, epochs=0)).why
    assert time_residuals.show(analysed({}, planted)).why
