"""A level checked against the function that it configures: its kind, and its parameters by ``ablation.levels``."""

from collections.abc import Callable, Mapping
from typing import Any

from ablation import UserError
from ablation.levels import check_parameters, check_value, shown
from ablation.studies.rates import FACTOR
from ablation.studies.rates import KEY as RATES
from ablation.studies.registries import annotations_of, settings_of
from ablation.training.spec import Level

__all__ = ["check_level", "check_value"]


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
        example = next(iter(registry))
        raise UserError(f"{key}={shown(given)}: must be a mapping of parameters, as {{}} or {{kind: {example}}}")
    parameters = {str(name): value for name, value in given.items()}
    kind = parameters.pop("kind", label)
    if not isinstance(kind, str) or kind not in registry:
        own = "" if "kind" in given else f"; a name of your own says its kind, as {{kind: {next(iter(registry))}}}"
        raise UserError(f"{key}: {factor} knows no kind {shown(kind)}; allowed: {', '.join(registry)}{own}")
    known, hints = settings_of(factor, kind), annotations_of(factor, kind)
    return Level(kind, check_parameters(key, parameters, known, hints, kind, (RATES,) if factor == FACTOR else ()))
