"""Clipping, weight decay and step in C: one function of a part of a cell's parameters, made of the rules in Python.

Legend of the suffixes: N numbers of a part.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from ablation.choices.clipping import Gradient
from ablation.choices.optimizers import State
from ablation.training.compiled.tracing import compiling
from ablation.training.descent import Descent
from ablation.training.native.calling import CannotTraceError, on_examples
from ablation.training.native.operations import declarations
from ablation.training.native.tracing import CELLS, NUMBERS, REDUCED, Trace, Value, extent_of, ordered
from ablation.training.native.writing import HEADER, Text, reduction_lines

ARGUMENTS = "float* param, const float* grad, float* const* state, float* scalar, float lr, const float* numbers"
"""Of a function that changes the parameters ``from`` to ``to`` of ``n`` whose gradients it may look at."""

MOST_STATES = 8
"""Room that the caller has for what an optimizer remembers of every parameter."""


@dataclass(frozen=True)
class Names:
    """The names of a rule's numbers, which are a cell's own, in the order in which they are handed over."""

    clip: tuple[str, ...]
    optimizer: tuple[str, ...]
    decay: tuple[str, ...]

    @property
    def places(self) -> dict[str, int]:
        """Where each lies among a cell's numbers."""
        every = [("clip", self.clip), ("optimizer", self.optimizer), ("decay", self.decay)]
        return {f"{kind} {name}": at for at, (kind, name) in enumerate((k, n) for k, names in every for n in names)}


@dataclass(frozen=True)
class Step:
    """What a step makes: whether a gradient was clipped, the parameters, and what is remembered, by name."""

    clipped: Value
    param: Value
    state: dict[str, Value]


@dataclass(frozen=True)
class RuleText:
    """A rule in C.

    Attributes:
        text: three functions: a step, ``first`` and ``later``, and ``clip``, which only clips.
        numbers: names of what the optimizer remembers of every parameter.
        scalars: names of what it remembers of a part in one number.
        places: where a cell's numbers are handed over.
        reduces: whether a number that a rule makes of all of a part decides what happens to each.
        counts: whether more decides that a part counts as clipped than that any of its numbers does.
    """

    text: str
    numbers: tuple[str, ...]
    scalars: tuple[str, ...]
    places: dict[str, int]
    reduces: bool
    counts: bool


def _trace(descent: Descent, names: Names, decays: bool, before: Mapping[str, Tensor]) -> tuple[Step, State]:
    """Record a step, with parameters that decay or not, after one that left ``before``."""

    def number() -> Tensor:
        return torch.full((CELLS, 1), 0.5)

    state = {name: x.clone() for name, x in before.items()}
    param_SN, grad_SN = torch.full((CELLS, NUMBERS), 0.25), torch.full((CELLS, NUMBERS), 0.125)
    with on_examples(), torch.inference_mode(), compiling(), Trace() as trace:
        trace.give("param", param_SN)
        trace.give("grad", grad_SN)
        lr_S1 = trace.give("lr", number())
        given = {name: trace.give(name, number()) for name in names.places}
        for name, x in state.items():
            trace.give(f"state {name}", x)
        clip, optimizer = (
            {name: given[f"{kind} {name}"] for name in each}
            for kind, each in (("clip", names.clip), ("optimizer", names.optimizer))
        )
        clipped_S = descent.clip(Gradient([grad_SN], [grad_SN]), **clip)
        for name in names.decay if decays else ():
            descent.decayed(param_SN, grad_SN, lr_S1, given[f"decay {name}"])
        descent.optimize(param_SN, grad_SN, lr_S1, state, **optimizer)
        for name, x in state.items():
            if not isinstance(x, Tensor):
                raise CannotTraceError(f"remembers {name} as {type(x).__name__}")
        made = {name: trace.value(x) for name, x in state.items()}
        return Step(trace.value(clipped_S), trace.value(param_SN), made), state


def rule_text(descent: Descent, names: Names) -> RuleText:
    """Return clipping, decay and step of a part in C.

    Raises:
        CannotTraceError: they have no form number by number.
    """
    _, state = _trace(descent, names, True, {})
    for name, x in state.items():
        if x.dtype != torch.float32 or extent_of(x) == "constant":
            raise CannotTraceError(f"remembers {name} in another form than one float32 a parameter or a cell")
    numbers = tuple(name for name, x in state.items() if extent_of(x) == "number")
    scalars = tuple(name for name, x in state.items() if extent_of(x) == "cell")
    if len(numbers) > MOST_STATES:
        raise CannotTraceError(f"remembers more than {MOST_STATES} numbers of a parameter")
    inputs = {"param": "param[i]", "grad": "grad[i]", "lr": "lr"}
    inputs |= {name: f"numbers[{place}]" for name, place in names.places.items()}
    inputs |= {f"state {name}": f"state[{place}][i]" for place, name in enumerate(numbers)}
    inputs |= {f"state {name}": f"before[{place}]" for place, name in enumerate(scalars)}
    functions, reduces, counts = [], False, False
    for when, before in (("first", {}), ("later", state)):
        for decays in (True, False) if names.decay else (False,):
            step, after = _trace(descent, names, decays, before)
            if [*after] != [*state]:
                raise CannotTraceError("remembers other things in one step than in another")
            reduces = reduces or any(each.name in REDUCED for each in ordered([step.param, *step.state.values()]))
            counts = counts or not _is_of_any(step.clipped)
            name = f"{when}_{'decaying' if decays else 'others'}"
            functions.append(_function(name, step, numbers, scalars, inputs))
        functions.append(_both(when, bool(names.decay), len(scalars)))
    functions.append(_clip_function(descent, names, inputs))
    text = "\n".join([HEADER, 'extern "C" {', declarations(), *functions, "}", ""])
    return RuleText(text, numbers, scalars, names.places, reduces, counts)


def _is_of_any(clipped: Value) -> bool:
    """Return whether a part is clipped where any piece of it is, into whatever pieces it is cut."""
    if clipped.name in ("logical_or", "bitwise_or"):
        return all(isinstance(each, Value) and _is_of_any(each) for each in clipped.of)
    return clipped.name == "any" or all(each.name not in REDUCED for each in ordered([clipped]))


def _clip_function(descent: Descent, names: Names, inputs: Mapping[str, str]) -> str:
    """Return a function that writes to ``out`` what clipping makes of a gradient."""
    grad_SN = torch.full((CELLS, NUMBERS), 0.125)
    with on_examples(), torch.inference_mode(), compiling(), Trace() as trace:
        trace.give("grad", grad_SN)
        numbers = {name: trace.give(f"clip {name}", torch.full((CELLS, 1), 0.5)) for name in names.clip}
        descent.clip(Gradient([grad_SN], [grad_SN]), **numbers)
        clipped = trace.value(grad_SN)
    lines = ["void clip(const float* grad, float* out, const float* numbers, long n) {"]
    return "\n".join([*lines, *_body({"out[i]": clipped}, [], inputs, "0", "n")[0], "(void)numbers;", "}"])


def _function(
    name: str, step: Step, numbers: tuple[str, ...], scalars: tuple[str, ...], inputs: Mapping[str, str]
) -> str:
    """Return a function that takes this step."""
    if step.clipped.extent == "number" or step.clipped.dtype != torch.bool:
        raise CannotTraceError("does not say of each cell whether it was clipped")
    outputs = {"param[i]": step.param, **{f"state[{at}][i]": step.state[name] for at, name in enumerate(numbers)}}
    totals = [step.state[name] for name in scalars]
    body, text = _body(outputs, [*totals, step.clipped], inputs, "from", "to")
    lines = [f"static int {name}({ARGUMENTS}, const float* before, long n, long from, long to) {{", *body]
    lines += [f"scalar[{at}] = {text.name(value)};" for at, value in enumerate(totals)]
    return "\n".join([*lines, f"return {text.name(step.clipped)};", "}"])


def _body(
    outputs: Mapping[str, Value], totals: list[Value], inputs: Mapping[str, str], start: str, stop: str
) -> tuple[list[str], Text]:
    """Return the statements that make outputs, by their place, and totals, one a part, and the text that names these.

    Reductions come first, one loop for those that hang on no other, one for those that hang on these, and so on; then
    the loop over all numbers from ``start`` to ``stop``.
    """
    text = Text(inputs)
    every = ordered([*outputs.values(), *totals])
    level: dict[Value, int] = {}
    for each in every:
        of = [level[operand] for operand in each.of if isinstance(operand, Value)]
        level[each] = max(of, default=0) + (each.name in REDUCED)
    written: set[Value] = set()

    def once(depth: int) -> list[str]:
        """What is one a part and known after so many loops."""
        known = [each for each in every if each.extent != "number" and level[each] <= depth]
        new = [each for each in known if each.name not in REDUCED and each not in written]
        written.update(new)
        return text.statements(new)

    def of_numbers(wanted: list[Value]) -> list[str]:
        return text.statements(each for each in ordered(wanted) if each.extent == "number")

    lines = once(0)
    for depth in range(1, max(level.values(), default=0) + 1):
        reductions = [each for each in every if each.name in REDUCED and level[each] == depth]
        parts = [reduction_lines(each, text) for each in reductions]
        lines += [declaration for _, declaration, _, _ in parts]
        lines.append("#pragma omp simd " + " ".join(clause for clause, *_ in parts))
        lines.append("for (long i = 0; i < n; i++) {")
        lines += of_numbers([each.of[0] for each in reductions])
        lines += [statement for _, _, statement, _ in parts]
        lines += ["}", *[result for *_, result in parts], *once(depth)]
    lines += ["#pragma omp simd", f"for (long i = {start}; i < {stop}; i++) {{", *of_numbers([*outputs.values()])]
    lines += [f"{place} = {text.name(value)};" for place, value in outputs.items()]
    return [*lines, "}"], text


def _both(when: str, decays: bool, scalars: int) -> str:
    """Return the function that is called, which hands parameters that decay and others to the function of each."""
    call = "(param, grad, state, scalar, lr, numbers, before, n, {}, {})"
    lines = [f"int {when}({ARGUMENTS}, long n, long decaying) {{", f"float before[{scalars + 1}];"]
    lines.append(f"memcpy(before, scalar, {scalars} * sizeof(float));")
    if decays:
        lines += ["int clipped = 0;"]
        lines += [f"if (decaying > 0) clipped |= {when}_decaying{call.format(0, 'decaying')};"]
        lines += [f"if (decaying < n) clipped |= {when}_others{call.format('decaying', 'n')};", "return clipped;"]
    else:
        lines += ["(void)decaying;", f"return {when}_others{call.format(0, 'n')};"]
    return "\n".join([*lines, "}"])
