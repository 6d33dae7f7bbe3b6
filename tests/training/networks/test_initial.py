"""Each layer is initialized for what follows it, the output layer for no activation; what cells share is made once."""

import pytest
import torch

from ablation.choices.initializers import INITIALIZERS, Draws
from ablation.training.data import generator
from ablation.training.networks.initial import initial_parameters, initial_stack
from ablation.training.networks.layout import Layout
from tests.training.reference import blobs, level, network, spec

SHAPES = [("mlp", (1,)), ("mlp", (5, 3)), ("mlp", (6,) * 4)]
SHAPES += [("residual", (4,) * depth) for depth in (1, 2, 3, 4)]


@pytest.fixture
def told(monkeypatch):
    """What an initializer of a user's own, ``recording``, is told of the activation behind each layer."""
    found = []

    def recording(draws):
        found.append(draws.activation)
        return draws.weight_IO, draws.bias_O

    monkeypatch.setitem(INITIALIZERS, "recording", recording)
    return found


@pytest.mark.parametrize(("model", "widths"), SHAPES)
def test_an_initializer_is_told_what_follows_each_layer(model, widths, told):
    cell = spec(model=model, widths=widths, activation="tanh", init="recording")
    initial_parameters(network(cell, blobs()).layout, cell)
    assert told == ["tanh"] * len(widths) + ["identity"]


def test_a_network_may_say_otherwise(told):
    layout = Layout([(3, 4), (4, 4), (4, 2), (4, 2)], [], activated=[True, False, False, False])
    initial_parameters(layout, spec(activation="elu", init="recording"))
    assert told == ["elu", "identity", "identity", "identity"]


@pytest.mark.parametrize(("slides", "base"), [("slides_normal", "xavier_normal"), ("slides_uniform", "xavier_uniform")])
@pytest.mark.parametrize(("model", "widths"), SHAPES)
def test_the_slides_scale_hidden_layers_alone(model, widths, slides, base):
    def weights(init):
        cell = spec(model=model, widths=widths, activation="tanh", init=init)
        layout = network(cell, blobs()).layout
        return [layer.weight_SIO for layer in layout.views(initial_parameters(layout, cell)[None]).linear]

    *hidden, output = zip(weights(slides), weights(base), strict=True)
    for scaled, glorots in hidden:
        torch.testing.assert_close(scaled, 4.0 * glorots)
    torch.testing.assert_close(*output)


CPU = torch.device("cpu")

MIXED = [
    spec(seed=seed, init=init, activation=activation, lr=lr)
    for lr in (0.1, 0.2)
    for seed in (3, 0)
    for activation in ("tanh", "relu")
    for init in ("slides_normal", level("slides_normal", gain=2.0), "orthogonal")
]


def by_hand(layout, cell):
    """Return a cell's parameters from its own generator, layer by layer."""
    draw, weights, biases = generator(cell.seed, "weights"), [], []
    for place, shape in enumerate(layout.shapes):
        normal = torch.randn(shape, generator=draw), torch.randn(shape[1], generator=draw)
        activation = cell.activation.kind if place < len(layout.shapes) - 1 else "identity"
        weight, bias = INITIALIZERS[cell.init.kind](Draws(*normal, activation), **cell.init.settings)
        weights.append(weight.flatten())
        biases.append(bias)
    return torch.cat([*weights, *biases])


@pytest.mark.parametrize("cells", [MIXED, MIXED[:6], MIXED[:1], MIXED[::-1]])
def test_every_cell_of_a_stack_begins_as_alone(cells):
    layout = network(cells[0], blobs()).layout
    stacked = initial_stack(layout, cells, CPU)
    assert torch.equal(stacked, torch.stack([by_hand(layout, cell) for cell in cells]))
    assert torch.equal(stacked, torch.stack([initial_parameters(layout, cell) for cell in cells]))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_a_seed_means_the_same_on_a_gpu():
    layout = network(MIXED[0], blobs()).layout
    there = initial_stack(layout, MIXED, torch.device("cuda"))
    assert there.is_cuda
    assert torch.equal(there.cpu(), initial_stack(layout, MIXED, CPU))


def test_gammas_are_one_and_betas_zero_in_every_row():
    cells = [spec(normalization="batch", seed=seed, lr=lr) for seed in (0, 1) for lr in (0.1, 0.2)]
    layout = network(cells[0], blobs()).layout
    for gamma_SO, beta_SO in layout.views(initial_stack(layout, cells, CPU)).scale:
        assert (gamma_SO == 1.0).all()
        assert (beta_SO == 0.0).all()


def test_what_cells_share_is_drawn_and_initialized_once(told):
    cells = [spec(widths=(5, 3), init="recording", seed=seed, lr=lr) for lr in (0.1, 0.2, 0.3) for seed in (0, 1)]
    initial_stack(network(cells[0], blobs()).layout, cells, CPU)
    assert told == ["tanh", "tanh", "identity"] * 2


def test_an_initializer_may_change_its_draws_and_hand_them_out(monkeypatch):
    def halving(draws):
        return draws.weight_IO.mul_(0.5), draws.bias_O.zero_()

    monkeypatch.setitem(INITIALIZERS, "halving", halving)
    cells = [spec(init=init) for init in ("halving", "xavier_normal", level("normal", sigma=0.5))]
    layout = network(cells[0], blobs()).layout
    halved, xavier, same = initial_stack(layout, cells, CPU)
    assert torch.equal(halved, same)
    assert torch.equal(xavier, by_hand(layout, cells[1]))


def test_an_initializer_that_takes_the_name_of_another_is_called_itself(monkeypatch):
    cell = spec(init="mine")
    layout = network(cell, blobs()).layout
    for sigma in (0.5, 0.25):
        monkeypatch.setitem(INITIALIZERS, "mine", lambda draws, sigma=sigma: draws.normal(sigma))
        expected = by_hand(layout, spec(init=level("normal", sigma=sigma)))
        assert torch.equal(initial_parameters(layout, cell), expected)
