"""Run-steps per second against peers, interleaved in one run, as a table in Markdown.

taskset -c 0 python benchmarks/throughput.py --jax ../jax/bin/python     # one thread, kept on one core
taskset -c 0 python benchmarks/throughput.py --rows 5x32,10x64x64-tanh --columns ours,quiet,jax
python benchmarks/throughput.py --device cuda --cells 36,512,4096
"""

import argparse
import math
import os
import platform
import statistics
import sys
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import torch
from jax_peer import Jax, Missing, Refused
from own import MODES, PARAMETERS, PROBE, digits, ours, quiet
from peers import Shape, alone, floor, vmap

from ablation.studies.cells import resolve_device
from ablation.training.data import Data

ROWS = {
    "5x32x64": Shape(5, 32, 64, 32, 15),
    "10x64x64": Shape(10, 64, 64, 32, 15),
    "20x100x64": Shape(20, 100, 64, 16, 15),
    "50x256x128": Shape(50, 256, 128, 4, 2),
}
QUIET = {name: "quiet" if name == "ours" else f"{name} quiet" for name in MODES}
"""The column without measurements, by the name of the column with them."""

COLUMNS = ["floor", *(column for name in MODES for column in (name, QUIET[name])), "alone", "vmap", "jax"]
RATIOS = [
    *((name, "alone") for name in MODES),
    ("ours", "vmap"),
    *((name, "floor") for name in MODES),
    *((column, "jax") for name in MODES for column in (name, QUIET[name])),
]


def columns_of(
    shape: Shape, activation: str, norm: bool, data: Data, jax: Jax | None
) -> dict[str, Callable[[], float]]:
    """Return what measures each column of a row."""
    what, steps = (shape, activation, norm, data), shape.steps(len(data.train_y))
    columns: dict[str, Callable[[], float]] = {
        "floor": lambda: floor(shape, data.train_x.device, steps),
        "alone": lambda: alone(*what, PROBE),
        "vmap": lambda: vmap(*what, max(5, steps // 4)),
    }
    for name, mode in MODES.items():
        columns[name] = lambda mode=mode: ours(*what, mode)
        columns[QUIET[name]] = lambda mode=mode: quiet(*what, mode)
    if jax is not None:
        columns["jax"] = lambda: jax.rate(*what, steps)
    return columns


def medians(columns: dict[str, Callable[[], float]], repeats: int) -> dict[str, float]:
    """Return each column's median of interleaved repeats, after a first pass; NaN where memory is too small for it."""
    seen: dict[str, list[float]] = {column: [] for column in columns}
    for _ in range(repeats + 1):
        for column, run in columns.items():
            if seen[column] and math.isnan(seen[column][-1]):
                continue
            torch.cuda.empty_cache()  # JAX takes memory of its own; on a CPU it does nothing
            try:
                seen[column].append(run())
            except (torch.OutOfMemoryError, Refused) as error:
                print(f"{column}: {str(error).splitlines()[0]}", file=sys.stderr)
                seen[column].append(math.nan)
    return {
        column: math.nan if math.isnan(rates[-1]) else statistics.median(rates[1:]) for column, rates in seen.items()
    }


def begin_jax(python: str | None, device: str) -> Jax | None:
    """Return JAX's process, or none, and say why."""
    try:
        return Jax(python, device)
    except Missing as missing:
        print(f"without JAX: {missing}\n")
        return None


def machine(device: torch.device) -> str:
    """Return what computes: the card, or the processor and the core that this process is kept on."""
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)}, one GPU"
    names = [line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")]
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()
    kept = f"kept on core {min(cores)}" if len(cores) == 1 else "on any core (taskset -c 0 keeps it on one)"
    return f"{names[0] if names else platform.processor() or platform.machine()}, one thread, {kept}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument(
        "--rows", default="", help="only rows whose names begin so, 5x32x64-relu-batch being one; by commas"
    )
    parser.add_argument("--cells", default="", help="cells of a cohort, by commas, instead of the row's own")
    parser.add_argument("--epochs", type=int, help="instead of the row's own; 16 steps each with a batch of 64")
    parser.add_argument("--columns", default=",".join(COLUMNS), help="only these, by commas, and the ratios of these")
    parser.add_argument("--jax", help="a Python that can import jax; by default that of JAX_PYTHON, or this one")
    arguments = parser.parse_args()
    asked = arguments.columns.split(",")
    if unknown := set(asked) - set(COLUMNS):
        parser.error(f"--columns {','.join(sorted(unknown))}: allowed are {', '.join(COLUMNS)}")
    torch.set_num_threads(1)
    device = resolve_device(arguments.device)
    data = digits(device)
    jax = begin_jax(arguments.jax, device.type) if "jax" in asked else None
    there = {"jax": jax is not None, **dict.fromkeys(("native", "native quiet"), device.type == "cpu")}
    shown = [column for column in COLUMNS if column in asked and there.get(column, True)]
    ratios = [(one, other) for one, other in RATIOS if one in shown and other in shown]
    print(f"{machine(device)}, torch {torch.__version__}" + (f", jax {jax.version}" if jax else "") + "; run-steps per")
    print(f"second, medians of {arguments.repeats} interleaved repeats\n")
    heads = ["shape", "cells", "activation", "norm", *shown, *(f"{one}/{other}" for one, other in ratios)]
    print(f"| {' | '.join(heads)} |\n|{' --- |' * 4}{' ---: |' * (len(heads) - 4)}")
    stacks = [int(cells) for cells in arguments.cells.split(",") if cells]
    for (row, listed), norm, activation in product(ROWS.items(), (False, True), PARAMETERS):
        kind = "batch" if norm else "none"
        if not f"{row}-{activation}-{kind}".startswith(tuple(arguments.rows.split(","))):
            continue
        for cells in stacks or [listed.cells]:
            shape = replace(listed, cells=cells, epochs=arguments.epochs or listed.epochs)
            measured = columns_of(shape, activation, norm, data, jax)
            rate = medians({column: measured[column] for column in shown}, arguments.repeats)
            figures = [f"{value:,.0f}" for value in rate.values()] + [f"{rate[a] / rate[b]:.2f}" for a, b in ratios]
            print(f"| {row} | {cells:,} | {activation} | {kind} | {' | '.join(figures)} |", flush=True)
    if jax is not None:
        jax.end()


def _cpuinfo() -> list[str]:
    cpuinfo = Path("/proc/cpuinfo")
    return cpuinfo.read_text("utf-8").splitlines() if cpuinfo.exists() else []


if __name__ == "__main__":
    main()
