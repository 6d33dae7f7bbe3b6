"""The gradient's signal-to-noise ratio: how far the gradients of single batches agree.

At fixed parameters and in training mode, K disjoint batches of B of the n training examples have gradients g_k with
mean m:

    s^2   = sum_k |g_k - m|^2 / (K - 1)      the variances of all components, added up
    snr   = (|m|^2 - s^2 (1/K - B/n)) / s^2

The mean of K batches has noise of its own in it, by which its square is too large on average: s^2 / K where examples
never end, and less the larger a share K B / n of them the batches are, nothing where they are all (Cochran 1977,
section 2.6). With that taken off, numerator and s^2 have the expectations |G|^2, of the gradient of the whole training
part, and S^2 / B, with S^2 = tr(Sigma) the variances of single examples' gradients. So an estimate may be negative
where there is little signal, and the simple noise scale of McCandlish et al. (2018, arXiv:1812.06162, equation 2.9),
the batch size at which signal and noise are alike, is

    B_simple = tr(Sigma) / |G|^2 = B / snr.

With batch normalization an example's gradient hangs on its batch: what is measured is then of batches of this size.
"""

import math
from collections.abc import Iterator

import torch
from torch import Tensor

from ablation.training.arithmetic import Arithmetic
from ablation.training.data import Data
from ablation.training.networks.network import Network, WeightGradient
from ablation.training.probes import in_columns
from ablation.training.spec import Spec
from ablation.training.stack import Stack

VECTORS = -1
"""The place of all vectors, which come after every matrix."""


class GradientNoise:
    """Measures the ratio of a stack of cells.

    Args:
        network: whose gradients they are.
        arithmetic: what is computed with.
        spec: a cell of the cohort.
        data: the data set.

    Raises:
        ValueError: the training part is too small for so many batches.
    """

    def __init__(self, network: Network, arithmetic: Arithmetic, spec: Spec, data: Data) -> None:
        count, size, examples = spec.gradient_batches, spec.batch_size, len(data.train_y)
        if count * size > examples:
            raise ValueError(f"{count} batches of {size}: more than the {examples} training examples")
        self._network, self._arithmetic = network, arithmetic
        x, y = data.train_sample(count * size)
        self._batches = list(zip(torch.split(x, size), torch.split(y, size), strict=True)) if count else []
        self._own_noise = 1 / count - size / examples if count else math.nan

    def ratio(self, stack: Stack) -> Tensor:
        """Return every cell's ratio, [S], in double precision; NaN where none is asked for, or no gradient is there.

        The gradients in ``stack.vectors`` are used up.
        """
        if not self._batches:
            return torch.full_like(stack.diverged_S, math.nan, dtype=torch.float64)
        means: dict[int, Tensor] = {}
        square_S = torch.zeros_like(stack.diverged_S, dtype=torch.float64)
        for number, (x_BI, y_B) in enumerate(self._batches, 1):
            for place, grad_SN in self._gradient(stack, x_BI, y_B):
                if number == 1:
                    means[place] = grad_SN.double()
                else:
                    square_S += _moved(means[place], grad_SN, number)
        variance_S = square_S / (len(self._batches) - 1)
        signal_S = torch.zeros_like(square_S)
        for mean_SN in means.values():
            signal_S += _squares(mean_SN)
        return (signal_S - variance_S * self._own_noise) / variance_S

    def _gradient(self, stack: Stack, x_BI: Tensor, y_B: Tensor) -> Iterator[tuple[int, Tensor]]:
        """Yield the gradient of one batch, [S, N] a part, as it comes; running statistics stay as they are."""
        hidden = self._arithmetic.hidden
        output_SBC, tape = self._network.forward(stack.parameters, x_BI.expand(len(stack), -1, -1), hidden=hidden)
        _, grad_SBC = self._arithmetic.loss(output_SBC, y_B.expand(len(stack), -1).contiguous())
        for found in self._network.backward(stack.parameters, tape, grad_SBC, stack.vectors, hidden):
            assert isinstance(found, WeightGradient), "nothing was kept to be probed"
            yield found.place, found.grad_SIO.flatten(1)
        yield VECTORS, stack.vector_grad_SV


def _moved(mean_SN: Tensor, grad_SN: Tensor, number: int) -> Tensor:
    """Move a mean on to its ``number``-th vector, and return what that adds to the sum of squares about the mean, [S].

    d = g - m_(k-1),  m_k = m_(k-1) + d / k,  |d|^2 (k - 1) / k  (Welford 1962): no gradient need be kept, and of equal
    ones the sum is zero.
    """
    added_S = torch.zeros(len(mean_SN), dtype=torch.float64, device=mean_SN.device)
    for mean, grad in zip(in_columns(mean_SN), in_columns(grad_SN), strict=True):
        distance = grad.double().sub_(mean)
        mean += distance / number
        added_S += distance.square_().sum(1)
    return added_S * ((number - 1) / number)


def _squares(x_SN: Tensor) -> Tensor:
    """Return the sum of the squares of every cell's numbers, [S]."""
    sum_S = torch.zeros(len(x_SN), dtype=torch.float64, device=x_SN.device)
    for part in in_columns(x_SN):
        sum_S += part.square().sum(1)
    return sum_S
