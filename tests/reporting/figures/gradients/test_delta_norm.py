"""Delta over depth: the floor, exact zeros, and plain numbers on its axis."""

import pytest

from ablation.reporting.figures.delta_axis import FLOOR
from ablation.reporting.figures.gradients import dead_saturated, delta_norm
from tests.reporting.figures.drawn import drawn
from tests.reporting.synthetic import Outcome


def test_delta_beyond_the_floor_stands_on_it(analysed):
    view = delta_norm.show(analysed({"depth": [10]}, lambda _: Outcome(decades=5.0)))
    assert view.frame["median"].min() == pytest.approx(FLOOR)
    assert "loses 28.0 decades" in view.title


def test_one_exact_zero_does_not_stand_for_all_seeds(analysed):
    view = delta_norm.show(
        analysed({"depth": [4], "seed": [0, 1, 2]}, lambda c: Outcome(decades=0.1 if c["seed"] else 40.0))
    )
    first = view.frame[(view.frame["probe"] == "last") & (view.frame["layer"] == 1)].iloc[0]
    assert first["median"] == pytest.approx(10**-2.3, rel=1e-5)
    assert first["low"] == pytest.approx(FLOOR)
    assert "Median over 3 seeds" in view.caption


def test_axes_of_delta_and_layers_are_plain_numbers(analysed):
    a = analysed({"depth": [1, 4]}, lambda _: Outcome(decades=0.05))
    axis = drawn(delta_norm, delta_norm.show(a), a.design).axes[0]
    labels = [text.get_text() for text in axis.yaxis.get_ticklabels(which="both")]
    assert not any("$" in text for text in labels)
    assert len([text for text in labels if text]) >= 2
    low, high = axis.get_ylim()
    assert high / low >= 10
    one = drawn(dead_saturated, dead_saturated.show(a), a.design).axes[0]
    assert one.get_title().startswith("depth 1")
    ticks = [tick for tick in one.get_xticks() if 0.5 <= tick <= 1.5]
    assert ticks == [1]
