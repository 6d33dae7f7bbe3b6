"""A choice of a user's own, looked at before it is called: does it take what it is handed, and say what may be set?

Legend: S cells, B batch, C classes.
"""

import inspect
import re
from collections.abc import Callable
from types import UnionType
from typing import Annotated, Any, Literal, get_args, get_origin

from torch import Tensor

from ablation import UserError
from ablation.levels import annotations, check_value, settings, shown
from ablation.studies.rates import FACTOR, KEY
from ablation.studies.registries import COMMON
from ablation.training.ingredients import ARGUMENTS, asked

TAKES = {
    "init": ("draws",),
    "activation": ("x",),
    "normalization": (),
    "loss": ("output_SBC", "label_SB"),
    "model": ("features", "widths", "classes", "hidden"),
    **ARGUMENTS,
}
"""What a choice of each factor is handed, in this order; what it takes beside has a default, or is asked for."""

INTERVAL = r"[(\[] *[-+.\deinf]+ *, *[-+.\deinf]+ *[)\]]"
"""How an interval is written."""

OF_A_NETWORK = ("mean_field", "one_width", "forward", "backward", "folded", "inference")
"""What a network's class must have."""


def check_form(factor: str, choice: Callable[..., Any]) -> None:
    """Check a choice's signature.

    Raises:
        ValueError: saying what is wrong with it.
    """
    if not callable(choice):
        raise ValueError(f"must be a function, and is of type {type(choice).__name__}")
    try:
        parameters = list(inspect.signature(choice).parameters.values())
        hints = annotations(choice)
    except (NameError, TypeError, ValueError) as error:
        raise ValueError(f"its signature cannot be read ({error})") from error
    if factor == "model":
        lacking = [name for name in OF_A_NETWORK if not hasattr(choice, name)]
        if lacking:
            raise ValueError(f"has no {', '.join(lacking)}; training/networks/network.py says what a network has")
    takes = TAKES[factor]
    own = [each for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    first = [each for each in own if each.default is each.empty and each.kind is not each.KEYWORD_ONLY]
    asks = asked(factor, choice) if factor in ARGUMENTS else frozenset[str]()
    required = [each.name for each in own if each.default is each.empty and each.name not in asks]
    given = len([each for each in first if each.name not in asks])
    if given != len(takes) or len(required) != len(takes):
        wanted = f"({', '.join(takes)})" if takes else "()"
        raise ValueError(
            f"takes ({', '.join(required)}) without defaults, and is handed {wanted}; a setting has a default"
        )
    for name, default in settings(choice).items():
        _check_setting(factor, name, default, hints.get(name))


def _is_understood(hint: Any) -> bool:
    """Whether an annotation is one that says what is allowed, as ``levels.check_value`` reads it."""
    if get_origin(hint) is Annotated:
        hint, *more = get_args(hint)
        if len(more) != 1 or not isinstance(more[0], str) or not re.fullmatch(INTERVAL, more[0]):
            return False
    if get_origin(hint) is Literal:
        return True
    kinds = get_args(hint) if isinstance(hint, UnionType) else (hint,)
    return set(kinds) <= {float, int, bool, str, type(None), Tensor} and set(kinds) != {type(None)}


def _check_setting(factor: str, name: str, default: Any, hint: Any) -> None:
    if factor == "model":
        return
    if hint is None:
        raise ValueError(
            f"its setting {name} has no annotation, which says what is allowed, as {name}: "
            f'Annotated[float, "(0, inf)"] = {default!r}'
        )
    if not _is_understood(hint):
        raise ValueError(
            f"its setting {name} is annotated as {shown(hint)}, which says nothing here; allowed: float, int, bool, "
            'str, Literal[...], one of them | None, and Annotated[float, "(0, inf)"] for an interval'
        )
    if name == "kind":
        raise ValueError("no setting can be called kind, by which a level says what it is")
    if (factor, name) == (FACTOR, KEY):
        raise ValueError(f"no setting of an {FACTOR} can be called {KEY}, by which a level brings its learning rates")
    if factor in COMMON and name in settings(COMMON[factor][0]):
        raise ValueError(f"its setting {name} is one that every {factor} has already, and that is done for it")
    try:
        check_value(name, default, hint)
    except UserError as error:
        raise ValueError(f"the default of its setting {error}") from error
