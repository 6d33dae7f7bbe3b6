"""A view of a data set: fewer of its training examples, and some of their labels replaced by random ones.

Nested both ways, so that levels differ by what is added to them and not by chance: a smaller set of examples is
contained in every larger one, and the labels that a smaller share replaces are replaced by every larger one, by the
same labels, be they classes or numbers. Which examples and labels these are hangs on the split alone, not on a cell's
seed. The validation part and the test part are never touched, and the examples that stay keep their order.

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

    def replaced(self, examples: int) -> int:
        """Return how many labels it replaces of so many examples: its share of them, rounded to whole ones."""
        return round(self.label_noise * examples)

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
    count = view.replaced(examples)
    if count:
        # Drawn of the whole part: an example has the same turn and the same random label in every view.
        turn = torch.randperm(total, generator=generator(view.split, "label noise"))
        first = turn[places].argsort()[:count]
        y = y.clone()
        y[first.to(y.device)] = _others(data, view.split, turn)[places[first].to(y.device)]
    return replace(data, train_x=x, train_y=y)


def _others(data: Data, split: int, turn: Tensor) -> Tensor:
    """Return what takes the place of each label of the whole part, [n], whichever of them a view replaces.

    Classes: uniformly random ones, by chance also the same. Numbers: each has that of the example whose turn is before
    its own, and the first that of the last, for a number that no example has would be another distribution. So where
    all are replaced, they change places.
    """
    if data.train_y.is_floating_point():
        in_turn = turn.argsort().to(data.train_y.device)
        others = torch.empty_like(data.train_y)
        others[in_turn] = data.train_y[in_turn.roll(1)]
        return others
    return torch.randint(data.outputs, (len(turn),), generator=generator(split, "labels")).to(data.train_y.device)


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
