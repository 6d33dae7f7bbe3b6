"""On a GPU, where there is one: as on a CPU, captured as eager, and no look at a number within a part."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest
import torch

from ablation.choices.clipping import CLIPPINGS
from ablation.choices.optimizers import OPTIMIZERS
from ablation.studies.engines import work
from ablation.studies.engines.work import train_within_memory
from ablation.training.executing import captured
from ablation.training.executing.captured import Captured
from ablation.training.executing.cuda import CudaGraph
from ablation.training.executing.execution import Eager
from ablation.training.trainer import train
from tests.compiler import needs_compiler
from tests.training.executing.test_captured import WORK, looking
from tests.training.reference import NORMALIZED, blobs, level, slopes, spec
from tests.training.test_trainer import HUGE, diverging, mixed_cohort, same_bits

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")

MORE = {
    "tanh, deep": mixed_cohort(36, "before", "global_norm", widths=(32,) * 20, optimizer="momentum"),
    "gelu": mixed_cohort(7, activation="gelu"),
    "elu": mixed_cohort(7, "after", activation="elu"),
    "tf32": [replace(cell, tf32=True) for cell in mixed_cohort(7)],
}


@pytest.fixture
def data():
    return blobs().to(torch.device("cuda"))


@pytest.fixture(autouse=True)
def untold(monkeypatch):
    monkeypatch.setattr(captured, "_TOLD", set())


def capturing(rehearses: bool = True) -> tuple[Captured, list[CudaGraph]]:
    """Return a captured execution, and the graphs that it makes."""
    graphs: list[CudaGraph] = []
    pool = torch.cuda.graph_pool_handle()

    def new() -> CudaGraph:
        graphs.append(CudaGraph(pool))
        return graphs[-1]

    return Captured(new, "these choices", rehearses), graphs


def assert_same_bits(outcomes, others) -> None:
    for place, (one, other) in enumerate(zip(outcomes, others, strict=True)):
        assert same_bits(one, other), place


@pytest.mark.parametrize("normalization", NORMALIZED)
def test_a_gpu_learns_what_a_cpu_does(data, normalization):
    cells = [spec(normalization=NORMALIZED[normalization], seed=seed) for seed in range(3)]
    for cpu, gpu in zip(train(cells, blobs()), train(cells, data), strict=True):
        np.testing.assert_allclose(gpu.curves, cpu.curves, rtol=1e-2, atol=1e-3)
        np.testing.assert_allclose(gpu.layers[0], cpu.layers[0], rtol=1e-3, atol=1e-5)


# Captured is eager.


@pytest.mark.parametrize("name", [*WORK, *MORE])
def test_captured_is_eager_to_the_bit(data, name, capsys):
    cells = {**WORK, **MORE}[name]
    execution, graphs = capturing()
    assert_same_bits(train(cells, data, execution=execution), train(cells, data, execution=Eager(looks=False)))
    assert capsys.readouterr().err == ""
    assert len(graphs) >= 3


@needs_compiler
@pytest.mark.parametrize("optimizer", ["sgd", "momentum"])
def test_compiled_layers_are_captured_too(data, capsys, optimizer):
    cells = mixed_cohort(7, "before", activation="elu", compile="layers", optimizer=optimizer)
    execution, graphs = capturing(rehearses=False)
    assert_same_bits(train(cells, data, execution=execution), train(cells, data, execution=Eager(looks=False)))
    assert capsys.readouterr().err == ""
    assert len(graphs) >= 3


def test_a_regression_is_captured_too(capsys):
    there, cells = slopes().to(torch.device("cuda")), [spec(loss="mse", seed=seed) for seed in range(3)]
    assert_same_bits(train(cells, there), train(cells, there, execution=Eager(looks=False)))
    assert capsys.readouterr().err == ""


def test_captured_is_what_a_gpu_does_by_itself(data, monkeypatch):
    replayed = []
    replay = CudaGraph.replay
    monkeypatch.setattr(CudaGraph, "replay", lambda graph: (replayed.append(graph), replay(graph)))
    train([spec()], data)
    assert len(set(replayed)) == 3
    assert len(replayed) > 20


# The law of bits.


@pytest.mark.parametrize("norm", ["none", "before"])
def test_a_cell_has_the_same_bits_alone_and_in_stacks_of_7_and_300(data, norm):
    cells = mixed_cohort(300, norm, activation="relu", loss="mse")
    whole = train(cells, data)
    assert any(outcome.diverged_step is not None for outcome in whole) or norm != "none"
    assert_same_bits(train(cells[:7], data), whole[:7])
    for place in (0, 2, 3, 150, 299):
        assert_same_bits(train([cells[place]], data), [whole[place]])


def test_a_cell_that_diverges_touches_nobody(data):
    calm = [diverging(0.05, seed) for seed in range(3)]
    wild = [diverging(HUGE, seed) for seed in range(3)]
    beside = train([calm[0], wild[0], calm[1], calm[2]], data)
    assert [outcome.diverged_step is None for outcome in beside] == [True, False, True, True]
    assert_same_bits([beside[place] for place in (0, 2, 3)], train(calm, data))
    most = train([*wild, *calm], data)
    assert_same_bits(most[3:], train(calm, data))
    assert_same_bits(most[:3], train(wild, data))


def test_four_streams_at_a_time_give_the_bits_of_one(data):
    cohorts = [
        mixed_cohort(20, norm, rule, activation=activation)
        for norm, rule, activation in (
            ("none", "none", "relu"),
            ("before", "global_norm", "tanh"),
            ("after", "value", "elu"),
            ("none", "norm", "logistic"),
        )
        for _ in range(3)
    ]
    one_by_one = [train(cohort, data) for cohort in cohorts]
    with ThreadPoolExecutor(4) as pool:
        for outcomes, others in zip(pool.map(train, cohorts, [data] * len(cohorts)), one_by_one, strict=True):
            assert_same_bits(outcomes, others)


# Nothing waits.


class Strict(Eager):
    """No part may wait for the GPU."""

    def __init__(self) -> None:
        super().__init__(looks=False)

    def run(self, kind, body, states) -> None:
        # What is done between parts may wait: a new epoch's order is brought to the device there.
        torch.cuda.set_sync_debug_mode("error")
        try:
            super().run(kind, body, states)
        finally:
            torch.cuda.set_sync_debug_mode("default")


@pytest.mark.parametrize("name", WORK)
def test_no_step_probe_or_evaluation_waits_for_the_gpu(data, name):
    train(WORK[name], data, execution=Strict())


def test_tf32_is_off_unless_asked_for(data):
    seen = []
    for asked in (False, True):
        torch.backends.cuda.matmul.allow_tf32 = not asked
        outcome = train([spec(tf32=asked, widths=(64, 64, 64))], data)[0]
        assert torch.backends.cuda.matmul.allow_tf32 is not asked, "the caller's own setting comes back"
        seen.append(outcome.curves)
    torch.backends.cuda.matmul.allow_tf32 = False
    assert not np.array_equal(*seen, equal_nan=True)


# What goes wrong.


@pytest.mark.parametrize("rehearses", [True, False], ids=["foreseen", "broken off"])
def test_a_rule_that_looks_at_numbers_is_trained_eagerly_and_named(data, monkeypatch, capsys, rehearses):
    monkeypatch.setitem(CLIPPINGS, "own", looking)
    cells = [spec(clipping=level("own", threshold=0.01), seed=seed) for seed in range(3)]
    eager = train(cells, data, execution=Eager(looks=False))
    assert_same_bits(train(cells, data, execution=capturing(rehearses)[0]), eager)
    told = capsys.readouterr().err
    assert "looking (test_captured.py" in told if rehearses else "these choices (" in told
    # Others are captured after it as before.
    others = mixed_cohort(5, "before")
    assert_same_bits(train(others, data), train(others, data, execution=Eager(looks=False)))
    assert capsys.readouterr().err == ""
    torch.cuda.empty_cache()


def test_what_was_interrupted_goes_on_to_the_same_bits(data, monkeypatch):
    cells = mixed_cohort(7, optimizer="momentum")
    whole = train(cells, data)
    calls = 0

    def stopping(*arguments, **settings):
        nonlocal calls
        calls += 1
        if calls == 6:  # within a capture, which comes in the second step: a step has four parts
            raise KeyboardInterrupt
        return OPTIMIZERS["momentum"](*arguments, **settings)

    monkeypatch.setitem(OPTIMIZERS, "stopping", stopping)
    with pytest.raises(KeyboardInterrupt):
        train([replace(cell, optimizer=level("stopping", momentum=0.9)) for cell in cells], data)
    assert_same_bits(train(cells, data), whole)


def test_out_of_memory_halves_the_cohort(data, monkeypatch):
    cells = [spec(widths=(256, 256, 256), seed=seed % 3, epochs=1) for seed in range(128)]
    expected = train(cells[:3], data)
    sizes = []

    def counted(part, *rest):
        sizes.append(len(part))
        return train(part, *rest)

    monkeypatch.setattr(work, "train", counted)
    torch.cuda.empty_cache()
    total = torch.cuda.get_device_properties(0).total_memory
    # 128 cells have 74 MB of parameters, and take several times as much.
    torch.cuda.set_per_process_memory_fraction((torch.cuda.memory_reserved() + 250e6) / total)
    try:
        outcomes = train_within_memory(cells, data)
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0)
    assert sizes[0] == 128
    assert len(sizes) > 1
    assert len(outcomes) == 128
    for place, outcome in enumerate(outcomes):
        np.testing.assert_allclose(outcome.curves, expected[place % 3].curves, rtol=1e-4, atol=1e-5)


def test_the_memory_of_graphs_is_given_back(data):
    def reserved() -> int:
        torch.cuda.empty_cache()
        return torch.cuda.memory_reserved()

    train(mixed_cohort(36, "before", widths=(64,) * 8), data)
    before = reserved()
    for _ in range(3):
        train(mixed_cohort(36, "before", widths=(64,) * 8), data)
    assert reserved() <= before
