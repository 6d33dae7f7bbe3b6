"""The stacked trainer: all cells of a cohort at once, each with the bits that it would have alone.

The loop reads from top to bottom: initialize; then, between two scheduled probes, nothing but training steps, without a
look at any number; at a probe, measure, and let the cells that have diverged leave the stack.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ablation.choices.clipping import CLIPPINGS, OF_THE_WHOLE, Gradient
from ablation.choices.losses import LOSSES
from ablation.choices.normalization import NORMALIZATIONS
from ablation.choices.optimizers import OPTIMIZERS
from ablation.choices.schedules import SCHEDULES
from ablation.training.arithmetic import Arithmetic, Descent, score
from ablation.training.compiled import compiled_arithmetic
from ablation.training.data import BatchOrder, Data
from ablation.training.elementwise import activation_of
from ablation.training.measurement import CURVE_METRICS, Measurement
from ablation.training.memory import keep_freed_memory
from ablation.training.networks import build
from ablation.training.networks.hidden import Hidden
from ablation.training.networks.network import WeightGradient
from ablation.training.probes import METRICS, probe_steps, summary
from ablation.training.spec import Spec, bind
from ablation.training.stack import Stack


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
        weights: all parameters at the end, [P], flat as ``Layout.views`` sees them; of a diverged cell, those at the
            probe at which it left the stack.
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
        # Nothing is differentiated by torch, and every operation costs less when it knows.
        with torch.inference_mode():
            return _Run(cohort, data).train()
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
        torch.set_flush_denormal(False)


class _Run:
    """A cohort in training."""

    def __init__(self, cohort: Sequence[Spec], data: Data) -> None:
        first = cohort[0]
        if any(spec.cohort() != first.cohort() for spec in cohort):
            raise ValueError("the cells of a cohort must share all that decides the graph")
        if first.batch_size > len(data.train_y):
            raise ValueError(f"batch_size {first.batch_size}: larger than the {len(data.train_y)} training examples")
        self.data, self.cells = data, len(cohort)
        device = data.train_x.device
        normalization = NORMALIZATIONS[first.normalization.kind](**first.normalization.parameters)
        hidden, loss = Hidden(activation_of(first.activation), normalization), bind(LOSSES, first.loss)
        descent = Descent(CLIPPINGS[first.clipping.kind], OPTIMIZERS[first.optimizer.kind])
        self.arithmetic = Arithmetic(hidden, loss, partial(score, loss), summary, descent)
        if first.compile == "layers":
            self.arithmetic = compiled_arithmetic(self.arithmetic, first, device)
        self.network = build(first, data.features, data.classes, hidden)
        self.measurement = Measurement(self.network, self.arithmetic, first, data)
        self.descent, self.clips_the_whole = descent, first.clipping.kind in OF_THE_WHOLE
        self.schedule = bind(SCHEDULES, first.schedule)

        self.stack = Stack(self.network.layout, cohort, device)
        self.order = BatchOrder([spec.seed for spec in cohort], len(data.train_y), first.batch_size, device)
        self.steps = probe_steps(first.epochs, self.order.steps_per_epoch)
        self.evaluations = [step for step in self.steps if step % self.order.steps_per_epoch == 0]
        self.curves = np.full((self.cells, len(self.evaluations), len(CURVE_METRICS)), np.nan, np.float32)
        self.layers = np.full((self.cells, len(self.steps), self.network.depth, len(METRICS)), np.nan, np.float32)
        self.diverged_step: list[int | None] = [None] * self.cells
        self.weights: list[Tensor] = [torch.empty(0)] * self.cells

    def train(self) -> list[Outcome]:
        last = self.steps[-1]
        for start, stop in pairwise([*self.steps, last]):
            self._measure(start)
            if len(self.stack) == 0:
                break
            for step in range(start, stop):
                if step == stop - 1:
                    self.stack.spare_SP.copy_(self.stack.param_SP)
                self._step(step, last)
        self._leave(torch.ones_like(self.stack.place_S, dtype=torch.bool))
        return [self._outcome(place) for place in range(self.cells)]

    def _step(self, step: int, steps: int) -> None:
        stack = self.stack
        index_SB = self.order.batch(step)
        # A selection of rows is several times faster than indexing by a matrix.
        index = index_SB.flatten()
        x_SBI = self.data.train_x.index_select(0, index).view(*index_SB.shape, -1)
        y_SB = self.data.train_y.index_select(0, index).view(index_SB.shape)
        output_SBC, tape = self.network.forward(stack.parameters, x_SBI, stack.running, hidden=self.arithmetic.hidden)
        loss_S, grad_SBC = self.arithmetic.loss(output_SBC, y_SB)
        stack.mark(loss_S, step)
        lr_S1 = stack.lr_S1 * self.schedule(step, steps)
        clipped: list[Tensor] = []
        numbers = stack.clip_numbers, stack.optimizer_numbers
        waiting: dict[int, Tensor] = {}
        for found in self.network.backward(stack.parameters, tape, grad_SBC, stack.vectors, self.arithmetic.hidden):
            assert isinstance(found, WeightGradient), "nothing was kept to be probed"
            place, grad_SN = found.place, found.grad_SIO.flatten(1)
            if self.clips_the_whole:
                waiting[place] = grad_SN
            else:
                # While the gradient is still in a cache.
                of_block = stack.blocks[place], grad_SN, lr_S1, stack.states[place]
                clipped.append(self.arithmetic.descend(*of_block, *numbers))
        tensors = [*waiting.values(), *stack.vector_tensors]
        waiting[len(stack.blocks) - 1] = stack.vector_grad_SV
        clipped.append(self.descent.clip(Gradient(list(waiting.values()), tensors), **stack.clip_numbers))
        for place, grad_SN in waiting.items():
            self.descent.optimize(stack.blocks[place], grad_SN, lr_S1, stack.states[place], **stack.optimizer_numbers)
        stack.clipped_S += torch.stack(clipped).any(0)

    def _measure(self, step: int) -> None:
        """Measure every cell that has not diverged; the others leave the stack before or, found here, after."""
        stack = self.stack
        self._leave(stack.diverged_S >= 0)
        if len(stack) == 0:
            return
        health_SDM, gradient = self.measurement.probe(stack, step)
        finite = (stack.diverged_S < 0).cpu().numpy()
        places = stack.place_S.cpu().numpy()[finite]
        self.layers[places, self.steps.index(step)] = health_SDM.cpu().numpy()[finite]
        if step in self.evaluations:
            curve_SM = self.measurement.evaluate(stack, gradient, self.order.steps_per_epoch if step else 0)
            self.curves[places, self.evaluations.index(step)] = curve_SM.cpu().numpy()[finite]
            stack.clipped_S.zero_()
        self._leave(stack.diverged_S >= 0)

    def _leave(self, leaving_S: Tensor) -> None:
        """Take cells out of the stack and keep what is left of them."""
        leaving = leaving_S.nonzero().squeeze(1)
        if len(leaving) == 0:
            return
        stack = self.stack
        for row, place in zip(leaving.tolist(), stack.place_S[leaving].tolist(), strict=True):
            step = int(stack.diverged_S[row])
            self.diverged_step[place] = step if step >= 0 else None
            self.weights[place] = stack.param_SP[row].cpu().clone()
        stay = (~leaving_S).nonzero().squeeze(1)
        stack.keep(stay)
        self.order.keep(stay)

    def _outcome(self, place: int) -> Outcome:
        diverged = self.diverged_step[place]
        end = math.inf if diverged is None else diverged
        probes, evaluations = [s for s in self.steps if s < end], [s for s in self.evaluations if s < end]
        return Outcome(
            diverged,
            self.network.layout.parameters,
            np.array(evaluations, np.int64),
            self.curves[place, : len(evaluations)],
            np.array(probes, np.int64),
            self.layers[place, : len(probes)],
            self.weights[place],
        )
