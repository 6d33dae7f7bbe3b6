"""The axes of the figure on learning rates tell their scale, however few rates there are."""

import matplotlib.pyplot as plt
import pytest

from ablation.reporting.figures.convergence import rate_sensitivity
from tests.reporting.figures.drawn import drawn
from tests.reporting.synthetic import Outcome


@pytest.mark.parametrize("rates", [[0.03, 0.1], [0.1, 0.2, 0.4], [0.01, 0.1, 1.0]])
def test_two_numbers_stand_along_each_axis(rates, analysed):
    levels = {"width": [8, 16], "lr": rates, "seed": [0, 1]}
    analysis = analysed(levels, lambda c: Outcome(best_loss=0.2 + abs(c["lr"] - 0.1) + 0.01 * c["width"]))
    figure = drawn(rate_sensitivity, rate_sensitivity.show(analysis), analysis.design)
    figure.canvas.draw()
    axis = figure.axes[0].xaxis
    low, high = axis.get_view_interval()
    ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    shown = {tick.label1.get_text() for tick in ticks if low <= tick.get_loc() <= high} - {""}
    assert len(shown) >= 2
    plt.close(figure)
