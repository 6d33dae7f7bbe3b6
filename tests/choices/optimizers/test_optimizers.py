import itertools
from collections.abc import Iterator

import pytest
import torch
from torch import nn

from ablation.choices.optimizers import OPTIMIZERS
from ablation.levels import as_single, settings
from ablation.training.ingredients import asked
from tests.choices.optimizers.counterparts import COUNTERPARTS, counterpart

SHAPE, STEPS = (3, 5), 50
RATES = [1e-4, 0.01, 0.03, 0.0]

EDGES = {
    "momentum": [0.0, 0.5, 0.99, 1 - 2**-24],
    "rho": [0.0, 0.5, 0.99, 1 - 2**-24],
    "beta1": [0.0, 0.5, 1 - 2**-24],
    "beta2": [0.0, 0.5, 1 - 2**-24],
    "epsilon": [1.2e-38, 1e-3, 1e20],
    "scale": ["original", "match_rms_adamw"],
}
"""Values of each setting, up to the ends of its range in float32."""


def levels() -> Iterator[tuple[str, dict[str, float | str]]]:
    """Yield every rule with its defaults, and with all combinations of its settings' edges."""
    for name, rule in OPTIMIZERS.items():
        yield name, {}
        known = settings(rule)
        for values in itertools.product(*(EDGES[setting] for setting in known)) if known else ():
            yield name, dict(zip(known, values, strict=True))


every_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)
every_level = pytest.mark.parametrize(("name", "given"), list(levels()), ids=str)


def numbers(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64).to(dtype)


def gradient(weights: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
    """Return a gradient that leans on where one is, and is never near zero, where a quotient would have few digits."""
    return (weights / (1 + weights.square()).sqrt() + 1.5) * (noise + noise.sign())


def take(name: str, weights, grad, lr_S1, state, shape=SHAPE, **given) -> None:
    """Take a step of a rule of ours, in place, and hand it the shape if it asks for it."""
    asks = asked("optimizer", OPTIMIZERS[name])
    assert asks <= {"shape"}
    OPTIMIZERS[name](weights, grad, lr_S1, state, **given, **({"shape": shape} if asks else {}))


def train(name: str, start, lr_S1, shape=SHAPE, steps=STEPS, **given) -> torch.Tensor:
    weights, state = start.clone(), {}
    for step in range(steps):
        noise = numbers(1, start.shape[1], seed=step, dtype=start.dtype)
        take(name, weights, gradient(weights, noise), lr_S1, state, shape, **given)
    return weights


def train_alone(name: str, start_P, lr: float, shape=SHAPE, **given) -> torch.Tensor:
    """Return what the counterpart makes of a cell's weights, as matrices laid out as torch has them."""
    size = (shape[1], shape[0]) if shape else (len(start_P),)
    weights = nn.Parameter(start_P.view(*(shape or size)).T.clone() if shape else start_P.clone())
    rule = counterpart(name, [weights], lr, given)
    for step in range(STEPS):
        noise = numbers(1, len(start_P), seed=step, dtype=start_P.dtype)[0]
        weights.grad = gradient(weights.detach(), noise.view(shape).T if shape else noise).contiguous()
        rule.step()
    return (weights.detach().T if shape else weights.detach()).flatten()


@every_level
@pytest.mark.parametrize(("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5)], ids=["f64", "f32"])
def test_fifty_steps_are_another_implementations_alone_and_in_a_stack(name, given, dtype, tolerance):
    given = {key: as_single(value) if isinstance(value, float) else value for key, value in given.items()}
    # The steps of an average that is short of its due are longer by as much, and what they add up to has fewer digits.
    longer = (1 - given.get("rho", 0.0)) ** 0.5
    rates = [as_single(rate * longer) for rate in RATES]
    lr_S1 = torch.tensor(rates, dtype=dtype).unsqueeze(1)
    start = numbers(len(RATES), SHAPE[0] * SHAPE[1], dtype=dtype)
    torch.set_default_dtype(dtype)  # in which torch's Nadam keeps its product of momenta
    try:
        for shape in (SHAPE, None) if name == "muon" else (SHAPE,):
            stacked = train(name, start, lr_S1, shape, **given)
            for cell, rate in enumerate(rates):
                theirs = train_alone(name, start[cell], rate, shape, **given)
                torch.testing.assert_close(stacked[cell], theirs, rtol=tolerance, atol=tolerance)
            assert torch.equal(train(name, start[1:2], lr_S1[1:2], shape, **given)[0], stacked[1])
    finally:
        torch.set_default_dtype(torch.float32)


def test_every_optimizer_is_held_against_another():
    assert set(OPTIMIZERS) == set(COUNTERPARTS)


@every_level
def test_a_setting_each_gives_the_bits_of_a_common_one(name, given):
    start, lr_S1 = numbers(len(RATES), 15), torch.tensor([RATES]).T.contiguous()
    single = {key: as_single(value) for key, value in (settings(OPTIMIZERS[name]) | given).items() if key != "scale"}
    words = {key: value for key, value in given.items() if key == "scale"}
    each = {key: torch.full((len(RATES), 1), value) for key, value in single.items()}
    assert torch.equal(train(name, start, lr_S1, **single, **words), train(name, start, lr_S1, **each, **words))


@every_optimizer
@pytest.mark.parametrize("shape", [(3, 11), (1, 33), (33, 1), (11, 3)])
def test_bits_of_a_cell_are_the_same_alone_and_beside_a_diverged_one(name, shape):
    start, lr_S1 = numbers(32, 33), torch.logspace(-4, -1.5, 32).unsqueeze(1)
    start[3] = torch.nan
    together = train(name, start, lr_S1, shape, steps=20)
    for cell in set(range(32)) - {3}:
        alone = train(name, start[cell : cell + 1], lr_S1[cell : cell + 1], shape, steps=20)
        assert torch.equal(together[cell : cell + 1], alone)


@every_optimizer
def test_what_is_no_number_is_not_taken_for_none(name):
    weights, grad = torch.zeros(2, 15), torch.ones(2, 15)
    grad[1, 4] = torch.nan
    take(name, weights, grad, torch.full((2, 1), 0.1), {})
    assert weights[1, 4].isnan()
    assert weights[0].isfinite().all()


@every_optimizer
def test_a_zero_gradient_at_the_start_moves_nothing(name):
    weights = numbers(5, 15)
    kept = weights.clone()
    take(name, weights, torch.zeros_like(weights), torch.ones(5, 1), {})
    assert torch.equal(weights, kept)


@every_level
def test_a_rate_of_zero_moves_nothing_and_spoils_nothing(name, given):
    start, zero_S1, state = numbers(5, 15), torch.zeros(5, 1), {}
    for grad in (torch.zeros_like(start), numbers(5, 15, seed=1), torch.zeros_like(start), 1e-30 * start, 1e15 * start):
        weights = start.clone()
        take(name, weights, grad.clone(), zero_S1, state, **given)
        assert torch.equal(weights, start)
    take(name, weights, numbers(5, 15, seed=2), zero_S1 + 1e-3, state, **given)
    assert weights.isfinite().all()


@every_optimizer
def test_what_is_remembered_has_a_row_a_cell(name):
    for shape in (SHAPE, None):
        state: dict[str, torch.Tensor] = {}
        take(name, numbers(5, 15), numbers(5, 15), torch.ones(5, 1), state, shape if name == "muon" else SHAPE)
        assert all(len(tensor) == 5 for tensor in state.values())


ADAPTIVE = ["adam", "adamw", "nadam", "amsgrad", "rmsprop", "adagrad", "lion", "sign_sgd"]


@pytest.mark.parametrize("name", ADAPTIVE)
@pytest.mark.parametrize("factor", [2.0**-30, 2.0**30])
def test_an_adaptive_step_is_as_long_whatever_the_gradients_size(name, factor):
    """All squares and means are multiplied by powers of two, which rounds nothing; epsilon is next to nothing."""
    lr_S1, given = torch.full((5, 1), 0.01), {}
    if "epsilon" in settings(OPTIMIZERS[name]):
        given["epsilon"] = 1e-30
    paths = []
    for size in (1.0, factor):
        weights, state = numbers(5, 15), {}
        for step in range(10):
            take(name, weights, numbers(5, 15, seed=step) * size, lr_S1, state, **given)
        paths.append(weights)
    assert torch.equal(*paths)


@pytest.mark.parametrize("name", ["adam", "amsgrad", "nadam"])
def test_what_an_average_is_short_by_keeps_its_digits_where_beta_is_near_one(name):
    """The first step is lr sign(g) whatever the betas; of 1 - beta^t float32 would leave no digit."""
    near_one, lr_S1 = as_single(1 - 2**-24), torch.full((1, 1), 1e-3)
    weights, state = torch.zeros(1, 15), {}
    for step in range(1, 4):
        take(name, weights, torch.full((1, 15), 0.5), lr_S1, state, beta1=0.0, beta2=near_one)
        torch.testing.assert_close(weights, torch.full((1, 15), -1e-3 * step), rtol=1e-6, atol=0.0)
