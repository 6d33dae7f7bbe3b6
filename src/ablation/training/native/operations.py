"""What C has for each operation of torch's, and the functions of the C library that take whole vectors."""

import math
from collections.abc import Callable, Sequence

OLDER, YOUNGER = "exp log sin cos".split(), "exp2 log2 expm1 log1p tan tanh sinh cosh atan erf erfc".split()
VECTORIZED = [*OLDER, *YOUNGER]
"""Functions of the C library that glibc has for whole vectors too: since 2.22, and since 2.35."""

PLAIN = "sqrt floor ceil trunc rint fabs".split()


def declarations() -> str:
    """Return the C library's functions, with those for whole vectors where it has them.

    A compiler may take these only where it is told so, for by default it is told by options that change what is no
    number too.
    """
    lines = ["#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__clang__)"]
    lines += ['#define OLDER __attribute__((simd("notinbranch"), const))', "#if __GLIBC_PREREQ(2, 35)"]
    lines += ["#define YOUNGER OLDER", "#else", "#define YOUNGER", "#endif"]
    lines += ["#else", "#define OLDER", "#define YOUNGER", "#endif"]
    for kind, ending in (("double", ""), ("float", "f")):
        lines += [f"OLDER {kind} {name}{ending}({kind});" for name in OLDER]
        lines += [f"YOUNGER {kind} {name}{ending}({kind});" for name in YOUNGER]
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
    "bitwise_not": lambda kind, of: f"{'!' if kind == 'bool' else '~'}{of[0]}",
    **{name: _of_library(name) for name in (*VECTORIZED, "floor", "ceil", "trunc")},
    "logical_and": lambda kind, of: f"({of[0]} != 0) & ({of[1]} != 0)",
    "logical_or": lambda kind, of: f"({of[0]} != 0) | ({of[1]} != 0)",
    "bitwise_and": lambda kind, of: f"{of[0]} & {of[1]}",
    "bitwise_or": lambda kind, of: f"{of[0]} | {of[1]}",
}
"""What C has for an operation of torch's, given the type that it is computed in."""

COMPARED = {"gt": ">", "ge": ">=", "lt": "<", "le": "<=", "eq": "==", "ne": "!="}

ASKED = frozenset("isnan isinf logical_not logical_and logical_or bitwise_not bitwise_and bitwise_or".split())
"""Operations that make a truth of operands of whatever type."""
