"""What each of the ways to train many small cells on a GPU gains, and how many kernels a step is: two tables.

python benchmarks/switches.py ways                 # on a GPU: run-steps per second, as it is and otherwise
python benchmarks/switches.py kernels              # kernels and milliseconds of a step and of a measurement
python benchmarks/switches.py ways --device cpu --depth 2 --epochs 1 --without compiled   # without one: does it work?

The cells are the core study's of one depth. Whatever these switches change, its numbers do not but for compiling.
"""

import argparse
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from itertools import product
from typing import NamedTuple
from unittest.mock import patch

import torch
from own import BATCH, digits
from peers import synchronize
from torch.profiler import ProfilerActivity, profile

from ablation.choices.initializers import INITIALIZERS
from ablation.levels import settings
from ablation.studies.cells import resolve_device
from ablation.training import trainer
from ablation.training.data import Data
from ablation.training.executing.cuda import own_stream
from ablation.training.executing.execution import Eager
from ablation.training.spec import Level, Spec

ACTIVATIONS = {"relu": {}, "elu": {"alpha": 1.0}, "tanh": {}, "logistic": {}, "leaky_relu": {"slope": 0.01}}
INITS = ("torch_default", "xavier_normal", "he_normal", "slides_normal")
RATES = (0.03, 0.1, 0.3, 1.0, 3.0)
TIMED = ("relu", "elu")
"""Activations of the cells that are trained to the end; of all of them it would take minutes, as it once was."""

STEPS = 10
"""Steps that are looked at closely."""


class Way(NamedTuple):
    """How cells are trained: whether those of several kinds share a stack, and so on."""

    wide: bool = True
    captured: bool = True
    threads: int = 4
    compiled: bool = False


WAYS = {
    "as it is": Way(),
    "1 thread": Way(threads=1),
    "not wide": Way(wide=False),
    "not captured": Way(captured=False),
    "compiled layers, 1 thread": Way(threads=1, compiled=True),
    "neither wide nor captured, 1 thread": Way(wide=False, captured=False, threads=1),
}
"""As it is, and what is otherwise, down to what it once was; what is compiled is in one thread and not wide."""

SHOWN = "{:,.0f} | {:.2f} | {:.2f} | {:,.0f} | {:.2f} | {:.2f}"
LOOKED_AT = ("neither wide nor captured, 1 thread", "not wide", "as it is", "compiled layers, 1 thread")


def core(depth: int, width: int, rates: int, seeds: int, epochs: int) -> list[Spec]:
    """Return the cells."""
    none = Level("none", {})
    clippings = [none, *(Level(kind, {"threshold": 1.0}) for kind in ("value", "global_norm"))]
    return [
        Spec(
            init=Level(init, settings(INITIALIZERS[init])),
            activation=Level(activation, ACTIVATIONS[activation]),
            normalization=normalization,
            clipping=clipping,
            optimizer=Level("sgd", {}),
            schedule=Level("constant", {}),
            loss=Level("cross_entropy", {}),
            widths=(width,) * depth,
            batch_size=64,
            lr=lr,
            seed=seed,
            epochs=epochs,
            probe_size=128,
        )
        for normalization, activation, clipping, init, lr, seed in product(
            (none, Level("batch", BATCH)), ACTIVATIONS, clippings, INITS, RATES[:rates], range(seeds)
        )
    ]


def stacks(cells: Sequence[Spec], way: Way) -> list[list[Spec]]:
    """Return the cells as they would be trained together."""
    groups: dict[str, list[Spec]] = {}
    for cell in cells:
        of = replace(cell, compile="layers" if way.compiled else "eager")
        groups.setdefault(json.dumps(of.shared(way.wide), sort_keys=True), []).append(of)
    return list(groups.values())


@contextmanager
def trained(way: Way) -> Iterator[None]:
    """Have the trainer train so."""
    fastest = trainer.fastest
    with (
        patch.object(trainer, "is_wide", lambda device: way.wide),
        patch.object(trainer, "fastest", fastest if way.captured else lambda *arguments: Eager(looks=False)),
    ):
        yield


def rate(cells: Sequence[Spec], data: Data, way: Way) -> tuple[float, float]:
    """Return run-steps per second, and seconds; those of a second time, for what is compiled is so in the first."""
    groups, device = stacks(cells, way), data.train_x.device
    for once in (groups[:: max(1, len(groups) // 4)], groups):
        synchronize(device)
        begun = time.perf_counter()
        with trained(way), ThreadPoolExecutor(way.threads) as pool:
            outcomes = [each for of_one in pool.map(lambda group: trainer.train(group, data), once) for each in of_one]
        synchronize(device)
        seconds = time.perf_counter() - begun
    steps = cells[0].epochs * (len(data.train_y) // cells[0].batch_size)
    taken = sum(steps if each.diverged_step is None else each.diverged_step for each in outcomes)
    return taken / seconds, seconds


def kernels(group: Sequence[Spec], data: Data, way: Way) -> list[float]:
    """Return, of a step and of a probe with its evaluation, kernels, milliseconds, and of these the device's own."""
    device = data.train_x.device
    with trained(way), own_stream(device), torch.inference_mode():
        execution = trainer.fastest(group[0], device)
        run = trainer._Run(group, data, (), execution)
        evaluations = iter(run.evaluations)
        run._measure(next(evaluations))
        for number in range(3):
            run._step(number)
        later = iter(range(3, 3 + 2 * STEPS))
        of_step = looked_at(lambda: run._step(next(later)), STEPS, device)
        run._measure(next(evaluations))
        of_measurement = looked_at(lambda: run._measure(run.evaluations[-1]), 2, device)
        execution.close()
    return [*of_step, *of_measurement]


def looked_at(do: Callable[[], object], times: int, device: torch.device) -> list[float]:
    """Return kernels, milliseconds and the device's milliseconds of what is done so many times, twice, of one."""
    synchronize(device)
    begun = time.perf_counter()
    for _ in range(times):
        do()
    synchronize(device)
    milliseconds = (time.perf_counter() - begun) * 1e3 / times
    there = torch.autograd.DeviceType.CUDA if device.type == "cuda" else torch.autograd.DeviceType.CPU
    with profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA]) as profiled:
        for _ in range(times):
            do()
        synchronize(device)
    events = [event for event in profiled.events() if event.device_type == there]
    busy = sum(event.time_range.elapsed_us() for event in events) / 1e3
    return [len(events) / times, milliseconds, busy / times]


def show_ways(cells: Sequence[Spec], data: Data, ways: Mapping[str, Way]) -> None:
    """Print how fast cells train in each way."""
    timed = [cell for cell in cells if cell.activation.kind in TIMED]
    print(f"{len(timed):,} cells\n\n| | stacks | run-steps per second | s |\n| --- | ---: | ---: | ---: |")
    for name, way in ways.items():
        figures = tried(lambda way=way: "{:,.0f} | {:.2f}".format(*rate(timed, data, way)))
        print(f"| {name} | {len(stacks(timed, way))} | {figures} |", flush=True)


def show_kernels(cells: Sequence[Spec], data: Data, ways: Mapping[str, Way]) -> None:
    """Print what a step and a measurement are in some of these ways."""
    print("| | normalization | stacks | one's step: kernels | ms | busy ms | its measurement: kernels | ms | busy ms |")
    print("|" + " --- |" * 2 + " ---: |" * 7)
    for norm, name in product(("none", "batch"), [name for name in LOOKED_AT if name in ways]):
        groups = stacks([cell for cell in cells if cell.normalization.kind == norm], WAYS[name])
        figures = tried(lambda group=groups[0], way=WAYS[name]: SHOWN.format(*kernels(group, data, way)))
        print(f"| {name} | {norm} | {len(groups)} | {figures} |", flush=True)


def tried(do: Callable[[], str]) -> str:
    """Return what is shown of a figure, or why there is none: the others are still to be had."""
    try:
        return do()
    except Exception as error:
        return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table", choices=["ways", "kernels"])
    parser.add_argument("--device", default="cuda", choices=["cpu", "cuda"])
    parser.add_argument("--depth", type=int, default=20)
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--rates", type=int, default=len(RATES), help="so many of core's learning rates")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--without", metavar="WORD", help="leave out the ways whose names hold it, as: compiled")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    data = digits(resolve_device(arguments.device))
    cells = core(arguments.depth, arguments.width, arguments.rates, arguments.seeds, arguments.epochs)
    print(f"The core study's {len(cells):,} cells of {arguments.depth}x{arguments.width}x64.")
    ways = {name: way for name, way in WAYS.items() if not arguments.without or arguments.without not in name}
    {"ways": show_ways, "kernels": show_kernels}[arguments.table](cells, data, ways)


if __name__ == "__main__":
    main()
