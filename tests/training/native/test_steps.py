"""Native steps: what they leave, how they are cut into calls, gradients of any size, and memory that is short."""

import ctypes
import functools
import math
import platform
from dataclasses import replace

import numpy as np
import pytest
import torch

from ablation.choices.clipping import COMPARED
from ablation.training.arithmetic import arithmetic_of
from ablation.training.measurement import Measurement
from ablation.training.native import building, form, interface, steps
from ablation.training.native.form import form_of
from ablation.training.native.measurement import NativeMeasurement
from ablation.training.stack import Stack
from ablation.training.trainer import train
from tests.compiler import needs_native
from tests.training.reference import NORMALIZED, batch, level, network, optimizer, slopes, spec
from tests.training.reference import blobs as clouds
from tests.training.test_watch import around, record_of

pytestmark = needs_native


@pytest.mark.parametrize("norm", ["none", "before_and_input"])
def test_into_how_many_calls_steps_are_cut_decides_no_bit(norm, monkeypatch):
    cells = [
        spec(compile="native", normalization=NORMALIZED[norm], optimizer=optimizer("adam"), seed=seed, lr=lr)
        for seed, lr in enumerate((0.01, 1e9, 0.1))
    ]
    whole = train(cells, clouds())
    for name, most in (("EXAMPLES", 1), ("WORK", 1.0)):
        with monkeypatch.context() as patch:
            patch.setattr(steps, name, most)
            for one, other in zip(whole, train(cells, clouds()), strict=True):
                assert record_of(one) == record_of(other)


@pytest.mark.parametrize("rule", COMPARED)
@pytest.mark.parametrize("scale", [1e-18, 1e-9, 1e9, 1e15], ids=str)
def test_gradients_of_any_size_never_pass_for_unclipped_ones_where_they_are_clipped(rule, scale):
    """Squares that a float32 does not hold: by targets, and so a gradient, of that size."""
    data = slopes()
    data = replace(data, **{part: getattr(data, part) * scale for part in ("train_y", "val_y", "test_y")})
    plain = spec(compile="native", loss="mse", activation="identity", lr=0.01, epochs=1)
    (one,) = train([plain], data, [rule])
    largest, proven = one.compared[rule], 0
    for threshold in (*(around(largest) if 1e-37 < largest < 1e38 else ()), 2e-38, 1e-12, 1.0, 1e14, 1e30, 3e38):
        (trained,) = train([replace(plain, clipping=level(rule, threshold=threshold))], data)
        if not COMPARED[rule].acts(largest, threshold=threshold):
            proven += 1
            assert record_of(trained) == record_of(one), threshold
        elif threshold < 0.5 * largest:
            assert record_of(trained) != record_of(one), threshold
    assert proven or scale >= 1e15, "of sound norms some are known"


def test_a_batch_of_no_whole_vector_is_that_batch_alone():
    """What lies behind a batch in memory is computed with and must not count: here it would be the largest."""
    data, cell = (
        clouds(40),
        spec(compile="native", batch_size=17, activation="relu", normalization=NORMALIZED["before"]),
    )
    eager = train([replace(cell, compile="eager")], data)[0]
    np.testing.assert_allclose(train([cell], data)[0].weights, eager.weights, rtol=0, atol=1e-5)


def test_all_sizes_about_a_vector_train_as_eager_ones():
    for size in (1, 7, 8, 9, 15, 16, 17, 31, 33, 47, 65):
        cell = spec(widths=(size, 3, size), batch_size=max(2, size), epochs=1, normalization=NORMALIZED["after"])
        data = clouds(80, features=size)
        (one,), (other,) = (train([replace(cell, compile=how)], data) for how in ("eager", "native"))
        np.testing.assert_allclose(other.weights, one.weights, rtol=0, atol=1e-5, err_msg=str(size))
        np.testing.assert_allclose(other.layers[..., 0], one.layers[..., 0], rtol=1e-4, atol=1e-7)


@pytest.mark.skipif(platform.machine() != "x86_64", reason="of this kind of processor's older ones")
@pytest.mark.parametrize(("processor", "lanes"), [("x86-64", 4), ("x86-64-v3", 8)])
def test_vectors_of_any_length_train_as_eager_ones(processor, lanes, monkeypatch):
    """Those of other processors too, of which this one can do what they do."""
    flags = [f"-march={processor}" if flag == "-march=native" else flag for flag in building.FLAGS]
    monkeypatch.setattr(building, "FLAGS", tuple(flags))
    monkeypatch.setattr(building, "_library", functools.cache(building._library.__wrapped__))
    monkeypatch.setattr(form, "_made", {})
    assert form_of(spec()).lanes == lanes
    test_all_sizes_about_a_vector_train_as_eager_ones()


def test_running_statistics_move_by_the_share_that_is_not_kept():
    """Which is what is left of 1: made of a single-precision 0.99999 it would be off by a hundredth."""
    for momentum in (0.0, 0.99, 0.99999, 1.0 - 1e-9):
        cell, data = spec(normalization=batch(momentum=momentum)), clouds()
        moves = interface.network_of(network(cell, data), cell, data, form_of(cell)).moves
        assert moves == np.float32(1.0 - momentum)


def test_an_output_that_is_no_number_counts_as_the_largest():
    """As for torch, where a cell's loss in training was finite all the same."""
    cell, data = spec(), clouds()
    net, arithmetic = network(cell, data), arithmetic_of(cell)
    native = NativeMeasurement(form_of(cell), net, arithmetic, cell, data)
    for place in range(4):
        stack = Stack(net.layout, [replace(cell, compile="native")], data.train_x.device)
        interface.begin(stack, form_of(cell))
        stack.parameters.linear[-1].bias_SO[0, place] = math.nan
        score = native.test(stack)["test_accuracy"]
        torch.testing.assert_close(score, Measurement(net, arithmetic, cell, data).test(stack)["test_accuracy"])
        torch.testing.assert_close(score, (data.test_y == place).float().mean(0, keepdim=True))


def test_memory_that_is_short_is_an_error_and_no_end_of_the_process():
    with pytest.raises(MemoryError):
        interface.call(lambda: 0)
    functions = form_of(spec(compile="native")).functions
    network = interface.NETWORK(features=2, depth=0, classes=2**40)
    with pytest.raises(MemoryError):
        interface.call(
            functions.ablation_score,
            *map(ctypes.byref, (network, interface.CELLS(), interface.PART())),
            interface.LONG(0),
            None,
            None,
        )


def test_a_learning_rate_may_be_a_whole_number():
    one, other = (train([spec(compile="native", lr=lr)], clouds())[0] for lr in (1, 1.0))
    assert torch.equal(one.weights, other.weights)
