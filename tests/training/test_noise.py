"""The gradient's signal-to-noise ratio against autograd, against what it estimates, and for what it must not touch."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from ablation.training.arithmetic import arithmetic_of
from ablation.training.measurement import CURVE_METRICS
from ablation.training.networks import build
from ablation.training.noise import GradientNoise
from ablation.training.stack import Stack
from ablation.training.trainer import train
from tests.training.reference import NORMALIZED, Net, blobs, spec

CPU = torch.device("cpu")
COLUMN = CURVE_METRICS.index("gradient_snr")


def measured(cells, data) -> torch.Tensor:
    """The ratio of a stack before its first step."""
    arithmetic = arithmetic_of(cells[0])
    network = build(cells[0], data.features, data.outputs, arithmetic.hidden)
    with torch.inference_mode():
        return GradientNoise(network, arithmetic, cells[0], data).ratio(Stack(network.layout, cells, CPU))


def ratio_of(gradients: torch.Tensor, share: float) -> float:
    """The ratio from all gradients at once, [K, P] in float64, by the formula; ``share`` is B / n."""
    count = len(gradients)
    variance = gradients.var(dim=0, correction=1).sum()
    return float((gradients.mean(0).square().sum() - (1 / count - share) * variance) / variance)


def brute_force(cell, data, flat_P=None) -> float:
    """The ratio by autograd in float64."""
    net = Net(cell, data, flat_P).double()
    x, y = data.train_sample(cell.gradient_batches * cell.batch_size)
    gradients = []
    for own in torch.split(torch.arange(len(y)), cell.batch_size):
        net.gradient(x[own].double(), y[own])
        gradients.append(net.flat(gradients=True))
    return ratio_of(torch.stack(gradients), cell.batch_size / len(data.train_y))


@pytest.mark.parametrize("norm", NORMALIZED)
@pytest.mark.parametrize(("batch_size", "count"), [(16, 4), (9, 7), (5, 2)])
def test_it_is_that_of_autograd(norm, batch_size, count):
    cell = spec(normalization=NORMALIZED[norm], batch_size=batch_size, gradient_batches=count)
    data = blobs(train=70)
    assert float(measured([cell], data)) == pytest.approx(brute_force(cell, data), rel=2e-4)


@pytest.mark.parametrize("changes", [{"loss": "mse"}, {"activation": "relu", "widths": (1,)}, {"clipping": "value"}])
def test_it_is_that_of_autograd_after_training_too(changes):
    data = blobs(train=70)
    cell = spec(**changes, gradient_batches=4, normalization=NORMALIZED["before"])
    outcome = train([cell], data)[0]
    assert outcome.curves[-1, COLUMN] == pytest.approx(brute_force(cell, data, outcome.weights), rel=1e-3)


def test_over_all_orders_of_the_data_signal_and_variance_are_those_of_the_training_part():
    # A linear network on four examples: every way to part them into two batches of two.
    torch.manual_seed(0)
    gradients = torch.randn(4, 6, dtype=torch.float64)
    whole, single = gradients.mean(0).square().sum(), gradients.var(dim=0, correction=1).sum()
    signals, variances = [], []
    for order in itertools.permutations(range(4)):
        batches = torch.stack([gradients[list(order[:2])].mean(0), gradients[list(order[2:])].mean(0)])
        variance = batches.var(dim=0, correction=1).sum()
        variances.append(variance)
        signals.append(ratio_of(batches, 2 / 4) * variance)
    assert float(torch.stack(signals).mean()) == pytest.approx(float(whole))
    assert float(torch.stack(variances).mean()) == pytest.approx(float(single / 2))


def test_of_few_of_the_examples_it_is_unbiased_too():
    torch.manual_seed(1)
    gradients = torch.randn(7, 3, dtype=torch.float64) + 0.2
    whole, single = gradients.mean(0).square().sum(), gradients.var(dim=0, correction=1).sum()
    signals, variances = [], []
    for order in itertools.permutations(range(7), 4):
        batches = torch.stack([gradients[list(order[:2])].mean(0), gradients[list(order[2:])].mean(0)])
        variances.append(batches.var(dim=0, correction=1).sum())
        signals.append(ratio_of(batches, 2 / 7) * variances[-1])
    assert float(torch.stack(signals).mean()) == pytest.approx(float(whole))
    assert float(torch.stack(variances).mean()) == pytest.approx(float(single / 2))


@pytest.mark.parametrize("batch_size", [4, 8, 16, 32])
def test_the_noise_scale_hardly_hangs_on_the_batch_size(batch_size):
    data = blobs(train=512)
    cells = [spec(batch_size=batch_size, gradient_batches=512 // batch_size, seed=seed) for seed in range(3)]
    scale = batch_size / measured(cells, data)
    reference = 2 / measured([replace(cell, batch_size=2, gradient_batches=256) for cell in cells], data)
    torch.testing.assert_close(scale, reference, rtol=0.2, atol=0)


def test_equal_batches_have_no_noise():
    one = blobs(train=1)
    alike = [part.repeat_interleave(64, 0) for part in (one.train_x, one.train_y)]
    assert measured([spec(gradient_batches=4)], replace(one, train_x=alike[0], train_y=alike[1])).tolist() == [math.inf]


def test_where_there_is_no_gradient_there_is_no_ratio():
    # One class: nothing is to be learned.
    assert measured([spec(gradient_batches=4)], blobs(classes=1)).isnan().all()


def test_too_many_batches_are_refused():
    with pytest.raises(ValueError, match="5 batches of 16: more than the 64 training examples"):
        train([spec(gradient_batches=5)], blobs(train=64))


@pytest.mark.parametrize("changes", [{}, {"optimizer": "momentum", "normalization": NORMALIZED["before_and_input"]}])
def test_measuring_changes_nothing_else_and_nothing_is_measured_unasked(changes):
    data = blobs()
    plain, asked = (train([spec(**changes, gradient_batches=count)], data)[0] for count in (0, 4))
    assert np.isnan(plain.curves[:, COLUMN]).all()
    assert np.isfinite(asked.curves[:, COLUMN]).all()
    others = [place for place in range(len(CURVE_METRICS)) if place != COLUMN]
    assert np.array_equal(plain.curves[:, others], asked.curves[:, others], equal_nan=True)
    assert np.array_equal(plain.layers, asked.layers, equal_nan=True)
    assert torch.equal(plain.weights, asked.weights)
    assert np.array_equal(plain.test, asked.test)
