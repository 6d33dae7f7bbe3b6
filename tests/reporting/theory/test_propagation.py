"""Theory through a network, against wide random networks propagated by hand."""

import numpy as np
import pytest
import torch

from ablation.choices.activations import ACTIVATIONS
from ablation.reporting.theory.propagation import Network, is_known, predict
from tests.reporting.theory.test_mean_field import phi

NONE = {"kind": "none"}
BEFORE = {"kind": "batch", "placement": "before", "epsilon": 0.0}
AFTER = {"kind": "batch", "placement": "after", "epsilon": 0.0}


def network(widths, sigma_w2=1.0, sigma_b2=0.0):
    sizes = [widths[0], *widths]
    full = [np.full(len(widths), value) for value in (sigma_w2, sigma_b2)]
    return Network(np.array(sizes[:-1], float), np.array(sizes[1:], float), *full)


def simulated(name, widths, normalization, batch, sigma_w2=1.0, sigma_b2=0.0, seeds=4):
    """Mean over seeds of q at each layer, and of delta's mean square over that at the last, in float64."""
    lengths, deltas = [], []
    for seed in range(seeds):
        draw = torch.Generator().manual_seed(seed)

        def normal(*shape, draw=draw):
            return torch.randn(shape, generator=draw, dtype=torch.float64)

        h, tape = normal(batch, widths[0]), []
        for fan_in, fan_out in zip([widths[0], *widths], widths, strict=False):
            weight = normal(fan_in, fan_out) * (sigma_w2 / fan_in) ** 0.5
            a = h @ weight + sigma_b2**0.5 * normal(fan_out)
            mean, std = a.mean(0), a.std(0, unbiased=False)
            if normalization is BEFORE:
                a = (a - mean) / std
            value, slope = ACTIVATIONS[name](a.clone())
            h = value
            if normalization is AFTER:
                mean, std = value.mean(0), value.std(0, unbiased=False)
                h = (value - mean) / std
            tape.append((weight, a, slope, h, std))
        lengths.append([float(a.square().mean()) for _, a, *_ in tape])
        grad, squares = normal(batch, widths[-1]), []
        for weight, a, slope, h, std in reversed(tape):
            if normalization is AFTER:
                grad = (grad - grad.mean(0) - h * (grad * h).mean(0)) / std
            delta = grad * slope
            squares.append(float(delta.square().mean()))
            if normalization is BEFORE:
                delta = (delta - delta.mean(0) - a * (delta * a).mean(0)) / std
            grad = delta @ weight.T
        deltas.append(np.array(squares[::-1]) / squares[0])
    return np.mean(lengths, axis=0), np.mean(deltas, axis=0)


@pytest.mark.parametrize("name", ["relu", "tanh", "elu", "logistic"])
@pytest.mark.parametrize("variances", [(1.0, 0.0), (2.0, 0.1)])
def test_lengths_and_deltas_of_a_wide_network(name, variances):
    widths = [400] * 6
    q, delta = simulated(name, widths, NONE, 8, *variances, seeds=6)
    prediction = predict(phi(name), network(widths, *variances), NONE, q[0], 8)
    np.testing.assert_allclose(prediction.length, q, rtol=0.06)
    np.testing.assert_allclose(10 ** (2 * prediction.log_delta()), delta, rtol=0.2)


def test_layers_need_not_be_of_one_width():
    widths = [600, 150, 300, 600]
    q, delta = simulated("tanh", widths, NONE, 16, seeds=8)
    prediction = predict(phi("tanh"), network(widths), NONE, q[0], 16)
    np.testing.assert_allclose(10 ** (2 * prediction.log_delta()), delta, rtol=0.15)


@pytest.mark.parametrize(("batch", "factor"), [(8, 1.2), (16, 14 / 13), (128, 126 / 125)])
@pytest.mark.parametrize("sigma_w2", [1 / 3, 2.0])
def test_a_deep_linear_network_with_batch_normalization(batch, factor, sigma_w2):
    """(B - 2) / (B - 3), whatever the scale of the weights."""
    prediction = predict(phi("identity"), network([100] * 4, sigma_w2), BEFORE, 1.0, batch)
    assert prediction.factor == pytest.approx(factor, rel=2e-3 if batch == 8 else 1e-5)


@pytest.mark.parametrize("name", ["identity", "relu", "tanh", "elu", "logistic"])
@pytest.mark.parametrize("normalization", [BEFORE, AFTER], ids=["before", "after"])
def test_batch_normalization_of_a_finite_batch(name, normalization):
    batch, depth = 24, 16
    widths = [500] * depth
    _, delta = simulated(name, widths, normalization, batch, seeds=3)
    found = np.exp(-np.diff(np.log(delta))[5:].mean())
    large = predict(phi(name), network(widths), normalization, 1.0, 10**6).factor[-1]
    factor = predict(phi(name), network(widths), normalization, 1.0, batch).factor[-1]
    assert found == pytest.approx(factor, rel=0.03)
    assert abs(found - factor) < abs(found - large), "the finite batch makes the difference"


def test_batch_normalization_of_a_large_batch_has_the_known_rates():
    for name, rate in {"relu": np.pi / (np.pi - 1), "tanh": 1.178, "elu": 1.079, "logistic": 1.034}.items():
        factor = predict(phi(name), network([100] * 3, 7.0), BEFORE, 1.0, 10**6).factor
        assert factor == pytest.approx(rate, rel=5e-4)


def test_epsilon_makes_small_weights_smaller():
    given = {**BEFORE, "epsilon": 1e-3}
    tiny = predict(phi("relu"), network([50] * 4, 1e-4), given, 1.0, 100)
    large = predict(phi("relu"), network([50] * 4, 1e4), given, 1.0, 100)
    assert tiny.length[1] < 0.05 < 0.95 < large.length[1]
    assert (tiny.factor < 0.1).all()


def test_scatter_is_hanins_for_a_rectifier_and_two_over_n_for_a_line():
    for name, many in (("relu", 5), ("identity", 2)):
        assert predict(phi(name), network([64] * 3), NONE, 1.0, 8).scatter == pytest.approx(many / 64)


def test_scatter_bounds_what_finite_widths_show():
    """The variance of ln delta_1^2 of a single sample, over many seeds."""
    widths, runs = [40] * 8, []
    for seed in range(300):
        draw = torch.Generator().manual_seed(seed)
        weights = [torch.randn(40, 40, generator=draw, dtype=torch.float64) * (2 / 40) ** 0.5 for _ in widths]
        h, slopes = torch.randn(1, 40, generator=draw, dtype=torch.float64), []
        for weight in weights:
            h, slope = ACTIVATIONS["relu"](h @ weight)
            slopes.append(slope)
        grad = torch.randn(1, 40, generator=draw, dtype=torch.float64)
        last = None
        for weight, slope in zip(reversed(weights), reversed(slopes), strict=True):
            delta = grad * slope
            last = delta if last is None else last
            grad = delta @ weight.T
        runs.append(np.log(float(delta.square().sum() / last.square().sum())))
    scatter = predict(phi("relu"), network(widths, 2.0), NONE, 1.0, 1).scatter.sum()
    assert np.var(runs) == pytest.approx(scatter, rel=0.3)
    assert np.mean(runs) == pytest.approx(-scatter / 2, abs=0.25)


def test_a_normalization_without_theory_is_not_known():
    assert all(is_known(normalization) for normalization in (NONE, BEFORE, AFTER))
    assert not is_known({"kind": "layer"})
