"""Machines on which no worker can be started: one line names the engine that needs none, and that engine works."""

import multiprocessing.synchronize
import re
import shutil

import pytest

from ablation import UserError
from ablation.studies.cells import expand
from ablation.studies.engines import run_cohorts
from ablation.studies.engines.cohorts import Limits, make_cohorts
from tests.studies.command_line import study_in
from tests.studies.engines.reference import ENDS

REFUSALS = [
    OSError(24, "Too many open files"),
    OSError(28, "No space left on device"),
    OSError(30, "Read-only file system"),
    OSError("AF_UNIX path too long"),
    PermissionError(13, "Permission denied"),
    FileNotFoundError(2, "No usable temporary directory found"),
    BlockingIOError(11, "Resource temporarily unavailable"),
    ImportError("This platform lacks a functioning sem_open implementation"),
    NotImplementedError("system provides too few semaphores"),
    RuntimeError("can't start new thread"),
]
"""What Python raises where /dev/shm is read-only, full or missing, or where files, processes or threads are refused."""


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_where_no_worker_can_be_started_the_engine_that_needs_none_is_named(study, source, monkeypatch, refusal):
    def refuse(*arguments, **options):
        raise refusal

    # What both the pool and its queues begin with.
    monkeypatch.setattr(multiprocessing.synchronize.SemLock, "__init__", refuse)
    cohorts = make_cohorts(expand(study()), ENDS, 1, Limits(2**40, 64))
    with pytest.raises(
        UserError, match=r"^worker processes cannot be started \(.*\); engine=serial does without them$"
    ):
        next(run_cohorts(cohorts, source, {"kind": "processes"}, 1))


@pytest.mark.slow
def test_a_folder_whose_name_is_too_long_for_a_socket_is_told_in_one_line(tmp_path):
    long = tmp_path / ("t" * 100)
    long.mkdir()
    done = study_in(tmp_path, "engine=processes", "engine.workers=1", TMPDIR=str(long))
    assert done.returncode == 2
    *_, last = done.stderr.splitlines()
    assert re.fullmatch(r"error: worker processes cannot be started \(AF_UNIX .*TMPDIR=.*\); engine=serial .*", last)
    assert "Traceback" not in done.stderr
    assert study_in(tmp_path, "engine=serial", TMPDIR=str(long)).returncode == 0


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["--nofile=24", "--as=3000000000"])
def test_a_limit_of_the_shell_is_told_in_one_line_or_does_not_matter(tmp_path, limit):
    if not shutil.which("prlimit"):
        pytest.skip("there is no prlimit")
    done = study_in(tmp_path, "engine=processes", "engine.workers=1", by=["prlimit", limit])
    assert "Traceback" not in done.stderr
    if done.returncode:
        assert (done.returncode, done.stderr.count("error: ")) == (2, 1), done.stderr
    assert study_in(tmp_path, "engine=serial").returncode == 0
