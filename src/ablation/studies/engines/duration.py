"""How long a study will take, said before it begins where that is more than an hour, and always by a plan.

What is reckoned (``cost.seconds``) holds for one machine. Where it says that a study may be long, and for a plan, the
pace of this one is measured: some small cohorts of the kinds that take most of the time are trained for about a second
in all, on numbers of no meaning, and thrown away.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

import torch

from ablation.studies.cells import Cell
from ablation.studies.engines.cohorts import COHORT_BYTES, COHORT_CELLS, FEW_CELLS_BYTES, Cohort, Limits, make_cohorts
from ablation.studies.machine.cost import Ends, seconds
from ablation.studies.machine.fingerprint import one_thread
from ablation.training.data import Data, generator
from ablation.training.measurement import EVALUATION_CHUNK
from ablation.training.spec import Level, Spec
from ablation.training.trainer import train

HOUR = 3600.0

WORTH_MEASURING = HOUR / 6
"""Seconds from which on a study may be long: other machines are up to six times slower."""

KINDS = 3
"""How many kinds of cohorts are measured, those that take most of the time."""

SAMPLE_SECONDS = 0.3
"""About how long each is trained."""

NARROW, SHALLOW, FEW = 256, 4, 64
"""Units, layers, and examples of a batch, below which a sample is not made smaller: it would have another pace."""

KEEPING = 3e-3
"""Seconds that the study itself takes a cell, to keep it and to write it out."""

UNITS = {"years": 365.25 * 86400, "months": 30.44 * 86400, "days": 86400.0, "hours": HOUR}


class Sample(NamedTuple):
    """A small stand-in for the cohorts of one kind: its cells, and data of the same form."""

    specs: list[Spec]
    ends: Ends

    @property
    def reckoned(self) -> float:
        """Seconds that it would take on the machine that the reckoning is for."""
        return seconds(self.specs[0], self.ends, len(self.specs))


Pace = Callable[[Sample], float]
"""Trains a sample where the study will be trained, and returns how long that took."""


def estimate(cohorts: Sequence[Cohort], ends: Mapping[str, Ends], workers: int, measure: Pace) -> float:
    """Return about how many seconds these cohorts take on so many workers."""
    reckoned = reckon(cohorts, ends, workers)
    if reckoned + keeping(cohorts) < WORTH_MEASURING:
        return reckoned + keeping(cohorts)
    return slowness(cohorts, ends, measure) * reckoned + keeping(cohorts)


def reckon(cohorts: Sequence[Cohort], ends: Mapping[str, Ends], workers: int) -> float:
    """Return how many seconds they would train on the machine that the reckoning is for."""
    taken = [_seconds(cohort, ends) for cohort in cohorts]
    return max(sum(taken) / workers, *taken) if taken else 0.0


def reckon_alike(cells: Sequence[Cell], ends: Mapping[str, Ends]) -> float:
    """Return how many seconds one core of that machine would train all of these cells, whatever machine asks."""
    cohorts = make_cohorts(cells, ends, 1, Limits(COHORT_BYTES, COHORT_CELLS, FEW_CELLS_BYTES))
    return reckon(cohorts, ends, 1)


def keeping(cohorts: Sequence[Cohort]) -> float:
    """Return how many seconds it takes to keep what they were measured to be, and to write it out."""
    return KEEPING * sum(len(cohort.cells) for cohort in cohorts)


def slowness(cohorts: Sequence[Cohort], ends: Mapping[str, Ends], measure: Pace) -> float:
    """Return how many times as long as reckoned they train here, by samples of the kinds that take most of the time."""
    kinds: dict[str, list[tuple[float, Cohort]]] = {}
    for cohort in cohorts:
        spec = cohort.cells[0].spec
        choices = (spec.activation, spec.normalization, spec.clipping, spec.optimizer, spec.loss)
        kinds.setdefault(" ".join(level.kind for level in choices), []).append((_seconds(cohort, ends), cohort))
    totals = {kind: sum(taken for taken, _ in members) for kind, members in kinds.items()}
    slower: dict[str, float] = {}
    for kind in sorted(totals, key=totals.__getitem__, reverse=True)[:KINDS]:
        _, cohort = max(kinds[kind], key=lambda member: member[0])
        sample = stand_in(cohort, ends[cohort.cells[0].data])
        slower[kind] = measure(sample) / sample.reckoned
    return sum(slower[kind] * totals[kind] for kind in slower) / sum(totals[kind] for kind in slower)


def _seconds(cohort: Cohort, ends: Mapping[str, Ends]) -> float:
    first = cohort.cells[0]
    return seconds(first.spec, ends[first.data], len(cohort.cells))


def stand_in(cohort: Cohort, ends: Ends) -> Sample:
    """Return a sample that trains for about ``SAMPLE_SECONDS`` at the pace of a whole cohort.

    It has fewer epochs and examples; where one step takes longer than that, fewer cells, and then smaller ones.
    """
    # Cells that diverge would leave the stack.
    tame = replace(cohort.cells[0].spec, init=Level("xavier_normal", {}), lr=1e-6)
    if tame.compile == "layers":  # compiling takes longer than a sample
        tame = replace(tame, compile="eager")
    short = replace(tame, epochs=min(1, tame.epochs), steps=None, evaluations=(), gradient_batches=0)
    specs = [replace(short, seed=cell.spec.seed) for cell in cohort.cells]
    val, test = (min(size, EVALUATION_CHUNK) for size in (ends.val, ends.test))
    least = ends._replace(train=specs[0].batch_size, val=val, test=test)
    sample = Sample(specs, least)
    while sample.reckoned > SAMPLE_SECONDS and (smaller := _smaller(sample)) is not None:
        sample = smaller
    batch = sample.specs[0].batch_size
    longer = sample._replace(ends=sample.ends._replace(train=2 * batch))
    room = (SAMPLE_SECONDS - sample.reckoned) / (longer.reckoned - sample.reckoned)
    steps = max(1, min(ends.train // batch, 1 + math.floor(room)))
    return sample._replace(ends=sample.ends._replace(train=steps * batch))


def _smaller(sample: Sample) -> Sample | None:
    """Return a sample of half as many cells, or half the width, batch or depth; none where all are small."""
    specs, ends = sample
    first = specs[0]
    if len(specs) > 1:
        return Sample(specs[: len(specs) // 2], ends)
    if max(ends.features, *first.widths) > NARROW:
        sizes = (ends.features, *first.widths)
        features, *widths = (size if size <= NARROW else max(NARROW, size // 2) for size in sizes)
        return Sample([replace(first, widths=tuple(widths))], ends._replace(features=features))
    if max(first.batch_size, first.probe_size) > FEW:
        batch, probe = (size if size <= FEW else max(FEW, size // 2) for size in (first.batch_size, first.probe_size))
        return Sample([replace(first, batch_size=batch, probe_size=probe)], ends._replace(train=batch))
    if len(first.widths) > SHALLOW:
        return Sample([replace(first, widths=first.widths[: len(first.widths) // 2])], ends)
    return None


def train_sample(sample: Sample, device: str) -> float:
    """Train a sample in this process, and return how many seconds that took."""
    draw, (features, outputs, *sizes) = generator(0, "pace"), sample.ends
    x = torch.randn(sum(sizes), features, generator=draw)
    # One output alone is that of a regression: there are no fewer than two classes.
    y = (
        torch.randint(outputs, (sum(sizes),), generator=draw)
        if outputs > 1
        else torch.randn(sum(sizes), generator=draw)
    )
    data = Data.in_order(x, y, sizes, outputs).to(torch.device(device))
    with one_thread():
        # Once without a step: what is done for the first time takes longer.
        train([replace(spec, epochs=0) for spec in sample.specs], data)
        begun = time.perf_counter()
        train(sample.specs, data)
        return time.perf_counter() - begun


def told(study: str, seconds: float, cells: int, workers: int, at_most: bool = False) -> str:
    """Return what is said of a study that takes long; ``at_most``: some of its cells may not have to be trained."""
    count = "1 cell" if cells == 1 else f"{cells:,} cells"
    crew = "1 worker" if workers == 1 else f"{workers} workers"
    length = f"{'at most ' if at_most else ''}{in_words(seconds)}"
    return (
        f"{study}: {count} on {crew} will take {length}; it begins now, can be ended at any moment and goes "
        "on with the same command; fewer levels, seeds or epochs and smaller networks take less"
    )


def in_words(seconds: float) -> str:
    """Return a time as people say it."""
    if seconds < 90:
        return "about a second" if seconds < 1.5 else f"about {seconds:.0f} seconds"
    if seconds < 50 * 60:
        return f"about {seconds / 60:.0f} minutes"
    for unit, length in UNITS.items():
        if seconds >= 1.5 * length:
            count = seconds / length
            return f"about {count:,.0f} {unit}" if count >= 2.5 else f"about {count:.1f} {unit}"
    return "about an hour"
