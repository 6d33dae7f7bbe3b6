"""One training step of a stack: a function of tensors on one device alone, without a look at any number."""

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from ablation.training.arithmetic import Arithmetic
from ablation.training.data import Data
from ablation.training.descent import Part
from ablation.training.ingredients import Moment
from ablation.training.networks.network import LayerProbe, Network, WeightGradient
from ablation.training.stack import Stack


def step(
    network: Network,
    arithmetic: Arithmetic,
    stack: Stack,
    data: Data,
    index_SB: Tensor,
    lr_S1: Tensor,
    moment: Moment,
) -> None:
    """Go there and back with a batch, and change every cell's parameters.

    Args:
        network: what is trained.
        arithmetic: what is computed with.
        stack: the cells; those whose loss on the batch is not finite are marked.
        data: the data set.
        index_SB: the examples of each cell's batch.
        lr_S1: each cell's learning rate in this step.
        moment: the number of the step among others.
    """
    # A selection of rows is several times faster than indexing by a matrix.
    index = index_SB.flatten()
    x_SBI = data.train_x.index_select(0, index).view(*index_SB.shape, -1)
    y_SB = data.train_y.index_select(0, index).view(index_SB.shape)
    descend = arithmetic.descend
    output_SBC, tape = network.forward(stack.parameters, x_SBI, stack.running, hidden=arithmetic.hidden)
    tape.factors = descend.asks_for_factors
    loss_S, grad_SBC = arithmetic.loss(output_SBC, y_SB)
    stack.mark(loss_S, moment.step)
    found = network.backward(stack.parameters, tape, grad_SBC, stack.vectors, arithmetic.hidden)
    parts: Iterable[Part] = stack.watch.over(_parts(stack, found))
    groups = descend.groups([stack.whole(parts)] if descend.is_whole else parts)
    clipped = [descend(group, lr_S1, stack.numbers, moment) for group in groups]
    stack.clipped_S += torch.stack(clipped).any(0)


def _parts(stack: Stack, found: Iterator[WeightGradient | LayerProbe]) -> Iterator[Part]:
    """Yield each weight matrix as its gradient comes, while that is still in a cache, and all vectors at the end."""
    for each in found:
        assert isinstance(each, WeightGradient), "nothing was kept to be probed"
        yield stack.part(each)
    yield stack.part_of_vectors()
