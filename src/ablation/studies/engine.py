"""Where cohorts are trained: in this process, or in one worker process per core. The bits are the same.

A worker never touches the store or MLflow: it is told a cohort and answers with records.
"""

import json
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

from ablation import UserError
from ablation.datasets.prepared import load
from ablation.studies.cells import Cell
from ablation.studies.store import Record
from ablation.training.data import Data
from ablation.training.trainer import train

COHORT_BYTES = 48 * 2**20
"""What the weights and activations of a cohort may take. Between 16 and 64 MB the speed hardly changes; beyond, caches
hold less of a layer."""

COHORT_CELLS = 48
"""Beyond this many cells the overhead of a step is spread thin enough."""

CUDA_SHARE = 0.5
"""Share of a GPU's free memory that a cohort may take."""


@dataclass(frozen=True)
class Cohort:
    """Cells trained together, with their places in the list that the engine was given."""

    places: list[int]
    cells: list[Cell]
    name: str


@dataclass(frozen=True)
class Trained:
    """A cohort's records, and what they cost."""

    cohort: Cohort
    records: list[Record]
    seconds: float
    run_steps: int


@dataclass(frozen=True)
class Source:
    """Where a worker finds the data: the prepared files' folder and the data levels' parameters by label."""

    folder: Path
    levels: Mapping[str, Mapping[str, Any]]
    device: str


def make_cohorts(
    cells: Sequence[Cell], features: Mapping[str, int], workers: int, limit_bytes: int, limit_cells: int
) -> list[Cohort]:
    """Group cells into cohorts, the costliest first, so that the last ones to run are short.

    Args:
        cells: what is to be trained.
        features: inputs of each data set by label.
        workers: how many cohorts train at a time; every one of them gets work, if there is enough.
        limit_bytes: largest memory of a cohort's weights and activations.
        limit_cells: largest number of its cells.
    """
    groups: dict[str, list[int]] = {}
    for place, cell in enumerate(cells):
        shared = json.dumps([cell.data, cell.spec.cohort()], sort_keys=True)
        groups.setdefault(shared, []).append(place)
    parts: list[list[int]] = []
    for group in groups.values():
        most = max(1, min(limit_cells, int(limit_bytes // _bytes(cells[group[0]], features))))
        count = -(-len(group) // most)
        parts += [group[part * len(group) // count : (part + 1) * len(group) // count] for part in range(count)]

    def cost(part: list[int]) -> float:
        return len(part) * _bytes(cells[part[0]], features)

    while len(parts) < min(workers, len(cells)):
        whole = max((part for part in parts if len(part) > 1), key=cost)
        parts.remove(whole)
        parts += [whole[: len(whole) // 2], whole[len(whole) // 2 :]]
    parts.sort(key=cost, reverse=True)
    return [Cohort(part, [cells[place] for place in part], f"{number:04d}") for number, part in enumerate(parts)]


def _bytes(cell: Cell, features: Mapping[str, int]) -> float:
    """Return about how much memory a cell takes in training: weights, gradients, a step taken; and four numbers a
    unit-sample. Its time is about in proportion.
    """
    sizes = [features[cell.data], *cell.spec.widths, 10]
    weights = sum(i * o for i, o in pairwise(sizes))
    return 4.0 * (3 * weights + 4 * cell.spec.batch_size * sum(sizes))


def run_cohorts(cohorts: Sequence[Cohort], source: Source, kind: str, workers: int) -> Iterator[Trained]:
    """Train cohorts and yield each as it is done, in whatever order that is.

    Raises:
        UserError: a worker died.
    """
    if kind == "serial" or source.device != "cpu":
        with _one_thread():
            for cohort in cohorts:
                yield _train(cohort, source)
        return
    # A server that has imported torch forks the workers: they start at once, and nothing of this process (threads,
    # open databases) is copied into them.
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["ablation.training.trainer", "ablation.studies.engine"])
    with ProcessPoolExecutor(workers, context, _start_worker) as pool:
        waiting = list(cohorts)
        running: set[Future[Trained]] = set()
        try:
            while waiting or running:
                # One cohort ahead of every worker: none waits for work, and an interrupt need not wait for a queue.
                while waiting and len(running) < 2 * workers:
                    running.add(pool.submit(_train, waiting.pop(0), source))
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    yield future.result()
        except BrokenProcessPool as error:
            raise UserError(
                "a worker process died (out of memory, or killed); what was finished is kept, the same command goes on"
            ) from error
        except BaseException:
            for worker in multiprocessing.active_children():
                worker.kill()
            raise


def _start_worker() -> None:
    """Prepare a worker: one thread, and an end with the study, which may be killed without a word."""
    # An interrupt from the terminal reaches every process; only the study itself answers it, and ends its workers.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    torch.set_num_threads(1)
    study = multiprocessing.parent_process()
    assert study is not None

    def watch() -> None:
        study.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


@contextmanager
def _one_thread() -> Iterator[None]:
    """Train on one thread, whatever the caller's setting: more would sum in another order."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


_loaded: dict[tuple[str, str, str], Data] = {}


def load_data(label: str, source: Source) -> Data:
    """Return a prepared data set on the device, standardized; each process reads it once."""
    key = (str(source.folder.resolve()), label, source.device)
    if key not in _loaded:
        arrays, card = load(label, source.levels[label], source.folder)
        mean, std = card["mean"], card["std"]

        def standardize(part: str) -> torch.Tensor:
            values: torch.Tensor = torch.from_numpy(arrays[part]).to(torch.float32)
            return values.sub_(mean).div_(std)

        _loaded[key] = Data(
            standardize("train_x"),
            torch.from_numpy(arrays["train_y"]),
            standardize("val_x"),
            torch.from_numpy(arrays["val_y"]),
            card["classes"],
        ).to(torch.device(source.device))
    return _loaded[key]


def _train(cohort: Cohort, source: Source) -> Trained:
    data = load_data(cohort.cells[0].data, source)
    begun = time.perf_counter()
    outcomes = train([cell.spec for cell in cohort.cells], data)
    seconds = time.perf_counter() - begun
    records = [
        Record(
            cell.spec.as_dict(),
            outcome.diverged_step,
            outcome.parameters,
            outcome.curve_steps,
            outcome.curves,
            outcome.layer_steps,
            outcome.layers,
        )
        for cell, outcome in zip(cohort.cells, outcomes, strict=True)
    ]
    steps = cohort.cells[0].spec.epochs * (len(data.train_y) // cohort.cells[0].spec.batch_size)
    run_steps = sum(steps if record.diverged_step is None else record.diverged_step for record in records)
    return Trained(cohort, records, seconds, run_steps)


def default_workers() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def cohort_limits(device: torch.device) -> tuple[int, int]:
    """Return the largest memory of a cohort, and its largest number of cells, on a device."""
    if device.type == "cuda":
        free, _ = torch.cuda.mem_get_info(device)
        return int(free * CUDA_SHARE), 4096
    return COHORT_BYTES, COHORT_CELLS
