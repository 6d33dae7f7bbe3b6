"""What is measured of a cohort between its training steps: gradient health at a probe, a curve at an epoch's end.

Nothing of it touches what training goes on with, but for the divergence that it finds.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from ablation.choices.activations import ACTIVATIONS
from ablation.choices.clipping import CLIPPINGS, Gradient
from ablation.training.arithmetic import Arithmetic
from ablation.training.data import Data
from ablation.training.networks.network import Folded, LayerProbe, Network
from ablation.training.probes import (
    SATURATED_BELOW,
    clipping_cosine,
    largest_derivative,
    layer_health,
    norm_of_parts,
)
from ablation.training.spec import Spec, bind
from ablation.training.stack import Stack

CURVE_METRICS = "train_loss val_loss train_accuracy val_accuracy grad_norm clip_fraction clip_cosine".split()
"""The columns of ``Outcome.curves``, in its order."""

EVALUATION_CHUNK = 128
"""Examples that go through the network at once in an evaluation; part of how a mean is summed, so never changed."""


class Probe(NamedTuple):
    """One probe: every layer's metrics, [S, D, len(METRICS)], and all gradients of the probe batch before clipping."""

    health_SDM: Tensor
    gradient: Gradient


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
        self._clip = CLIPPINGS[spec.clipping.kind]
        self._train_sample = data.train_sample(min(len(data.train_y), len(data.val_y)))
        self._probe_x, self._probe_y = data.train_sample(spec.probe_size)
        steepest = largest_derivative(bind(ACTIVATIONS, spec.activation))
        self._limit = data.train_x.new_tensor(SATURATED_BELOW * steepest)

    def probe(self, stack: Stack, step: int) -> Probe:
        """Pass the probe batch through every cell, there and back, and mark those whose loss on it is not finite.

        ``stack.spare_SP`` holds the parameters before the step that led here, if one did.
        """
        hidden, x_SBI = self._arithmetic.hidden, self._probe_x.expand(len(stack), -1, -1)
        output_SBC, tape = self._network.forward(stack.parameters, x_SBI, keep=True, hidden=hidden)
        loss_S, grad_SBC = self._arithmetic.loss(output_SBC, self._probe_y.expand(len(stack), -1).contiguous())
        stack.mark(loss_S, step)
        previous = self._network.layout.views(stack.spare_SP).linear if step else None
        layers: list[Tensor] = [loss_S] * self._network.depth
        weights: list[Tensor] = [loss_S] * len(self._network.layout.shapes)
        probes: dict[int, list[LayerProbe]] = {}
        for found in self._network.backward(stack.parameters, tape, grad_SBC, stack.vectors, hidden):
            if isinstance(found, LayerProbe):
                probes.setdefault(found.weight, []).append(found)
                continue
            weights[found.place] = found.grad_SIO.flatten(1)
            for seen in probes.pop(found.place, []):
                layers[seen.layer] = layer_health(
                    stack.parameters.linear[found.place].weight_SIO,
                    None if previous is None else previous[found.place].weight_SIO,
                    found.grad_SIO,
                    seen,
                    self._limit,
                    self._arithmetic.summary,
                )
        gradient = Gradient([*weights, stack.vector_grad_SV], [*weights, *stack.vector_tensors])
        return Probe(torch.stack(layers, dim=1).to(output_SBC.dtype), gradient)

    def evaluate(self, stack: Stack, gradient: Gradient, steps: int) -> Tensor:
        """Return the row of ``CURVE_METRICS`` of every cell.

        Args:
            stack: the cells.
            gradient: the probe batch's; it is used up.
            steps: training steps since the last evaluation; none before the first step.
        """
        folded = self._network.folded(stack.parameters, stack.running)
        train_loss, train_accuracy = self._score(folded, *self._train_sample)
        val_loss, val_accuracy = self._score(folded, self._data.val_x, self._data.val_y)
        raw = [block.clone() for block in gradient.blocks]
        self._clip(gradient, **stack.clip_numbers)
        return torch.stack(
            [
                train_loss,
                val_loss,
                train_accuracy,
                val_accuracy,
                norm_of_parts(raw).float(),
                stack.clipped_S / (steps or math.nan),
                clipping_cosine(raw, gradient.blocks),
            ],
            dim=1,
        )

    def _score(self, folded: Folded, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        """Return the mean loss and the accuracy of every cell in inference mode."""
        cells = len(folded.linear[0].weight_SIO)
        loss_S = torch.zeros(cells, device=x.device)
        right_S = torch.zeros(cells, device=x.device)
        for x_BI, y_B in zip(torch.split(x, EVALUATION_CHUNK), torch.split(y, EVALUATION_CHUNK), strict=True):
            output_SBC = self._network.inference(folded, x_BI.expand(cells, -1, -1), self._arithmetic.hidden)
            chunk_loss_S, chunk_right_S = self._arithmetic.score(output_SBC, y_B)
            loss_S += chunk_loss_S * len(y_B)
            right_S += chunk_right_S
        return loss_S / len(y), right_S / len(y)
