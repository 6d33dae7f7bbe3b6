import inspect

import pytest
import torch
from torch import nn

from ablation.choices.optimizers import OPTIMIZERS

CELLS, PARAMETERS, STEPS = 5, 11, 20
TORCH = {"sgd": {}, "momentum": {}, "nesterov": {"nesterov": True}}
WITH_MOMENTUM = [name for name, rule in OPTIMIZERS.items() if "momentum" in inspect.signature(rule).parameters]

every_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)


def numbers(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed))


def train(name, start, lr, **parameters):
    """Walk down a quartic bowl, sum w^4 / 4 + w^2, whose gradient leans on where one is."""
    weights, state = start.clone(), {}
    for _ in range(STEPS):
        OPTIMIZERS[name](weights, weights**3 + 2 * weights, lr, state, **parameters)
    return weights


@pytest.mark.parametrize(
    ("name", "parameters"),
    [("sgd", {})]
    + [(name, {"momentum": momentum}) for name in ("momentum", "nesterov") for momentum in (0.5, 0.9, 0.99)],
)
def test_twenty_steps_are_torchs(name, parameters):
    start, lr = numbers(CELLS, PARAMETERS), torch.tensor([[0.001], [0.01], [0.02], [0.05], [0.0]])
    own = train(name, start, lr, **parameters)
    for cell in range(CELLS):
        weights = nn.Parameter(start[cell].clone())
        optimizer = torch.optim.SGD([weights], lr=lr[cell].item(), **TORCH[name], **parameters)
        for _ in range(STEPS):
            weights.grad = (weights**3 + 2 * weights).detach()
            optimizer.step()
        torch.testing.assert_close(own[cell], weights.detach(), rtol=1e-5, atol=1e-7)


def test_every_optimizer_is_held_against_torchs():
    assert set(OPTIMIZERS) == set(TORCH)


@pytest.mark.parametrize("name", WITH_MOMENTUM)
def test_momentum_is_0_9_by_default(name):
    start, lr = numbers(CELLS, PARAMETERS), torch.full((CELLS, 1), 0.01)
    assert torch.equal(train(name, start, lr), train(name, start, lr, momentum=0.9))


@pytest.mark.parametrize("name", WITH_MOMENTUM)
@pytest.mark.parametrize("momentum", [0.9, 0.3, 1 / 3])
def test_a_momentum_each_gives_the_bits_of_a_common_one(name, momentum):
    start, lr = numbers(CELLS, PARAMETERS), torch.full((CELLS, 1), 0.01)
    each = torch.full((CELLS, 1), momentum)
    assert torch.equal(train(name, start, lr, momentum=momentum), train(name, start, lr, momentum=each))


@every_optimizer
def test_bits_of_a_cell_are_the_same_alone_and_beside_a_diverged_one(name):
    start, lr = numbers(32, 33), torch.logspace(-4, -1.5, 32).unsqueeze(1)
    start[3] = torch.nan
    together = train(name, start, lr)
    for cell in set(range(32)) - {3}:
        assert torch.equal(together[cell : cell + 1], train(name, start[cell : cell + 1], lr[cell : cell + 1]))


@every_optimizer
def test_a_zero_gradient_at_the_start_moves_nothing(name):
    weights = numbers(CELLS, PARAMETERS)
    kept = weights.clone()
    OPTIMIZERS[name](weights, torch.zeros_like(weights), torch.ones(CELLS, 1), {})
    assert torch.equal(weights, kept)


@every_optimizer
def test_what_is_remembered_has_a_row_a_cell(name):
    state: dict[str, torch.Tensor] = {}
    OPTIMIZERS[name](numbers(CELLS, PARAMETERS), numbers(CELLS, PARAMETERS), torch.ones(CELLS, 1), state)
    assert all(len(tensor) == CELLS for tensor in state.values())
