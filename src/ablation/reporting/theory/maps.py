"""Which mean-field map describes which network: nothing is judged by the theory of another."""

from collections.abc import Mapping
from typing import Any, Protocol

from ablation.reporting.statistics.intervals import Floats
from ablation.reporting.theory import propagation, residual
from ablation.reporting.theory.mean_field import Activation
from ablation.reporting.theory.propagation import Network, Prediction


class MeanFieldMap(Protocol):
    """What the file of a map holds."""

    def is_known(self, normalization: Mapping[str, Any]) -> bool:
        """Whether there is a prediction with this normalization."""

    def predict(
        self, phi: Activation, network: Network, normalization: Mapping[str, Any], first: float, batch: int
    ) -> Prediction:
        """Propagate from the measured length of the first layer, ``first``."""

    def local(self, phi: Activation, network: Network, length: Floats) -> Floats:
        """The factor of delta's mean square of each step back, of layers of these lengths, without normalization."""


MAPS: dict[str, MeanFieldMap] = {"perceptron": propagation, "residual": residual}
"""Every map by the name by which a network says that it is described by it."""


def map_of(manifest: Mapping[str, Any], model: str) -> MeanFieldMap | None:
    """The map that describes a model's networks, or none."""
    return MAPS.get(manifest["levels"]["model"][model]["mean_field"])


def is_perceptron(manifest: Mapping[str, Any], model: str) -> bool:
    """Whether a model's networks are perceptrons, whose layers have a factor of their own, whatever lies behind."""
    return bool(manifest["levels"]["model"][model]["mean_field"] == "perceptron")
