"""What is measured of a cohort between its training steps: gradient health at a probe, a curve at an evaluation; and,
once they are over, a test.

Nothing of it touches what training goes on with, but for the divergence that it finds.
"""

import math
from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor

from ablation.training.arithmetic import Arithmetic
from ablation.training.data import Data
from ablation.training.descent import Part
from ablation.training.health import Health, Seen
from ablation.training.ingredients import Moment
from ablation.training.networks.network import Folded, LayerProbe, Network
from ablation.training.noise import GradientNoise
from ablation.training.probes import METRICS, clipping_cosine, norm_of_parts
from ablation.training.spec import Spec
from ablation.training.stack import Stack

CURVE_METRICS = (
    "train_loss val_loss train_accuracy val_accuracy grad_norm clip_fraction clip_cosine gradient_snr".split()
)
"""What an evaluation gives, in the order in which it is kept."""

TEST_METRICS = "test_loss test_accuracy".split()
"""What the test in the end gives, likewise."""

EVALUATION_CHUNK = 128
"""Examples that go through the network at once in an evaluation, on a GPU so many times half its depth; part of how a
mean is summed, so never changed."""


Count = Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]
"""From examples and labels to the mean loss of every cell in inference mode, and how many examples have their largest
output at the label, or of labels that are numbers the sum of squared residuals."""


class Probe(NamedTuple):
    """One probe: each of ``METRICS``, [S, D], and all gradients of the probe batch before clipping."""

    health: dict[str, Tensor]
    parts: list[Part]


class Measurement:
    """Measures a stack of cells.

    Args:
        network: what is measured.
        arithmetic: what is computed with.
        spec: a cell of the cohort.
        data: the data set.
    """

    def __init__(self, network: Network, arithmetic: Arithmetic, spec: Spec, data: Data) -> None:
        self._network, self._arithmetic, self._data = network, arithmetic, data
        self._train_sample = data.train_sample(min(len(data.train_y), len(data.val_y)))
        self._probe_x, self._probe_y = data.train_sample(spec.probe_size)
        self._noise = GradientNoise(network, arithmetic, spec, data)

    def probe(self, stack: Stack, moment: Moment, is_first: bool) -> Probe:
        """Pass the probe batch through every cell, there and back, and mark those whose loss on it is not finite.

        ``stack.spare_SP`` holds the parameters before the step that led here, unless this is the first probe.
        """
        hidden, x_SBI = self._arithmetic.hidden, self._probe_x.expand(len(stack), -1, -1)
        output_SBC, tape = self._network.forward(stack.parameters, x_SBI, keep=True, hidden=hidden)
        tape.factors = self._arithmetic.descend.asks_for_factors
        loss_S, grad_SBC = self._arithmetic.loss(output_SBC, self._probe_y.expand(len(stack), -1).contiguous())
        stack.mark(loss_S, moment.step)
        previous = None if is_first else self._network.layout.views(stack.spare_SP).linear
        health = Health(self._network.depth, stack.limit, self._arithmetic.summary, self._arithmetic.is_wide)
        parts: list[Part] = []
        probes: dict[int, list[LayerProbe]] = {}
        for found in self._network.backward(stack.parameters, tape, grad_SBC, stack.vectors, hidden):
            if isinstance(found, LayerProbe):
                probes.setdefault(found.weight, []).append(found)
                continue
            parts.append(stack.part(found))
            for seen in probes.pop(found.place, []):
                before_SIO = None if previous is None else previous[found.place].weight_SIO
                health.add(Seen(stack.parameters.linear[found.place].weight_SIO, before_SIO, found.grad_SIO, seen))
        parts = [*sorted(parts, key=lambda part: part.place), stack.part_of_vectors()]
        if self._arithmetic.descend.is_whole:
            parts = [stack.whole(parts)]
        layers = health.layers()
        return Probe({name: torch.stack([layer[name] for layer in layers], dim=1) for name in METRICS}, parts)

    def evaluate(self, stack: Stack, parts: list[Part], moment: Moment) -> dict[str, Tensor]:
        """Return each of ``CURVE_METRICS`` of every cell, [S]; the validation loss is kept in the stack too.

        Args:
            stack: the cells.
            parts: the probe batch's gradient; it is used up.
            moment: when it is; none of its steps since the last evaluation are there before the first step.
        """
        steps = moment.step - moment.evaluated
        count = self._counter(stack)
        train_loss, train_accuracy = scored(count, *self._train_sample)
        val_loss, val_accuracy = scored(count, self._data.val_x, self._data.val_y)
        stack.val_loss_S1.copy_(val_loss.unsqueeze(1))
        norm_S, cosine_S = self._clipping(stack, parts, moment)
        return {
            "train_loss": train_loss,
            "val_loss": val_loss,
            "train_accuracy": train_accuracy,
            "val_accuracy": val_accuracy,
            "grad_norm": norm_S,
            "clip_fraction": stack.clipped_S / torch.where(steps > 0, steps, math.nan),
            "clip_cosine": cosine_S,
            "gradient_snr": self._noise.ratio(stack),  # last, for it uses up the vectors' gradients
        }

    def test(self, stack: Stack) -> dict[str, Tensor]:
        """Return each of ``TEST_METRICS`` of every cell, [S]: of examples by which nothing was chosen, so only once."""
        found = scored(self._counter(stack), self._data.test_x, self._data.test_y)
        return dict(zip(TEST_METRICS, found, strict=True))

    def _clipping(self, stack: Stack, parts: list[Part], moment: Moment) -> tuple[Tensor, Tensor]:
        """Return the norm of the probe batch's gradient, and its cosine with what clipping makes of it, [S] each."""
        raw = [part.grad_SN.clone() for part in parts]
        descend, moment = self._arithmetic.descend, moment._replace(evaluated=moment.step)
        # What a rule remembers is of the steps alone.
        aside = [part._replace(clip_state={name: x.clone() for name, x in part.clip_state.items()}) for part in parts]
        for group in descend.groups(stack.watch.over(aside)):
            descend.clipped(group, stack.numbers, moment)
        return norm_of_parts(raw), clipping_cosine(raw, [part.grad_SN for part in parts])

    def _counter(self, stack: Stack) -> Count:
        """Return what counts as ``scored`` wants it, of cells that do not change meanwhile."""
        return partial(self._count, self._network.folded(stack.parameters, stack.running))

    def _count(self, folded: Folded, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        cells = len(folded.linear[0].weight_SIO)
        loss_S = torch.zeros(cells, device=x.device)
        counts = torch.float64 if y.is_floating_point() else torch.float32
        score_S = torch.zeros(cells, device=x.device, dtype=counts)
        # Where operations cost, so many that one layer's values take the room that a probe's take in all layers.
        chunk = EVALUATION_CHUNK * (max(1, self._network.depth // 2) if self._arithmetic.is_wide else 1)
        for x_BI, y_B in zip(torch.split(x, chunk), torch.split(y, chunk), strict=True):
            output_SBC = self._network.inference(folded, x_BI.expand(cells, -1, -1), self._arithmetic.hidden)
            chunk_loss_S, chunk_score_S = self._arithmetic.score(output_SBC, y_B)
            loss_S += chunk_loss_S * len(y_B)
            score_S += chunk_score_S
        return loss_S / len(y), score_S


def scored(count: Count, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """Return the mean loss and the score of every cell in inference mode: accuracy, or R squared.

    R^2 = 1 - sum (y - f(x))^2 / sum (y - mean y)^2, about the mean of these labels; NaN where they are all alike.
    """
    loss_S, count_S = count(x, y)
    if not y.is_floating_point():
        return loss_S, count_S / len(y)
    total = (y.double() - y.double().mean()).square().sum()
    return loss_S, torch.where(total > 0, 1.0 - count_S / total, math.nan)
