import sys

import pytest

from ablation import UserError
from ablation.studies.addresses import absolute, check_uri, local_file, shown


@pytest.mark.parametrize(
    "uri",
    [
        "sqlite:///mlflow.db",
        "sqlite:////home/me/mlflow.db",
        "sqlite+pysqlite:///a folder/é.db",
        "sqlite:///mlflow.db?timeout=30",
        "sqlite:///file:mlflow.db?uri=true",
        "http://localhost:5000",
        "https://user:secret@mlflow.example.org/prefix",
        "databricks",
        "databricks://profile",
    ],
)
def test_what_mlflow_can_write_to_is_taken_as_it_is(uri):
    assert check_uri(uri) == uri


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        (None, "must be an MLflow tracking URI"),
        (5, "must be an MLflow tracking URI"),
        ("", "must be an MLflow tracking URI"),
        (" ", "must be an MLflow tracking URI"),
        ("mlruns", "is a folder"),
        ("./mlruns", "is a folder"),
        ("/home/me/mlruns", "is a folder"),
        ("file:mlruns", "is a folder"),
        ("file:///home/me/mlruns", "is a folder"),
        ("https//mlflow.example.org", "is a folder"),
        ("sqlite:", "not written as a database's URI"),
        ("sqlite:mlflow.db", "not written as a database's URI"),
        ("sqlite:/mlflow.db", "not written as a database's URI"),
        ("sqlite://mlflow.db", "three slashes"),
        ("sqlite://", "lost with the process"),
        ("sqlite:///", "lost with the process"),
        ("sqlite:///:memory:", "lost with the process"),
        ("sqlite:///file::memory:?cache=shared&uri=true", "lost with the process"),
        ("sqlite:///file:runs?mode=memory&cache=shared&uri=true", "lost with the process"),
        ("SQLITE:///mlflow.db", "no such kind of URI"),
        ("postgres://host/name", "no such kind of URI"),
        ("oracle://host/name", "no such kind of URI"),
        ("localhost:5000", "no such kind of URI"),
        ("uc:http://localhost:1", "no such kind of URI"),
        ("databricks-uc", "no such kind of URI"),
        ("databricks:profile", "no such kind of URI"),
        ("postgresql://host:port/name", "not written as a database's URI"),
        ("postgresql+nosuch://host/name", "not written as a database's URI"),
        ("sqlite+nosuch:///mlflow.db", "not written as a database's URI"),
        ("http://", "must name a server"),
        ("http:///path", "must name a server"),
        ("http://host:port", "must name a server"),
        ("http://host:99999", "must name a server"),
    ],
)
def test_what_it_cannot_is_refused_in_one_line_that_names_it(uri, why):
    with pytest.raises(UserError, match=why) as caught:
        check_uri(uri)
    told = str(caught.value)
    assert told.startswith(f"tracking.uri={uri}")
    assert "\n" not in told
    assert "sqlite:///mlflow.db" in told or "http://host:5000" in told, "it says what is allowed"


@pytest.mark.parametrize("kind", ["postgresql", "mysql", "mssql", "mysql+pymysql", "postgresql+psycopg2"])
def test_a_missing_driver_is_named(kind, monkeypatch):
    drivers = ("psycopg", "psycopg2", "MySQLdb", "pymysql", "pyodbc")
    for driver in drivers:
        monkeypatch.setitem(sys.modules, driver, None)
    with pytest.raises(UserError, match=rf"needs the Python package ({'|'.join(drivers)}), which") as caught:
        check_uri(f"{kind}://host/name")
    assert str(caught.value).startswith(f"tracking.uri={kind}://host/name: ")


def test_a_study_refuses_a_uri_when_its_config_is_checked(study):
    with pytest.raises(UserError, match=r"tracking.uri=postgresql\+nosuch://host/name"):
        study("tracking=mlflow", "tracking.uri=postgresql+nosuch://host/name")


def test_passwords_are_not_shown_and_a_long_uri_is_shortened():
    assert (
        shown("no http://me:secret@host:80/a and mysql://you:other@b")
        == "no http://me:***@host:80/a and mysql://you:***@b"
    )
    assert shown("http://host:80/a@b") == "http://host:80/a@b"
    with pytest.raises(UserError) as caught:
        check_uri(f"oracle://me:secret@{'x' * 500}/name")
    assert "secret" not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("uri", "file"),
    [
        ("sqlite:///mlflow.db", "mlflow.db"),
        ("sqlite:////home/me/é b.db?timeout=3", "/home/me/é b.db"),
        ("sqlite:///file:mlflow.db?uri=true", None),
        ("http://localhost:5000", None),
        ("databricks", None),
    ],
)
def test_a_database_file_is_told_from_all_others(uri, file):
    found = local_file(uri)
    assert (found and str(found)) == file


@pytest.mark.parametrize(
    ("uri", "full"),
    [
        ("sqlite:///mlflow.db", "sqlite:///{here}/mlflow.db"),
        ("sqlite+pysqlite:///a/../b c.db?timeout=3", "sqlite+pysqlite:///{here}/b c.db?timeout=3"),
        ("sqlite:////home/me/mlflow.db", "sqlite:////home/me/mlflow.db"),
        ("sqlite:///file:mlflow.db?uri=true", "sqlite:///file:mlflow.db?uri=true"),
        ("http://localhost:5000", "http://localhost:5000"),
    ],
)
@pytest.mark.parametrize("name", ["a folder", "é"])
def test_a_file_gets_its_full_path(uri, full, name, tmp_path, monkeypatch):
    here = tmp_path / name
    here.mkdir()
    monkeypatch.chdir(here)
    assert absolute(uri) == full.format(here=here)


@pytest.mark.parametrize("name", ["what?", "a%20b"])
def test_a_folder_that_no_uri_can_name_is_left_out_of_it(name, tmp_path, monkeypatch):
    here = tmp_path / name
    here.mkdir()
    monkeypatch.chdir(here)
    assert local_file(absolute("sqlite:///mlflow.db")).absolute() == here / "mlflow.db"
