import math

import numpy as np
import pytest
import torch

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.losses import LOSSES
from ablation.training.data import Data
from ablation.training.networks.initial import initial_parameters
from ablation.training.networks.network import LayerProbe
from ablation.training.probes import (
    METRICS,
    PERCENTILE,
    SATURATED_BELOW,
    clipping_cosine,
    is_bounded,
    largest_derivative,
    layer_health,
    summary,
)
from ablation.training.spec import Spec, bind
from tests.training.reference import NORMALIZED, Net, blobs, level, network, spec, torch_activation

EXAMPLES = 30
STEEPEST = {
    "identity": 1.0,
    "logistic": 0.25,
    "tanh": 1.0,
    "relu": 1.0,
    "leaky_relu": 1.0,
    "elu": 1.0,
    "selu": 1.0507009873554805 * 1.6732632423543772,
    "gelu": 1.1289,
    "silu": 1.0998,
    "softplus": 1.0,
}


def measure(cells: list[Spec], data: Data, flat_SP: torch.Tensor, before_SP: torch.Tensor | None = None) -> np.ndarray:
    """Return the metrics of a cohort on the first examples, [S, D, metrics]."""
    model, activation = network(cells[0], data), bind(ACTIVATIONS, cells[0].activation)
    parameters, vectors = (
        model.layout.views(flat_SP),
        model.layout.views_of_vectors(model.layout.blocks(torch.zeros_like(flat_SP))[-1]),
    )
    x, y = data.train_x[:EXAMPLES].expand(len(cells), -1, -1), data.train_y[:EXAMPLES].expand(len(cells), -1)
    output, tape = model.forward(parameters, x, keep=True)
    grad = LOSSES[cells[0].loss.kind](output, y)[1]
    limit = torch.tensor(SATURATED_BELOW * largest_derivative(activation))
    previous = None if before_SP is None else model.layout.views(before_SP).linear
    layers, seen = [], None
    for found in model.backward(parameters, tape, grad, vectors):
        if isinstance(found, LayerProbe):
            seen = found
        elif seen is not None:
            now = parameters.linear[found.place].weight_SIO
            before = None if previous is None else previous[found.place].weight_SIO
            health = layer_health(now, before, found.grad_SIO, seen, limit, summary)
            layers.append(torch.stack([health[name] for name in METRICS], dim=1))
    return torch.stack(layers[::-1], dim=1).numpy()


def naive(cell: Spec, data: Data, flat_P: torch.Tensor, before_P: torch.Tensor) -> list[dict[str, float]]:
    """Return every metric of every layer by autograd on torch's modules, in float64."""
    net, before = Net(cell, data, flat_P.double()), Net(cell, data, before_P.double())
    _, tape = net.gradient(data.train_x[:EXAMPLES].double(), data.train_y[:EXAMPLES])
    grid = torch.linspace(-20, 20, 4001, dtype=torch.float64).requires_grad_()
    (slopes,) = torch.autograd.grad(torch_activation(cell.activation)(grid).sum(), grid)
    rows = []
    for linear, old, (a, h) in zip(net.linears, before.linears, tape, strict=False):
        leaf = a.detach().requires_grad_()
        (slope,) = torch.autograd.grad(torch_activation(cell.activation)(leaf).sum(), leaf)
        h, delta = h.detach().numpy(), a.grad.numpy()
        rows.append(
            {
                "delta_norm": np.sqrt(np.mean(delta**2)),
                "weight_grad_norm": np.linalg.norm(linear.weight.grad),
                "weight_norm": np.linalg.norm(linear.weight.detach()),
                "update_ratio": np.linalg.norm((linear.weight - old.weight).detach())
                / np.linalg.norm(old.weight.detach()),
                "preact_mean": a.detach().numpy().mean(),
                "preact_std": a.detach().numpy().std(),
                "act_mean": h.mean(),
                "act_std": h.std(),
                "act_p98": np.percentile(h, 98, method="inverted_cdf"),
                "dead_fraction": np.mean((h == 0).all(0) & (delta == 0).all(0)),
                "saturated_fraction": np.mean(slope.abs().numpy() < 0.05 * slopes.abs().max().item()),
            }
        )
    return rows


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("normalization", NORMALIZED)
def test_every_metric_is_the_naive_one(activation, normalization):
    data = blobs()
    cells = [
        spec(activation=activation, normalization=NORMALIZED[normalization], init=init, widths=(9, 7, 5))
        for init in ("he_normal", "slides_uniform", "torch_default")
    ]
    before_SP = torch.stack([initial_parameters(network(cell, data).layout, cell) for cell in cells])
    flat_SP = before_SP + 0.01 * torch.randn(before_SP.shape, generator=torch.Generator().manual_seed(0))
    health = measure(cells, data, flat_SP, before_SP)
    for place, cell in enumerate(cells):
        for layer, expected in enumerate(naive(cell, data, flat_SP[place], before_SP[place])):
            assert list(expected) == METRICS
            values = dict(zip(METRICS, health[place, layer], strict=True))
            assert values == pytest.approx(expected, rel=1e-4, abs=1e-6)


def test_no_step_has_no_update_ratio():
    data, cell = blobs(), spec()
    health = measure([cell], data, initial_parameters(network(cell, data).layout, cell)[None])
    column = METRICS.index("update_ratio")
    assert np.isnan(health[..., column]).all()
    assert np.isfinite(np.delete(health, column, axis=-1)).all()


def test_planted_dead_units_are_counted():
    data, cell = blobs(), spec(activation="relu", widths=(8, 6))
    model = network(cell, data)
    flat_SP = initial_parameters(model.layout, cell).expand(2, -1).clone()
    layers = model.layout.views(flat_SP).linear
    for layer, bias in zip(layers[:2], (0.5, 0.5), strict=True):
        layer.weight_SIO.abs_()
        layer.bias_SO.fill_(bias)
    layers[0].weight_SIO.mul_(0.01)
    layers[0].bias_SO[0, :3] = -1e3
    layers[1].bias_SO[1, :2] = -1e3
    dead = measure([cell, cell], data, flat_SP)[..., METRICS.index("dead_fraction")]
    np.testing.assert_allclose(dead, [[3 / 8, 0], [0, 2 / 6]])


def test_a_unit_without_activation_that_still_learns_is_not_dead():
    data, cell = blobs(), spec(activation="identity", widths=(4, 4))
    model = network(cell, data)
    flat_SP = initial_parameters(model.layout, cell)[None].clone()
    model.layout.views(flat_SP).linear[0].weight_SIO.zero_()
    health = measure([cell], data, flat_SP)
    assert health[0, 0, METRICS.index("act_std")] == 0
    assert health[0, 0, METRICS.index("dead_fraction")] == 0


def test_planted_saturated_units_are_counted():
    data, cell = blobs(), spec(activation="logistic", widths=(8, 5))
    model = network(cell, data)
    flat_SP = torch.zeros(2, model.layout.parameters)
    layers = model.layout.views(flat_SP).linear
    layers[0].bias_SO[0, :2] = 50.0
    layers[1].bias_SO[1, :3] = -50.0
    saturated = measure([cell, cell], data, flat_SP)[..., METRICS.index("saturated_fraction")]
    np.testing.assert_allclose(saturated, [[2 / 8, 0], [0, 3 / 5]])


@pytest.mark.parametrize("share", [0.9 * SATURATED_BELOW, 1.1 * SATURATED_BELOW])
def test_saturation_begins_below_a_twentieth_of_the_steepest_slope(share):
    data, cell = blobs(), spec(activation="tanh", widths=(4,))
    model = network(cell, data)
    flat_SP = torch.zeros(1, model.layout.parameters)
    # tanh' = 1 - tanh^2 = share.
    model.layout.views(flat_SP).linear[0].bias_SO.fill_(math.atanh(math.sqrt(1 - share)))
    saturated = measure([cell], data, flat_SP)[0, 0, METRICS.index("saturated_fraction")]
    assert saturated == (share < SATURATED_BELOW)


@pytest.mark.parametrize("width", [1, 2, 5, 10, 33])
def test_percentile_is_numpys_nearest_rank(width):
    data, cell = blobs(), spec(activation="identity", widths=(width,))
    flat_SP = initial_parameters(network(cell, data).layout, cell)[None]
    net = Net(cell, data, flat_SP[0])
    tape: list[tuple[torch.Tensor, torch.Tensor]] = []
    net(data.train_x[:EXAMPLES], tape)
    expected = np.percentile(tape[0][1].detach().numpy(), 100 * PERCENTILE, method="inverted_cdf")
    assert measure([cell], data, flat_SP)[0, 0, METRICS.index("act_p98")] == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("scale", [1e-25, 1e-12, 1e12, 1e25])
def test_norms_neither_vanish_nor_overflow_before_the_numbers_do(scale):
    """A deep network of logistic units has deltas of 1e-20 and less, whose squares are no float32."""
    data, cell = blobs(), spec(activation="identity", widths=(6, 5), loss="mse")
    flat_SP = initial_parameters(network(cell, data).layout, cell)[None].clone()
    ordinary = measure([cell], data, flat_SP)[0]
    last = network(cell, data).layout.views(flat_SP).linear[2]
    # The outputs stay as they are; only the way back to the hidden layers is scaled.
    hidden = network(cell, data).layout.views(flat_SP).linear[1]
    hidden.weight_SIO.div_(scale)
    last.weight_SIO.mul_(scale)
    scaled = measure([cell], data, flat_SP)[0]
    for metric in ("delta_norm", "weight_grad_norm"):
        column = METRICS.index(metric)
        assert scaled[1, column] == pytest.approx(ordinary[1, column] * scale, rel=1e-3)
    column = METRICS.index("weight_norm")
    assert scaled[1, column] == pytest.approx(ordinary[1, column] / scale, rel=1e-3)


@pytest.mark.parametrize("name", STEEPEST)
def test_largest_derivative_is_the_known_one(name):
    assert largest_derivative(ACTIVATIONS[name]) == pytest.approx(STEEPEST[name], rel=1e-4)


def test_largest_derivative_follows_the_parameters():
    assert largest_derivative(bind(ACTIVATIONS, level("elu", alpha=2.0))) == pytest.approx(2.0, rel=2e-3)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_bounded_activations_are_those_that_level_off_on_both_sides(name):
    ends = ACTIVATIONS[name](torch.tensor([-1e9, 1e9], dtype=torch.float64))[0]
    assert is_bounded(ACTIVATIONS[name]) == bool(ends.abs().max() < 1e6)


def test_logistic_and_tanh_are_the_bounded_ones_of_the_slides():
    names = ("logistic", "tanh", "relu", "leaky_relu", "elu")
    assert [is_bounded(ACTIVATIONS[name]) for name in names] == [True, True, False, False, False]


def test_cosine_between_raw_and_clipped_gradient():
    raw = torch.tensor([[3.0, 4.0], [1.0, 0.0], [1.0, 1.0], [0.0, 0.0]])
    clipped = torch.tensor([[0.3, 0.4], [0.0, 2.0], [1.0, 0.5], [0.0, 0.0]])
    cosine = clipping_cosine([raw[:, :1], raw[:, 1:]], [clipped[:, :1], clipped[:, 1:]])
    torch.testing.assert_close(cosine[:3], torch.tensor([1.0, 0.0, 1.5 / math.sqrt(2 * 1.25)]))
    assert cosine[3].isnan()


@pytest.mark.parametrize("scale", [1e-25, 1e25])
def test_cosine_of_extreme_gradients(scale):
    raw = scale * torch.tensor([[1.0, 1.0]])
    cosine = clipping_cosine([raw], [scale * torch.tensor([[1.0, 0.5]])])
    assert cosine.item() == pytest.approx(1.5 / math.sqrt(2 * 1.25), rel=1e-5)
