"""What the shared view shows is there, and fits into a tag; that the interface draws it was looked at."""

import json

import pytest

from ablation.records.columns import FACTORS
from ablation.studies.run import run_study
from ablation.studies.tracking.view import link, shared_view
from tests.studies.tracking.runs import runs_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

LONGEST_TAG = 5000
"""Letters of an experiment's tag, by MLflow's own limit."""


def test_every_chart_shows_a_metric_that_some_run_has(tracked):
    checked, _, uri = tracked
    small = checked(
        "activation=[relu,tanh]", "clipping=[none,value]", "depth=4", "lr=0.5", "width=32", "training.epochs=8"
    )
    run_study(small)
    client, runs = runs_of(uri, "single")
    metrics = {name for run in runs for name in run.data.metrics}
    experiment = client.get_experiment_by_name("single")
    state = json.loads(experiment.tags["mlflow.sharedViewState.curves"])
    sections = {section["uuid"] for section in state["compareRunSections"]}
    for chart in state["compareRunCharts"]:
        assert chart["metricKey"] in metrics
        assert chart["metricSectionId"] in sections
        assert (chart["type"] == "BAR") == chart["metricKey"].startswith("final/")
    assert {column for column in state["selectedColumns"] if column.startswith("params")} == {
        "params.`activation`",
        "params.`clipping`",
    }
    assert link(experiment.experiment_id) in experiment.tags["mlflow.note.content"].splitlines()[0]
    found = client.search_runs(
        [experiment.experiment_id], state["searchFilter"], order_by=[f"{state['orderByKey']} DESC"]
    )
    assert {run.info.run_id for run in found} == {run.info.run_id for run in runs}
    best = [run.data.metrics["final/best_val_accuracy"] for run in found]
    assert best == sorted(best, reverse=True)


def test_the_largest_view_fits_into_a_tag():
    name, value = shared_view("epochs", FACTORS)
    assert name.endswith(".curves")
    assert len(value) < LONGEST_TAG
