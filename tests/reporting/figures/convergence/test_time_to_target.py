"""The heat map of the median epochs."""

import numpy as np

from ablation.reporting.figures.convergence import time_to_target
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
    assert view.title == "At depth 3, he_normal + tanh is among the fastest to 90% validation accuracy: 2 epochs"
