"""Clipping and step of a weight matrix, compiled."""

from typing import Any

import torch
from torch import Tensor

from ablation.choices.optimizers import State
from ablation.training.arithmetic import Descent, Numbers
from ablation.training.compiled.examples import CELLS, SIZE, weight
from ablation.training.compiled.graphs import Graph


class CompiledDescent(Descent):
    """Clipping and step of a weight matrix, compiled to one pass.

    Args:
        descent: the rules, of which the clipping's is one that need not see the whole gradient.
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
            clipped = Descent.__call__(self, param, grad.clone(), lr, state, of_clip, of_optimizer)
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
        self, param_SN: Tensor, grad_SN: Tensor, lr_S1: Tensor, state: State, of_clip: Numbers, of_optimizer: Numbers
    ) -> Tensor:
        """As ``Descent``; eager in a block's first step, where there is nothing remembered yet."""
        if len(state) < len(self._remembered):
            return super().__call__(param_SN, grad_SN, lr_S1, state, of_clip, of_optimizer)
        remembered = [state[name] for name in self._remembered]
        # One a cell, [S, 1], where a cohort is compiled.
        numbers: list[Any] = [*of_clip.values(), *of_optimizer.values()]
        return self.graph(param_SN, grad_SN, lr_S1, *numbers, *remembered)[0]
