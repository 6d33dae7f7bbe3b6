"""A view of a data set: fewer of its training examples, and some of their labels replaced by random ones.

Nested both ways, so that levels differ by what is added to them and not by chance: a smaller set of examples is
contained in every larger one, and the labels that a smaller share replaces are replaced by every larger one, by the
same labels. Which examples and labels these are hangs on the split alone, not on a cell's seed. The validation part and
the test part are never touched, and the examples that stay keep their order.

Random labels are those of Zhang, Bengio, Hardt, Recht & Vinyals 2017, "Understanding deep learning requires rethinking
generalization", section 2: nothing but memory can fit them.
"""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from ablation.training.data import Data, generator


@dataclass(frozen=True)
class View:
    """What a cell sees of the training part.

    Attributes:
        examples: how many of its examples; None for all.
        label_noise: share of them whose labels are replaced, from 0 to 1.
        split: which split of the data it is of, by which examples and labels are drawn.
    """

    examples: int | None = None
    label_noise: float = 0.0
    split: int = 0

    @property
    def is_whole(self) -> bool:
        """Whether it is the training part as it was prepared."""
        return self.examples is None and self.label_noise == 0.0


def seen(data: Data, view: View) -> Data:
    """Return the data as a view has them; what is the same shares its memory with ``data``.

    Raises:
        ValueError: there are fewer examples than the view is to have.
    """
    total = len(data.train_y)
    examples = total if view.examples is None else view.examples
    if not 1 <= examples <= total:
        raise ValueError(f"a view of {examples} examples: the training part has {total}")
    x, y, places = data.train_x, data.train_y, torch.arange(total)
    if examples < total:
        places = stratified(data.train_y.cpu(), view.split)[:examples].sort().values
        there = places.to(x.device)
        x, y = x.index_select(0, there), y.index_select(0, there)
    count = round(view.label_noise * examples)
    if count:
        # Drawn of the whole part: an example has the same turn and the same random label in every view.
        turn = torch.randperm(total, generator=generator(view.split, "label noise"))
        first = turn[places].argsort()[:count].to(y.device)
        y = y.clone()
        y[first] = _others(data, view.split, places, y, first)
    return replace(data, train_x=x, train_y=y)


def _others(data: Data, split: int, places: Tensor, y: Tensor, first: Tensor) -> Tensor:
    """Return what takes the place of the labels of a view at its places ``first``.

    Classes: uniformly random ones, by chance also the same. Numbers: each other's, in a circle, for a number that no
    example has would be another distribution.
    """
    if data.train_y.is_floating_point():
        return y[first.roll(1)]
    labels = torch.randint(data.outputs, (len(data.train_y),), generator=generator(split, "labels"))
    return labels[places].to(y.device)[first]


def stratified(y: Tensor, split: int) -> Tensor:
    """Return the places of examples in an order of which every beginning has each class in its share of the whole.

    The j-th example of n of a class comes at (j - 1/2) / n of the way, which classes of a kind share by chance: so
    seats are given out by the method of Webster and Sainte-Lague, the divisor method under which a larger house takes
    no seat away (Balinski & Young 1982, "Fair Representation"). Within a class the order is random, and numbers that
    are no classes are one class.

    Args:
        y: labels, [n], on the CPU.
        split: what the order hangs on.
    """
    drawn = torch.randperm(len(y), generator=generator(split, "examples"))
    if y.is_floating_point():
        return drawn
    shuffled = y[drawn]
    by_class = shuffled.argsort(stable=True)
    counts = torch.bincount(shuffled)
    begin = counts.cumsum(0) - counts
    of = shuffled[by_class]
    way = torch.empty(len(y), dtype=torch.float64)
    way[by_class] = (2 * (torch.arange(len(y)) - begin[of]) + 1).double() / counts[of]
    return drawn[way.argsort(stable=True)]
