"""A cell's trained parameters as a file: safetensors, every tensor by its name.

Legend: S cells, P parameters of a cell, I fan-in, O fan-out.
"""

from safetensors.torch import save
from torch import Tensor

from ablation.training.data import Data
from ablation.training.networks import build
from ablation.training.spec import Spec

FORM = {"form": "a layer is x @ weight + bias, weight [fan-in, fan-out]; scale: gamma and beta of batch normalization"}
"""What the file says of its tensors. Running statistics are none of the parameters, and are not in it."""


def packed(spec: Spec, data: Data, weights_P: Tensor) -> bytes:
    """Return the file of a cell's flat parameters: ``linear.0.weight``, ``linear.0.bias``, ``scale.0.gamma``, ..."""
    views = build(spec, data.features, data.outputs).layout.views(weights_P.unsqueeze(0))
    named: dict[str, Tensor] = {}
    for place, linear in enumerate(views.linear):
        named |= {f"linear.{place}.weight": linear.weight_SIO, f"linear.{place}.bias": linear.bias_SO}
    for place, scale in enumerate(views.scale):
        named |= {f"scale.{place}.gamma": scale.first_SO, f"scale.{place}.beta": scale.second_SO}
    return save({name: tensor[0].contiguous() for name, tensor in named.items()}, FORM)
