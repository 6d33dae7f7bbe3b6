"""An activation as anyone would write it keeps the law of bits, and one that cannot is refused."""

import pytest
import torch
from torch.nn import functional as F

from ablation.choices.activations import ACTIVATIONS, INDIFFERENT
from ablation.studies.trials.elementwise import NotElementwiseError, check_elementwise
from ablation.studies.trials.results import WrongResultError
from ablation.training.elementwise import activation_of
from ablation.training.spec import Level
from ablation.training.trainer import train
from tests.compiler import needs_compiler
from tests.training.reference import blobs, spec
from tests.training.test_trainer import same_bits


def by_torch(function):
    """Return an activation whose derivative is torch's own, written without a thought of places."""

    def activation(x):
        with torch.inference_mode(False), torch.enable_grad():
            given = x.clone().requires_grad_()
            value = function(given)
            (derivative,) = torch.autograd.grad(value.sum(), given)
        return value.detach(), derivative

    return activation


def sigmoid(x):
    y = torch.sigmoid(x)
    return y, y * (1 - y)


def torchs_tanh(x):
    y = torch.tanh(x)
    return y, 1 - y * y


def softsign(x):
    scale = 1.0 / (1.0 + x.abs())
    return x * scale, scale * scale


def in_place(x):
    y = torch.sigmoid_(x)
    return y, y * (1 - y)


LAWFUL = {
    "sigmoid": sigmoid,
    "torchs_tanh": torchs_tanh,
    "softsign": softsign,
    "sinh_over_cosh": lambda x: (torch.sinh(x) / torch.cosh(x), torch.cosh(x) ** -2),
    "atan": lambda x: (torch.atan(x), 1 / (1 + x * x)),
    "swish": lambda x: (x * torch.sigmoid(x), torch.sigmoid(x) * (1 + x * (1 - torch.sigmoid(x)))),
    "power": lambda x: (x.abs().pow(1.3), 1.3 * x.abs().pow(0.3) * x.sign()),
    "where": lambda x: (torch.where(x > 0, torch.sigmoid(x), torch.tanh(x)), torch.where(x > 0, 0.5, 1.0) + 0 * x),
    "mish": by_torch(F.mish),
    "hardswish": by_torch(F.hardswish),
    "logsigmoid": by_torch(F.logsigmoid),
    "in_place": in_place,
}


@pytest.fixture
def registered(monkeypatch):
    """Register the activations of a user."""
    for name, function in LAWFUL.items():
        monkeypatch.setitem(ACTIVATIONS, name, function)


def test_the_known_ones_are_ours():
    assert set(ACTIVATIONS) == INDIFFERENT


@pytest.mark.parametrize("name", sorted(INDIFFERENT))
def test_a_known_one_rounds_alike_wherever_a_number_lies(name):
    x = torch.randn(4096, generator=torch.Generator().manual_seed(1)) * 4
    whole = [part.clone() for part in ACTIVATIONS[name](x.clone())]
    for start, stop in ((0, 1), (1, 8), (3, 20), (5, 38), (7, 70), (11, 138), (4000, 4095)):
        for part, expected in zip(ACTIVATIONS[name](x[start:stop].clone()), whole, strict=True):
            assert torch.equal(part, expected[start:stop])


@pytest.mark.parametrize("name", LAWFUL)
@pytest.mark.parametrize("shape", [(7, 13), (1, 1), (5, 9), (64, 32), (3, 100)])
def test_a_users_own_gives_the_same_bits_alone_and_in_any_stack(registered, name, shape):
    activation = activation_of(Level(name, {}))
    x_SBO = torch.randn(33, *shape, generator=torch.Generator().manual_seed(0)) * 3
    check_elementwise(Level(name, {}))
    for cells in (1, 2, 3, 9, 33):
        value, derivative = activation(x_SBO[:cells].clone())
        for cell in (0, cells - 1):
            alone = activation(x_SBO[cell : cell + 1].clone())
            assert torch.equal(value[cell : cell + 1], alone[0])
            assert torch.equal(derivative[cell : cell + 1], alone[1])


@pytest.mark.parametrize("name", ["sigmoid", "torchs_tanh", "mish"])
def test_a_cell_trained_by_it_has_the_same_bits_alone(registered, name):
    data = blobs(100, features=5)
    cohort = [spec(activation=name, seed=seed, widths=(7, 13), batch_size=9, epochs=2) for seed in range(9)]
    together = train(cohort, data)
    for place in (0, 4, 8):
        (alone,) = train([cohort[place]], data)
        assert same_bits(alone, together[place])


@needs_compiler
@pytest.mark.parametrize("normalization", ["none", "batch"])
def test_a_compiled_cell_has_the_same_bits_alone(registered, normalization):
    data = blobs(100, features=5)
    small = {"widths": (7, 13), "batch_size": 9, "epochs": 2, "compile": "layers", "normalization": normalization}
    cohort = [spec(activation="sigmoid", seed=seed, **small) for seed in range(9)]
    together = train(cohort, data)
    for place in (0, 8):
        (alone,) = train([cohort[place]], data)
        assert same_bits(alone, together[place])


UNLAWFUL = {
    "mean": (lambda x: (x - x.mean(), torch.ones_like(x)), "among other numbers"),
    "softmax": (lambda x: (torch.softmax(x, -1), torch.ones_like(x)), "among other numbers"),
    "chance": (lambda x: (x * torch.rand_like(x), torch.ones_like(x)), "another time"),
    "sorted": (lambda x: (x.sort().values, torch.ones_like(x)), "in another place|among other numbers"),
    "cumulative": (lambda x: (x.cumsum(-1), torch.ones_like(x)), "in another place|among other numbers"),
    "one tensor": (lambda x: torch.sigmoid(x), "must return two tensors"),
    "three": (lambda x: (x, x, x), "must return two tensors"),
    "a float": (lambda x: (x, 1.0), "must return two tensors"),
    "another shape": (lambda x: (x, torch.ones(1)), "its derivative must have the shape"),
    "another type": (lambda x: (x.double(), torch.ones_like(x)), "its value must have the shape and type"),
    "not finite": (lambda x: (x.log(), 1 / x), "its value is not finite"),
}


@pytest.mark.parametrize("name", UNLAWFUL)
def test_what_is_no_function_of_each_number_is_refused(monkeypatch, name):
    function, told = UNLAWFUL[name]
    monkeypatch.setitem(ACTIVATIONS, "mine", function)
    with pytest.raises((NotElementwiseError, WrongResultError), match=told):
        check_elementwise(Level("mine", {}))
