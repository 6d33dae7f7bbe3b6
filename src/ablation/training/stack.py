"""The stack: everything that a cohort in training has a row a cell of, and how cells leave it."""

import math
from collections.abc import Collection, Iterable, Sequence

import torch
from torch import Tensor

from ablation.choices.optimizers import State
from ablation.training.descent import Numbers, Part
from ablation.training.networks.initial import initial_stack
from ablation.training.networks.layout import Layout, Scale
from ablation.training.networks.network import WeightGradient
from ablation.training.probes import limits_in_stack
from ablation.training.spec import Level, Spec, numbers_of
from ablation.training.watch import Watch


class Stack:
    """The rows of a cohort's cells.

    Attributes:
        place_S: the cell's place in the cohort.
        param_SP: all parameters.
        spare_SP: room for one more copy of them, taken once: fresh memory costs more than the copying.
        vector_grad_SV: gradients of all vectors.
        gone_SP: those at the probe at which a cell was found to have diverged; none where such cells leave at once.
        gone_S: which cells these are.
        running: running statistics of batch normalization.
        states: what the optimizer remembers, for each of ``Layout.blocks``; likewise the clipping's.
        val_loss_S1: validation loss at the last evaluation; NaN before the first.
        lr_S1: learning rate before the schedule's factor.
        numbers: of clipping and optimizer: a float where all cells agree and nothing is compiled, which is faster; else
            one a cell, [S, 1].
        diverged_S: the step at which the loss was first not finite; -1 while it always was.
        clipped_S: steps since the last evaluation in which something was clipped.
        limit: magnitude of the derivative below which a unit-sample is saturated: one number, or one a cell, [S, 1, 1].
        watch: what clipping rules would have compared.

    Args:
        layout: the network's.
        cohort: the cells.
        device: where they are trained.
        watched: clipping rules; see ``Watch``.
        stay: whether cells that have diverged stay for a while.
    """

    def __init__(
        self,
        layout: Layout,
        cohort: Sequence[Spec],
        device: torch.device,
        watched: Collection[str] = (),
        stay: bool = False,
    ) -> None:
        self._layout = layout
        cells = len(cohort)
        self.place_S = torch.arange(cells, device=device)
        self.param_SP = initial_stack(layout, cohort, device)
        self.spare_SP = torch.empty_like(self.param_SP)
        self.gone_SP = torch.empty_like(self.param_SP) if stay else None
        self.gone_S = torch.zeros(cells, dtype=torch.bool, device=device)
        self.running = layout.running(cells, self.param_SP)
        self.states: list[State] = [{} for _ in layout.blocks(self.param_SP)]
        self.clip_states: list[State] = [{} for _ in self.states]
        self.val_loss_S1 = torch.full((cells, 1), math.nan, device=device)
        self.lr_S1 = torch.tensor([[spec.lr] for spec in cohort], dtype=torch.float32, device=device)
        eager = cohort[0].compile == "eager"
        clippings = [spec.clipping for spec in cohort]
        # Where cells are clipped by different rules, the descent has their numbers.
        same = all(clipping.kind == clippings[0].kind for clipping in clippings)
        of_clip = numbers_in_stack(clippings, eager, device) if same else {}
        of_optimizer = numbers_in_stack([spec.optimizer for spec in cohort], eager, device)
        self.numbers = Numbers(of_clip, of_optimizer, of_optimizer.pop("weight_decay", 0.0))
        self.diverged_S = torch.full((cells,), -1, device=device)
        self.clipped_S = torch.zeros(cells, device=device)
        self.limit = limits_in_stack([spec.activation for spec in cohort], device)
        self.watch = Watch(watched, cells, device)
        self._bind_views()

    @property
    def tensors(self) -> int:
        """How many tensors a cell's parameters are: weight matrices and vectors."""
        return len(self._layout.shapes) + len(self._layout.vectors)

    def __len__(self) -> int:
        return len(self.place_S)

    def mark(self, loss_S: Tensor, step: Tensor) -> None:
        """Note the first step at which a cell's loss is not finite. Its row goes on as it will: it touches no other."""
        new_S = ~torch.isfinite(loss_S) & (self.diverged_S < 0)
        # A fill would have a GPU's number brought to the CPU first.
        self.diverged_S.copy_(torch.where(new_S, step, self.diverged_S))

    def hold(self) -> None:
        """Keep the parameters of cells that were newly found to have diverged, where they do not leave at once."""
        if self.gone_SP is not None:
            new_S = (self.diverged_S >= 0) & ~self.gone_S
            torch.where(new_S.unsqueeze(1), self.param_SP, self.gone_SP, out=self.gone_SP)
            self.gone_S |= new_S

    def last(self, rows: Tensor) -> Tensor:
        """Return the parameters of these rows: now, or at the probe at which the cell was found to have diverged."""
        if self.gone_SP is None:
            return self.param_SP[rows]
        return torch.where(self.gone_S[rows].unsqueeze(1), self.gone_SP[rows], self.param_SP[rows])

    def part(self, found: WeightGradient) -> Part:
        """Return the weight matrix that a gradient is of, with that gradient."""
        place, (grad_SN, factors) = found.place, (found.grad_SIO.flatten(1), found[2:])
        states = self.states[place], self.clip_states[place]
        return Part(place, self.blocks[place], grad_SN, [grad_SN], *states, self._layout.shapes[place], *factors)

    def part_of_vectors(self) -> Part:
        """Return all vectors, with the gradients that lie in ``vectors``."""
        place = len(self.blocks) - 1
        states = self.states[place], self.clip_states[place]
        return Part(place, self.blocks[place], self.vector_grad_SV, self.vector_tensors, *states)

    def whole(self, parts: Iterable[Part]) -> Part:
        """Return all of a network's parts as one."""
        *matrices, vectors = sorted(parts, key=lambda part: part.place)
        grad_SP = torch.cat([*(part.grad_SN for part in matrices), vectors.grad_SN], dim=1)
        *blocks, vector_grad_SV = self._layout.blocks(grad_SP)
        states, size = (vectors.state, vectors.clip_state), grad_SP.shape[1] - vector_grad_SV.shape[1]
        tensors = [*blocks, *self._layout.tensors(vector_grad_SV)]
        return Part(vectors.place, self.param_SP, grad_SP, tensors, *states, matrices=size)

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows only."""
        self.place_S, self.diverged_S = self.place_S[rows], self.diverged_S[rows]
        self.param_SP, self.spare_SP = self.param_SP[rows], self.spare_SP[rows]
        self.gone_SP, self.gone_S = None if self.gone_SP is None else self.gone_SP[rows], self.gone_S[rows]
        self.lr_S1, self.clipped_S, self.val_loss_S1 = self.lr_S1[rows], self.clipped_S[rows], self.val_loss_S1[rows]
        self.running = [Scale(mean[rows], variance[rows]) for mean, variance in self.running]
        for state in (*self.states, *self.clip_states):
            state.update({name: tensor[rows] for name, tensor in state.items()})
        of_clip, of_optimizer, of_decay = self.numbers
        of_clip, of_optimizer = ({name: _rows(x, rows) for name, x in each.items()} for each in (of_clip, of_optimizer))
        self.numbers = Numbers(of_clip, of_optimizer, _rows(of_decay, rows))
        self.limit = self.limit[rows] if self.limit.dim() else self.limit
        self.watch.keep(rows)
        self._bind_views()

    def _bind_views(self) -> None:
        """See the matrices as the network does; views are made once, for making them takes time."""
        self.blocks, self.parameters = self._layout.blocks(self.param_SP), self._layout.views(self.param_SP)
        self.vector_grad_SV = torch.zeros_like(self.blocks[-1], memory_format=torch.contiguous_format)
        self.vectors = self._layout.views_of_vectors(self.vector_grad_SV)
        self.vector_tensors = self._layout.tensors(self.vector_grad_SV)


def _rows(number: float | Tensor, rows: Tensor) -> float | Tensor:
    """Return these rows of a number that is one a cell."""
    return number[rows] if isinstance(number, Tensor) else number


def numbers_in_stack(levels: list[Level], eager: bool, device: torch.device) -> dict[str, float | Tensor]:
    """Return a choice's real numbers: a float where all cells agree in eager mode, else one a cell, [S, 1].

    The float is the one that the tensor would hold, so that what a rule makes of it, as 1 - beta, is the same.
    """
    numbers: dict[str, float | Tensor] = {}
    for name in numbers_of(levels[0]):
        each_S1 = torch.tensor([[level.settings[name]] for level in levels], dtype=torch.float32)
        same = eager and bool((each_S1 == each_S1[0]).all())
        numbers[name] = each_S1[0].item() if same else each_S1.to(device)
    return numbers
