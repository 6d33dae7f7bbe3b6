"""Clipping, weight decay and step: from a gradient to other parameters, a part of them at a time or all at once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor

from ablation.choices.clipping import Clipping, Gradient
from ablation.choices.optimizers import Optimizer, State
from ablation.choices.weight_decay import weight_decay
from ablation.training.ingredients import FACTORS, Moment, asked, handed, sees_whole
from ablation.training.spec import Level


class Numbers(NamedTuple):
    """The real numbers among the settings of a cohort's rules: each a float where cells agree, or one a cell, [S, 1].

    Attributes:
        clip: the clipping's, by name.
        optimizer: the optimizer's, by name, but for its weight decay.
        decay: how strong that is.
    """

    clip: Mapping[str, float | Tensor]
    optimizer: Mapping[str, float | Tensor]
    decay: float | Tensor = 0.0


class Decay(NamedTuple):
    """How weights decay, where they do.

    Attributes:
        decoupled: whether in a step of its own.
        vectors: whether vectors decay too.
    """

    decoupled: bool
    vectors: bool

    @classmethod
    def of(cls, optimizer: Level) -> "Decay | None":
        """Return how an optimizer's level lets weights decay, or none where it does not."""
        settings = {"weight_decay": 0.0, "decoupled": False, "decay_vectors": False, **optimizer.settings}
        if settings["weight_decay"] == 0.0:
            return None
        return cls(bool(settings["decoupled"]), bool(settings["decay_vectors"]))


def without_decay(optimizer: Level) -> Level:
    """Return an optimizer's level with the settings of its rule alone."""
    own = {name: value for name, value in optimizer.settings.items() if name not in OF_DECAY}
    return Level(optimizer.kind, own)


OF_DECAY = ("weight_decay", "decoupled", "decay_vectors")
"""The settings that every optimizer has beside those of its rule."""


class Part(NamedTuple):
    """What is changed together: a weight matrix, or all vectors of a network, of every cell, [S, N].

    Attributes:
        place: which part, in the layout's order.
        param_SN: the parameters.
        grad_SN: their gradient; it is used up.
        tensors: the gradient again, one of each tensor that the part consists of.
        state: what the optimizer remembers of them.
        clip_state: what the clipping remembers.
        shape: fan-in and fan-out of a weight matrix.
        input_SBI: left factor of the product whose weights these are, where a rule asks for it.
        error_SBO: the gradient of that product, likewise.
        matrices: of a part that is all of a network, how many of its numbers, the first ones, are weights.
    """

    place: int
    param_SN: Tensor
    grad_SN: Tensor
    tensors: Sequence[Tensor]
    state: State
    clip_state: State
    shape: tuple[int, int] | None = None
    input_SBI: Tensor | None = None
    error_SBO: Tensor | None = None
    matrices: int | None = None


@dataclass
class Descent:
    """Clipping, weight decay and step.

    Attributes:
        is_whole: whether it takes all of a network as one part.
        clip: the clipping's rule; settings that are no real numbers are filled in.
        optimize: the optimizer's, likewise.
        decay: how weights decay, if they do.
    """

    is_whole: ClassVar[bool] = False

    clip: Clipping
    optimize: Optimizer
    decay: Decay | None = None

    def __post_init__(self) -> None:
        self._of_clip, self._of_optimizer = asked("clipping", self.clip), asked("optimizer", self.optimize)
        self.asks = self._of_clip | self._of_optimizer
        self.asks_for_factors = bool(self.asks & FACTORS)
        self._joins = sees_whole(self.optimize)
        self.sees_whole = self._joins or sees_whole(self.clip)

    def groups(self, parts: Iterable[Part]) -> Iterator[list[Part]]:
        """Yield the parts that must be seen together: each by itself, as soon as it is there, or all of them."""
        if self.sees_whole:
            yield [*parts]
        else:
            for part in parts:
                yield [part]

    def clipped(self, parts: Sequence[Part], numbers: Numbers, moment: Moment) -> Tensor:
        """Clip the gradients of a group in place and return which cells were, [S]."""
        gradient = Gradient([part.grad_SN for part in parts], [each for part in parts for each in part.tensors])
        more: dict[str, Any] = {}
        if self._of_clip:
            # The vectors come last, whatever the order of the others.
            more = {"state": parts[-1].clip_state}
            more |= {"inputs": [part.input_SBI for part in parts], "errors": [part.error_SBO for part in parts]}
        return self.clip(gradient, **numbers.clip, **handed(self._of_clip, moment, more))

    def __call__(self, parts: Sequence[Part], lr_S1: Tensor, numbers: Numbers, moment: Moment) -> Tensor:
        """Change the parameters of a group in place and return which cells were clipped, [S]."""
        clipped_S = self.clipped(parts, numbers, moment)
        if self.decay is not None:
            for part in parts:
                if part.shape is not None or self.decay.vectors:
                    self.decayed(part.param_SN, part.grad_SN, lr_S1, numbers.decay)
        if self._joins:
            self._optimize_whole(parts, lr_S1, numbers.optimizer, moment)
            return clipped_S
        for part in parts:
            more = {"input_SBI": part.input_SBI, "error_SBO": part.error_SBO, "shape": part.shape}
            ingredients = handed(self._of_optimizer, moment, more)
            self.optimize(part.param_SN, part.grad_SN, lr_S1, part.state, **numbers.optimizer, **ingredients)
        return clipped_S

    def decayed(self, param_SN: Tensor, grad_SN: Tensor, lr_S1: Tensor, strength: float | Tensor) -> None:
        """Let parameters that decay do so, in place, or in their gradient."""
        if self.decay is not None:
            weight_decay(param_SN, grad_SN, lr_S1, weight_decay=strength, decoupled=self.decay.decoupled)

    def _optimize_whole(
        self, parts: Sequence[Part], lr_S1: Tensor, of_optimizer: Mapping[str, float | Tensor], moment: Moment
    ) -> None:
        """Take the step of all parts as if they were one, in the layout's order."""
        ordered = sorted(parts, key=lambda part: part.place)
        param_SP, grad_SP = (torch.cat(each, dim=1) for each in zip(*(part[1:3] for part in ordered), strict=True))
        ingredients = handed(self._of_optimizer, moment, {})
        self.optimize(param_SP, grad_SP, lr_S1, ordered[-1].state, **of_optimizer, **ingredients)
        sizes = [part.param_SN.shape[1] for part in ordered]
        for part, changed_SN in zip(ordered, torch.split(param_SP, sizes, dim=1), strict=True):
            part.param_SN.copy_(changed_SN)
