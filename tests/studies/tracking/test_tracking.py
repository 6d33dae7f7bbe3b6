import json
import shlex
import socket
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from mlflow import MlflowClient
from sqlalchemy import event
from sqlalchemy.engine import Engine

from ablation import UserError
from ablation.records.columns import FACTORS
from ablation.records.files import read_results
from ablation.studies import rounds, run, tracking
from ablation.studies.engines import run_cohorts
from ablation.studies.engines.cohorts import Limits
from ablation.studies.run import run_study
from ablation.studies.tracking import cell_runs, rows
from ablation.studies.tracking.client import connect, find_experiment, refused
from ablation.studies.tracking.summary import log_summary, study_note
from tests.studies.tracking.runs import runs_of

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def test_every_cell_is_a_flat_run_with_factors_metrics_curves_tags_and_data(tracked):
    checked, _, uri = tracked
    small = checked("seed=[0,1]", "lr=[0.1,1e30]")
    run_study(small)
    client, runs = runs_of(uri, "single")
    cells = read_results(small.results_folder).cells.set_index("key")
    assert {run.data.tags["cell_key"] for run in runs} == set(cells.index)
    for each in runs:
        cell = cells.loc[each.data.tags["cell_key"]]
        assert each.data.tags["cell"] == cell.cell
        assert each.info.run_name == f"lr{cell.lr}-s{cell.seed}", "what varies, and no more"
        assert set(each.data.params) == set(FACTORS)
        assert each.data.params["seed"] == str(cell.seed)
        assert each.data.tags["status"] == cell.status
        assert {"study", "cohort"} <= set(each.data.tags)
        assert each.data.tags["preset"] == "single"
        assert shlex.split(each.data.tags["command"])[:3] == ["python", "pipelines/study.py", "study=single"]
        assert "lr=[0.1,1e30]" in shlex.split(each.data.tags["command"])
        assert each.data.tags["mlflow.source.name"] == "pipelines/study.py"
        assert "mlflow.parentRunId" not in each.data.tags
        assert each.info.status == {"finished": "FINISHED", "diverged": "FAILED"}[cell.status]
        assert each.inputs.dataset_inputs[0].dataset.name == "digits"
        if cell.status == "finished":
            assert each.data.metrics["val_loss"] == pytest.approx(cell.val_loss)
            assert each.data.metrics["final/val_accuracy"] == pytest.approx(cell.val_accuracy)
            assert each.data.metrics["final/test_accuracy"] == pytest.approx(cell.test_accuracy)
            history = client.get_metric_history(each.info.run_id, "val_accuracy")
            steps = [0, 4, 8, 12, 16, 20, 24, 28, 32]
            assert [point.step for point in history] == steps
            start = each.info.start_time
            assert [point.timestamp - start for point in history] == steps
            assert each.info.end_time >= start


def test_a_cell_that_is_known_by_another_is_a_run_that_says_so(tracked):
    checked, _, uri = tracked
    assert run_study(checked("clipping=[none,value]", "clipping.value.threshold=5.0", "seed=[0,1]")).known == 2
    client, runs = runs_of(uri, "single")
    by_name = {run.data.tags["cell"]: run for run in runs}
    copies = {run.data.tags["cell"]: run.data.tags["copy_of"] for run in runs if "copy_of" in run.data.tags}
    assert (len(copies), len(by_name)) == (2, 4)
    for copy, original in copies.items():
        one, other = by_name[copy], by_name[original]
        assert (one.data.params["clipping"], other.data.params["clipping"]) == ("value", "none")
        clipping = {"clip_fraction": 0.0, "final/clip_share": 0.0}
        assert one.data.metrics == {**other.data.metrics, **clipping}
        assert (one.data.tags["cohort"], one.info.status) == ("known", "FINISHED")
        assert len(client.get_metric_history(one.info.run_id, "val_loss")) == 9  # two epochs, in quarters


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

    monkeypatch.setattr(rounds, "run_cohorts", watched)
    run_study(checked("seed=[0,1,2]"))
    assert seen == [1, 2, 3], "each was there before the next cohort was trained"


def test_runs_written_in_bulk_are_those_of_the_public_client(tracked, tmp_path, monkeypatch):
    checked, _, uri = tracked
    overrides = ("seed=[0,1]", "lr=[0.1,1e30]", "data=[digits]")
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


@pytest.mark.parametrize("horizon", [{"epochs": 15}, {"steps": 2000}])
def test_a_studys_note_says_how_long_each_of_its_cells_trains(horizon):
    cells = {"expected": 2, "finished": 2, "diverged": 0}
    manifest = {"name": "x", "factors": {"depth": [2, 3]}, "cells": cells, "horizon": horizon}
    ((unit, length),) = horizon.items()
    assert f"0 diverged, {length} {unit} each." in study_note(manifest)


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
    client, summaries = runs_of(uri, "single", "summary")
    assert [run.info.run_id for run in summaries] == [run_id]
    assert {name: value for name, value in summaries[0].data.metrics.items() if "system" not in name} == {"cells": 1.0}
    assert "full factorial of 1 cells" in summaries[0].data.tags["mlflow.note.content"]
    assert {item.path for item in client.list_artifacts(run_id)} == {"tables", "figures", "index.html"}


@pytest.fixture
def full(tmp_path):
    """Return a function that lets no database file grow any more, as on a full disk, until it is called again."""
    room = []

    def limited(connection, record):
        connection.execute(f"PRAGMA max_page_count = {room[0]}")

    def switch(pages=1):
        if room:
            event.remove(Engine, "connect", limited)
            room.clear()
        else:
            room.append(pages)
            event.listen(Engine, "connect", limited)

    yield switch
    if room:
        switch()


def one_line(caplog, capfd, error):
    """Check that all that was told is one line without a traceback or SQL, and return it."""
    told = str(error.value)
    assert "\n" not in told
    assert "INSERT" not in told
    assert not [record for record in caplog.records if record.levelname in ("ERROR", "CRITICAL")]
    assert "Traceback" not in capfd.readouterr().err
    return told


def test_a_disk_that_is_full_from_the_beginning_does_not_keep_the_study_from_training(
    tracked, tmp_path, full, caplog, capfd
):
    checked, _, _ = tracked
    small = checked("seed=[0,1]", f"tracking.uri=sqlite:///{tmp_path}/none/mlflow.db")
    full()
    with pytest.raises(UserError) as error:
        run_study(small)
    told = one_line(caplog, capfd, error)
    assert "full" in told
    assert "make room" in told
    assert "the results are complete" in told
    assert len(read_results(small.results_folder).cells) == 2
    assert list((tmp_path / "none").iterdir()) == [], "nothing half made is left"


def test_a_disk_that_becomes_full_does_not_keep_the_study_from_training(tracked, tmp_path, full, caplog, capfd):
    checked, _, uri = tracked
    small = checked(f"seed={list(range(20))}")
    client = connect(uri)
    find_experiment(client, "single")
    client._tracking_client.store._dispose_engine()  # the limit is for new connections
    full(Path(tmp_path / "mlflow.db").stat().st_size // 4096)
    with pytest.raises(UserError) as error:
        run_study(small)
    told = one_line(caplog, capfd, error)
    assert "make room" in told
    assert len(read_results(small.results_folder).cells) == 20
    full()
    client._tracking_client.store._dispose_engine()
    assert run_study(small).trained == 0
    assert len(runs_of(uri, "single")[1]) == 20


@pytest.mark.parametrize("call", ["create_experiment", "set_experiment_tag", "get_experiment_by_name"])
def test_other_refusals_of_the_database_are_one_line_too(tracked, monkeypatch, call, caplog, capfd):
    checked, _, _ = tracked
    monkeypatch.setattr(MlflowClient, call, lambda *arguments, **more: failing_statement())
    with pytest.raises(UserError) as error:
        run_study(checked())
    assert "no such table" in one_line(caplog, capfd, error)


def failing_statement():
    from sqlalchemy import create_engine, text

    with create_engine("sqlite://").connect() as connection:
        connection.execute(text("SELECT 1 FROM nowhere"))


def test_a_fault_of_the_writer_itself_is_not_swallowed(tracked, monkeypatch):
    checked, _, _ = tracked

    def fail(self, runs):
        raise ZeroDivisionError

    monkeypatch.setattr(tracking._Mlflow, "_write", fail)
    with pytest.raises(ZeroDivisionError):
        run_study(checked())


def test_a_summary_that_cannot_be_written_leaves_the_earlier_one(tracked, tmp_path):
    checked, _, uri = tracked
    small = checked()
    run_study(small)
    reports = tmp_path / "reports" / "single"
    for folder in ("tables", "figures"):
        (reports / folder).mkdir(parents=True)
    (reports / "index.html").write_text("content")
    manifest = json.loads((small.results_folder / "manifest.json").read_text())
    first = log_summary(uri, manifest, {}, reports)
    (reports / "index.html").unlink()
    with pytest.raises(UserError, match=r"tracking.uri=sqlite:"):
        log_summary(uri, manifest, {}, reports)
    assert first in {each.info.run_id for each in runs_of(uri, "single", "summary")[1]}
    (reports / "index.html").write_text("content")
    last = log_summary(uri, manifest, {}, reports)
    assert [each.info.run_id for each in runs_of(uri, "single", "summary")[1]] == [last]


def test_two_studies_that_make_one_experiment_at_once_share_it(tracked, monkeypatch):
    _, _, uri = tracked
    client = connect(uri)
    there = find_experiment(client, "single")
    looked = MlflowClient.get_experiment_by_name
    answers = [lambda *arguments: None, looked]
    monkeypatch.setattr(MlflowClient, "get_experiment_by_name", lambda *arguments: answers.pop(0)(*arguments))
    assert find_experiment(client, "single") == there


class Page(BaseHTTPRequestHandler):
    """A server that is none of MLflow's."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<html>hello</html>")

    def log_message(self, *arguments):
        pass


@pytest.mark.parametrize("kind", ["nobody", "silent", "another"])
def test_a_server_that_is_not_there_or_not_mlflows_is_told_soon_and_in_one_line(kind, monkeypatch, caplog, capfd):
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    asked = []
    monkeypatch.setattr("mlflow.utils.rest_utils._get_http_response_with_retries", patient(asked))
    with socket.socket() as place, HTTPServer(("127.0.0.1", 0), Page) as server:
        place.bind(("127.0.0.1", 0))
        if kind == "silent":
            place.listen()
        threading.Thread(target=server.serve_forever, daemon=True).start()
        port = server.server_port if kind == "another" else place.getsockname()[1]
        uri = f"http://me:secret@127.0.0.1:{port}"
        with pytest.raises(UserError, match=r"tracking.uri=http://me:\*\*\*@127") as error, refused(uri):
            find_experiment(connect(uri), "single")
        server.shutdown()
    assert "secret" not in one_line(caplog, capfd, error)
    assert asked[0] <= (0, 10), "no second try, and seconds to answer"


def patient(asked):
    """Return MLflow's request, which notes how often and how long it is to try, and does not wait that long here."""
    from mlflow.utils import request_utils

    def request(method, url, max_retries, *arguments, timeout, **more):
        asked.append((max_retries, timeout))
        return request_utils._get_http_response_with_retries(method, url, max_retries, *arguments, timeout=0.3, **more)

    return request


def test_a_database_server_that_is_not_there_is_asked_once(monkeypatch, caplog, capfd):
    from mlflow.store.db import utils

    def unreachable(uri):
        return sqlalchemy_engine_that_cannot_connect()

    monkeypatch.setattr(utils, "create_sqlalchemy_engine", unreachable)
    begun = time.monotonic()
    with pytest.raises(UserError, match=r"tracking.uri=postgresql://me:\*\*\*@host/name: .*unable to open") as error:
        connect("postgresql://me:secret@host/name")
    one_line(caplog, capfd, error)
    assert time.monotonic() - begun < 30


def sqlalchemy_engine_that_cannot_connect():
    from sqlalchemy import create_engine

    return create_engine("sqlite:////nowhere/at/all.db")


def test_the_commit_is_that_of_this_project_not_of_a_repository_around_it(tmp_path, monkeypatch):
    package = tmp_path / "package"
    package.mkdir()
    source = package / "__init__.py"
    source.write_text("")
    monkeypatch.setattr(cell_runs, "__file__", str(source))
    git = ["git", "-C", str(tmp_path), "-c", "user.name=test", "-c", "user.email=test@localhost"]
    assert cell_runs.git_commit() is None
    for command in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "something else"]):
        subprocess.run([*git, *command], check=True)
    assert cell_runs.git_commit() is None, "an archive that was unpacked in it"
    for command in (["add", "package"], ["commit", "-q", "-m", "this"]):
        subprocess.run([*git, *command], check=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout.strip()
    assert cell_runs.git_commit() == head
