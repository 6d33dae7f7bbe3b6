"""Every figure of the theory's own page, from activations tabulated as a study tabulates them."""

import math
from functools import cache

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import simpson

from ablation.choices.activations import ACTIVATIONS
from ablation.reporting.theory import mean_field
from ablation.reporting.theory.mean_field import Activation
from ablation.studies.theory_inputs import quadrature

HE, XAVIER, DEFAULT = 2.0, 1.0, 1 / 3


@cache
def phi(name, **parameters):
    x, weight = quadrature()
    value, derivative = ACTIVATIONS[name](torch.from_numpy(x.copy()), **parameters)
    return Activation(x, weight, value.numpy(), derivative.numpy())


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("q", [1e-4, 0.3, 1.0, 40.0])
def test_moments_against_simpsons_rule_on_each_half_line(name, q):
    z = np.linspace(0, 10, 40_001)
    # At the corner, 0 belongs to either side.
    halves = [np.append(-1e-12, -z[1:]), np.append(1e-12, z[1:])]
    sides = [[part.numpy() for part in ACTIVATIONS[name](torch.from_numpy(half * math.sqrt(q)))] for half in halves]

    def expect(integrand):
        return sum(
            simpson(integrand(half, *side) * stats.norm.pdf(half), x=z)
            for half, side in zip(halves, sides, strict=True)
        )

    found = phi(name).moments(q)
    truth = {
        "mean": expect(lambda z, value, slope: value),
        "square": expect(lambda z, value, slope: value**2),
        "product": expect(lambda z, value, slope: z * value),
        "slope_mean": expect(lambda z, value, slope: slope),
        "slope_square": expect(lambda z, value, slope: slope**2),
        "slope_fourth": expect(lambda z, value, slope: slope**4),
        "slope_product": expect(lambda z, value, slope: z * slope),
        "slope_moment": expect(lambda z, value, slope: z**2 * slope**2),
    }
    truth["fourth"] = expect(lambda z, value, slope: (value - truth["mean"]) ** 4)
    truth["slope_centred"] = expect(lambda z, value, slope: slope**2 * (value - truth["mean"]) ** 2)
    for moment, value in truth.items():
        assert getattr(found, moment) == pytest.approx(value, rel=1e-9, abs=1e-11), moment


@pytest.mark.parametrize(
    ("name", "parameters", "critical"),
    [
        ("identity", {}, 1.0),
        ("relu", {}, 2.0),
        ("leaky_relu", {"slope": 0.2}, 2 / 1.04),
        ("leaky_relu", {"slope": 0.5}, 1.6),
        ("tanh", {}, 1.0),
    ],
)
def test_critical_variance(name, parameters, critical):
    assert mean_field.critical_sigma_w2(phi(name, **parameters)) == pytest.approx(critical, rel=1e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_below_its_critical_variance_a_gradient_vanishes_and_above_it_does_not(name):
    critical = mean_field.critical_sigma_w2(phi(name))
    assert mean_field.settled_factor(phi(name), 0.98 * critical) < 1
    assert mean_field.settled_factor(phi(name), 1.02 * critical) > 1 - 1e-3


@pytest.mark.parametrize(
    ("name", "preserving", "digits"),
    [("tanh", 2.536, 3), ("elu", 1.5505, 4), ("selu", 1.0, 7), ("gelu", 2.352, 3), ("silu", 2.811, 3)],
)
def test_variance_preserving_variance(name, preserving, digits):
    assert mean_field.preserving_sigma_w2(phi(name)) == pytest.approx(preserving, abs=0.51 * 10**-digits)
    assert mean_field.length_map(phi(name), 1.0, mean_field.preserving_sigma_w2(phi(name))) == pytest.approx(1)


@pytest.mark.parametrize(
    ("sigma_w2", "name", "norm"),
    [
        (DEFAULT, "relu", 0.408),
        (DEFAULT, "tanh", 0.577),
        (DEFAULT, "logistic", 0.141),
        (XAVIER, "relu", 0.707),
        (XAVIER, "logistic", 0.236),
        (HE, "relu", 1.0),
    ],
)
def test_gradient_norm_per_layer_where_lengths_have_settled(sigma_w2, name, norm):
    assert math.sqrt(mean_field.settled_factor(phi(name), sigma_w2)) == pytest.approx(norm, abs=0.0006)


def test_he_with_tanh_and_elu():
    assert mean_field.settled_factor(phi("tanh"), HE) == pytest.approx(1.106, abs=5e-4)
    assert mean_field.gradient_factor(phi("elu"), 1.0, HE) == pytest.approx(1.336, abs=5e-4)
    # It falls slowly: the length grows by less than 1 a layer, without end.
    assert mean_field.gradient_factor(phi("elu"), 3200.0, HE) == pytest.approx(1.007, abs=5e-4)
    growth = [mean_field.length_map(phi("elu"), q, HE) - q for q in (10.0, 100.0, 3200.0)]
    assert 0.6 < growth[0] < growth[1] < growth[2] < 1
    assert mean_field.settled_length(phi("elu"), HE) > 1e6


TABLE = {
    "logistic": (-16.2, -12.0, -9.5),
    "tanh": (-4.66, -0.71, 0.23),
    "relu": (-7.39, -2.86, 0.0),
    "elu": (-4.69, -0.83, 0.62),
}
"""log10 of delta_1 over delta_20, with q_1 = sigma_w^2: PyTorch's default, Xavier, He."""


@pytest.mark.parametrize("name", TABLE)
def test_what_twenty_layers_make_of_a_gradient(name):
    for sigma_w2, decades in zip((DEFAULT, XAVIER, HE), TABLE[name], strict=True):
        q = mean_field.lengths(phi(name), sigma_w2, np.full(18, sigma_w2), np.zeros(18))
        found = sum(0.5 * math.log10(mean_field.gradient_factor(phi(name), length, sigma_w2)) for length in q)
        digits = 1 if name == "logistic" else 2
        assert found == pytest.approx(decades, abs=0.501 * 10**-digits)


@pytest.mark.parametrize(
    ("name", "parameters", "rate"),
    [
        ("identity", {}, 1.0),
        ("relu", {}, math.pi / (math.pi - 1)),
        ("relu", {}, 1.467),
        ("leaky_relu", {"slope": 0.2}, 1.244),
        ("tanh", {}, 1.178),
        ("elu", {}, 1.079),
        ("logistic", {}, 1.034),
    ],
)
def test_batch_normalization_before_the_activation_explodes_gradients(name, parameters, rate):
    exact = 1e-9 if rate == math.pi / (math.pi - 1) else 5e-4
    assert mean_field.batch_norm_rate(phi(name, **parameters)) == pytest.approx(rate, abs=exact)


def test_plain_gauss_hermite_would_miss_the_kink():
    """The figure that the rule by half-lines is there to avoid."""
    z, weight = np.polynomial.hermite_e.hermegauss(201)
    weight = weight / weight.sum()
    positive = np.maximum(z, 0)
    rate = (weight @ (z > 0)) / (weight @ positive**2 - (weight @ positive) ** 2)
    assert abs(rate - math.pi / (math.pi - 1)) > 100 * abs(
        mean_field.batch_norm_rate(phi("relu")) - math.pi / (math.pi - 1)
    )


@pytest.mark.parametrize("name", ACTIVATIONS)
@pytest.mark.parametrize("sigma_w2", [0.3, 1.3, 3.0])
@pytest.mark.parametrize("sigma_b2", [0.0, 0.1])
def test_lengths_settle_where_iterating_the_map_leads(name, sigma_w2, sigma_b2):
    settled = mean_field.settled_length(phi(name), sigma_w2, sigma_b2)
    q = mean_field.lengths(phi(name), sigma_w2 + sigma_b2, np.full(40, sigma_w2), np.full(40, sigma_b2))
    if settled == math.inf:
        assert q[-1] > q[-2] > q[0]
    elif settled == 0:
        assert q[-1] < q[-2] < q[0]
    else:
        assert abs(math.log(q[-1] / settled)) < max(1e-6, 0.2 * abs(math.log(q[0] / settled)))
        assert mean_field.length_map(phi(name), settled, sigma_w2, sigma_b2) == pytest.approx(settled, rel=1e-8)


def test_depth_scale():
    assert mean_field.depth_scale(math.exp(-0.1)) == pytest.approx(10)
    assert mean_field.depth_scale(math.exp(0.25)) == pytest.approx(4), "an explosion has a scale, too"
    assert mean_field.depth_scale(1.0) == math.inf
    assert mean_field.depth_scale(0.0) == 0
    assert mean_field.depth_scale(mean_field.settled_factor(phi("relu"), 1.0)) == pytest.approx(1 / math.log(2))


LINEAR = [("identity", {}, 1.0), ("relu", {}, 2.0)]
LINEAR += [("leaky_relu", {"slope": slope}, 2 / (1 + slope**2)) for slope in (0.01, 0.2, 0.73)]
"""Activations for which a multiple of a number is that multiple, with their critical sigma_w^2."""


@pytest.mark.parametrize(("name", "parameters", "critical"), LINEAR)
def test_the_quadrature_is_as_accurate_as_the_tolerances_say(name, parameters, critical):
    """At any length, for neither a length nor a gradient changes there."""
    for q in 2.0 ** np.arange(-mean_field.SPAN + 1, mean_field.SPAN, 7.25):
        assert mean_field.length_map(phi(name, **parameters), q, critical) / q == pytest.approx(1, abs=1e-13)
        assert mean_field.gradient_factor(phi(name, **parameters), q, critical) == pytest.approx(1, abs=1e-14)


@pytest.mark.parametrize(
    ("name", "parameters", "critical"),
    # By arguments alone: tanh and elu have slope 1 at length 0, where they settle; of a length without end, only the
    # right half of elu and softplus counts, which is a line.
    [*LINEAR, ("tanh", {}, 1.0), ("elu", {}, 1.0), ("elu", {}, 2.0), ("softplus", {}, 2.0)],
)
def test_the_depth_scale_is_infinite_where_a_network_is_critical(name, parameters, critical):
    def scale(sigma_w2):
        return mean_field.depth_scale(mean_field.settled_factor(phi(name, **parameters), sigma_w2))

    assert scale(critical) == math.inf
    assert scale(float(f"{critical:.12g}")) == math.inf, "with as many digits as the table of initializers has"
    assert mean_field.trained_depth(mean_field.settled_factor(phi(name, **parameters), critical)) == math.inf
    for off in (-1e-6, -1e-9):
        assert scale(critical * (1 + off)) < 1.1 / abs(off), off
    # Just above it, what settles at length 0 below settles where chi - 1 is of the second order.
    small = (name, critical) in (("tanh", 1.0), ("elu", 1.0))
    for off in (0.01,) if small else (1e-6, 1e-9):
        assert scale(critical * (1 + off)) < (1e6 if small else 1.1 / off), off
    if (name, parameters, critical) in LINEAR:
        assert scale(critical * (1 - 1e-6)) == pytest.approx(1e6, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "sigma_w2", "sigma_b2", "settles"),
    [("elu", 2.0, 0.0, math.inf), ("softplus", 2.0, 0.0, math.inf), ("tanh", 1.0, 0.0, 0.0), ("relu", 2.0, 0.0, 2.0)],
)
def test_a_length_that_slows_down_has_not_settled_by_that(name, sigma_w2, sigma_b2, settles):
    assert mean_field.settled_length(phi(name), sigma_w2, sigma_b2) == settles


@pytest.mark.parametrize("q", [0.0, 1e-300, 1e300, math.inf])
def test_lengths_beyond_a_float32_have_their_limits(q):
    linear = phi("identity").moments(q)
    assert linear.slope_square == pytest.approx(1)
    assert phi("relu").moments(q).slope_square == pytest.approx(0.5)
    assert phi("tanh").moments(q).slope_square == pytest.approx(1.0 if q < 1 else 0.0, abs=1e-9)


def test_a_length_that_is_no_number_has_no_moments():
    assert all(math.isnan(value) for value in phi("relu").moments(math.nan))


@pytest.mark.parametrize("batch", [6, 17])
def test_numbers_normalized_together_lie_on_a_sphere(batch):
    z = np.random.default_rng(0).normal(size=(100_000, batch))
    z = (z - z.mean(1, keepdims=True)) / z.std(1, keepdims=True)
    for name in ("identity", "tanh", "relu"):
        value, slope = (part.numpy() for part in ACTIVATIONS[name](torch.from_numpy(z.copy())))
        found = phi(name).moments(1.0, batch)
        assert found.mean == pytest.approx(value.mean(), abs=2e-3)
        assert found.square == pytest.approx((value**2).mean(), abs=3e-3)
        assert found.slope_square == pytest.approx((slope**2).mean(), abs=3e-3)
        assert found.slope_moment == pytest.approx((z**2 * slope**2).mean(), abs=3e-3)
