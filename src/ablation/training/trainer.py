"""The stacked trainer: all cells of a cohort at once, each with the bits that it would have alone.

The loop reads from top to bottom: initialize; then, between two scheduled probes, nothing but training steps, without a
look at any number; at a probe, measure, and let the cells that have diverged leave the stack.
"""

from collections.abc import Collection, Sequence
from itertools import pairwise

import torch
from torch import Tensor

from ablation.training.arithmetic import arithmetic_of
from ablation.training.clock import Clock, evaluation_steps, probe_steps
from ablation.training.compiled import compiled_arithmetic
from ablation.training.data import BatchOrder, Data
from ablation.training.ingredients import Moment
from ablation.training.measurement import Measurement
from ablation.training.memory import keep_freed_memory
from ablation.training.networks import build
from ablation.training.outcome import Notes, Outcome
from ablation.training.schedule import Schedules
from ablation.training.spec import Spec
from ablation.training.stack import Stack
from ablation.training.step import step
from ablation.training.wide import is_wide, wide_arithmetic


def train(cohort: Sequence[Spec], data: Data, watched: Collection[str] = ()) -> list[Outcome]:
    """Train cells that share all but what is data to a graph.

    Args:
        cohort: the cells; ``Spec.shared(is_wide(device))`` is the same for all of them.
        data: the data set, on the device to train on.
        watched: clipping rules of which it is noted what they would have compared; see ``Watch``.

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
            return _Run(cohort, data, watched).train()
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
        torch.set_flush_denormal(False)


class _Run:
    """A cohort in training."""

    def __init__(self, cohort: Sequence[Spec], data: Data, watched: Collection[str]) -> None:
        first, device = cohort[0], data.train_x.device
        mixes = is_wide(device)
        if any(spec.shared(mixes) != first.shared(mixes) for spec in cohort):
            raise ValueError("the cells of a cohort must share all that decides the graph")
        if first.batch_size > len(data.train_y):
            raise ValueError(f"batch_size {first.batch_size}: larger than the {len(data.train_y)} training examples")
        wide = mixes and first.compile == "eager"
        self.data, self.arithmetic = data, wide_arithmetic(cohort, device) if wide else arithmetic_of(first)
        if first.compile == "layers":
            self.arithmetic = compiled_arithmetic(self.arithmetic, first, device, data.train_y.dtype)
        self.network = build(first, data.features, data.outputs, self.arithmetic.hidden)
        self.measurement = Measurement(self.network, self.arithmetic, first, data)
        self.stack = Stack(self.network.layout, cohort, device, watched)
        seeds, orders = [spec.seed for spec in cohort], [spec.order for spec in cohort]
        self.order = BatchOrder(seeds, len(data.train_y), first.batch_size, device, orders, data.train_y)
        when = *Clock.of(first, len(data.train_y)), first.evaluations
        self.probes, self.evaluations = probe_steps(*when), evaluation_steps(*when)
        self.length = self.probes[-1], self.order.steps_per_epoch
        self.schedules = Schedules([spec.schedule for spec in cohort], *self.length, device)
        self.evaluated = torch.zeros((), dtype=torch.int64, device=device)  # the step of the evaluation before
        self.notes = Notes(len(cohort), self.network.depth, self.probes, self.evaluations)

    def train(self) -> list[Outcome]:
        for start, stop in pairwise([*self.probes, self.probes[-1]]):
            self._measure(start)
            if len(self.stack) == 0:
                break
            for number in range(start, stop):
                if number == stop - 1:
                    self.stack.spare_SP.copy_(self.stack.param_SP)
                try:
                    self._step(number)
                except Exception as error:  # of a rule of a user's own
                    error.add_note(f"at step {number} of {self.probes[-1]}")
                    raise
        if len(self.stack):
            self.notes.add_test(self.stack.place_S, self.measurement.test(self.stack))
        self._leave(torch.ones_like(self.stack.place_S, dtype=torch.bool))
        return self.notes.outcomes(self.network.layout.parameters)

    def _step(self, number: int) -> None:
        moment = self._moment(number)
        lr_S1 = self.schedules.rate(self.stack.lr_S1, moment)
        step(self.network, self.arithmetic, self.stack, self.data, self.order.batch(number), lr_S1, moment)

    def _moment(self, number: int) -> Moment:
        step = torch.full((), number, device=self.data.train_x.device)
        return Moment(step, *self.length, self.stack.val_loss_S1, self.evaluated)

    def _measure(self, number: int) -> None:
        """Measure every cell that has not diverged; the others leave the stack before or, found here, after."""
        stack = self.stack
        self._leave(stack.diverged_S >= 0)
        if len(stack) == 0:
            return
        moment = self._moment(number)
        probe = self.measurement.probe(stack, moment, is_first=number == 0)
        finite_S = stack.diverged_S < 0
        self.notes.add_health(number, stack.place_S, finite_S, probe.health)
        if number in self.evaluations:
            curve = self.measurement.evaluate(stack, probe.parts, moment, number - int(self.evaluated))
            self.notes.add_curve(number, stack.place_S, finite_S, curve)
            stack.clipped_S.zero_()
            self.evaluated = moment.step
        self._leave(stack.diverged_S >= 0)

    def _leave(self, leaving_S: Tensor) -> None:
        """Take cells out of the stack and keep what is left of them."""
        leaving = leaving_S.nonzero().squeeze(1)
        if len(leaving) == 0:
            return
        stack = self.stack
        for row, place in zip(leaving.tolist(), stack.place_S[leaving].tolist(), strict=True):
            self.notes.leave(place, int(stack.diverged_S[row]), stack.param_SP[row], stack.watch.of(row))
        stay = (~leaving_S).nonzero().squeeze(1)
        stack.keep(stay)
        self.arithmetic.keep(stay)
        self.schedules.keep(stay)
        self.order.keep(stay)
