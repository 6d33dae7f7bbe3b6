"""What cannot fit is refused before training, in one line that names the key and the largest that would do."""

import math

import pytest
import torch

from ablation import UserError
from ablation.studies.cells import expand
from ablation.studies.machine import fits
from ablation.studies.machine.cost import Ends
from ablation.studies.machine.fits import refuse_cells, refuse_data, refuse_product, room_to_train
from ablation.studies.run import run_study

CPU = torch.device("cpu")
DIGITS = {"digits": Ends(64, 10, 1079, 359, 359)}
GB = 10**9


@pytest.fixture(autouse=True)
def machine(monkeypatch):
    """A machine with so many bytes free."""

    def of(size: float) -> None:
        monkeypatch.setattr(fits, "memory", lambda: size)

    monkeypatch.setattr(fits, "address_space", lambda: None)
    of(16 * GB)
    return of


TOO_LARGE = {
    (
        "width=100000",
        "depth=2",
    ): r"^model=mlp depth=2 width=100000: a cell takes some \d+ GB in training, and [\d.]+ GB",
    ("width=30000", "depth=2"): r"^model=mlp depth=2 width=30000: a cell takes some [\d.]+ GB in training",
    ("width=1000", "depth=10000"): r"^model=mlp depth=10000 width=1000: a cell takes some \d+ GB",
    ("training.epochs=1000000", "depth=500"): r"^training\.epochs=1000000 depth=500: .* allowed are fewer epochs",
    ("data.gaussian.examples=1000000", "data.gaussian.features=5000", "data=gaussian"): (
        r"^data\.gaussian\.examples=1000000: with 5000 features they take some \d+ GB to draw, and 14\.4 GB are free"
    ),
}


@pytest.mark.parametrize("overrides", TOO_LARGE, ids=" ".join)
def test_what_cannot_fit_is_refused_before_anything_is_made(study, overrides):
    checked = study(*overrides)
    with pytest.raises(UserError, match=TOO_LARGE[overrides]):
        run_study(checked)
    assert not checked.results_folder.exists()


def test_a_product_too_large_to_be_held_is_refused_before_it_is(study, machine):
    checked = study("seed=[0,1,2,3,4,5,6,7,8,9]", "lr=[0.1,0.2,0.3]", "depth=[1,2]")
    machine(2000 * 60 / fits.SHARE + 1)
    refuse_product(checked)
    machine(2000 * 60 / fits.SHARE - 2000)
    with pytest.raises(
        UserError, match=r"^2 of depth x 3 of lr x 10 of seed: 60 cells take some 120 kB .* enough for 59; give fewer"
    ):
        refuse_product(checked)
    ragged = study("seed=[0,1]", "optimizer=[sgd,momentum]", "lr=[0.1,0.2,0.3]", "optimizer.momentum.lr=[1,2]")
    machine(2000 * 10 / fits.SHARE + 1)
    refuse_product(ragged)
    machine(2000 * 10 / fits.SHARE - 2000)
    with pytest.raises(UserError, match=r"^5 of optimizer and lr x 2 of seed: 10 cells take some 20 kB"):
        refuse_product(ragged)


def test_data_that_are_prepared_take_less_than_data_that_are_drawn(study, machine):
    checked = study("data=gaussian", "data.gaussian.examples=1000", "data.gaussian.features=100")
    machine(fits.READING * 1000 * 1.5 * 100 / fits.SHARE + 1)
    with pytest.raises(UserError, match="to draw"):
        refuse_data(checked)
    checked.data_folder.mkdir(parents=True)
    (checked.data_folder / "gaussian.safetensors").touch()
    refuse_data(checked)
    machine(1000)
    with pytest.raises(UserError, match="to read"):
        refuse_data(checked)


def test_a_limit_of_the_process_counts_as_memory_does(study, monkeypatch):
    monkeypatch.setattr(fits, "address_space", lambda: 10**6)
    assert fits.free() == fits.SHARE * 10**6
    cells = expand(study("width=1000"))
    with pytest.raises(UserError, match="width=1000: a cell takes"):
        refuse_cells(cells, cells, DIGITS, fits.free())


def test_what_is_not_trained_needs_no_room_to_train(study):
    cells = expand(study("width=1000"))
    refuse_cells(cells, [], DIGITS, 0)


def test_a_large_batch_or_probe_is_named_where_it_is_what_is_large(study):
    cells = expand(study("batch_size=1079", "width=8", "depth=40"))
    with pytest.raises(UserError, match=r"^batch_size=1079 training\.probe_size=32: a cell takes .* smaller ones"):
        refuse_cells(cells, cells, DIGITS, 10**5)


def test_workers_are_as_many_as_have_room_and_at_least_one(study, machine):
    cells = expand(study("width=1000", "seed=[0,1,2,3]"))
    engine = {"kind": "processes"}
    machine(16 * GB)
    many, room = room_to_train(engine, CPU, 8, cells, DIGITS)
    assert many == 8
    assert 0 < room < 16 * GB / 8
    machine(GB / 4)
    few, room = room_to_train(engine, CPU, 8, cells, DIGITS)
    assert 1 <= few < 8
    machine(1)
    none, room = room_to_train(engine, CPU, 8, cells, DIGITS)
    assert none == 1
    assert room < 0
    assert room_to_train({"kind": "ray"}, CPU, 8, cells, DIGITS) == (8, math.inf)
    assert room_to_train(engine, CPU, 0, [], DIGITS) == (0, math.inf)


@pytest.mark.parametrize(
    ("size", "told"), [(999, "999 bytes"), (1000, "1 kB"), (2.345e12, "2.35 TB"), (1e20, "100 EB")]
)
def test_sizes_are_written_as_people_do(size, told):
    assert fits.sized(size) == told
