"""A data set on a device, and which of its examples make up a batch, a probe and an evaluation."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from ablation.training.spec import Order


@dataclass(frozen=True)
class Data:
    """A prepared data set, standardized, resident on one device.

    Attributes:
        train_x: float32 [n_train, features].
        train_y: int64 [n_train], labels from 0; or float32, the numbers that are to be predicted; so are the others.
        val_x: float32 [n_val, features].
        val_y: [n_val].
        test_x: float32 [n_test, features]; looked at once, when training is over.
        test_y: [n_test].
        outputs: of a network: the number of classes, of which some may have no example, or 1 of a regression.
    """

    train_x: Tensor
    train_y: Tensor
    val_x: Tensor
    val_y: Tensor
    test_x: Tensor
    test_y: Tensor
    outputs: int

    @classmethod
    def in_order(cls, x: Tensor, y: Tensor, sizes: Sequence[int], outputs: int) -> "Data":
        """Return data whose three parts, of these sizes, follow each other in ``x`` and ``y``."""
        (train_x, val_x, test_x), (train_y, val_y, test_y) = (torch.split(each, list(sizes)) for each in (x, y))
        return cls(train_x, train_y, val_x, val_y, test_x, test_y, outputs)

    @property
    def features(self) -> int:
        """Number of inputs of a network."""
        return self.train_x.shape[1]

    def to(self, device: torch.device) -> "Data":
        """Return the same data on ``device``."""
        return Data(
            self.train_x.to(device),
            self.train_y.to(device),
            self.val_x.to(device),
            self.val_y.to(device),
            self.test_x.to(device),
            self.test_y.to(device),
            self.outputs,
        )

    def train_sample(self, size: int) -> tuple[Tensor, Tensor]:
        """Return ``size`` training examples (all, if there are fewer), always the same ones."""
        order = torch.randperm(len(self.train_y), generator=generator(0, "sample"))[:size].to(self.train_x.device)
        return self.train_x[order], self.train_y[order]


def generator(seed: int, stream: str) -> torch.Generator:
    """Return a CPU generator for one use of a cell's seed; the uses are independent of each other.

    Draws are made on the CPU whatever the device, so that a seed means the same on each of them.
    """
    digest = hashlib.sha256(f"{stream}/{seed}".encode()).digest()
    return torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)


class BatchOrder:
    """Which examples every cell of a cohort sees at every step, in an order that its level of ``order`` says.

    - *random*: each epoch a new permutation, fixed by the seed.
    - *fixed*: the first of these permutations in every epoch.
    - *sorted*: by label, or by target where that is a number, ascending and equal ones as they lie; the same in every
      epoch and for every seed.

    An epoch has ``examples // batch_size`` steps. The examples left over at its end are another few in each epoch of a
    random order, and always the same in the others: those of a sorted one have the last labels.

    Args:
        seeds: each cell's seed.
        examples: how many there are to train on.
        batch_size: of all cells.
        device: where batches are gathered.
        orders: each cell's order; all are random where it is not given.
        labels: of the examples, [examples]; wanted where an order is sorted.
    """

    def __init__(
        self,
        seeds: Sequence[int],
        examples: int,
        batch_size: int,
        device: torch.device,
        orders: Sequence[Order] | None = None,
        labels: Tensor | None = None,
    ) -> None:
        self.batch_size = batch_size
        self._examples = examples
        self._device = device
        self.steps_per_epoch = examples // batch_size
        kinds = ["random"] * len(seeds) if orders is None else list(orders)
        each_S = list(zip(kinds, seeds, strict=True))
        rows = {each: row for row, each in enumerate(sorted(set(each_S)))}
        self._kinds = [kind for kind, _ in rows]
        self._generators = [generator(seed, "batches") for _, seed in rows]
        self._row_S = torch.tensor([rows[each] for each in each_S], device=device)
        self._labels = labels
        self._epoch = -1
        self._drawn: list[Tensor] = []
        self._order = torch.empty(0)

    def keep(self, index: Tensor) -> None:
        """Go on with the cells at these places only."""
        self._row_S = self._row_S[index]

    def batch(self, step: int, out: Tensor | None = None) -> Tensor:
        """Return the examples of a step, [S, batch_size]; steps are asked for in order.

        Args:
            step: which.
            out: where they are to be put, if they are to be in the same place each time.
        """
        epoch, step_in_epoch = divmod(step, self.steps_per_epoch)
        while self._epoch < epoch:
            self._epoch += 1
            if self._epoch == 0 or "random" in self._kinds:
                self._drawn = [self._next(place) for place in range(len(self._kinds))]
                drawn = torch.stack(self._drawn)
                # From memory that a GPU reads by itself, when it comes to it: nothing waits for it.
                drawn = drawn.pin_memory() if self._device.type == "cuda" else drawn
                self._order = drawn.to(self._device, non_blocking=True)
        start = step_in_epoch * self.batch_size
        return torch.index_select(self._order[:, start : start + self.batch_size], 0, self._row_S, out=out)

    def _next(self, place: int) -> Tensor:
        """Return the permutation of the epoch that begins, of one of the distinct orders."""
        if self._epoch > 0 and self._kinds[place] != "random":
            return self._drawn[place]
        if self._kinds[place] == "sorted":
            assert self._labels is not None, "what is to be sorted by"
            return self._labels.cpu().argsort(stable=True)
        return torch.randperm(self._examples, generator=self._generators[place])
