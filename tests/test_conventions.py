"""What ``docs/conventions.md`` says of PyTorch, asked of PyTorch, and of this project beside it."""

import inspect
import math
import re

import pytest
import torch
from torch import nn
from torch.nn import functional
from torch.utils.data import DataLoader

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.clipping import CLIPPINGS, Gradient
from ablation.choices.losses import LOSSES
from ablation.choices.normalization import BatchNormalization
from ablation.choices.optimizers import OPTIMIZERS
from ablation.choices.weight_decay import DECAYS
from ablation.training.data import BatchOrder
from tests.conftest import ROOT

PAGE = (ROOT / "docs" / "conventions.md").read_text("utf-8")


def default(function, name):
    return inspect.signature(function).parameters[name].default


def test_every_path_that_it_names_is_there():
    paths = [path for path in re.findall(r"`([\w/]+\.\w+)`", PAGE) if "/" in path]
    assert "choices/clipping.py" in paths
    for path in paths:
        assert (ROOT / path).exists() or (ROOT / "src" / "ablation" / path).exists(), path


def test_torchs_defaults():
    assert default(nn.init.normal_, "std") == 1.0
    assert nn.init.calculate_gain("tanh") == pytest.approx(5 / 3)
    assert default(nn.LeakyReLU, "negative_slope") == 0.01 == default(ACTIVATIONS["leaky_relu"], "slope")
    assert default(nn.GELU, "approximate") == "none"
    assert (default(nn.BatchNorm1d, "eps"), default(nn.BatchNorm1d, "momentum")) == (1e-5, 0.1)
    assert (BatchNormalization().epsilon, BatchNormalization().momentum) == (1e-3, 0.99)
    assert default(DataLoader, "drop_last") is False
    assert functional.softplus(torch.tensor(20.5)) == 20.5 < ACTIVATIONS["softplus"](torch.tensor([20.5]).double())[0]


def test_defaults_of_torchs_optimizers():
    optim = torch.optim
    assert default(optim.Adam, "eps") == 1e-8 == default(OPTIMIZERS["adam"], "epsilon")
    assert (default(optim.RMSprop, "alpha"), default(OPTIMIZERS["rmsprop"], "rho")) == (0.99, 0.9)
    assert default(optim.Adagrad, "initial_accumulator_value") == 0
    assert (default(optim.Adadelta, "rho"), default(optim.Adadelta, "eps")) == (0.9, 1e-6)
    assert default(OPTIMIZERS["adadelta"], "rho") == 0.9
    assert default(optim.AdamW, "weight_decay") == 0.01 == DECAYS["adamw"]["weight_decay"]
    assert default(optim.NAdam, "momentum_decay") == 0.004


def test_he_normal_is_not_truncated_in_torch():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        weight = nn.init.kaiming_normal_(torch.empty(100, 200))
    assert weight.abs().max() > 3 * math.sqrt(2 / 200)


@pytest.mark.parametrize(
    ("name", "parameters", "slope"),
    [("relu", {}, 0.0), ("leaky_relu", {}, 0.01), ("elu", {}, 1.0), ("elu", {"alpha": 2.0}, 2.0), ("selu", {}, 1.7581)],
)
def test_derivatives_at_zero(name, parameters, slope):
    x = torch.zeros(1, requires_grad=True)
    getattr(functional, name)(x, **parameters).sum().backward()
    assert x.grad.item() == pytest.approx(slope, rel=1e-4)
    assert ACTIVATIONS[name](torch.zeros(1), **parameters)[1].item() == pytest.approx(slope, rel=1e-4)


def test_a_running_variance_of_unbiased_ones_in_torch_and_of_biased_ones_here():
    x = torch.randn(5, 1, generator=torch.Generator().manual_seed(0))
    theirs = nn.BatchNorm1d(1)
    theirs(x)
    assert theirs.running_var.item() == pytest.approx(0.9 + 0.1 * x.var(correction=1).item(), rel=1e-6)
    ours, mean, variance = BatchNormalization(momentum=0.9), torch.zeros(1, 1), torch.ones(1, 1)
    ours.update(mean, variance, ours.forward(x[None], torch.ones(1, 1), torch.zeros(1, 1))[1])
    assert variance.item() == pytest.approx(0.9 + 0.1 * x.var(correction=0).item(), rel=1e-6)


def test_mean_squared_error_is_over_batch_and_classes():
    output, label = torch.randn(1, 4, 10, generator=torch.Generator().manual_seed(0)), torch.arange(4)[None]
    error = output - functional.one_hot(label, 10)
    loss, grad = LOSSES["mse"](output, label)
    assert loss.item() == pytest.approx(nn.MSELoss()(output, functional.one_hot(label, 10).float()).item())
    torch.testing.assert_close(grad, error / 4 / 5)


def test_only_torch_clips_a_gradient_whose_norm_is_the_threshold():
    numbers = torch.tensor([[0.6, 0.8]])
    theirs = nn.Parameter(torch.zeros(2))
    theirs.grad = numbers[0].clone()
    nn.utils.clip_grad_norm_([theirs], 1.0)
    assert 0 < 1 - theirs.grad.double().norm() < 2e-6
    ours = numbers.clone()
    CLIPPINGS["global_norm"](Gradient([ours], [ours]), threshold=float(numbers.norm()))
    assert torch.equal(ours, numbers)


def test_a_last_batch_that_is_not_full_is_dropped():
    order = BatchOrder([0], 23, 5, torch.device("cpu"))
    assert order.steps_per_epoch == 4
    left_out = [
        set(range(23)) - set(torch.cat([order.batch(4 * e + s) for s in range(4)], 1)[0].tolist()) for e in (0, 1)
    ]
    assert [len(left) for left in left_out] == [3, 3]
    assert left_out[0] != left_out[1]
