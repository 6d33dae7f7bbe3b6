"""What tasks ask of a Ray cluster, by a stand-in that runs them at once and notes it: Ray itself need not be there."""

import sys
from types import ModuleType, SimpleNamespace

import pytest
import torch

from ablation import UserError
from ablation.studies import run
from ablation.studies.cells import Cell
from ablation.studies.engines import count_workers, environment_of, pace, run_cohorts
from ablation.studies.engines import ray as ray_engine
from ablation.studies.engines.cohorts import REMOTE_CUDA_BYTES, Cohort, cohort_limits
from ablation.studies.engines.work import Supply
from tests.conftest import make_spec


class Cluster:
    """Answers as ``ray`` does; a task is its result."""

    exceptions = SimpleNamespace(WorkerCrashedError=OSError, NodeDiedError=OSError, OutOfMemoryError=OSError)

    def __init__(self, *nodes: dict[str, float]) -> None:
        self.asked: list[dict[str, object]] = []
        self._nodes = [
            {"NodeID": str(place), "NodeManagerAddress": str(place), "Alive": True, "Resources": resources}
            for place, resources in enumerate(nodes)
        ]

    def nodes(self):
        return [{"NodeID": "dead", "Alive": False, "Resources": {"CPU": 64.0, "GPU": 64.0}}, *self._nodes]

    def is_initialized(self):
        return True

    def remote(self, function):
        def options(**asked):
            self.asked.append(asked)
            return SimpleNamespace(remote=lambda *arguments: _Task(function(*arguments)))

        return SimpleNamespace(options=options)

    def put(self, value):
        return value

    def get(self, task):
        return task.result

    def wait(self, tasks, num_returns=1, timeout=None):
        return tasks[:num_returns], tasks[num_returns:]


class _Task:
    def __init__(self, result: object) -> None:
        self.result = result


@pytest.fixture
def cluster(monkeypatch):
    """Return a function that puts a cluster of such nodes in the place of Ray."""
    strategies = ModuleType("ray.util.scheduling_strategies")
    strategies.NodeAffinitySchedulingStrategy = lambda node, soft: node
    for name, module in {
        "ray": ModuleType("ray"),
        "ray.util": ModuleType("ray.util"),
        strategies.__name__: strategies,
    }.items():
        monkeypatch.setitem(sys.modules, name, module)

    def of(*nodes: dict[str, float]) -> Cluster:
        made = Cluster(*nodes)
        monkeypatch.setattr(ray_engine, "_ray", lambda: made)
        return made

    return of


def engine(gpus: float) -> dict[str, object]:
    return {"kind": "ray", "address": "auto", "gpus": gpus}


@pytest.mark.parametrize(
    ("gpus", "cohorts"), [(1, 3), (0.51, 3), (0.5, 6), (0.33, 9), (1 / 3, 9), (0.1, 28), (0.01, 28)]
)
def test_as_many_cohorts_train_at_a_time_as_gpus_and_cores_have_room_for(gpus, cohorts, cluster):
    cluster({"CPU": 8.0, "GPU": 1.0}, {"CPU": 20.0, "GPU": 2.0}, {"CPU": 32.0})
    assert count_workers(engine(gpus), "cuda") == cohorts
    assert count_workers(engine(gpus), "cpu") == 60


def test_a_share_is_rounded_as_the_cluster_rounds_it(cluster):
    cluster({"CPU": 64.0, "GPU": 1.0})
    # 0.1429 seven times is more than one.
    assert count_workers(engine(1 / 7), "cuda") == 6


@pytest.mark.parametrize(
    ("device", "node", "told"),
    [("cuda", {"CPU": 4.0}, "no GPU"), ("cuda", {"GPU": 1.0}, "no GPU with a core"), ("cpu", {"GPU": 1.0}, "no CPU")],
)
def test_a_cluster_with_nothing_to_train_on_is_told(device, node, told, cluster):
    cluster(node)
    with pytest.raises(UserError, match=f"device={device}: the Ray cluster has {told}"):
        count_workers(engine(0.5), device)


@pytest.mark.parametrize(("device", "share"), [("cuda", 0.25), ("cpu", 0)])
def test_every_task_takes_its_share_of_a_gpu_and_none_elsewhere(device, share, cluster, monkeypatch, tmp_path):
    made = cluster({"CPU": 4.0, "GPU": 1.0})
    for name, result in {
        "_environment_of_node": {"torch": "2"},
        "_train_sample_on_node": 1.5,
        "_train_on_node": "done",
    }.items():
        monkeypatch.setattr(ray_engine, name, lambda *arguments, result=result: result)
    monkeypatch.setattr(ray_engine, "load_data", lambda name, supply: supply.device)
    supply = Supply(tmp_path, {}, device)
    cohorts = [
        Cohort([place], [Cell("a", {"data": "digits", "split": 0}, make_spec())], str(place)) for place in range(3)
    ]
    assert environment_of(engine(0.25), torch.device(device), False) == {"torch": "2"}
    assert pace(engine(0.25), None, device, ()) == 1.5
    assert list(run_cohorts(cohorts, supply, engine(0.25), 2)) == ["done"] * 3
    asks, sample, training = made.asked
    assert [each["num_gpus"] for each in made.asked] == [share] * 3
    assert [each["num_cpus"] for each in (asks, sample, training)] == [0, 1, 1]


@pytest.mark.parametrize(("gpus", "device", "share"), [(1, "cuda", 1.0), (0.25, "cuda", 0.25), (0.25, "cpu", None)])
def test_cohorts_that_share_a_gpu_share_its_memory(gpus, device, share, study, cluster, monkeypatch):
    cluster({"CPU": 4.0, "GPU": 1.0})
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    small, at = study("engine=ray", f"engine.gpus={gpus}"), torch.device(device)
    plan = run.make_plan(small, [], [], {}, at)
    assert plan.limits.memory == (cohort_limits(at, False).memory if share is None else share * REMOTE_CUDA_BYTES)
