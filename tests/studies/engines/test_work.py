from dataclasses import replace

import numpy as np
import pytest
import torch

from ablation import UserError
from ablation.choices.activations import ACTIVATIONS
from ablation.datasets.prepared import prepare
from ablation.studies.cells import Cell, expand
from ablation.studies.engines import work
from ablation.studies.engines.cohorts import Cohort
from ablation.studies.engines.work import load_data
from ablation.training.trainer import train
from tests.compiler import needs_compiler
from tests.conftest import make_spec


def test_data_are_standardized_by_the_training_part(source):
    data = load_data("digits", source)
    assert abs(float(data.train_x.double().mean())) < 1e-6
    assert float(data.train_x.double().std(correction=0)) == pytest.approx(1, abs=1e-6)
    assert abs(float(data.val_x.double().mean())) > 1e-6


def test_data_prepared_anew_meanwhile_are_not_taken_for_those_of_the_keys(study, source):
    first = prepare("digits", None, source.folder)["digest"]
    keyed = replace(source, digests={"digits": first})
    whole = load_data("digits", keyed)
    level = {"test_fraction": 0.3}
    second = prepare("digits", level, source.folder)["digest"]
    assert not torch.equal(
        load_data("digits", replace(source, levels={"digits": level}, digests={"digits": second})).train_x,
        whole.train_x,
    ), "a process that has read the one reads the other too"
    levels = {"digits": level}
    with pytest.raises(UserError, match=r"^data\.digits: was prepared anew while the study ran; run the study again$"):
        load_data("digits", replace(source, levels=levels, digests={"digits": "0" * 64}))


def test_each_split_is_read_from_its_own_file(source):
    for split in (0, 2):
        prepare("digits", None, source.folder, split)
    one, other = load_data("digits", source), load_data("digits.split2", source)
    assert one.val_y.shape == other.val_y.shape
    assert not torch.equal(one.val_x, other.val_x)
    with pytest.raises(
        UserError, match=r"^data\.digits\.split1: is not prepared, .*digits\.split1\.safetensors is missing"
    ):
        load_data("digits.split1", source)


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

    def small(part, data, watched):
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
    def none(part, data, watched):
        raise error

    monkeypatch.setattr(work, "train", none)
    (cell,) = expand(study())
    with pytest.raises(UserError, match=told):
        work.train_within_memory([cell.spec], load_data("digits", source))


def test_another_error_is_not_taken_for_a_lack_of_memory(study, source, monkeypatch):
    def wrong(part, data, watched):
        raise RuntimeError("mat1 and mat2 shapes cannot be multiplied")

    monkeypatch.setattr(work, "train", wrong)
    (cell,) = expand(study())
    with pytest.raises(RuntimeError, match="mat1 and mat2"):
        work.train_within_memory([cell.spec], load_data("digits", source))


@needs_compiler
def test_a_choice_that_cannot_be_compiled_is_named(source, monkeypatch):
    monkeypatch.setitem(ACTIVATIONS, "tanh", lambda x: (x, x) if x.shape[-1] > 7 else (-x, x))
    one = Cell("tanh", {"data": "digits", "split": 0}, replace(make_spec(activation="tanh"), compile="layers"))
    with pytest.raises(UserError, match=r"^training.compile=layers: .* one of tanh, none, cross_entropy; allowed"):
        work.train_cohort(Cohort([0], [one], "0000"), load_data("digits", source))
