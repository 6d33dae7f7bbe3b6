"""Activations: the function behind every hidden layer, with its own derivative.

An activation takes the pre-activation x, of any shape, and returns ``(phi(x), phi'(x))``, both of x's shape and dtype,
and both with all digits of that type wherever they are normal numbers: in a unit that saturates, the derivative is what
is left of the signal. So it comes from the exponential itself, never from a value that is nearly one. The two are made
together because they share that exponential.

Written for few passes over memory: on a CPU a bound, a maximum or a comparison that writes floats is twenty times as
fast as a ``torch.where``. And from operations alone that round a number alike wherever it stands in an array, so that
a cell's numbers do not depend on its place in the stack: ``torch.sigmoid`` and a few more do not.

A new activation is one function here, one line in ``ACTIVATIONS`` and one file ``conf/activation/<name>.yaml``.
"""

import math
from collections.abc import Callable
from typing import Annotated

import torch
from torch import Tensor

ValueAndDerivative = tuple[Tensor, Tensor]


def _positive(x: Tensor) -> Tensor:
    """Return 1 where x > 0 and 0 elsewhere, as floats."""
    return torch.gt(x, 0, out=torch.empty_like(x))


def _is_float32_on_cpu(x: Tensor) -> bool:
    return x.dtype == torch.float32 and x.device.type == "cpu"


def _number(value: float) -> Tensor:
    """Return a number as a tensor, made once: to make one takes as long as a fifth of a pass over a layer."""
    return torch.tensor(value, dtype=torch.float32, device="cpu")


ONE, FOUR = _number(1.0), _number(4.0)

LN2 = (0.693359375, -2.12194440054690583e-4)
"""ln 2 in two parts, the first of so few digits that its multiples up to 128 are exact."""

LARGEST_EXPONENT = 89.0
"""Half the exponential of it is a float32, and so large that the gap of tanh, two over that, is no normal number."""

GROWTH = (0.49999993451708563, 0.166665206898329, 0.041668387361206385, 0.008368709824169854, 0.0013814613264408004)
"""e^r - 1 is r + r^2 times this polynomial, from the constant on, for abs r up to ln 2 / 2; relative error 3e-9."""


def _power_and_growth(x: Tensor, exponent: int = 0) -> tuple[Tensor, Tensor]:
    """Return 2^(k + exponent) and e^r - 1 with exp x = 2^k e^r, in arithmetic.

    For a graph that is compiled for a CPU: a call of the library's exponential takes longer than all that is fused
    around it.
    """
    k = torch.round(x * math.log2(math.e))
    # 127 + k are the bits of a float's exponent, which stand above the 23 of its fraction; 0 of them mean 0.
    power = (k * 2.0**23 + (127.0 + exponent) * 2.0**23).to(torch.int32).view(torch.float32)
    r = (x - k * LN2[0]) - k * LN2[1]
    square = r * r
    a, b, c, d, e = GROWTH
    return power, r + square * ((a + b * r) + square * ((c + d * r) + square * e))


def identity(x: Tensor) -> ValueAndDerivative:
    """phi(x) = x: a deep linear network (Saxe et al. 2014)."""
    return x, torch.ones_like(x)


def logistic(x: Tensor) -> ValueAndDerivative:
    """phi(x) = 1 / (1 + exp(-x)), phi' = exp(-x) phi^2, at most 1/4 (Rumelhart et al. 1986)."""
    exponential = x.neg().exp_()
    y = torch.add(exponential, 1.0).reciprocal_()
    return y, exponential.clamp_max_(torch.finfo(x.dtype).max).mul_(y).mul_(y)


TANH_NEAR = 0.44
"""Up to here tanh x is x (a + b / (p + r x^2)), beyond it 1 - 2 / (1 + exp 2x), which is short of digits near 0."""

TANH_RATIO = (-3.000089411623163, -1.1984848945355155)
"""p and r, of least greatest relative error there, 1.7e-7. With a = 1 + 1 / r and b = -p / r its slope at 0 is 1."""

TANH_P, TANH_B = _number(TANH_RATIO[0]), _number(-TANH_RATIO[0] / TANH_RATIO[1])
TANH_AT_ONE = _number(1.0 / TANH_NEAR + TANH_RATIO[0] / TANH_RATIO[1] / (TANH_RATIO[0] + TANH_RATIO[1] * TANH_NEAR**2))
"""The ratio's other numbers, and what stands in a's place where tanh is 1."""


def tanh(x: Tensor) -> ValueAndDerivative:
    """phi(x) = tanh x, phi' = 1 - phi^2 = g - g^2 / 4 with the gap g = 2 (1 - tanh abs x) (LeCun et al. 1998).

    In float32 on a CPU to a relative error of 4e-7, and faster than torch's tanh, which it is elsewhere.
    """
    if not _is_float32_on_cpu(x):
        exponential = x.abs().neg_().exp_()
        # Doubled before it is squared, for a quarter of the smallest normal numbers is none.
        return torch.tanh(x), (exponential / (1.0 + exponential * exponential)).mul_(2.0).square_()
    if torch.compiler.is_compiling():
        # Half of exp 2x - 1 and of exp 2x + 1: the whole may be no float where the gap is a normal one.
        power, growth = _power_and_growth(torch.clamp_max(2.0 * x.abs(), LARGEST_EXPONENT), -1)
        less, more = power * growth + (power - 0.5), power * growth + (power + 0.5)
        gap = x.new_full((), 2.0) / more
        # Where the gap is no normal number, and may be flushed to zero, the value is 1 all the same.
        twice = torch.clamp_max(less * torch.clamp_min(gap, torch.finfo(torch.float32).tiny), 2.0)
        return torch.where(x < 0.0, -0.5, 0.5) * twice, gap - 0.25 * gap * gap
    gap = x.abs().exp_()
    torch.addcmul(ONE, gap, gap, out=gap)
    torch.div(FOUR, gap, out=gap)
    derivative = torch.addcmul(gap, gap, gap, value=-0.25)
    # One product for both ranges: near 0 ``rise`` is a; beyond, it grows, and all else stays as it is at the border.
    rise = torch.add(TANH_AT_ONE, gap, alpha=-0.5 / TANH_NEAR, out=gap).clamp_min_(1.0 + 1.0 / TANH_RATIO[1])
    near = torch.clamp(x, -TANH_NEAR, TANH_NEAR)
    return rise.addcdiv_(TANH_B, torch.addcmul(TANH_P, near, near, value=TANH_RATIO[1])).mul_(near), derivative


def relu(x: Tensor) -> ValueAndDerivative:
    """phi(x) = max(x, 0), phi' = 1 for x > 0 and 0 elsewhere, at 0 too (Nair & Hinton 2010)."""
    return torch.clamp_min(x, 0.0), _positive(x)


def leaky_relu(x: Tensor, *, slope: Annotated[float, "[0, 1]"] = 0.01) -> ValueAndDerivative:
    """phi(x) = x for x > 0, slope * x elsewhere (Maas et al. 2013)."""
    derivative = _positive(x).clamp_min_(slope)
    return x * derivative, derivative


EXPM1_BORDER = 27 / 32
"""Where exp x is above, exp x - 1 is x / (1 + x (p + r x)); below it is the difference, short of digits near 0."""

EXPM1_RATIO = (-0.5000055694620624, 0.08326048863108668)
"""p and r, of least greatest relative error there, 1.1e-7, and exact at the border."""

EXPM1_P = _number(EXPM1_RATIO[0])


def _exponential_left(x: Tensor) -> tuple[Tensor, Tensor]:
    """Return exp(min(x, 0)) - 1, in float32 on a CPU to a relative error of 4e-7, and exp(min(x, 0))."""
    if not _is_float32_on_cpu(x):
        left = torch.clamp_max(x, 0.0)
        return left.expm1(), left.exp_()
    if torch.compiler.is_compiling():
        power, growth = _power_and_growth(torch.clamp(x, -88.0, 0.0))
        return power * growth + (power - 1.0), power * growth + power
    exponential = x.exp()
    near = torch.clamp(x, math.log(EXPM1_BORDER), 0.0)
    ratio = torch.add(EXPM1_P, near, alpha=EXPM1_RATIO[1])
    torch.addcmul(ONE, ratio, near, out=ratio)
    # Near 0 what is beyond the border is exactly 0.
    beyond = torch.clamp_max(exponential, EXPM1_BORDER).sub_(EXPM1_BORDER)
    return beyond.addcdiv_(near, ratio), exponential.clamp_max_(1.0)


def elu(x: Tensor, *, alpha: Annotated[float, "(0, inf)"] = 1.0) -> ValueAndDerivative:
    """phi(x) = x for x > 0, alpha (exp x - 1) elsewhere; phi' = alpha exp x there (Clevert et al. 2015, equation 15).

    At 0 the derivative is alpha, the one from the left, as in torch.
    """
    if alpha != 1.0:
        return _scaled_elu(x, alpha, 1.0)
    negative, exponential = _exponential_left(x)
    return torch.maximum(x, negative), exponential


SELU_ALPHA = 1.6732632423543772
SELU_SCALE = 1.0507009873554805


def selu(x: Tensor) -> ValueAndDerivative:
    """phi(x) = lambda ELU(x; alpha) with the fixed point at mean 0, variance 1 (Klambauer et al. 2017, equation 2)."""
    return _scaled_elu(x, SELU_ALPHA, SELU_SCALE)


def _scaled_elu(x: Tensor, alpha: float, scale: float) -> ValueAndDerivative:
    negative, exponential = _exponential_left(x)
    value = torch.clamp_min(x, 0.0).add_(negative, alpha=alpha).mul_(scale)
    steepest = alpha * scale
    if steepest > 1.0:
        # exp x may be no normal number where its multiple is one; the exponential of x / 2 is.
        half = torch.clamp_max(x, 0.0).mul_(0.5).exp_()
        left = half.mul(steepest).mul_(half)
    else:
        left = exponential * steepest
    is_left = torch.le(x, 0, out=exponential)
    return value, torch.addcmul(_positive(x).mul_(scale), left, is_left)


FAR = 1000.0
"""From here on exp(-x) is 0, in double precision too, and so is taken to be its product with x, be x infinite."""


def gelu(x: Tensor) -> ValueAndDerivative:
    """phi(x) = x Phi(x) with the normal distribution function, not its tanh fit (Hendrycks & Gimpel 2016).

    In double precision, for phi', the sum of Phi and x times the density, is 0 at -0.75, where floats would blur it.
    """
    wide = x.double()
    distribution = torch.erfc(wide * -math.sqrt(0.5)).mul_(0.5)
    density = wide.square().mul_(-0.5).exp_().mul_(1.0 / math.sqrt(2.0 * math.pi))
    derivative = torch.addcmul(distribution, wide.clamp(-FAR, FAR), density)
    return wide.clamp_min(-FAR).mul_(distribution).to(x.dtype), derivative.to(x.dtype)


def silu(x: Tensor) -> ValueAndDerivative:
    """phi(x) = x s(x) with the logistic s; phi' = s + x s (1 - s) (Elfwing et al. 2018, equation 6).

    In double precision, as ``gelu``: phi' is 0 at -1.28.
    """
    wide = x.double()
    smaller = _smaller_share(wide.abs().neg_().exp_())
    s = _positive(wide).sub_(smaller).abs_()
    slope = torch.addcmul(smaller, smaller, smaller, value=-1.0)
    derivative = torch.addcmul(s, wide.clamp(-FAR, FAR), slope)
    return wide.clamp_min(-FAR).mul_(s).to(x.dtype), derivative.to(x.dtype)


def softplus(x: Tensor) -> ValueAndDerivative:
    """phi(x) = ln(1 + exp x) = max(x, 0) + ln(1 + exp(-abs x)); phi' is the logistic (Dugas et al. 2001)."""
    exponential = x.abs().neg_().exp_()
    derivative = _positive(x).sub_(_smaller_share(exponential)).abs_()
    # Where denormal numbers are flushed, the logarithm of 1 + e is 0 for the smallest normal e.
    at_least = torch.addcmul(exponential, exponential, exponential, value=-1.0)
    return torch.clamp_min(x, 0.0).add_(torch.maximum(exponential.log1p_(), at_least)), derivative


def _smaller_share(exponential: Tensor) -> Tensor:
    """Return the smaller of the logistic function s(x) and 1 - s(x), given exp(-abs x)."""
    return exponential / (exponential + 1.0)


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

INDIFFERENT = frozenset("identity logistic tanh relu leaky_relu elu selu gelu silu softplus".split())
"""The activations whose every operation rounds alike wherever a number lies; a test holds each of them to it."""
