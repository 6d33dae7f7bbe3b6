import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
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
from ablation.studies.engines import local, run_cohorts, work
from ablation.studies.engines.cohorts import FEW_CELLS, Cohort, Limits, bytes_of, make_cohorts
from ablation.studies.engines.local import default_workers
from ablation.studies.engines.work import Source, load_data
from ablation.studies.engines.worker import start_worker
from ablation.training.trainer import train
from tests.compiler import needs_compiler
from tests.conftest import make_spec

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


def test_a_worker_that_dies_is_told_in_one_line(study, source, monkeypatch):
    cohorts = make_cohorts(expand(study("seed=[0,1,2,3]")), ENDS, 2, Limits(2**40, 1))
    monkeypatch.setattr(local, "train_here", _die)
    with pytest.raises(UserError, match="a worker process died"):
        list(run_cohorts(cohorts, source, {"kind": "processes"}, 2))


def _die(cohort, source):
    os._exit(9)


def test_data_are_standardized_by_the_training_part(source):
    data = load_data("digits", source)
    assert abs(float(data.train_x.double().mean())) < 1e-6
    assert float(data.train_x.double().std(correction=0)) == pytest.approx(1, abs=1e-6)
    assert abs(float(data.val_x.double().mean())) > 1e-6


def test_data_prepared_anew_meanwhile_are_not_taken_for_those_of_the_keys(study, source):
    first = prepare("digits", None, source.folder)["digest"]
    keyed = replace(source, digests={"digits": first})
    whole = load_data("digits", keyed)
    level = {"split_seed": 1}
    second = prepare("digits", level, source.folder)["digest"]
    assert not torch.equal(
        load_data("digits", replace(source, levels={"digits": level}, digests={"digits": second})).train_x,
        whole.train_x,
    ), "a process that has read the one reads the other too"
    levels = {"digits": level}
    with pytest.raises(UserError, match=r"^data\.digits: was prepared anew by another study meanwhile"):
        load_data("digits", replace(source, levels=levels, digests={"digits": "0" * 64}))


def test_as_many_workers_as_cores():
    assert 1 <= default_workers() <= (os.cpu_count() or 1)


def test_a_cohort_too_large_for_a_gpu_is_trained_in_halves_and_no_cell_is_lost(study, source, monkeypatch):
    cells = expand(study("seed=[0,1,2,3,4]", "training.epochs=1"))
    data, specs = load_data("digits", source), [cell.spec for cell in cells]
    whole, sizes = train(specs, data), []

    def small(part, data):
        sizes.append(len(part))
        if len(part) > 2:
            raise torch.OutOfMemoryError
        return train(part, data)

    monkeypatch.setattr(work, "train", small)
    parts = work.train_within_memory(specs, data)
    assert sizes == [5, 2, 3, 1, 2]
    for one, other in zip(whole, parts, strict=True):
        np.testing.assert_array_equal(one.curves, other.curves)


def test_a_cell_too_large_for_a_gpu_is_told_in_one_line(study, source, monkeypatch):
    def none(part, data):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(work, "train", none)
    (cell,) = expand(study())
    with pytest.raises(UserError, match="does not fit into the GPU's free memory"):
        work.train_within_memory([cell.spec], load_data("digits", source))


@needs_compiler
def test_a_choice_that_cannot_be_compiled_is_named(source, monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "tanh", lambda x: (x, x) if x.shape[-1] > 7 else (-x, x))
    one = cell(activation="tanh")
    one = replace(one, spec=replace(one.spec, compile="layers"))
    with pytest.raises(UserError, match=r"^training.compile=true: .* one of tanh, none, cross_entropy; allowed"):
        work.train_cohort(Cohort([0], [one], "0000"), load_data("digits", source))
