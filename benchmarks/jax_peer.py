"""JAX as a peer: the same network on the same batches, jit over a scan of all steps, in full precision.

It has a process of its own, ``jax_server.py``, which may be of another Python (``--jax``, or ``JAX_PYTHON``), and stays
alive and answers a line a measurement, so that measurements can be interleaved; compiling, and a first run, are not
counted.

Legend of the suffixes: S cells, P parameters of a cell.
"""

import json
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from peers import Shape
from torch import Tensor

from ablation.training.data import BatchOrder, Data

SERVER = Path(__file__).with_name("jax_server.py")


class Missing(Exception):
    """There is no JAX to measure, and why."""


class Refused(Exception):
    """JAX cannot train this, and why."""


class Jax:
    """A process that trains by JAX.

    Args:
        python: the interpreter that can import jax; by default that of ``JAX_PYTHON``, or this one.
        device: cpu or cuda.

    Attributes:
        version: of jax.

    Raises:
        Missing: there is no such interpreter, or its JAX has no such device.
    """

    def __init__(self, python: str | None, device: str) -> None:
        python = python or os.environ.get("JAX_PYTHON") or (sys.executable if find_spec("jax") else None)
        if python is None:
            raise Missing("not installed here; --jax or JAX_PYTHON names a Python that has it")
        one_thread = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
        flags = {"XLA_FLAGS": one_thread} if device == "cpu" else {"XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
        # That interpreter's own packages count, not those of this one.
        others = {name: value for name, value in os.environ.items() if name != "PYTHONPATH" or python == sys.executable}
        self._folder = TemporaryDirectory()
        self._errors = Path(self._folder.name) / "errors"
        try:
            with self._errors.open("w") as errors:
                self._process = subprocess.Popen(
                    [python, str(SERVER), device],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=errors,
                    text=True,
                    env={**others, **flags, "JAX_PLATFORMS": device},
                )
        except OSError as error:
            self._folder.cleanup()
            raise Missing(f"{python}: {error.strerror}") from None
        try:
            self.version = str(self._answer()["jax"])
        except RuntimeError as error:
            self.end()
            raise Missing(f"{python}: {error}") from None
        self._given: tuple[Any, ...] = ()

    def rate(self, shape: Shape, activation: str, norm: bool, data: Data, steps: int) -> float:
        """Return run-steps per second of a shape: of one of its cells on a CPU, of all together on a GPU."""
        cells = 1 if data.train_x.device.type == "cpu" else shape.cells
        given = cells, shape.batch, steps, id(data)
        if given != self._given:
            self.give(data, cells, shape.batch, steps)
            self._given = given
        return self.ask(sizes=shape.sizes, activation=activation, norm=norm)

    def trained(self, param_SP: Tensor, data: Data, batch: int, steps: int, **what: Any) -> NDArray[np.float32]:
        """Return what becomes of these parameters, [S, P]."""
        self.give(data, len(param_SP), batch, steps, param=param_SP.numpy())
        self.ask(**what, keep=True)
        return np.asarray(np.load(Path(self._folder.name) / "trained.npy"), np.float32)

    def give(self, data: Data, cells: int, batch: int, steps: int, **start: Any) -> None:
        """Write what is trained on: examples, and the batches that our trainer takes with the seeds 0, 1, ..."""
        order = BatchOrder(range(cells), len(data.train_y), batch, data.train_x.device)
        index = np.stack([order.batch(step).cpu().numpy().astype(np.int32) for step in range(steps)], axis=1)
        x, y = data.train_x.cpu().numpy(), data.train_y.cpu().numpy().astype(np.int32)
        np.savez(Path(self._folder.name) / "given.npz", x=x, y=y, index=index, **start)

    def ask(self, **what: Any) -> float:
        """Return run-steps per second on what was given."""
        assert self._process.stdin is not None
        print(json.dumps({"folder": self._folder.name, **what}), file=self._process.stdin, flush=True)
        return float(self._answer()["rate"])

    def end(self) -> None:
        """Let the process end."""
        self._process.communicate()
        self._folder.cleanup()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            told = self._errors.read_text("utf-8").strip().splitlines()
            raise RuntimeError(told[-1] if told else "it ended without a word")
        answer = dict(json.loads(line))
        if "refused" in answer:
            raise Refused(answer["refused"])
        return answer
