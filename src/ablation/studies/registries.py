"""The registries of all that can be chosen by name, by the factor that chooses from each."""

from collections.abc import Callable, Mapping
from typing import Any

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.clipping import CLIPPINGS
from ablation.choices.initializers import INITIALIZERS
from ablation.choices.losses import LOSSES
from ablation.choices.normalization import NORMALIZATIONS
from ablation.choices.optimizers import OPTIMIZERS
from ablation.choices.schedules import SCHEDULES
from ablation.choices.weight_decay import DECAYS, weight_decay
from ablation.levels import annotations, settings
from ablation.training.networks import NETWORKS

REGISTRIES: dict[str, Mapping[str, Any]] = {
    "init": INITIALIZERS,
    "activation": ACTIVATIONS,
    "normalization": NORMALIZATIONS,
    "clipping": CLIPPINGS,
    "optimizer": OPTIMIZERS,
    "schedule": SCHEDULES,
    "loss": LOSSES,
}
"""Those whose levels are functions with settings."""

ALL: dict[str, dict[str, Any]] = {**REGISTRIES, "model": NETWORKS}  # type: ignore[dict-item]  # all are dicts
"""Those, and the networks."""

COMMON: dict[str, tuple[Callable[..., Any], Mapping[str, Mapping[str, Any]]]] = {"optimizer": (weight_decay, DECAYS)}
"""What every level of a factor can be set beside its function's own settings: the function that has these settings, and
the kinds that have other defaults of them."""


def settings_of(factor: str, kind: str) -> dict[str, Any]:
    """Return all that a level of this kind can be set, with its defaults."""
    own = settings(ALL[factor][kind])
    if factor not in COMMON:
        return own
    common, defaults = COMMON[factor]
    return {**own, **settings(common), **defaults.get(kind, {})}


def annotations_of(factor: str, kind: str) -> dict[str, Any]:
    """Return the annotations of these settings, among others."""
    common = annotations(COMMON[factor][0]) if factor in COMMON else {}
    return {**common, **annotations(ALL[factor][kind])}


OURS = {factor: frozenset(registry) for factor, registry in ALL.items()}
"""The project's own, by their kinds: tests hold each of them to what a user's own are tried for."""
