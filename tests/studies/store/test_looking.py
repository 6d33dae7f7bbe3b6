"""A look at the store says which keys it has, and leaves its folder as it was."""

import sqlite3
from contextlib import closing
from pathlib import Path

from ablation.studies.store import open_store
from ablation.studies.store.looking import held
from tests.studies.store.test_store import record


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_it_says_which_of_the_keys_are_there_and_changes_nothing(tmp_path):
    folder = tmp_path / "a store? #1%20"
    with open_store(folder, "one") as store:
        store.put([("a", record()), ("b", record())])
    before = content(folder)
    assert held(folder, ["b", "c"]) == {"b"}
    assert content(folder) == before


def test_where_there_is_no_store_it_makes_none(tmp_path):
    assert held(tmp_path / "store", ["a"]) == set()
    assert list(tmp_path.iterdir()) == []


def test_it_sees_what_a_study_that_runs_has_kept_without_waiting_for_it(tmp_path):
    with open_store(tmp_path, "one") as store:
        store.put([("a", record())])
        assert held(tmp_path, ["a"]) == {"a"}
        store.put([("b", record())])
        assert held(tmp_path, ["a", "b"]) == {"a", "b"}


def test_what_is_no_store_of_this_version_has_nothing_and_is_left_as_it_is(tmp_path):
    path = tmp_path / "results.sqlite"
    path.write_bytes(b"no database" * 100)
    assert held(tmp_path, ["a"]) == set()
    assert path.read_bytes() == b"no database" * 100
    path.unlink()
    with closing(sqlite3.connect(path)) as earlier, earlier:
        earlier.execute("CREATE TABLE cells (key TEXT PRIMARY KEY, spec, outcome, curves, layers)")
        earlier.execute("INSERT INTO cells VALUES ('a', '', '', '', '')")
    assert held(tmp_path, ["a"]) == set()
