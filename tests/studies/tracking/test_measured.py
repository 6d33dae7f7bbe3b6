"""What MLflow is told of a cell is what stands in the study's tables, and its fate what the report says of it."""

import numpy as np
import pytest

from ablation.records.fates import CLASSES
from ablation.records.files import read_results
from ablation.reporting.analysis import analyse
from ablation.reporting.options import Options
from ablation.studies.run import run_study
from ablation.studies.tracking.measured import FEWEST, MOST, points_of
from tests.studies.tracking.runs import runs_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def by_key(uri):
    client, runs = runs_of(uri, "single")
    return client, {run.data.tags["cell_key"]: run for run in runs}


def test_the_curves_of_layers_are_those_of_the_table(tracked):
    checked, _, uri = tracked
    small = checked("activation=[relu,tanh]", "depth=[1,2,5]", "clipping=[none,value]", "clipping.value.threshold=1e-3")
    run_study(small)
    client, runs = by_key(uri)
    results = read_results(small.results_folder)
    layers = results.layers.set_index(["key", "step", "layer"])
    for cell in results.cells.itertuples():
        run_id = runs[cell.key].info.run_id
        steps = sorted({step for key, step, _ in layers.index if key == cell.key})
        own = layers.loc[cell.key]
        expected = {
            "delta_norm/first": own["delta_norm"].xs(1, level="layer"),
            "delta_norm/last": own["delta_norm"].xs(cell.depth, level="layer"),
            "update_ratio/first": own["update_ratio"].xs(1, level="layer")[1:],  # none before the first step
            "dead_fraction/worst": own["dead_fraction"].groupby("step").max(),
        }
        if cell.activation == "tanh":
            expected["saturated_fraction/worst"] = own["saturated_fraction"].groupby("step").max()
        if cell.depth == 5:
            expected["delta_norm/middle"] = own["delta_norm"].xs(3, level="layer")
        told = {name for name in runs[cell.key].data.metrics if "/" in name and not name.startswith("final/")}
        assert told == set(expected)
        assert len(steps) < MOST
        for name, values in expected.items():
            history = {point.step: point.value for point in client.get_metric_history(run_id, name)}
            assert history == pytest.approx(values.to_dict(), rel=1e-6)
        assert ("clip_fraction" in runs[cell.key].data.metrics) == (cell.clipping == "value")


def test_a_cells_fate_is_what_the_report_says(tracked):
    checked, _, uri = tracked
    small = checked(
        "init=[zeros,he_normal,normal]",
        "init.normal.sigma=3.0",
        "activation=[relu,logistic]",
        "clipping=[none,value]",
        "clipping.value.threshold=0.01",
        "depth=[2,6]",
        "lr=[1e-4,0.5,1e30]",
        "training.epochs=6",
    )
    run_study(small)
    _, runs = by_key(uri)
    cells = analyse(read_results(small.results_folder), Options()).cells
    assert len(runs) == len(cells)
    assert len({*cells["failure"]}) >= 5, "a study in which much goes wrong"
    for cell in cells.itertuples():
        tags, metrics = runs[cell.key].data.tags, runs[cell.key].data.metrics
        assert tags["failure"] == cell.failure
        assert CLASSES[int(metrics["final/failure_class"])] == cell.failure
        assert metrics.get("final/epochs_to_target", np.inf) == pytest.approx(cell.epochs_primary)
        if cell.clipping == "value" and np.isfinite(cell.clip_share):
            assert metrics["final/clip_share"] == pytest.approx(cell.clip_share, abs=1e-6)


def test_a_horizon_in_steps_has_its_times_in_steps(tracked):
    checked, _, uri = tracked
    small = checked("training.steps=128", "batch_size=[64,128]", "lr=0.5", "width=32")
    run_study(small)
    client, runs = by_key(uri)
    cells = analyse(read_results(small.results_folder), Options()).cells
    assert np.isfinite(cells["steps_primary"]).any()
    for cell in cells.itertuples():
        run = runs[cell.key]
        assert run.data.metrics.get("final/steps_to_target", np.inf) == cell.steps_primary
        # Epochs of several lengths, which the step does not tell.
        epochs = {point.step: point.value for point in client.get_metric_history(run.info.run_id, "epoch")}
        steps = {64: 16, 128: 8}[cell.batch_size]
        assert epochs == pytest.approx({step: step / steps for step in epochs})


def test_what_a_cell_ended_with_is_a_bar_and_not_a_line_in_the_interface(tracked):
    checked, _, uri = tracked
    run_study(checked())
    client, (run,) = runs_of(uri, "single")
    for name in run.data.metrics:
        (*_, last) = client.get_metric_history(run.info.run_id, name)
        assert (last.step == 0) == name.startswith("final/")


@pytest.mark.parametrize(("cells", "points"), [(1, MOST), (1000, MOST), (3240, 15), (9000, 5), (100_000, FEWEST)])
def test_the_larger_a_study_the_fewer_points_has_a_curve(cells, points):
    assert points_of(cells) == points
