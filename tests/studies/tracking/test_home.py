"""A project that was copied or moved keeps to its own ``mlruns``."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from mlflow import MlflowClient

from ablation.studies.tracking.client import connect
from ablation.studies.tracking.home import settle

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def project(tmp_path, finished_database, monkeypatch):
    """Return a project's folder, the current one, whose database has an experiment with a run and an artifact."""
    folder = tmp_path / "a project"
    folder.mkdir()
    shutil.copy(finished_database, folder / "mlflow.db")
    monkeypatch.chdir(folder)
    log("study", "before")
    return folder


def log(name: str, word: str, uri: str = "sqlite:///mlflow.db") -> None:
    """Log a run with one artifact, as a report does."""
    client = connect(uri)
    found = client.get_experiment_by_name(name)
    experiment = found.experiment_id if found else client.create_experiment(name)
    client.log_text(client.create_run(experiment).info.run_id, word, f"{word}.txt")


def places(database: Path) -> list[str]:
    with closing(sqlite3.connect(database)) as connection:
        found = connection.execute("SELECT artifact_location FROM experiments UNION SELECT artifact_uri FROM runs")
        return sorted(place for (place,) in found)


def content(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def texts(folder: Path) -> set[str]:
    return {file.name for file in (folder / "mlruns").rglob("*.txt")}


@pytest.mark.parametrize("uri", ["sqlite:///mlflow.db", "sqlite:///{folder}/mlflow.db"])
def test_what_is_done_in_a_copy_changes_nothing_in_the_original(project, tmp_path, monkeypatch, uri):
    copy = tmp_path / "kopie é"
    shutil.copytree(project, copy)
    before = content(project)
    monkeypatch.chdir(copy)
    uri = uri.format(folder=copy)
    log("study", "after", uri)
    log("another", "new", uri)
    assert content(project) == before
    assert texts(copy) == {"before.txt", "after.txt", "new.txt"}
    assert all(place.startswith(f"{copy}/mlruns/") for place in places(copy / "mlflow.db"))
    client = MlflowClient(f"sqlite:///{copy}/mlflow.db")
    runs = client.search_runs([client.get_experiment_by_name("study").experiment_id])
    found = {client.list_artifacts(run.info.run_id)[0].path for run in runs}
    assert found == {"before.txt", "after.txt"}, "the interface finds the old ones too"


def test_a_moved_project_makes_no_folder_at_its_old_place(project, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    moved = tmp_path / "deeper" / "moved"
    moved.parent.mkdir()
    project.rename(moved)
    monkeypatch.chdir(moved)
    log("study", "after")
    assert not project.exists()
    assert texts(moved) == {"before.txt", "after.txt"}


def test_a_copy_of_a_copy_is_at_home_too(project, tmp_path, monkeypatch):
    for name in ("second", "third"):
        shutil.copytree(Path.cwd(), tmp_path / name)
        monkeypatch.chdir(tmp_path / name)
        log("study", name)
    assert [texts(tmp_path / name) for name in ("a project", "second", "third")] == [
        {"before.txt"},
        {"before.txt", "second.txt"},
        {"before.txt", "second.txt", "third.txt"},
    ]


def enter(database: Path, place: str, experiment: int = 7, run: str | None = None) -> None:
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute(
            "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage) "
            "VALUES (?, 'x', ?, 'active')",
            (experiment, place),
        )
        connection.execute(
            "INSERT INTO runs (run_uuid, experiment_id, artifact_uri) VALUES ('abc', ?, ?)",
            (experiment, run or f"{place}/abc/artifacts"),
        )


@pytest.mark.parametrize(
    "place",
    [
        "/data/artifacts/mine",
        "/data/mlruns",
        "/data/mlruns/8",
        "/data/mlruns/7b",
        "mlruns/7",
        "s3://bucket/mlruns/7",
        "mlflow-artifacts:/7",
        "mlflow-artifacts://host/mlruns/7",
        "http://host/mlruns/7",
        "dbfs:/mlruns/7",
    ],
)
def test_a_place_that_somebody_chose_is_left_alone(project, place):
    enter(project / "mlflow.db", place)
    before = places(project / "mlflow.db")
    settle(project / "mlflow.db")
    assert places(project / "mlflow.db") == before


@pytest.mark.parametrize(
    ("place", "run"),
    [
        ("/old/mlruns/7", "/old/mlruns/7/abc/artifacts"),
        ("/mlruns/7", "/mlruns/7/abc/artifacts"),
        ("/old/mlruns/3/mlruns/7", "/older/mlruns/7/abc/artifacts"),
        ("file:///an%20old/mlruns/7", "file:///an%20old/mlruns/7/abc/artifacts"),
        ("/100%_old/mlruns/7", "/100%_old/mlruns/7/abc/artifacts"),
    ],
)
def test_a_place_of_mlflows_own_choice_is_moved_here(project, place, run):
    enter(project / "mlflow.db", place, run=run)
    settle(project / "mlflow.db")
    assert {f"{project}/mlruns/7", f"{project}/mlruns/7/abc/artifacts"} <= set(places(project / "mlflow.db"))
    assert not [place for place in places(project / "mlflow.db") if not place.startswith(f"{project}/mlruns/")]


def test_a_database_that_several_folders_share_is_left_alone(project, tmp_path, monkeypatch):
    before = places(project / "mlflow.db")
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.chdir(other)
    settle(project / "mlflow.db")
    assert places(project / "mlflow.db") == before


def test_from_the_folder_above_it_is_at_home_all_the_same(project, tmp_path, monkeypatch):
    before = places(project / "mlflow.db")
    monkeypatch.chdir(tmp_path)
    settle(Path("a project/mlflow.db"))
    assert places(project / "mlflow.db") == before


def test_another_name_of_the_same_folder_is_the_same_home(project, tmp_path):
    (tmp_path / "link").symlink_to(project)
    enter(project / "mlflow.db", f"{tmp_path}/link/mlruns/7")
    before = places(project / "mlflow.db")
    settle(project / "mlflow.db")
    assert places(project / "mlflow.db") == before
