"""Gradient health of all layers of a network, of layers alike in one go where operations cost more than memory.

Several layers of a stack are one stack of more cells to a function that looks at each cell by itself: the numbers are
the same, by a fraction of the operations. (A GPU may add up a row in another order where there are more rows; the sums
there are of doubles.) On a CPU a layer's numbers are taken while they are still in a cache.

Legend of the suffixes: S cells of a cohort, B batch, I fan-in, O fan-out.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from torch import Tensor

from ablation.training.networks.network import LayerProbe
from ablation.training.probes import layer_health
from ablation.training.products import side_by_side

TOGETHER = 2**28
"""Bytes of a layer's activations, or of its weights, that are put side by side at most."""


class Seen(NamedTuple):
    """What ``layer_health`` takes of one hidden layer: its weights now and before, their gradient, and its probe."""

    weight_SIO: Tensor
    before_SIO: Tensor | None
    grad_SIO: Tensor
    probe: LayerProbe

    @property
    def form(self) -> tuple[object, ...]:
        """What is the same of layers that can be put side by side."""
        return self.weight_SIO.shape, self.probe.activation_SBO.shape

    @property
    def bytes(self) -> int:
        """Bytes of the larger of its activations and its weights."""
        larger = max(self.weight_SIO.numel(), self.probe.activation_SBO.numel())
        return larger * self.weight_SIO.element_size()


class Health:
    """Takes layers one by one and gathers their metrics.

    Args:
        depth: how many layers there are.
        limit: magnitude of the derivative below which a unit-sample is saturated, one number or one a cell, [S, 1, 1].
        summarize: as of ``layer_health``.
        is_wide: whether layers alike are put side by side.
    """

    def __init__(self, depth: int, limit: Tensor, summarize: Callable[..., Sequence[Tensor]], is_wide: bool) -> None:
        self._limit, self._summarize, self._is_wide = limit, summarize, is_wide
        self._waiting: list[Seen] = []
        self._layers: list[dict[str, Tensor]] = [{}] * depth

    def add(self, seen: Seen) -> None:
        """Take a layer, in whatever order they come."""
        room = TOGETHER // seen.bytes if self._is_wide else 1
        if self._waiting and (len(self._waiting) >= room or seen.form != self._waiting[0].form):
            self._look()
        self._waiting.append(seen)
        if not self._is_wide:
            self._look()

    def layers(self) -> list[dict[str, Tensor]]:
        """Return the metrics of every layer, [S] each by name, once all have been taken."""
        if self._waiting:
            self._look()
        return self._layers

    def _look(self) -> None:
        """Measure what is waiting."""
        alike, self._waiting = self._waiting, []
        if len(alike) == 1:
            of_all = [self._measured(alike[0], self._limit)]
        else:
            limit = self._limit.repeat(len(alike), 1, 1) if self._limit.dim() else self._limit
            found = self._measured(_together(alike), limit)
            parts = {name: each.view(len(alike), -1).unbind() for name, each in found.items()}
            of_all = [{name: of_layers[at] for name, of_layers in parts.items()} for at in range(len(alike))]
        for seen, health in zip(alike, of_all, strict=True):
            self._layers[seen.probe.layer] = health

    def _measured(self, seen: Seen, limit: Tensor) -> dict[str, Tensor]:
        return layer_health(*seen, limit, self._summarize)


def _together(alike: Sequence[Seen]) -> Seen:
    """Return several layers as one of so many times the cells."""
    weights, befores, grads, probes = zip(*alike, strict=True)
    before_SIO = None if befores[0] is None else side_by_side(befores)
    # The numbers of the places are no tensors, and say nothing of several.
    values = (side_by_side(each) for each in zip(*(probe[2:] for probe in probes), strict=True))
    return Seen(side_by_side(weights), before_SIO, side_by_side(grads), LayerProbe(*probes[0][:2], *values))
