import json
import time

import pytest
from mlflow import MlflowClient

from ablation import UserError
from ablation.studies import run, tracking
from ablation.studies.engines import run_cohorts
from ablation.studies.engines.cohorts import Limits
from ablation.studies.records import FACTORS, read_results
from ablation.studies.run import run_study
from ablation.studies.tracking import rows
from ablation.studies.tracking.summary import log_summary

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def tracked(study, tmp_path):
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"

    def checked(*overrides):
        return study("tracking=mlflow", f"tracking.uri={uri}", *overrides)

    return checked, MlflowClient, uri


def runs_of(uri, name):
    client = MlflowClient(uri)
    return client, client.search_runs([client.get_experiment_by_name(name).experiment_id])


def test_every_cell_is_a_flat_run_with_factors_metrics_curves_tags_and_data(tracked):
    checked, _, uri = tracked
    small = checked("seed=[0,1]", "lr=[0.1,10000.0]")
    run_study(small)
    client, runs = runs_of(uri, "single")
    cells = read_results(small.results_folder).cells.set_index("key")
    assert {run.data.tags["cell_key"] for run in runs} == set(cells.index)
    for each in runs:
        cell = cells.loc[each.data.tags["cell_key"]]
        assert each.info.run_name == cell.cell
        assert set(each.data.params) == set(FACTORS)
        assert each.data.params["seed"] == str(cell.seed)
        assert each.data.tags["status"] == cell.status
        assert {"study", "cohort"} <= set(each.data.tags)
        assert "mlflow.parentRunId" not in each.data.tags
        assert each.info.status == {"finished": "FINISHED", "diverged": "FAILED"}[cell.status]
        assert each.inputs.dataset_inputs[0].dataset.name == "digits"
        if cell.status == "finished":
            assert each.data.metrics["final/val_loss"] == pytest.approx(cell.val_loss)
            history = client.get_metric_history(each.info.run_id, "val_accuracy")
            assert [point.step for point in history] == [0, 22, 44]
            start = each.info.start_time
            assert [point.timestamp - start for point in history] == [0, 22, 44]
            assert each.info.end_time >= start
            assert [p.value for p in client.get_metric_history(each.info.run_id, "epoch")] == [0, 1, 2]


def test_a_second_pass_adds_nothing_and_a_dropped_database_is_made_again(tracked, tmp_path):
    checked, _, uri = tracked
    run_study(checked("seed=[0,1]"))
    run_study(checked("seed=[0,1]"))
    assert len(runs_of(uri, "single")[1]) == 2
    other = f"sqlite:///{tmp_path / 'other.db'}"
    assert run_study(checked("seed=[0,1]", f"tracking.uri={other}")).trained == 0
    assert len(runs_of(other, "single")[1]) == 2


def test_a_run_that_a_killed_study_left_half_written_is_made_again(tracked):
    checked, _, uri = tracked
    small = checked("seed=[0,1]")
    run_study(small)
    client, runs = runs_of(uri, "single")
    key = runs[0].data.tags["cell_key"]
    client.delete_run(runs[0].info.run_id)
    client.create_run(runs[0].info.experiment_id, tags={"cell_key": key})
    run_study(small)
    _, after = runs_of(uri, "single")
    assert {each.data.tags["cell_key"] for each in after} == {each.data.tags["cell_key"] for each in runs}
    assert [each.info.status for each in after] == ["FINISHED", "FINISHED"]
    assert all(each.data.params for each in after)


def test_known_runs_are_found_through_the_client_as_in_the_database(tracked, monkeypatch):
    checked, _, uri = tracked
    run_study(checked("seed=[0,1]"))
    client, runs = runs_of(uri, "single")
    experiment = runs[0].info.experiment_id
    client.delete_run(runs[0].info.run_id)
    direct = rows.runs_by_tag(client, experiment, "cell_key")
    monkeypatch.setattr(rows, "is_database", lambda client: False)
    assert direct == rows.runs_by_tag(client, experiment, "cell_key")
    assert [(key, status) for key, _, status in direct] == [(runs[1].data.tags["cell_key"], "FINISHED")]


def test_runs_appear_while_the_study_goes_on(tracked, monkeypatch):
    checked, _, uri = tracked
    seen = []
    monkeypatch.setattr(run, "cohort_limits", lambda device, measure: Limits(2**30, 1))

    def watched(*arguments):
        for trained in run_cohorts(*arguments):
            yield trained
            deadline = time.monotonic() + 30
            while len(runs_of(uri, "single")[1]) == len(seen) and time.monotonic() < deadline:
                time.sleep(0.01)
            seen.append(len(runs_of(uri, "single")[1]))

    monkeypatch.setattr(run, "run_cohorts", watched)
    run_study(checked("seed=[0,1,2]"))
    assert seen == [1, 2, 3], "each was there before the next cohort was trained"


def test_runs_written_in_bulk_are_those_of_the_public_client(tracked, tmp_path, monkeypatch):
    checked, _, uri = tracked
    overrides = ("seed=[0,1]", "lr=[0.1,10000.0]", "data=[digits]")
    run_study(checked(*overrides))
    other = f"sqlite:///{tmp_path / 'other.db'}"
    monkeypatch.setattr(tracking, "is_database", lambda client: False)
    run_study(checked(*overrides, f"tracking.uri={other}"))

    def told(uri):
        client, runs = runs_of(uri, "single")
        return {
            each.info.run_name: {
                "tags": {**each.data.tags, "cohort": ""},
                "params": each.data.params,
                "metrics": each.data.metrics,
                "history": [
                    [(point.step, point.value, point.timestamp - each.info.start_time) for point in history]
                    for history in (
                        client.get_metric_history(each.info.run_id, name) for name in sorted(each.data.metrics)
                    )
                ],
                "inputs": [
                    (item.dataset.to_dictionary(), [(tag.key, tag.value) for tag in item.tags])
                    for item in each.inputs.dataset_inputs
                ],
                "status": (each.info.status, each.info.lifecycle_stage),
                "artifacts": each.info.artifact_uri.replace(each.info.run_id, "").rpartition("/mlruns/")[2],
            }
            for each in runs
        }

    assert told(uri) == told(other)
    assert len(told(uri)) == 4


def test_an_unwritable_database_is_told_before_training(tracked, tmp_path):
    checked, _, _ = tracked
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match=r"tracking.uri=sqlite:.*file/mlflow.db: MLflow refuses it"):
        run_study(checked(f"tracking.uri=sqlite:///{tmp_path}/file/mlflow.db"))
    assert not (tmp_path / "results").exists()


def test_a_writer_that_fails_late_leaves_complete_results_and_says_so(tracked, monkeypatch):
    checked, _, uri = tracked
    small = checked("seed=[0,1]")

    def fail(self, runs):
        raise OSError("disk full")

    monkeypatch.setattr(tracking._Mlflow, "_write", fail)
    with pytest.raises(UserError, match=r"disk full.*the results are complete"):
        run_study(small)
    assert len(read_results(small.results_folder).cells) == 2
    monkeypatch.undo()
    assert run_study(small).trained == 0
    assert len(runs_of(uri, "single")[1]) == 2


def test_the_summary_run_holds_tables_and_figures_and_stands_once(tracked, tmp_path):
    checked, _, uri = tracked
    small = checked()
    run_study(small)
    reports = tmp_path / "reports" / "single"
    for name in ("tables/convergence.md", "figures/one.png", "index.html"):
        (reports / name).parent.mkdir(parents=True, exist_ok=True)
        (reports / name).write_text("content")
    manifest = json.loads((small.results_folder / "manifest.json").read_text())
    log_summary(uri, manifest, {"cells": 1, "best": None}, reports)
    run_id = log_summary(uri, manifest, {"cells": 1, "best": None}, reports)
    client, runs = runs_of(uri, "single")
    summaries = [run for run in runs if "summary" in run.data.tags]
    assert [run.info.run_id for run in summaries] == [run_id]
    assert summaries[0].data.metrics == {"cells": 1.0}
    assert "full factorial of 1 cells" in summaries[0].data.tags["mlflow.note.content"]
    assert {item.path for item in client.list_artifacts(run_id)} == {"tables", "figures", "index.html"}
