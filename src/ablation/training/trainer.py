"""The stacked trainer: all cells of a cohort at once, each with the bits that it would have alone.

The loop reads from top to bottom: initialize; then, between two scheduled probes, nothing but training steps, without a
look at any number; at a probe, measure, and let the cells that have diverged leave the stack. A step and a measurement
work on tensors that stay in place, and are executed as ``Execution`` says.
"""

from collections.abc import Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from functools import partial
from itertools import pairwise

import torch
from torch import Tensor

from ablation.training.arithmetic import arithmetic_of
from ablation.training.clock import Clock, evaluation_steps, probe_steps
from ablation.training.compiled import compiled_arithmetic
from ablation.training.data import BatchOrder, Data
from ablation.training.executing.captured import Captured
from ablation.training.executing.cuda import CudaGraph, own_stream
from ablation.training.executing.execution import Eager, Execution
from ablation.training.executing.precision import tf32
from ablation.training.executing.tally import Tally
from ablation.training.ingredients import Moment
from ablation.training.measurement import CURVE_METRICS, Measurement
from ablation.training.memory import keep_freed_memory
from ablation.training.native.form import form_of
from ablation.training.native.measurement import NativeMeasurement
from ablation.training.native.steps import NativeSteps
from ablation.training.networks import build
from ablation.training.outcome import Notes, Outcome, packed
from ablation.training.probes import METRICS
from ablation.training.schedule import Schedules
from ablation.training.spec import Spec
from ablation.training.stack import Stack
from ablation.training.step import step
from ablation.training.wide import is_wide, wide_arithmetic


def train(
    cohort: Sequence[Spec], data: Data, watched: Collection[str] = (), execution: Execution | None = None
) -> list[Outcome]:
    """Train cells that share all but what is data to a graph.

    Args:
        cohort: the cells; ``Spec.shared(is_wide(device))`` is the same for all of them.
        data: the data set, on the device to train on.
        watched: clipping rules of which it is noted what they would have compared; see ``Watch``.
        execution: how steps and measurements are executed; where not given, as is fastest on the device.

    Returns:
        An outcome a cell, in the order given.

    Raises:
        ValueError: the cells do not belong together, or a batch is larger than the training part.
    """
    # Gradients that vanish would otherwise end in denormal numbers, on which a CPU is tens of times slower.
    keep_freed_memory()
    torch.set_flush_denormal(True)
    device = data.train_x.device
    try:
        # Nothing is differentiated by torch, and every operation costs less when it knows.
        with (
            tf32(cohort[0].tf32),
            own_stream(device),
            torch.inference_mode(),
            closing(execution or fastest(cohort[0], device, watched)) as chosen,
        ):
            return _Run(cohort, data, watched, chosen).train()
    finally:
        torch.set_flush_denormal(False)


def fastest(spec: Spec, device: torch.device, watched: Collection[str] = ()) -> Execution:
    """Return how a cohort of such cells is executed.

    On a GPU as captured graphs, but where rules are watched: what they would have compared is wanted of the steps up to
    the probe at which a cell leaves.
    """
    if device.type != "cuda" or watched:
        return Eager()
    pool = torch.cuda.graph_pool_handle()
    levels = spec.activation, spec.normalization, spec.clipping, spec.optimizer, spec.schedule, spec.loss
    choices = ", ".join(level.kind for level in levels)
    return Captured(lambda: CudaGraph(pool), choices, rehearses=spec.compile == "eager")


class _Run:
    """A cohort in training."""

    def __init__(self, cohort: Sequence[Spec], data: Data, watched: Collection[str], execution: Execution) -> None:
        first, device = cohort[0], data.train_x.device
        mixes = is_wide(device)
        shared = first.shared(mixes)
        if any(spec.shared(mixes) != shared for spec in cohort):
            raise ValueError("the cells of a cohort must share all that decides the graph")
        if first.batch_size > len(data.train_y):
            raise ValueError(f"batch_size {first.batch_size}: larger than the {len(data.train_y)} training examples")
        wide = mixes and first.compile == "eager"
        self.data, self.execution = data, execution
        self.arithmetic = wide_arithmetic(cohort, device) if wide else arithmetic_of(first)
        if first.compile == "layers":
            self.arithmetic = compiled_arithmetic(self.arithmetic, first, device, data.train_y.dtype)
        self.network = build(first, data.features, data.outputs, self.arithmetic.hidden)
        self.stack = Stack(self.network.layout, cohort, device, watched, stay=not execution.looks)
        self.native: NativeSteps | None = None
        if first.compile == "native":
            form = form_of(first)
            self.native = NativeSteps(form, self.network, first, data, self.stack)
            self.measurement: Measurement = NativeMeasurement(form, self.network, self.arithmetic, first, data)
        else:
            self.measurement = Measurement(self.network, self.arithmetic, first, data)
        seeds, orders = [spec.seed for spec in cohort], [spec.order for spec in cohort]
        self.order = BatchOrder(seeds, len(data.train_y), first.batch_size, device, orders, data.train_y)
        when = *Clock.of(first, len(data.train_y)), first.evaluations
        self.probes, self.evaluations = probe_steps(*when), evaluation_steps(*when)
        self.length = self.probes[-1], self.order.steps_per_epoch
        self.schedules = Schedules([spec.schedule for spec in cohort], *self.length, device)
        self.states = [*self.stack.states, *self.stack.clip_states, *self.schedules.states]
        self.now = torch.zeros((), dtype=torch.int64, device=device)  # steps taken before
        self.evaluated = torch.zeros_like(self.now)  # those taken before the evaluation before
        self.notes = Notes(len(cohort), self.network.depth, self.probes, self.evaluations, device)
        self._make_room()

    def _make_room(self) -> None:
        """Make what has a row a cell beside the stack: where a step finds its batch, and a measurement leaves what it
        found.
        """
        cells, x = len(self.stack), self.data.train_x
        self.index_SB = torch.empty(cells, self.order.batch_size, dtype=torch.int64, device=x.device)
        self.health_SDM = torch.empty(cells, self.network.depth, len(METRICS), device=x.device)
        self.curve_SM = torch.empty(cells, len(CURVE_METRICS), device=x.device)
        self.diverged = Tally(x.device)

    def train(self) -> list[Outcome]:
        for start, stop in pairwise([*self.probes, self.probes[-1]]):
            self._measure(start)
            if len(self.stack) == 0:
                break
            if self.native is not None:
                self.native.take(self.stack, self.order, self._rate, start, stop)
                continue
            for number in range(start, stop):
                if number == stop - 1:
                    self.stack.spare_SP.copy_(self.stack.param_SP)
                with self._at(number):
                    self._step(number)
        stack = self.stack
        if len(stack):
            self.notes.add_test(stack.place_S, stack.diverged_S < 0, self.measurement.test(stack))
        self._leave(torch.ones_like(stack.place_S, dtype=torch.bool))
        return self.notes.outcomes(self.network.layout.parameters)

    def _step(self, number: int) -> None:
        self.now.fill_(number)
        self.order.batch(number, out=self.index_SB)
        self.execution.run("step", self._take_step, self.states)

    def _take_step(self) -> None:
        """Take the step that ``now`` says, by the batch that ``index_SB`` says."""
        moment = self._moment()
        lr_S1 = self.schedules.rate(self.stack.lr_S1, moment)
        step(self.network, self.arithmetic, self.stack, self.data, self.index_SB, lr_S1, moment)

    def _rate(self, number: int) -> Tensor:
        """Return each cell's learning rate in a step, [S, 1]."""
        self.now.fill_(number)
        with self._at(number):
            return self.schedules.rate(self.stack.lr_S1, self._moment())

    @contextmanager
    def _at(self, number: int) -> Iterator[None]:
        """Have what a rule of a user's own raises say at which step it did."""
        try:
            yield
        except Exception as error:
            error.add_note(f"at step {number} of {self.probes[-1]}")
            raise

    def _moment(self) -> Moment:
        return Moment(self.now, *self.length, self.stack.val_loss_S1, self.evaluated)

    def _measure(self, number: int) -> None:
        """Measure every cell that is there; those that have diverged leave before and, found here, after, or once most
        have.
        """
        looks, evaluates = self.execution.looks, number in self.evaluations
        if looks:
            self._leave(self.stack.diverged_S >= 0)
            if len(self.stack) == 0:
                return
        self.now.fill_(number)
        body = partial(self._look, evaluates, is_first=number == 0)
        self.execution.run("evaluation" if evaluates else "probe", body, self.states)
        self.notes.add_health(number, self.stack.place_S, self.health_SDM)
        if evaluates:
            self.notes.add_curve(number, self.stack.place_S, self.curve_SM)
        if looks or (evaluates and self._most_had_diverged()):
            self._leave(self.stack.diverged_S >= 0)

    def _look(self, evaluates: bool, is_first: bool) -> None:
        """Leave in ``health_SDM`` and ``curve_SM`` what a measurement finds."""
        stack, moment = self.stack, self._moment()
        probe = self.measurement.probe(stack, moment, is_first)
        self.health_SDM.copy_(packed(METRICS, probe.health))
        if evaluates:
            curve = self.measurement.evaluate(stack, probe.parts, moment)
            self.curve_SM.copy_(packed(CURVE_METRICS, curve))
            stack.clipped_S.zero_()
            self.evaluated.copy_(self.now)
        stack.hold()

    def _most_had_diverged(self) -> bool:
        """Return whether half of the cells had diverged by the evaluation before: of this one it is not known yet."""
        had = self.diverged.before()
        self.diverged.count(self.stack.diverged_S)
        return 2 * had >= len(self.stack)

    def _leave(self, leaving_S: Tensor) -> None:
        """Take cells out of the stack and keep what is left of them."""
        leaving = leaving_S.nonzero().squeeze(1)
        if len(leaving) == 0:
            return
        stack = self.stack
        found = zip(
            stack.place_S[leaving].tolist(), stack.diverged_S[leaving].tolist(), stack.last(leaving).cpu(), strict=True
        )
        for row, (place, diverged_step, weights_P) in zip(leaving.tolist(), found, strict=True):
            self.notes.leave(place, diverged_step, weights_P, stack.watch.of(row))
        stay = (~leaving_S).nonzero().squeeze(1)
        stack.keep(stay)
        self.arithmetic.keep(stay)
        self.schedules.keep(stay)
        self.order.keep(stay)
        self._make_room()
        self.execution.forget()
