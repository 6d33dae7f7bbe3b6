"""MLflow's database file: made whole or not at all, whatever lies there and whoever is at work on it."""

import multiprocessing
import os
import shutil
import signal
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from mlflow import MlflowClient
from mlflow.store.db import utils

from ablation import UserError
from ablation.studies.tracking import database
from ablation.studies.tracking.client import connect
from ablation.studies.tracking.database import make_ready
from ablation.studies.tracking.look import State, look

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


@pytest.fixture
def quick(finished_database, monkeypatch):
    """Have new databases copied rather than made: what is tested is how they come into place."""
    monkeypatch.setattr(database, "_make", lambda made: shutil.copy(finished_database, made))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mlflow.db"


def lay(source: Path, path: Path, age: float) -> None:
    """Put a database that was made elsewhere at ``path``, as if last written to so many seconds ago."""
    for file in source.parent.iterdir():
        shutil.copy(file, path.with_name(file.name))
    os.utime(path, (time.time() - age,) * 2)


def fill(path: Path) -> None:
    """Enter an experiment and a run, by columns that the table has had for long."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "INSERT INTO experiments (experiment_id, name, artifact_location, lifecycle_stage) "
            "VALUES (7, 'mine', '/somewhere/7', 'active')"
        )
        connection.execute(
            "INSERT INTO runs "
            "(run_uuid, name, user_id, experiment_id, status, start_time, lifecycle_stage, artifact_uri) "
            "VALUES ('abc', 'a run', 'me', 7, 'FINISHED', 0, 'active', '/somewhere/7/abc/artifacts')"
        )


@pytest.fixture(scope="session")
def older_database(finished_database, tmp_path_factory):
    """Return the database of the MLflow before this one's last change to it, with a run in it."""
    path = tmp_path_factory.mktemp("older") / "mlflow.db"
    shutil.copy(finished_database, path)
    command.downgrade(utils._get_alembic_config(f"sqlite:///{path}"), "-1")
    fill(path)
    return path


def content(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


def test_every_step_of_the_making_but_the_last_is_seen_as_unfinished(making):
    assert len(making) > 15
    assert [look(copy).state for copy in making] == [State.UNFINISHED] * (len(making) - 1) + [State.FINISHED]


def test_a_new_database_is_one_that_mlflow_takes_and_nothing_is_left_beside_it(path):
    make_ready(path)
    assert os.listdir(path.parent) == ["mlflow.db"]
    assert MlflowClient(f"sqlite:///{path}").get_experiment("0").name == "Default"


@pytest.mark.parametrize("step", [0, 1, 5, -2])
def test_one_that_was_half_made_by_a_killed_program_is_made_anew(making, quick, path, step):
    lay(making[step], path, age=60)
    connect(f"sqlite:///{path}").create_experiment("mine")
    assert os.listdir(path.parent) == ["mlflow.db"]


def test_an_empty_file_is_a_half_made_one(quick, path):
    path.touch()
    os.utime(path, (0, 0))
    make_ready(path)
    assert look(path).state is State.FINISHED


def test_one_that_is_only_just_being_made_is_waited_for(making, quick, path, monkeypatch):
    monkeypatch.setattr(database, "QUIET", 0.5)
    lay(making[3], path, age=0)
    begun = time.monotonic()
    make_ready(path)
    assert time.monotonic() - begun >= 0.4
    assert look(path).state is State.FINISHED


def in_another_process(function, *arguments):
    process = multiprocessing.get_context("fork").Process(target=function, args=arguments)
    process.start()
    return process


def make_in_place(path: Path) -> None:
    engine = utils.create_sqlalchemy_engine(f"sqlite:///{path}")
    utils._initialize_tables(engine)
    engine.dispose()


@pytest.mark.slow
def test_plain_mlflow_and_we_may_begin_together(path):
    other = in_another_process(make_in_place, path)
    while not path.exists():
        time.sleep(0.001)
    made = path.stat().st_ino
    make_ready(path)
    other.join()
    assert other.exitcode == 0
    assert path.stat().st_ino == made, "the other's was waited for, and taken"
    assert look(path).state is State.FINISHED
    assert os.listdir(path.parent) == ["mlflow.db"]


@pytest.mark.slow
def test_two_of_us_may_begin_together(path):
    others = [in_another_process(make_ready, path) for _ in range(2)]
    for other in others:
        other.join()
    assert [other.exitcode for other in others] == [0, 0]
    assert look(path).state is State.FINISHED
    assert os.listdir(path.parent) == ["mlflow.db"]


@pytest.mark.slow
@pytest.mark.parametrize("size", [0, 1, 200_000, 600_000])
def test_killed_at_any_moment_of_the_making_it_leaves_what_the_next_can_work_with(path, size):
    aside = path.parent / "mlflow.db.making" / "mlflow.db"
    process = in_another_process(make_ready, path)
    while process.is_alive() and not (aside.exists() and aside.stat().st_size >= size):
        time.sleep(0.001)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    assert process.exitcode == -signal.SIGKILL, "it was killed before it had ended"
    assert os.listdir(path.parent) == ["mlflow.db.making"]
    make_ready(path)
    assert look(path).state is State.FINISHED
    assert os.listdir(path.parent) == ["mlflow.db"]


def test_interrupted_it_leaves_nothing(path, monkeypatch):
    def interrupted(made):
        made.write_bytes(b"half")
        raise KeyboardInterrupt

    monkeypatch.setattr(database, "_make", interrupted)
    with pytest.raises(KeyboardInterrupt):
        make_ready(path)
    assert os.listdir(path.parent) == []


def test_leftovers_of_a_killed_one_go_even_where_the_database_is_finished(finished_database, path):
    shutil.copy(finished_database, path)
    aside = path.parent / "mlflow.db.making"
    aside.mkdir()
    for name in ("lock", "mlflow.db", "mlflow.db-journal"):
        (aside / name).write_bytes(b"")
    make_ready(path)
    assert os.listdir(path.parent) == ["mlflow.db"]


def test_one_of_an_older_mlflow_is_brought_up_to_date_with_all_that_is_in_it(older_database, path):
    lay(older_database, path, age=60)
    path.chmod(0o640)
    assert look(path).state is State.OLDER
    client = connect(f"sqlite:///{path}")
    runs = client.search_runs([client.get_experiment_by_name("mine").experiment_id])
    assert [run.info.run_name for run in runs] == ["a run"]
    assert look(path).state is State.FINISHED
    assert os.listdir(path.parent) == ["mlflow.db"]
    assert path.stat().st_mode & 0o777 == 0o640


def test_one_that_cannot_be_brought_up_to_date_is_left_as_it_is(older_database, path):
    lay(older_database, path, age=60)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '451aebb31d03'")
    os.utime(path, (0, 0))
    before = content(path.parent)
    with pytest.raises(UserError, match=r"mlflow.db: was made by another MLflow, .*move it away"):
        make_ready(path)
    assert content(path.parent) == before


def test_one_of_a_newer_mlflow_is_left_as_it_is(finished_database, path):
    shutil.copy(finished_database, path)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = 'fedcba987654'")
    before = content(path.parent)
    with pytest.raises(UserError, match=r"mlflow.db: was made by a newer MLflow than \d"):
        make_ready(path)
    assert content(path.parent) == before


def text_file(path):
    path.write_text("nobody's database\n" * 100)


def own_database(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE experiments (id INTEGER, name TEXT)")
        connection.execute("CREATE TABLE runs (id INTEGER)")


def other_alembic_database(path):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE alembic_version (version_num TEXT)")
        connection.execute("CREATE TABLE customers (name TEXT)")
        connection.execute("INSERT INTO customers VALUES ('me')")


@pytest.mark.parametrize("write", [text_file, own_database, other_alembic_database])
def test_what_is_not_mlflows_is_never_touched(path, write):
    write(path)
    os.utime(path, (0, 0))
    before = content(path.parent)
    with pytest.raises(UserError, match=r"mlflow.db: is .*not MLflow's.*name another file"):
        connect(f"sqlite:///{path}")
    assert content(path.parent) == before


def test_a_folder_in_its_place_is_told(path):
    path.mkdir()
    with pytest.raises(UserError, match=r"mlflow.db: is no file"):
        make_ready(path)


def test_one_that_is_locked_is_waited_for_but_not_for_ever(finished_database, path, monkeypatch):
    monkeypatch.setattr(database, "PATIENCE", 0.5)
    shutil.copy(finished_database, path)
    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(UserError, match=r"mlflow.db: another program .*has locked it"):
            make_ready(path)
        holder.execute("ROLLBACK")
    make_ready(path)


def test_a_change_in_the_last_moment_is_kept(making, quick, path, monkeypatch):
    lay(making[3], path, age=60)
    copied = database._make

    def meanwhile(made):
        copied(made)
        monkeypatch.setattr(database, "_make", copied)
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("CREATE TABLE experiment_tags_of_mine (a)")
            connection.execute("INSERT INTO experiment_tags_of_mine VALUES (1)")

    monkeypatch.setattr(database, "_make", meanwhile)
    monkeypatch.setattr(database, "QUIET", 0.2)
    with pytest.raises(UserError, match="cannot be brought up to date"):
        make_ready(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT * FROM experiment_tags_of_mine").fetchall() == [(1,)]


def test_a_link_to_a_file_elsewhere_stays_one(making, quick, path, tmp_path):
    other = tmp_path / "elsewhere"
    other.mkdir()
    for name in ("new.db", "half.db"):
        link = tmp_path / name
        link.symlink_to(other / name)
        if name == "half.db":
            shutil.copy(making[3], other / name)
            os.utime(other / name, (0, 0))
        make_ready(link)
        assert link.is_symlink()
        assert look(other / name).state is State.FINISHED
    assert {file.name for file in other.iterdir()} == {"new.db", "half.db"}


def test_a_file_system_without_links_will_do(quick, path, monkeypatch):
    def unable(*arguments):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", unable)
    make_ready(path)
    assert os.listdir(path.parent) == ["mlflow.db"]
    assert look(path).state is State.FINISHED
