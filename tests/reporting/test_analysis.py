"""Effects alone, without a look at the layers, are those of the whole analysis."""

import pandas as pd

from ablation.records.files import read_results
from ablation.reporting.analysis import effects_of
from ablation.reporting.options import Options


def test_effects_need_no_layers_and_are_those_of_the_analysis(small, small_analysis):
    design, found = effects_of(read_results(small, layers=False), Options())
    assert design == small_analysis.design
    for one, other in zip(found, small_analysis.effects, strict=True):
        assert (one.y == other.y).all()
        pd.testing.assert_frame_equal(one.table, other.table)
