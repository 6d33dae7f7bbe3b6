"""JAX as a peer: the same network on the same batches, jit over a scan of all steps, in full precision.

It trains with SGD and clipping by value and measures nothing; batch normalization keeps no running statistics. On a
CPU one run at a time, on one thread; on a GPU all cells at once by vmap. It has a process of its own, which may be of
another Python (``--jax``, or ``JAX_PYTHON``), and stays alive and answers a line a measurement, so that they can be
interleaved; compiling, and a first run, are not counted.

Legend of the suffixes: S cells, T steps, B batch, I fan-in, O fan-out, P parameters of a cell.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.util import find_spec
from itertools import accumulate, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from peers import Shape
    from torch import Tensor

    from ablation.training.data import Data

RATE, CLIP, EPSILON = 0.01, 1.0, 1e-3
LEAST_SECONDS = 0.3
"""A run is repeated until it has taken so long: a small one takes a hundredth of a second."""


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
                    [python, __file__, device],
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

    def rate(self, shape: "Shape", activation: str, norm: bool, data: "Data", steps: int) -> float:
        """Return run-steps per second of a shape: of one of its cells on a CPU, of all together on a GPU."""
        cells = 1 if data.train_x.device.type == "cpu" else shape.cells
        given = cells, shape.batch, steps, id(data)
        if given != self._given:
            self.give(data, cells, shape.batch, steps)
            self._given = given
        return self.ask(sizes=shape.sizes, activation=activation, norm=norm)

    def trained(self, param_SP: "Tensor", data: "Data", batch: int, steps: int, **what: Any) -> "np.ndarray[Any, Any]":
        """Return what becomes of these parameters, [S, P]."""
        self.give(data, len(param_SP), batch, steps, param=param_SP.numpy())
        self.ask(**what, keep=True)
        return np.asarray(np.load(Path(self._folder.name) / "trained.npy"))

    def give(self, data: "Data", cells: int, batch: int, steps: int, **start: Any) -> None:
        """Write what is trained on: examples, and the batches that our trainer takes with the seeds 0, 1, ..."""
        from ablation.training.data import BatchOrder

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


def tensors(param_P: Any, sizes: list[tuple[int, int]], norm: bool) -> dict[str, list[Any]]:
    """See a cell's flat parameters as its tensors: weights, biases, then gamma and beta of each normalization."""
    fan_outs = [fan_out for _, fan_out in sizes]
    shapes = [*sizes, *([fan_out] for fan_out in fan_outs), *([o] for o in fan_outs[:-1] for _ in range(2) if norm)]
    ends = accumulate((int(np.prod(shape)) for shape in shapes), initial=0)
    parts = [param_P[a:b].reshape(shape) for (a, b), shape in zip(pairwise(ends), shapes, strict=True)]
    layers = len(sizes)
    return {"weight": parts[:layers], "bias": parts[layers : 2 * layers], "scale": parts[2 * layers :]}


def drawn(sizes: list[tuple[int, int]], norm: bool) -> "np.ndarray[Any, Any]":
    """Return a cell's parameters by He's initializer, [P]; what they are changes no time."""
    draw = np.random.default_rng(0)
    weights = [draw.standard_normal(i * o, np.float32) * np.sqrt(2 / i, dtype=np.float32) for i, o in sizes]
    fan_outs = [fan_out for _, fan_out in sizes]
    scales = [value(o, np.float32) for o in fan_outs[:-1] for value in (np.ones, np.zeros) if norm]
    return np.concatenate([*weights, np.zeros(sum(fan_outs), np.float32), *scales])


def compiled(folder: Path, sizes: list[tuple[int, int]], activation: str, norm: bool) -> tuple[Callable[[], Any], int]:
    """Return the whole training as a compiled function of nothing, and its run-steps."""
    import jax
    from jax import lax
    from jax import numpy as jnp

    phi = {"relu": jax.nn.relu, "tanh": jnp.tanh, "elu": jax.nn.elu}[activation]
    given = np.load(folder / "given.npz")
    cells, steps = given["index"].shape[:2]
    start = given["param"] if "param" in given else np.tile(drawn(sizes, norm), (cells, 1))

    def loss(own: dict[str, list[Any]], x_BI: Any, y_B: Any) -> Any:
        for layer, (weight_IO, bias_O) in enumerate(zip(own["weight"], own["bias"], strict=True)):
            x_BI = x_BI @ weight_IO + bias_O
            if layer == len(sizes) - 1:
                break
            if norm:
                gamma_O, beta_O = own["scale"][2 * layer : 2 * layer + 2]
                centred = x_BI - x_BI.mean(0)
                x_BI = gamma_O * centred * lax.rsqrt((centred**2).mean(0) + EPSILON) + beta_O
            x_BI = phi(x_BI)
        return -jnp.take_along_axis(jax.nn.log_softmax(x_BI), y_B[:, None], 1).mean()

    def run(own: dict[str, list[Any]], x: Any, y: Any, index_TB: Any) -> Any:
        def step(now: dict[str, list[Any]], rows_B: Any) -> tuple[dict[str, list[Any]], None]:
            grad = jax.grad(loss)(now, x[rows_B], y[rows_B])
            return jax.tree.map(lambda value, by: value - RATE * jnp.clip(by, -CLIP, CLIP), now, grad), None

        return lax.scan(step, own, index_TB)[0]

    def one(param_P: Any, x: Any, y: Any, index_TB: Any) -> Any:
        own = run(tensors(param_P, sizes, norm), x, y, index_TB)
        return jnp.concatenate([each.ravel() for part in ("weight", "bias", "scale") for each in own[part]])

    if cells == 1:
        function, index = one, given["index"][0]
        start = start[0]
    else:
        function, index = jax.vmap(one, in_axes=(0, None, None, 0)), given["index"]
    arguments = [jnp.asarray(each) for each in (start, given["x"], given["y"], index)]
    with jax.default_matmul_precision("highest"):
        made = jax.jit(function).lower(*arguments).compile()
    return lambda: jax.block_until_ready(made(*arguments)), cells * steps


def serve(device: str) -> None:
    """Train what is asked for on stdin, and answer with run-steps per second; the first answer is the version."""
    import jax

    if jax.default_backend() != {"cuda": "gpu"}.get(device, device):
        raise SystemExit(f"its JAX has no {device}, only {jax.default_backend()}")
    print(json.dumps({"jax": jax.__version__}), flush=True)
    made: dict[str, tuple[Callable[[], Any], int]] = {}
    for line in sys.stdin:
        what = json.loads(line)
        folder, keep = Path(what.pop("folder")), what.pop("keep", False)
        key = f"{what} {(folder / 'given.npz').stat().st_mtime_ns}"
        try:
            if key not in made:
                made.clear()  # its tensors make room
                made[key] = compiled(folder, **what)
                first = made[key][0]()
                if keep:
                    np.save(folder / "trained.npy", np.atleast_2d(first))
        except jax.errors.JaxRuntimeError as error:  # a GPU's memory is too small
            made.pop(key, None)
            print(json.dumps({"refused": str(error)}), flush=True)
            continue
        run, run_steps = made[key]
        runs, begun = 0, time.perf_counter()
        while (seconds := time.perf_counter() - begun) < LEAST_SECONDS:
            run()
            runs += 1
        print(json.dumps({"rate": runs * run_steps / seconds}), flush=True)


if __name__ == "__main__":
    serve(sys.argv[1])
