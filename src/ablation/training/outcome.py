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
            probe at which it left the stack.
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


class Notes:
    """What has been measured of a cohort so far.

    Args:
        cells: how many cells it has.
        layers: places of each that are probed.
        probes: the steps at which they are.
        evaluations: those at which they are evaluated too.
    """

    def __init__(self, cells: int, layers: int, probes: Sequence[int], evaluations: Sequence[int]) -> None:
        self._probes, self._evaluations = list(probes), list(evaluations)
        self._curves = np.full((cells, len(evaluations), len(CURVE_METRICS)), np.nan, np.float32)
        self._layers = np.full((cells, len(probes), layers, len(METRICS)), np.nan, np.float32)
        self._test = np.full((cells, len(TEST_METRICS)), np.nan, np.float32)
        self._diverged_step: list[int | None] = [None] * cells
        self._weights: list[Tensor] = [torch.empty(0)] * cells
        self._compared: list[Mapping[str, float]] = [{}] * cells

    def add_health(self, step: int, place_S: Tensor, finite_S: Tensor, health: Mapping[str, Tensor]) -> None:
        """Note the gradient health of the cells at these places, [S, D] by name, but of those that have diverged."""
        packed_SDM = torch.stack([health[name] for name in METRICS], dim=2).float().cpu().numpy()
        finite = finite_S.cpu().numpy()
        self._layers[place_S.cpu().numpy()[finite], self._probes.index(step)] = packed_SDM[finite]

    def add_curve(self, step: int, place_S: Tensor, finite_S: Tensor, curve: Mapping[str, Tensor]) -> None:
        """Note an evaluation likewise, [S] by name."""
        packed_SM = torch.stack([curve[name] for name in CURVE_METRICS], dim=1).float().cpu().numpy()
        finite = finite_S.cpu().numpy()
        self._curves[place_S.cpu().numpy()[finite], self._evaluations.index(step)] = packed_SM[finite]

    def add_test(self, place_S: Tensor, test: Mapping[str, Tensor]) -> None:
        """Note the test of the cells at these places, [S] by name, none of which has diverged."""
        packed_SM = torch.stack([test[name] for name in TEST_METRICS], dim=1).float().cpu().numpy()
        self._test[place_S.cpu().numpy()] = packed_SM

    def leave(self, place: int, diverged_step: int, weights_P: Tensor, compared: Mapping[str, float]) -> None:
        """Note that the cell at a place leaves the stack; its step is negative where it has not diverged."""
        self._diverged_step[place] = diverged_step if diverged_step >= 0 else None
        self._weights[place] = weights_P.clone()
        self._compared[place] = compared

    def outcomes(self, parameters: int) -> list[Outcome]:
        """Return what is kept of each cell, which has so many parameters, once all have left."""
        return [self._outcome(place, parameters) for place in range(len(self._weights))]

    def _outcome(self, place: int, parameters: int) -> Outcome:
        diverged = self._diverged_step[place]
        end = math.inf if diverged is None else diverged
        probes, evaluations = ([step for step in all if step < end] for all in (self._probes, self._evaluations))
        return Outcome(
            diverged,
            parameters,
            np.array(evaluations, np.int64),
            self._curves[place, : len(evaluations)],
            np.array(probes, np.int64),
            self._layers[place, : len(probes)],
            self._test[place],
            self._weights[place],
            self._compared[place],
        )
