"""The reckoning of what a cell costs, against what is really there and what really happens."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from ablation.studies.machine import cost
from ablation.studies.machine.cost import Ends
from ablation.training.data import Data
from ablation.training.trainer import train
from tests.conftest import make_spec

ENDS = Ends(12, 4, 80, 40, 30)


def outcome_of(spec, ends=ENDS):
    draw = torch.Generator().manual_seed(0)
    features, classes, *sizes = ends
    x = torch.randn(sum(sizes), features, generator=draw)
    y = torch.randint(classes, (sum(sizes),), generator=draw)
    return train([spec], Data.in_order(x, y, sizes, classes))[0]


@pytest.mark.parametrize("normalization", ["none", "batch"])
@pytest.mark.parametrize("widths", [(8,), (16, 16, 16), (5, 9)])
@pytest.mark.parametrize(("epochs", "evaluations"), [(0, (0.5,)), (1, ()), (3, (0.3, 0.4, 1.2, 1.6, 2.0, 9.0))])
def test_counts_are_those_of_the_trained_cell(widths, normalization, epochs, evaluations):
    spec = make_spec(widths=widths, normalization=normalization, epochs=epochs, evaluations=evaluations, lr=0.01)
    outcome, counts = outcome_of(spec), cost.counts(spec, ENDS)
    assert counts.parameters == outcome.parameters
    assert counts.evaluations == len(outcome.curve_steps)
    assert counts.probes == len(outcome.layer_steps)
    assert counts.steps == epochs * (80 // 16)
    assert cost.layers_blob(spec, ENDS) == np.asarray(outcome.layers, np.float32).nbytes


def test_a_cell_of_more_of_anything_takes_more_memory_and_time():
    plain = make_spec(widths=(64, 64), epochs=2)
    larger = [
        make_spec(widths=(128, 128), epochs=2),
        make_spec(widths=(64, 64, 64), epochs=2),
        make_spec(widths=(64, 64), epochs=4),
        make_spec(widths=(64, 64), epochs=2, normalization="batch"),
    ]
    for spec in larger:
        assert cost.memory(spec, ENDS).whole > cost.memory(plain, ENDS).whole
        assert cost.seconds(spec, ENDS, 1) > cost.seconds(plain, ENDS, 1)
    remembers = make_spec(widths=(64, 64), epochs=2, optimizer="momentum")
    assert cost.memory(remembers, ENDS).parameters > cost.memory(plain, ENDS).parameters
    large = make_spec(widths=(512, 512), epochs=2)
    for spec in (large, replace(large, compile="native")):
        assert cost.seconds(spec, ENDS, 10) > 5 * cost.seconds(spec, ENDS, 1)
    assert cost.seconds(replace(plain, compile="native"), ENDS, 1) < cost.seconds(plain, ENDS, 1)


def test_it_can_be_reckoned_for_what_no_machine_holds():
    vast = make_spec(widths=(10**9,) * 1000, epochs=10**9, batch_size=10**6)
    ends = Ends(10**6, 10**5, 10**9, 10**9, 10**9)
    assert cost.memory(vast, ends).whole > 1e18
    assert np.isfinite(cost.seconds(vast, ends, 10**6))


@pytest.mark.parametrize("batch_size", [5, 16, 70])
def test_counts_of_equal_steps_are_those_of_the_trained_cell(batch_size):
    spec = make_spec(batch_size=batch_size, epochs=4, steps=24, evaluations=(0.3, 1.5, 9.0), lr=0.01)
    outcome, counts = outcome_of(spec), cost.counts(spec, ENDS)
    assert (counts.steps, counts.evaluations) == (24, len(outcome.curve_steps)) == (outcome.curve_steps[-1], 7)
    assert counts.probes == len(outcome.layer_steps)


def test_to_measure_noise_takes_memory_and_time():
    plain, noisy = (make_spec(widths=(64, 64), gradient_batches=count) for count in (0, 4))
    assert cost.memory(noisy, ENDS).parameters > cost.memory(plain, ENDS).parameters
    assert cost.seconds(noisy, ENDS, 1) > cost.seconds(plain, ENDS, 1)


def test_an_optimizers_own_products_take_their_time():
    """Five times of Newton-Schulz's are three products of square matrices, each of 2 n^3 operations."""
    plain, muon = (make_spec(widths=(64,) * 20, epochs=2, optimizer=kind) for kind in ("adam", "muon"))
    of = cost.counts(muon, ENDS)
    assert of.cubes == 12 * 64 * 12 + 19 * 64**3 + 64 * 4 * 4
    more = cost.seconds(muon, ENDS, 3) - cost.seconds(plain, ENDS, 3)
    assert more == pytest.approx(3 * of.steps * 30 * of.cubes * cost.EAGER.product)
