"""What theory is given: the quadrature against closed forms, and every initializer's variance against its formula."""

import math

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.integrate import quad

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.initializers import INITIALIZERS, Draws
from ablation.records.files import read_results
from ablation.studies.cells import expand
from ablation.studies.run import prepared_cards, run_study
from ablation.studies.theory_inputs import activation_values, layer_variances, quadrature, weight_variances
from ablation.training.spec import Level

SPREADS = [2.0**k for k in (-120, -60, -13, -1.3, 0, 0.6, 5, 60, 120)]


def mean(values, x, weight, spread):
    return float(np.sum(values * weight * stats.norm.pdf(x, scale=spread)))


@pytest.mark.parametrize("spread", SPREADS)
def test_the_rule_is_exact_for_a_normal_density_of_any_width_and_a_kink_at_zero(spread):
    x, weight = quadrature()
    known = {
        "one": (np.ones_like(x), 1.0),
        "square": (x**2, spread**2),
        "half": ((x > 0).astype(float), 0.5),
        "positive part": (np.maximum(x, 0), spread / math.sqrt(2 * math.pi)),
        "positive part squared": (np.maximum(x, 0) ** 2, spread**2 / 2),
    }
    for name, (values, truth) in known.items():
        assert mean(values, x, weight, spread) == pytest.approx(truth, rel=1e-12), name


@pytest.mark.parametrize("corner", [0.5, 1.0, 3.0, 6.0])
def test_corners_at_multiples_of_a_half_are_exact_too(corner):
    x, weight = quadrature()
    assert mean((x > corner).astype(float), x, weight, 2.0) == pytest.approx(stats.norm.sf(corner / 2), rel=1e-12)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_no_activation_is_smoother_than_the_rule_can_tell(name):
    """Against adaptive integration of each half-line, by an algorithm that shares no node with the rule."""
    x, weight = quadrature()
    phi = ACTIVATIONS[name]
    value, derivative = (part.numpy() for part in phi(torch.from_numpy(x.copy())))
    for spread in (0.1, 1.0, 7.0):
        for place, values in enumerate((value, derivative)):

            def integrand(z, place=place, spread=spread):
                at = torch.tensor([z * spread], dtype=torch.float64)
                return float(phi(at)[place]) ** 2 * stats.norm.pdf(z)

            truth = sum(quad(integrand, *ends, epsabs=1e-13, epsrel=1e-12)[0] for ends in ((-12, 0), (0, 12)))
            assert mean(values**2, x, weight, spread) == pytest.approx(truth, rel=1e-10)


VARIANCES = {
    "zeros": (0, 0),
    "normal": (40 * 0.01**2, 0),
    "torch_default": (1 / 3, 1 / 120),
    "lecun_normal": (1, 0),
    "lecun_uniform": (1, 0),
    "xavier_normal": (2 * 40 / 100, 0),
    "xavier_uniform": (2 * 40 / 100, 0),
    "he_normal": (2, 0),
    "he_uniform": (2, 0),
    "orthogonal": (40 / 60, 0),
    "slides_normal": (16 * 2 * 40 / 100, 0),
    "slides_uniform": (16 * 2 * 40 / 100, 0),
}
"""sigma_w^2 and sigma_b^2 of 40 inputs and 60 units before tanh, by the formulas of the papers."""


@pytest.mark.parametrize("init", VARIANCES)
def test_an_initializers_variance_is_that_of_its_formula(init):
    assert init in INITIALIZERS
    parameters = {"sigma": 0.01} if init == "normal" else {}
    sigma_w2, sigma_b2 = layer_variances(Level(init, parameters), "tanh", 40, 60)
    assert sigma_w2 == pytest.approx(VARIANCES[init][0], rel=1e-11)
    assert sigma_b2 == pytest.approx(VARIANCES[init][1], rel=1e-11)


@pytest.mark.parametrize("fan_in", [1, 2, 3, 7, 10, 32, 100, 333, 1000])
@pytest.mark.parametrize("fan_out", [1, 2, 10, 48])
def test_a_few_biases_have_the_variance_of_their_distribution_too(fan_in, fan_out, monkeypatch):
    """A normal and a uniform one of a user's own as well as torch's, by the formula of each."""
    monkeypatch.setitem(
        INITIALIZERS, "normal_biases", lambda draws: (draws.weight_IO / 3, draws.bias_O / math.sqrt(draws.fan_in))
    )
    monkeypatch.setitem(
        INITIALIZERS, "uniform_biases", lambda draws: (draws.weight_IO, 5 * torch.special.ndtr(draws.bias_O) - 2.5)
    )
    known = {"torch_default": (1 / 3, 1 / (3 * fan_in)), "normal_biases": (fan_in / 9, 1 / fan_in)}
    known |= {"uniform_biases": (fan_in, 25 / 12), "he_uniform": (2, 0), "he_normal": (2, 0)}
    for init, variances in known.items():
        assert layer_variances(Level(init, {}), "relu", fan_in, fan_out) == pytest.approx(variances, rel=1e-11), init


def test_another_distribution_is_known_well(monkeypatch):
    """Normal draws beyond two deviations set to these, whose variance has a closed form."""
    monkeypatch.setitem(INITIALIZERS, "clamped", lambda d: (d.weight_IO.clamp(-2, 2), d.bias_O.clamp(-2, 2)))
    variance = 1 - 2 * stats.norm.sf(2) - 4 * stats.norm.pdf(2) + 8 * stats.norm.sf(2)
    for shape in ((1, 1), (5, 3), (64, 10)):
        sigma_w2, sigma_b2 = layer_variances(Level("clamped", {}), "relu", *shape)
        assert (sigma_w2 / shape[0], sigma_b2) == pytest.approx((variance, variance), rel=1e-4)


@pytest.mark.parametrize("model", ["mlp", "residual"])
def test_the_output_layer_is_initialized_for_no_activation(study, model):
    given = study("activation=tanh", "init=slides_uniform", "depth=3", f"model={model}")
    rows = weight_variances(given, expand(given), prepared_cards(given)).to_pandas()
    fans = rows["fan_in"] / (rows["fan_in"] + rows["fan_out"])
    np.testing.assert_allclose(rows["sigma_w2"], np.multiply([32, 32, 32, 2], fans), rtol=1e-9)


@pytest.mark.parametrize("init", INITIALIZERS)
def test_every_initializer_has_the_variance_of_many_random_draws(init):
    squares = [
        INITIALIZERS[init](
            Draws(*(torch.randn(shape, dtype=torch.float64, generator=draw) for shape in ((30, 50), (50,))), "relu")
        )[0]
        ** 2
        for draw in (torch.Generator().manual_seed(seed) for seed in range(200))
    ]
    assert layer_variances(Level(init, {}), "relu", 30, 50)[0] == pytest.approx(
        30 * float(torch.stack(squares).mean()), rel=0.02
    )


@pytest.mark.parametrize("shape", [(1, 1), (2, 1), (1, 2), (3, 3)])
def test_the_smallest_layers_have_a_variance_too(shape):
    assert layer_variances(Level("he_normal", {}), "relu", *shape)[0] == pytest.approx(2.0)


def test_a_new_activation_and_a_new_initializer_need_no_other_line(study, monkeypatch):
    def hard_tanh(x):
        return x.clamp(-1, 1), (x.abs() < 1).to(x.dtype)

    def halves(draws):
        return torch.sign(draws.weight_IO) / 2, torch.full_like(draws.bias_O, 0.1)

    monkeypatch.setitem(ACTIVATIONS, "hard_tanh", hard_tanh)
    monkeypatch.setitem(INITIALIZERS, "halves", halves)
    small = study("~activation.relu", "+activation.hard_tanh={}", "~init.he_normal", "+init.halves={}", "depth=2")
    table = activation_values(small).to_pandas()
    one = mean(table["derivative"], table["x"], table["weight"], 1.0)
    assert one == pytest.approx(stats.norm.cdf(1) - stats.norm.cdf(-1), rel=1e-12)
    rows = weight_variances(small, expand(small), prepared_cards(small)).to_pandas()
    assert rows[["layer", "fan_in", "fan_out"]].to_numpy().tolist() == [[1, 64, 8], [2, 8, 8], [3, 8, 10]]
    np.testing.assert_allclose(rows["sigma_w2"], rows["fan_in"] / 4)
    np.testing.assert_allclose(rows["sigma_b2"], 0.01)
    run_study(small)
    assert (small.results_folder / "activations.parquet").exists()


def test_each_network_of_a_study_has_its_layers_once(study):
    given = study(
        "activation=[relu,tanh]", "depth=[1,3]", "seed=[0,1]", "lr=[0.1,1]", "+model.cone={kind: mlp, widths: [9, 4]}"
    )
    rows = weight_variances(given, expand(given), prepared_cards(given)).to_pandas()
    assert not rows.duplicated(["init", "activation", "data", "model", "depth", "width", "layer"]).any()
    assert len(rows) == 2 * (2 + 4 + 3)
    cone = rows[(rows["model"] == "cone") & (rows["activation"] == "relu")]
    assert cone[["depth", "width", "fan_in", "fan_out"]].to_numpy().tolist() == [
        [2, 9, 64, 9],
        [2, 9, 9, 4],
        [2, 9, 4, 10],
    ]


def test_a_study_without_training_is_probed_once(study):
    small = study("training.epochs=0", "seed=[0,1]", "normalization=[none,batch]")
    assert run_study(small).cells == 4
    results = read_results(small.results_folder)
    assert set(results.layers["step"]) == set(results.curves["step"]) == {0}
    assert (results.cells["status"] == "finished").all()
