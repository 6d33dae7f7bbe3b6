"""The engine that leaves the machine: Ray core tasks, a cohort each, on a cluster that is already there.

The driver keeps the store, MLflow and the progress bar; a node gets this package, the data and a cohort, and answers
with records. A task whose worker or node is lost is run again elsewhere, to the same bits.
"""

import atexit
import os
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import ablation
from ablation import UserError
from ablation.studies.engines.cohorts import Cohort
from ablation.studies.engines.work import Source, Trained, load_data, train_cohort
from ablation.training.data import Data

RETRIES = 5
"""How often a cohort is run again after its worker or its node was lost, or it ran out of memory."""


def connect(address: str) -> None:
    """Join the cluster at ``address``, ``host:port`` or ``auto``, with token authentication, for the process's life.

    The package itself travels along: a node with another version of it would give other numbers under the same key.

    Raises:
        UserError: Ray is not installed, or no cluster answers.
    """
    # Both are read when Ray is imported.
    os.environ.setdefault("RAY_AUTH_MODE", "token")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray = _ray()
    if ray.is_initialized():
        return
    package = str(Path(ablation.__file__).parent)
    try:
        ray.init(
            address=address,
            log_to_driver=False,
            logging_level="ERROR",
            runtime_env={"py_modules": [package], "excludes": ["__pycache__"]},
        )
    except (ConnectionError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"engine.address={address}: no Ray cluster could be joined there ({reason})") from error
    atexit.register(ray.shutdown)


def slots(device: str) -> int:
    """Return how many cohorts the cluster can train at a time: its GPUs, or its cores.

    Raises:
        UserError: it has none.
    """
    kind = "GPU" if device == "cuda" else "CPU"
    count = int(_ray().cluster_resources().get(kind, 0))
    if not count:
        raise UserError(f"device={device}: the Ray cluster has no {kind}")
    return count


def run_ray(cohorts: Sequence[Cohort], source: Source, workers: int) -> Iterator[Trained]:
    """Train cohorts on the cluster and yield each as it comes.

    Raises:
        UserError: a cohort was lost more often than it is retried.
    """
    ray = _ray()
    task = ray.remote(_train_on_node).options(
        num_cpus=1, num_gpus=int(source.device == "cuda"), max_retries=RETRIES, retry_exceptions=[MemoryError]
    )
    here = replace(source, device="cpu")
    data = {label: ray.put(load_data(label, here)) for label in {cohort.cells[0].data for cohort in cohorts}}
    waiting = list(cohorts)
    running: list[Any] = []
    while waiting or running:
        while waiting and len(running) < 2 * workers:
            cohort = waiting.pop(0)
            running.append(task.remote(cohort, data[cohort.cells[0].data], source.device))
        done, running = ray.wait(running)
        try:
            yield ray.get(done[0])
        except ray.exceptions.RayError as error:
            reason = " ".join(str(error).split())[:200]
            raise UserError(f"engine=ray: a cohort was lost ({reason}); what was finished is kept") from error


def _train_on_node(cohort: Cohort, data: Data, device: str) -> Trained:
    import torch

    return train_cohort(cohort, data.to(torch.device(device)))


def _ray() -> Any:
    try:
        import ray
    except ModuleNotFoundError as error:
        raise UserError("engine=ray: the package ray is not installed; pip install -e '.[ray]'") from error
    return ray
