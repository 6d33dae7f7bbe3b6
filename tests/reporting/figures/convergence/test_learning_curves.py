"""Learning curves count a diverged cell as guessing, to the horizon."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from ablation.reporting.figures.convergence import learning_curves
from tests.reporting.figures.drawn import drawn
from tests.reporting.synthetic import Outcome


def test_learning_curves_count_a_diverged_cell_as_guessing(analysed):
    analysis = analysed({"seed": [0, 1]}, lambda c: Outcome(1, diverges=2 if c["seed"] else None))
    frame = learning_curves.show(analysis).frame.set_index("epoch")
    assert frame.loc[1.0, "mean"] == pytest.approx(0.96)
    assert frame.loc[3.0, "mean"] == pytest.approx((0.96 + 0.1) / 2)
    assert (frame.loc[3.0, "low"], frame.loc[3.0, "high"]) == (0, 1)  # of two seeds


def test_a_cell_keeps_its_accuracy_where_only_others_are_evaluated():
    """Cells of unlike batches, one of which diverges behind its second evaluation."""
    curves = {"row": [0, 0, 0, 1, 1], "epoch": [0, 0.5, 1, 0, 0.75], "val_accuracy": [0.1, 0.6, 0.8, 0.2, 0.7]}
    cells = pd.DataFrame({"diverged": [False, True], "chance": 0.1})
    cells = cells.assign(depth=2, normalization="none", activation="relu", seed=0)
    design = SimpleNamespace(noun="epoch")
    grid = np.array([0, 0.5, 0.75, 1.0])
    analysis = SimpleNamespace(design=design, grid=grid, cells=cells, curves=pd.DataFrame(curves))
    table = learning_curves.accuracy_by_time(analysis, cells)
    assert table["val_accuracy"].tolist() == pytest.approx([0.1, 0.6, 0.6, 0.8, 0.2, 0.2, 0.7, 0.1])
    assert table["epoch"].tolist() == [0, 0.5, 0.75, 1.0] * 2


def test_learning_curves_run_to_the_horizon_whatever_became_of_the_cells(analysed):
    view = learning_curves.show(analysed({"activation": ["relu", "elu"]}, lambda _: Outcome(diverges=0)))
    assert view.frame["epoch"].unique().tolist() == list(range(7))
    assert view.frame["mean"].tolist() == pytest.approx([0.1] * 14)
    assert view.title == "At depth 3, every cell diverged"


@pytest.mark.parametrize(
    ("factors", "line"),
    [
        ({"optimizer": ["sgd", "adam"], "init": ["zeros", "he_normal"]}, "optimizer"),
        ({"optimizer": ["sgd", "adam"], "activation": ["relu", "elu"]}, "activation"),
        ({"batch_size": [8, 64]}, "batch_size"),
        ({"init": ["zeros", "he_normal"]}, "init"),
        ({}, "activation"),
    ],
)
def test_the_lines_are_those_of_a_choice_that_varies(factors, line, analysed):
    analysis = analysed({**factors, "seed": [0, 1]}, lambda c: Outcome(2 + c["seed"]))
    view = learning_curves.show(analysis)
    assert set(view.frame[line]) == set(analysis.design.levels[line])
    figure = drawn(learning_curves, view, analysis.design)
    levels = [text.get_text() for text in figure.legends[0].get_texts()]
    assert [level.split(" ")[-1] for level in levels] == [str(level) for level in analysis.design.levels[line]]
