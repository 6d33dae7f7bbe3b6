"""The accelerated failure time model against lifelines' numbers, its derivatives, and what it is for."""

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import integrate, stats

from ablation.reporting.statistics.failure_time import LOGISTIC, NORMAL, _Ends, completed, fit

KNOWN = json.loads(Path(__file__).with_name("lifelines.json").read_text("utf-8"))
"""Of LogNormalAFTFitter and LogLogisticAFTFitter, ``fit_interval_censoring``: 60 times, two factors, 9 censored."""
LAWS = {"normal": NORMAL, "logistic": LOGISTIC}
CLOCK = np.array([0, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, *range(4, 16)])


def seen(times, clock=CLOCK):
    """ln of the ends of the interval between evaluations in which each time lies."""
    place = np.searchsorted(clock, times)
    beyond = place == len(clock)
    with np.errstate(divide="ignore"):
        lower = np.log(np.where(beyond, clock[-1], clock[np.maximum(place, 1) - 1]))
        upper = np.log(clock[np.clip(place, 1, len(clock) - 1)])
    return lower, np.where(beyond, np.inf, upper)


def design():
    a, b = np.tile([0.0, 1.0], 30), np.repeat([0, 1, 2], 20)
    return np.stack([np.ones(60), a, b == 1, b == 2], axis=1).astype(float)


def known():
    with np.errstate(divide="ignore"):
        lower = np.log(np.array(KNOWN["lower"]))
    return lower, np.log([np.inf if end is None else end for end in KNOWN["upper"]])


@pytest.mark.parametrize("law", LAWS)
def test_without_priors_it_is_lifelines(law):
    assert KNOWN["made_with"] == "lifelines 0.30.3"
    found = fit(design(), *known(), LAWS[law], wide=np.inf, usual=None)
    assert found.coefficients == pytest.approx(KNOWN[law]["coefficients"], abs=2e-6)
    assert found.sigma == pytest.approx(KNOWN[law]["sigma"], rel=1e-5)
    assert found.log_likelihood == pytest.approx(KNOWN[law]["log_likelihood"], abs=1e-6)


def test_the_priors_change_little_where_cells_speak():
    found, free = fit(design(), *known()), fit(design(), *known(), wide=np.inf, usual=None)
    assert found.coefficients == pytest.approx(free.coefficients, rel=0.01)
    assert found.sigma == pytest.approx(free.sigma, rel=0.01)


@pytest.mark.parametrize("law", LAWS)
def test_derivatives_are_those_of_the_posterior(law):
    x = design()
    ends = _Ends(x, *known(), LAWS[law], np.array([0, 0.01, 0.01, 0.01]), 0.3)
    at = np.array([3.0, -2.0, 0.5, 1.5, 2.2])
    _, slope, curve = ends.derivatives(at)
    for place in range(len(at)):
        step = np.zeros(len(at))
        step[place] = 1e-5
        ahead, behind = ends.derivatives(at + step), ends.derivatives(at - step)
        assert slope[place] == pytest.approx((ahead[0] - behind[0]) / 2e-5, abs=1e-5)
        assert -curve[place] == pytest.approx((ahead[1] - behind[1]) / 2e-5, rel=1e-5, abs=1e-5)


def test_completed_times_are_the_expected_ones_and_give_the_coefficients_again():
    found = fit(design(), *known(), wide=np.inf)
    mean, variance = completed(found)
    for place in (0, 7, 31, 59):
        low, high = found.low[place], min(found.high[place], 40.0)
        low = max(low, -40.0)
        mass = integrate.quad(stats.norm.pdf, low, high)[0]
        first = integrate.quad(lambda z: z * stats.norm.pdf(z), low, high)[0] / mass
        second = integrate.quad(lambda z: z * z * stats.norm.pdf(z), low, high)[0] / mass
        assert mean[place] == pytest.approx(found.linear[place] + found.sigma * first, abs=1e-7)
        assert variance[place] == pytest.approx(found.sigma**2 * (second - first**2), abs=1e-7)
    assert np.linalg.lstsq(design(), mean, rcond=None)[0] == pytest.approx(found.coefficients, abs=1e-7)


@pytest.mark.parametrize("ratio", [0.4, 0.5, 0.9])
@pytest.mark.parametrize("clock", [CLOCK, np.arange(16.0)])
def test_a_planted_ratio_comes_out_whatever_is_censored_and_rounded(ratio, clock):
    """Where min(T, H) in whole epochs would put it a fifth too near to 1."""
    rng, x = np.random.default_rng(5), np.ones((400, 2))
    x[::2, 1] = -1
    factor = np.where(x[:, 1] > 0, ratio, 1.0)
    base = np.geomspace(1, 40, 400)
    columns = np.hstack([x, np.log(base)[:, None]])
    told, plain = [], []
    for _ in range(30):
        times = base * factor * np.exp(0.35 * rng.standard_normal(400))
        lower, upper = seen(times, clock)
        assert 0.05 < np.isinf(upper).mean() < 0.35
        told.append(2 * fit(columns, lower, upper).coefficients[1])
        y = np.minimum(upper, np.log(15))
        plain.append(y[x[:, 1] > 0].mean() - y[x[:, 1] < 0].mean())
    assert np.exp(np.mean(told)) == pytest.approx(ratio, rel=0.02)
    if ratio < 0.6 and len(clock) == 16:
        assert np.exp(np.mean(plain)) > 1.08 * ratio


def test_what_nobody_saw_is_finite_and_beyond_the_horizon():
    """A level of which no cell arrives, and as many parameters as cells: both have no largest likelihood."""
    x = np.ones((20, 2))
    x[10:, 1] = -1
    upper = np.where(x[:, 1] > 0, np.log(3.0), np.inf)
    lower = np.where(x[:, 1] > 0, np.log(2.0), np.log(15.0))
    found = fit(x, lower, upper)
    assert np.log(15) < found.linear[-1] < np.log(15) + 3
    assert np.log(2) < found.linear[0] < np.log(3)
    alone = fit(np.array([[1.0, 1.0], [1.0, -1.0]]), np.log([2.0, 4.0]), np.log([2.5, 5.0]))
    assert np.log(2) < alone.linear[0] < np.log(2.5)
    assert np.log(4) < alone.linear[1] < np.log(5)
    assert 0 < alone.sigma < 1


@pytest.mark.parametrize("law", LAWS)
def test_far_tails_have_their_digits(law):
    """An interval some hundred sigma away, open to either side, or of no width at all."""
    x = np.ones((4, 1))
    lower, upper = np.array([-300.0, -np.inf, 300.0, 0.0]), np.array([-299.0, -250.0, np.inf, 0.0])
    found = fit(x, lower, upper, LAWS[law])
    assert np.isfinite([found.sigma, found.log_likelihood, *found.linear]).all()
