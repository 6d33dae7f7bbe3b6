import math

import pytest
import torch
from scipy import stats
from torch import nn

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.initializers import INITIALIZERS, Draws

I, O = 300, 200  # noqa: E741

ROOT = math.sqrt
SCALES = {
    "normal": 0.01,
    "torch_default": 1 / ROOT(I),
    "lecun_normal": ROOT(1 / I),
    "lecun_uniform": ROOT(3 / I),
    "xavier_normal": ROOT(2 / (I + O)),
    "xavier_uniform": ROOT(6 / (I + O)),
    "he_normal": ROOT(2 / I),
    "he_uniform": ROOT(6 / I),
    "slides_normal": ROOT(2) * ROOT(2 / (I + O)),
    "slides_uniform": ROOT(2) * ROOT(6 / (I + O)),
}
"""Standard deviation of a normal, radius of a uniform distribution, for a layer of ReLUs."""
UNIFORM = {"torch_default", *(name for name in SCALES if name.endswith("uniform"))}
TORCH = {
    "xavier_normal": nn.init.xavier_normal_,
    "xavier_uniform": nn.init.xavier_uniform_,
    "he_normal": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="relu"),
    "he_uniform": lambda weight: nn.init.kaiming_uniform_(weight, nonlinearity="relu"),
    "lecun_normal": lambda weight: nn.init.kaiming_normal_(weight, nonlinearity="linear"),
    "lecun_uniform": lambda weight: nn.init.kaiming_uniform_(weight, nonlinearity="linear"),
}

every_initializer = pytest.mark.parametrize("name", INITIALIZERS)


def draws(fan_in: int = I, fan_out: int = O, activation: str = "relu", seed: int = 0) -> Draws:
    generator = torch.Generator().manual_seed(seed)
    return Draws(
        torch.randn(fan_in, fan_out, generator=generator), torch.randn(fan_out, generator=generator), activation
    )


@every_initializer
@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (5, 1), (7, 33)])
def test_weights_have_the_shapes_of_the_draws_and_follow_from_them(name, shape):
    first, second = draws(*shape), draws(*shape)
    weight, bias = INITIALIZERS[name](first)
    again, _ = INITIALIZERS[name](second)
    assert (weight.shape, bias.shape) == (shape, shape[1:])
    assert weight.dtype == bias.dtype == torch.float32
    assert weight.isfinite().all()
    assert weight.is_contiguous()
    assert torch.equal(weight, again)
    assert torch.equal(first.weight_IO, draws(*shape).weight_IO)
    assert torch.equal(first.bias_O, draws(*shape).bias_O)


@pytest.mark.parametrize("name", [name for name in INITIALIZERS if name != "torch_default"])
def test_bias_begins_at_zero(name):
    assert not INITIALIZERS[name](draws())[1].any()


def test_zeros_are_zero():
    assert not INITIALIZERS["zeros"](draws())[0].any()


@pytest.mark.parametrize("name", SCALES)
def test_weights_follow_the_formula(name):
    scale = SCALES[name]
    weight = INITIALIZERS[name](draws())[0].double().flatten()
    distribution = stats.uniform(-scale, 2 * scale) if name in UNIFORM else stats.norm(0, scale)
    count = len(weight)
    assert abs(weight.mean()) < 4 * distribution.std() / ROOT(count)
    # The variance of a squared deviation is 2 sigma^4 for a normal and 4/5 sigma^4 for a uniform distribution.
    spread = ROOT((0.8 if name in UNIFORM else 2.0) / count)
    assert weight.var() == pytest.approx(distribution.var(), rel=4 * spread)
    assert stats.kstest(weight.numpy(), distribution.cdf).pvalue > 0.01
    if name in UNIFORM:
        assert 0.999 * scale < weight.abs().max() <= scale * (1 + 1e-6)


@pytest.mark.parametrize("name", TORCH)
def test_weights_are_distributed_as_torchs(name):
    with torch.random.fork_rng():
        torch.manual_seed(1)
        expected = TORCH[name](torch.empty(O, I))
    weight, _ = INITIALIZERS[name](draws())
    assert stats.ks_2samp(weight.flatten().numpy(), expected.flatten().numpy()).pvalue > 0.01


def test_torch_default_is_distributed_as_linear_begins():
    with torch.random.fork_rng():
        torch.manual_seed(1)
        layer = nn.Linear(16, 20_000)
    weight, bias = INITIALIZERS["torch_default"](draws(16, 20_000))
    assert stats.ks_2samp(weight.flatten().numpy(), layer.weight.detach().flatten().numpy()).pvalue > 0.01
    assert stats.ks_2samp(bias.numpy(), layer.bias.detach().numpy()).pvalue > 0.01
    assert 0.999 / 4 < bias.abs().max() <= 1 / 4


@pytest.mark.parametrize(("name", "kind"), [("he_normal", "relu"), ("lecun_normal", "linear")])
def test_normal_weights_are_the_draws_times_torchs_gain(name, kind):
    layer = draws()
    expected = layer.weight_IO * (nn.init.calculate_gain(kind) / ROOT(I))
    torch.testing.assert_close(INITIALIZERS[name](layer)[0], expected)


def test_sigma_scales_normal():
    layer = draws()
    torch.testing.assert_close(INITIALIZERS["normal"](layer, sigma=0.3)[0], 0.3 * layer.weight_IO)


@pytest.mark.parametrize("name", [*SCALES])
def test_every_initializer_is_monotone_in_the_shared_draws(name):
    """Common random numbers: a normal and a uniform initializer of one seed rank the weights alike."""
    layer = draws()
    order = layer.weight_IO.flatten().argsort()
    assert (INITIALIZERS[name](layer)[0].flatten()[order].diff() >= 0).all()


@pytest.mark.parametrize("gain", [1.0, 2.5])
@pytest.mark.parametrize(("fan_in", "fan_out"), [(20, 50), (50, 20), (30, 30), (1, 4), (4, 1)])
def test_orthogonal_rows_or_columns_are_orthonormal_times_the_gain(fan_in, fan_out, gain):
    weight = INITIALIZERS["orthogonal"](draws(fan_in, fan_out), gain=gain)[0].double()
    gram = weight.T @ weight if fan_in >= fan_out else weight @ weight.T
    torch.testing.assert_close(gram, gain**2 * torch.eye(len(gram), dtype=torch.float64), rtol=0, atol=2e-6)


@pytest.mark.parametrize("shape", [(3, 3), (4, 3), (3, 4)])
def test_orthogonal_is_uniform_by_haar_measure(shape):
    """A corner of a uniform Q is as often negative as positive; without the signs of R it has but one sign."""
    corner = torch.stack([INITIALIZERS["orthogonal"](draws(*shape, seed=seed))[0][0, 0] for seed in range(400)])
    assert abs((corner > 0).float().mean() - 0.5) < 4 * 0.5 / ROOT(400)
    assert corner.square().mean() == pytest.approx(1 / max(shape), rel=0.25)


def test_orthogonal_of_a_negated_draw_is_negated():
    layer = draws(6, 4)
    negated = Draws(-layer.weight_IO, layer.bias_O, layer.activation)
    torch.testing.assert_close(INITIALIZERS["orthogonal"](negated)[0], -INITIALIZERS["orthogonal"](layer)[0])


@pytest.mark.parametrize(
    ("activation", "factor"),
    [("logistic", 1.0), ("tanh", 4.0), ("relu", ROOT(2)), ("leaky_relu", ROOT(2)), ("elu", ROOT(2))],
)
def test_slides_table(activation, factor):
    layer = draws(activation=activation)
    sigma, radius = factor * ROOT(2 / (I + O)), factor * ROOT(6 / (I + O))
    torch.testing.assert_close(INITIALIZERS["slides_normal"](layer)[0], sigma * layer.weight_IO)
    uniform = radius * torch.special.erf(layer.weight_IO.double() / ROOT(2))
    torch.testing.assert_close(INITIALIZERS["slides_uniform"](layer)[0].double(), uniform, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("slides", "base"), [("slides_normal", "xavier_normal"), ("slides_uniform", "xavier_uniform")])
def test_slides_gain_overrides_the_table(slides, base):
    for activation in ("tanh", "not_in_the_table"):
        layer = draws(activation=activation)
        torch.testing.assert_close(INITIALIZERS[slides](layer, gain=3.0)[0], 3.0 * INITIALIZERS[base](layer)[0])


@pytest.mark.parametrize("name", ["slides_normal", "slides_uniform"])
def test_slides_take_glorots_own_scale_for_an_activation_without_a_row(name):
    layer = draws(activation="swish")
    glorot = INITIALIZERS[name.replace("slides", "xavier")](layer)[0]
    torch.testing.assert_close(INITIALIZERS[name](layer)[0], glorot)


@every_initializer
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_every_registered_activation_can_be_initialized(name, activation):
    assert INITIALIZERS[name](draws(5, 4, activation))[0].isfinite().all()
