"""What a rule asks for, read off its signature, as in optax's extra arguments.

A rule is a function that a step calls: an optimizer, a clipping, a schedule. Behind the arguments that every rule of
its kind takes, a parameter with a default is a *setting*, which the config gives, and one without is an *ingredient*,
which the step hands to those that ask for it. Which of them there are, ``OFFERED`` says.

An optimizer or a clipping that must see all of a cell's gradient at once says so in the annotation of its gradient,
``Annotated[..., "whole"]``. The others are given it part by part, while it is still in a cache.
"""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any, NamedTuple, get_args, get_origin, get_type_hints

from torch import Tensor

WHOLE = "whole"
"""Beside the type of a rule's gradient: the rule must see all of it at once."""

ARGUMENTS = {
    "optimizer": ("param_SP", "grad_SP", "lr_S1", "state"),
    "clipping": ("gradient",),
    "schedule": (),
}
"""What every rule of a kind takes, in this order, under whatever names."""

OFFERED: dict[str, dict[str, str]] = {
    "optimizer": {
        "input_SBI": "left factor of the product whose weights are changed; None where they are vectors",
        "error_SBO": "gradient of the loss with respect to that product; None likewise",
        "shape": "fan-in and fan-out of the weight matrix; None likewise",
        "step": "steps taken before this one, an integer tensor without dimensions",
        "steps": "steps of the whole training, a number",
        "steps_per_epoch": "steps of an epoch, a number",
        "val_loss_S1": "validation loss at the last evaluation",
        "evaluated": "steps taken before that evaluation, an integer tensor without dimensions",
    },
    "clipping": {
        "inputs": "of each block, the left factor of the product that it is the gradient of; None for vectors",
        "errors": "of each block, the gradient of the loss with respect to that product; None for vectors",
        "state": "a dict of its own that begins empty, with a row a cell in every tensor",
        "step": "as of an optimizer",
        "steps": "as of an optimizer",
        "steps_per_epoch": "as of an optimizer",
        "val_loss_S1": "as of an optimizer",
        "evaluated": "as of an optimizer",
    },
    "schedule": {
        "state": "as of a clipping",
        "step": "as of an optimizer",
        "steps": "as of an optimizer",
        "steps_per_epoch": "as of an optimizer",
        "val_loss_S1": "as of an optimizer",
        "evaluated": "as of an optimizer",
    },
}
"""The ingredients that each kind of rule may ask for."""

OF_ONE_PRODUCT = frozenset({"input_SBI", "error_SBO", "shape"})
"""Ingredients that an optimizer which sees the whole gradient cannot have."""

FACTORS = frozenset({"input_SBI", "error_SBO", "inputs", "errors"})
"""Ingredients for which the backward pass must keep what it has multiplied."""


class Moment(NamedTuple):
    """When a rule is called: the ingredients that do not depend on the part that it is called for.

    Attributes:
        step: steps taken before, an integer tensor without dimensions, on the device.
        steps: steps of the whole training.
        steps_per_epoch: steps of an epoch.
        val_loss_S1: validation loss at the last evaluation.
        evaluated: steps taken before that evaluation, as ``step``.
    """

    step: Tensor
    steps: int
    steps_per_epoch: int
    val_loss_S1: Tensor
    evaluated: Tensor


def asked(choice: str, rule: Callable[..., Any]) -> frozenset[str]:
    """Return the ingredients that a rule asks for.

    Args:
        choice: the kind of rule, a key of ``OFFERED``.
        rule: the function.

    Raises:
        ValueError: one of them is not offered to it.
    """
    parameters = list(inspect.signature(rule).parameters.values())
    named = [each for each in parameters if each.kind not in (each.VAR_POSITIONAL, each.VAR_KEYWORD)]
    wanted = [each.name for each in named[len(ARGUMENTS[choice]) :] if each.default is each.empty]
    of_this_kind = OFFERED[choice]
    for name in wanted:
        if name not in of_this_kind:
            raise ValueError(f"asks for {name}, which no {choice} is handed; offered: {', '.join(of_this_kind)}")
        if name in OF_ONE_PRODUCT and sees_whole(rule):
            raise ValueError(f"asks for {name}, which belongs to one product, and for the whole gradient")
    return frozenset(wanted)


def sees_whole(rule: Callable[..., Any]) -> bool:
    """Return whether a rule says that it must see the whole gradient at once."""
    function: Any = getattr(rule, "func", rule)  # of a rule with its settings filled in
    try:
        hints = get_type_hints(function, include_extras=True) if hasattr(function, "__annotations__") else {}
    except NameError:  # a name that is only imported for a type checker
        return any("Annotated" in str(hint) and WHOLE in str(hint) for hint in function.__annotations__.values())
    return any(get_origin(hint) is Annotated and WHOLE in get_args(hint)[1:] for hint in hints.values())


def handed(asks: frozenset[str], moment: Moment, more: Mapping[str, Any]) -> dict[str, Any]:
    """Return the ingredients that are asked for: those of the moment, which a rule may keep, and ``more``."""
    if not asks:
        return {}
    of_moment = {name: value for name, value in moment._asdict().items() if name in asks}
    # Copies, for the next evaluation writes over the losses, and what one rule keeps is no other's.
    kept = {name: value.clone() if isinstance(value, Tensor) else value for name, value in of_moment.items()}
    return {**kept, **{name: value for name, value in more.items() if name in asks}}
