"""Where cohorts are trained. Every engine gives the same bits on the same kind of machine."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ablation.studies.engines.cohorts import Cohort
from ablation.studies.engines.local import default_workers, run_processes, run_serial
from ablation.studies.engines.ray import connect, run_ray, slots
from ablation.studies.engines.work import Source, Trained


def count_workers(engine: Mapping[str, Any], device: str) -> int:
    """Return how many cohorts an engine trains at a time; a GPU of this machine takes one.

    Raises:
        UserError: the Ray cluster is not there.
    """
    if engine["kind"] == "ray":
        connect(engine["address"])
        return slots(device)
    if engine["kind"] == "serial" or device != "cpu":
        return 1
    return engine.get("workers") or default_workers()


def run_cohorts(
    cohorts: Sequence[Cohort], source: Source, engine: Mapping[str, Any], workers: int
) -> Iterator[Trained]:
    """Train cohorts and yield each as it is done, in whatever order that is.

    Raises:
        UserError: a worker was lost for good.
    """
    if not cohorts:
        return iter(())
    if engine["kind"] == "ray":
        return run_ray(cohorts, source, workers)
    if engine["kind"] == "serial" or source.device != "cpu":
        return run_serial(cohorts, source)
    return run_processes(cohorts, source, workers)
