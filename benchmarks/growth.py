"""Does a study's cost grow in proportion to its cells? Time per cell and peak memory of driver and workers.

    python benchmarks/growth.py                    # 500, 2,000 and 8,000 cells of the smallest shape
    python benchmarks/growth.py --cells 500 2000 --tracking none

Each size is a study of its own in an empty folder, run as a user would run it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
STUDY = ["study=single", "depth=1", "width=4", "training.epochs=1", "training.probe_size=16", "name=growth"]


def peak_megabytes(process: int, peaks: dict[str, float], stop: threading.Event) -> None:
    """Sample the resident memory of a process and of its descendants until told to stop."""
    while not stop.wait(0.05):
        family = {process}
        rows = []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                try:
                    status = (entry / "status").read_text("utf-8")
                except OSError:
                    continue
                fields = dict(line.split(":\t", 1) for line in status.splitlines() if ":\t" in line)
                resident = fields.get("VmRSS", "0 kB").split()[0]
                rows.append((int(entry.name), int(fields["PPid"]), int(resident) / 1024))
        while any(parent in family and child not in family for child, parent, _ in rows):
            family |= {child for child, parent, _ in rows if parent in family}
        for child, _, megabytes in rows:
            if child in family:
                kind = "driver" if child == process else "worker"
                peaks[kind] = max(peaks.get(kind, 0.0), megabytes)


def measure(cells: int, tracking: str) -> tuple[float, dict[str, float], dict[str, float]]:
    """Run a study of so many cells; return its wall-clock seconds, its peaks and its own timing."""
    seeds = ",".join(str(seed) for seed in range(cells // 10))
    rates = ",".join(f"{0.01 * (place + 1):g}" for place in range(10))
    with tempfile.TemporaryDirectory() as folder:
        command = [
            sys.executable,
            str(ROOT / "pipelines" / "study.py"),
            "paths.root=.",
            *STUDY,
            f"seed=[{seeds}]",
            f"lr=[{rates}]",
        ]
        begun = time.perf_counter()
        process = subprocess.Popen([*command, f"tracking={tracking}"], cwd=folder, stderr=subprocess.DEVNULL)
        peaks: dict[str, float] = {}
        stop = threading.Event()
        sampler = threading.Thread(target=peak_megabytes, args=(process.pid, peaks, stop))
        sampler.start()
        code = process.wait()
        wall = time.perf_counter() - begun
        stop.set()
        sampler.join()
        if code:
            raise SystemExit(f"the study of {cells} cells ended with {code}")
        timing = json.loads((Path(folder) / "results" / "growth" / "timing.json").read_text("utf-8"))
    return wall, peaks, timing


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cells", type=int, nargs="+", default=[500, 2000, 8000])
    parser.add_argument("--tracking", default="mlflow", choices=["mlflow", "none"])
    arguments = parser.parse_args()
    print(f"{os.cpu_count()} cores, tracking={arguments.tracking}\n")
    print("| cells | wall s | ms per cell | training s | driver MB | worker MB |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for cells in arguments.cells:
        wall, peaks, timing = measure(cells, arguments.tracking)
        figures = [wall, 1000 * wall / cells, timing["train_seconds"], peaks["driver"], peaks.get("worker", 0.0)]
        print(f"| {cells:,} | {' | '.join(f'{figure:,.1f}' for figure in figures)} |", flush=True)


if __name__ == "__main__":
    main()
