"""Learning curves count a diverged cell as guessing, to the horizon."""

import pytest

from ablation.reporting.figures.convergence import learning_curves
from tests.reporting.synthetic import Outcome


def test_learning_curves_count_a_diverged_cell_as_guessing(analysed):
    analysis = analysed({"seed": [0, 1]}, lambda c: Outcome(1, diverges=2 if c["seed"] else None))
    frame = learning_curves.show(analysis).frame.set_index("epoch")
    assert frame.loc[1.0, "mean"] == pytest.approx(0.96)
    assert frame.loc[3.0, "mean"] == pytest.approx((0.96 + 0.1) / 2)
    assert (frame.loc[3.0, "low"], frame.loc[3.0, "high"]) == (0, 1)  # of two seeds


def test_learning_curves_run_to_the_horizon_whatever_became_of_the_cells(analysed):
    view = learning_curves.show(analysed({"activation": ["relu", "elu"]}, lambda _: Outcome(diverges=0)))
    assert view.frame["epoch"].unique().tolist() == list(range(7))
    assert view.frame["mean"].tolist() == pytest.approx([0.1] * 14)
    assert view.title == "At depth 3, every cell diverged"
