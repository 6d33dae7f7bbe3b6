"""Workers that die: each cohort is tried again, what cannot be trained is named, and the rest is finished."""

import os
import signal
from concurrent.futures.process import BrokenProcessPool

import pytest

from ablation import UserError
from ablation.studies.cells import expand
from ablation.studies.engines import local, run_cohorts, worker
from ablation.studies.engines.cohorts import Limits, make_cohorts
from ablation.studies.engines.local import RETRIES
from ablation.studies.engines.losses import Losses
from tests.studies.engines import fatal
from tests.studies.engines.reference import ENDS, assert_same_bits, by_name

SEEDS = "seed=[0,1,2,3,4]"


def trained(cohorts, source, engine, workers=2):
    """Return the records by cell, and what was said in the end, if anything was."""
    done, told = [], ""
    try:
        for each in run_cohorts(cohorts, source, {"kind": engine}, workers):
            done.append(each)
    except UserError as error:
        told = str(error)
    return by_name(done), told


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_cohort_whose_worker_is_killed_is_tried_again_to_the_same_bits(study, source, monkeypatch, workers):
    cohorts = make_cohorts(expand(study(SEEDS)), ENDS, 2, Limits(2**40, 1))
    here, _ = trained(cohorts, source, "serial")
    monkeypatch.setattr(local, "train_here", fatal.dies_thrice)
    there, told = trained(cohorts, source, "processes", workers)
    assert fatal.tries(source) == 1 + RETRIES == 4
    assert told == ""
    assert_same_bits(here, there)


@pytest.mark.slow
def test_a_cohort_that_kills_its_worker_is_named_in_the_end_and_all_others_are_trained(study, source, monkeypatch):
    cells = expand(study(SEEDS))
    cohorts = make_cohorts(cells, ENDS, 2, Limits(2**40, 1))
    here, _ = trained(cohorts, source, "serial")
    monkeypatch.setattr(local, "train_here", fatal.dies_always)
    there, told = trained(cohorts, source, "processes")
    assert fatal.tries(source) == 1 + RETRIES
    assert_same_bits({name: record for name, record in here.items() if name != cells[fatal.SEED].name}, there)
    assert told.startswith("not trained: 1 cell with seed=3: a worker process died of it 4 times (exit code 9)")
    assert "engine=serial" in told


@pytest.mark.parametrize("engine", ["serial", "processes"])
def test_a_cell_that_does_not_fit_ends_no_study(study, source, monkeypatch, engine):
    cells = expand(study(SEEDS))
    monkeypatch.setattr(local, "train_here", fatal.is_too_large)
    there, told = trained(make_cohorts(cells, ENDS, 2, Limits(2**40, 1)), source, engine)
    assert sorted(there) == sorted(cell.name for cell in cells if cell.spec.seed != fatal.SEED)
    assert told.startswith("not trained: 1 cell with seed=3: a cell of many layers does not fit into memory")
    assert fatal.tries(source) == 1


def test_an_error_that_is_no_death_ends_the_study_at_once_and_leaves_no_worker(study, source, monkeypatch):
    monkeypatch.setattr(local, "train_here", fatal.is_wrong)
    cohorts = make_cohorts(expand(study(SEEDS)), ENDS, 2, Limits(2**40, 1))
    before = {process.pid for process in worker.multiprocessing.active_children()}
    with pytest.raises(ZeroDivisionError):
        list(run_cohorts(cohorts, source, {"kind": "processes"}, 2))
    assert {process.pid for process in worker.multiprocessing.active_children()} <= before


def test_what_is_lost_is_named_by_what_varies_and_in_a_few_words(study):
    seeds = f"seed={list(range(9))}".replace(" ", "")
    cohorts = make_cohorts(expand(study("activation=[relu,tanh]", seeds)), ENDS, 1, Limits(2**40, 1))
    losses = Losses(cohorts)
    losses.tell()
    for cohort in cohorts:
        losses.add(cohort, "gone")
    with pytest.raises(
        UserError, match=r"^not trained: 1 cell with activation=\w+ seed=\d; .*; 14 cohorts more: gone;"
    ):
        losses.tell()
    (whole,) = make_cohorts(expand(study(seeds)), ENDS, 1, Limits(2**40, 64))
    alone = Losses([whole])
    alone.add(whole, "gone")
    with pytest.raises(UserError, match=r"9 cells with seed=0,1,2,3 and 5 more: gone; all other cells are kept"):
        alone.tell()


class Fragile(worker.Worker):
    """Ends as it begins, so often."""

    deaths = 0
    begun = 0

    def begin(self, refused):
        super().begin(refused)
        Fragile.begun += 1
        if Fragile.begun <= Fragile.deaths:
            (process,) = self._processes
            os.kill(process.pid, signal.SIGKILL)
            raise BrokenProcessPool


@pytest.fixture
def fragile(monkeypatch):
    monkeypatch.setattr(worker, "Worker", Fragile)
    monkeypatch.setattr(worker, "PAUSE_SECONDS", 0)
    monkeypatch.setattr(Fragile, "begun", 0)
    return lambda deaths: monkeypatch.setattr(Fragile, "deaths", deaths)


def test_a_worker_killed_as_it_begins_is_started_again(fragile):
    fragile(worker.TRIES - 1)
    crew = worker.start_workers(1)
    assert Fragile.begun == worker.TRIES
    assert crew[0].call(abs, -1) == 1
    worker.end(crew)


def test_workers_that_end_at_once_again_and_again_are_told_in_one_line(fragile):
    fragile(worker.TRIES)
    with pytest.raises(UserError, match=r"^worker processes cannot be started \(one ended at once\); engine=serial"):
        worker.start_workers(1)
    assert Fragile.begun == worker.TRIES
