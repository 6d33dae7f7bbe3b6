from dataclasses import replace

import pytest
import torch

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.losses import LOSSES
from ablation.training.data import Data
from ablation.training.networks.layout import Scale
from ablation.training.networks.network import LayerProbe, Network, WeightGradient
from ablation.training.spec import Spec
from tests.training.reference import NORMALIZED, Net, blobs, network, spec

CELLS = 2

every_activation = pytest.mark.parametrize("activation", ACTIVATIONS)
SHAPES = [("mlp", (1,)), ("mlp", (5,)), ("mlp", (1, 1, 1)), ("mlp", (5, 5, 5)), ("mlp", (3, 7, 2))]
SHAPES += [("residual", (4,) * depth) for depth in (1, 2, 3, 4, 5, 6)]
every_shape = pytest.mark.parametrize(("model", "widths"), SHAPES)
every_normalization = pytest.mark.parametrize("normalization", NORMALIZED)


def doubles(data: Data) -> Data:
    return replace(data, train_x=data.train_x.double(), val_x=data.val_x.double())


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def built(cell: Spec, data: Data) -> tuple[Network, torch.Tensor]:
    """Return a network and random parameters in float64, gammas around 1."""
    model = network(cell, data)
    flat_SP = 0.6 * numbers(CELLS, model.layout.parameters)
    for gamma, _ in model.layout.views(flat_SP).scale:
        gamma.add_(1.0)
    return model, flat_SP


@every_activation
@every_normalization
@every_shape
def test_outputs_and_gradients_are_autograds(activation, normalization, model, widths):
    data = doubles(blobs(features=6))
    cell = spec(activation=activation, normalization=NORMALIZED[normalization], model=model, widths=widths)
    model, flat_SP = built(cell, data)
    x, y = data.train_x[:22].view(CELLS, 11, 6), data.train_y[:22].view(CELLS, 11)
    parameters = model.layout.views(flat_SP)
    output, tape = model.forward(parameters, x, keep=True)
    _, grad = LOSSES["cross_entropy"](output, y)
    vectors_SV = torch.full((CELLS, model.layout.vectors[-1].stop), torch.nan, dtype=flat_SP.dtype)
    found = list(model.backward(parameters, tape, grad, model.layout.views_of_vectors(vectors_SV)))[::-1]
    weights = [event for event in found if isinstance(event, WeightGradient)]
    probes = [event for event in found if isinstance(event, LayerProbe)]
    assert [weight.place for weight in weights] == list(range(len(widths) + 1))
    assert [(probe.layer, probe.weight) for probe in probes] == [(place, place) for place in range(len(widths))]
    assert all(weight.grad_SIO.is_contiguous() for weight in weights)
    gradients_SP = torch.cat([*(weight.grad_SIO.flatten(1) for weight in weights), vectors_SV], 1)
    for place in range(CELLS):
        net = Net(cell, data, flat_SP[place])
        torch.testing.assert_close(output[place], net(x[place]).detach(), rtol=1e-9, atol=1e-12)
        _, theirs = net.gradient(x[place], y[place])
        torch.testing.assert_close(gradients_SP[place], net.flat(gradients=True), rtol=1e-7, atol=1e-12)
        for layer, (a, h) in enumerate(theirs):
            torch.testing.assert_close(probes[layer].preactivation_SBO[place], a.detach(), rtol=1e-9, atol=1e-12)
            torch.testing.assert_close(probes[layer].activation_SBO[place], h.detach(), rtol=1e-9, atol=1e-12)
            torch.testing.assert_close(probes[layer].delta_SBO[place], a.grad, rtol=1e-7, atol=1e-12)


@every_activation
@every_normalization
@every_shape
def test_inference_is_that_of_torchs_modules_in_evaluation_mode(activation, normalization, model, widths):
    data = doubles(blobs())
    cell = spec(activation=activation, normalization=NORMALIZED[normalization], model=model, widths=widths)
    model, flat_SP = built(cell, data)
    running = [
        Scale(numbers(CELLS, width, seed=3 + place), numbers(CELLS, width, seed=30 + place).square())
        for place, width in enumerate(model.layout.scale_widths)
    ]
    kept = [tensor.clone() for pair in running for tensor in pair]
    output = model.inference(model.folded(model.layout.views(flat_SP), running), data.val_x.expand(CELLS, -1, -1))
    for place in range(CELLS):
        net = Net(cell, data, flat_SP[place]).eval()
        for norm, (mean, variance) in zip(net.norms, running, strict=True):
            norm.running_mean, norm.running_var = mean[place], variance[place]
        torch.testing.assert_close(output[place], net(data.val_x).detach(), rtol=1e-9, atol=1e-12)
    assert all(map(torch.equal, kept, [tensor for pair in running for tensor in pair]))
    assert torch.equal(flat_SP, built(cell, data)[1])


@every_normalization
@every_shape
def test_running_statistics_move_only_where_they_are_given(normalization, model, widths):
    data = doubles(blobs())
    cell = spec(normalization=NORMALIZED[normalization], model=model, widths=widths)
    model, flat_SP = built(cell, data)
    x = data.train_x[:16].expand(CELLS, -1, -1)
    running = model.layout.running(CELLS, flat_SP)
    still, _ = model.forward(model.layout.views(flat_SP), x)
    moved, _ = model.forward(model.layout.views(flat_SP), x, running)
    assert torch.equal(still, moved)
    for place in range(CELLS):
        net = Net(cell, data, flat_SP[place])
        net(x[place])
        assert len(net.norms) == len(running)
        for norm, (mean, variance) in zip(net.norms, running, strict=True):
            torch.testing.assert_close(mean[place], norm.running_mean)
            torch.testing.assert_close(variance[place], 0.99 + 15 / 16 * (norm.running_var - 0.99))


@every_normalization
@pytest.mark.parametrize("widths", [(1,), (3, 7, 2)])
def test_views_cover_every_parameter_exactly_once(normalization, widths):
    data = blobs(features=6)
    model = network(spec(normalization=NORMALIZED[normalization], widths=widths), data)
    flat_SP = torch.arange(CELLS * model.layout.parameters).view(CELLS, -1)
    views = model.layout.views(flat_SP)
    vectors = [layer.bias_SO for layer in views.linear] + [tensor for pair in views.scale for tensor in pair]
    weights = [layer.weight_SIO.reshape(CELLS, -1) for layer in views.linear]
    assert torch.equal(torch.cat([*weights, *vectors], 1), flat_SP)
    *blocks, vectors_SV = model.layout.blocks(flat_SP)
    assert all(map(torch.equal, weights, blocks))
    assert all(map(torch.equal, vectors, model.layout.tensors(vectors_SV)))
    net = Net(spec(normalization=NORMALIZED[normalization], widths=widths), data)
    assert model.layout.parameters == sum(parameter.numel() for parameter in net.parameters())


def test_views_write_into_the_flat_matrix():
    model = network(spec(normalization=NORMALIZED["after_and_input"]), blobs())
    flat_SP = torch.zeros(CELLS, model.layout.parameters)
    views = model.layout.views(flat_SP)
    for pair in (*views.linear, *views.scale):
        for tensor in pair:
            tensor.add_(1.0)
    assert torch.equal(flat_SP, torch.ones_like(flat_SP))


def test_a_stack_without_cells_can_be_seen():
    model = network(spec(normalization=NORMALIZED["before"]), blobs())
    views = model.layout.views(torch.empty(0, model.layout.parameters))
    assert [layer.weight_SIO.shape[0] for layer in views.linear] == [0] * 4


def test_preactivations_are_kept_only_when_asked_for():
    data = blobs()
    model = network(spec(), data)
    _, tape = model.forward(model.layout.views(torch.zeros(1, model.layout.parameters)), data.train_x[None])
    assert not tape.preactivations
    assert not tape.activations
