"""The tables of gradient health."""

import pytest

from ablation.reporting.tables.gradient_health import failures, health
from tests.reporting.synthetic import Outcome


def test_failures_count_every_cell_once_per_factor(small_analysis):
    frame = failures(small_analysis).frame
    classes = frame.columns[3:]
    assert (frame[classes].sum(axis=1) == frame["cells"]).all()
    assert (frame.groupby("factor")["cells"].sum() == len(small_analysis.cells)).all()


def test_health_medians_are_those_of_the_tuned_cells(analysed):
    a = analysed({"depth": [4], "seed": [0, 1, 2]}, lambda c: Outcome(decades=0.1 * (1 + c["seed"])))
    frame = health(a).frame
    assert frame["probe"].tolist() == ["first", "last"]
    assert frame["slope"].tolist() == pytest.approx([0.2, 0.2], rel=1e-5)
    assert frame["ratio"].tolist() == pytest.approx([10**-0.6] * 2, rel=1e-5)
    assert frame["clip_share"].tolist() == pytest.approx([0.25, 0.25])
