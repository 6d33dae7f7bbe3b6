"""From recorded operations to C: a loop over numbers that a compiler turns into the processor's vectors.

Products and sums are never contracted to one operation here but where an operation of torch is both: so that a rule
that happens not to act leaves the bits of what follows alone.
"""

import math
import struct
from collections.abc import Iterable, Mapping
from typing import Any

import torch

from ablation.training.native.calling import CannotTraceError
from ablation.training.native.operations import ASKED, COMPARED, WRITTEN, declarations
from ablation.training.native.tracing import REDUCED, Value, ordered

TYPES = {
    torch.float32: "float",
    torch.float64: "double",
    torch.int32: "int32_t",
    torch.int64: "int64_t",
    torch.bool: "bool",
}


def type_of(value: Value) -> str:
    """Return the type of C that holds a value.

    Raises:
        CannotTraceError: there is none.
    """
    if value.dtype not in TYPES:
        raise CannotTraceError(f"makes {str(value.dtype).removeprefix('torch.')}, which has no form in C here")
    return TYPES[value.dtype]


HEADER = """#include <stdint.h>
#include <string.h>
"""


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
        return [f"const {type_of(each)} {self.name(each)} = {self._expression(each)};" for each in values]

    def _expression(self, value: Value) -> str:
        kind = type_of(value)
        if value.name == "input":
            return self._inputs[value.of[0]]
        if value.name == "constant":
            (number,) = value.of
            return self.name(number) if isinstance(number, Value) else literal(number, kind)
        if value.name == "bits":
            return f"__builtin_bit_cast({kind}, {self.name(value.of[0])})"
        if value.name in COMPARED:
            floats = [each.dtype for each in value.of if isinstance(each, Value) and each.dtype.is_floating_point]
            floats += [torch.float32 for each in value.of if isinstance(each, float)]
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
        own = type_of(each)
        return self.name(each) if own in (kind, "bool") else f"({kind}){self.name(each)}"


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
    kind, total = type_of(value), f"t{text.name(value)[1:]}"
    ending = "f" if kind == "float" else ""
    names = {"total": total, "x": text.name(value.of[0]), "kind": kind, "f": ending, "ending": ending}
    return (
        f"reduction({word}:{total})",
        f"{kind} {total} = {start.format(**names)};",
        statement.format(**names),
        f"const {kind} {text.name(value)} = {result.format(**names)};",
    )


assert set(REDUCTIONS) == REDUCED
