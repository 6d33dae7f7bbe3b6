"""What a study may use, as affinity, control groups of either version and limits leave it."""

import os
import resource
from pathlib import Path

import psutil
import pytest

from ablation.studies.machine import resources

GIB = 2**30


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """Return a function that sets up what this process's /proc shows, and a folder for its control groups."""
    monkeypatch.setattr(resources, "PROC", tmp_path / "proc")
    monkeypatch.setattr("joblib.cpu_count", lambda: 64)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: type("Memory", (), {"available": 256 * GIB}))

    def shown(membership: str, *mounts: str) -> Path:
        (tmp_path / "proc").mkdir()
        (tmp_path / "proc" / "cgroup").write_text(membership, "utf-8")
        lines = [line.replace("GROUPS", str(tmp_path / "groups")) for line in mounts]
        (tmp_path / "proc" / "mountinfo").write_text("\n".join(lines) + "\n", "utf-8")
        return tmp_path / "groups"

    return shown


def written(folder: Path, **values: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in values.items():
        (folder / name.replace("__", ".")).write_text(value + "\n", "utf-8")


SECOND = "30 23 0:26 / GROUPS rw,nosuid - cgroup2 cgroup2 rw,nsdelegate"
STAT = "anon 1\ninactive_file 0\nactive_file 0"


@pytest.mark.parametrize(
    ("quota", "cores"),
    [("max 100000", 64), ("200000 100000", 2), ("150000 100000", 2), ("5000 100000", 1), ("25600000 100000", 64)],
)
def test_a_quota_of_version_two_counts(machine, quota, cores):
    groups = machine("0::/", SECOND)
    written(groups, cpu__max=quota)
    assert resources.cores() == cores


def test_a_group_is_bound_by_those_that_it_lies_in(machine):
    groups = machine("0::/a/b/c", SECOND)
    written(
        groups / "a", cpu__max="300000 100000", memory__max=str(8 * GIB), memory__current=str(GIB), memory__stat=STAT
    )
    written(groups / "a/b", cpu__max="max 100000", memory__max="max", memory__current="0", memory__stat=STAT)
    written(groups / "a/b/c", cpu__max="600000 100000")
    assert resources.cores() == 3
    assert resources.memory() == 7 * GIB


def test_what_merely_caches_files_is_free(machine):
    groups = machine("0::/", SECOND)
    written(
        groups,
        memory__max=str(4 * GIB),
        memory__current=str(3 * GIB),
        memory__stat=f"anon {GIB}\ninactive_file {GIB}\nactive_file {GIB // 2}",
    )
    assert resources.memory() == 2.5 * GIB


def test_a_group_that_is_over_its_limit_has_nothing_left(machine):
    groups = machine("0::/", SECOND)
    written(groups, memory__max=str(GIB), memory__current=str(2 * GIB), memory__stat=STAT)
    assert resources.memory() == 0


def test_version_one_has_a_hierarchy_a_resource_and_a_container_sees_its_own_group_as_the_root(machine):
    groups = machine(
        "5:memory:/docker/f00\n4:cpu,cpuacct:/docker/f00\n",
        "31 23 0:27 /docker/f00 GROUPS/cpu rw - cgroup cgroup rw,cpu,cpuacct",
        "32 23 0:28 /docker/f00 GROUPS/memory rw - cgroup cgroup rw,memory",
    )
    written(groups / "cpu", cpu__cfs_quota_us="400000", cpu__cfs_period_us="100000")
    written(
        groups / "memory",
        memory__stat="total_inactive_file 0\ntotal_active_file 0",
        memory__limit_in_bytes=str(2 * GIB),
        memory__usage_in_bytes=str(GIB),
    )
    assert resources.cores() == 4
    assert resources.memory() == GIB


def test_no_limit_of_version_one_is_a_quota_below_zero_and_a_very_large_number(machine):
    groups = machine(
        "5:memory:/\n4:cpu:/\n",
        "31 23 0:27 / GROUPS/cpu rw - cgroup cgroup rw,cpu",
        "32 23 0:28 / GROUPS/memory rw - cgroup cgroup rw,memory",
    )
    written(groups / "cpu", cpu__cfs_quota_us="-1", cpu__cfs_period_us="100000")
    written(
        groups / "memory", memory__limit_in_bytes="9223372036854771712", memory__usage_in_bytes="0", memory__stat=""
    )
    assert resources.cores() == 64
    assert resources.memory() == 256 * GIB


@pytest.mark.parametrize("membership", ["", "0::/gone\n", "0::/../outside\n"])
def test_groups_that_are_not_there_bind_nothing(machine, membership):
    machine(membership, SECOND)
    assert resources.cores() == 64
    assert resources.memory() == 256 * GIB


def test_where_there_is_no_proc_nothing_is_bound(tmp_path, monkeypatch):
    monkeypatch.setattr(resources, "PROC", tmp_path / "nowhere")
    monkeypatch.setattr("joblib.cpu_count", lambda: 3)
    assert resources.cores() == 3


def test_here_there_are_as_many_cores_as_this_process_may_use():
    assert 1 <= resources.cores() <= (os.cpu_count() or 1)
    assert 0 < resources.memory() <= psutil.virtual_memory().total


def test_the_limit_of_a_process_is_what_it_has_not_taken_yet(monkeypatch):
    monkeypatch.setattr(resource, "getrlimit", lambda which: (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    assert resources.address_space() is None
    monkeypatch.setattr(resource, "getrlimit", lambda which: (2**60, 2**60))
    assert 2**59 < resources.address_space() < 2**60
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1, 1))
    assert resources.address_space() == 0
