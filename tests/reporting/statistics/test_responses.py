"""Times to target as a response: never infinite, and of a cell that is there from the start half the soonest time."""

from dataclasses import replace

import pandas as pd
import pytest

from ablation.reporting.design import read_design
from ablation.reporting.statistics.responses import responses
from tests.reporting.synthetic import Outcome


def test_a_target_met_at_the_start_counts_as_half_the_first_evaluations_time(analysed):
    analysis = analysed({"seed": [0, 1, 2]}, lambda c: Outcome({0: 0, 1: 3, 2: None}[c["seed"]]))
    cells, design = analysis.tuned, analysis.design

    def times(design):
        return (10 ** responses(cells, design)[0].values).tolist()

    assert times(design) == pytest.approx([0.5, 3, 6])
    assert times(replace(design, soonest=0.25)) == pytest.approx([0.125, 3, 6])
    assert times(replace(design, horizon=0.5)) == pytest.approx([0.25, 0.5, 0.5])


@pytest.mark.parametrize(
    ("training", "soonest"), [({}, 1), ({"evaluations": []}, 1), ({"evaluations": [0.25, 2.5]}, 0.25)]
)
def test_the_soonest_evaluation_is_read_off_the_manifest(analysed, training, soonest):
    manifest = dict(analysed({}, lambda _: Outcome()).manifest)
    manifest["config"] = {"training": training}
    cells = pd.DataFrame(dict(manifest["factors"]))
    assert read_design(manifest, cells, ["lr"]).soonest == soonest
