"""Clipping and step of a weight matrix, compiled."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from ablation.choices.clipping import Gradient
from ablation.choices.optimizers import State
from ablation.training.compiled.examples import CELLS, SIZE, weight
from ablation.training.compiled.graphs import Graph
from ablation.training.descent import Descent, Numbers, Part
from ablation.training.ingredients import Moment


class CompiledDescent(Descent):
    """Clipping and step of a weight matrix, compiled to one pass.

    Args:
        descent: the rules, which need not see the whole gradient and ask for nothing.
        levels: their kinds; their numbers are a cell's own.
        names: of the clipping's and of the optimizer's numbers.
        device: where their tensors will be.

    Attributes:
        graph: what it calls, to be made before.
    """

    def __init__(
        self, descent: Descent, levels: tuple[str, str], names: tuple[list[str], list[str]], device: torch.device
    ) -> None:
        super().__init__(descent.clip, descent.optimize)
        clips, optimizes = names
        size, number = torch.zeros(CELLS, SIZE, device=device), torch.full((CELLS, 1), 0.5, device=device)
        remembered: State = {}
        numbers = dict.fromkeys(optimizes, number)
        descent.optimize(size.clone(), size.clone(), number, remembered, **numbers)
        self._remembered = list(remembered)

        def descend(param: Tensor, grad: Tensor, lr: Tensor, *rest: Tensor) -> tuple[Tensor]:
            of_clip = dict(zip(clips, rest, strict=False))
            of_optimizer = dict(zip(optimizes, rest[len(clips) :], strict=False))
            state = dict(zip(self._remembered, rest[len(clips) + len(optimizes) :], strict=True))
            kept = dict(state)
            grad = grad.clone()
            clipped = self.clip(Gradient([grad], [grad]), **of_clip)
            self.optimize(param, grad, lr, state, **of_optimizer)
            for name, tensor in kept.items():
                # A rule may put another tensor in its place; a graph can only change the one that it was given.
                if state[name] is not tensor:
                    tensor.copy_(state[name])
            return (clipped,)

        example = [weight(device).flatten(1), size, number.clone(), *[number.clone() for _ in clips + optimizes]]
        self.graph = Graph(
            ("descend", levels, names), descend, [*example, *remembered.values()], [self.clip, self.optimize]
        )

    def __call__(
        self, parts: Sequence[Part], lr_S1: Tensor, of_clip: Numbers, of_optimizer: Numbers, moment: Moment
    ) -> Tensor:
        """As ``Descent``; eager for vectors, and in a part's first step, where there is nothing remembered yet."""
        (part,) = parts
        if part.shape is None or len(part.state) < len(self._remembered):
            return super().__call__(parts, lr_S1, of_clip, of_optimizer, moment)
        remembered = [part.state[name] for name in self._remembered]
        # One a cell, [S, 1], where a cohort is compiled.
        numbers: list[Any] = [*of_clip.values(), *of_optimizer.values()]
        return self.graph(part.param_SN, part.grad_SN, lr_S1, *numbers, *remembered)[0]
