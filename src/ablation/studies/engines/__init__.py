"""Where cohorts are trained. Every engine gives the same bits on the same kind of machine."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import torch

from ablation.studies.engines.cohorts import Cohort
from ablation.studies.engines.duration import Sample, train_sample
from ablation.studies.engines.local import default_workers, run_processes, run_serial
from ablation.studies.engines.ray import connect, environment_there, run_ray, slots, train_sample_there
from ablation.studies.engines.threads import STREAMS, run_threads
from ablation.studies.engines.work import Supply, Trained
from ablation.studies.machine.environment import environment
from ablation.studies.own.reading import Files
from ablation.training.spec import Compile


def count_workers(engine: Mapping[str, Any], device: str) -> int:
    """Return how many cohorts an engine trains at a time: a GPU of this machine takes a few, one of a cluster as many
    as ``engine.gpus`` leaves room for.

    Raises:
        UserError: the Ray cluster is not there.
    """
    if engine["kind"] == "ray":
        connect(engine["address"])
        return slots(device, engine["gpus"])
    if engine["kind"] == "serial":
        return 1
    return engine.get("workers") or (default_workers() if device == "cpu" else STREAMS)


def environment_of(engine: Mapping[str, Any], device: torch.device, compiles: Collection[Compile]) -> dict[str, str]:
    """Return how the processes of an engine compute.

    Raises:
        UserError: the Ray cluster is not there, or its nodes compute differently.
    """
    if engine["kind"] != "ray":
        return environment(device, compiles)
    count_workers(engine, device.type)
    return environment_there(device, compiles, engine["gpus"])


def pace(engine: Mapping[str, Any], sample: Sample, device: str, choices: Files) -> float:
    """Return how many seconds an engine takes to train a sample, by these files of a user's own choices."""
    if engine["kind"] == "ray":
        return train_sample_there(sample, device, choices, engine["gpus"])
    return train_sample(sample, device)


def run_cohorts(
    cohorts: Sequence[Cohort], supply: Supply, engine: Mapping[str, Any], workers: int
) -> Iterator[Trained]:
    """Train cohorts and yield each as it is done, in whatever order that is.

    Raises:
        UserError: cohorts were lost for good; all others were trained.
    """
    if not cohorts:
        return iter(())
    if engine["kind"] == "ray":
        return run_ray(cohorts, supply, workers, engine["gpus"])
    # What torch's compiler traces in one thread is another thing to all others meanwhile.
    compiles = any(cohort.cells[0].spec.compile == "layers" for cohort in cohorts)
    if engine["kind"] == "serial" or (supply.device != "cpu" and (workers == 1 or compiles)):
        return run_serial(cohorts, supply)
    if supply.device != "cpu":
        return run_threads(cohorts, supply, workers)
    return run_processes(cohorts, supply, workers)
