import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from ablation import UserError
from ablation.studies.cells import expand
from ablation.studies.engines import count_workers, local, run_cohorts
from ablation.studies.engines.cohorts import Limits, make_cohorts
from ablation.studies.engines.local import default_workers
from ablation.studies.engines.threads import STREAMS
from ablation.studies.engines.work import load_data
from ablation.studies.engines.worker import start_worker
from ablation.studies.machine.environment import environment
from ablation.training.trainer import train
from tests.studies.engines.reference import ENDS, assert_same_bits, by_name

WIDE = Limits(2**40, 64)


def test_workers_give_the_bits_of_this_process_whatever_the_cohorts(study, source):
    cells = expand(
        study("activation=[relu,elu]", "normalization=[none,batch]", "seed=[0,1,2]", "lr=[0.1,1000.0]", "width=7")
    )
    here = by_name(run_cohorts(make_cohorts(cells, ENDS, 1, WIDE), source, {"kind": "serial"}, 1))
    assert any(record.diverged_step is not None for record in here.values())
    for workers, limit in ((1, 5), (2, 1)):
        cohorts = make_cohorts(cells, ENDS, 2, Limits(2**40, limit))
        there = by_name(run_cohorts(cohorts, source, {"kind": "processes"}, workers))
        assert_same_bits(here, there)


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


def test_a_process_that_computes_otherwise_than_the_keys_say_does_not_train(study, source):
    cohorts = make_cohorts(expand(study()), ENDS, 1, WIDE)
    here = environment(torch.device("cpu"))
    assert list(run_cohorts(cohorts, replace(source, environment=here), {"kind": "serial"}, 1))
    other = replace(source, environment={**here, "bits": "f00"})
    for engine in ("serial", "processes"):
        with pytest.raises(UserError, match=rf"computes otherwise .*bits={here['bits']} instead of bits=f00"):
            list(run_cohorts(cohorts, other, {"kind": engine}, 1))


def test_there_are_as_many_workers_as_cores_or_as_the_setting_says(monkeypatch):
    assert 1 <= default_workers() <= (os.cpu_count() or 1)
    monkeypatch.setattr(local, "cores", lambda: 7)
    assert count_workers({"kind": "processes", "workers": None}, "cpu") == 7
    assert count_workers({"kind": "processes", "workers": 3}, "cpu") == 3
    assert count_workers({"kind": "serial"}, "cpu") == 1
    assert count_workers({"kind": "processes", "workers": 3}, "cuda") == 3
    assert count_workers({"kind": "processes", "workers": None}, "cuda") == STREAMS
    assert count_workers({"kind": "serial"}, "cuda") == 1
