"""What is measured of a stack, native: the same as ``training.measurement``, of a cell at a time.

Legend of the suffixes: D probed layers, B batch, I features, M metrics.
"""

import ctypes
from functools import partial
from typing import Any

import torch
from torch import Tensor

from ablation.training.arithmetic import Arithmetic
from ablation.training.data import Data
from ablation.training.descent import Part
from ablation.training.ingredients import Moment
from ablation.training.measurement import Count, Measurement, Probe
from ablation.training.native.form import Form
from ablation.training.native.interface import (
    BATCH,
    LONG,
    PART,
    POINTER,
    address,
    call,
    cells_of,
    labels,
    network_of,
    rule_of,
)
from ablation.training.native.steps import note
from ablation.training.networks.network import Network
from ablation.training.probes import METRICS, PERCENTILE
from ablation.training.spec import Spec
from ablation.training.stack import Stack

CHUNK = 64
"""As scoring.h has it: examples that go through the network at once in an evaluation."""


class NativeMeasurement(Measurement):
    """Measures a stack of cells that are trained natively.

    Args:
        form: the cohort's.
        network: what is measured.
        arithmetic: the eager functions, with which the gradient's noise is measured.
        spec: a cell of the cohort.
        data: the data set, on the CPU.
    """

    def __init__(self, form: Form, network: Network, arithmetic: Arithmetic, spec: Spec, data: Data) -> None:
        super().__init__(network, arithmetic, spec, data)
        self._form, self._rule = form, rule_of(form)
        self._native = network_of(network, spec, data, form)
        self._batch = _by_feature(self._probe_x, self._form.lanes), self._probe_y.contiguous()
        self._parts: dict[int, Any] = {}
        self._compared: tuple[Tensor, Tensor, Tensor | None] | None = None

    def probe(self, stack: Stack, moment: Moment, is_first: bool) -> Probe:
        """As ``Measurement.probe``; what an evaluation asks of the gradient is found too, and kept for it."""
        cells, depth = len(stack), self._network.depth
        health_SDM = torch.empty(cells, depth, len(METRICS))
        loss_S, norm_S, cosine_S = torch.empty(cells), *(torch.empty(cells, dtype=torch.float64) for _ in range(2))
        x_IB, y_B = self._batch
        largest = torch.zeros(cells, 3) if stack.watch.kinds else None
        batch = BATCH(
            x=address(x_IB),
            **labels(y_B),
            limit=float(stack.limit),
            percentile=PERCENTILE,
            has_before=not is_first,
        )
        rows = cells_of(stack, self._form, largest=largest)
        call(
            self._form.functions.ablation_probe,
            *map(ctypes.byref, (self._native, self._rule)),
            ctypes.cast(self._form.rule.clip, POINTER),
            *map(ctypes.byref, (batch, rows)),
            *map(LONG, (cells, len(y_B))),
            *(POINTER(address(each)) for each in (health_SDM, loss_S, norm_S, cosine_S)),
        )
        stack.mark(loss_S, moment.step)
        self._compared = norm_S, cosine_S, largest
        return Probe(dict(zip(METRICS, health_SDM.unbind(2), strict=True)), [])

    def _clipping(self, stack: Stack, parts: list[Part], moment: Moment) -> tuple[Tensor, Tensor]:
        """As ``Measurement._clipping``, of the gradient that was probed last."""
        assert self._compared is not None, "an evaluation follows a probe"
        norm_S, cosine_S, largest = self._compared
        note(stack, largest)
        return norm_S, cosine_S

    def _counter(self, stack: Stack) -> Count:
        """As ``Measurement._counter``."""
        return partial(self._counted, stack)

    def _counted(self, stack: Stack, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
        if id(x) not in self._parts:
            pieces = [_by_feature(each, self._form.lanes).flatten() for each in torch.split(x, CHUNK)]
            held = x, torch.cat(pieces), y.contiguous()
            self._parts[id(x)] = PART(x=address(held[1]), **labels(held[2]), examples=len(y)), held
        part, _ = self._parts[id(x)]
        loss_S, score_S = (torch.empty(len(stack), dtype=torch.float64) for _ in range(2))
        rows = cells_of(stack, self._form)
        call(
            self._form.functions.ablation_score,
            *map(ctypes.byref, (self._native, rows, part)),
            LONG(len(stack)),
            *(POINTER(address(each)) for each in (loss_S, score_S)),
        )
        return loss_S.float(), score_S if y.is_floating_point() else score_S.float()


def _by_feature(x_BI: Tensor, lanes: int) -> Tensor:
    """Return examples as C reads them, [I, B padded to a multiple of ``lanes``]."""
    return torch.nn.functional.pad(x_BI, (0, 0, 0, -len(x_BI) % lanes)).t().contiguous()
