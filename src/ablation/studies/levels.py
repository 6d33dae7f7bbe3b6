"""A level checked against the function that it configures: its kind, its parameters, their types and ranges.

What is allowed is read off the function: its parameters with a default, and their annotations. A range stands in the
annotation as an interval, ``Annotated[float, "(0, 1]"]``, and a set of words as ``Literal``; so a new choice is checked
without a line here.
"""

import inspect
import math
import types
from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from ablation import UserError
from ablation.training.spec import Level, Number


def check_level(factor: str, label: str, given: object, registry: Mapping[str, Callable[..., Any]]) -> Level:
    """Return the level with its kind settled and every default written out.

    Args:
        factor: the config group, for messages.
        label: the level's name; its kind, unless it gives another.
        given: what the config holds under the label.
        registry: the kinds of this factor.

    Raises:
        UserError: unknown kind or parameter, wrong type, or out of range.
    """
    key = f"{factor}.{label}"
    if given is None:
        given = {}
    if not isinstance(given, Mapping):
        raise UserError(f"{key}={given}: must be a mapping of parameters, as {{}} or {{kind: {next(iter(registry))}}}")
    parameters = {str(name): value for name, value in given.items()}
    kind = parameters.pop("kind", label)
    if not isinstance(kind, str) or kind not in registry:
        raise UserError(f"{key}: {factor} knows no kind {kind}; allowed: {', '.join(registry)}")
    function = registry[kind]
    known = {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }
    for name in parameters:
        if name not in known:
            allowed = ", ".join(known) if known else "none"
            raise UserError(f"{key}.{name}={parameters[name]}: {kind} has no such parameter; allowed: {allowed}")
    hints = get_type_hints(function, include_extras=True)
    return Level(
        kind,
        {
            name: check_value(f"{key}.{name}", parameters[name], hints[name]) if name in parameters else default
            for name, default in known.items()
        },
    )


def check_value(key: str, value: object, hint: Any) -> Number:
    """Return ``value`` as the annotation's type.

    Raises:
        UserError: naming ``key``, the value and what is allowed.
    """
    interval = None
    if get_origin(hint) is Annotated:
        hint, interval = get_args(hint)
    if get_origin(hint) is Literal:
        if value not in get_args(hint):
            raise UserError(f"{key}={value}: must be {' or '.join(map(str, get_args(hint)))}")
        return value  # type: ignore[return-value]  # one of the annotation's own
    if hint is str:
        if not isinstance(value, str) or not value:
            raise UserError(f"{key}={value}: must be text that is not empty")
        return value
    allowed = get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None and type(None) in allowed:
        return None
    if bool in allowed:
        if not isinstance(value, bool):
            raise UserError(f"{key}={value}: must be true or false")
        return value
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"{key}={value}: must be {_kind_of_number(allowed)}{_range(interval)}")
    if float not in allowed and not isinstance(value, int):
        raise UserError(f"{key}={value}: must be a whole number{_range(interval)}")
    if not math.isfinite(value) or (interval is not None and not _inside(value, interval)):
        raise UserError(f"{key}={value}: must be {_kind_of_number(allowed)}{_range(interval)}")
    return float(value) if float in allowed else value


def _kind_of_number(allowed: tuple[Any, ...]) -> str:
    return "a finite number" if float in allowed else "a whole number"


def _range(interval: str | None) -> str:
    return f" in {interval}" if interval else ""


def _inside(value: float, interval: str) -> bool:
    low, high = (float(end) for end in interval[1:-1].split(","))
    above = value >= low if interval[0] == "[" else value > low
    below = value <= high if interval[-1] == "]" else value < high
    return above and below
