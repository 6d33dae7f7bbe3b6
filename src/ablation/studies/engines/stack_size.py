"""How much a cohort may hold for this machine to be fastest: measured, not looked up.

A wide stack spreads the overhead of a step over many cells; one that is too wide no longer fits into a cache. Where the
best lies differs from machine to machine. It decides only which cells train together, never their numbers.

Legend: S cells, B batch, I fan-in, C classes, P parameters of a cell.
"""

import math
import time
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import torch

from ablation.training.memory import keep_freed_memory
from ablation.training.networks import build
from ablation.training.networks.network import Network
from ablation.training.spec import Level, Spec

ENDS, WIDTHS, BATCH = (64, 10), (64,) * 8, 64
"""Inputs and outputs, units of each hidden layer, and examples of a step of the network that is timed: in the middle of
what studies train."""

STACKS = (8, 16, 32, 64)
"""Cells that are tried, some 8 to 64 MB."""

ROUNDS = 5
"""Passes of each stack; the fastest counts, for a machine is shared."""

GAIN = 0.97
"""Share of the time of a narrower stack that a wider one has to stay below to be worth its memory."""


@cache
def fastest_stack() -> int:
    """Return how many cells of the timed network train fastest together on one thread; it takes some tenths of a
    second, once in a process.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    keep_freed_memory()
    try:
        passes = {cells: _one_pass(cells) for cells in STACKS}
        rounds = [{cells: _seconds(run) / cells for cells, run in passes.items()} for _ in range(ROUNDS)]
        return narrowest_of_the_fast({cells: min(seen[cells] for seen in rounds) for cells in STACKS})
    finally:
        torch.set_num_threads(threads)


def narrowest_of_the_fast(seconds_per_cell: Mapping[int, float]) -> int:
    """Return the stack that takes least time a cell, of those given from narrow to wide; a wider one only where that
    is faster by some percent.
    """
    best, least = 0, math.inf
    for cells, seconds in seconds_per_cell.items():
        if seconds < GAIN * least:
            best, least = cells, seconds
    return best


def timed() -> Network:
    """Return the network that is timed, with the choices that take the most operations."""
    kinds = {
        "init": "he_normal",
        "activation": "elu",
        "normalization": "batch",
        "clipping": "none",
        "optimizer": "sgd",
        "schedule": "constant",
        "loss": "cross_entropy",
    }
    levels: dict[str, Any] = {choice: Level(kind, {}) for choice, kind in kinds.items()}
    return build(Spec(**levels, widths=WIDTHS, batch_size=BATCH, lr=0.1, seed=0, epochs=1, probe_size=BATCH), *ENDS)


def _one_pass(cells: int) -> Callable[[], object]:
    """Return a step's forward and backward pass."""
    network = timed()
    layout, features, classes = network.layout, *ENDS
    flat_SP = torch.full((cells, layout.parameters), 1e-2)
    parameters, vectors = layout.views(flat_SP), layout.views_of_vectors(torch.zeros_like(layout.blocks(flat_SP)[-1]))
    x_SBI, grad_SBC = torch.rand(cells, BATCH, features), torch.rand(cells, BATCH, classes)

    def run() -> object:
        _, tape = network.forward(parameters, x_SBI)
        return list(network.backward(parameters, tape, grad_SBC, vectors))

    return run


def _seconds(run: Callable[[], object]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun
