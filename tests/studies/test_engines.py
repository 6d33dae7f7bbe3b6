import multiprocessing
import multiprocessing.synchronize
import os
import re
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from ablation import UserError
from ablation.choices.activations import ACTIVATIONS
from ablation.datasets.prepared import prepare
from ablation.studies.cells import Cell, expand
from ablation.studies.engines import local, run_cohorts, work, worker
from ablation.studies.engines.cohorts import FEW_CELLS, Cohort, Limits, bytes_of, make_cohorts
from ablation.studies.engines.local import RETRIES, default_workers
from ablation.studies.engines.losses import Losses
from ablation.studies.engines.work import Source, load_data
from ablation.studies.engines.worker import start_worker
from ablation.studies.environment import environment
from ablation.training.trainer import train
from tests.compiler import needs_compiler
from tests.conftest import make_spec
from tests.studies import fatal
from tests.studies.command_line import study_in

ENDS = {"digits": (64, 10)}
WIDE = Limits(2**40, 64)


def cell(**changes) -> Cell:
    spec = make_spec(**changes)
    return Cell(f"{spec.lr}-{spec.seed}-{spec.activation.kind}", {"data": "digits"}, spec)


@settings(max_examples=50)
@given(
    st.lists(st.tuples(st.sampled_from(["relu", "tanh"]), st.integers(0, 20)), min_size=1, max_size=60),
    st.integers(1, 5),
    st.integers(1, 40),
)
def test_cohorts_hold_every_cell_once_within_the_limit_and_share_their_graph(chosen, workers, limit):
    cells = [cell(activation=activation, seed=seed) for activation, seed in chosen]
    cohorts = make_cohorts(cells, ENDS, workers, Limits(2**40, limit))
    assert sorted(place for cohort in cohorts for place in cohort.places) == list(range(len(cells)))
    for cohort in cohorts:
        assert len(cohort.cells) <= limit
        assert [cells[place] for place in cohort.places] == cohort.cells
        assert len({str(each.spec.cohort()) for each in cohort.cells}) == 1
    assert len(cohorts) >= min(workers, len(cells))


def test_memory_limits_a_cohort_and_one_cell_always_fits():
    cells = [cell(seed=seed) for seed in range(64)]
    assert max(len(cohort.cells) for cohort in make_cohorts(cells, ENDS, 1, Limits(2**20, 64))) < 64
    assert len(make_cohorts(cells, ENDS, 1, Limits(1, 64))) == 64
    limits = Limits(2**22, 64)
    for many in ((6400, 10), (64, 1000)):
        assert len(make_cohorts(cells, {"digits": many}, 1, limits)) > len(make_cohorts(cells, ENDS, 1, limits))


def test_a_few_cells_go_together_beyond_the_limit_but_not_beyond_their_own():
    cells = [cell(seed=seed) for seed in range(64)]
    each = bytes_of([64, *cells[0].spec.widths, 10], cells[0].spec.batch_size)

    def widest(*limits: float) -> int:
        return max(len(cohort.cells) for cohort in make_cohorts(cells, ENDS, 1, Limits(*map(int, limits))))

    assert widest(each, 64, FEW_CELLS * each) == FEW_CELLS
    assert widest(each, 64, 64 * each) == FEW_CELLS
    assert widest(each, 64, 4 * each) == 4
    assert widest(each, 2, FEW_CELLS * each) == 2
    assert widest(32 * each, 64, FEW_CELLS * each) == 32


def test_the_costliest_cohort_comes_first():
    cells = [cell(widths=(8,)), cell(widths=(8,) * 20), cell(widths=(8,) * 5)]
    depths = [len(cohort.cells[0].spec.widths) for cohort in make_cohorts(cells, ENDS, 1, WIDE)]
    assert depths == [20, 5, 1]


@pytest.fixture
def source(study):
    folder = study().data_folder
    prepare("digits", study().data["digits"], folder)
    return Source(folder, study().data, "cpu")


def by_name(trained):
    return {each.name: record for done in trained for each, record in zip(done.cohort.cells, done.records, strict=True)}


def test_workers_give_the_bits_of_this_process_whatever_the_cohorts(study, source):
    cells = expand(
        study("activation=[relu,elu]", "normalization=[none,batch]", "seed=[0,1,2]", "lr=[0.1,1000.0]", "width=7")
    )
    here = by_name(run_cohorts(make_cohorts(cells, ENDS, 1, WIDE), source, {"kind": "serial"}, 1))
    assert any(record.diverged_step is not None for record in here.values())
    for workers, limit in ((1, 5), (2, 1)):
        cohorts = make_cohorts(cells, ENDS, 2, Limits(2**40, limit))
        there = by_name(run_cohorts(cohorts, source, {"kind": "processes"}, workers))
        assert there.keys() == here.keys()
        for name, record in here.items():
            assert there[name].diverged_step == record.diverged_step
            np.testing.assert_array_equal(there[name].curves, record.curves)
            np.testing.assert_array_equal(there[name].layers, record.layers)


def test_final_weights_are_the_same_by_no_one_and_two_workers(study, source):
    cells = expand(study("activation=[tanh,elu]", "normalization=batch", "seed=[0,1,2,3]", "lr=[0.1,1e9]", "width=5"))
    data = load_data("digits", source)
    alone = {cell.name: train([cell.spec], data)[0].weights for cell in cells}
    groups = [cohort.cells for cohort in make_cohorts(cells, ENDS, 2, Limits(2**40, 3))]
    context = multiprocessing.get_context("forkserver")
    for workers in (1, 2):
        with ProcessPoolExecutor(workers, context, start_worker) as pool:
            for group, weights in zip(groups, pool.map(_weights, groups, [source] * len(groups)), strict=True):
                for cell, row in zip(group, weights, strict=True):
                    np.testing.assert_array_equal(row, alone[cell.name].numpy())


def _weights(cells, source):
    outcomes = train([cell.spec for cell in cells], load_data("digits", source))
    return [outcome.weights.numpy() for outcome in outcomes]


SEEDS = "seed=[0,1,2,3,4]"


def trained(cohorts, source, engine, workers=2):
    """Return the records by name, and what was said in the end, if anything was."""
    done, told = [], ""
    try:
        done.extend(run_cohorts(cohorts, source, {"kind": engine}, workers))
    except UserError as error:
        told = str(error)
    return by_name(done), told


def same(records, others):
    return records.keys() == others.keys() and all(
        np.array_equal(record.curves, others[name].curves) and np.array_equal(record.layers, others[name].layers)
        for name, record in records.items()
    )


@pytest.mark.slow
def test_a_cohort_whose_worker_is_killed_is_tried_again_to_the_same_bits(study, source, monkeypatch):
    cohorts = make_cohorts(expand(study(SEEDS)), ENDS, 2, Limits(2**40, 1))
    here, _ = trained(cohorts, source, "serial")
    monkeypatch.setattr(local, "train_here", fatal.dies_thrice)
    there, told = trained(cohorts, source, "processes")
    assert fatal.tries(source) == 1 + RETRIES == 4
    assert told == ""
    assert same(here, there)


@pytest.mark.slow
def test_a_cohort_that_kills_its_worker_is_named_in_the_end_and_all_others_are_trained(study, source, monkeypatch):
    cells = expand(study(SEEDS))
    cohorts = make_cohorts(cells, ENDS, 2, Limits(2**40, 1))
    here, _ = trained(cohorts, source, "serial")
    monkeypatch.setattr(local, "train_here", fatal.dies_always)
    there, told = trained(cohorts, source, "processes")
    assert fatal.tries(source) == 1 + RETRIES
    assert same({name: record for name, record in here.items() if name != cells[fatal.SEED].name}, there)
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


def test_what_is_lost_is_named_by_what_varies_and_in_a_few_words(study):
    cohorts = make_cohorts(expand(study("activation=[relu,tanh]", "seed=range(9)")), ENDS, 1, Limits(2**40, 1))
    losses = Losses(cohorts)
    losses.tell()
    for cohort in cohorts:
        losses.add(cohort, "gone")
    with pytest.raises(
        UserError, match=r"^not trained: 1 cell with activation=relu seed=0; .*; 14 cohorts more: gone;"
    ):
        losses.tell()
    (whole,) = make_cohorts(expand(study("seed=range(9)")), ENDS, 1, WIDE)
    alone = Losses([whole])
    alone.add(whole, "gone")
    with pytest.raises(UserError, match=r"9 cells with seed=0,1,2,3 and 5 more: gone; all other cells are kept"):
        alone.tell()


REFUSALS = [
    OSError(24, "Too many open files"),
    OSError("AF_UNIX path too long"),
    PermissionError(13, "Permission denied"),
    FileNotFoundError(2, "No usable temporary directory found"),
    BlockingIOError(11, "Resource temporarily unavailable"),
    ImportError("This platform lacks a functioning sem_open implementation"),
    NotImplementedError("system provides too few semaphores"),
    RuntimeError("can't start new thread"),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_where_no_worker_can_be_started_the_engine_that_needs_none_is_named(study, source, monkeypatch, refusal):
    def refuse(*arguments, **options):
        raise refusal

    # What both the pool and its queues begin with.
    monkeypatch.setattr(multiprocessing.synchronize.SemLock, "__init__", refuse)
    cohorts = make_cohorts(expand(study()), ENDS, 1, WIDE)
    with pytest.raises(
        UserError, match=r"^worker processes cannot be started \(.*\); engine=serial does without them$"
    ):
        next(run_cohorts(cohorts, source, {"kind": "processes"}, 1))


@pytest.mark.slow
def test_a_folder_whose_name_is_too_long_for_a_socket_is_told_in_one_line(tmp_path):
    long = tmp_path / ("t" * 100)
    long.mkdir()
    done = study_in(tmp_path, "engine=processes", "tracking=none", TMPDIR=str(long))
    assert done.returncode == 2
    *_, last = done.stderr.splitlines()
    assert re.fullmatch(r"error: worker processes cannot be started \(AF_UNIX .*TMPDIR=.*\); engine=serial .*", last)
    assert "Traceback" not in done.stderr
    assert study_in(tmp_path, "engine=serial", "tracking=none", TMPDIR=str(long)).returncode == 0


def test_a_worker_killed_as_it_begins_is_started_again(monkeypatch):
    begun = []

    class Fragile(worker.Worker):
        def begin(self, refused):
            super().begin(refused)
            begun.append(self)
            if len(begun) < worker.TRIES:
                raise BrokenProcessPool

    monkeypatch.setattr(worker, "Worker", Fragile)
    monkeypatch.setattr(worker, "PAUSE_SECONDS", 0)
    crew = worker.start_workers(1)
    assert len(begun) == worker.TRIES
    assert crew[0].call(abs, -1) == 1
    worker.end(crew)
    monkeypatch.setattr(worker, "TRIES", 1)
    begun.clear()
    with pytest.raises(UserError, match=r"one ended at once\); engine=serial"):
        worker.start_workers(1)


def test_a_process_that_computes_otherwise_than_the_keys_say_does_not_train(study, source):
    cohorts = make_cohorts(expand(study()), ENDS, 1, WIDE)
    here = environment(torch.device("cpu"))
    assert list(run_cohorts(cohorts, replace(source, environment=here), {"kind": "serial"}, 1))
    other = replace(source, environment={**here, "bits": "f00"})
    for engine in ("serial", "processes"):
        with pytest.raises(UserError, match=rf"computes otherwise .*bits={here['bits']} instead of bits=f00"):
            list(run_cohorts(cohorts, other, {"kind": engine}, 1))


def test_data_prepared_anew_are_not_taken_for_those_of_the_keys(study, source, tmp_path):
    card = prepare("digits", study().data["digits"], source.folder)
    loaded = load_data("digits", replace(source, digests={"digits": card["digest"]}))
    changed = {"digits": {**study().data["digits"], "split_seed": 1}}
    other = prepare("digits", changed["digits"], source.folder)
    again = load_data("digits", replace(source, levels=changed, digests={"digits": other["digest"]}))
    assert not torch.equal(loaded.train_x, again.train_x)
    stale = replace(source, levels=changed, digests={"digits": "0" * 64})
    with pytest.raises(UserError, match=r"data\.digits: was prepared anew"):
        load_data("digits", stale)


def test_data_are_standardized_by_the_training_part(source):
    data = load_data("digits", source)
    assert abs(float(data.train_x.double().mean())) < 1e-6
    assert float(data.train_x.double().std(correction=0)) == pytest.approx(1, abs=1e-6)
    assert abs(float(data.val_x.double().mean())) > 1e-6


def test_as_many_workers_as_cores():
    assert 1 <= default_workers() <= (os.cpu_count() or 1)


OUT_OF_MEMORY = [
    torch.OutOfMemoryError(),
    MemoryError(),
    RuntimeError("[enforce fail at alloc_cpu.cpp:124] err == 0. DefaultCPUAllocator: can't allocate memory: you tried"),
]


@pytest.mark.parametrize("error", OUT_OF_MEMORY, ids=lambda error: type(error).__name__)
def test_a_cohort_too_large_for_memory_is_trained_in_halves_and_no_cell_is_lost(study, source, monkeypatch, error):
    cells = expand(study("seed=[0,1,2,3,4]", "training.epochs=1"))
    data, specs = load_data("digits", source), [cell.spec for cell in cells]
    whole, sizes = train(specs, data), []

    def small(part, data):
        sizes.append(len(part))
        if len(part) > 2:
            raise error
        return train(part, data)

    monkeypatch.setattr(work, "train", small)
    parts = work.train_within_memory(specs, data)
    assert sizes == [5, 2, 3, 1, 2]
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one.curves, other.curves)


@pytest.mark.parametrize(
    ("error", "told"),
    [(OUT_OF_MEMORY[0], "does not fit into the GPU's free memory; use device=cpu$")]
    + [(error, "a cell of 2 layers of up to 8 units does not fit into memory$") for error in OUT_OF_MEMORY[1:]],
    ids=lambda value: type(value).__name__,
)
def test_a_cell_too_large_for_memory_is_told_in_one_line(study, source, monkeypatch, error, told):
    def none(part, data):
        raise error

    monkeypatch.setattr(work, "train", none)
    (cell,) = expand(study())
    with pytest.raises(UserError, match=told):
        work.train_within_memory([cell.spec], load_data("digits", source))


def test_another_error_is_not_taken_for_a_lack_of_memory(study, source, monkeypatch):
    def wrong(part, data):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(work, "train", wrong)
    (cell,) = expand(study())
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        work.train_within_memory([cell.spec], load_data("digits", source))


@needs_compiler
def test_a_choice_that_cannot_be_compiled_is_named(source, monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "tanh", lambda x: (x, x) if x.shape[-1] > 7 else (-x, x))
    one = cell(activation="tanh")
    one = replace(one, spec=replace(one.spec, compile="layers"))
    with pytest.raises(UserError, match=r"^training.compile=true: .* one of tanh, none, cross_entropy; allowed"):
        work.train_cohort(Cohort([0], [one], "0000"), load_data("digits", source))
