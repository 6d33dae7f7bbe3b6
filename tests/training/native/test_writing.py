"""What is written in C does what torch does, operation by operation, for numbers of any size and what is none."""

import ctypes

import pytest
import torch

from ablation.training.native.building import library
from ablation.training.native.calling import CannotTraceError
from ablation.training.native.operations import COMPARED, WRITTEN
from ablation.training.native.tracing import trace_activation
from ablation.training.native.writing import activation_text, literal
from tests.compiler import needs_native

pytestmark = needs_native

WIDE = torch.tensor([0.0, -0.0, 1e-30, -1e-30, 0.3, -0.7, 1.0, -1.0, 2.5, -3.5, 88.0, -88.0, 1e30, -1e30])
NONE = torch.tensor([float("inf"), float("-inf"), float("nan")])
X = torch.cat([torch.linspace(-4.0, 4.0, 101), WIDE, NONE])

OPERATIONS = {
    "add": lambda x: x + 1.5,
    "sub": lambda x: x - x.abs(),
    "rsub": lambda x: 1.0 - x,
    "mul": lambda x: x * x,
    "div": lambda x: x / (x + 0.1),
    "add scaled": lambda x: torch.add(x, x.abs(), alpha=0.3),
    "sub scaled": lambda x: torch.sub(x, x.abs(), alpha=0.3),
    "addcmul": lambda x: torch.addcmul(x, x, x, value=-0.5),
    "addcdiv": lambda x: torch.addcdiv(x, x, x.abs() + 1.0, value=2.0),
    "lerp": lambda x: torch.lerp(x, x.abs(), 0.25),
    "neg": lambda x: -x,
    "abs": torch.abs,
    "reciprocal": lambda x: (x.abs() + 0.5).reciprocal(),
    "sqrt": lambda x: x.abs().sqrt(),
    "rsqrt": lambda x: (x.abs() + 0.5).rsqrt(),
    "square": torch.square,
    "cube": lambda x: x**3,
    "power": lambda x: x.abs().clamp(0.01, 1e5) ** 1.7,
    "power of two": lambda x: 2.0 ** x.clamp(-20, 20),
    "exp": lambda x: x.clamp(-80, 80).exp(),
    "exp2": lambda x: x.clamp(-80, 80).exp2(),
    "expm1": lambda x: x.clamp(-80, 80).expm1(),
    "log": lambda x: (x.abs() + 1e-20).log(),
    "log2": lambda x: (x.abs() + 1e-20).log2(),
    "log1p": lambda x: x.abs().log1p(),
    "sin": lambda x: x.clamp(-9, 9).sin(),
    "cos": lambda x: x.clamp(-9, 9).cos(),
    "tan": lambda x: x.clamp(-1, 1).tan(),
    "atan": torch.atan,
    "tanh": torch.tanh,
    "sinh": lambda x: x.clamp(-20, 20).sinh(),
    "cosh": lambda x: x.clamp(-20, 20).cosh(),
    "erf": torch.erf,
    "erfc": lambda x: x.clamp(-9, 9).erfc(),
    "sigmoid": torch.sigmoid,
    "relu": torch.relu,
    "sign": torch.sign,
    "round": torch.round,
    "floor": torch.floor,
    "ceil": torch.ceil,
    "trunc": torch.trunc,
    "maximum": lambda x: torch.maximum(x, -0.5 * x),
    "minimum": lambda x: torch.minimum(x, -0.5 * x),
    "clamp": lambda x: x.clamp(-0.5, 1.5),
    "clamp to tensors": lambda x: torch.clamp(x, -x.abs().clamp_max(1.0), x.new_tensor(0.75)),
    "clamp min": lambda x: x.clamp_min(0.25),
    "clamp max": lambda x: x.clamp_max(0.25),
    "where": lambda x: torch.where(x > 0.0, x, 0.1 * x),
    "masked": lambda x: x.masked_fill(x < -1.0, 7.0),
    "truths": lambda x: torch.where((x > -1.0) & ~(x > 1.0) | x.isnan(), x * 2.0, torch.ones_like(x)),
    "not and": lambda x: torch.where(torch.logical_and(x != 0.3, torch.logical_not(x >= 2.5)), x, -x),
    "or": lambda x: torch.where(torch.logical_or(x == 1.0, x <= -2.0), x, -x),
    "finite": lambda x: torch.where(torch.isinf(x), 3.0, x),
    "sum of truths": lambda x: ((x > 0.0) + (x > 1.0)).float() * x,
    "truth of a number": lambda x: torch.where(x.clamp(-9, 9).floor().mul(0.25).bool(), x, -x),
    "whole against a fraction": lambda x: torch.where(x.clamp(-9, 9).to(torch.int32) >= 2.5, x, -x),
    "bits turned": lambda x: torch.where(~x.clamp(-9, 9).to(torch.int32) > 0, x, -x),
    "both not zero": lambda x: torch.where(torch.logical_and(x.clamp(-9, 9).floor(), x + 1.0), x, -x),
    "one not zero": lambda x: torch.where(torch.logical_or(x.floor(), x.ceil()), x, -x),
    "bits of whole numbers": lambda x: torch.where((x.abs().clamp(0, 9).to(torch.int32) & 1 | 2) > 2, x, -x),
    "out": lambda x: torch.gt(x, 0, out=torch.empty_like(x)),
    "in place": lambda x: x.clone().mul_(2.0).add_(1.0).clamp_(-1.0, 1.0),
    "double": lambda x: (x.double() * (1.0 / 3.0)).square().float(),
    "bits": lambda x: (x.abs().clamp(1.0, 100.0).to(torch.int32) * 2**20).view(torch.float32),
    "a number of its own": lambda x: x * torch.tensor(0.1),
    "filled": lambda x: x + torch.full_like(x, 0.2).fill_(0.4) + x.new_zeros(()),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_torchs(name):
    function = OPERATIONS[name]
    made = library(activation_text(*trace_activation(lambda x: (function(x), x))), ("-ffp-contract=off",))
    value, derivative = torch.empty_like(X), torch.empty_like(X)
    pointers = [ctypes.c_void_p(x.data_ptr()) for x in (X, value, derivative)]
    made.activate(*pointers, ctypes.c_long(len(X)))
    torch.testing.assert_close(value, function(X.clone()), rtol=1e-6, atol=1e-37, equal_nan=True)
    torch.testing.assert_close(derivative, X, rtol=0, atol=0, equal_nan=True)
    alone = torch.empty_like(X)
    made.value(pointers[0], ctypes.c_void_p(alone.data_ptr()), ctypes.c_long(len(X)))
    torch.testing.assert_close(alone, value, rtol=1e-6, atol=0, equal_nan=True)


def test_all_that_can_be_written_is_tried():
    names: set[str] = set()
    for function in OPERATIONS.values():
        waiting = [*trace_activation(lambda x, function=function: (function(x), x))]
        while waiting:
            value = waiting.pop()
            names.add(value.name)
            waiting += [each for each in value.of if hasattr(each, "of")]
    assert {*WRITTEN, *COMPARED} - names <= {"sgn"}


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (0.1, "0.10000000149011612f"),
        (3, "3.0f"),
        (float("inf"), "__builtin_inff()"),
        (-float("inf"), "-__builtin_inff()"),
    ],
)
def test_a_number_is_the_one_that_a_tensor_would_hold(number, written):
    assert literal(number, "float") == written


def test_what_has_no_form_in_c_is_refused_by_its_name():
    with pytest.raises(CannotTraceError, match="asks for digamma, which has no form in C here"):
        activation_text(*trace_activation(lambda x: (torch.digamma(x), x)))
    with pytest.raises(CannotTraceError, match="float64"):
        activation_text(*trace_activation(lambda x: (x.double(), x)))
    with pytest.raises(CannotTraceError, match="makes bfloat16, which has no form in C here"):
        activation_text(*trace_activation(lambda x: (x.bfloat16().float(), x)))
