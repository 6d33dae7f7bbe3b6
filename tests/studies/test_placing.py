"""Results are put in place as one: whatever the moment of a kill, no mixture of two studies is read."""

import os

import pytest

from ablation import UserError
from ablation.records import files as records
from ablation.records.columns import TABLES
from ablation.records.files import read_results
from ablation.studies import placing
from ablation.studies.placing import put_as_one
from tests.reporting.synthetic import Outcome, write_study

NAMES = [*(f"{name}.parquet" for name in TABLES), "manifest.json"]


def old(folder):
    write_study(folder, {"seed": [0, 1]}, lambda _: Outcome(final=0.9), name="old")


def new(folder):
    write_study(folder, {"seed": [0, 1, 2], "activation": ["tanh"]}, lambda _: Outcome(final=0.7), epochs=4, name="new")


def in_a_process_that_dies(work):
    process = os.fork()
    if not process:
        try:
            work()
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 9


def place(folder, write):
    with put_as_one(folder, "manifest.json") as staging:
        write(staging)


@pytest.mark.parametrize("moved", range(len(NAMES)))
@pytest.mark.parametrize("first", [True, False])
def test_killed_between_two_moves_neither_study_is_read_for_the_other(moved, first, tmp_path):
    folder = tmp_path / "mine"
    if not first:
        place(folder, old)
    (folder.mkdir if first else folder.exists)()
    (folder / "timing.json").write_text("{}")

    def work():
        real, count = os.replace, 0

        def replace(source, target):
            nonlocal count
            if os.fspath(target).startswith(f"{folder}/") and "new.partial" not in os.fspath(target):
                if count == moved:
                    os._exit(9)
                count += 1
            real(source, target)

        placing.os.replace = replace
        place(folder, new)

    in_a_process_that_dies(work)
    if moved == 0 and not first:
        assert read_results(folder).manifest["name"] == "old"
    else:
        with pytest.raises(UserError) as caught:
            read_results(folder)
        assert len(str(caught.value).splitlines()) == 1
        assert "run the study" in str(caught.value)
    place(folder, new)
    assert read_results(folder).manifest["name"] == "new"
    assert sorted(path.name for path in folder.iterdir()) == sorted([*NAMES, "timing.json"])


@pytest.mark.parametrize("written", NAMES)
def test_killed_while_writing_the_old_results_stand(written, tmp_path):
    folder = tmp_path / "mine"
    place(folder, old)
    before = {path: path.read_bytes() for path in folder.iterdir()}

    def work():
        real_table, real_json = records.pq.ParquetWriter, records.write_json

        def writer(path, *rest, **named):
            if path.name == written:
                path.write_bytes(b"half")
                os._exit(9)
            return real_table(path, *rest, **named)

        def write_json(value, path):
            if path.name == written:
                os._exit(9)
            real_json(value, path)

        records.pq.ParquetWriter, records.write_json = writer, write_json
        place(folder, new)

    in_a_process_that_dies(work)
    assert {path: path.read_bytes() for path in before} == before
    assert read_results(folder).manifest["name"] == "old"
    place(folder, old)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), KeyboardInterrupt()])
def test_what_fails_to_be_written_leaves_the_old_results_and_no_other_file(error, tmp_path):
    folder = tmp_path / "mine"
    place(folder, old)
    before = {path: path.read_bytes() for path in folder.iterdir()}

    def fail(staging):
        new(staging)
        raise error

    with pytest.raises(type(error)):
        place(folder, fail)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_what_killed_runs_have_left_goes_and_nothing_else_does(tmp_path):
    folder = tmp_path / "mine"
    place(folder, old)
    for name in ("cells.parquet.partial", "timing.json.partial", "manifest.json.partial"):
        (folder / name).write_bytes(b"left behind")
    (folder / "new.partial").mkdir()
    (folder / "new.partial" / "cells.parquet").write_bytes(b"left behind")
    (folder / "notes.txt").write_text("the user's own")
    place(folder, old)
    assert sorted(path.name for path in folder.iterdir()) == sorted([*NAMES, "notes.txt"])


def test_a_folder_in_a_files_place_is_told_before_anything_is_moved(tmp_path):
    folder = tmp_path / "mine"
    place(folder, old)
    (folder / "layers.parquet").unlink()
    (folder / "layers.parquet").mkdir()
    before = {path: path.read_bytes() for path in folder.iterdir() if path.is_file()}
    with pytest.raises(UserError, match=r"layers\.parquet: results cannot be written here: it is a folder"):
        place(folder, new)
    assert {path: path.read_bytes() for path in folder.iterdir() if path.is_file()} == before
