"""The heat map of the median epochs."""

import numpy as np

from ablation.reporting.figures.convergence import time_to_target
from tests.reporting.figures.drawn import drawn
from tests.reporting.synthetic import Outcome


def test_heat_map_holds_the_medians_and_what_is_fixed(analysed):
    plant = lambda c: Outcome(None if c["init"] == "zeros" else 2 + (c["clipping"] == "value"))  # noqa: E731
    levels = {"init": ["zeros", "he_normal"], "activation": ["relu", "tanh"], "clipping": ["value", "none"]}
    view = time_to_target.show(analysed(levels, plant))
    assert view.frame.groupby("init", observed=True)["median_epochs"].first().to_dict() == {
        "zeros": np.inf,
        "he_normal": 2,
    }
    assert "Held fixed: no clipping." in view.caption
    soonest = "he_normal + tanh and he_normal + relu: 2 epochs; 8 of 8 combinations tie for the fastest"
    assert view.title == f"At depth 3, soonest to 90% validation accuracy with {soonest}"


def test_the_legend_has_what_is_drawn(analysed):
    levels = {"init": ["zeros", "he_normal"], "activation": ["relu", "tanh"]}
    for outcome, told in (
        (Outcome(2), []),
        (Outcome(None), [">6: not within the horizon"]),
        (Outcome(diverges=1), ["diverged"]),
    ):
        analysis = analysed(levels, lambda _, outcome=outcome: outcome)
        figure = drawn(time_to_target, time_to_target.show(analysis), analysis.design)
        assert [text.get_text() for legend in figure.legends for text in legend.get_texts()] == told
