"""What is half written in the data folder: a kill leaves the old level, the new one, or what is prepared anew."""

import os
import subprocess
import sys

import pytest

from ablation.datasets import partial
from ablation.datasets.partial import partial_name, sweep
from ablation.datasets.prepared import load, prepare, up_to_date
from tests.datasets.idx_files import files_under

OLD = {"kind": "gaussian", "examples": 40, "features": 3, "classes": 4}
NEW = {**OLD, "targets": [0.1, 0.2, 0.3], "seed": 1}


@pytest.fixture
def dead():
    """The number of a process that is gone."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize("moved", [0, 1])
def test_killed_while_preparing_the_next_study_goes_on(there, moved, tmp_path):
    if there:
        prepare("mine", OLD, tmp_path)
    process = os.fork()
    if not process:
        real, count = os.replace, 0

        def replace(source, target):
            nonlocal count
            if count == moved:
                os._exit(9)
            count += 1
            real(source, target)

        try:
            partial.os.replace = replace
            prepare("mine", NEW, tmp_path)
        finally:
            os._exit(0)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 9
    assert any(name.endswith(".partial") for name in files_under(tmp_path))
    level = OLD if there else NEW
    told = []
    card = up_to_date("mine", level, tmp_path, told.append)
    assert card == load("mine", level, tmp_path)[1] == prepare("mine", level, tmp_path / "whole")
    assert len(told) == (0 if there and moved == 0 else 1)
    assert files_under(tmp_path) == sorted(
        ["mine.json", "mine.safetensors", "whole/mine.json", "whole/mine.safetensors"]
    )


def test_what_is_left_by_a_process_that_is_gone_goes(dead, tmp_path):
    raw = tmp_path / "raw" / "mnist"
    raw.mkdir(parents=True)
    (raw / "images.gz").write_bytes(b"whole")
    for number in (dead, os.getpid(), 2**40):
        (tmp_path / f"digits.safetensors.{number}.partial").write_bytes(b"half")
        (raw / f"images.gz.{number}.partial").mkdir()
        (raw / f"images.gz.{number}.partial" / "tmpabcdefgh").write_bytes(b"half")
    sweep(tmp_path)
    assert files_under(tmp_path) == ["raw/mnist/images.gz"]


def test_what_another_process_is_writing_stays_and_so_does_what_is_not_ours(tmp_path):
    names = [f"digits.json.{os.getppid()}.partial", "mine.partial", "digits.json", "notes.12.partial.txt"]
    for name in names:
        (tmp_path / name).write_bytes(b"something")
    sweep(tmp_path)
    assert files_under(tmp_path) == sorted(names)


def test_every_start_of_a_study_sweeps(dead, tmp_path):
    level = {"kind": "gaussian", "examples": 40, "features": 3, "classes": 4}
    prepare("mine", level, tmp_path)
    (tmp_path / f"other.json.{dead}.partial").write_bytes(b"half")
    up_to_date("mine", level, tmp_path, print)
    assert files_under(tmp_path) == ["mine.json", "mine.safetensors"]


def test_a_name_says_whose_it_is(tmp_path):
    assert partial_name(tmp_path / "a.json") == tmp_path / f"a.json.{os.getpid()}.partial"
