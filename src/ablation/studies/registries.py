"""The registries of all that can be chosen by name, by the factor that chooses from each."""

from collections.abc import Mapping
from typing import Any

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.clipping import CLIPPINGS
from ablation.choices.initializers import INITIALIZERS
from ablation.choices.losses import LOSSES
from ablation.choices.normalization import NORMALIZATIONS
from ablation.choices.optimizers import OPTIMIZERS
from ablation.choices.schedules import SCHEDULES
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

OURS = {factor: frozenset(registry) for factor, registry in ALL.items()}
"""The project's own, by their kinds: tests hold each of them to what a user's own are tried for."""
