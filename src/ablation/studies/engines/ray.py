"""The engine that leaves the machine: Ray core tasks, a cohort each, on a cluster that is already there.

The driver keeps the store, MLflow and the progress bar; a node gets this package, the data and a cohort, and answers
with records. A task whose worker or node is lost is run again elsewhere, to the same bits.
"""

import atexit
import os
import socket
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

import ablation
from ablation import UserError
from ablation.studies.engines.cohorts import Cohort
from ablation.studies.engines.duration import Sample, train_sample
from ablation.studies.engines.losses import Losses
from ablation.studies.engines.work import Supply, TooLargeError, Trained, load_data, train_cohort
from ablation.studies.machine.environment import check_arithmetic, differences, environment
from ablation.studies.own.files import install
from ablation.studies.own.reading import Files
from ablation.training.data import Data
from ablation.training.spec import Compile

RETRIES = 5
"""How often a cohort is run again after its worker or its node was lost, or it ran out of memory."""

UNIT = 10_000
"""The parts of a GPU that Ray counts in."""

PATIENCE_SECONDS = 60
"""How long nodes are waited for that are asked how they compute."""


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


def slots(device: str, gpus: float) -> int:
    """Return how many cohorts the cluster can train at a time: one a core, and each with its share of a GPU.

    Args:
        device: where cohorts train.
        gpus: the share of a GPU that each takes, at most 1.

    Raises:
        UserError: it has none.
    """
    a_gpu = UNIT // round(gpus * UNIT)  # as 3 at 0.33: a task lies on one
    count = 0
    for node in _ray().nodes():
        if node["Alive"]:
            cores, cards = (int(node["Resources"].get(kind, 0)) for kind in ("CPU", "GPU"))
            count += min(cores, cards * a_gpu) if device == "cuda" else cores
    if not count:
        raise UserError(f"device={device}: the Ray cluster has no {'GPU with a core' if device == 'cuda' else 'CPU'}")
    return count


def environment_there(device: torch.device, compiles: Collection[Compile], gpus: float) -> dict[str, str]:
    """Return how the cluster's nodes compute, which only they can tell: this machine may be of another kind.

    A node that has nothing free for some time is not waited for; it will be asked when it is to train.

    Raises:
        UserError: two nodes compute differently, or one has settings that no cell may be trained with.
    """
    ray = _ray()
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    kind = "GPU" if device.type == "cuda" else "CPU"
    ask = ray.remote(_environment_of_node)
    asked = {}
    for node in ray.nodes():
        if node["Alive"] and node["Resources"].get(kind):
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            options = {**_resources(device.type, gpus), "num_cpus": 0, "scheduling_strategy": there}
            asked[ask.options(**options).remote(device.type, compiles)] = node["NodeManagerAddress"]
    answered, others = ray.wait(list(asked), num_returns=len(asked), timeout=PATIENCE_SECONDS)
    if not answered:
        answered, others = ray.wait(others)
    for task in others:
        ray.cancel(task)
    found: dict[str, dict[str, str]] = {asked[task]: _got(task) for task in answered}
    (first, environment), *rest = found.items()
    for address, other in rest:
        if other != environment:
            raise UserError(
                f"engine=ray: node {address} computes otherwise than node {first}, {differences(other, environment)}; "
                "a study needs nodes of one kind"
            )
    return environment


def run_ray(cohorts: Sequence[Cohort], supply: Supply, workers: int, gpus: float) -> Iterator[Trained]:
    """Train cohorts on the cluster, each with its share of a GPU where they train on one, and yield each as it comes.

    Raises:
        UserError: a node computes otherwise than the keys say, or cohorts were lost more often than they are retried;
            all others were trained then.
    """
    ray = _ray()
    losses = Losses(cohorts)
    task = ray.remote(_train_on_node).options(
        **_resources(supply.device, gpus), max_retries=RETRIES, retry_exceptions=[MemoryError]
    )
    here = replace(supply, device="cpu")
    data = {label: ray.put(load_data(label, here)) for label in {cohort.cells[0].data for cohort in cohorts}}
    waiting = list(cohorts)
    running: dict[Any, Cohort] = {}
    while waiting or running:
        while waiting and len(running) < 2 * workers:
            cohort = waiting.pop(0)
            running[task.remote(cohort, data[cohort.cells[0].data], supply)] = cohort
        (done, *_), _ = ray.wait(list(running))
        cohort = running.pop(done)
        try:
            trained = _got(done)
        except TooLargeError as error:
            losses.add(cohort, str(error))
        except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError, ray.exceptions.OutOfMemoryError):
            losses.add(cohort, f"its worker or node was lost {1 + RETRIES} times, as when memory runs out")
        else:
            yield trained
    losses.tell()


def train_sample_there(sample: Sample, device: str, choices: Files, gpus: float) -> float:
    """Train a sample on the cluster, and return how many seconds that took."""
    task = _ray().remote(_train_sample_on_node).options(**_resources(device, gpus))
    seconds: float = _got(task.remote(sample, device, choices))
    return seconds


def _resources(device: str, gpus: float) -> dict[str, float]:
    """Return what a task takes of a node."""
    return {"num_cpus": 1, "num_gpus": gpus if device == "cuda" else 0}


def _got(task: Any) -> Any:
    """Return what a task returned, or raise what it raised as it was raised there.

    Raises:
        UserError: from the task itself, or Ray failed.
    """
    ray = _ray()
    try:
        return ray.get(task)
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.NodeDiedError, ray.exceptions.OutOfMemoryError):
        raise
    except ray.exceptions.RayError as error:
        cause = getattr(error, "cause", None)
        if isinstance(cause, UserError):
            raise cause from error
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"engine=ray: the cluster failed ({reason}); what was finished is kept") from error


def _environment_of_node(device: str, compiles: Collection[Compile]) -> dict[str, str]:
    check_arithmetic()
    return environment(torch.device(device), compiles)


def _train_sample_on_node(sample: Sample, device: str, choices: Files) -> float:
    install(choices)
    return train_sample(sample, device)


def _train_on_node(cohort: Cohort, data: Data, supply: Supply) -> Trained:
    supply.prepare(f"node {socket.gethostname()}")
    return train_cohort(cohort, data.to(torch.device(supply.device)), supply.keeps_weights)


def _ray() -> Any:
    try:
        import ray
    except ModuleNotFoundError as error:
        raise UserError("engine=ray: the package ray is not installed; pip install -e '.[ray]'") from error
    return ray
