"""What the machine had to do while a study trained: MLflow's system metrics, of the study and not of every cell."""

import threading
import time
from typing import Any

MOST_SAMPLES = 200
"""Samples that are kept: when there are more, every other one goes, and half as many are taken from then on."""


class MachineLoad:
    """Samples processors, memory and, where MLflow finds any, GPUs, until it is stopped."""

    def __init__(self, seconds: float = 1.0) -> None:
        self._seconds, self._samples = seconds, list[tuple[int, dict[str, float]]]()
        self._monitors = _monitors()
        self._look()  # a processor's load is that since the look before
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._sample, name="machine-load", daemon=True)
        self._thread.start()

    def stop(self) -> list[tuple[str, float, int, int]]:
        """Return name, value, time in milliseconds and number of every sample, and take no more but a last one."""
        if not self._over.is_set():
            self._over.set()
            self._thread.join()
            self._samples.append(self._look())
        return [
            (f"system/{name}", float(value), moment, number)
            for number, (moment, values) in enumerate(self._samples)
            for name, value in values.items()
        ]

    def _sample(self) -> None:
        while not self._over.wait(self._seconds):
            self._samples.append(self._look())
            if len(self._samples) > MOST_SAMPLES:
                self._samples, self._seconds = self._samples[1::2], 2 * self._seconds

    def _look(self) -> tuple[int, dict[str, float]]:
        values: dict[str, float] = {}
        for monitor in self._monitors:
            monitor.collect_metrics()
            values |= monitor.aggregate_metrics()
            monitor.clear_metrics()
        return int(time.time() * 1000), values


def _monitors() -> list[Any]:
    from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
    from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor

    try:
        return [CPUMonitor(), GPUMonitor()]  # type: ignore[no-untyped-call]
    except (ImportError, RuntimeError):  # no library that asks them, or no GPU
        return [CPUMonitor()]  # type: ignore[no-untyped-call]
