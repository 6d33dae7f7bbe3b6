"""Clipping, weight decay and step of a weight matrix, compiled."""

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
from ablation.training.spec import Level


class CompiledDescent(Descent):
    """Clipping, weight decay and step of a weight matrix, compiled to one pass.

    Args:
        descent: the rules, which need not see the whole gradient and ask for nothing.
        levels: what they are, but for their numbers, which are a cell's own.
        names: of the clipping's and of the optimizer's numbers.
        device: where their tensors will be.

    Attributes:
        graph: what it calls, to be made before.
    """

    def __init__(
        self, descent: Descent, levels: Sequence[Level], names: Sequence[list[str]], device: torch.device
    ) -> None:
        super().__init__(descent.clip, descent.optimize, descent.decay)
        clips, optimizes = names
        decays = [] if descent.decay is None else ["weight_decay"]
        size, number = torch.zeros(CELLS, SIZE, device=device), torch.full((CELLS, 1), 0.5, device=device)
        remembered: State = {}
        descent.optimize(size.clone(), size.clone(), number, remembered, **dict.fromkeys(optimizes, number))
        self._remembered = list(remembered)

        def descend(param: Tensor, grad: Tensor, lr: Tensor, *rest: Tensor) -> tuple[Tensor]:
            of_decay, of_clip, of_optimizer, state = _parted(rest, decays, clips, optimizes, self._remembered)
            kept = dict(state)
            grad = grad.clone()
            clipped = self.clip(Gradient([grad], [grad]), **of_clip)
            for strength in of_decay.values():
                self.decayed(param, grad, lr, strength)
            self.optimize(param, grad, lr, state, **of_optimizer)
            for name, tensor in kept.items():
                # A rule may put another tensor in its place; a graph can only change the one that it was given.
                if state[name] is not tensor:
                    tensor.copy_(state[name])
            return (clipped,)

        example = [weight(device).flatten(1), size, *[number.clone() for _ in ("lr", *decays, *clips, *optimizes)]]
        self.graph = Graph(
            ("descend", levels, names, descent.decay),
            descend,
            [*example, *remembered.values()],
            [self.clip, self.optimize],
        )

    def __call__(self, parts: Sequence[Part], lr_S1: Tensor, numbers: Numbers, moment: Moment) -> Tensor:
        """As ``Descent``; eager for vectors, and in a part's first step, where there is nothing remembered yet."""
        (part,) = parts
        if part.shape is None or len(part.state) < len(self._remembered):
            return super().__call__(parts, lr_S1, numbers, moment)
        remembered = [part.state[name] for name in self._remembered]
        # One a cell, [S, 1], where a cohort is compiled.
        decay = [] if self.decay is None else [numbers.decay]
        of_rules: list[Any] = [*decay, *numbers.clip.values(), *numbers.optimizer.values()]
        return self.graph(part.param_SN, part.grad_SN, lr_S1, *of_rules, *remembered)[0]


def _parted(tensors: Sequence[Tensor], *names: Sequence[str]) -> list[dict[str, Tensor]]:
    """Return tensors by their names, a dict for each of the lists of names that they follow."""
    rest = iter(tensors)
    return [{name: next(rest) for name in each} for each in names]
