"""The stacked trainer: all cells of a cohort at once, each with the bits that it would have alone.

The loop reads from top to bottom: initialize; then, between two scheduled probes, nothing but training steps, without a
look at any number; at a probe, measure, and let the cells that have diverged leave the stack.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.clipping import CLIPPINGS
from ablation.choices.initializers import INITIALIZERS, Draws
from ablation.choices.losses import LOSSES
from ablation.choices.normalization import NORMALIZATIONS
from ablation.choices.optimizers import OPTIMIZERS, State
from ablation.choices.schedules import SCHEDULES
from ablation.training.arithmetic import Arithmetic, score
from ablation.training.compiled import compiled_arithmetic
from ablation.training.data import BatchOrder, Data, generator
from ablation.training.layers import Hidden, Linear, Scale
from ablation.training.memory import keep_freed_memory
from ablation.training.models import Mlp
from ablation.training.probes import (
    METRICS,
    clipping_cosine,
    largest_derivative,
    layer_health,
    norm_per_cell,
    probe_steps,
    summary,
)
from ablation.training.spec import Level, Spec

CURVE_METRICS = "train_loss val_loss train_accuracy val_accuracy grad_norm clip_fraction clip_cosine".split()
"""The columns of ``Outcome.curves``, in its order."""

EVALUATION_CHUNK = 128
"""Examples that go through the network at once in an evaluation; part of how a mean is summed, so never changed."""


@dataclass(frozen=True)
class Outcome:
    """What is kept of one trained cell.

    Attributes:
        diverged_step: steps taken when the loss, on the step's batch or on the probe batch, was first not finite;
            None if it always was.
        parameters: number of trained parameters.
        curve_steps: the steps of ``curves``, [evaluations].
        curves: float32 [evaluations, len(CURVE_METRICS)].
        layer_steps: the steps of ``layers``, [probes].
        layers: float32 [probes, D, len(METRICS)].
        weights: all parameters at the end, [P], flat in the order of ``Mlp.tensors``; of a diverged cell, those at
            the probe at which it left the stack.
    """

    diverged_step: int | None
    parameters: int
    curve_steps: NDArray[np.int64]
    curves: NDArray[np.float32]
    layer_steps: NDArray[np.int64]
    layers: NDArray[np.float32]
    weights: Tensor


def train(cohort: Sequence[Spec], data: Data) -> list[Outcome]:
    """Train cells that share all but initializer, learning rate, seed and numbers of clipping and optimizer.

    Args:
        cohort: the cells; ``Spec.cohort()`` is the same for all of them.
        data: the data set, on the device to train on.

    Returns:
        An outcome a cell, in the order given.

    Raises:
        ValueError: the cells do not belong together, or a batch is larger than the training part.
    """
    # Gradients that vanish would otherwise end in denormal numbers, on which a CPU is tens of times slower.
    keep_freed_memory()
    torch.set_flush_denormal(True)
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = cohort[0].tf32
    try:
        return _Run(cohort, data).train()
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
        torch.set_flush_denormal(False)


class _Run:
    """A cohort in training. ``self.place_S`` holds, for every row of the stack, its cell's place in the cohort."""

    def __init__(self, cohort: Sequence[Spec], data: Data) -> None:
        first = cohort[0]
        if any(spec.cohort() != first.cohort() for spec in cohort):
            raise ValueError("the cells of a cohort must share all that decides the graph")
        if first.batch_size > len(data.train_y):
            raise ValueError(f"batch_size {first.batch_size}: larger than the {len(data.train_y)} training examples")
        self.data, self.spec, self.cells = data, first, len(cohort)
        self.device = data.train_x.device
        activation = bind(ACTIVATIONS, first.activation)
        normalization = NORMALIZATIONS[first.normalization.kind](**first.normalization.parameters)
        hidden, loss = Hidden(activation, normalization), bind(LOSSES, first.loss)
        self.eager = self.arithmetic = Arithmetic(hidden, loss, partial(score, loss), summary)
        if first.compile == "layers":
            levels = ((first.activation, first.normalization), first.loss)
            self.arithmetic = compiled_arithmetic(self.eager, levels, self.device)
        self.model = Mlp(data.features, first.widths, data.classes, hidden)
        self.schedule = bind(SCHEDULES, first.schedule)
        self.steepest = largest_derivative(activation)

        self.place_S = torch.arange(self.cells, device=self.device)
        self.param_SP = torch.stack([initial_parameters(self.model, spec) for spec in cohort]).to(self.device)
        # Room for one more copy of all parameters, taken once: fresh memory costs more than the copying.
        self.spare_SP = torch.empty_like(self.param_SP)
        self.running = self.model.running(self.cells, self.param_SP)
        self.lr_S1 = torch.tensor([[spec.lr] for spec in cohort], device=self.device)
        self.state: State = {}
        self.clip_numbers = self._numbers([spec.clipping for spec in cohort])
        self.optimizer_numbers = self._numbers([spec.optimizer for spec in cohort])
        self.order = BatchOrder([spec.seed for spec in cohort], len(data.train_y), first.batch_size, self.device)
        self.diverged_S = torch.full((self.cells,), -1, device=self.device)
        self.clipped_S = torch.zeros(self.cells, device=self.device)
        self._bind_views()

        sample = min(len(data.train_y), len(data.val_y))
        self.train_sample = data.train_sample(sample)
        self.probe_x, self.probe_y = data.train_sample(first.probe_size)
        self.steps = probe_steps(first.epochs, self.order.steps_per_epoch)
        self.evaluations = [step for step in self.steps if step % self.order.steps_per_epoch == 0]
        self.curves = np.full((self.cells, len(self.evaluations), len(CURVE_METRICS)), np.nan, np.float32)
        self.layers = np.full((self.cells, len(self.steps), self.model.depth, len(METRICS)), np.nan, np.float32)
        self.diverged_step: list[int | None] = [None] * self.cells
        self.weights: list[Tensor] = [torch.empty(0)] * self.cells

    def train(self) -> list[Outcome]:
        last = self.steps[-1]
        for start, stop in pairwise([*self.steps, last]):
            self._probe(start)
            if len(self.place_S) == 0:
                break
            for step in range(start, stop):
                if step == stop - 1:
                    self.spare_SP.copy_(self.param_SP)
                self._step(step, last)
        self._leave(torch.ones_like(self.place_S, dtype=torch.bool))
        return [self._outcome(place) for place in range(self.cells)]

    def _step(self, step: int, steps: int) -> None:
        index_SB = self.order.batch(step)
        # A selection of rows is several times faster than indexing by a matrix.
        index = index_SB.flatten()
        x_SBI = self.data.train_x.index_select(0, index).view(*index_SB.shape, -1)
        y_SB = self.data.train_y.index_select(0, index).view(index_SB.shape)
        output_SBC, tape = self.model.forward(self.parameters, x_SBI, self.running, hidden=self.arithmetic.hidden)
        loss_S, grad_SBC = self.arithmetic.loss(output_SBC, y_SB)
        self._mark(loss_S, step)
        self.model.backward(self.parameters, tape, grad_SBC, self.gradients, self.arithmetic.hidden)
        self.clipped_S += CLIPPINGS[self.spec.clipping.kind](self.grad_SP, self.model.tensors, **self.clip_numbers)
        lr_S1 = self.lr_S1 * self.schedule(step, steps)
        OPTIMIZERS[self.spec.optimizer.kind](self.param_SP, self.grad_SP, lr_S1, self.state, **self.optimizer_numbers)

    def _mark(self, loss_S: Tensor, step: int) -> None:
        """Note the first step at which a cell's loss is not finite. Its row goes on as it will: it touches no other."""
        new_S = ~torch.isfinite(loss_S) & (self.diverged_S < 0)
        self.diverged_S.masked_fill_(new_S, step)

    def _probe(self, step: int) -> None:
        """Measure every cell that has not diverged; the others leave the stack before or, found here, after.

        ``spare_SP`` holds the parameters before the step that led here, if one did.
        """
        self._leave(self.diverged_S >= 0)
        cells = len(self.place_S)
        if cells == 0:
            return
        output_SBC, tape = self.model.forward(self.parameters, self.probe_x.expand(cells, -1, -1), keep=True)
        loss_S, grad_SBC = self.eager.loss(output_SBC, self.probe_y.expand(cells, -1))
        self._mark(loss_S, step)
        deltas = self.model.backward(self.parameters, tape, grad_SBC, self.gradients)
        previous = self.model.views(self.spare_SP) if step else None
        health_SDM = layer_health(
            self.model, self.parameters, self.gradients, tape, deltas, previous, self.steepest, self.arithmetic.summary
        )
        finite = (self.diverged_S < 0).cpu().numpy()
        places = self.place_S.cpu().numpy()[finite]
        self.layers[places, self.steps.index(step)] = health_SDM.cpu().numpy()[finite]
        if step in self.evaluations:
            self.curves[places, self.evaluations.index(step)] = self._evaluate(step).cpu().numpy()[finite]
            self.clipped_S.zero_()
        self._leave(self.diverged_S >= 0)

    def _evaluate(self, step: int) -> Tensor:
        """Return the row of ``CURVE_METRICS`` of every cell; the probe batch's gradients are in ``grad_SP``.

        ``spare_SP`` is overwritten.
        """
        folded = self.model.folded(self.parameters, self.running)
        train_loss, train_accuracy = self._score(folded, *self.train_sample)
        val_loss, val_accuracy = self._score(folded, self.data.val_x, self.data.val_y)
        raw_SP = self.spare_SP.copy_(self.grad_SP)
        CLIPPINGS[self.spec.clipping.kind](self.grad_SP, self.model.tensors, **self.clip_numbers)
        steps = self.order.steps_per_epoch if step else math.nan
        return torch.stack(
            [
                train_loss,
                val_loss,
                train_accuracy,
                val_accuracy,
                norm_per_cell(raw_SP).float(),
                self.clipped_S / steps,
                clipping_cosine(raw_SP, self.grad_SP),
            ],
            dim=1,
        )

    def _score(self, folded: list[Linear], x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean loss and the accuracy of every cell in inference mode."""
        cells = len(self.place_S)
        loss_S = torch.zeros(cells, device=self.device)
        right_S = torch.zeros(cells, device=self.device)
        for x_BI, y_B in zip(torch.split(x, EVALUATION_CHUNK), torch.split(y, EVALUATION_CHUNK), strict=True):
            output_SBC = self.model.inference(folded, x_BI.expand(cells, -1, -1), self.arithmetic.hidden)
            chunk_loss_S, chunk_right_S = self.arithmetic.score(output_SBC, y_B)
            loss_S += chunk_loss_S * len(y_B)
            right_S += chunk_right_S
        return loss_S / len(y), right_S / len(y)

    def _leave(self, leaving_S: Tensor) -> None:
        """Take cells out of the stack and keep what is left of them."""
        leaving = leaving_S.nonzero().squeeze(1)
        if len(leaving) == 0:
            return
        for row, place in zip(leaving.tolist(), self.place_S[leaving].tolist(), strict=True):
            step = int(self.diverged_S[row])
            self.diverged_step[place] = step if step >= 0 else None
            self.weights[place] = self.param_SP[row].cpu().clone()
        stay = (~leaving_S).nonzero().squeeze(1)
        self.place_S, self.diverged_S = self.place_S[stay], self.diverged_S[stay]
        self.param_SP, self.spare_SP = self.param_SP[stay], self.spare_SP[stay]
        self.lr_S1, self.clipped_S = self.lr_S1[stay], self.clipped_S[stay]
        self.running = [Scale(mean[stay], variance[stay]) for mean, variance in self.running]
        self.state = {name: tensor[stay] for name, tensor in self.state.items()}
        for numbers in (self.clip_numbers, self.optimizer_numbers):
            numbers.update({name: value[stay] for name, value in numbers.items() if isinstance(value, Tensor)})
        self.order.keep(stay)
        self._bind_views()

    def _bind_views(self) -> None:
        self.grad_SP = torch.zeros_like(self.param_SP)
        self.parameters, self.gradients = self.model.views(self.param_SP), self.model.views(self.grad_SP)

    def _numbers(self, levels: list[Level]) -> dict[str, float | Tensor]:
        """Return a choice's parameters: a float where all cells agree, which is faster, else one a cell, [S, 1]."""
        numbers: dict[str, float | Tensor] = {}
        for name in levels[0].parameters:
            values = [float(level.parameters[name]) for level in levels]  # type: ignore[arg-type]  # checked before
            same = all(value == values[0] for value in values)
            numbers[name] = values[0] if same else torch.tensor([[value] for value in values], device=self.device)
        return numbers

    def _outcome(self, place: int) -> Outcome:
        diverged = self.diverged_step[place]
        end = math.inf if diverged is None else diverged
        probes, evaluations = [s for s in self.steps if s < end], [s for s in self.evaluations if s < end]
        return Outcome(
            diverged,
            self.model.parameters,
            np.array(evaluations, np.int64),
            self.curves[place, : len(evaluations)],
            np.array(probes, np.int64),
            self.layers[place, : len(probes)],
            self.weights[place],
        )


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


def bind(registry: Mapping[str, Callable[..., Any]], level: Level) -> Callable[..., Any]:
    """Return a choice's function with its level's parameters filled in."""
    choice = registry[level.kind]
    return partial(choice, **level.parameters) if level.parameters else choice
