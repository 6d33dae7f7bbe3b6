"""What of this machine a study may use: cores and memory, as affinity, containers and limits leave them.

A container shows all of its host's cores and memory; what it may use stands in its control groups, those of version 1 a
hierarchy a resource, that of version 2 one for all. A group is bound by those that it lies in.
"""

import math
import os
import re
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import psutil

PROC = Path("/proc/self")

UNLIMITED = 2**60
"""From here on a limit of memory is none: version 1 writes the largest number of pages there is."""


def cores() -> int:
    """Return how many cores this process may use, at least one; part of a core counts as one."""
    # Late, for it takes some tenths of a second.
    from joblib import cpu_count

    # It knows the affinity and the outermost group, and LOKY_MAX_CPU_COUNT, by which a user may want fewer.
    return max(1, math.ceil(min(float(cpu_count()), *_limits("cpu", _quota))))


def memory() -> int:
    """Return how many bytes this process and those that it starts may still take."""
    return max(0, int(min(float(psutil.virtual_memory().available), *_limits("memory", _room))))


def address_space() -> int | None:
    """Return how many bytes each process may still take by ``ulimit -v``; none where there is no such limit."""
    try:
        import resource
    except ModuleNotFoundError:  # Windows
        return None
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    if soft == resource.RLIM_INFINITY:
        return None
    return max(0, soft - int(psutil.Process().memory_info().vms))


def _limits(resource: str, read: Callable[[Path], float]) -> Iterator[float]:
    """Yield what each group that this process is in leaves of a resource, infinity among it."""
    yield math.inf
    for group in _groups(resource):
        with suppress(OSError, ValueError):  # it has no such controller, or was removed just now
            yield read(group)


def _groups(resource: str) -> Iterator[Path]:
    """Yield the folders of the control groups of a resource that this process is in, its own and all around it."""
    try:
        memberships = (PROC / "cgroup").read_text().splitlines()
        mounts = (PROC / "mountinfo").read_text().splitlines()
    except OSError:
        return  # no Linux
    for membership in memberships:
        _, controllers, path = membership.split(":", 2)
        if controllers and resource not in controllers.split(","):
            continue
        for mount in mounts:
            fields, _, kind = mount.partition(" - ")
            root, point = map(_unescaped, fields.split()[3:5])
            type_, _, options = kind.split(" ", 2)
            if type_ != ("cgroup" if controllers else "cgroup2"):
                continue
            if controllers and resource not in options.split(" ")[-1].split(","):
                continue
            # A container's mount begins at its own group, whose path may be the host's or, in a namespace, its own.
            inner = Path(os.path.relpath(path, root)) if Path(path).is_relative_to(root) else Path(path.lstrip("/"))
            folder = Path(point) / inner
            yield from (place for place in (folder, *folder.parents) if place.is_relative_to(point) and place.is_dir())


def _unescaped(text: str) -> str:
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _quota(group: Path) -> float:
    """Return how many cores' time a group may use."""
    if (group / "cpu.max").exists():
        quota, period = (group / "cpu.max").read_text().split()
    else:
        quota, period = ((group / f"cpu.cfs_{name}_us").read_text().strip() for name in ("quota", "period"))
    return math.inf if quota == "max" or int(quota) <= 0 else int(quota) / int(period)


def _room(group: Path) -> float:
    """Return how much memory is left of a group's limit; what merely caches files can be given up."""
    names = ("memory.max", "memory.current", "inactive_file", "active_file")
    if not (group / names[0]).exists():
        names = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "total_active_file")
    limit = (group / names[0]).read_text().strip()
    if limit == "max" or int(limit) >= UNLIMITED:
        return math.inf
    used = int((group / names[1]).read_text())
    counts = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    return int(limit) - used + sum(int(counts.get(name, 0)) for name in names[2:])
