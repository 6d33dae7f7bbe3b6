"""On a GPU, where there is one: the same study as on a CPU, and no look at a number between two probes."""

import numpy as np
import pytest
import torch

from ablation.training import trainer
from ablation.training.trainer import train
from tests.training.reference import NORMALIZED, blobs, spec

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")


@pytest.mark.parametrize("normalization", NORMALIZED)
def test_a_gpu_learns_what_a_cpu_does(normalization):
    data = blobs()
    cells = [spec(normalization=NORMALIZED[normalization], seed=seed) for seed in range(3)]
    there = train(cells, data.to(torch.device("cuda")))
    for cpu, gpu in zip(train(cells, data), there, strict=True):
        np.testing.assert_allclose(gpu.curves, cpu.curves, rtol=1e-2, atol=1e-3)
        np.testing.assert_allclose(gpu.layers[0], cpu.layers[0], rtol=1e-3, atol=1e-5)


def test_no_training_step_waits_for_the_gpu(monkeypatch):
    step = trainer.step

    def watched(*arguments: object) -> None:
        # Where a new epoch's order is brought to the device, before a step, may wait; the step may not.
        torch.cuda.set_sync_debug_mode("error")
        try:
            step(*arguments)
        finally:
            torch.cuda.set_sync_debug_mode("default")

    monkeypatch.setattr(trainer, "step", watched)
    cells = [spec(clipping=clipping, normalization=NORMALIZED["before"]) for clipping in ("value",) * 2]
    train(cells, blobs().to(torch.device("cuda")))


def test_tf32_is_off_unless_asked_for():
    seen = []
    data = blobs().to(torch.device("cuda"))
    for asked in (False, True):
        torch.backends.cuda.matmul.allow_tf32 = not asked
        cell = spec()
        object.__setattr__(cell, "tf32", asked)
        outcome = train([cell], data)[0]
        assert torch.backends.cuda.matmul.allow_tf32 is not asked, "the caller's own setting comes back"
        seen.append(outcome.curves)
    assert not np.array_equal(*seen)
