"""The Ray engine on a real cluster of two nodes on loopback, with token authentication on."""

import os
import secrets
import signal
from pathlib import Path

import pytest

from ablation import UserError
from ablation.studies import run
from ablation.studies.engines import ray as ray_engine
from ablation.studies.engines.cohorts import Limits
from ablation.studies.run import run_study

pytestmark = [
    pytest.mark.slow,
    # Ray leaves sockets and logs to its exit handlers.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning"),
]

TABLES = ("cells.parquet", "curves.parquet", "layers.parquet", "manifest.json")
MANY = ("seed=[0,1,2,3,4,5]", "lr=[0.01,0.1]", "training.epochs=20")


@pytest.fixture(scope="module")
def cluster():
    os.environ["RAY_AUTH_MODE"] = "token"
    os.environ["RAY_AUTH_TOKEN"] = secrets.token_hex(32)
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    from ray.cluster_utils import Cluster

    memory = 80 * 2**20
    started = Cluster(
        initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False, "object_store_memory": memory}
    )
    started.add_node(num_cpus=1, object_store_memory=memory)
    yield started
    import ray

    ray.shutdown()
    started.shutdown()


@pytest.fixture
def both(study, tmp_path, monkeypatch, cluster):
    """Return the results' bytes of a study by this process and by the cluster, a cell a task."""
    monkeypatch.setattr(run, "cohort_limits", lambda device, measure: Limits(2**30, 1))

    def ran(*overrides: str, known: int = 0) -> list[list[bytes]]:
        found = []
        for place, engine in enumerate((["engine=serial"], ["engine=ray", f"engine.address={cluster.address}"])):
            paths = [f"paths.{name}={tmp_path / str(place) / name}" for name in ("results", "store")]
            checked = study(*overrides, *paths, *engine)
            summary = run_study(checked)
            assert (summary.trained, summary.known) == (summary.cells - known, known)
            found.append([(checked.results_folder / name).read_bytes() for name in TABLES])
        return found

    return ran


def test_a_cluster_gives_the_bytes_of_this_process(both):
    here, there = both("activation=[relu,tanh]", "normalization=[none,batch]", "lr=[0.1,1000.0]")
    assert here == there


def test_what_need_not_be_trained_is_not_sent_to_the_cluster(both):
    here, there = both("clipping=[none,value]", "clipping.value.threshold=0.4", "activation=[relu,tanh]", known=1)
    assert here == there


def workers() -> list[int]:
    """Return the processes that train a cohort just now."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cmdline").read_bytes().startswith(b"ray::_train_on_node"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc").exists(), reason="looks for the cluster's workers in /proc")
def test_a_users_own_choices_travel_along(both, tmp_path):
    (tmp_path / "maths.py").write_text("def square(x):\n    return x * x, 2.0 * x\n")
    mine = tmp_path / "mine.py"
    mine.write_text(
        "from maths import square\n\nfrom ablation.choices.activations import ACTIVATIONS\n\n"
        "ACTIVATIONS['square'] = square\n"
    )
    here, there = both("activation=[relu,square]", f"choices=['{mine}']", "lr=1e-3")
    assert here == there


def test_a_worker_killed_half_way_changes_nothing(both, monkeypatch):
    killed = []

    def disturbed(*arguments):
        for trained in ray_engine.run_ray(*arguments):
            yield trained
            if not killed:
                killed.extend(workers())
                for process in killed:
                    os.kill(process, signal.SIGKILL)

    monkeypatch.setattr("ablation.studies.engines.run_ray", disturbed)
    here, there = both(*MANY)
    assert killed
    assert here == there


def test_a_node_lost_half_way_changes_nothing(both, monkeypatch, cluster):
    lost = []

    def disturbed(*arguments):
        for trained in ray_engine.run_ray(*arguments):
            yield trained
            if not lost:
                lost.append(cluster.add_node(num_cpus=1, object_store_memory=80 * 2**20))
                cluster.remove_node(
                    sorted(cluster.worker_nodes, key=lambda node: node is lost[0])[0], allow_graceful=False
                )

    monkeypatch.setattr("ablation.studies.engines.run_ray", disturbed)
    here, there = both(*MANY)
    assert lost
    assert here == there


def test_an_address_without_a_cluster_is_told_in_one_line(study, monkeypatch):
    class Nothing:
        class exceptions:
            RayError = OSError

        @staticmethod
        def is_initialized() -> bool:
            return False

        @staticmethod
        def init(**options: object) -> None:
            raise ConnectionError(f"nothing answers at {options['address']}")

    monkeypatch.setattr(ray_engine, "_ray", lambda: Nothing)
    with pytest.raises(UserError, match=r"engine.address=127.0.0.1:1: no Ray cluster could be joined"):
        run_study(study("engine=ray", "engine.address=127.0.0.1:1"))
