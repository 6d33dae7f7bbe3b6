"""The stack: everything that a cohort in training has a row a cell of, and how cells leave it."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ablation.choices.initializers import INITIALIZERS, Draws
from ablation.choices.optimizers import State
from ablation.training.data import generator
from ablation.training.layers import Scale
from ablation.training.models import Mlp
from ablation.training.spec import Level, Spec, bind


class Stack:
    """The rows of a cohort's cells.

    Attributes:
        place_S: the cell's place in the cohort.
        param_SP: all parameters.
        spare_SP: room for one more copy of them, taken once: fresh memory costs more than the copying.
        vector_grad_SV: gradients of all vectors.
        running: running statistics of batch normalization.
        states: what the optimizer remembers, for each of ``Mlp.blocks``.
        lr_S1: learning rate before the schedule's factor.
        clip_numbers, optimizer_numbers: a float where all cells agree and nothing is compiled, which is faster; else
            one a cell, [S, 1].
        diverged_S: the step at which the loss was first not finite; -1 while it always was.
        clipped_S: steps since the last evaluation in which something was clipped.
    """

    def __init__(self, model: Mlp, cohort: Sequence[Spec], device: torch.device) -> None:
        self._model = model
        cells = len(cohort)
        self.place_S = torch.arange(cells, device=device)
        self.param_SP = torch.stack([initial_parameters(model, spec) for spec in cohort]).to(device)
        self.spare_SP = torch.empty_like(self.param_SP)
        self.running = model.running(cells, self.param_SP)
        self.states: list[State] = [{} for _ in model.blocks(self.param_SP)]
        self.lr_S1 = torch.tensor([[spec.lr] for spec in cohort], device=device)
        eager = cohort[0].compile == "eager"
        self.clip_numbers = _numbers([spec.clipping for spec in cohort], eager, device)
        self.optimizer_numbers = _numbers([spec.optimizer for spec in cohort], eager, device)
        self.diverged_S = torch.full((cells,), -1, device=device)
        self.clipped_S = torch.zeros(cells, device=device)
        self._bind_views()

    def __len__(self) -> int:
        return len(self.place_S)

    def mark(self, loss_S: Tensor, step: int) -> None:
        """Note the first step at which a cell's loss is not finite. Its row goes on as it will: it touches no other."""
        new_S = ~torch.isfinite(loss_S) & (self.diverged_S < 0)
        self.diverged_S.masked_fill_(new_S, step)

    def keep(self, rows: Tensor) -> None:
        """Go on with these rows only."""
        self.place_S, self.diverged_S = self.place_S[rows], self.diverged_S[rows]
        self.param_SP, self.spare_SP = self.param_SP[rows], self.spare_SP[rows]
        self.lr_S1, self.clipped_S = self.lr_S1[rows], self.clipped_S[rows]
        self.running = [Scale(mean[rows], variance[rows]) for mean, variance in self.running]
        self.states = [{name: tensor[rows] for name, tensor in state.items()} for state in self.states]
        for numbers in (self.clip_numbers, self.optimizer_numbers):
            numbers.update({name: value[rows] for name, value in numbers.items() if isinstance(value, Tensor)})
        self._bind_views()

    def _bind_views(self) -> None:
        """See the matrices as the network does; views are made once, for making them takes time."""
        self.blocks, self.parameters = self._model.blocks(self.param_SP), self._model.views(self.param_SP)
        self.vector_grad_SV = torch.zeros_like(self.blocks[-1], memory_format=torch.contiguous_format)
        self.vectors = self._model.views_of_vectors(self.vector_grad_SV)
        self.vector_tensors = self._model.tensors(self.vector_grad_SV)


def _numbers(levels: list[Level], eager: bool, device: torch.device) -> dict[str, float | Tensor]:
    """Return a choice's parameters: a float where all cells agree in eager mode, else one a cell, [S, 1]."""
    numbers: dict[str, float | Tensor] = {}
    for name in levels[0].parameters:
        values = [float(level.parameters[name]) for level in levels]  # type: ignore[arg-type]  # checked before
        same = eager and all(value == values[0] for value in values)
        numbers[name] = values[0] if same else torch.tensor([[value] for value in values], device=device)
    return numbers


def initial_parameters(model: Mlp, spec: Spec) -> Tensor:
    """Return a cell's parameters before the first step, [P]: float32, on the CPU.

    The draws come from the cell's seed alone, layer by layer from the input on, so that cells of the same seed share
    them, and a deeper network begins with the layers of a shallower one.
    """
    initialize = bind(INITIALIZERS, spec.init)
    draw = generator(spec.seed, "weights")
    flat_1P = torch.empty(1, model.parameters)
    views = model.views(flat_1P)
    for layer in views.linear:
        weight_SIO, bias_SO = layer
        draws = Draws(
            torch.randn(weight_SIO.shape[1:], generator=draw),
            torch.randn(bias_SO.shape[1:], generator=draw),
            spec.activation.kind,
        )
        weight_IO, bias_O = initialize(draws)
        weight_SIO[0], bias_SO[0] = weight_IO, bias_O
    for gamma_SO, beta_SO in views.scale:
        gamma_SO.fill_(1.0)
        beta_SO.zero_()
    return flat_1P[0]
