"""Initializers: how a layer's weights begin.

Every initializer scales, squashes or orthogonalizes the *same* standard normal draws, which a cell's seed fixes. Two
cells that share a seed therefore differ by their choice and not by chance (common random numbers), also between a
normal and a uniform initializer: the uniform draw is the normal one pushed through its distribution function.

Legend: I fan-in, O fan-out of a layer; a weight has the shape [I, O], a bias [O].
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

import torch
from torch import Tensor

Weights = tuple[Tensor, Tensor]

NO_ACTIVATION = "identity"
"""The kind of activation that a layer has which none follows, as a network's last."""


@dataclass(frozen=True)
class Draws:
    """What an initializer may look at: one layer's standard normal draws, and the activation that follows it.

    Attributes:
        weight_IO: independent standard normal draws, one a weight.
        bias_O: independent standard normal draws, one a bias.
        activation: kind of the activation behind the layer, a key of ``ACTIVATIONS``; ``NO_ACTIVATION`` behind the
            output layer, whatever the hidden ones have.
    """

    weight_IO: Tensor
    bias_O: Tensor
    activation: str

    @property
    def fan_in(self) -> int:
        """Number of inputs of each unit."""
        return self.weight_IO.shape[0]

    @property
    def fan_out(self) -> int:
        """Number of units that each input feeds."""
        return self.weight_IO.shape[1]

    def normal(self, sigma: float) -> Weights:
        """Return weights of N(0, sigma^2) and a bias of zero."""
        return sigma * self.weight_IO, torch.zeros_like(self.bias_O)

    def uniform(self, radius: float) -> Weights:
        """Return weights of U(-radius, radius) and a bias of zero."""
        return _to_uniform(self.weight_IO, radius), torch.zeros_like(self.bias_O)


def _to_uniform(normal: Tensor, radius: float) -> Tensor:
    """Map standard normal draws to U(-radius, radius): 2 Phi(z) - 1 = erf(z / sqrt 2) is uniform on (-1, 1)."""
    return radius * torch.erf(normal / math.sqrt(2.0))


def zeros(draws: Draws) -> Weights:
    """All weights zero: every unit of a layer computes the same and learns the same. Symmetry is never broken."""
    return torch.zeros_like(draws.weight_IO), torch.zeros_like(draws.bias_O)


def normal(draws: Draws, *, sigma: Annotated[float, "(0, inf)"] = 0.01) -> Weights:
    """W ~ N(0, sigma^2) whatever the layer's size: the habit that Glorot & Bengio (2010) measured against."""
    return draws.normal(sigma)


def torch_default(draws: Draws) -> Weights:
    """W and b ~ U(-r, r), r = 1 / sqrt(I): what ``torch.nn.Linear`` does by itself; I Var W = 1/3.

    Source: LeCun et al., Efficient BackProp, 1998, section 4.6, as ``kaiming_uniform_(a=sqrt(5))`` in PyTorch.
    """
    radius = 1.0 / math.sqrt(draws.fan_in)
    return _to_uniform(draws.weight_IO, radius), _to_uniform(draws.bias_O, radius)


def lecun_normal(draws: Draws) -> Weights:
    """W ~ N(0, 1/I). Source: LeCun et al., Efficient BackProp, 1998, equation 16."""
    return draws.normal(math.sqrt(1.0 / draws.fan_in))


def lecun_uniform(draws: Draws) -> Weights:
    """W ~ U(-r, r), r = sqrt(3/I). Source: LeCun et al., Efficient BackProp, 1998, equation 16."""
    return draws.uniform(math.sqrt(3.0 / draws.fan_in))


def xavier_normal(draws: Draws) -> Weights:
    """W ~ N(0, 2/(I+O)). Source: Glorot & Bengio 2010, equation 12."""
    return draws.normal(math.sqrt(2.0 / (draws.fan_in + draws.fan_out)))


def xavier_uniform(draws: Draws) -> Weights:
    """W ~ U(-r, r), r = sqrt(6/(I+O)). Source: Glorot & Bengio 2010, equation 16."""
    return draws.uniform(math.sqrt(6.0 / (draws.fan_in + draws.fan_out)))


def he_normal(draws: Draws) -> Weights:
    """W ~ N(0, 2/I). Source: He et al. 2015, equation 10."""
    return draws.normal(math.sqrt(2.0 / draws.fan_in))


def he_uniform(draws: Draws) -> Weights:
    """W ~ U(-r, r), r = sqrt(6/I): the variance of He et al. 2015, equation 10."""
    return draws.uniform(math.sqrt(6.0 / draws.fan_in))


def orthogonal(draws: Draws, *, gain: Annotated[float, "(0, inf)"] = 1.0) -> Weights:
    """W = gain * Q with orthonormal rows or columns, uniform by Haar measure.

    Q is the orthogonal factor of the draws; the signs of R's diagonal are moved into it, or else Q would not be
    uniform. The factorization runs in float64, so that the weights hardly depend on the linear algebra library.

    Source: Saxe et al. 2014, section 3; Mezzadri 2007, equation 5.3, for the signs.
    """
    tall = draws.weight_IO.double()
    flip = tall.shape[0] < tall.shape[1]
    q, r = torch.linalg.qr(tall.T if flip else tall)
    q = q * torch.sgn(torch.diagonal(r))
    weight = gain * (q.T if flip else q)
    return weight.to(draws.weight_IO.dtype).contiguous(), torch.zeros_like(draws.bias_O)


SLIDES_GAIN = {
    "identity": 1.0,
    "logistic": 1.0,
    "tanh": 4.0,
    "relu": math.sqrt(2.0),
    "leaky_relu": math.sqrt(2.0),
    "elu": math.sqrt(2.0),
    "selu": math.sqrt(2.0),
    "gelu": math.sqrt(2.0),
    "silu": math.sqrt(2.0),
    "softplus": math.sqrt(2.0),
}
"""The course slides' factor on Glorot's scale. The identity, which they leave out, takes Glorot's own, and so does the
output layer, which no activation follows."""


def _slides_scale(draws: Draws, gain: float | None) -> float:
    """Return the table's factor, of an activation that it does not name Glorot's own, times 1 / sqrt(I + O)."""
    factor = SLIDES_GAIN.get(draws.activation, 1.0) if gain is None else gain
    return factor / math.sqrt(draws.fan_in + draws.fan_out)


def slides_normal(draws: Draws, *, gain: Annotated[float | None, "(0, inf)"] = None) -> Weights:
    """W ~ N(0, g^2 2/(I+O)); g is 1 for the logistic function, 4 for tanh, sqrt 2 for ReLU and its variants.

    The output layer, which no activation follows, and an activation that the table does not name take Glorot's own, 1.
    ``gain`` overrides g in every layer. Source: the course slides' table of initializers, after Glorot & Bengio 2010
    and He et al. 2015.
    """
    return draws.normal(_slides_scale(draws, gain) * math.sqrt(2.0))


def slides_uniform(draws: Draws, *, gain: Annotated[float | None, "(0, inf)"] = None) -> Weights:
    """W ~ U(-r, r), r = g sqrt(6/(I+O)), with g as in ``slides_normal``."""
    return draws.uniform(_slides_scale(draws, gain) * math.sqrt(6.0))


INITIALIZERS: dict[str, Callable[..., Weights]] = {
    "zeros": zeros,
    "normal": normal,
    "torch_default": torch_default,
    "lecun_normal": lecun_normal,
    "lecun_uniform": lecun_uniform,
    "xavier_normal": xavier_normal,
    "xavier_uniform": xavier_uniform,
    "he_normal": he_normal,
    "he_uniform": he_uniform,
    "orthogonal": orthogonal,
    "slides_normal": slides_normal,
    "slides_uniform": slides_uniform,
}
