"""Activations: the function behind every hidden layer, with its own derivative.

An activation takes the pre-activation x, of any shape, and returns ``(phi(x), phi'(x))``, both of x's shape and dtype.
The derivative is made along with the value because they share their costly part (an exponential). Written for few
passes over memory: comparisons that write floats are far cheaper on a CPU than a ``torch.where``.

A new activation is one function here, one line in ``ACTIVATIONS`` and one file ``conf/activation/<name>.yaml``.
"""

import math
from collections.abc import Callable, Sequence
from typing import Annotated

import torch
from torch import Tensor

ValueAndDerivative = tuple[Tensor, Tensor]


def _positive(x: Tensor) -> Tensor:
    """Return 1 where x > 0 and 0 elsewhere, as floats."""
    return torch.gt(x, 0, out=torch.empty_like(x))


def _logistic(x: Tensor) -> Tensor:
    """Return 1 / (1 + exp(-x)).

    Not ``torch.sigmoid``: in float32 its vectorized body and the tail of an array round differently, so that a number
    would depend on its place in the array, and a cell on its place in the stack.
    """
    return x.neg().exp_().add_(1.0).reciprocal_()


TANH_NUMERATOR = (1.0, 1.3400467e-1, 3.5187444e-3, 2.099384e-5, 1.3897647e-8)
TANH_DENOMINATOR = (1.0, 4.6733788e-1, 2.5964895e-2, 3.3236487e-4, 7.9965326e-7)
"""P and Q of tanh x = x P(x^2) / Q(x^2), from the constant on: the ratio of least greatest relative error, 1.5e-8, for
x in [-8.7, 8.7], found by weighted least squares in float64. All are positive, so nothing cancels, and small numbers
keep their relative accuracy. That matters where signals vanish, and torch's compiler loses it: its expm1 is exp - 1."""

TANH_IS_ONE = 9.5
"""Here the ratio has passed 1, which tanh is in float32 from 9.02 on."""


def _tanh(x: Tensor) -> Tensor:
    """Return tanh x: in float32 on a CPU to a relative error of 4e-7 and faster than torch's, which it is elsewhere."""
    if not _is_float32_on_cpu(x):
        return torch.tanh(x)
    # Of a larger x only the square is bounded: the ratio goes on to grow, and does not overflow before its own bounds.
    square = (x * x).clamp_max_(TANH_IS_ONE**2)
    return _polynomial(square, TANH_NUMERATOR).mul_(x).div_(_polynomial(square, TANH_DENOMINATOR)).clamp_(-1.0, 1.0)


def _expm1_of_negative(x: Tensor) -> Tensor:
    """Return exp(min(x, 0)) - 1 = 2 t / (1 - t) with t = tanh(x / 2), as exact and fast as ``_tanh``."""
    if not _is_float32_on_cpu(x):
        return torch.clamp_max(x, 0.0).expm1_()
    x = torch.clamp(x, -2.0 * TANH_IS_ONE, 0.0)
    square = x * x
    # The halves of x go into the coefficients, where they cost nothing: powers of two, so exact.
    numerator, denominator = ([c / 4.0**n for n, c in enumerate(of)] for of in (TANH_NUMERATOR, TANH_DENOMINATOR))
    top = _polynomial(square, numerator).mul_(x)
    return top.div_(_polynomial(square, denominator).sub_(top, alpha=0.5)).clamp_min_(-1.0)


def _is_float32_on_cpu(x: Tensor) -> bool:
    return x.dtype == torch.float32 and x.device.type == "cpu"


def _polynomial(x: Tensor, coefficients: Sequence[float]) -> Tensor:
    """Return the polynomial with these coefficients, from the constant on, by Horner's rule."""
    *rest, second, first = coefficients
    value = torch.add(x.new_full((), second), x, alpha=first)
    for coefficient in reversed(rest):
        torch.addcmul(x.new_full((), coefficient), value, x, out=value)
    return value


def identity(x: Tensor) -> ValueAndDerivative:
    """phi(x) = x: a deep linear network (Saxe et al. 2014)."""
    return x, torch.ones_like(x)


def logistic(x: Tensor) -> ValueAndDerivative:
    """phi(x) = 1 / (1 + exp(-x)), phi' = phi (1 - phi), at most 1/4 (Rumelhart et al. 1986)."""
    y = _logistic(x)
    return y, torch.addcmul(y, y, y, value=-1.0)


def tanh(x: Tensor) -> ValueAndDerivative:
    """phi(x) = tanh x, phi' = 1 - phi^2 (LeCun et al. 1998)."""
    y = _tanh(x)
    return y, torch.addcmul(y.new_ones(()), y, y, value=-1.0)


def relu(x: Tensor) -> ValueAndDerivative:
    """phi(x) = max(x, 0), phi' = 1 for x > 0 and 0 elsewhere, at 0 too (Nair & Hinton 2010)."""
    return torch.clamp_min(x, 0.0), _positive(x)


def leaky_relu(x: Tensor, *, slope: Annotated[float, "[0, 1]"] = 0.01) -> ValueAndDerivative:
    """phi(x) = x for x > 0, slope * x elsewhere (Maas et al. 2013)."""
    derivative = _positive(x).clamp_min_(slope)
    return x * derivative, derivative


def elu(x: Tensor, *, alpha: Annotated[float, "(0, inf)"] = 1.0) -> ValueAndDerivative:
    """phi(x) = x for x > 0, alpha (exp x - 1) elsewhere; phi' = alpha exp x there (Clevert et al. 2015, equation 15).

    At 0 the derivative is alpha, the one from the left, as in torch.
    """
    negative = _expm1_of_negative(x)
    value = torch.clamp_min(x, 0.0).add_(negative, alpha=alpha)
    if alpha == 1.0:
        return value, negative.add_(1.0)
    return value, negative.add_(1.0).mul_(alpha).add_(_positive(x), alpha=1.0 - alpha)


SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def selu(x: Tensor) -> ValueAndDerivative:
    """phi(x) = lambda ELU(x; alpha) with the fixed point at mean 0, variance 1 (Klambauer et al. 2017, equation 2)."""
    value, derivative = elu(x, alpha=SELU_ALPHA)
    return value.mul_(SELU_SCALE), derivative.mul_(SELU_SCALE)


def gelu(x: Tensor) -> ValueAndDerivative:
    """phi(x) = x Phi(x) with the normal distribution function, not its tanh fit (Hendrycks & Gimpel 2016)."""
    distribution = torch.erf(x * math.sqrt(0.5)).add_(1.0).mul_(0.5)
    density = torch.exp(-0.5 * x * x) * (1.0 / math.sqrt(2.0 * math.pi))
    return x * distribution, torch.addcmul(distribution, x, density)


def silu(x: Tensor) -> ValueAndDerivative:
    """phi(x) = x s(x) with the logistic s; phi' = s + phi (1 - s) (Elfwing et al. 2018, equation 6)."""
    s = _logistic(x)
    value = x * s
    return value, torch.addcmul(s, value, 1.0 - s)


def softplus(x: Tensor) -> ValueAndDerivative:
    """phi(x) = ln(1 + exp x) = max(x, 0) + ln(1 + exp(-abs x)); phi' is the logistic (Dugas et al. 2001)."""
    return torch.clamp_min(x, 0.0).add_(x.abs().neg_().exp_().log1p_()), _logistic(x)


ACTIVATIONS: dict[str, Callable[..., ValueAndDerivative]] = {
    "identity": identity,
    "logistic": logistic,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "selu": selu,
    "gelu": gelu,
    "silu": silu,
    "softplus": softplus,
}
