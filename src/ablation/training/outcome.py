"""What is kept of a cohort's cells while they train, and of each at the end.

A measured number has its name until here, where it is packed: in the order of ``CURVE_METRICS``, ``METRICS`` and
``TEST_METRICS``.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ablation.training.measurement import CURVE_METRICS, TEST_METRICS
from ablation.training.probes import METRICS


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
        test: float32 [len(TEST_METRICS)] at the end; NaN of a cell that diverged.
        weights: all parameters at the end, [P], flat as ``Layout.views`` sees them; of a diverged cell, those at the
            probe at which that was found.
        compared: the largest number that each watched clipping rule would have compared with its threshold.
    """

    diverged_step: int | None
    parameters: int
    curve_steps: NDArray[np.int64]
    curves: NDArray[np.float32]
    layer_steps: NDArray[np.int64]
    layers: NDArray[np.float32]
    test: NDArray[np.float32]
    weights: Tensor
    compared: Mapping[str, float]


def packed(names: Sequence[str], measured: Mapping[str, Tensor]) -> Tensor:
    """Return what was measured, [S] or [S, D] by name, as one tensor whose last axis is these names, in float32."""
    return torch.stack([measured[name] for name in names], dim=-1).float()


class Notes:
    """What has been measured of a cohort so far.

    Args:
        cells: how many cells it has.
        layers: places of each that are probed.
        probes: the steps at which they are.
        evaluations: those at which they are evaluated too.
        device: where they are, and what is measured of them until the end: to bring it over earlier is to wait for it.
    """

    def __init__(
        self, cells: int, layers: int, probes: Sequence[int], evaluations: Sequence[int], device: torch.device
    ) -> None:
        self._probes, self._evaluations = list(probes), list(evaluations)
        self._curves = torch.full((cells, len(evaluations), len(CURVE_METRICS)), math.nan, device=device)
        self._layers = torch.full((cells, len(probes), layers, len(METRICS)), math.nan, device=device)
        self._test = torch.full((cells, len(TEST_METRICS)), math.nan, device=device)
        self._diverged_step: list[int | None] = [None] * cells
        self._weights: list[Tensor] = [torch.empty(0)] * cells
        self._compared: list[Mapping[str, float]] = [{}] * cells

    def add_health(self, step: int, place_S: Tensor, health_SDM: Tensor) -> None:
        """Note the gradient health of the cells at these places, packed; of those that have diverged it is dropped."""
        self._layers[:, self._probes.index(step)].index_copy_(0, place_S, health_SDM)

    def add_curve(self, step: int, place_S: Tensor, curve_SM: Tensor) -> None:
        """Note an evaluation likewise."""
        self._curves[:, self._evaluations.index(step)].index_copy_(0, place_S, curve_SM)

    def add_test(self, place_S: Tensor, finite_S: Tensor, test: Mapping[str, Tensor]) -> None:
        """Note the test of the cells at these places, [S] by name, but of those that have diverged."""
        packed_SM = packed(TEST_METRICS, test)
        self._test.index_copy_(0, place_S, torch.where(finite_S.unsqueeze(1), packed_SM, math.nan))

    def leave(self, place: int, diverged_step: int, weights_P: Tensor, compared: Mapping[str, float]) -> None:
        """Note that the cell at a place leaves the stack; its step is negative where it has not diverged."""
        self._diverged_step[place] = diverged_step if diverged_step >= 0 else None
        self._weights[place] = weights_P.clone()
        self._compared[place] = compared

    def outcomes(self, parameters: int) -> list[Outcome]:
        """Return what is kept of each cell, which has so many parameters, once all have left."""
        measured = [each.cpu().numpy() for each in (self._curves, self._layers, self._test)]
        return [
            self._outcome(place, parameters, *(each[place] for each in measured)) for place in range(len(self._weights))
        ]

    def _outcome(
        self,
        place: int,
        parameters: int,
        curves: NDArray[np.float32],
        layers: NDArray[np.float32],
        test: NDArray[np.float32],
    ) -> Outcome:
        diverged = self._diverged_step[place]
        end = math.inf if diverged is None else diverged
        probes, evaluations = ([step for step in all if step < end] for all in (self._probes, self._evaluations))
        return Outcome(
            diverged,
            parameters,
            np.array(evaluations, np.int64),
            curves[: len(evaluations)],
            np.array(probes, np.int64),
            layers[: len(probes)],
            test,
            self._weights[place],
            self._compared[place],
        )
