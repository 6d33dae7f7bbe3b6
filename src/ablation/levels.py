"""The gate that every value of a config passes: its type, its range, and the number format that computes with it.

What is allowed is read off an annotation: a type, ``Literal`` for a set of words, or an interval beside the type, as in
``Annotated[float, "(0, 1]"]``. A choice's parameters are checked by its function's own signature, so that a new choice
is checked without a line here.

Real numbers of a choice end in float32, in which networks are trained with numbers below the normal range taken as
zero. So they are checked as the float32 that they become: one that becomes zero, infinite, or another interval's, is
refused.
"""

import inspect
import math
import os
import struct
import types
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from ablation import UserError

Number = int | float | bool | str | None

SMALLEST, LARGEST = 2.0**-126, (2.0 - 2.0**-23) * 2.0**127
"""The least and the greatest magnitude of a normal float32 beside zero, 1.2e-38 and 3.4e38."""

LONGEST = 80
"""Letters of a value that a message repeats."""


def check_value(key: str, value: object, hint: Any, single: bool = True) -> Number:
    """Return ``value`` as the annotation's type.

    Args:
        key: how the user writes it, for messages.
        value: what the config holds.
        hint: the annotation.
        single: whether a real number is one that networks are trained with, in float32.

    Raises:
        UserError: naming ``key``, the value and what is allowed.
    """
    interval = None
    if get_origin(hint) is Annotated:
        hint, interval = get_args(hint)
    if get_origin(hint) is Literal:
        if not any(type(value) is type(word) and value == word for word in get_args(hint)):
            raise UserError(f"{key}={shown(value)}: must be {' or '.join(map(str, get_args(hint)))}")
        return value  # type: ignore[return-value]  # one of the annotation's own
    allowed = get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    if value is None and type(None) in allowed:
        return None
    if str in allowed:
        if not isinstance(value, str) or not value or not is_text(value):
            raise UserError(
                f"{key}={shown(value)}: must be {'null or ' if type(None) in allowed else ''}text that is not empty"
            )
        return value
    if bool in allowed:
        if not isinstance(value, bool):
            raise UserError(f"{key}={shown(value)}: must be true or false")
        return value
    wanted = f"{'a finite number' if float in allowed else 'a whole number'}{f' in {interval}' if interval else ''}"
    wanted = f"null or {wanted}" if type(None) in allowed else wanted
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UserError(f"{key}={shown(value)}: must be {wanted}")
    if float not in allowed:
        if not isinstance(value, int) or not _inside(value, interval):
            raise UserError(f"{key}={shown(value)}: must be {wanted}")
        return value
    if not math.isfinite(real(value)) or not _inside(value, interval):
        raise UserError(f"{key}={shown(value)}: must be {wanted}")
    if single:
        _check_single(key, value, interval, wanted)
    return real(value)


def check_parameters(
    key: str,
    given: object,
    known: Mapping[str, Any],
    hints: Mapping[str, Any],
    kind: str,
    beside: Sequence[str] = (),
) -> dict[str, Number]:
    """Return all parameters of a choice, those that are not given as they are by default.

    Args:
        key: the level's key, for messages.
        given: parameters by name.
        known: those that can be set, and their defaults; see ``settings``.
        hints: their annotations; see ``annotations``.
        kind: the choice's name, for messages.
        beside: what else its level may say, which is no parameter of it and is not given here, for messages.

    Raises:
        UserError: no mapping, an unknown parameter, a wrong type, or out of range.
    """
    if not isinstance(given, Mapping):
        raise UserError(f"{key}={shown(given)}: must be a mapping of parameters, as {{}}")
    for name, value in given.items():
        if name not in known:
            allowed = ", ".join([*known, *beside]) or "none"
            raise UserError(f"{key}.{shown(name)}={shown(value)}: {kind} has no such parameter; allowed: {allowed}")
    return {
        name: check_value(f"{key}.{name}", given[name], hints[name]) if name in given else default
        for name, default in known.items()
    }


def settings(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the parameters of a choice that can be set, which are those with a default, and their defaults."""
    return {
        name: parameter.default
        for name, parameter in inspect.signature(function).parameters.items()
        if parameter.default is not inspect.Parameter.empty
    }


def annotations(function: Callable[..., Any]) -> dict[str, Any]:
    """Return the annotations of a choice's parameters; those of a class are those of its beginning."""
    held: Any = getattr(function, "func", function)
    if isinstance(held, type):
        held = inspect.getattr_static(held, "__init__")
    elif not inspect.isroutine(held):
        held = type(held).__call__
    try:
        return get_type_hints(held, include_extras=True)
    except NameError:  # of what is only imported for a type checker; a setting's own must be known
        known = inspect.unwrap(held).__globals__
        texts = {name: held.__annotations__.get(name) for name in settings(function)}
        return {name: eval(hint, known) if isinstance(hint, str) else hint for name, hint in texts.items()}


def path_of(key: str, text: str) -> Path:
    """Return the path that a text names; nothing need be there. ``~`` is the user's own folder.

    Raises:
        UserError: naming ``key``, where the system allows no such path.
    """
    try:
        path = Path(text).expanduser()
        longest = os.pathconf("/", "PC_NAME_MAX")
        if any(len(os.fsencode(part)) > longest for part in path.absolute().parts):
            raise UserError(f"{key}={shown(text)}: has a name of more than {longest} bytes, the most that is allowed")
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        pass  # whether something has to be there is for others to say
    except UserError:
        raise
    except RuntimeError as error:
        nobody = text.split("/")[0]
        raise UserError(f"{key}={shown(text)}: {nobody} is nobody's folder; write the path in full") from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(f"{key}={shown(text)}: is no path that can be used ({reason})") from error
    return path


def as_single(value: float) -> float:
    """Return the float32 that a real number becomes, infinite where it is too large for one."""
    try:
        return float(struct.unpack("f", struct.pack("f", value))[0])
    except OverflowError:
        return math.copysign(math.inf, value)


def real(value: float) -> float:
    """Return a number as a float, infinite where it is an integer too large for one."""
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def is_text(value: str) -> bool:
    """Return whether text can be written as UTF-8, which half a surrogate pair or a byte of another encoding cannot."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\0" not in value


def shown(value: object, longest: int = LONGEST) -> str:
    """Return a value as a message repeats it: on one line, and in short where it is long."""
    if value is None:
        return "null"  # as YAML has it, and so the user
    if isinstance(value, int) and value.bit_length() > 4 * LONGEST:
        return f"(a whole number of some {int(value.bit_length() * math.log10(2)) + 1} digits)"
    try:
        text = str(value)
    except ValueError:  # a list that holds such a number
        return f"(a {type(value).__name__})"
    text = " ".join(text.encode("utf-8", "backslashreplace").decode().split())
    return text if len(text) <= longest else f"{text[: longest - 20]}... ({len(text)} letters)"


def _check_single(key: str, value: float, interval: str | None, wanted: str) -> None:
    becomes = as_single(value)
    if math.isinf(becomes):
        raise UserError(f"{key}={shown(value)}: too large for float32, whose largest number is {LARGEST:.2g}")
    if value != 0 and abs(becomes) < SMALLEST:
        raise UserError(f"{key}={shown(value)}: too small for float32, whose smallest number is {SMALLEST:.2g}")
    if not _inside(becomes, interval):
        raise UserError(f"{key}={shown(value)}: becomes {becomes:g} in float32, and must be {wanted}")


def _inside(value: float, interval: str | None) -> bool:
    if interval is None:
        return True
    # Whole ends are compared as such: as floats, 2^63 - 1 and 2^63 are the same.
    low, high = (float(end) if set(end.strip()) & set(".einf") else int(end) for end in interval[1:-1].split(","))
    above = value >= low if interval[0] == "[" else value > low
    below = value <= high if interval[-1] == "]" else value < high
    return above and below
