"""An accelerated failure time model of the time to target: what a choice multiplies the time by.

    ln T = x' beta + sigma e,   e standard normal: T is log-normal; or e standard logistic: T is log-logistic

(Kalbfleisch & Prentice 2002, section 2.2.2). A cell's T is never seen, but known to lie between two evaluations, or
after the last: T in (lower, upper], which is what its likelihood is of, F(ln upper) - F(ln lower). So nothing is made
of the horizon or of whole epochs but what they are.

With theta = 1 / sigma and gamma = beta / sigma the log-likelihood is concave in (gamma, theta) (Olsen 1978; Burridge
1981), for both distributions, and Newton's method finds its one maximum from anywhere. Where it has none, as where no
cell with some level ever arrives, or where as many parameters as cells explain all, a weak **prior** keeps the estimate
finite: gamma of the terms, whose columns have mean square 1, is normal with standard deviation ``WIDE``, and theta has
the weight of a single observation towards sigma = ``USUAL``. Where a hundred cells speak it changes the third digit of
sigma and less of all else (``tests/reporting/statistics/test_failure_time.py``).
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.special import expit, log_expit, log_ndtr

from ablation.reporting.statistics.intervals import Floats

WIDE = 10.0
"""Standard deviation of the prior of a term's coefficient over sigma."""
USUAL = 0.3
"""The sigma that the prior takes for the likeliest: a third, as runs that differ by their seed alone do."""
STEPS = 200
CLOSE = 1e-10
"""Newton's steps end where the next would raise the log-posterior by less than this."""
NARROW = 1e-9
"""Least width of an interval on the logarithmic scale; a narrower one would have no digits left."""


class Law(Protocol):
    """A standard distribution, symmetric about zero."""

    def log_cdf(self, z: Floats) -> Floats:
        """ln F(z)."""

    def log_density(self, z: Floats) -> Floats:
        """ln f(z)."""

    def slope(self, z: Floats) -> Floats:
        """f'(z) / f(z)."""


class Normal:
    """Of the logarithm of a log-normal time."""

    def log_cdf(self, z: Floats) -> Floats:
        """ln Phi(z)."""
        return np.asarray(log_ndtr(z))

    def log_density(self, z: Floats) -> Floats:
        """ln phi(z)."""
        return np.asarray(-0.5 * z * z - 0.5 * np.log(2 * np.pi))

    def slope(self, z: Floats) -> Floats:
        """-z."""
        return -z


class Logistic:
    """Of the logarithm of a log-logistic time."""

    def log_cdf(self, z: Floats) -> Floats:
        """ln of the logistic function."""
        return np.asarray(log_expit(z))

    def log_density(self, z: Floats) -> Floats:
        """ln s(z) + ln s(-z)."""
        return np.asarray(log_expit(z) + log_expit(-z))

    def slope(self, z: Floats) -> Floats:
        """1 - 2 s(z)."""
        return np.asarray(1 - 2 * expit(z))


NORMAL, LOGISTIC = Normal(), Logistic()


@dataclass(frozen=True)
class Fit:
    """A fitted model.

    Attributes:
        linear: x' beta of every observation.
        coefficients: beta.
        sigma: the scale.
        log_likelihood: without the priors.
        low, high: the standardized residuals' intervals, (ln lower - x' beta) / sigma and likewise.
    """

    linear: Floats
    coefficients: Floats
    sigma: float
    log_likelihood: float
    low: Floats
    high: Floats


def fit(
    x: Floats,
    lower: Floats,
    upper: Floats,
    law: Law = NORMAL,
    wide: float = WIDE,
    usual: float | None = USUAL,
) -> Fit:
    """The model with the largest posterior.

    Args:
        x: a row an observation, the first column ones, the others of mean square about 1.
        lower: ln of the time after which each is known to arrive, minus infinity for none.
        upper: ln of that by which it has, infinity where it never does.
        law: the distribution.
        wide: the prior's standard deviation of gamma; infinite for none.
        usual: the prior's likeliest sigma; None for no prior.
    """
    upper = np.maximum(upper, lower + NARROW)
    weight = np.full(x.shape[1], 1 / wide**2)
    weight[0] = 0.0
    ends = _Ends(x, lower, upper, law, weight, usual)
    at = ends.start()
    value, slope, curve = ends.derivatives(at)
    for _ in range(STEPS):
        step = np.linalg.solve(curve, slope)
        gain, size = float(slope @ step), 1.0
        # Of a concave function, so that a short enough step always climbs.
        while (found := ends.value(at + size * step)) < value + 1e-4 * size * gain and size > 1e-12:
            size /= 2
        if not found > value:
            break
        at = at + size * step
        value, slope, curve = ends.derivatives(at)
        if gain < CLOSE:
            break
    gamma, theta = at[:-1], float(at[-1])
    low, high = ends.residuals(at)
    likelihood = float(_log_mass(low, high, law).sum())
    return Fit(x @ gamma / theta, gamma / theta, 1 / theta, likelihood, low, high)


def completed(found: Fit) -> tuple[Floats, Floats]:
    """ln T of every observation as the log-normal model expects it to be within its interval, and its variance there.

    E[z | a < z < b] = (phi(a) - phi(b)) / (Phi(b) - Phi(a)); least squares of these numbers give the model's own
    coefficients again (Dempster, Laird & Rubin 1977, section 4.3), so that whatever is linear in a response can be had
    of times that were never seen.
    """
    at_low, at_high = _densities(found.low, found.high, NORMAL)
    mean = at_low - at_high
    variance = 1 + _product(found.low, at_low) - _product(found.high, at_high) - mean**2
    return found.linear + found.sigma * mean, found.sigma**2 * np.clip(variance, 0, None)


class _Ends:
    """The log-posterior of (gamma, theta), its gradient and minus its second derivatives."""

    def __init__(self, x: Floats, lower: Floats, upper: Floats, law: Law, weight: Floats, usual: float | None) -> None:
        self._x, self._law, self._weight, self._usual = x, law, weight, usual
        self._lower, self._upper = lower, upper
        self._known = np.where(np.isfinite(lower), lower, 0.0), np.where(np.isfinite(upper), upper, 0.0)

    def start(self) -> Floats:
        middle = np.where(np.isfinite(self._upper), self._known[1], self._known[0])
        gamma = np.zeros(self._x.shape[1])
        theta = 1 / (self._usual or USUAL)
        gamma[0] = theta * middle.mean()
        return np.append(gamma, theta)

    def residuals(self, at: Floats) -> tuple[Floats, Floats]:
        linear = self._x @ at[:-1]
        return at[-1] * self._lower - linear, at[-1] * self._upper - linear

    def value(self, at: Floats) -> float:
        if at[-1] <= 0:
            return -np.inf
        prior = -0.5 * float(self._weight @ at[:-1] ** 2)
        if self._usual is not None:
            prior += float(np.log(at[-1]) - self._usual * at[-1])
        return float(_log_mass(*self.residuals(at), self._law).sum()) + prior

    def derivatives(self, at: Floats) -> tuple[float, Floats, Floats]:
        low, high = self.residuals(at)
        at_low, at_high = _densities(low, high, self._law)
        # First and second derivatives of ln(F(high) - F(low)).
        by_low, by_high = -at_low, at_high
        slope_low, slope_high = (self._law.slope(np.where(np.isfinite(z), z, 0.0)) for z in (low, high))
        low_low = -at_low * slope_low - at_low**2
        high_high = at_high * slope_high - at_high**2
        both = at_low * at_high
        x, (lower, upper) = self._x, self._known
        slope = np.append(-x.T @ (by_low + by_high), lower @ by_low + upper @ by_high)
        slope[:-1] -= self._weight * at[:-1]
        size = x.shape[1]
        curve = np.empty((size + 1, size + 1))
        curve[:-1, :-1] = -(x.T * (low_low + 2 * both + high_high)) @ x + np.diag(self._weight)
        curve[:-1, -1] = curve[-1, :-1] = x.T @ (lower * (low_low + both) + upper * (high_high + both))
        curve[-1, -1] = -(lower**2 @ low_low + 2 * (lower * upper) @ both + upper**2 @ high_high)
        if self._usual is not None:
            slope[-1] += 1 / at[-1] - self._usual
            curve[-1, -1] += 1 / at[-1] ** 2
        return self.value(at), slope, curve


def _log_mass(low: Floats, high: Floats, law: Law) -> Floats:
    """ln(F(high) - F(low)), with all its digits in either tail."""
    mirrored = low > 0
    low, high = np.where(mirrored, -high, low), np.where(mirrored, -low, high)
    above = law.log_cdf(high)
    with np.errstate(invalid="ignore", divide="ignore"):
        rest = np.where(np.isneginf(low), 0.0, np.exp(law.log_cdf(low) - above))
        return np.asarray(above + np.log1p(-rest))


def _densities(low: Floats, high: Floats, law: Law) -> tuple[Floats, Floats]:
    """f(low) and f(high) over the mass between; 0 at an infinite end."""
    mass = _log_mass(low, high, law)
    with np.errstate(invalid="ignore"):
        at_low, at_high = (np.where(np.isfinite(z), np.exp(law.log_density(z) - mass), 0.0) for z in (low, high))
    return at_low, at_high


def _product(z: Floats, density: Floats) -> Floats:
    return np.where(np.isfinite(z), np.where(np.isfinite(z), z, 0.0) * density, 0.0)
