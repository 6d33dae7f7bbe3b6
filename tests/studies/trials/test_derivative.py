"""A derivative that is not that of the value is found, with the place and the two numbers; ours are all right."""

import re
from dataclasses import replace

import pytest
import torch

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.losses import LOSSES, mse
from ablation.choices.normalization import NORMALIZATIONS, BatchNormalization
from ablation.studies.trials.derivative import (
    WrongDerivativeError,
    check_activation,
    check_loss,
    check_network,
)
from ablation.studies.trials.law import cell_with
from ablation.training.networks import NETWORKS
from ablation.training.spec import Level

SETTINGS = {"elu": {"alpha": 0.3}, "leaky_relu": {"slope": 0.2}}


@pytest.mark.parametrize("kind", ACTIVATIONS)
def test_our_activations_have_their_own_derivatives(kind):
    check_activation(Level(kind, {}))
    check_activation(Level(kind, SETTINGS.get(kind, {})))


@pytest.mark.parametrize("kind", LOSSES)
def test_our_losses_have_their_own_gradients(kind):
    check_loss(Level(kind, {}))


@pytest.mark.parametrize("model", NETWORKS)
@pytest.mark.parametrize("placement", ["before", "after"])
@pytest.mark.parametrize("of_input", [False, True])
def test_our_networks_and_normalizations_too(model, placement, of_input):
    cell = cell_with("normalization", Level("batch", {"placement": placement, "input": of_input}))
    check_network(replace(cell, model=Level(model, {}), widths=(9, 9, 9)))


def hard_tanh(x):
    return x.clamp(-1.0, 1.0), ((x > -1.0) & (x < 1.0)).to(x.dtype)


def in_single_precision(x):
    value = torch.exp(-x.float().square())
    return value.to(x.dtype), (-2.0 * x.float() * value).to(x.dtype)


@pytest.mark.parametrize("function", [hard_tanh, in_single_precision, lambda x: (x.abs(), torch.sign(x))])
def test_corners_and_single_precision_are_taken(monkeypatch, function):
    monkeypatch.setitem(ACTIVATIONS, "mine", function)
    check_activation(Level("mine", {}))


def slipped(x):
    """Right but between 2 and 3."""
    return x.square(), torch.where((x > 2.0) & (x < 3.0), 1.9 * x, 2.0 * x)


def of_another_precision(x):
    """Right in double precision alone."""
    return x.square(), 2.0 * x if x.dtype == torch.float64 else 2.5 * x


WRONG = [
    (lambda x: (x * x, x), r"its derivative at -11\.9863 is -11\.9863, .* give -23\.9726"),
    (slipped, r"its derivative at 2\.\d+ is .*, where finite differences of its value give"),
    (lambda x: (x.sin(), x.sin()), r"its derivative at"),
    (lambda x: (x.clamp_min(0.0), torch.ones_like(x)), r"its derivative at -\d.* is 1, .* give 0"),
    (lambda x: (x * 1.0, torch.full_like(x, torch.nan)), r"its derivative at .* is nan"),
    (of_another_precision, r"its derivative at .* in float32 and .* in float64"),
]


@pytest.mark.parametrize(("function", "told"), WRONG)
def test_a_wrong_derivative_is_told_with_its_place(monkeypatch, function, told):
    monkeypatch.setitem(ACTIVATIONS, "mine", function)
    with pytest.raises(WrongDerivativeError, match=told):
        check_activation(Level("mine", {}))


def test_a_wrong_gradient_of_a_loss_is_told_with_its_place(monkeypatch):
    def doubled(output_SBC, label_SB):
        loss_S, grad_SBC = mse(output_SBC, label_SB)
        return loss_S, 2.0 * grad_SBC

    monkeypatch.setitem(LOSSES, "mine", doubled)
    told = r"its gradient at output 0 of example 0, which is .*, is "
    with pytest.raises(WrongDerivativeError, match=told) as caught:
        check_loss(Level("mine", {}))
    given, rise = (float(number) for number in re.findall(r"(?:is|give) (-?[\d.]+)(?:,|$)", str(caught.value))[-2:])
    assert given == pytest.approx(2.0 * rise, rel=1e-4)


@pytest.mark.parametrize("part", [0, 1, 2])
def test_a_wrong_gradient_of_a_normalization_is_told_by_the_tensor(monkeypatch, part):
    class Wrong(BatchNormalization):
        def backward(self, grad_SBO, statistics, gamma_SO):
            grads = list(super().backward(grad_SBO, statistics, gamma_SO))
            grads[part] = grads[part] * 1.1
            return tuple(grads)

    monkeypatch.setitem(NORMALIZATIONS, "mine", Wrong)
    told = ("the gradient of weight matrix 0", "the gradient of gamma 0", "the gradient of beta 0")[part]
    with pytest.raises(WrongDerivativeError, match=told):
        check_network(cell_with("normalization", Level("mine", {})))
