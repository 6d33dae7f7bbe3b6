"""From recorded operations to C: a loop over numbers that a compiler turns into the processor's vectors.

Products and sums are never contracted to one operation here but where an operation of torch is both: so that a rule
that happens not to act leaves the bits of what follows alone.
"""

import math
import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch

from ablation.training.native.tracing import REDUCED, CannotTraceError, Value, ordered

TYPES = {
    torch.float32: "float",
    torch.float64: "double",
    torch.int32: "int32_t",
    torch.int64: "int64_t",
    torch.bool: "uint8_t",
}

HEADER = """#include <stdint.h>
#include <string.h>
"""

VECTORIZED = "exp log exp2 log2 expm1 log1p sin cos tan tanh sinh cosh atan erf erfc".split()
"""Functions of the C library that glibc has for whole vectors too."""

PLAIN = "sqrt floor ceil trunc rint fabs".split()


def declarations() -> str:
    """Return the C library's functions, with those for whole vectors where it has them.

    A compiler may take these only where it is told so, for by default it is told by options that change what is no
    number too.
    """
    lines = ["#if defined(__x86_64__) && defined(__gnu_linux__) && !defined(__clang__)"]
    lines += ['#define VECTORS __attribute__((simd("notinbranch"), const))', "#else", "#define VECTORS", "#endif"]
    for kind, ending in (("double", ""), ("float", "f")):
        lines += [f"VECTORS {kind} {name}{ending}({kind});" for name in VECTORIZED]
        lines += [f"{kind} {name}{ending}({kind});" for name in PLAIN]
        lines += [f"{kind} pow{ending}({kind}, {kind});"]
    return "\n".join(lines) + "\n"


Write = Callable[[str, Sequence[str]], str]


def _of_library(name: str) -> Write:
    return lambda kind, of: f"{name}{'f' if kind == 'float' else ''}({of[0]})"


def _multiplied_and_added(kind: str, of: Sequence[str]) -> str:
    fused = "__builtin_fma" + ("f" if kind == "float" else "")
    x, a, b, value = of
    scaled = a if value in ("1.0f", "1.0") else f"({value} * {a})"
    return f"{fused}({scaled}, {b}, {x})"


def _power(kind: str, of: Sequence[str]) -> str:
    x, exponent = of
    known = {2.0: f"{x} * {x}", 3.0: f"{x} * {x} * {x}", 1.0: x, 0.5: f"sqrt{'f' if kind == 'float' else ''}({x})"}
    try:
        number = float(exponent.removesuffix("f"))
    except ValueError:
        number = math.nan
    return known.get(number, f"pow{'f' if kind == 'float' else ''}({x}, {exponent})")


def _clamped(kind: str, of: Sequence[str]) -> str:
    x, low, high = of
    # What is not a number stays none, for it is neither below nor above.
    raised = x if low == "None" else f"({x} < {low} ? {low} : {x})"
    return raised if high == "None" else f"({raised} > {high} ? {high} : {raised})"


WRITTEN: dict[str, Write] = {
    "add": lambda kind, of: f"{of[0]} + {of[1]}",
    "sub": lambda kind, of: f"{of[0]} - {of[1]}",
    "rsub": lambda kind, of: f"{of[1]} - {of[0]}",
    "mul": lambda kind, of: f"{of[0]} * {of[1]}",
    "div": lambda kind, of: f"{of[0]} / {of[1]}",
    "add_scaled": lambda kind, of: _multiplied_and_added(kind, [of[0], of[1], of[2], "1.0"]),
    "sub_scaled": lambda kind, of: _multiplied_and_added(kind, [of[0], of[1], f"-({of[2]})", "1.0"]),
    "addcmul": _multiplied_and_added,
    "addcdiv": lambda kind, of: f"{of[0]} + {of[3]} * ({of[1]} / {of[2]})",
    "lerp": lambda kind, of: _multiplied_and_added(kind, [of[0], of[2], f"({of[1]} - {of[0]})", "1.0"]),
    "neg": lambda kind, of: f"-{of[0]}",
    "abs": _of_library("fabs"),
    "reciprocal": lambda kind, of: f"1 / {of[0]}",
    "sqrt": _of_library("sqrt"),
    "rsqrt": lambda kind, of: f"1 / {_of_library('sqrt')(kind, of)}",
    "square": lambda kind, of: f"{of[0]} * {of[0]}",
    "pow": _power,
    "round": _of_library("rint"),
    "sigmoid": lambda kind, of: f"1 / (1 + {_of_library('exp')(kind, [f'-{of[0]}'])})",
    "relu": lambda kind, of: f"{of[0]} < 0 ? 0 : {of[0]}",
    "sign": lambda kind, of: f"({of[0]} > 0) - ({of[0]} < 0)",
    "sgn": lambda kind, of: f"({of[0]} > 0) - ({of[0]} < 0)",
    "maximum": lambda kind, of: f"{of[0]} > {of[1]} || {of[0]} != {of[0]} ? {of[0]} : {of[1]}",
    "minimum": lambda kind, of: f"{of[0]} < {of[1]} || {of[0]} != {of[0]} ? {of[0]} : {of[1]}",
    "clamp": _clamped,
    "clamp_min": lambda kind, of: _clamped(kind, [*of, "None"]),
    "clamp_max": lambda kind, of: _clamped(kind, [of[0], "None", of[1]]),
    "where": lambda kind, of: f"{of[0]} ? {of[1]} : {of[2]}",
    "masked_fill": lambda kind, of: f"{of[1]} ? {of[2]} : {of[0]}",
    "isnan": lambda kind, of: f"{of[0]} != {of[0]}",
    "isinf": lambda kind, of: f"{of[0]} == {of[0]} && {of[0]} - {of[0]} != 0",
    "to": lambda kind, of: of[0],
    "logical_not": lambda kind, of: f"!{of[0]}",
    "bitwise_not": lambda kind, of: f"!{of[0]}",
    **{name: _of_library(name) for name in (*VECTORIZED, "floor", "ceil", "trunc")},
    **{f"{kind}_and": lambda kind, of: f"{of[0]} & {of[1]}" for kind in ("logical", "bitwise")},
    **{f"{kind}_or": lambda kind, of: f"{of[0]} | {of[1]}" for kind in ("logical", "bitwise")},
}
"""What C has for an operation of torch's, given the type that it is computed in."""

COMPARED = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "eq": "==", "ne": "!="}

ASKED = frozenset("isnan isinf logical_not logical_and logical_or bitwise_not bitwise_and bitwise_or".split())
"""Operations that make a truth of operands of whatever type."""


def literal(number: Any, kind: str) -> str:
    """Return a Python number as one of a type of C."""
    if number is None:
        return "None"
    if kind not in ("float", "double"):
        return str(int(number))
    value = float(number)
    if kind == "float" and math.isfinite(value):
        value = struct.unpack("f", struct.pack("f", value))[0] if abs(value) < 3.4e38 else value
    ending = "f" if kind == "float" else ""
    if math.isinf(value):
        return f"{'-' if value < 0 else ''}__builtin_inf{ending}()"
    if math.isnan(value):
        return f'__builtin_nan{ending}("")'
    return f"{value!r}{ending}"


class Text:
    """Statements of C, a variable a value.

    Args:
        inputs: how each input is read, by name.
    """

    def __init__(self, inputs: Mapping[str, str]) -> None:
        self._inputs = inputs
        self._names: dict[Value, str] = {}

    def name(self, value: Value) -> str:
        """Return the variable that holds a value; the name is the same in every loop."""
        return self._names.setdefault(value, f"v{len(self._names)}")

    def statements(self, values: Iterable[Value]) -> list[str]:
        """Return a statement a value, in this order."""
        return [f"const {TYPES[each.dtype]} {self.name(each)} = {self._expression(each)};" for each in values]

    def _expression(self, value: Value) -> str:
        kind = TYPES[value.dtype]
        if value.name == "input":
            return self._inputs[value.of[0]]
        if value.name == "constant":
            (number,) = value.of
            return self.name(number) if isinstance(number, Value) else literal(number, kind)
        if value.name == "bits":
            return f"__builtin_bit_cast({kind}, {self.name(value.of[0])})"
        if value.name in COMPARED:
            floats = [each.dtype for each in value.of if isinstance(each, Value) and each.dtype.is_floating_point]
            widest = torch.float64 if torch.float64 in floats else floats[0] if floats else torch.int64
            one, other = (self._operand(each, TYPES[widest]) for each in value.of)
            return f"{one} {COMPARED[value.name]} {other}"
        if value.name not in WRITTEN:
            raise CannotTraceError(f"asks for {value.name}, which has no form in C here")
        if value.name in ASKED and value.dtype == torch.bool:
            return WRITTEN[value.name](kind, [self.name(each) for each in value.of])
        return WRITTEN[value.name](kind, [self._operand(each, kind) for each in value.of])

    def _operand(self, each: Any, kind: str) -> str:
        if not isinstance(each, Value):
            return literal(each, kind)
        own = TYPES[each.dtype]
        return self.name(each) if own in (kind, "uint8_t") else f"({kind}){self.name(each)}"


def activation_text(value: Value, derivative: Value) -> str:
    """Return two functions of C: ``activate``, of value and derivative, and ``value``, of the first alone."""
    for each in (value, derivative):
        if each.dtype != torch.float32:
            raise CannotTraceError(f"makes {each.dtype} of float32")
    text = Text({"x": "x[i]"})
    functions = [HEADER, 'extern "C" {', declarations()]
    for name, outputs in (("activate", {"value": value, "derivative": derivative}), ("value", {"value": value})):
        arguments = "".join(f", float* {output}" for output in outputs)
        functions.append(f"void {name}(const float* x{arguments}, long n) {{")
        functions += ["#pragma omp simd", "  for (long i = 0; i < n; i++) {"]
        functions += [f"    {line}" for line in text.statements(ordered([*outputs.values()]))]
        functions += [f"    {output}[i] = {text.name(each)};" for output, each in outputs.items()]
        functions += ["  }", "}"]
    return "\n".join([*functions, "}", ""])


REDUCTIONS = {
    "amax": ("max", "-__builtin_inf{f}()", "{total} = {x} > {total} ? {x} : {total};", "{total}"),
    "amin": ("min", "__builtin_inf{f}()", "{total} = {x} < {total} ? {x} : {total};", "{total}"),
    "sum": ("+", "0", "{total} += {x};", "{total}"),
    "mean": ("+", "0", "{total} += {x};", "{total} / n"),
    "any": ("|", "0", "{total} |= {x} != 0;", "{total}"),
    "linalg_vector_norm": ("+", "0", "{total} += ({kind}){x} * ({kind}){x};", "sqrt{ending}({total})"),
}
"""How numbers are reduced: OpenMP's word, from what on, by which statement, and what is made of the total."""


def reduction_lines(value: Value, text: Text) -> tuple[str, str, str, str]:
    """Return the pragma's clause, the total's declaration, the statement in the loop and the one behind it."""
    word, start, statement, result = REDUCTIONS[value.name]
    kind, total = TYPES[value.dtype], f"t{text.name(value)[1:]}"
    ending = "f" if kind == "float" else ""
    names = {"total": total, "x": text.name(value.of[0]), "kind": kind, "f": ending, "ending": ending}
    return (
        f"reduction({word}:{total})",
        f"{kind} {total} = {start.format(**names)};",
        statement.format(**names),
        f"const {kind} {text.name(value)} = {result.format(**names)};",
    )


assert set(REDUCTIONS) == REDUCED
