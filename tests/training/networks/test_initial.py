"""Each layer is initialized for what follows it: the output layer for no activation."""

import pytest
import torch

from ablation.choices.initializers import INITIALIZERS
from ablation.training.networks.initial import initial_parameters
from ablation.training.networks.layout import Layout
from tests.training.reference import blobs, network, spec

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
