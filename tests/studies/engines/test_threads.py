"""Several cohorts at a time in threads, as on a GPU; here on a CPU, which has no streams."""

import threading
import time
from dataclasses import replace

import pytest
import torch

from ablation import UserError
from ablation.studies import engines
from ablation.studies.cells import expand
from ablation.studies.engines import run_cohorts, threads, work
from ablation.studies.engines.cohorts import Limits, make_cohorts
from ablation.studies.engines.threads import run_threads
from ablation.training.trainer import train
from tests.studies.engines.reference import ENDS, assert_same_bits, by_name


@pytest.fixture
def cells(study):
    return expand(
        study("activation=[relu,elu]", "normalization=[none,batch]", "seed=[0,1,2]", "lr=[0.1,1000.0]", "width=7")
    )


@pytest.mark.parametrize("count", [1, 4])
def test_threads_give_the_bits_of_one(cells, source, count):
    here = by_name(run_cohorts(make_cohorts(cells, ENDS, 1, Limits(2**40, 64)), source, {"kind": "serial"}, 1))
    assert any(record.diverged_step is not None for record in here.values())
    assert_same_bits(here, by_name(run_threads(make_cohorts(cells, ENDS, 1, Limits(2**40, 3)), source, count)))


@pytest.mark.parametrize(("compile", "ran"), [("eager", "threads"), ("layers", "serial")])
def test_what_is_compiled_is_trained_by_one_thread(study, source, monkeypatch, compile, ran):
    """While a thread compiles, torch tells all threads that they are compiling, and they would compute otherwise."""
    for name in ("threads", "serial"):
        monkeypatch.setattr(engines, f"run_{name}", lambda *arguments, name=name: name)
    cohorts = make_cohorts(expand(study(f"training.compile={compile}")), ENDS, 4, Limits(2**40, 64))
    assert run_cohorts(cohorts, replace(source, device="cuda"), {"kind": "processes"}, 4) == ran


def test_how_many_threads_a_product_takes_is_as_before(cells, source):
    before = torch.get_num_threads()
    list(run_threads(make_cohorts(cells, ENDS, 1, Limits(2**40, 12)), source, 2))
    assert torch.get_num_threads() == before


def test_so_many_train_at_a_time(cells, source, monkeypatch):
    at_work, most, lock = 0, 0, threading.Lock()

    def watched(*arguments):
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        time.sleep(0.02)
        trained = work.train_cohort(*arguments)
        with lock:
            at_work -= 1
        return trained

    monkeypatch.setattr(threads, "train_cohort", watched)
    cohorts = make_cohorts(cells, ENDS, 1, Limits(2**40, 2))
    assert len(list(run_threads(cohorts, source, 3))) == len(cohorts)
    assert most == 3


def test_out_of_memory_halves_the_cohort_that_met_it_and_no_other(cells, source, monkeypatch):
    sizes = []

    def small(part, data, watched):
        sizes.append((part[0].activation.kind, part[0].normalization.kind, len(part)))
        if len(part) > 3 and (part[0].activation.kind, part[0].normalization.kind) == ("elu", "batch"):
            raise torch.OutOfMemoryError
        return train(part, data)

    monkeypatch.setattr(work, "train", small)
    cohorts = make_cohorts(cells, ENDS, 1, Limits(2**40, 64))
    trained = by_name(run_threads(cohorts, source, 4))
    assert len(trained) == len(cells)
    assert sorted(size for *kinds, size in sizes if kinds == ["elu", "batch"]) == [3, 3, 6]
    assert sorted(size for *kinds, size in sizes if kinds != ["elu", "batch"]) == [6, 6, 6]


def test_a_cell_without_room_beside_others_is_tried_alone_in_the_end(cells, source, monkeypatch):
    alone = []

    def crowded(part, data, watched):
        if part[0].activation.kind == "elu" and threading.current_thread() is not threading.main_thread():
            raise torch.OutOfMemoryError
        alone.append(threading.current_thread() is threading.main_thread())
        return train(part, data)

    monkeypatch.setattr(work, "train", crowded)
    assert len(by_name(run_threads(make_cohorts(cells, ENDS, 1, Limits(2**40, 64)), source, 2))) == len(cells)
    assert alone == [False, False, True, True]


def test_a_cell_without_room_at_all_is_named_when_all_others_are_there(cells, source, monkeypatch):
    def full(part, data, watched):
        if part[0].activation.kind == "elu":
            raise torch.OutOfMemoryError
        return train(part, data)

    monkeypatch.setattr(work, "train", full)
    done = []
    answers = run_threads(make_cohorts(cells, ENDS, 1, Limits(2**40, 64)), source, 2)
    with pytest.raises(UserError, match=r"^not trained: 6 cells with activation=elu .*use device=cpu"):
        done.extend(answers)
    assert sum(len(trained.records) for trained in done) == len(cells) / 2


def test_what_a_cohort_raises_ends_the_others_too(cells, source, monkeypatch):
    ended, before = [], set(threading.enumerate())

    def endless(cohort, data, keeps_weights):
        if cohort.name == "0000":
            raise UserError("no")
        try:
            while True:
                time.sleep(0.005)
        except KeyboardInterrupt:
            ended.append(cohort.name)
            raise

    monkeypatch.setattr(threads, "train_cohort", endless)
    with pytest.raises(UserError, match=r"^no$"):
        list(run_threads(make_cohorts(cells, ENDS, 1, Limits(2**40, 4)), source, 3))
    assert set(ended) <= {"0001", "0002", "0003"}
    assert ended
    assert set(threading.enumerate()) <= before


def test_one_gpu_is_not_given_halves(cells):
    cohorts = make_cohorts(cells[:6], ENDS, 4, Limits(2**40, 64, splits=False))
    assert len(make_cohorts(cells[:6], ENDS, 4, Limits(2**40, 64))) > len(cohorts)
    assert len(cohorts) == len({str(cell.spec.shared()) for cell in cells[:6]})
