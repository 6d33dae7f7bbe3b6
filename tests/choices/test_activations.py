from functools import cache

import mpmath
import pytest
import torch
from torch.nn import functional

from ablation.choices.activations import ACTIVATIONS, SELU_ALPHA, SELU_SCALE

TORCH = {
    "identity": lambda x: x * 1.0,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "leaky_relu": lambda x, slope=0.01: functional.leaky_relu(x, slope),
    # Torch turns to the straight line at 20; ours is the formula everywhere.
    "softplus": lambda x: functional.softplus(x, threshold=45.0),
}
TORCH |= {name: getattr(functional, name) for name in ACTIVATIONS if name not in TORCH and hasattr(functional, name)}
SETTINGS = [(name, {}) for name in TORCH]
SETTINGS += [("leaky_relu", {"slope": slope}) for slope in (0.0, 0.2, 1.0)]
SETTINGS += [("elu", {"alpha": alpha}) for alpha in (0.3, 2.0)]
TOLERANCE = {torch.float32: {"rtol": 3e-6, "atol": 1e-6}, torch.float64: {"rtol": 1e-12, "atol": 1e-15}}

every_activation = pytest.mark.parametrize("name", ACTIVATIONS)
both_types = pytest.mark.parametrize("dtype", TOLERANCE)


def grid(dtype: torch.dtype) -> torch.Tensor:
    extremes = [0.0, -0.0, 1e-30, -1e-30, 1e-6, -1e-6, 100.0, -100.0, 1e4, -1e4]
    return torch.cat([torch.linspace(-30.0, 30.0, 2002, dtype=dtype), torch.tensor(extremes, dtype=dtype)])


@both_types
@pytest.mark.parametrize(("name", "parameters"), SETTINGS)
def test_value_and_derivative_are_torchs(name, parameters, dtype):
    x = grid(dtype).requires_grad_()
    expected = TORCH[name](x, **parameters)
    (slope,) = torch.autograd.grad(expected.sum(), x)
    value, derivative = ACTIVATIONS[name](x.detach(), **parameters)
    torch.testing.assert_close(value, expected.detach(), **TOLERANCE[dtype])
    torch.testing.assert_close(derivative, slope, **TOLERANCE[dtype])


@every_activation
def test_derivative_is_the_slope_of_the_value(name):
    step = 1e-5
    x = torch.cat([-torch.logspace(-3, 1.4, 500), torch.logspace(-3, 1.4, 500)]).double()
    secant = (ACTIVATIONS[name](x + step)[0] - ACTIVATIONS[name](x - step)[0]) / (2 * step)
    torch.testing.assert_close(ACTIVATIONS[name](x)[1], secant, rtol=1e-6, atol=1e-9)


@every_activation
def test_relative_accuracy_near_zero_is_that_of_float32(name):
    x = torch.logspace(-30, -2, 200)
    for signed in (x, -x):
        exact = ACTIVATIONS[name](signed.double())[0]
        torch.testing.assert_close(ACTIVATIONS[name](signed)[0].double(), exact, rtol=1e-6, atol=0.0)


@pytest.mark.parametrize("name", ["tanh", "elu"])
def test_a_ratio_of_polynomials_is_within_a_few_units_of_the_last_place(name):
    x = torch.cat([torch.linspace(-20.0, 20.0, 100_001), torch.tensor([-3e38, 3e38])])
    value, derivative = ACTIVATIONS[name](x)
    torch.testing.assert_close(value.double(), TORCH[name](x.double()), rtol=4e-7, atol=0.0)
    assert (derivative >= 0.0).all()
    assert (value[x < -19.0] == -1.0).all()
    if name == "tanh":
        assert (value.abs() <= 1.0).all()
        assert torch.equal(ACTIVATIONS[name](-x)[0], -value)


@both_types
@every_activation
def test_a_finite_input_gives_finite_results_of_its_type(name, dtype):
    x = grid(dtype).reshape(4, -1)
    for result in ACTIVATIONS[name](x):
        assert result.shape == x.shape
        assert result.dtype == dtype
        assert result.isfinite().all()


@every_activation
def test_nan_propagates(name):
    value, _ = ACTIVATIONS[name](torch.tensor([1.0, torch.nan, -1.0]))
    assert value.isnan().tolist() == [False, True, False]


@pytest.mark.parametrize("name", TORCH)
def test_infinite_inputs_end_as_torchs_do(name):
    x = torch.tensor([torch.inf, -torch.inf])
    expected = TORCH[name](x)
    known = ~expected.isnan()
    torch.testing.assert_close(ACTIVATIONS[name](x)[0][known], expected[known])


@every_activation
def test_the_input_stays_as_it_was(name):
    x = grid(torch.float32)
    before = x.clone()
    ACTIVATIONS[name](x)
    assert torch.equal(x, before)


@every_activation
@pytest.mark.parametrize("shape", [(32, 5, 33), (7, 1, 1), (3, 2, 7), (2, 16, 16), (5, 130, 3)])
def test_bits_of_an_element_depend_on_its_value_alone(name, shape):
    """A vectorized kernel may round otherwise at the end of an array than within it, and that end moves with S."""
    x = 3.0 * torch.randn(shape, generator=torch.Generator().manual_seed(0))
    stacked = ACTIVATIONS[name](x)
    for place in range(len(x)):
        alone = ACTIVATIONS[name](x[place : place + 1].clone())
        for together, apart in zip(stacked, alone, strict=True):
            assert torch.equal(together[place : place + 1], apart)


@cache
def exact(name, x):
    """Return value and derivative by the textbook, to 60 digits."""
    with mpmath.workdps(60):
        z = mpmath.mpf(x)
        s = 1 / (1 + mpmath.exp(-z))
        density = mpmath.exp(-z * z / 2) / mpmath.sqrt(2 * mpmath.pi)
        normal = mpmath.erfc(-z / mpmath.sqrt(2)) / 2
        alpha, scale = mpmath.mpf(SELU_ALPHA), mpmath.mpf(SELU_SCALE)
        return {
            "identity": lambda: (z, mpmath.mpf(1)),
            "logistic": lambda: (s, s / (1 + mpmath.exp(z))),
            "tanh": lambda: (mpmath.tanh(z), mpmath.sech(z) ** 2),
            "relu": lambda: (max(z, 0), mpmath.mpf(z > 0)),
            "leaky_relu": lambda: (z if z > 0 else z / 100, mpmath.mpf(1) if z > 0 else mpmath.mpf(0.01)),
            "elu": lambda: (z, mpmath.mpf(1)) if z > 0 else (mpmath.expm1(z), mpmath.exp(z)),
            "selu": lambda: (
                (scale * z, scale) if z > 0 else (scale * alpha * mpmath.expm1(z), scale * alpha * mpmath.exp(z))
            ),
            "gelu": lambda: (z * normal, normal + z * density),
            "silu": lambda: (z * s, s * (1 + z * (1 - s))),
            "softplus": lambda: (mpmath.log1p(mpmath.exp(-abs(z))) + max(z, 0), s),
        }[name]()


ACCURACY = {torch.float32: 1e-6, torch.float64: 1e-12}


@pytest.fixture(params=["eager", "as it is compiled", "denormals flushed"])
def form(request, monkeypatch):
    """How an activation computes: by itself, in the form that torch's compiler is given, and as the trainer has it."""
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: request.param == "as it is compiled")
    flushed = request.param == "denormals flushed" and torch.set_flush_denormal(True)
    yield request.param
    if flushed:
        torch.set_flush_denormal(False)


@both_types
@every_activation
def test_value_and_derivative_have_their_digits_wherever_they_are_normal_numbers(name, dtype, form):
    """In the tails, where a unit is saturated, and beside the zeros of silu's and gelu's derivatives."""
    if dtype == torch.float64 and form != "eager":
        pytest.skip("networks are trained in float32, and in double precision nothing is written otherwise")
    limits = torch.finfo(dtype)
    far = 110.0 if dtype == torch.float32 else 745.0
    draw = torch.Generator().manual_seed(0)
    sizes = 10.0 ** (torch.rand(150, generator=draw, dtype=torch.float64) * 76 - 38)
    roots = [root + offset for root in (-1.2784645427610738, -0.7517915246935645) for offset in (0, 1e-7, -1e-5, 1e-3)]
    # Where the exponential, the square of it, the normal density and the logistic function leave the normal numbers.
    ends = [-87.33, -87.34, -43.6, 44.0, -13.0, -12.9, 88.7] + [-708.39, -354.5, -37.5, 708.3] * (far > 700)
    x = torch.cat(
        [
            (torch.rand(300, generator=draw, dtype=torch.float64) * 2 - 1) * far,
            (torch.rand(200, generator=draw, dtype=torch.float64) * 2 - 1) * 20,
            sizes,
            -sizes,
            torch.tensor([*roots, *ends, -1e30, 1e30], dtype=torch.float64),
        ]
    ).to(dtype)
    results = ACTIVATIONS[name](x.clone())
    for what, result in zip(("value", "derivative"), results, strict=True):
        assert not result.isnan().any()
        for number, found in zip(x.tolist(), result.tolist(), strict=True):
            true = exact(name, number)[what == "derivative"]
            if abs(true) < limits.tiny:
                assert abs(found) <= limits.tiny * (1 + 1e-6), (what, number, found, float(true))
            # In double precision the zeros of silu's and gelu's derivatives keep their absolute accuracy alone.
            elif dtype == torch.float32 or what == "value" or abs(true) >= 1e-3 or number <= -2:
                assert abs(found - true) <= ACCURACY[dtype] * abs(true), (what, number, found, float(true))


@pytest.mark.parametrize("alpha", [1e-3, 0.3, 2.0, 1e4])
def test_elu_of_any_alpha_has_its_digits(alpha, form):
    x = -torch.cat([torch.linspace(0.0, 100.0, 997), torch.logspace(-30, 0, 200)])
    value, derivative = ACTIVATIONS["elu"](x, alpha=alpha)
    for true, found in ((alpha * x.double().expm1(), value), (alpha * x.double().exp(), derivative)):
        normal = true.abs() >= torch.finfo(torch.float32).tiny
        torch.testing.assert_close(found.double()[normal], true[normal], rtol=4e-7, atol=0.0)


@pytest.mark.parametrize("name", ["elu", "selu", "tanh", "logistic", "gelu", "silu"])
def test_no_derivative_is_zero_before_the_normal_numbers_end(name):
    x = -torch.linspace(7.0, 12.0 if name == "gelu" else 43.0, 500)
    for given in (x, -x) if name in ("tanh", "logistic") else (x,):
        assert (ACTIVATIONS[name](given)[1] != 0.0).all()
