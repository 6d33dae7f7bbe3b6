"""Networks: what a cell is, between its inputs and its outputs. Each is stacked, a row a cell, and has its own backward
pass.

Legend of the suffixes in this folder: S cells of a cohort, B batch, I fan-in, O fan-out, C classes, P parameters of a
cell, V numbers of its vectors.
"""

from ablation.choices.normalization import NORMALIZATIONS
from ablation.training.elementwise import activation_of
from ablation.training.networks.hidden import Hidden
from ablation.training.networks.mlp import Mlp
from ablation.training.networks.network import Network
from ablation.training.networks.residual import Residual
from ablation.training.spec import Spec

NETWORKS: dict[str, type[Network]] = {"mlp": Mlp, "residual": Residual}


def build(spec: Spec, features: int, outputs: int, hidden: Hidden | None = None) -> Network:
    """Return the network of a cell's specification, for data of so many features and that many outputs.

    ``hidden`` is what stands behind its products, if it is there already.
    """
    return NETWORKS[spec.model.kind](features, spec.widths, outputs, hidden or hidden_of(spec))


def hidden_of(spec: Spec) -> Hidden:
    """Return what stands behind the products of a cell's specification."""
    normalization = NORMALIZATIONS[spec.normalization.kind](**spec.normalization.settings)
    return Hidden(activation_of(spec.activation), normalization)
