"""What theory says of a wide network before its first step, for any activation: the mean field of its signals.

In a wide layer a pre-activation is a normal variable of mean 0 and second moment q, the *length*. With z ~ N(0, 1):

    q' = sigma_w^2 E phi(sqrt(q) z)^2 + sigma_b^2         the length map (Poole et al. 2016, equation 3)
    chi = sigma_w^2 E phi'(sqrt(q) z)^2                   the gradient factor (Schoenholz et al. 2017, equation 5)

and delta's mean square shrinks or grows by chi from a layer to the one before it. sigma_w^2 is the fan-in times the
variance of a weight, sigma_b^2 the variance of a bias. The expectations are sums over the nodes on which the study has
tabulated its activations (``records.ACTIVATIONS``), so a new activation needs no line here.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from ablation.reporting.statistics.intervals import Floats

SPAN = 240
"""Lengths lie from 2^-SPAN to 2^SPAN, about those that a float32 can hold the root of; beyond, they are 0 and inf."""
REACH = 38.0
"""Standard deviations beyond which a normal density is 0 in double precision."""
TRAINED = 6
"""Depth scales up to which networks train (Schoenholz et al. 2017, section 5)."""
FLAT = 1e-12
"""Relative difference that is none between a length and the next: of maps without any the quadrature makes 1.5e-14."""
CRITICAL = 1e-11
"""Distance of ln chi from 0 that is none: the quadrature's is 1e-15, but tables keep 12 digits of a sigma_w^2."""


class Moments(NamedTuple):
    """Expectations over the pre-activation x = sqrt(q) z of an activation and its derivative."""

    mean: float
    """E phi."""
    square: float
    """E phi^2."""
    fourth: float
    """E (phi - E phi)^4."""
    product: float
    """E z phi."""
    slope_mean: float
    """E phi'."""
    slope_square: float
    """E phi'^2."""
    slope_fourth: float
    """E phi'^4."""
    slope_product: float
    """E z phi'."""
    slope_moment: float
    """E z^2 phi'^2."""
    slope_centred: float
    """E phi'^2 (phi - E phi)^2."""

    @property
    def variance(self) -> float:
        """Var phi, from 0."""
        return max(self.square - self.mean**2, 0.0)


@dataclass(frozen=True)
class Activation:
    """An activation on the nodes of a quadrature over the real line: ``x`` ascending, the weights of dx, phi, phi'."""

    x: Floats
    weight: Floats
    value: Floats
    derivative: Floats
    known: dict[tuple[float, int | None], Moments] = field(default_factory=dict, init=False, repr=False)

    @classmethod
    def of(cls, activations: pd.DataFrame, label: str) -> "Activation":
        """The activation of this label in ``activations.parquet``."""
        own = activations[activations["activation"] == label].sort_values("x")
        return cls(*(own[name].to_numpy(dtype=np.float64) for name in ("x", "weight", "value", "derivative")))

    def moments(self, q: float, batch: int | None = None) -> Moments:
        """Every expectation at the length q; at q = 0 their limits, NaN where q is no number.

        With a ``batch``, z is no normal number but one of so many that were normalized together: a coordinate of a
        point on the sphere that is left of B dimensions without their mean, of density (1 - z^2 / (B-1))^((B-4)/2).
        """
        if np.isnan(q):
            return Moments(*[np.nan] * len(Moments._fields))
        q = min(max(float(q), 2.0**-SPAN), 2.0**SPAN)
        if (q, batch) not in self.known:
            self.known[q, batch] = self._integrate(q, batch)
        return self.known[q, batch]

    def _integrate(self, q: float, batch: int | None) -> Moments:
        reach = np.sqrt(q) * (REACH if batch is None else min(REACH, np.sqrt(batch - 1)))
        low, high = np.searchsorted(self.x, [-reach, reach])
        z, phi, slope = self.x[low:high] / np.sqrt(q), self.value[low:high], self.derivative[low:high]
        log = -0.5 * z * z if batch is None else (batch - 4) / 2 * np.log1p(-z * z / (batch - 1))
        density = np.exp(log) * self.weight[low:high]
        density /= np.sqrt(2 * np.pi * q) if batch is None else density.sum()
        mean = float(density @ phi)
        slopes = density * slope * slope
        return Moments(
            mean,
            float(density @ (phi * phi)),
            float(density @ (phi - mean) ** 4),
            float((density * z) @ phi),
            float(density @ slope),
            float(slopes.sum()),
            float(slopes @ (slope * slope)),
            float((density * z) @ slope),
            float(slopes @ (z * z)),
            float(slopes @ (phi - mean) ** 2),
        )


def length_map(phi: Activation, q: float, sigma_w2: float, sigma_b2: float = 0.0) -> float:
    """The next layer's length."""
    return sigma_w2 * phi.moments(q).square + sigma_b2


def gradient_factor(phi: Activation, q: float, sigma_w2: float) -> float:
    """chi: delta's mean square at a layer of length q over that at the layer behind it, for layers of equal width."""
    return sigma_w2 * phi.moments(q).slope_square


def lengths(phi: Activation, first: float, sigma_w2: Floats, sigma_b2: Floats) -> Floats:
    """The length at every layer, iterated from that of the first; entry l of the variances is of the layer l + 1."""
    found = [first]
    for w, b in zip(sigma_w2, sigma_b2, strict=True):
        found.append(length_map(phi, found[-1], float(w), float(b)))
    return np.array(found)


def settled_length(phi: Activation, sigma_w2: float, sigma_b2: float = 0.0, start: float | None = None) -> float:
    """q*: where the length map, iterated from ``start`` (unit inputs where not given), settles; 0 or inf among them.

    The map rises with q, so it moves from the start steadily to the nearest length that it leaves where it is. One that
    slows down below ``FLAT`` has not settled by that: with elu and sigma_w^2 = 2 a length grows by nearly 1 a layer,
    without end. It has settled there if a little further on it would move back, and else it goes on to 0 or inf.
    """
    start = sigma_w2 + sigma_b2 if start is None else start

    def drift(exponent: float) -> float:
        q = 2.0**exponent
        change = length_map(phi, q, sigma_w2, sigma_b2) / q - 1
        return 0.0 if abs(change) < FLAT else change

    if start <= 0:
        return 0.0
    here = float(np.log2(start))
    way = np.sign(drift(here))
    if way == 0:
        return start
    # Whole exponents, so that the integrals there serve every call.
    steps = np.arange(np.floor(here) + 1, SPAN + 1) if way > 0 else np.arange(np.ceil(here) - 1, -SPAN - 1, -1)
    for there in steps.tolist():
        sign = np.sign(drift(there))
        if sign == -way:
            return float(2.0 ** float(brentq(drift, min(here, there), max(here, there), xtol=1e-12)))
        if sign == way:
            here = there
    return float("inf") if way > 0 else 0.0


def settled_factor(phi: Activation, sigma_w2: float, sigma_b2: float = 0.0) -> float:
    """chi*: the gradient factor at the length where the map settles."""
    return gradient_factor(phi, settled_length(phi, sigma_w2, sigma_b2), sigma_w2)


def depth_scale(chi: float) -> float:
    """xi = 1 / abs(ln chi): layers over which delta's mean square changes by a factor e (Schoenholz et al. 2017).

    They give -1 / ln chi for chi below 1; above it the same says how soon the gradient explodes. It is infinite where
    chi cannot be told from 1 (``CRITICAL``).
    """
    if not chi > 0:
        return 0.0
    return float("inf") if abs(np.log(chi)) < CRITICAL else float(1 / abs(np.log(chi)))


def trained_depth(chi: float) -> float:
    """6 xi: the layers up to which a network of this gradient factor trains; infinite where it is critical."""
    return TRAINED * depth_scale(chi)


def critical_sigma_w2(phi: Activation) -> float:
    """The smallest sigma_w^2 at which chi* reaches 1, without bias and from unit inputs; NaN if it never does.

    An activation that flattens toward 0 (gelu, silu) jumps there: below, its lengths go to 0; above, to infinity.
    """
    return _smallest(lambda sigma_w2: settled_factor(phi, sigma_w2) >= 1 - 1e-9)


def _smallest(holds: Callable[[float], bool]) -> float:
    exponents = np.arange(-4.0, 14.5, 0.5)
    true = next((place for place, exponent in enumerate(exponents) if holds(2.0**exponent)), None)
    if true is None or true == 0:
        return float("nan")
    low, high = exponents[true - 1], exponents[true]
    while high - low > 1e-8:
        middle = (low + high) / 2
        low, high = (low, middle) if holds(2.0**middle) else (middle, high)
    return float(2.0**high)


def preserving_sigma_w2(phi: Activation) -> float:
    """1 / E phi(z)^2: the sigma_w^2 at which a layer hands on pre-activations of variance 1 with variance 1."""
    return 1 / phi.moments(1.0).square


def batch_norm_rate(phi: Activation) -> float:
    """E phi'^2 / Var phi at q = 1: chi with batch normalization before the activation, for a large batch.

    It exceeds 1 for every activation that is not linear, whatever the initializer (Yang et al. 2019, section 4).
    """
    moments = phi.moments(1.0)
    return moments.slope_square / moments.variance if moments.variance > 0 else float("nan")
